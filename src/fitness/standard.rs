//! A standard as it is read from its two CSV files: bands by item, sex and age, weights, cuts of
//! grades. Nothing of it is compiled in. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::base::documents::Sex;

mod read;

pub use read::read;

/// A measured value in thousandths of its unit: exact, unlike a float.
pub type Milli = i64;
/// Weights are ten-thousandths, and those of an age make a whole.
pub const WHOLE: i64 = 10_000;
/// The oldest whole years of age that a standard may speak of.
pub const AGE_MAX: i32 = 130;

/// Ages in completed years, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ages {
    pub from: i32,
    pub to: i32,
}

impl Ages {
    pub fn hold(self, age: i32) -> bool {
        (self.from..=self.to).contains(&age)
    }
}

/// From where to where a score reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    pub lower: Option<Milli>,
    pub lower_inclusive: bool,
    pub upper: Option<Milli>,
    pub upper_inclusive: bool,
    pub score: i32,
}

impl Band {
    pub fn holds(&self, value: Milli) -> bool {
        let above = self
            .lower
            .is_none_or(|cut| if self.lower_inclusive { value >= cut } else { value > cut });
        let below = self
            .upper
            .is_none_or(|cut| if self.upper_inclusive { value <= cut } else { value < cut });
        above && below
    }
}

/// How an item is scored for one sex and some ages; bands by rising values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub item: String,
    pub unit: String,
    pub sex: Sex,
    pub ages: Ages,
    pub bands: Vec<Band>,
}

/// What weighs how much at some ages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    pub ages: Ages,
    pub items: BTreeMap<String, i64>,
}

/// The least totals of grades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    pub ages: Ages,
    pub excellent: i64,
    pub good: i64,
    pub pass: i64,
}

/// A whole standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standard {
    pub name: String,
    pub tables: Vec<Table>,
    pub weights: Vec<Weights>,
    pub cuts: Cuts,
}

/// What a total comes to; text in results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FitnessGrade)]
pub enum Grade {
    Excellent,
    Good,
    Pass,
    BelowPass,
}

impl Grade {
    pub fn zh(self) -> &'static str {
        match self {
            Self::Excellent => "优秀",
            Self::Good => "良好",
            Self::Pass => "合格",
            Self::BelowPass => "不合格",
        }
    }
}

/// What all scores of a person come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overall {
    /// Hundredths of a point; none while a weighted item has no score.
    pub total: Option<i64>,
    pub grade: Option<Grade>,
    /// Weighted items without a score.
    pub missing: Vec<String>,
}

impl Standard {
    /// The items that may be measured.
    pub fn items(&self) -> BTreeSet<&str> {
        let scored = self.tables.iter().map(|table| table.item.as_str());
        let weighed = self.weights.iter().flat_map(|w| w.items.keys().map(String::as_str));
        scored.chain(weighed).collect()
    }

    /// The points of a value; none where the standard has no bands for the person.
    pub fn score(&self, item: &str, sex: Sex, age: i32, value: Milli) -> Option<i32> {
        let mine = |table: &&Table| table.item == item && table.sex == sex && table.ages.hold(age);
        let table = self.tables.iter().find(mine)?;
        table.bands.iter().find(|band| band.holds(value)).map(|band| band.score)
    }

    /// What the scores of a person of this age come to.
    pub fn overall(&self, age: i32, scores: &BTreeMap<String, i32>) -> Overall {
        let weights = self.weights.iter().find(|weights| weights.ages.hold(age));
        let Some(weights) = weights else {
            return Overall { total: None, grade: None, missing: Vec::new() };
        };
        let missing: Vec<String> =
            weights.items.keys().filter(|item| !scores.contains_key(*item)).cloned().collect();
        if !missing.is_empty() {
            return Overall { total: None, grade: None, missing };
        }
        let weighed = weights.items.iter().map(|(item, weight)| i64::from(scores[item]) * weight);
        // Points times ten-thousandths, in hundredths of a point.
        let total = weighed.sum::<i64>() / (WHOLE / 100);
        Overall { total: Some(total), grade: self.grade(age, total), missing }
    }

    fn grade(&self, age: i32, total: i64) -> Option<Grade> {
        let Cuts { ages, excellent, good, pass } = self.cuts;
        if !ages.hold(age) {
            return None;
        }
        Some(match total {
            total if total >= excellent * 100 => Grade::Excellent,
            total if total >= good * 100 => Grade::Good,
            total if total >= pass * 100 => Grade::Pass,
            _ => Grade::BelowPass,
        })
    }
}

#[cfg(test)]
mod tests;
