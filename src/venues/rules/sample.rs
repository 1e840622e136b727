//! Venues for tests of pure rules.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use super::{Exception, Hours, Pairing, Passback, Rules, Venue, VenueStatus, WAYS_IN};
use crate::{base::ids::VenueId, venues::terms::Coordinates};

/// A venue in Shanghai's zone, open day and night, with readers for both ways and no limits.
pub fn venue(n: u8) -> Venue {
    Venue {
        id: VenueId(Uuid::from_u128(n.into())),
        community: "330499001001".parse().expect("twelve digits"),
        name: format!("场馆{n}"),
        kind: "gym".to_owned(),
        status: VenueStatus::Open,
        area_m2: Some(300),
        lat: None,
        lng: None,
        coordinates: Coordinates::Wgs84,
        rules: vec![rules()],
        hours: Vec::new(),
        exceptions: Vec::new(),
        closures: Vec::new(),
    }
}

/// The first version of the usual rules.
pub fn rules() -> Rules {
    Rules {
        version: 1,
        valid_from: day("2020-01-01"),
        pairing: Pairing::InAndOut,
        repeat_window_s: 60,
        usual_stay_min: 60,
        longest_stay_min: 240,
        passback: Passback::Allowed,
        guardian_under: None,
        prerequisites: Vec::new(),
        capacity_soft: None,
        capacity: None,
        time_zone: chrono_tz::Asia::Shanghai,
        day_starts_at: 240,
        ways_in: WAYS_IN.to_vec(),
    }
}

/// The same hours on every weekday, from the opening day on; minutes of the local day.
pub fn every_day(opens: i32, closes: i32) -> Vec<Hours> {
    (1..=7).map(|weekday| hours(weekday, 1, "2020-01-01", Some((opens, closes)))).collect()
}

pub fn hours(weekday: u8, version: i32, valid_from: &str, period: Option<(i32, i32)>) -> Hours {
    let (opens, closes) = period.unzip();
    Hours { weekday, version, valid_from: day(valid_from), opens, closes }
}

pub fn exception(on: &str, version: i32, period: Option<(i32, i32)>) -> Exception {
    let (opens, closes) = period.unzip();
    Exception { day: day(on), version, valid_from: day("2020-01-01"), opens, closes }
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date of a test")
}

/// An instant, such as `2026-05-01T12:00:00+08:00`.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant of a test")
}

/// How often a law is tried: 10 000 times, or as the variable `PROPTEST_CASES` says, which proptest
/// reads itself.
pub fn cases() -> proptest::test_runner::Config {
    /// What proptest takes without the variable.
    const UNSET: u32 = 256;
    let read = proptest::test_runner::Config::default();
    let cases = if read.cases == UNSET { 10_000 } else { read.cases };
    proptest::test_runner::Config { cases, max_shrink_iters: 2_000, ..read }
}
