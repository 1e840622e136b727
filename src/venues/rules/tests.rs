//! What holds at a time, by example and by law.

use chrono::{TimeDelta, Utc};
use proptest::prelude::*;

use super::{
    Open, Venue,
    sample::{at, day, every_day, exception, hours, rules, venue},
};

mod summer_time;

fn gym() -> Venue {
    Venue { hours: every_day(360, 1350), ..venue(1) }
}

fn night_club() -> Venue {
    Venue { hours: every_day(1080, 120), ..venue(2) }
}

#[test]
fn a_stay_in_opening_hours_is_bounded_by_the_longest_stay_and_by_half_an_hour_after_closing() {
    let gym = gym();
    let noon = at("2026-05-01T12:00:00+08:00");
    assert_eq!(gym.closing(noon), Some(at("2026-05-01T22:30:00+08:00")));
    assert_eq!(gym.limit(noon), at("2026-05-01T16:00:00+08:00"));
    assert_eq!(gym.estimated_end(noon), at("2026-05-01T13:00:00+08:00"));
    let evening = at("2026-05-01T22:00:00+08:00");
    assert_eq!(gym.limit(evening), at("2026-05-01T23:00:00+08:00"));
    assert_eq!(gym.estimated_end(evening), at("2026-05-01T22:30:00+08:00"));
}

#[test]
fn a_stay_that_begins_outside_of_hours_is_taken_to_end_at_once() {
    let gym = gym();
    let night = at("2026-05-01T22:30:00+08:00");
    assert_eq!(gym.period_at(night), Open::Closed);
    assert_eq!(gym.closing(night), Some(night));
    assert_eq!(gym.estimated_end(night), night);
    assert_eq!(gym.limit(night), night + TimeDelta::minutes(30));
}

#[test]
fn a_venue_without_hours_never_closes() {
    let night = at("2026-05-01T03:00:00+08:00");
    assert_eq!(venue(1).period_at(night), Open::Always);
    assert_eq!(venue(1).closing(night), None);
    assert_eq!(venue(1).opens_next(night), Some(night));
}

#[test]
fn a_period_may_cross_midnight() {
    let club = night_club();
    let closes = at("2026-05-02T02:00:00+08:00");
    assert_eq!(club.period_at(at("2026-05-01T18:00:00+08:00")), Open::Until(closes));
    assert_eq!(club.period_at(at("2026-05-02T01:59:59.999+08:00")), Open::Until(closes));
    assert_eq!(club.period_at(closes), Open::Closed);
    assert_eq!(club.opens_next(closes), Some(at("2026-05-02T18:00:00+08:00")));
}

#[test]
fn periods_that_touch_at_midnight_are_one() {
    let mut hall = Venue { hours: every_day(0, 1440), ..venue(1) };
    let late = at("2026-05-01T23:30:00+08:00");
    assert_eq!(hall.period_at(late), Open::Always);
    hall.exceptions = vec![exception("2026-05-03", 1, None)];
    assert_eq!(hall.period_at(late), Open::Until(at("2026-05-03T00:00:00+08:00")));
    assert_eq!(
        hall.opens_next(at("2026-05-03T09:00:00+08:00")),
        Some(at("2026-05-04T00:00:00+08:00"))
    );
}

#[test]
fn an_exception_replaces_the_hours_of_its_date_and_its_newest_version_counts() {
    let holiday = "2026-05-01T12:00:00+08:00";
    let mut gym = gym();
    gym.exceptions = vec![exception("2026-05-01", 1, None)];
    assert_eq!(gym.period_at(at(holiday)), Open::Closed);
    assert_eq!(gym.opens_next(at(holiday)), Some(at("2026-05-02T06:00:00+08:00")));
    gym.exceptions.push(exception("2026-05-01", 2, Some((600, 780))));
    assert_eq!(gym.period_at(at(holiday)), Open::Until(at("2026-05-01T13:00:00+08:00")));
}

#[test]
fn a_venue_open_day_and_night_can_be_closed_for_a_date() {
    let closed = Venue { exceptions: vec![exception("2026-05-01", 1, None)], ..venue(1) };
    assert_eq!(closed.period_at(at("2026-05-01T12:00:00+08:00")), Open::Closed);
    let eve = closed.period_at(at("2026-04-30T23:00:00+08:00"));
    assert_eq!(eve, Open::Until(at("2026-05-01T00:00:00+08:00")));
    assert_eq!(closed.period_at(at("2026-05-02T00:00:00+08:00")), Open::Always);
}

#[test]
fn new_hours_hold_from_their_day_on_and_leave_the_past_as_it_was() {
    let mut gym = gym();
    gym.hours.push(hours(5, 2, "2026-05-08", Some((480, 600))));
    let first_friday = gym.period_at(at("2026-05-01T12:00:00+08:00"));
    assert_eq!(first_friday, Open::Until(at("2026-05-01T22:30:00+08:00")));
    assert_eq!(gym.period_at(at("2026-05-08T12:00:00+08:00")), Open::Closed);
    let mut late = venue(1);
    late.hours = vec![hours(5, 1, "2026-05-08", Some((480, 600)))];
    assert_eq!(late.period_at(at("2026-05-01T12:00:00+08:00")), Open::Always);
    assert_eq!(late.period_at(at("2026-05-09T12:00:00+08:00")), Open::Closed);
}

#[test]
fn the_next_opening_is_searched_a_month_and_no_further() {
    let mut gym = gym();
    gym.hours = (1..=7).map(|weekday| hours(weekday, 1, "2020-01-01", None)).collect();
    assert_eq!(gym.opens_next(at("2026-05-01T12:00:00+08:00")), None);
}

#[test]
fn a_business_day_begins_at_four_in_the_morning() {
    let gym = gym();
    let before = at("2026-05-02T03:59:59.999+08:00");
    assert_eq!(gym.business_day(before), day("2026-05-01"));
    assert_eq!(gym.business_day_end(day("2026-05-01")), at("2026-05-02T04:00:00+08:00"));
    assert_eq!(gym.business_day(at("2026-05-02T04:00:00+08:00")), day("2026-05-02"));
    assert_eq!(gym.local_hour(before), 3);
}

#[test]
fn a_version_of_rules_holds_from_its_business_day_on_and_the_first_before_all() {
    let mut gym = gym();
    let mut second = rules();
    (second.version, second.valid_from, second.day_starts_at) = (2, day("2026-05-02"), 360);
    gym.rules.push(second);
    assert_eq!(gym.rules_at(at("2019-01-01T12:00:00+08:00")).version, 1);
    assert_eq!(gym.rules_at(at("2026-05-02T05:59:00+08:00")).version, 1);
    assert_eq!(gym.rules_at(at("2026-05-02T06:00:00+08:00")).version, 2);
    assert_eq!(gym.business_day_end(day("2026-05-01")), at("2026-05-02T06:00:00+08:00"));
}

/// Any one period a day, a closed weekday, an exception, a changed day start, four zones.
fn any_venue() -> impl Strategy<Value = Venue> {
    let zones = [
        chrono_tz::Asia::Shanghai,
        chrono_tz::Asia::Kathmandu,
        chrono_tz::Europe::Berlin,
        chrono_tz::America::New_York,
    ];
    let period = || (0..1440_i32, 0..=1440_i32);
    (period(), period(), 1..=7_u8, 0..1440_i32, proptest::sample::select(zones.to_vec())).prop_map(
        |((opens, closes), other, closed, starts, zone)| {
            let mut venue = Venue { hours: every_day(opens, closes), ..venue(1) };
            venue.hours.push(hours(closed, 2, "2026-10-20", None));
            venue.exceptions = vec![exception("2026-10-25", 1, Some(other))];
            let mut second = rules();
            (second.version, second.valid_from) = (2, day("2026-10-24"));
            second.day_starts_at = starts;
            venue.rules.push(second);
            venue.rules.iter_mut().for_each(|rules| rules.time_zone = zone);
            venue
        },
    )
}

/// Within ten days around the beginning or the end of summer time, in America or in Europe.
fn any_instant() -> impl Strategy<Value = chrono::DateTime<Utc>> {
    let changes = ["2026-03-08", "2026-03-29", "2026-10-25", "2026-11-01"];
    (proptest::sample::select(changes.to_vec()), 0..864_000_i64).prop_map(|(changed, seconds)| {
        let first = at(&format!("{changed}T00:00:00Z")) - TimeDelta::days(5);
        first + TimeDelta::seconds(seconds)
    })
}

proptest! {
    #![proptest_config(super::sample::cases())]

    #[test]
    fn every_instant_lies_in_its_business_day(venue in any_venue(), at in any_instant()) {
        let today = venue.business_day(at);
        prop_assert!(at < venue.business_day_end(today));
        prop_assert!(at >= venue.business_day_end(today.pred_opt().expect("in range")));
    }

    #[test]
    fn an_estimated_end_lies_between_the_entry_and_its_limit(
        venue in any_venue(), entry in any_instant(),
    ) {
        let longest = TimeDelta::minutes(venue.rules_at(entry).longest_stay_min.into());
        prop_assert!(entry <= venue.estimated_end(entry));
        prop_assert!(venue.estimated_end(entry) <= venue.limit(entry));
        prop_assert!(venue.limit(entry) <= entry + longest);
    }

    #[test]
    fn a_venue_is_open_until_it_closes_and_closed_until_it_opens_next(
        venue in any_venue(), at in any_instant(),
    ) {
        let instant = TimeDelta::milliseconds(1);
        match venue.period_at(at) {
            Open::Until(end) => {
                prop_assert!(at < end);
                prop_assert_ne!(venue.period_at(end - instant), Open::Closed);
                prop_assert_eq!(venue.period_at(end), Open::Closed);
            }
            Open::Closed => {
                let next = venue.opens_next(at).expect("open on most days");
                prop_assert!(at < next);
                prop_assert_ne!(venue.period_at(next), Open::Closed);
                prop_assert_eq!(venue.period_at(next - instant), Open::Closed);
            }
            Open::Always => {}
        }
    }
}
