//! What a native terminal is answered.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Number;
use utoipa::ToSchema;

use super::record::{Nameless, Reading};
use crate::{
    base::ids::{Direction, VenueId},
    entries::{Answer, DecisionKind, NewEntry, Reason, Recorded, StoredDecision},
};

/// The number of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordId {
    pub epoch: i64,
    pub seq: i64,
}

fn record_id(id: Option<(i64, i64)>) -> Option<RecordId> {
    id.map(|(epoch, seq)| RecordId { epoch, seq })
}

/// The answer to a batch, items in its order.
#[derive(Serialize, ToSchema)]
pub struct EventsAnswer {
    items: Vec<ItemAnswer>,
    /// Everything up to here may be forgotten seven days from now.
    ack_through: Option<RecordId>,
    /// A record is missing: send again from here.
    resend_from: Option<RecordId>,
}

#[derive(Serialize, ToSchema)]
pub struct ItemAnswer {
    #[schema(value_type = Option<i64>)]
    epoch: Option<Number>,
    #[schema(value_type = Option<i64>)]
    seq: Option<Number>,
    /// `accepted`, `duplicate`, `conflict`, `quarantined` or `rejected`.
    result: &'static str,
    reason: Option<&'static str>,
}

/// Record ids in the order of a batch; those that are none with their answer already.
pub struct Names(Vec<Result<(i64, i64), ItemAnswer>>);

/// Takes the entries out of what was read, and keeps who is answered what.
pub fn sort(readings: Vec<Reading>) -> (Vec<NewEntry>, Names) {
    let mut entries = Vec::with_capacity(readings.len());
    let names = readings.into_iter().map(|reading| match reading {
        Reading::Entry(entry) => {
            let id = (entry.epoch, entry.seq);
            entries.push(*entry);
            Ok(id)
        }
        Reading::Nameless(Nameless { epoch, seq, reason }) => {
            Err(ItemAnswer { epoch, seq, result: "rejected", reason: Some(reason) })
        }
    });
    let names = Names(names.collect());
    (entries, names)
}

impl EventsAnswer {
    /// `answer` has an item for each entry that [`sort`] took out.
    pub fn new(names: Names, answer: Answer) -> Self {
        let mut recorded = answer.items.into_iter();
        let items = names.0.into_iter().filter_map(|name| match name {
            Ok((epoch, seq)) => {
                let recorded = recorded.next()?;
                Some(ItemAnswer {
                    epoch: Some(epoch.into()),
                    seq: Some(seq.into()),
                    result: result(&recorded),
                    reason: reason(&recorded),
                })
            }
            Err(answered) => Some(answered),
        });
        Self {
            items: items.collect(),
            ack_through: record_id(answer.ack_through),
            resend_from: record_id(answer.resend_from),
        }
    }
}

/// The answer to a live question.
#[derive(Serialize, ToSchema)]
pub struct DecisionAnswer {
    /// `granted`, `refused`, or `recorded` for a record that the terminal has told before.
    decision: &'static str,
    reason: Option<&'static str>,
    /// To show at the door.
    sentence: &'static str,
    sentence_en: &'static str,
    /// When the same person may enter, where such a time is known.
    allowed_from: Option<DateTime<Utc>>,
    /// The nearest venue that would admit this person now.
    nearest_venue: Option<VenueId>,
    /// `accepted`, `duplicate`, `conflict`, `quarantined` or `rejected`.
    result: &'static str,
    ack_through: Option<RecordId>,
    resend_from: Option<RecordId>,
}

impl DecisionAnswer {
    /// Nothing if the answer has no item.
    pub fn new(answer: &Answer, direction: Direction) -> Option<Self> {
        let recorded = answer.items.first()?;
        let stored = stored(recorded);
        let decision = stored.map_or(DecisionKind::Refused, |stored| stored.decision);
        let (sentence, sentence_en) = sentences(decision, stored.and_then(|s| s.reason), direction);
        Some(Self {
            decision: decision.as_str(),
            reason: reason(recorded),
            sentence,
            sentence_en,
            allowed_from: stored.and_then(|stored| stored.allowed_from),
            nearest_venue: stored.and_then(|stored| stored.nearest_venue),
            result: result(recorded),
            ack_through: record_id(answer.ack_through),
            resend_from: record_id(answer.resend_from),
        })
    }
}

/// What the person at the door reads, in Chinese and in English.
pub fn sentences(
    decision: DecisionKind,
    reason: Option<Reason>,
    direction: Direction,
) -> (&'static str, &'static str) {
    match (decision, reason, direction) {
        (DecisionKind::Granted, _, Direction::In) => ("欢迎，请进。", "Welcome, please come in."),
        (DecisionKind::Granted, _, Direction::Out) => ("再见，请慢走。", "Goodbye, see you soon."),
        (DecisionKind::Recorded, _, _) => ("已记录。", "This has been recorded."),
        (DecisionKind::Refused, Some(reason), _) => (reason.zh(), reason.en()),
        (DecisionKind::Refused, None, _) => {
            ("暂时无法核验，请联系工作人员。", "This cannot be checked now; please ask the staff.")
        }
    }
}

fn result(recorded: &Recorded) -> &'static str {
    match recorded {
        Recorded::Accepted(_) => "accepted",
        Recorded::Duplicate(_) => "duplicate",
        Recorded::Conflict => "conflict",
        Recorded::Quarantined(_) => "quarantined",
        Recorded::Rejected(_) => "rejected",
    }
}

fn reason(recorded: &Recorded) -> Option<&'static str> {
    match recorded {
        Recorded::Accepted(stored)
        | Recorded::Duplicate(stored)
        | Recorded::Quarantined(stored) => {
            let parked = stored.quarantined.map(crate::entries::Quarantine::as_str);
            stored.reason.map(Reason::code).or(parked)
        }
        Recorded::Conflict => Some("conflict"),
        Recorded::Rejected(reason) => Some(reason),
    }
}

fn stored(recorded: &Recorded) -> Option<&StoredDecision> {
    match recorded {
        Recorded::Accepted(stored)
        | Recorded::Duplicate(stored)
        | Recorded::Quarantined(stored) => Some(stored),
        Recorded::Conflict | Recorded::Rejected(_) => None,
    }
}
