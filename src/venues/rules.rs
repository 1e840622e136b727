//! What holds at a venue at a time: versions of its rules, its business days, and how long a stay
//! may last. Opening hours are in `hours`. Pure: no clock, no SQL.

use chrono::{
    DateTime, Datelike, Days, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeDelta,
    TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::terms::Coordinates;
use crate::base::ids::{DivisionCode, Method, VenueId, ZoneId};

mod hours;
#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

pub use hours::Open;

/// Minutes of a local day.
pub const DAY_MIN: i32 = 24 * 60;
/// No venue may allow a longer stay. It bounds how far apart two events of a member can lie and
/// still touch one another, hence how much a late event can make us fold again.
pub const LONGEST_STAY_MAX: TimeDelta = TimeDelta::hours(24);
/// People may leave a little after closing: changing rooms, the queue at the only exit reader.
const CLOSING_GRACE: TimeDelta = TimeDelta::minutes(30);

/// What doors take unless told otherwise.
pub const WAYS_IN: [Method; 4] = [Method::Face, Method::Qr, Method::Card, Method::Code];

/// A place with doors, and everything about it that has versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Venue {
    pub id: VenueId,
    pub community: DivisionCode,
    pub name: String,
    pub kind: String,
    pub status: VenueStatus,
    /// Square metres.
    pub area_m2: Option<i32>,
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lng: Option<f64>,
    /// In which system the position is given.
    pub coordinates: Coordinates,
    /// At least one, by rising version.
    pub rules: Vec<Rules>,
    /// By rising version within a weekday. None at all: open day and night.
    pub hours: Vec<Hours>,
    /// By (day, version).
    pub exceptions: Vec<Exception>,
    /// By rising `from`.
    pub closures: Vec<Closure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VenueStatus {
    Open,
    Retired,
}

/// How the readings of a venue's doors pair into stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Readers for both ways, each knowing which it is.
    InAndOut,
    /// One reader for both ways: a scan leaves while the person is inside, else enters.
    Toggle,
    /// No exit reader: every stay ends by estimate.
    EntryOnly,
}

/// Whether one who is inside may enter once more without having left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Passback {
    Allowed,
    Forbidden,
}

/// One version of a venue's rules; in force from the business day `valid_from` until a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub version: i32,
    /// A business day. The first version's is the opening day.
    pub valid_from: NaiveDate,
    pub pairing: Pairing,
    /// Seconds after an effective event in which the same again is a repeat.
    pub repeat_window_s: i32,
    /// Minutes credited where nobody saw the person leave.
    pub usual_stay_min: i32,
    /// Minutes after which a stay has ended whatever happens; at most [`LONGEST_STAY_MAX`].
    pub longest_stay_min: i32,
    pub passback: Passback,
    /// Years of age below which a guardian must be on file.
    pub guardian_under: Option<i32>,
    /// Kinds of approval that a member needs, such as `school_ground` or `induction`.
    pub prerequisites: Vec<String>,
    /// What the doors take; never a face alone.
    pub ways_in: Vec<Method>,
    /// People inside from which on an entry is granted with a warning.
    pub capacity_soft: Option<i32>,
    /// People inside from which on an entry is refused.
    pub capacity: Option<i32>,
    pub time_zone: Tz,
    /// Minutes after local midnight at which the business day begins, 0 to 1439.
    pub day_starts_at: i32,
}

/// The opening period that begins on one weekday; both times none: closed that weekday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// 1 is Monday, 7 Sunday.
    pub weekday: u8,
    pub version: i32,
    pub valid_from: NaiveDate,
    /// Minutes of the local day, 0 to 1439.
    pub opens: Option<i32>,
    /// Minutes of the local day, 0 to 1440; not after `opens` means on the next day.
    pub closes: Option<i32>,
}

/// The opening period that begins on one date instead of the weekday's; none: closed that day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    pub day: NaiveDate,
    pub version: i32,
    pub valid_from: NaiveDate,
    /// Minutes of the local day, 0 to 1439.
    pub opens: Option<i32>,
    /// Minutes of the local day, 0 to 1440; not after `opens` means on the next day.
    pub closes: Option<i32>,
}

/// A venue or one zone of it closed by an order, at once and until another order. It keeps people
/// out; it changes no stay: whoever is inside leaves as the hours say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closure {
    /// None: the whole venue.
    pub zone: Option<ZoneId>,
    pub from: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
}

impl Rules {
    /// Events further apart than this cannot touch one another by these rules.
    pub fn reach(&self) -> TimeDelta {
        let stay = TimeDelta::minutes(self.longest_stay_min.into());
        stay.max(TimeDelta::seconds(self.repeat_window_s.into()))
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.time_zone).naive_local()
    }

    /// The business day of `at`, were these rules in force for ever and the clock never changed.
    fn day_of(&self, at: DateTime<Utc>) -> NaiveDate {
        let local = self.local(at);
        let minute = minute_of_day(local);
        if minute < self.day_starts_at { local.date() - Days::new(1) } else { local.date() }
    }
}

impl Venue {
    /// The rules in force at `at`: the newest version that is valid on its business day, or the
    /// first one before all.
    pub fn rules_at(&self, at: DateTime<Utc>) -> &Rules {
        match self.rules.as_slice() {
            [only] => only,
            [..] => self.rules_on(self.business_day(at)),
        }
    }

    /// The rules in force on a business day.
    pub fn rules_on(&self, day: NaiveDate) -> &Rules {
        self.rules.iter().rev().find(|rules| rules.valid_from <= day).unwrap_or(self.first_rules())
    }

    /// The business day that holds `at`: the latest one that has begun.
    pub fn business_day(&self, at: DateTime<Utc>) -> NaiveDate {
        let mut day = self.first_rules().day_of(at);
        // The guess can be a day off: a later version may have moved the day's start or the zone,
        // and the clock may read the start a second time, which begins no second day.
        while self.day_start(day) > at {
            day = day - Days::new(1);
        }
        while self.day_start(day + Days::new(1)) <= at {
            day = day + Days::new(1);
        }
        day
    }

    /// The first instant after a business day.
    pub fn business_day_end(&self, day: NaiveDate) -> DateTime<Utc> {
        self.day_start(day + Days::new(1))
    }

    /// The hour of the local clock at `at`, 0 to 23.
    pub fn local_hour(&self, at: DateTime<Utc>) -> u8 {
        u8::try_from(self.rules_at(at).local(at).hour()).expect("an hour is below 24")
    }

    /// The end of the opening period that holds an entry; the entry itself outside of every
    /// period; none where the venue does not close within the days that matter to a stay.
    pub fn closing(&self, entry: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.period_at(entry) {
            Open::Always => None,
            Open::Until(end) => Some(end),
            Open::Closed => Some(entry),
        }
    }

    /// The last instant at which an exit still ends a stay that began at `entry`.
    pub fn limit(&self, entry: DateTime<Utc>) -> DateTime<Utc> {
        let longest = entry + minutes(self.rules_at(entry).longest_stay_min);
        let end =
            self.closing(entry).map_or(longest, |closing| longest.min(closing + CLOSING_GRACE));
        end.max(entry)
    }

    /// When a stay that began at `entry` is taken to have ended if nobody saw it end.
    pub fn estimated_end(&self, entry: DateTime<Utc>) -> DateTime<Utc> {
        let usual = entry + minutes(self.rules_at(entry).usual_stay_min);
        let end = self.closing(entry).map_or(usual, |closing| usual.min(closing));
        end.max(entry)
    }

    /// Whether an order keeps the venue closed at `at`, or the zone that a door leads to.
    pub fn is_shut(&self, zone: Option<ZoneId>, at: DateTime<Utc>) -> bool {
        let holds =
            |closure: &&Closure| closure.from <= at && closure.until.is_none_or(|until| at < until);
        let here = |closure: &Closure| closure.zone.is_none() || closure.zone == zone;
        self.closures.iter().filter(holds).any(here)
    }

    fn first_rules(&self) -> &Rules {
        self.rules.first().expect("a venue is made together with its first version of rules")
    }

    fn day_start(&self, day: NaiveDate) -> DateTime<Utc> {
        let rules = self.rules_on(day);
        first_instant(rules.time_zone, at_minute(day, rules.day_starts_at))
    }
}

fn minutes(count: i32) -> TimeDelta {
    TimeDelta::minutes(count.into())
}

fn minute_of_day(local: NaiveDateTime) -> i32 {
    i32::try_from(local.num_seconds_from_midnight() / 60).expect("a day has 1440 minutes")
}

/// The local time `minute` minutes after midnight of `day`; the count may leave the day.
fn at_minute(day: NaiveDate, minute: i32) -> NaiveDateTime {
    day.and_time(chrono::NaiveTime::MIN) + minutes(minute)
}

/// When a local time comes for the first time.
fn first_instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => at.to_utc(),
        MappedLocalTime::None => after_gap(zone, local),
    }
}

/// When a local time comes for the last time.
fn last_instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(_, at) => at.to_utc(),
        MappedLocalTime::None => after_gap(zone, local),
    }
}

/// The clock was put forward over this local time: read it as if it had not been yet.
fn after_gap(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    let before = zone.offset_from_utc_datetime(&(local - Days::new(1)));
    (local - before.fix()).and_utc()
}

/// 1 is Monday, 7 Sunday.
pub fn weekday(day: NaiveDate) -> u8 {
    u8::try_from(day.weekday().number_from_monday()).expect("a week has seven days")
}
