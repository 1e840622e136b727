//! Which business day, hour and month an instant belongs to, by a venue's rules.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;

use crate::places::venue_rules;

/// The calendar's places of one instant.
#[derive(Clone, Copy)]
pub struct Day {
    /// The business day.
    pub date: NaiveDate,
    /// Its first day.
    pub month: NaiveDate,
    /// Of the local clock.
    pub hour: i16,
}

impl Day {
    /// `None` for rules whose zone nobody knows.
    pub fn of(rules: &venue_rules::Model, at: DateTime<Utc>) -> Option<Self> {
        let zone: Tz = rules.time_zone.parse().ok()?;
        let local = at.with_timezone(&zone).naive_local();
        let date = (local - TimeDelta::minutes(rules.day_starts_at.into())).date();
        let hour = i16::try_from(local.hour()).ok()?;
        Some(Self { date, month: date.with_day(1)?, hour })
    }
}
