//! What makes an instructor active, and how much service doors have proven. Pure.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

/// What a certificate says of its holder, by the ladder of social sports instructors and by
/// vocational qualification; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InstructorLevel)]
pub enum Level {
    /// 国家级社会体育指导员
    National,
    /// 一级社会体育指导员
    First,
    /// 二级社会体育指导员
    Second,
    /// 三级社会体育指导员
    Third,
    /// 职业社会体育指导员 (vocational qualification)
    Professional,
}

impl Level {
    pub const ALL: [Self; 5] =
        [Self::National, Self::First, Self::Second, Self::Third, Self::Professional];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::National => "national",
            Self::First => "first",
            Self::Second => "second",
            Self::Third => "third",
            Self::Professional => "professional",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// Whether somebody works as an instructor at all; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InstructorStatus)]
pub enum Status {
    Active,
    Suspended,
    Retired,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended, Self::Retired].into_iter().find(|one| one.as_str() == text)
    }
}

/// The last day on which one of these certificates (expiries; `None` never expires) is good; `None`
/// without any.
pub fn certified_until(expiries: &[Option<NaiveDate>]) -> Option<NaiveDate> {
    expiries.iter().map(|day| day.unwrap_or(NEVER)).max()
}

/// A certificate without an end, so that a comparison of days serves for all.
const NEVER: NaiveDate = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a day of the calendar");

/// From when until when somebody was inside, the end left out.
pub type Stretch = (DateTime<Utc>, DateTime<Utc>);

/// Whole minutes of the hours `slot` in which doors saw the coach inside and at least one learner
/// with them.
pub fn served_minutes(slot: Stretch, coach: &[Stretch], learners: &[Stretch]) -> i32 {
    let both = common(&merged(coach, slot), &merged(learners, slot));
    let seconds: i64 = both.iter().map(|(from, until)| (*until - *from).num_seconds()).sum();
    i32::try_from(seconds / 60).unwrap_or(i32::MAX)
}

/// The parts of `stretches` within `bounds`, in order and without overlaps.
fn merged(stretches: &[Stretch], bounds: Stretch) -> Vec<Stretch> {
    let cut = stretches.iter().map(|(from, until)| (*from.max(&bounds.0), *until.min(&bounds.1)));
    let mut cut: Vec<Stretch> = cut.filter(|(from, until)| from < until).collect();
    cut.sort_unstable();
    let mut merged: Vec<Stretch> = Vec::with_capacity(cut.len());
    for (from, until) in cut {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            Some(_) | None => merged.push((from, until)),
        }
    }
    merged
}

/// What two ordered lists without overlaps have in common.
fn common(a: &[Stretch], b: &[Stretch]) -> Vec<Stretch> {
    let both = a.iter().flat_map(|x| b.iter().map(move |y| (x.0.max(y.0), x.1.min(y.1))));
    both.filter(|(from, until)| from < until).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::from_millis;

    fn minute(n: i64) -> DateTime<Utc> {
        from_millis(1_800_000_000_000 + n * 60_000)
    }

    fn stretches(pairs: &[(i64, i64)]) -> Vec<Stretch> {
        pairs.iter().map(|(from, length)| (minute(*from), minute(from + length))).collect()
    }

    #[test]
    fn service_is_what_coach_and_some_learner_share_within_the_slot() {
        let slot = (minute(0), minute(60));
        let served = |coach: &[(i64, i64)], learners: &[(i64, i64)]| {
            served_minutes(slot, &stretches(coach), &stretches(learners))
        };
        assert_eq!(served(&[(-5, 70)], &[(10, 20), (25, 20)]), 35, "overlaps count once");
        assert_eq!(served(&[(-5, 70)], &[]), 0, "nobody came to learn");
        assert_eq!(served(&[], &[(0, 60)]), 0, "the coach did not come");
        assert_eq!(served(&[(0, 10), (50, 30)], &[(-30, 120)]), 20);
    }

    #[test]
    fn the_best_certificate_decides() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(certified_until(&[]), None);
        let two = [Some(day("2026-05-01")), Some(day("2027-05-01"))];
        assert_eq!(certified_until(&two), Some(day("2027-05-01")));
        assert!(certified_until(&[None, two[0]]).is_some_and(|until| until > day("2100-01-01")));
    }

    fn some_stretches() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((-60_i64..120, 0_i64..90), 0..6)
    }

    proptest! {
        #[test]
        fn no_service_exceeds_the_slot_or_depends_on_order(
            coach in some_stretches(), learners in some_stretches(), more in (-60_i64..120, 0_i64..90),
        ) {
            let slot = (minute(0), minute(60));
            let served = served_minutes(slot, &stretches(&coach), &stretches(&learners));
            prop_assert!((0..=60).contains(&served));
            let (mut c, mut l) = (coach.clone(), learners.clone());
            c.reverse();
            l.reverse();
            prop_assert_eq!(served, served_minutes(slot, &stretches(&c), &stretches(&l)));
            l.push(more);
            prop_assert!(served <= served_minutes(slot, &stretches(&c), &stretches(&l)));
            prop_assert_eq!(served, served_minutes(slot, &stretches(&learners), &stretches(&coach)));
        }
    }
}
