//! How entries are written: the key of every record, the event, and what waits in quarantine.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::Value;
use uuid::Uuid;

use super::{NewEntry, StoredDecision, accept};
use crate::{
    base::{
        db::bulk::{Column, Kind, Verb, Write, column, nullable},
        ids::{Direction, EventId, MemberId, Method, VenueId},
        keys::Keys,
    },
    minutes::timeline::Effect,
    terminals::Terminal,
};

const KEY_COLUMNS: &[Column] = &[
    column("terminal_id", Kind::Uuid),
    column("record_id", Kind::Text),
    nullable("event_id", Kind::Uuid),
    nullable("occurred_at", Kind::Instant),
    column("body_hash", Kind::Text),
    column("decision", Kind::Text),
    column("received_at", Kind::Instant),
];

const EVENT_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("occurred_at", Kind::Instant),
    column("venue_id", Kind::Uuid),
    column("terminal_id", Kind::Uuid),
    nullable("member_id", Kind::Uuid),
    column("serial", Kind::Text),
    column("epoch", Kind::Big),
    column("seq", Kind::Big),
    column("direction", Kind::Text),
    column("method", Kind::Text),
    nullable("credential", Kind::Text),
    nullable("score", Kind::Float),
    column("device_time", Kind::Instant),
    column("received_at", Kind::Instant),
    column("offset_s", Kind::Int),
    nullable("clock_flag", Kind::Text),
    column("mode", Kind::Text),
    column("decision", Kind::Text),
    nullable("reason", Kind::Text),
    column("effect", Kind::Text),
    column("credited", Kind::Bool),
];

const PASSED_COLUMNS: &[Column] =
    &[column("id", Kind::Uuid), column("occurred_at", Kind::Instant), column("passed", Kind::Bool)];

const FLAG_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("occurred_at", Kind::Instant),
    nullable("reason", Kind::Text),
];

const QUARANTINE: &str = "quarantine";

const QUARANTINE_COLUMNS: &[Column] = &[
    column("id", Kind::Uuid),
    column("family", Kind::Text),
    column("serial", Kind::Text),
    column("terminal_id", Kind::Uuid),
    column("record_id", Kind::Text),
    column("received_at", Kind::Instant),
    column("reason", Kind::Text),
    column("raw", Kind::Text),
    column("raw_ct", Kind::Text),
    nullable("venue_id", Kind::Uuid),
    column("record_ct", Kind::Text),
];

/// An event as it will be stored, beside what its entry says.
pub struct EventRow<'a> {
    pub id: EventId,
    pub occurred_at: DateTime<Utc>,
    pub venue: VenueId,
    pub member: Option<MemberId>,
    pub entry: &'a NewEntry,
    pub serial: &'a str,
    pub offset_s: i32,
    pub clock_flag: Option<&'static str>,
    pub mode: &'static str,
    pub decision: &'static str,
    /// Why it was refused, or would have been had the terminal asked.
    pub reason: Option<&'static str>,
    /// Whether `reason` holds only if the event opens a stay.
    pub either_way: bool,
    pub credited: bool,
}

/// The rows of one group.
#[derive(Default)]
pub struct Rows {
    keys: Vec<Vec<Value>>,
    events: Vec<Vec<Value>>,
    quarantine: Vec<Vec<Value>>,
    /// The events written here, in the order of their rows, whose effects are filled in, and
    /// whether their flag hangs on it.
    effects: Vec<(EventId, bool)>,
    /// Granted events whose person was seen to pass.
    passed: BTreeMap<EventId, DateTime<Utc>>,
    /// Stored events whose flag changes.
    flags: BTreeMap<EventId, (DateTime<Utc>, Option<&'static str>)>,
}

/// The columns of flag and effect within an event's row.
const REASON: usize = 18;
const EFFECT: usize = 19;

impl Rows {
    pub fn key(
        &mut self,
        entry: &NewEntry,
        event: Option<(EventId, DateTime<Utc>)>,
        decision: &StoredDecision,
    ) {
        self.keys.push(vec![
            entry.terminal.0.into(),
            entry.record_id().into(),
            event.map(|e| e.0.0).into(),
            event.map(|e| e.1).into(),
            hex::encode(entry.body_hash).into(),
            serde_json::to_string(decision).unwrap_or_default().into(),
            entry.received_at.into(),
        ]);
    }

    pub fn event(&mut self, row: &EventRow) {
        let entry = row.entry;
        self.effects.push((row.id, row.either_way));
        self.events.push(vec![
            row.id.0.into(),
            row.occurred_at.into(),
            row.venue.0.into(),
            entry.terminal.0.into(),
            row.member.map(|m| m.0).into(),
            row.serial.into(),
            entry.epoch.into(),
            entry.seq.into(),
            direction(entry.direction).into(),
            method(entry.method).into(),
            Some(entry.credential.clone()).into(),
            entry.score.into(),
            entry.device_time.into(),
            entry.received_at.into(),
            row.offset_s.into(),
            row.clock_flag.map(str::to_owned).into(),
            row.mode.into(),
            row.decision.into(),
            row.reason.map(str::to_owned).into(),
            "none".into(),
            row.credited.into(),
        ]);
    }

    /// Says what the fold made of the events written here; events it does not name had none.
    pub fn effects(&mut self, of: impl Fn(EventId) -> Option<Effect>) {
        for ((id, either_way), row) in self.effects.iter().zip(&mut self.events) {
            let Some(effect) = of(*id) else { continue };
            row[EFFECT] = effect.as_str().into();
            if *either_way && effect != Effect::Opened {
                row[REASON] = None::<String>.into();
            }
        }
    }

    /// A stored event is flagged with `reason` from now on, or no longer flagged.
    pub fn flag(
        &mut self,
        event: EventId,
        occurred_at: DateTime<Utc>,
        reason: Option<&'static str>,
    ) {
        self.flags.insert(event, (occurred_at, reason));
    }

    pub fn quarantine(
        &mut self,
        entry: &NewEntry,
        family: &str,
        serial: &str,
        (reason, venue): (&'static str, Option<VenueId>),
    ) {
        self.quarantine.push(vec![
            Uuid::now_v7().into(),
            family.into(),
            serial.into(),
            entry.terminal.0.into(),
            entry.record_id().into(),
            entry.received_at.into(),
            reason.into(),
            entry.raw.clone().into(),
            "".into(),
            venue.map(|venue| venue.0).into(),
            accept::said(entry).into(),
        ]);
    }

    /// The person of a granted event went through, as a later report says.
    pub fn passed(&mut self, event: EventId, occurred_at: DateTime<Utc>) {
        self.passed.insert(event, occurred_at);
    }

    pub fn writes(mut self) -> Vec<Write> {
        // Keys in order, so that two recorders that hold the same records wait, not deadlock.
        self.keys.sort_by(|a, b| order(a).cmp(&order(b)));
        let insert = |table, columns, rows| Write { table, columns, verb: Verb::Insert(""), rows };
        vec![
            insert("event_keys", KEY_COLUMNS, self.keys),
            insert("entry_events", EVENT_COLUMNS, self.events),
            insert(QUARANTINE, QUARANTINE_COLUMNS, self.quarantine),
            Write {
                table: "entry_events",
                columns: PASSED_COLUMNS,
                verb: Verb::Update { keys: 2 },
                rows: self
                    .passed
                    .into_iter()
                    .map(|(id, at)| vec![id.0.into(), at.into(), true.into()])
                    .collect(),
            },
            Write {
                table: "entry_events",
                columns: FLAG_COLUMNS,
                verb: Verb::Update { keys: 2 },
                rows: self
                    .flags
                    .into_iter()
                    .map(|(id, (at, reason))| {
                        vec![id.0.into(), at.into(), reason.map(str::to_owned).into()]
                    })
                    .collect(),
            },
        ]
    }
}

/// Seals what is on its way into quarantine: nobody knows what stands in it, a name perhaps.
pub fn seal(writes: &mut [Write], keys: &Keys) {
    let waiting = writes.iter_mut().filter(|write| write.table == QUARANTINE);
    for row in waiting.flat_map(|write| &mut write.rows) {
        if let [Value::Uuid(Some(id)), .., raw, sealed, _, record] = row.as_mut_slice()
            && let Value::String(Some(plain)) = raw
        {
            *sealed = sealed_raw(keys, *id, plain).into();
            *raw = "".into();
            if let Value::String(Some(said)) = record {
                *record = accept::sealed(keys, *id, said).into();
            }
        }
    }
}

/// What is kept of a raw record under the id of its row.
pub fn sealed_raw(keys: &Keys, id: Uuid, plain: &str) -> String {
    keys.seal(QUARANTINE, "raw_ct", &id.to_string(), plain.as_bytes())
}

/// Where the terminal stood when the record came, so that its staff find what waits.
pub fn stood(terminal: &Terminal, entry: &NewEntry) -> Option<VenueId> {
    terminal.place_at(entry.received_at).map(|place| place.venue)
}

fn order(key: &[Value]) -> (Uuid, &str) {
    match (&key[0], &key[1]) {
        (Value::Uuid(Some(terminal)), Value::String(Some(record))) => (*terminal, record.as_str()),
        _ => (Uuid::nil(), ""),
    }
}

pub fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "in",
        Direction::Out => "out",
    }
}

/// The method behind [`method`].
pub fn parse_method(text: &str) -> Option<Method> {
    [Method::Face, Method::Qr, Method::Card, Method::Code, Method::Manual]
        .into_iter()
        .find(|known| method(*known) == text)
}

pub fn method(method: Method) -> &'static str {
    match method {
        Method::Face => "face",
        Method::Qr => "qr",
        Method::Card => "card",
        Method::Code => "code",
        Method::Manual => "manual",
    }
}
