//! "2+X": a smart sports community has a gym (百姓健身房) and a multi-sport court, plus X others.
//! Pure: which of them a community still lacks.

use std::collections::BTreeMap;

/// The two kinds that every community has.
const REQUIRED: [&str; 2] = ["gym", "multi_sport_court"];

/// What a community has and lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoPlusX {
    /// Open venues by kind.
    pub kinds: BTreeMap<String, u64>,
    /// The X: open venues beside the first of each required kind.
    pub others: u64,
    /// Required kinds of which there is none. X depends on the place and may be 0.
    pub lacking: Vec<&'static str>,
}

impl TwoPlusX {
    pub fn is_complete(&self) -> bool {
        self.lacking.is_empty()
    }
}

/// Judges a community by the kinds of its open venues.
pub fn two_plus_x<'a>(kinds: impl IntoIterator<Item = &'a str>) -> TwoPlusX {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    let missing = REQUIRED.into_iter().filter(|kind| !counts.contains_key(*kind));
    let lacking: Vec<&'static str> = missing.collect();
    let required = REQUIRED.len() as u64 - lacking.len() as u64;
    let others = counts.values().sum::<u64>() - required;
    TwoPlusX { kinds: counts, others, lacking }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_community_without_venues_lacks_both() {
        let judged = two_plus_x([]);
        assert_eq!(judged.lacking, ["gym", "multi_sport_court"]);
        assert!(!judged.is_complete());
    }

    #[test]
    fn a_gym_a_court_and_one_more_are_two_plus_one() {
        let judged = two_plus_x(["gym", "multi_sport_court", "indoor_hall"]);
        assert!(judged.is_complete());
        assert_eq!(judged.others, 1);
    }

    #[test]
    fn a_second_gym_is_an_other_but_no_court() {
        let judged = two_plus_x(["gym", "gym"]);
        assert_eq!(judged.others, 1);
        assert_eq!(judged.lacking, ["multi_sport_court"]);
    }
}
