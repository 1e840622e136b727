//! What follows from points, in plain words. They advise and diagnose nothing. Pure.

use super::rules::Outcome;

/// From here on an item is fine.
const FINE: i32 = 75;
/// Below here it comes first.
const WEAK: i32 = 55;

/// How much an item asks for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = FitnessNeed)]
pub enum Need {
    /// Work on it first.
    First,
    Improve,
    Keep,
}

/// A piece of advice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub item: String,
    pub name: &'static str,
    pub name_en: &'static str,
    pub need: Need,
    pub sentence: String,
    pub sentence_en: String,
}

/// Stands beside all advice.
pub const NO_DIAGNOSIS: (&str, &str) = (
    "以上建议仅供锻炼参考，不能代替医疗诊断；如有不适或慢性疾病，请先咨询医生。",
    "This advises exercise and diagnoses nothing; ask a doctor first if you feel unwell or are ill.",
);

/// An ability that an item shows.
struct Ability {
    item: &'static str,
    name: &'static str,
    name_en: &'static str,
    what: &'static str,
    what_en: &'static str,
}

const fn ability(
    item: &'static str,
    (name, name_en): (&'static str, &'static str),
    (what, what_en): (&'static str, &'static str),
) -> Ability {
    Ability { item, name, name_en, what, what_en }
}

const WEIGHT: (&str, &str) = (
    "每周150分钟以上快走、骑行等有氧运动，配合规律饮食",
    "at least 150 minutes a week of brisk walking or cycling, and regular meals",
);
const BREATH: (&str, &str) = (
    "每周3次、每次20至30分钟的快走、慢跑或游泳",
    "brisk walking, jogging or swimming three times a week for 20 to 30 minutes",
);
const LEGS: (&str, &str) =
    ("每周2至3次深蹲、提踵等下肢练习", "squats and heel raises two or three times a week");

/// What is known of items in plain words; other items of a standard have none.
const ABILITIES: [Ability; 13] = [
    ability("bmi", ("体重指数", "body mass index"), WEIGHT),
    ability("body_fat_rate", ("体脂率", "body fat"), WEIGHT),
    ability("vital_capacity", ("肺活量", "vital capacity"), BREATH),
    ability("max_oxygen_uptake", ("心肺耐力", "endurance"), BREATH),
    ability(
        "grip_strength",
        ("握力", "grip"),
        ("每周2至3次悬垂、提重物等上肢练习", "hanging and carrying two or three times a week"),
    ),
    ability("vertical_jump", ("纵跳", "jump"), LEGS),
    ability(
        "push_ups",
        ("俯卧撑", "push-ups"),
        (
            "每周2至3次推墙或俯卧撑，每次2至3组",
            "push-ups, at a wall at first, two or three times a week",
        ),
    ),
    ability(
        "sit_ups_1min",
        ("仰卧起坐", "sit-ups"),
        ("每周2至3次平板支撑、卷腹等核心练习", "planks and curls two or three times a week"),
    ),
    ability(
        "sit_and_reach",
        ("坐位体前屈", "reach"),
        ("每天5至10分钟静力拉伸", "five to ten minutes of stretching a day"),
    ),
    ability(
        "single_leg_stand",
        ("闭眼单脚站立", "balance"),
        (
            "每天在扶手旁单脚站立几分钟，或练习太极拳",
            "standing on one leg beside a rail, or tai chi",
        ),
    ),
    ability(
        "choice_reaction_time",
        ("选择反应时", "reaction"),
        ("每周打1至2次乒乓球、羽毛球等球类", "table tennis or badminton once or twice a week"),
    ),
    ability("high_knees_2min", ("原地高抬腿", "high knees"), BREATH),
    ability("chair_stand_30s", ("坐站", "chair stand"), LEGS),
];

/// The advice that follows from a test: what needs most comes first. Items without points, or
/// that nothing is known of, have none.
pub fn advice(test: &Outcome) -> Vec<Advice> {
    let mut all: Vec<Advice> = test
        .items
        .iter()
        .filter_map(|one| {
            let known = ABILITIES.iter().find(|ability| ability.item == one.item)?;
            Some(say(known, need(one.score?)))
        })
        .collect();
    all.sort_by_key(|advice| advice.need);
    all
}

fn need(score: i32) -> Need {
    match score {
        score if score >= FINE => Need::Keep,
        score if score >= WEAK => Need::Improve,
        _ => Need::First,
    }
}

fn say(ability: &Ability, need: Need) -> Advice {
    let Ability { item, name, name_en, what, what_en } = *ability;
    let (sentence, sentence_en) = match need {
        Need::First => (
            format!("{name}低于同龄人，建议优先改善：{what}，循序渐进。"),
            format!(
                "Your {name_en} is below people of your age; begin with {what_en}, step by step."
            ),
        ),
        Need::Improve => (
            format!("{name}尚可，可继续提高：{what}。"),
            format!("Your {name_en} is fair; to go further: {what_en}."),
        ),
        Need::Keep => {
            (format!("{name}良好，请保持。"), format!("Your {name_en} is good; keep it up."))
        }
    };
    Advice { item: item.to_owned(), name, name_en, need, sentence, sentence_en }
}

/// What an item is called.
pub fn name_of(item: &str) -> Option<&'static str> {
    ABILITIES.iter().find(|ability| ability.item == item).map(|ability| ability.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::documents::Sex, fitness::rules::Scored};

    #[test]
    fn what_needs_most_comes_first_and_what_has_no_points_says_nothing() {
        let scored = |item: &str, score| Scored { item: item.to_owned(), value: 0, score };
        let test = Outcome {
            age: 40,
            sex: Sex::Male,
            items: vec![
                scored("push_ups", Some(75)),
                scored("bmi", Some(60)),
                scored("grip_strength", Some(54)),
                scored("vertical_jump", None),
                scored("unheard_of", Some(10)),
            ],
            total: None,
            grade: None,
            missing: Vec::new(),
        };
        let said = advice(&test);
        let needs: Vec<_> = said.iter().map(|one| (one.item.as_str(), one.need)).collect();
        let expected =
            [("grip_strength", Need::First), ("bmi", Need::Improve), ("push_ups", Need::Keep)];
        assert_eq!(needs, expected);
        assert!(said[0].sentence.contains("握力") && said[0].sentence_en.contains("grip"));
        assert_eq!((name_of("bmi"), name_of("unheard_of")), (Some("体重指数"), None));
    }
}
