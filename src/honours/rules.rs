//! By which rules honours and points are given, each under the version that stands beside what came
//! of it. Whoever changes a rule raises its version. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use serde::{Deserialize, Serialize};

/// The version of the honours' rules: what each [`Kind`] says, the minutes of an active day, how
/// many places there are.
pub const HONOURS: i32 = 2;
/// A day on which doors measured at least so many minutes is an active one.
pub const ACTIVE_DAY_MIN: i64 = 30;
/// Places of one honour in a year.
pub const PLACES: usize = 10;
/// Days after a year's end until it is decided: what came late has arrived by then.
const SETTLED_AFTER_DAYS: i64 = 14;

/// The version of the points' rules.
pub const POINTS: i32 = 1;
/// Whole measured minutes for a point, and the most points of a day: nobody gains by staying for
/// longer than is good for them.
const MINUTES_A_POINT: i64 = 10;
const POINTS_A_DAY_MAX: i64 = 12;

/// What is honoured; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HonourKind)]
pub enum Kind {
    /// 活力社区: most measured and corrected minutes at its venues; then most people.
    ActiveCommunity,
    /// 活力社群: most minutes that at least three members did together at meet-ups; then most of them.
    ActiveGroup,
    /// 指导之星: most minutes of service that doors proved of an instructor who wants to be seen;
    /// then most learners.
    InstructorStar,
    /// 活力之星: most active days of somebody who wants to be seen; then most minutes.
    VitalityStar,
    /// 服务之星: most tickets that staff fixed in time and that were confirmed; then fewest late.
    ServiceStar,
}

impl Kind {
    pub const ALL: [Self; 5] = [
        Self::ActiveCommunity,
        Self::ActiveGroup,
        Self::InstructorStar,
        Self::VitalityStar,
        Self::ServiceStar,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ActiveCommunity => "active_community",
            Self::ActiveGroup => "active_group",
            Self::InstructorStar => "instructor_star",
            Self::VitalityStar => "vitality_star",
            Self::ServiceStar => "service_star",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::ActiveCommunity => "活力社区",
            Self::ActiveGroup => "活力社群",
            Self::InstructorStar => "指导之星",
            Self::VitalityStar => "活力之星",
            Self::ServiceStar => "服务之星",
        }
    }
}

/// Somebody or something that may be honoured: by `figure`, and by `beside` among equals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub subject: String,
    pub figure: i64,
    pub beside: i64,
}

/// The candidates with the most, best first; who has nothing has no place. Of equals, the subject
/// that sorts first: the order must not hang on how rows were read.
pub fn placed(mut all: Vec<Candidate>) -> Vec<Candidate> {
    all.retain(|one| one.figure > 0);
    all.sort_by(|a, b| {
        let by_figures = (b.figure, b.beside).cmp(&(a.figure, a.beside));
        by_figures.then_with(|| a.subject.cmp(&b.subject))
    });
    all.truncate(PLACES);
    all
}

/// A year in business days and in instants, by China's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "a year's number is called so")]
pub struct Year {
    pub year: i32,
    pub first: NaiveDate,
    pub last: NaiveDate,
}

impl Year {
    /// None for a year that no calendar holds.
    pub fn new(year: i32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
        Some(Self { year, first, last: NaiveDate::from_ymd_opt(year, 12, 31)? })
    }

    /// From when until when; the end is the next year's.
    pub fn instants(self) -> Option<[DateTime<Utc>; 2]> {
        let begins = |day: NaiveDate| {
            let local = day.and_time(chrono::NaiveTime::MIN).and_local_timezone(Shanghai);
            Some(local.single()?.to_utc())
        };
        Some([begins(self.first)?, begins(self.last.succ_opt()?)?])
    }

    /// The newest year that is settled at `now`.
    pub fn settled(now: DateTime<Utc>) -> Option<Self> {
        let then = (now - TimeDelta::days(SETTLED_AFTER_DAYS)).with_timezone(&Shanghai);
        Self::new(then.year() - 1)
    }
}

/// The points of a day with so many measured minutes.
pub fn points_of(minutes: i64) -> i64 {
    (minutes.max(0) / MINUTES_A_POINT).min(POINTS_A_DAY_MAX)
}

/// What each day is still owed, or has too much of, with so many minutes and so many points given.
pub fn owed(
    minutes: &BTreeMap<NaiveDate, i64>,
    given: &BTreeMap<NaiveDate, i64>,
) -> Vec<(NaiveDate, i64)> {
    let days: BTreeSet<NaiveDate> = minutes.keys().chain(given.keys()).copied().collect();
    let of = |all: &BTreeMap<NaiveDate, i64>, day| all.get(&day).copied().unwrap_or_default();
    let more = days.into_iter().map(|day| (day, points_of(of(minutes, day)) - of(given, day)));
    more.filter(|(_, more)| *more != 0).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_year_is_decided_two_weeks_after_its_end() {
        let settled = |at: &str| Year::settled(at.parse().unwrap()).unwrap().year;
        assert_eq!(settled("2027-01-14T15:59:59Z"), 2025);
        assert_eq!(settled("2027-01-14T16:00:00Z"), 2026);
        let [from, to] = Year::new(2026).unwrap().instants().unwrap();
        assert_eq!(from.to_rfc3339(), "2025-12-31T16:00:00+00:00");
        assert_eq!(to.to_rfc3339(), "2026-12-31T16:00:00+00:00");
    }

    #[test]
    fn words_are_those_of_json() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(Kind::from_text(kind.as_str()), Some(kind));
            assert!(!kind.zh().is_empty());
        }
    }

    #[test]
    fn ten_measured_minutes_are_a_point_and_two_hours_a_day() {
        assert_eq!([-5, 0, 9, 10, 119, 120, 1000].map(points_of), [0, 0, 0, 1, 11, 12, 12]);
    }

    proptest! {
        #[test]
        fn what_was_given_follows_what_is_measured_and_then_rests(
            minutes in prop::collection::vec((1_u32..28, 0_i64..400), 0..20),
            given in prop::collection::vec((1_u32..28, -5_i64..20), 0..20),
        ) {
            let day = |n| NaiveDate::from_ymd_opt(2026, 11, n).unwrap();
            let map = |all: Vec<(u32, i64)>| {
                all.into_iter().map(|(n, count)| (day(n), count)).collect::<BTreeMap<_, _>>()
            };
            let (minutes, mut given) = (map(minutes), map(given));
            for (day, more) in owed(&minutes, &given) {
                *given.entry(day).or_default() += more;
            }
            prop_assert_eq!(owed(&minutes, &given), []);
            let wanted: i64 = minutes.values().map(|minutes| points_of(*minutes)).sum();
            prop_assert_eq!(given.values().sum::<i64>(), wanted);
        }

        #[test]
        fn places_do_not_hang_on_the_order_of_rows(
            figures in prop::collection::vec((0_i64..5, 0_i64..3), 0..30), turn in 0_usize..30,
        ) {
            let candidate = |(n, (figure, beside)): (usize, &(i64, i64))| Candidate {
                subject: format!("{n:02}"),
                figure: *figure,
                beside: *beside,
            };
            let all: Vec<Candidate> = figures.iter().enumerate().map(candidate).collect();
            let mut turned = all.clone();
            if !turned.is_empty() {
                let by = turn % turned.len();
                turned.rotate_left(by);
            }
            let first = placed(all.clone());
            prop_assert_eq!(&first, &placed(turned));
            // Nobody without a place has more than somebody with one.
            let least = first.last().map_or((i64::MAX, 0), |one| (one.figure, one.beside));
            let left = all.iter().filter(|one| one.figure > 0 && !first.contains(one));
            for one in left {
                prop_assert!(first.len() == PLACES && (one.figure, one.beside) <= least);
            }
        }
    }
}
