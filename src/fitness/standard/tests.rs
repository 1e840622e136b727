//! The shipped file against itself, and people whose scores were worked out by hand.

use proptest::{prelude::*, sample::select};

use super::{read::milli, *};

const BANDS: &str = include_str!("../../../deploy/standards/fitness-2023.csv");
const WEIGHTS: &str = include_str!("../../../deploy/standards/fitness-2023-weights.csv");

fn standard() -> Standard {
    read(BANDS, WEIGHTS).unwrap()
}

type Measured = (&'static str, &'static str, i32);

/// Whether each value has the points beside it; gives what they come to.
fn scored(sex: Sex, age: i32, measured: &[Measured]) -> Overall {
    let standard = standard();
    let mut scores = BTreeMap::new();
    for (item, value, points) in measured {
        let score = standard.score(item, sex, age, milli(value).unwrap());
        assert_eq!(score, Some(*points), "{item} {value}");
        scores.insert((*item).to_owned(), *points);
    }
    standard.overall(age, &scores)
}

/// A man of 36. By hand: 5 + 10 + 7.5 + 10.5 + 7.5 + 7 + 3.75 + 3.75 + 7 + 7.5 + 7 = 76.5.
const MAN: [Measured; 11] = [
    ("bmi", "22.5", 100),
    ("body_fat_rate", "20.0", 100),
    ("vital_capacity", "3600", 75),
    ("max_oxygen_uptake", "37.0", 70),
    ("grip_strength", "45.0", 75),
    ("vertical_jump", "33.0", 70),
    ("push_ups", "20", 75),
    ("sit_ups_1min", "24", 75),
    ("sit_and_reach", "5.0", 70),
    ("single_leg_stand", "20", 75),
    ("choice_reaction_time", "0.55", 70),
];

/// A woman of 52, each item worth 60; jumps are not asked of her.
const WOMAN: [Measured; 10] = [
    ("bmi", "25.0", 60),
    ("body_fat_rate", "33.0", 60),
    ("vital_capacity", "1800", 60),
    ("max_oxygen_uptake", "26.0", 60),
    ("grip_strength", "23.0", 60),
    ("push_ups", "9", 60),
    ("sit_ups_1min", "8", 60),
    ("sit_and_reach", "5.0", 60),
    ("single_leg_stand", "8", 60),
    ("choice_reaction_time", "0.70", 60),
];

#[test]
fn people_whose_scores_were_worked_out_by_hand() {
    let man = scored(Sex::Male, 36, &MAN);
    assert_eq!((man.total, man.grade), (Some(7650), Some(Grade::Good)));
    let woman = scored(Sex::Female, 52, &WOMAN);
    assert_eq!((woman.total, woman.grade), (Some(6000), Some(Grade::Pass)));
    // One item of a tenth, ten points less: 59, one short of a pass.
    let mut slower = WOMAN;
    slower[9] = ("choice_reaction_time", "0.80", 50);
    let slower = scored(Sex::Female, 52, &slower);
    assert_eq!((slower.total, slower.grade), (Some(5900), Some(Grade::BelowPass)));
}

#[test]
fn a_cut_belongs_to_one_band_and_a_missing_item_leaves_no_total() {
    let standard = standard();
    let points = |value| standard.score("vital_capacity", Sex::Male, 36, milli(value).unwrap());
    assert_eq!(
        ["2098.999", "2099", "2271", "2271.001"].map(points).map(Option::unwrap),
        [10, 30, 30, 50]
    );
    let missing = scored(Sex::Male, 36, &MAN[..10]);
    assert_eq!((missing.total, missing.grade), (None, None));
    assert_eq!(missing.missing, ["choice_reaction_time"]);
    // Nobody knows yet how people of 60 are scored.
    assert_eq!(standard.score("grip_strength", Sex::Male, 60, 40_000), None);
    assert_eq!(standard.overall(60, &BTreeMap::new()).total, None);
    assert_eq!(standard.overall(17, &BTreeMap::new()).missing, Vec::<String>::new());
}

#[test]
fn what_cannot_be_a_standard_is_refused() {
    let head = BANDS.lines().next().unwrap();
    let read_rows = |rows: &[&str]| {
        let text = format!("{head}\n{}\n", rows.join("\n"));
        read(&text, WEIGHTS).map(drop)
    };
    let low = "s,x,kg,male,20,24,,,10,false,50";
    let high = "s,x,kg,male,20,24,10,true,,,100";
    assert!(read_rows(&[low, high]).is_ok());
    assert!(read_rows(&[high, low]).is_ok(), "the order of rows does not matter");
    for bad in [
        &[][..],
        &[low],
        &[low, "s,x,kg,male,20,24,10,false,,,100"],
        &[low, "s,x,kg,male,20,24,11,true,,,100"],
        &[low, "s,x,kg,male,20,24,10,true,12,false,100"],
        &[low, high, "s,x,kg,male,24,30,,,,,50"],
        &[low, high, "t,x,kg,female,20,24,,,,,50"],
        &[low, high, "s,x,cm,female,20,24,,,,,50"],
        &[low, "s,x,kg,male,20,24,10,true,,,101"],
        &["s,x,kg,male,24,20,,,,,50"],
        &["s,X,kg,male,20,24,,,,,50"],
    ] {
        assert!(read_rows(bad).is_err(), "{bad:?}");
    }
    for bad in ["", "age_from,age_to,item,weight\n20,49,bmi,0.9\n"] {
        assert!(read(BANDS, bad).is_err(), "{bad}");
    }
    assert!(["1.2345", "--1", "1e3", "", "a"].iter().all(|bad| milli(bad).is_err()));
    assert_eq!(["-0.5", "12", "0.001"].map(|text| milli(text).unwrap()), [-500, 12_000, 1]);
}

proptest! {
    #[test]
    fn every_value_has_its_points_in_exactly_one_band(
        table in select(standard().tables), value in -100_000_i64..10_000_000,
    ) {
        prop_assert_eq!(table.bands.iter().filter(|band| band.holds(value)).count(), 1);
    }

    /// More is better, or less is; of weight and fat, the middle is.
    #[test]
    fn points_rise_one_way(
        table in select(standard().tables), one in 0_i64..6_000_000, other in 0_i64..6_000_000,
    ) {
        prop_assume!(!["bmi", "body_fat_rate"].contains(&table.item.as_str()));
        let points = |value| table.bands.iter().find(|band| band.holds(value)).unwrap().score;
        let (less, more) = (points(one.min(other)), points(one.max(other)));
        if table.item == "choice_reaction_time" {
            prop_assert!(less >= more);
        } else {
            prop_assert!(less <= more);
        }
    }

    #[test]
    fn a_total_lies_between_the_least_and_the_most_of_its_points(
        age in 20_i32..60, points in prop::collection::vec(0_i32..=100, 13),
    ) {
        let standard = standard();
        let items = standard.items();
        let scores: BTreeMap<String, i32> =
            items.into_iter().map(str::to_owned).zip(points).collect();
        let total = standard.overall(age, &scores).total.unwrap();
        let least = i64::from(*scores.values().min().unwrap()) * 100;
        let most = i64::from(*scores.values().max().unwrap()) * 100;
        prop_assert!((least..=most).contains(&total));
    }
}
