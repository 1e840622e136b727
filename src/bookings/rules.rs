//! What may be booked, by whom, and what became of it. Pure: whoever asks reads first and writes
//! afterwards.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    base::error::Code,
    instructors::Stretch,
    venues::{Open, Venue, VenueStatus},
};

/// What hours are taken in; a slot begins and ends on one.
pub const QUARTER_S: i64 = 900;
/// The longest slot; the door's question looks back no further.
pub const SLOT_MAX: TimeDelta = TimeDelta::hours(8);
/// How far ahead slots are published, and booked.
pub const PUBLISHED_AHEAD: TimeDelta = TimeDelta::days(92);
pub const BOOKED_AHEAD: TimeDelta = TimeDelta::days(14);
/// How long somebody may think about it, and how long one who waited may.
pub const HOLD: TimeDelta = TimeDelta::minutes(5);
pub const OFFER: TimeDelta = TimeDelta::minutes(30);
/// Whoever cancels later than this before the beginning is counted like one who did not come.
pub const NOTICE: TimeDelta = TimeDelta::hours(2);
/// What one person has at most: to come, on one day, undecided, and waited for.
pub const UPCOMING_MAX: usize = 4;
pub const DAY_MAX: usize = 2;
pub const HELD_MAX: usize = 2;
pub const WAITING_MAX: i64 = 5;
/// Fair use: so many absences within this time, and nobody books for a while.
pub const ABSENCES_MAX: usize = 3;
pub const ABSENCES_WITHIN: TimeDelta = TimeDelta::days(90);
pub const PAUSE: TimeDelta = TimeDelta::days(14);
/// How long before the beginning a booking opens the door.
pub const EARLY: TimeDelta = TimeDelta::minutes(30);
/// How long somebody may rate after the end.
pub const RATED_WITHIN: TimeDelta = TimeDelta::days(14);
/// When what doors saw is first looked at; when late events have come, as long as a member may
/// declare; and when nobody waits for a silent terminal any more.
pub const SETTLE_AFTER: TimeDelta = TimeDelta::minutes(15);
pub const SETTLE_AGAIN: TimeDelta = TimeDelta::days(3);
pub const SETTLE_LAST: TimeDelta = TimeDelta::days(7);
/// Inside for less than this is no attendance.
const ATTENDED: TimeDelta = TimeDelta::minutes(1);

/// What kind of thing is booked; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BookedKind)]
pub enum Kind {
    Coach,
    Court,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coach => "coach",
            Self::Court => "court",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Coach, Self::Court].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What has become of a booking; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BookingState)]
pub enum State {
    /// Kept while somebody decides, until `held_until`.
    Held,
    Confirmed,
    /// In time, or before it was confirmed.
    Cancelled,
    /// Within the notice: counted like an absence.
    CancelledLate,
    /// By the house: the slot was called off, or the venue is closed.
    CalledOff,
    /// Nobody decided in time.
    Expired,
    Attended,
    /// No door saw them, and every door was heard.
    NoShow,
    /// No door saw them, but some door was not heard: nobody is blamed.
    Unproven,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Held,
        Self::Confirmed,
        Self::Cancelled,
        Self::CancelledLate,
        Self::CalledOff,
        Self::Expired,
        Self::Attended,
        Self::NoShow,
        Self::Unproven,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::CancelledLate => "cancelled_late",
            Self::CalledOff => "called_off",
            Self::Expired => "expired",
            Self::Attended => "attended",
            Self::NoShow => "no_show",
            Self::Unproven => "unproven",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// Whether hours may be published: on quarters, of a sensible length, and to come.
pub fn check_hours(
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Code> {
    let on_quarter = |at: DateTime<Utc>| at.timestamp_millis() % (QUARTER_S * 1000) == 0;
    let length = until - from;
    let fits = on_quarter(from)
        && on_quarter(until)
        && length > TimeDelta::zero()
        && length <= SLOT_MAX
        && from > now
        && from <= now + PUBLISHED_AHEAD;
    if fits { Ok(()) } else { Err(Code::SlotQuarter) }
}

/// The number of the quarter that `at` begins, from 1970.
pub fn quarter(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(QUARTER_S)
}

/// Whether a venue is open from the first to the last minute, holidays and exceptions included.
pub fn is_open_throughout(venue: &Venue, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    venue.status == VenueStatus::Open
        && match venue.period_at(from) {
            Open::Always => true,
            Open::Until(end) => until <= end,
            Open::Closed => false,
        }
}

/// The same local hours on each of `weekdays` (1 is Monday) after `from`, up to and on `until`.
pub fn repeated(
    from: DateTime<Utc>,
    ends: DateTime<Utc>,
    zone: Tz,
    weekdays: &[u8],
    until: NaiveDate,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let (local, length) = (from.with_timezone(&zone), ends - from);
    let (first, time): (NaiveDate, NaiveTime) = (local.date_naive(), local.time());
    let last = until.min(first + Days::new(PUBLISHED_AHEAD.num_days().unsigned_abs()));
    let days = first.iter_days().skip(1).take_while(|day| *day <= last);
    days.filter(|day| {
        u8::try_from(day.weekday().number_from_monday()).is_ok_and(|n| weekdays.contains(&n))
    })
    // An hour that the clock skips is nobody's.
    .filter_map(|day| day.and_time(time).and_local_timezone(zone).earliest())
    .map(|at| (at.to_utc(), at.to_utc() + length))
    .collect()
}

/// A booking as far as quotas and fair use go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    pub state: State,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

/// Whether somebody with these bookings may have one more that starts at `starts_at`: quotas of what
/// is to come, and fair use of what was. Absences before `pardoned` are forgiven.
pub fn check_quota(
    bookings: &[Past],
    pardoned: Option<DateTime<Utc>>,
    starts_at: DateTime<Utc>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<(), Code> {
    if paused_until(bookings, pardoned, now).is_some() {
        return Err(Code::BookingPaused);
    }
    let day = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
    let active: Vec<&Past> = bookings
        .iter()
        .filter(|one| matches!(one.state, State::Held | State::Confirmed) && one.ends_at > now)
        .collect();
    let held = active.iter().filter(|one| one.state == State::Held).count();
    let that_day = active.iter().filter(|one| day(one.starts_at) == day(starts_at)).count();
    let fits = active.len() < UPCOMING_MAX && that_day < DAY_MAX && held < HELD_MAX;
    if fits { Ok(()) } else { Err(Code::BookingQuota) }
}

/// Until when somebody may not book: for a while after the third absence within ninety days. An
/// absence is a booking whose member no door saw, or that was cancelled too late.
pub fn paused_until(
    bookings: &[Past],
    pardoned: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let counts = |one: &&Past| {
        matches!(one.state, State::NoShow | State::CancelledLate)
            && pardoned.is_none_or(|at| one.starts_at > at)
    };
    let mut absences: Vec<DateTime<Utc>> =
        bookings.iter().filter(counts).map(|one| one.ends_at).collect();
    absences.sort_unstable();
    let until = absences
        .windows(ABSENCES_MAX)
        .filter(|some| some[ABSENCES_MAX - 1] - some[0] <= ABSENCES_WITHIN)
        .map(|some| some[ABSENCES_MAX - 1] + PAUSE)
        .max();
    until.filter(|until| *until > now)
}

/// What becomes of a booking that is cancelled now.
pub fn cancelled(
    state: State,
    starts_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<State, Code> {
    match state {
        State::Held if now < starts_at => Ok(State::Cancelled),
        State::Confirmed if now + NOTICE <= starts_at => Ok(State::Cancelled),
        State::Confirmed if now < starts_at => Ok(State::CancelledLate),
        State::Held
        | State::Confirmed
        | State::Cancelled
        | State::CancelledLate
        | State::CalledOff
        | State::Expired
        | State::Attended
        | State::NoShow
        | State::Unproven => Err(Code::BookingOver),
    }
}

/// Until when a hold or an offer made now is good.
pub fn held_until(now: DateTime<Utc>, lease: TimeDelta, starts_at: DateTime<Utc>) -> DateTime<Utc> {
    (now + lease).min(starts_at)
}

/// What doors say of somebody who booked `slot` and was inside for `stays`. Where no door saw them
/// they are absent only if every door was `heard` of.
pub fn attendance(slot: Stretch, stays: &[Stretch], heard: bool) -> State {
    let inside = |(from, until): &Stretch| *until.min(&slot.1) - *from.max(&slot.0) >= ATTENDED;
    match (stays.iter().any(inside), heard) {
        (true, _) => State::Attended,
        (false, true) => State::NoShow,
        (false, false) => State::Unproven,
    }
}

/// When a slot is looked at again, after it was looked at now; `None`: what is known stands.
pub fn settled_next(
    ends_at: DateTime<Utc>,
    is_proven: bool,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let again = ends_at + SETTLE_AGAIN;
    match (now < again, is_proven) {
        (true, true) => Some(again),
        (true, false) => Some(again.min(now + TimeDelta::hours(1))),
        (false, false) if now < ends_at + SETTLE_LAST => Some(now + TimeDelta::hours(6)),
        (false, _) => None,
    }
}

/// The parts of a court that a slot takes: one, or all of them for part 0.
pub fn parts_taken(part: i16, parts: i16) -> std::ops::RangeInclusive<i16> {
    if part == 0 { 1..=parts } else { part..=part }
}

/// The lowest seat that nobody has, of so many.
pub fn free_seat(taken: &[i32], capacity: i32) -> Option<i32> {
    (0..capacity).find(|seat| !taken.contains(seat))
}

#[cfg(test)]
mod tests;
