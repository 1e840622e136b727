//! Who stands at the door: from a credential to a locked timeline and the facts a decision needs.
//!
//! Caches save reads and never decide: the handle's holder and the member's version are compared
//! with SQL inside every group, under the lock, so that no replica judges by old facts.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use moka::sync::Cache;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{
    NewEntry, codes,
    rows::{method, parse_method},
    world::as_db,
};
use crate::{
    base::{
        db::bulk::{self, Kind, Lookup},
        ids::{MemberId, Method},
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
    people: Cache<MemberId, (i64, Arc<Facts>)>,
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
        for (handle, holding) in codes::holdings(keys, entries) {
            self.holders.insert(handle, holding.member);
        }
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

    /// Who is in `entries` as far as the cache knows, in the order in which timelines are locked.
    pub fn wanted(&self, entries: &[NewEntry]) -> Vec<(MemberId, Handle)> {
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
        let rows = bulk::find(tx, &locked, crowd_keys(&wanted)).await?;
        self.crowd(keys, entries, wanted.len(), &rows)
    }

    /// Those who stand behind `rows`, which [`CROWD`] gave for `wanted` people. `None` when the
    /// cache was behind.
    pub fn crowd(
        &self,
        keys: &Keys,
        entries: &[NewEntry],
        wanted: usize,
        rows: &[QueryResult],
    ) -> Result<Option<Crowd>, DbErr> {
        let codes = codes::holdings(keys, entries);
        let mut crowd = Crowd { locked: HashMap::new(), holdings: HashMap::new() };
        let mut stale = rows.len() < wanted;
        for row in rows {
            let member = MemberId(row.try_get("", "member_id")?);
            let kind: String = row.try_get("", "kind")?;
            let handle: String = row.try_get("", "handle")?;
            let Some(shown) = parse_method(&kind).map(|method| (method, handle)) else { continue };
            let signed = codes.get(&shown).filter(|code| code.member == member).copied();
            if let Some(holding) = signed.or(holding(row, member)?) {
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

    /// Forgets the holders of these handles, so that they are learnt again.
    pub fn forget(&self, entries: &[NewEntry]) {
        for entry in entries {
            self.holders.invalidate(&entry.handle());
        }
    }

    /// The facts of everybody locked; read from SQL only where the member's version moved.
    pub async fn people<C: ConnectionTrait>(
        &self,
        db: &C,
        keys: &Keys,
        crowd: &Crowd,
    ) -> Result<HashMap<MemberId, Arc<Facts>>, DbErr> {
        let mut people = HashMap::with_capacity(crowd.locked.len());
        let mut unknown = Vec::new();
        for locked in crowd.locked.values() {
            match self.people.get(&locked.member) {
                Some((version, person)) if version == locked.person_version => {
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
            self.people.insert(member, (version, facts.clone()));
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

/// The keys of [`CROWD`].
pub fn crowd_keys(wanted: &[(MemberId, Handle)]) -> Vec<Vec<Value>> {
    let key = |(member, (m, h)): &(MemberId, Handle)| {
        vec![member.0.into(), method(*m).into(), h.clone().into()]
    };
    wanted.iter().map(key).collect()
}

/// Timeline, person and holding of those who are wanted.
pub const CROWD: Lookup = Lookup {
    select: "q.k2 AS kind, q.k3 AS handle, t.member_id AS member_id, t.version AS version, \
             t.state AS state, m.version AS person_version, \
             c.member_id AS holder, c.status AS status, c.valid_from AS valid_from, c.valid_to AS valid_to",
    from: "timelines t JOIN members m ON m.id = t.member_id \
           LEFT JOIN credentials c ON c.kind = q.k2 AND c.handle = q.k3",
    on: "t.member_id = q.k1",
    keys: &[Kind::Uuid, Kind::Text, Kind::Text],
    lock: None,
};

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
