//! What a test comes to, how it stands beside one's own earlier ones, and what follows from it in
//! plain words. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use serde::{Deserialize, Serialize};

use super::standard::{Grade, Milli, Standard};
use crate::base::documents::Sex;

/// Nobody measures less or more than this, whatever the unit; thousandths.
const VALUES: std::ops::RangeInclusive<Milli> = -200_000..=20_000_000;
/// After so long a test tells little about today.
pub const AGAIN_AFTER: TimeDelta = TimeDelta::days(180);
/// Students have a standard of their own.
pub const AGE_MIN: i32 = 18;

/// One measured item and its points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    pub item: String,
    pub value: Milli,
    /// None where the standard has no bands for the person.
    pub score: Option<i32>,
}

/// What a test came to, as it is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub age: i32,
    pub sex: Sex,
    pub items: Vec<Scored>,
    /// Hundredths of a point; none while a weighted item is missing.
    pub total: Option<i64>,
    /// As the standard would have it; shown once the standard has been compared.
    pub grade: Option<Grade>,
    pub missing: Vec<String>,
}

/// Scores what was measured. None where an item is not of the standard, stands twice, or has a
/// value that cannot be.
pub fn outcome(
    standard: &Standard,
    sex: Sex,
    age: i32,
    measured: &[(String, Milli)],
) -> Option<Outcome> {
    let known = standard.items();
    let mut seen = BTreeSet::new();
    let mut items = Vec::with_capacity(measured.len());
    for (item, value) in measured {
        let fits = known.contains(item.as_str()) && VALUES.contains(value) && seen.insert(item);
        if !fits {
            return None;
        }
        let score = standard.score(item, sex, age, *value);
        items.push(Scored { item: item.clone(), value: *value, score });
    }
    let scores: BTreeMap<String, i32> =
        items.iter().filter_map(|one| Some((one.item.clone(), one.score?))).collect();
    let overall = standard.overall(age, &scores);
    (!items.is_empty()).then_some(Outcome {
        age,
        sex,
        items,
        total: overall.total,
        grade: overall.grade,
        missing: overall.missing,
    })
}

/// How an item moved. Points are by one's own age and sex, so who keeps them while growing older
/// has not become worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FitnessMove)]
pub enum Move {
    Better,
    Same,
    Worse,
    /// Measured for the first time, or not scored.
    Unknown,
}

/// One time that an item was measured: day, value, points.
pub type Point = (NaiveDate, Milli, Option<i32>);

/// An item through one's tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trend {
    pub item: String,
    /// Oldest first.
    pub points: Vec<Point>,
    /// Against the time before, and against the first time.
    pub since_last: Move,
    pub since_first: Move,
}

/// The trend of every item that was ever measured; tests oldest first.
pub fn trends(tests: &[(NaiveDate, Outcome)]) -> Vec<Trend> {
    let mut of: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for (day, test) in tests {
        for one in &test.items {
            of.entry(&one.item).or_default().push((*day, one.value, one.score));
        }
    }
    let trend = |(item, points): (&str, Vec<Point>)| {
        let score = |back: usize| points.iter().rev().nth(back).and_then(|(_, _, score)| *score);
        let (latest, before) = (score(0), score(1));
        let first = points.first().filter(|_| points.len() > 1).and_then(|(_, _, s)| *s);
        let (since_last, since_first) = (moved(before, latest), moved(first, latest));
        Trend { item: item.to_owned(), since_last, since_first, points }
    };
    of.into_iter().map(trend).collect()
}

fn moved(before: Option<i32>, after: Option<i32>) -> Move {
    match before.zip(after) {
        Some((before, after)) if before < after => Move::Better,
        Some((before, after)) if before > after => Move::Worse,
        Some(_) => Move::Same,
        None => Move::Unknown,
    }
}

/// By how much points changed from one test to another, in hundredths: the mean over what both
/// scored; none where they share nothing.
pub fn change(before: &Outcome, after: &Outcome) -> Option<i64> {
    let old: BTreeMap<&str, i32> =
        before.items.iter().filter_map(|one| Some((one.item.as_str(), one.score?))).collect();
    let shared: Vec<i64> = after
        .items
        .iter()
        .filter_map(|one| Some(i64::from(one.score? - old.get(one.item.as_str())?)))
        .collect();
    let count = i64::try_from(shared.len()).ok().filter(|count| *count > 0)?;
    Some(shared.iter().sum::<i64>() * 100 / count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn test(items: &[(&str, Milli, Option<i32>)]) -> Outcome {
        let scored = |(item, value, score): &(&str, Milli, Option<i32>)| Scored {
            item: (*item).to_owned(),
            value: *value,
            score: *score,
        };
        Outcome {
            age: 40,
            sex: Sex::Male,
            items: items.iter().map(scored).collect(),
            total: None,
            grade: None,
            missing: Vec::new(),
        }
    }

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, n, 1).unwrap()
    }

    #[test]
    fn a_trend_goes_by_points_and_not_by_values() {
        let tests = [
            (day(1), test(&[("grip", 40_000, Some(60)), ("jump", 30_000, Some(70))])),
            (day(6), test(&[("grip", 39_000, Some(65)), ("new", 1, None)])),
            (day(9), test(&[("grip", 39_000, Some(60)), ("jump", 29_000, Some(70))])),
        ];
        let all = trends(&tests);
        let of = |item: &str| all.iter().find(|trend| trend.item == item).unwrap();
        // Less grip, yet at an older age worth more; and then worth less again.
        assert_eq!((of("grip").since_last, of("grip").since_first), (Move::Worse, Move::Same));
        assert_eq!((of("jump").since_last, of("jump").points.len()), (Move::Same, 2));
        assert_eq!(of("new").since_last, Move::Unknown);
        assert_eq!(trends(&tests[..2])[0].since_last, Move::Better);
        assert_eq!(change(&tests[0].1, &tests[2].1), Some(0));
        assert_eq!(change(&tests[0].1, &tests[1].1), Some(500));
        assert_eq!(change(&tests[1].1, &test(&[("jump", 1, Some(1))])), None);
    }

    proptest! {
        #[test]
        fn going_back_is_the_opposite_of_going_on(
            one in prop::collection::vec(0_i32..=100, 5), other in prop::collection::vec(0_i32..=100, 5),
        ) {
            let names = ["a", "b", "c", "d", "e"];
            let of = |points: &[i32]| {
                let all = names.iter().zip(points).map(|(item, points)| (*item, 0, Some(*points)));
                test(&all.collect::<Vec<_>>())
            };
            let (one, other) = (of(&one), of(&other));
            prop_assert_eq!(change(&one, &other).unwrap(), -change(&other, &one).unwrap());
        }
    }
}
