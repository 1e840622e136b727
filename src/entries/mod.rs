//! What a terminal saw: decide, record in groups, quarantine.
//!
//! [`Recorder::record`] answers after the commit: what it acknowledges is in SQL.

mod accept;
mod admission;
mod codes;
mod directory;
mod erasure;
mod footing;
mod gates;
mod group;
mod judge;
mod known;
#[cfg(test)]
mod laws;
pub mod mark;
mod queues;
mod recorder;
mod rows;
mod rules;
mod still;
pub mod unclaimed;
pub mod world;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use accept::{Given, accept, reject};
pub use admission::refusals;
pub use directory::Directory;
pub use erasure::erase;
pub use gates::Remembered;
pub use recorder::{Context as RecorderContext, Recorder, Rivals};
pub use rules::Reason;
pub use still::Still;

use crate::base::ids::{Direction, Method, TerminalId, VenueId};

/// One report of a terminal, parsed and authenticated, not yet judged.
#[derive(Clone)]
pub struct NewEntry {
    pub terminal: TerminalId,
    /// Record id: strictly increasing `seq` within an `epoch`. Of a vendor's record only its place
    /// among those of the same instant.
    pub epoch: i64,
    pub seq: i64,
    /// What tells a vendor's record from the terminal's others, where its protocol has no number
    /// that is kept for ever; of a native record the number is the key.
    pub vendor_key: Option<Arc<str>>,
    /// As reported, taken into UTC with the terminal's zone.
    pub device_time: DateTime<Utc>,
    pub received_at: DateTime<Utc>,
    pub direction: Direction,
    pub method: Method,
    /// The handle shown: an opaque number of a face, a card, a code.
    pub credential: String,
    /// By which kind of handle the person is known: vendors' terminals report the number under
    /// which they hold a face, however the person showed themselves.
    pub held_as: Method,
    pub score: Option<f64>,
    pub outcome: Outcome,
    /// SHA-256 of the report without its outcome: tells a duplicate from a conflict.
    pub body_hash: [u8; 32],
    /// The report as it came, for the quarantine.
    pub raw: String,
    /// Only the record id of the report could be read: it takes its key, keeps its raw body and is
    /// rejected for this reason; the other fields mean nothing.
    pub flaw: Option<&'static str>,
}

/// For how long a record's key is kept: a replay within it is told `duplicate`.
pub const KEYS_KEPT: TimeDelta = TimeDelta::days(400);

/// Begins a vendor's record id, so that it never looks like a native one.
const VENDOR_KEY: &str = "v:";

impl NewEntry {
    /// The record id as the key table keeps it.
    pub fn record_id(&self) -> String {
        match &self.vendor_key {
            Some(key) => format!("{VENDOR_KEY}{key}"),
            None => format!("{}:{}", self.epoch, self.seq),
        }
    }

    /// What the person is looked up by.
    fn handle(&self) -> directory::Handle {
        (self.held_as, self.credential.clone())
    }
}

/// What became of the person at the door, as far as the terminal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The terminal asks now and waits for the answer.
    Live,
    Opened,
    Refused,
    /// The door was not observed.
    Unknown,
}

/// What we made of one report.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    Accepted(StoredDecision),
    Duplicate(StoredDecision),
    /// The same record id came before with another content.
    Conflict,
    Quarantined(StoredDecision),
    Rejected(&'static str),
}

/// The decision as it is stored with the key and answered again to a duplicate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredDecision {
    pub decision: DecisionKind,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// The record is in quarantine, for this reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quarantined: Option<Quarantine>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allowed_from: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub nearest_venue: Option<VenueId>,
}

impl StoredDecision {
    /// A decision that needs no words.
    pub fn of(decision: DecisionKind) -> Self {
        Self { decision, reason: None, quarantined: None, allowed_from: None, nearest_venue: None }
    }

    /// Recorded, to be looked at by staff.
    fn parked(quarantine: Quarantine) -> Self {
        Self { quarantined: Some(quarantine), ..Self::of(DecisionKind::Recorded) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionKind {
    Granted,
    Refused,
    Recorded,
}

impl DecisionKind {
    pub fn as_str(self) -> &'static str {
        match self {
            DecisionKind::Granted => "granted",
            DecisionKind::Refused => "refused",
            DecisionKind::Recorded => "recorded",
        }
    }
}

/// Why a report waits for staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quarantine {
    UnknownCredential,
    /// The device's time cannot be.
    TimeSuspect,
    /// Older than the months we keep.
    Ancient,
    /// The terminal stood nowhere at that time.
    UnknownPlace,
    /// The same record id with another content.
    Conflict,
    /// It could not be processed; the cause is in the log.
    Poison,
}

impl Quarantine {
    pub fn as_str(self) -> &'static str {
        match self {
            Quarantine::UnknownCredential => "unknown_credential",
            Quarantine::TimeSuspect => "time_suspect",
            Quarantine::Ancient => "ancient",
            Quarantine::UnknownPlace => "unknown_place",
            Quarantine::Conflict => "conflict",
            Quarantine::Poison => "poison",
        }
    }
}

/// The answer to one submission, items in its order.
#[derive(Clone, Debug)]
pub struct Answer {
    pub items: Vec<Recorded>,
    /// Newest (epoch, seq) up to which every record has its key.
    pub ack_through: Option<(i64, i64)>,
    /// Where a hole is known: please send again from here.
    pub resend_from: Option<(i64, i64)>,
}
