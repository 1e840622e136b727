//! Records that came before, in SQL or in the same group.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement};
use uuid::Uuid;

use super::{
    DecisionKind, KEYS_KEPT, NewEntry, Outcome, Recorded, StoredDecision, footing::Numbered,
    rows::parse_method,
};
use crate::{
    base::{
        db::bulk::{self, Kind, Lookup},
        ids::{EventId, Method, TerminalId},
    },
    minutes::timeline::Event,
    terminals::{Absorbed, Progress},
};

const KEYS: Lookup = Lookup {
    select: "k.terminal_id AS terminal_id, k.record_id AS record_id, k.event_id AS event_id, \
             k.occurred_at AS occurred_at, k.body_hash AS body_hash, k.decision AS decision",
    from: "event_keys k",
    on: "k.terminal_id = q.k1 AND k.record_id = q.k2",
    keys: &[Kind::Uuid, Kind::Text],
    lock: None,
};

/// How the person of a stored event was recognised.
pub async fn method_of<C: ConnectionTrait>(tx: &C, event: &Event) -> Result<Option<Method>, DbErr> {
    let sql = "SELECT method FROM entry_events WHERE id = $1 AND occurred_at = $2";
    let values = [event.id.0.into(), event.occurred_at.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let Some(row) = tx.query_one_raw(statement).await? else { return Ok(None) };
    let method: String = row.try_get("", "method")?;
    Ok(parse_method(&method))
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
    /// At or below the acknowledged number, and so old that its key is gone: a duplicate. A newer one
    /// without a key was declared lost, and has come after all.
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
        numbered.all().map(|(id, progress)| (id, progress.clone())).collect();
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
        let acknowledged = numbered.of(entry.terminal).and_then(Progress::ack_through);
        if progress.absorb(entry.epoch, entry.seq) == Absorbed::MaybeKnown {
            doubtful.insert((entry.terminal, entry.record_id()), name(entry));
            let is_old = entry.received_at - entry.device_time > KEYS_KEPT - TimeDelta::days(1);
            let is_below = |(epoch, seq)| epoch == entry.epoch && entry.seq <= seq;
            if is_old && acknowledged.is_some_and(is_below) {
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
