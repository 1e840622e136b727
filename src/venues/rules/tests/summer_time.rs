//! Opening hours and business days where the clock is put forward and back: by example, and
//! against a clock that is looked at every hour.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use chrono_tz::{America::New_York, Europe::Berlin, Tz};
use proptest::prelude::*;

use super::super::{
    Open, Venue, minutes,
    sample::{at, cases, day, every_day, rules, venue},
};

/// The dates of 2026 on which the clock is put forward and back.
const CHANGES: [(Tz, &str); 4] = [
    (New_York, "2026-03-08"),
    (New_York, "2026-11-01"),
    (Berlin, "2026-03-29"),
    (Berlin, "2026-10-25"),
];
/// Both zones skip and repeat one hour.
const HOUR: TimeDelta = TimeDelta::hours(1);

fn in_zone(zone: Tz, opens: i32, closes: i32) -> Venue {
    let mut venue = Venue { hours: every_day(opens, closes), ..venue(1) };
    venue.rules[0].time_zone = zone;
    venue
}

/// When a wall clock shows `local`, found by looking at it: both zones are whole hours from UTC.
fn readings(zone: Tz, local: NaiveDateTime) -> Vec<DateTime<Utc>> {
    let looks = (-12..=12).map(|hours| local.and_utc() + HOUR * hours);
    looks.filter(|at| at.with_timezone(&zone).naive_local() == local).collect()
}

/// The readings, or those of an hour later where the clock was put forward over `local`.
fn readings_or_later(zone: Tz, local: NaiveDateTime) -> Vec<DateTime<Utc>> {
    let found = readings(zone, local);
    if found.is_empty() { readings(zone, local + HOUR) } else { found }
}

/// From when until when a period of `day` lasts, by the watched clock.
fn watched(zone: Tz, day: NaiveDate, opens: i32, closes: i32) -> (DateTime<Utc>, DateTime<Utc>) {
    let midnight = day.and_time(chrono::NaiveTime::MIN);
    let closes = if closes > opens { closes } else { closes + 1440 };
    let opens = readings_or_later(zone, midnight + minutes(opens));
    let closes = readings_or_later(zone, midnight + minutes(closes));
    (opens[0], *closes.last().expect("a clock shows every minute or the one an hour later"))
}

#[test]
fn a_closing_in_the_skipped_hour_moves_forward_and_one_in_the_doubled_hour_is_its_last_reading() {
    let gym = in_zone(Berlin, 60, 150);
    let spring = gym.period_at(at("2026-03-29T01:30:00+01:00"));
    assert_eq!(spring, Open::Until(at("2026-03-29T03:30:00+02:00")));
    for entry in ["2026-10-25T02:15:00+02:00", "2026-10-25T02:45:00+02:00"] {
        assert_eq!(gym.period_at(at(entry)), Open::Until(at("2026-10-25T02:30:00+01:00")));
    }
    assert_eq!(gym.period_at(at("2026-10-25T02:30:00+01:00")), Open::Closed);
}

#[test]
fn an_opening_in_the_doubled_hour_is_its_first_reading_and_one_in_the_skipped_hour_moves_forward() {
    let club = in_zone(New_York, 90, 600);
    let first = at("2026-11-01T01:30:00-04:00");
    assert_eq!(club.period_at(first - TimeDelta::seconds(1)), Open::Closed);
    assert_eq!(club.opens_next(first - TimeDelta::minutes(20)), Some(first));
    // The clock shows 01:10 once more, and the venue is open already.
    let again = club.period_at(at("2026-11-01T01:10:00-05:00"));
    assert_eq!(again, Open::Until(at("2026-11-01T10:00:00-05:00")));
    let skipped = in_zone(New_York, 150, 600);
    let before = at("2026-03-08T01:59:00-05:00");
    assert_eq!(skipped.opens_next(before), Some(at("2026-03-08T03:30:00-04:00")));
}

#[test]
fn a_period_that_the_skipped_hour_swallows_does_not_open() {
    let brief = in_zone(Berlin, 150, 210);
    let day = at("2026-03-29T00:00:00+01:00");
    assert_eq!(brief.opens_next(day), Some(at("2026-03-30T02:30:00+02:00")));
    assert_eq!(brief.period_at(at("2026-03-29T03:29:00+02:00")), Open::Closed);
}

#[test]
fn a_business_day_begins_at_the_first_reading_of_its_start() {
    let mut gym = in_zone(Berlin, 0, 1440);
    gym.rules[0].day_starts_at = 150;
    let first = at("2026-10-25T02:30:00+02:00");
    assert_eq!(gym.business_day(first - TimeDelta::milliseconds(1)), day("2026-10-24"));
    assert_eq!(gym.business_day(first), day("2026-10-25"));
    // 02:15 comes once more, in the day that has begun.
    assert_eq!(gym.business_day(at("2026-10-25T02:15:00+01:00")), day("2026-10-25"));
    assert_eq!(gym.business_day_end(day("2026-10-24")), first);
}

/// A zone with one of its changes, and an instant within two days of it.
fn near_a_change() -> impl Strategy<Value = (Tz, NaiveDate, DateTime<Utc>)> {
    // Half of them in the hours around the change itself, to the minute.
    let seconds = prop_oneof![-172_800..172_800_i64, (0..720_i64).prop_map(|n| n * 60 - 10_800)];
    (proptest::sample::select(CHANGES.to_vec()), seconds).prop_map(|((zone, on), seconds)| {
        let noon = at(&format!("{on}T06:00:00Z"));
        (zone, day(on), noon + TimeDelta::seconds(seconds))
    })
}

/// Any minute of the day, half of them in the hours in which clocks are changed.
fn any_minute() -> impl Strategy<Value = i32> {
    prop_oneof![0..1440_i32, 45..215_i32]
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn hours_are_those_of_the_watched_clock(
        (zone, changed, at) in near_a_change(), opens in any_minute(), closes in any_minute(),
    ) {
        let venue = in_zone(zone, opens, closes);
        let open = (-3..=3_i64).any(|days| {
            let count = Days::new(days.unsigned_abs());
            let day = if days < 0 { changed - count } else { changed + count };
            let (opens, closes) = watched(zone, day, opens, closes);
            (opens..closes).contains(&at)
        });
        prop_assert_eq!(venue.period_at(at) != Open::Closed, open);
    }

    #[test]
    fn business_days_are_those_of_the_watched_clock(
        (zone, changed, at) in near_a_change(), starts in any_minute(),
    ) {
        let mut venue = in_zone(zone, 0, 1440);
        venue.rules = vec![super::super::Rules { day_starts_at: starts, time_zone: zone, ..rules() }];
        let begins = |day: NaiveDate| {
            readings_or_later(zone, day.and_time(chrono::NaiveTime::MIN) + minutes(starts))[0]
        };
        let days = changed - Days::new(4);
        let today = days.iter_days().take(9).filter(|day| begins(*day) <= at).max();
        prop_assert_eq!(Some(venue.business_day(at)), today);
    }
}
