//! When a venue is open: weekly hours and dated exceptions, each in versions, with periods that
//! may cross midnight or run on for days.

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::{DAY_MIN, Venue, at_minute, first_instant, last_instant, minute_of_day, weekday};

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

    fn shifted(self, days: i32) -> Self {
        Self { opens: self.opens + days * DAY_MIN, closes: self.closes + days * DAY_MIN }
    }
}

impl Venue {
    /// The opening period that holds `at`.
    pub fn period_at(&self, at: DateTime<Utc>) -> Open {
        if self.hours.is_empty() && self.exceptions.is_empty() {
            return Open::Always;
        }
        let rules = self.rules_at(at);
        let local = rules.local(at);
        match self.period_end(local.date(), minute_of_day(local)) {
            None => Open::Closed,
            Some(end) if end >= (DAYS_AHEAD + 1) * DAY_MIN => Open::Always,
            Some(end) => {
                // A closing time that the clocks strike twice is the next one of the two.
                let closes = at_minute(local.date(), end);
                let first = first_instant(rules.time_zone, closes);
                let last = last_instant(rules.time_zone, closes);
                Open::Until(if first > at { first } else { last })
            }
        }
    }

    /// The first instant from `at` on at which the venue is open, within 31 days.
    pub fn opens_next(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.period_at(at) {
            Open::Always | Open::Until(_) => return Some(at),
            Open::Closed => {}
        }
        let rules = self.rules_at(at);
        let local = rules.local(at);
        let minute = minute_of_day(local);
        let opens = (0..=NEXT_OPENING_DAYS)
            .filter_map(|days| Some(self.period_on(day_after(local.date(), days))?.shifted(days)))
            .map(|period| period.opens)
            .find(|opens| *opens > minute)?;
        let opens = at_minute(local.date(), opens);
        let first = first_instant(rules.time_zone, opens);
        Some(if first > at { first } else { last_instant(rules.time_zone, opens).max(at) })
    }

    /// When the period that holds a minute of `day` ends, in minutes since that day's midnight.
    fn period_end(&self, day: NaiveDate, minute: i32) -> Option<i32> {
        let mut found = None;
        for days in -1..=DAYS_AHEAD {
            if found.is_some_and(|end| end < days * DAY_MIN) {
                break;
            }
            let Some(period) = self.period_on(day_after(day, days)) else { continue };
            let period = period.shifted(days);
            match found {
                Some(end) if period.opens <= end => found = Some(period.closes.max(end)),
                None if (period.opens..period.closes).contains(&minute) => {
                    found = Some(period.closes);
                }
                Some(_) | None => {}
            }
        }
        found
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
