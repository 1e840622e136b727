//! What SQL knows already, under locks: records that came before, how far each terminal's numbers
//! go, and how full limited venues are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};
use uuid::Uuid;

use super::{
    DecisionKind, NewEntry, Outcome, Recorded, StoredDecision, group::Progresses,
    rows::parse_method, world::World,
};
use crate::{
    base::{
        db::bulk::{self, Column, Kind, Lookup, Verb, Write, column, nullable},
        ids::{EventId, Method, TerminalId, VenueId},
    },
    minutes::timeline::Event,
    terminals::{Absorbed, Progress},
};

const GATES: Lookup = Lookup {
    select: "g.venue_id AS venue_id",
    from: "venue_gates g",
    on: "g.venue_id = q.k1",
    keys: &[Kind::Uuid],
    lock: Some("g"),
};

const INSIDE: Lookup = Lookup {
    select: "v.id AS venue_id, (SELECT count(*) FROM sessions s WHERE s.venue_id = v.id \
             AND s.left_at IS NULL AND NOT s.void AND s.presence_expires_at >= q.k2) AS inside",
    from: "venues v",
    on: "v.id = q.k1",
    keys: &[Kind::Uuid, Kind::Instant],
    lock: None,
};

const TERMINALS: Lookup = Lookup {
    select: "t.id AS id, t.epoch AS epoch, t.highest_seq AS highest_seq, t.gaps AS gaps, \
             t.clock_offset_ms AS clock_offset_ms, \
             (SELECT n FROM revisions WHERE name = 'world') AS revision",
    from: "terminals t",
    on: "t.id = q.k1",
    keys: &[Kind::Uuid],
    lock: Some("t"),
};

const KEYS: Lookup = Lookup {
    select: "k.terminal_id AS terminal_id, k.record_id AS record_id, k.event_id AS event_id, \
             k.occurred_at AS occurred_at, k.body_hash AS body_hash, k.decision AS decision",
    from: "event_keys k",
    on: "k.terminal_id = q.k1 AND k.record_id = q.k2",
    keys: &[Kind::Uuid, Kind::Text],
    lock: None,
};

const NUMBER_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("epoch", Kind::Big),
    column("highest_seq", Kind::Big),
    column("acked_seq", Kind::Big),
    column("gaps", Kind::Text),
    column("last_seen_at", Kind::Instant),
    nullable("lost_at", Kind::Instant),
];

/// Locks the gates of limited venues, in id order, then counts who is inside.
pub async fn lock_gates<C: ConnectionTrait>(
    tx: &C,
    venues: &BTreeSet<VenueId>,
    now: DateTime<Utc>,
) -> Result<HashMap<VenueId, i64>, DbErr> {
    let keys = venues.iter().map(|venue| vec![venue.0.into()]).collect();
    bulk::find(tx, &GATES, keys).await?;
    count_inside(tx, venues, now).await
}

/// Unexpired open sessions of each venue, 0 where there are none.
pub async fn count_inside<C: ConnectionTrait>(
    tx: &C,
    venues: &BTreeSet<VenueId>,
    now: DateTime<Utc>,
) -> Result<HashMap<VenueId, i64>, DbErr> {
    let mut inside: HashMap<VenueId, i64> = venues.iter().map(|venue| (*venue, 0)).collect();
    let keys = venues.iter().map(|venue| vec![venue.0.into(), now.into()]).collect();
    for row in bulk::find(tx, &INSIDE, keys).await? {
        inside.insert(VenueId(row.try_get("", "venue_id")?), row.try_get("", "inside")?);
    }
    Ok(inside)
}

/// How the person of a stored event was recognised.
pub async fn method_of<C: ConnectionTrait>(tx: &C, event: &Event) -> Result<Option<Method>, DbErr> {
    let sql = "SELECT method FROM entry_events WHERE id = $1 AND occurred_at = $2";
    let values = [event.id.0.into(), event.occurred_at.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let Some(row) = tx.query_one_raw(statement).await? else { return Ok(None) };
    let method: String = row.try_get("", "method")?;
    Ok(parse_method(&method))
}

/// The terminals of a group, locked: their numbers and clocks.
pub struct Numbered {
    /// The world's revision inside this transaction.
    pub revision: i64,
    /// When the group's newest entry came in: the terminals are not silent.
    received_at: DateTime<Utc>,
    terminals: BTreeMap<TerminalId, (Progress, i64)>,
}

pub async fn lock_terminals<C: ConnectionTrait>(
    tx: &C,
    world: &World,
    entries: &[NewEntry],
) -> Result<Numbered, DbErr> {
    let ids: BTreeSet<TerminalId> = entries.iter().map(|e| e.terminal).collect();
    let keys = ids.iter().map(|id| vec![id.0.into()]).collect();
    let received_at = entries.iter().map(|e| e.received_at).max().unwrap_or_default();
    let mut numbered =
        Numbered { revision: world.revision, received_at, terminals: BTreeMap::new() };
    for row in bulk::find(tx, &TERMINALS, keys).await? {
        let gaps: String = row.try_get("", "gaps")?;
        let (epoch, highest) = (row.try_get("", "epoch")?, row.try_get("", "highest_seq")?);
        let progress = Progress::parse(epoch, highest, &gaps);
        numbered.revision = row.try_get("", "revision")?;
        let id = TerminalId(row.try_get("", "id")?);
        numbered.terminals.insert(id, (progress, row.try_get("", "clock_offset_ms")?));
    }
    Ok(numbered)
}

impl Numbered {
    /// Counts a record as here.
    pub fn absorb(&mut self, entry: &NewEntry) {
        // A vendor's numbers begin again whenever its log is cleared: they acknowledge nothing.
        if entry.vendor_key.is_some() {
            return;
        }
        if let Some((progress, _)) = self.terminals.get_mut(&entry.terminal) {
            progress.absorb(entry.epoch, entry.seq);
        }
    }

    /// How far the terminal's clock is ahead of ours.
    pub fn offset_ms(&self, terminal: TerminalId) -> i64 {
        self.terminals.get(&terminal).map_or(0, |(_, offset)| *offset)
    }

    pub fn progress(&self) -> Progresses {
        let of = |progress: &Progress| (progress.ack_through(), progress.resend_from());
        self.terminals.iter().map(|(id, (progress, _))| (*id, of(progress))).collect()
    }

    pub fn write(&self) -> Write {
        let rows = self.terminals.iter().map(|(id, (progress, _))| {
            vec![
                id.0.into(),
                progress.epoch.into(),
                progress.highest_seq.into(),
                progress.acked_seq().into(),
                progress.gaps_text().into(),
                self.received_at.into(),
                None::<DateTime<Utc>>.into(),
            ]
        });
        Write {
            table: "terminals",
            columns: NUMBER_COLUMNS,
            verb: Verb::Update { keys: 1 },
            rows: rows.collect(),
        }
    }
}

/// A record that has its key.
struct Key {
    event: Option<(EventId, DateTime<Utc>)>,
    body_hash: [u8; 32],
    decision: StoredDecision,
}

/// Records that came before, in SQL or in this group.
pub struct Known {
    keys: HashMap<Name, Key>,
    /// At or below the acknowledged number, but the key is gone: so old that it is a duplicate.
    forgotten: HashSet<Name>,
    conflicts: HashSet<(Name, [u8; 32])>,
}

/// A record's key as this process compares it.
type Name = (TerminalId, i64, i64, Option<Arc<str>>);

fn name(entry: &NewEntry) -> Name {
    (entry.terminal, entry.epoch, entry.seq, entry.vendor_key.clone())
}

/// Looks up the records that the terminals' numbers do not show to be new.
pub async fn find<C: ConnectionTrait>(
    tx: &C,
    numbered: &Numbered,
    entries: &[NewEntry],
) -> Result<Known, DbErr> {
    let mut progress: HashMap<TerminalId, Progress> =
        numbered.terminals.iter().map(|(id, (progress, _))| (*id, progress.clone())).collect();
    let mut known =
        Known { keys: HashMap::new(), forgotten: HashSet::new(), conflicts: HashSet::new() };
    let mut doubtful = BTreeMap::new();
    for entry in entries {
        let Some(progress) = progress.get_mut(&entry.terminal) else { continue };
        if entry.vendor_key.is_some() {
            doubtful.insert((entry.terminal, entry.record_id()), name(entry));
            continue;
        }
        // What SQL has acknowledged, not what this group is about to: a batch that stands twice in
        // one group, because its sender lost patience, would be taken for forgotten and dropped.
        let acknowledged =
            numbered.terminals.get(&entry.terminal).and_then(|(stored, _)| stored.ack_through());
        if progress.absorb(entry.epoch, entry.seq) == Absorbed::MaybeKnown {
            doubtful.insert((entry.terminal, entry.record_id()), name(entry));
            if acknowledged.is_some_and(|(epoch, seq)| epoch == entry.epoch && entry.seq <= seq) {
                known.forgotten.insert(name(entry));
            }
        }
    }
    let keys = doubtful.keys().map(|(t, r)| vec![t.0.into(), r.clone().into()]).collect();
    for row in bulk::find(tx, &KEYS, keys).await? {
        let id = (TerminalId(row.try_get("", "terminal_id")?), row.try_get("", "record_id")?);
        if let Some(name) = doubtful.get(&id) {
            known.forgotten.remove(name);
            known.keys.insert(name.clone(), key(&row)?);
        }
    }
    Ok(known)
}

fn key(row: &QueryResult) -> Result<Key, DbErr> {
    let event: Option<Uuid> = row.try_get("", "event_id")?;
    let at: Option<DateTime<Utc>> = row.try_get("", "occurred_at")?;
    let hash: String = row.try_get("", "body_hash")?;
    let decision: String = row.try_get("", "decision")?;
    let mut body_hash = [0; 32];
    hex::decode_to_slice(hash, &mut body_hash).map_err(|e| DbErr::Type(e.to_string()))?;
    Ok(Key {
        event: event.map(EventId).zip(at),
        body_hash,
        decision: serde_json::from_str(&decision).map_err(|e| DbErr::Json(e.to_string()))?,
    })
}

impl Known {
    /// What a record that came before is answered.
    pub fn again(&self, entry: &NewEntry) -> Option<Recorded> {
        if self.forgotten.contains(&name(entry)) {
            return Some(Recorded::Duplicate(StoredDecision::of(DecisionKind::Recorded)));
        }
        let key = self.keys.get(&name(entry))?;
        Some(if key.body_hash == entry.body_hash {
            Recorded::Duplicate(key.decision.clone())
        } else {
            Recorded::Conflict
        })
    }

    /// Whether this content is the first of its kind to contradict the record in this group.
    pub fn first_conflict(&mut self, entry: &NewEntry) -> bool {
        self.conflicts.insert((name(entry), entry.body_hash))
    }

    /// The granted event whose person has now been seen to pass.
    pub fn passed(&self, entry: &NewEntry) -> Option<(EventId, DateTime<Utc>)> {
        let key = self.keys.get(&name(entry)).filter(|key| key.body_hash == entry.body_hash)?;
        let granted = key.decision.decision == DecisionKind::Granted;
        key.event.filter(|_| granted && entry.outcome == Outcome::Opened)
    }

    /// A record of this group, for those behind it.
    pub fn learn(
        &mut self,
        entry: &NewEntry,
        decision: &StoredDecision,
        event: Option<(EventId, DateTime<Utc>)>,
    ) {
        let key = Key { event, body_hash: entry.body_hash, decision: decision.clone() };
        self.keys.insert(name(entry), key);
    }
}
