//! What terminals can be told to do, for how long that makes sense, and by which protocols. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Family;
use crate::terminals::NATIVE;

/// What a terminal is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Opens the door for so many seconds.
    OpenDoor {
        seconds: u8,
    },
    Restart,
    /// Sends its records of a time again.
    QueryRecords {
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    },
    /// Sets its clock.
    SyncTime,
    /// Holds a person who may enter, under this number.
    HoldPerson {
        handle: String,
    },
    /// Forgets a person and their face.
    RemovePerson {
        handle: String,
    },
    /// Says whom it holds.
    ListPersons,
    /// Asks us before it opens, or stops asking and goes by what it holds.
    ServerDecides {
        on: bool,
    },
}

impl Order {
    /// The word in SQL.
    pub fn kind(&self) -> &'static str {
        match self {
            Order::OpenDoor { .. } => "open_door",
            Order::Restart => "restart",
            Order::QueryRecords { .. } => "query_records",
            Order::SyncTime => "sync_time",
            Order::HoldPerson { .. } => "hold_person",
            Order::RemovePerson { .. } => "remove_person",
            Order::ListPersons => "list_persons",
            Order::ServerDecides { .. } => "server_decides",
        }
    }

    /// How long it makes sense: nobody waits at a door for an hour.
    pub fn lifetime(&self) -> TimeDelta {
        match self {
            Order::OpenDoor { .. } => TimeDelta::seconds(60),
            Order::Restart => TimeDelta::minutes(10),
            Order::SyncTime | Order::ListPersons => TimeDelta::hours(1),
            Order::ServerDecides { .. } => TimeDelta::days(1),
            Order::QueryRecords { .. } => TimeDelta::days(7),
            Order::HoldPerson { .. } | Order::RemovePerson { .. } => TimeDelta::days(30),
        }
    }

    /// Whether a terminal of this family can be told so at all.
    pub fn is_possible(&self, family: &str) -> bool {
        let is = |known: Family| known.as_str() == family;
        let fetches = is(Family::ZktecoAcc) || is(Family::ZktecoAtt) || is(Family::Fcard);
        let is_vendors = fetches || Family::called(family).is_some();
        match self {
            Order::OpenDoor { .. } | Order::Restart => is_vendors || family == NATIVE,
            Order::QueryRecords { .. } => Order::Restart.is_possible(family),
            Order::ServerDecides { .. } => {
                Family::parse(family).is_some_and(Family::can_be_told_to_ask)
            }
            Order::ListPersons => Family::parse(family).is_some_and(Family::lists_when_told),
            Order::SyncTime => !is(Family::Fcard) && Order::Restart.is_possible(family),
            Order::HoldPerson { .. } | Order::RemovePerson { .. } => is_vendors,
        }
    }

    /// The kinds that do no harm when done twice; a lost answer must not open a door again.
    pub const REPEATABLE: [&str; 6] = [
        "query_records",
        "sync_time",
        "hold_person",
        "remove_person",
        "list_persons",
        "server_decides",
    ];
}
