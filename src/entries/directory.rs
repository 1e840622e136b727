//! Who stands at the door: from a credential to a locked timeline and the facts a decision needs.
//!
//! Caches save reads and never decide: the handle's holder and the member's version are compared
//! with SQL inside every group, under the lock, so that no replica judges by old facts.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, Utc};
use moka::sync::Cache;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{
    NewEntry, codes,
    rows::{method, parse_method},
    world::{World, as_db},
};
use crate::{
    base::{
        db::bulk::{self, Kind, Lookup},
        ids::{MemberId, Method, VenueId},
        keys::Keys,
    },
    members::{self, Facts},
    minutes::timeline::Timeline,
};

/// Handles and people kept in memory; more are read again.
const CACHED_MAX: u64 = 50_000;

/// A handle as shown at a door.
pub type Handle = (Method, String);

/// A member whose timeline is locked, or guarded when it is written.
pub struct Locked {
    pub member: MemberId,
    /// The member row's version: when it moves, the person is read again.
    pub person_version: i64,
    pub version: i64,
    pub timeline: Timeline,
}

/// From when until when a handle belongs to a member.
#[derive(Clone, Copy)]
pub struct Holding {
    pub member: MemberId,
    pub active: bool,
    pub from: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

impl Holding {
    pub fn in_force(&self, at: DateTime<Utc>) -> bool {
        self.active && self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// The caches of a process.
#[derive(Clone)]
pub struct Directory {
    holders: Cache<Handle, MemberId>,
    people: Cache<MemberId, (AsOf, Arc<Facts>)>,
}

/// When what is known of a person was read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AsOf {
    pub version: i64,
    /// See [`World::era`].
    pub era: i64,
}

/// Everybody of one group.
pub struct Crowd {
    pub locked: HashMap<MemberId, Locked>,
    pub holdings: HashMap<Handle, Holding>,
}

impl Directory {
    pub fn new() -> Self {
        Self { holders: Cache::new(CACHED_MAX), people: Cache::new(CACHED_MAX) }
    }

    /// Reads who holds the handles that the cache does not know. Unlocked: [`Directory::lock`]
    /// compares.
    pub async fn learn<C: ConnectionTrait>(
        &self,
        db: &C,
        keys: &Keys,
        entries: &[NewEntry],
    ) -> Result<(), DbErr> {
        self.read_codes(keys, entries);
        let mut unknown: Vec<Handle> = entries
            .iter()
            .map(NewEntry::handle)
            .filter(|handle| !self.holders.contains_key(handle))
            .collect();
        unknown.sort_by(|a, b| (method(a.0), &a.1).cmp(&(method(b.0), &b.1)));
        unknown.dedup();
        let lookups = unknown.iter().map(|(m, h)| vec![method(*m).into(), h.clone().into()]);
        for row in bulk::find(db, &HOLDERS, lookups.collect()).await? {
            let kind: String = row.try_get("", "kind")?;
            let handle: String = row.try_get("", "handle")?;
            let holder = MemberId(row.try_get::<Uuid>("", "member_id")?);
            if let Some(method) = parse_method(&kind) {
                self.holders.insert((method, handle), holder);
            }
        }
        Ok(())
    }

    /// Whose the signed codes are: that stands in them, and in no table.
    pub fn read_codes(&self, keys: &Keys, entries: &[NewEntry]) {
        for (handle, holding) in codes::holdings(keys, entries) {
            self.holders.insert(handle, holding.member);
        }
    }

    /// Who is in `entries` as far as the cache knows, in the order in which timelines are locked.
    fn wanted(&self, entries: &[NewEntry]) -> Vec<(MemberId, Handle)> {
        let mut wanted: Vec<(MemberId, Handle)> = entries
            .iter()
            .map(NewEntry::handle)
            .filter_map(|handle| Some((self.holders.get(&handle)?, handle)))
            .collect();
        wanted.sort_by(|a, b| (a.0, method(a.1.0), &a.1.1).cmp(&(b.0, method(b.1.0), &b.1.1)));
        wanted.dedup();
        wanted
    }

    /// Locks the timelines of everybody in `entries`, in id order, and reads who holds what now.
    /// `None` when the cache was behind: learn again and start over.
    pub async fn lock(
        &self,
        tx: &DatabaseTransaction,
        keys: &Keys,
        entries: &[NewEntry],
    ) -> Result<Option<Crowd>, DbErr> {
        let wanted = self.wanted(entries);
        let locked = Lookup { lock: Some("t"), ..CROWD };
        let lookups = wanted
            .iter()
            .map(|(member, (m, h))| vec![member.0.into(), method(*m).into(), h.clone().into()]);
        let rows = bulk::find(tx, &locked, lookups.collect()).await?;
        let crowd = self.crowd(keys, entries, &rows)?;
        Ok(crowd.filter(|_| rows.len() == wanted.len()))
    }

    /// Those who stand behind `rows` of [`CROWD`] or [`GLANCED`]. `None` when the cache was behind.
    pub fn crowd(
        &self,
        keys: &Keys,
        entries: &[NewEntry],
        rows: &[QueryResult],
    ) -> Result<Option<Crowd>, DbErr> {
        let codes = codes::holdings(keys, entries);
        let mut crowd = Crowd { locked: HashMap::new(), holdings: HashMap::new() };
        let mut stale = false;
        for row in rows {
            let member = MemberId(row.try_get("", "member_id")?);
            let kind: String = row.try_get("", "kind")?;
            let handle: String = row.try_get("", "handle")?;
            let Some(shown) = parse_method(&kind).map(|method| (method, handle)) else { continue };
            let signed = codes.get(&shown).filter(|code| code.member == member).copied();
            if let Some(holding) = signed.or(holding(row, member)?) {
                self.holders.insert(shown.clone(), member);
                crowd.holdings.insert(shown, holding);
            } else {
                self.holders.invalidate(&shown);
                stale = true;
            }
            if let Entry::Vacant(vacant) = crowd.locked.entry(member) {
                vacant.insert(locked(row, member)?);
            }
        }
        Ok((!stale).then_some(crowd))
    }

    /// Who holds what this entry shows, as far as the cache knows.
    pub fn holder(&self, entry: &NewEntry) -> Option<MemberId> {
        self.holders.get(&entry.handle())
    }

    pub fn remember(&self, member: MemberId, as_of: AsOf, facts: Facts) {
        self.people.insert(member, (as_of, Arc::new(facts)));
    }

    /// Forgets the holders of these handles, so that they are learnt again.
    pub fn forget(&self, entries: &[NewEntry]) {
        for entry in entries {
            self.holders.invalidate(&entry.handle());
        }
    }

    /// The facts of everybody locked; read from SQL only where the member's version moved, or the
    /// database's era.
    pub async fn people<C: ConnectionTrait>(
        &self,
        db: &C,
        keys: &Keys,
        world: &World,
        crowd: &Crowd,
    ) -> Result<HashMap<MemberId, Arc<Facts>>, DbErr> {
        let era = world.era();
        let mut people = HashMap::with_capacity(crowd.locked.len());
        let mut unknown = Vec::new();
        for locked in crowd.locked.values() {
            match self.people.get(&locked.member) {
                Some((as_of, person))
                    if as_of == (AsOf { version: locked.person_version, era }) =>
                {
                    people.insert(locked.member, person);
                }
                _ => unknown.push(locked.member),
            }
        }
        if unknown.is_empty() {
            return Ok(people);
        }
        for (member, facts) in members::facts_for(db, keys, &unknown).await.map_err(as_db)? {
            let version = crowd.locked.get(&member).map_or(0, |l| l.person_version);
            let facts = Arc::new(facts);
            self.people.insert(member, (AsOf { version, era }, facts.clone()));
            people.insert(member, facts);
        }
        Ok(people)
    }
}

const HOLDERS: Lookup = Lookup {
    select: "c.kind AS kind, c.handle AS handle, c.member_id AS member_id",
    from: "credentials c",
    on: "c.kind = q.k1 AND c.handle = q.k2",
    keys: &[Kind::Text, Kind::Text],
    lock: None,
};

/// Timeline, person and holding of those who are wanted.
const CROWD: Lookup = Lookup {
    select: "q.k2 AS kind, q.k3 AS handle, t.member_id AS member_id, t.version AS version, \
             t.state AS state, m.version AS person_version, \
             c.member_id AS holder, c.status AS status, c.valid_from AS valid_from, c.valid_to AS valid_to",
    from: "timelines t JOIN members m ON m.id = t.member_id \
           LEFT JOIN credentials c ON c.kind = q.k2 AND c.handle = q.k3",
    on: "t.member_id = q.k1",
    keys: &[Kind::Uuid, Kind::Text, Kind::Text],
    lock: None,
};

/// The same by handle alone, where no member is given, with the stays that the member has on a day
/// at a venue. For PostgreSQL: each table is one more step from row to row, and `IS TRUE` keeps the
/// planner, where it thinks little of a table, from looking for the day's stays by venue.
pub const GLANCED: Lookup = Lookup {
    select: "q.k2 AS kind, q.k3 AS handle, t.member_id AS member_id, t.version AS version, \
             t.state AS state, m.version AS person_version, c.member_id AS holder, \
             c.status AS status, c.valid_from AS valid_from, c.valid_to AS valid_to, \
             q.k4 AS stay_day, q.k5 AS stay_venue, \
             (SELECT count(*) FROM sessions s WHERE s.member_id = t.member_id \
              AND s.business_day = q.k4 AND (s.venue_id = q.k5) IS TRUE AND NOT s.void) AS stays",
    from: "(SELECT 1) one LEFT JOIN LATERAL (SELECT * FROM credentials \
           WHERE kind = q.k2 AND handle = q.k3 OFFSET 0) c ON true \
           CROSS JOIN LATERAL (SELECT * FROM timelines WHERE member_id = \
           coalesce(nullif(q.k1, '00000000-0000-0000-0000-000000000000'), c.member_id) OFFSET 0) t \
           CROSS JOIN LATERAL (SELECT * FROM members WHERE id = t.member_id OFFSET 0) m",
    on: "true",
    keys: &[Kind::Uuid, Kind::Text, Kind::Text, Kind::Day, Kind::Uuid],
    lock: None,
};

/// The keys of [`GLANCED`] for an entry that may begin a stay on `day` at `venue`.
pub fn glance_key(
    member: Option<MemberId>,
    entry: &NewEntry,
    stay: Option<(NaiveDate, VenueId)>,
) -> Vec<Value> {
    let (m, handle) = entry.handle();
    let (day, venue) = stay.unwrap_or((NaiveDate::default(), VenueId(Uuid::nil())));
    let member = member.map_or(Uuid::nil(), |member| member.0);
    vec![member.into(), method(m).into(), handle.into(), day.into(), venue.0.into()]
}

/// Who holds the handle by SQL; `None` when it is not this member any more.
fn holding(row: &QueryResult, member: MemberId) -> Result<Option<Holding>, DbErr> {
    let holder: Option<Uuid> = row.try_get("", "holder")?;
    if holder != Some(member.0) {
        return Ok(None);
    }
    let status: String = row.try_get("", "status")?;
    Ok(Some(Holding {
        member,
        active: status == "active",
        from: row.try_get("", "valid_from")?,
        until: row.try_get("", "valid_to")?,
    }))
}

/// The timeline as stored.
///
/// # Errors
/// `DbErr::Json` when the state is not a timeline, which only a hand in the database can cause.
pub fn locked(row: &QueryResult, member: MemberId) -> Result<Locked, DbErr> {
    let state: String = row.try_get("", "state")?;
    Ok(Locked {
        member,
        person_version: row.try_get("", "person_version").unwrap_or_default(),
        version: row.try_get("", "version")?,
        timeline: serde_json::from_str(&state).map_err(|e| DbErr::Json(e.to_string()))?,
    })
}
