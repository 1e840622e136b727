//! When a venue is open: weekly hours and dated exceptions, each in versions, with periods that
//! may cross midnight or run on for days. Where the clock is put back, an hour is read twice: a
//! venue opens at the first reading and closes at the last. An hour that is skipped is read as if
//! the clock had not been put forward yet.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{DAY_MIN, Venue, at_minute, first_instant, last_instant, weekday};

/// Periods that touch are one. Two days on are looked at, because no stay reaches further.
const DAYS_AHEAD: i32 = 2;
/// How far the next opening is searched; what is closed for longer gives no time.
const NEXT_OPENING_DAYS: i32 = 31;

/// Whether a venue is open at an instant, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It does not close within the next two days.
    Always,
    Until(DateTime<Utc>),
    Closed,
}

/// Minutes since the midnight that began its day; `closes` is later than `opens` and may lie in
/// the next day.
#[derive(Clone, Copy)]
struct Period {
    opens: i32,
    closes: i32,
}

impl Period {
    fn new(opens: Option<i32>, closes: Option<i32>) -> Option<Self> {
        let (opens, closes) = (opens?, closes?);
        Some(Self { opens, closes: if closes > opens { closes } else { closes + DAY_MIN } })
    }

    /// From when until when the period of `day` lasts; nothing where a skipped hour swallows it.
    fn span(self, day: NaiveDate, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let opens = first_instant(zone, at_minute(day, self.opens));
        let closes = last_instant(zone, at_minute(day, self.closes));
        (opens < closes).then_some((opens, closes))
    }
}

impl Venue {
    /// The opening period that holds `at`.
    pub fn period_at(&self, at: DateTime<Utc>) -> Open {
        if self.hours.is_empty() && self.exceptions.is_empty() {
            return Open::Always;
        }
        let zone = self.rules_at(at).time_zone;
        let today = at.with_timezone(&zone).date_naive();
        let mut end = None;
        // A period that began yesterday may last until now; none lasts longer.
        for days in -1..=DAYS_AHEAD {
            let Some((opens, closes)) = self.span_on(day_after(today, days), zone) else {
                continue;
            };
            match end {
                Some(so_far) if opens <= so_far => end = Some(closes.max(so_far)),
                Some(_) => break,
                None if opens <= at && at < closes => end = Some(closes),
                None => {}
            }
        }
        let horizon = || first_instant(zone, at_minute(day_after(today, DAYS_AHEAD + 1), 0));
        match end {
            None => Open::Closed,
            Some(end) if end >= horizon() => Open::Always,
            Some(end) => Open::Until(end),
        }
    }

    /// The first instant from `at` on at which the venue is open, within 31 days.
    pub fn opens_next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.period_at(at) {
            Open::Always | Open::Until(_) => return Some(at),
            Open::Closed => {}
        }
        let zone = self.rules_at(at).time_zone;
        let today = at.with_timezone(&zone).date_naive();
        (0..=NEXT_OPENING_DAYS)
            .filter_map(|days| self.span_on(day_after(today, days), zone))
            .map(|(opens, _)| opens)
            .find(|opens| *opens > at)
    }

    fn span_on(&self, day: NaiveDate, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.period_on(day)?.span(day, zone)
    }

    /// The period that begins on a calendar day, by what is in force on that day. Before the
    /// opening day the first versions count, as they do for rules.
    fn period_on(&self, day: NaiveDate) -> Option<Period> {
        let known = day.max(self.first_rules().valid_from);
        let until = self.exceptions.partition_point(|exception| exception.day <= day);
        let exceptions = self.exceptions[..until].iter().rev();
        let exception = exceptions
            .take_while(|exception| exception.day == day)
            .find(|exception| exception.valid_from <= known);
        if let Some(exception) = exception {
            return Period::new(exception.opens, exception.closes);
        }
        let weekday = weekday(day);
        let in_force = || self.hours.iter().rev().filter(|hours| hours.valid_from <= known);
        match in_force().find(|hours| hours.weekday == weekday) {
            Some(hours) => Period::new(hours.opens, hours.closes),
            // A venue that took on hours later was open day and night before.
            None if in_force().next().is_none() => Period::new(Some(0), Some(DAY_MIN)),
            None => None,
        }
    }
}

fn day_after(day: NaiveDate, days: i32) -> NaiveDate {
    let count = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 { day - count } else { day + count }
}
