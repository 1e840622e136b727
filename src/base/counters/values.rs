//! What goes into the store of counters and what comes out: plain values in the words of the
//! business, without knowing how they come about.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::base::ids::{DivisionCode, MemberId, VenueId};

/// Which numbers of a day: a family's keys are venues or members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Visits, people and minutes of a venue.
    VenueDay,
    /// Visits and minutes of a venue by hour of entry.
    VenueHours,
    /// Visits and minutes of a member.
    MemberDay,
}

impl Family {
    /// Whose numbers they are: what keys of one shard have in common.
    pub(super) fn owner(self) -> &'static str {
        match self {
            Self::VenueDay | Self::VenueHours => "venue",
            Self::MemberDay => "member",
        }
    }

    pub(super) fn what(self) -> &'static str {
        match self {
            Self::VenueDay | Self::MemberDay => "day",
            Self::VenueHours => "hours",
        }
    }
}

/// Absolute values of one key and day. Equal (generation, version) must mean equal fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projected {
    pub family: Family,
    /// Venue or member.
    pub key: Uuid,
    pub day: NaiveDate,
    /// At least 0.
    pub generation: i64,
    /// Grows with every change of the row; at least 0.
    pub version: i64,
    pub fields: Vec<(&'static str, i64)>,
}

/// Somebody's presence in one venue, under the version of their timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    pub venue: VenueId,
    pub member: MemberId,
    pub generation: i64,
    pub version: i64,
    /// Until when they count as inside; `None`: they left.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Whether somebody belongs to the people of a division's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub division: DivisionCode,
    pub day: NaiveDate,
    pub member: MemberId,
    pub generation: i64,
    pub version: i64,
    /// False: no session that counts is left.
    pub present: bool,
}

/// What the store holds of one key and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub generation: i64,
    pub version: i64,
    pub fields: Fields,
}

/// Named numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, i64>);

impl Fields {
    /// The number under `name`, 0 where there is none.
    pub fn get(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

impl<N: Into<String>> FromIterator<(N, i64)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, i64)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}
