//! Fitness tests of some of those who agreed to them, plans after the first test, and the second
//! half a year later. They are scored by a standard that is invented like everything else here:
//! the real one is loaded by whoever has compared it with the official text.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Days, TimeDelta, Utc};
use uuid::Uuid;

use super::{Life, TESTS};
use crate::{
    base::db,
    demo::{calendar, chance::Chance, people::Person, places::YONGXING},
    fitness::{self, Entered, NewPlan, NewTest},
};

/// People who were tested; every second of them was tested again.
const TESTED: usize = 90;
/// Days back of the first test, at least and at most, and days until the second.
const FIRST_BACK: (i64, i64) = (200, 380);
const AGAIN_AFTER_DAYS: i64 = 182;
/// Ages for which the standard has bands.
const AGES: (i32, i32) = (20, 79);
const GYM: usize = 0;

/// What is measured: the value of most men and most women, and how far others are from it, in
/// thousandths; whether more is better; its weight in hundredths.
struct Item {
    name: &'static str,
    unit: &'static str,
    men: i64,
    women: i64,
    spread: i64,
    more_is_better: bool,
    weight: u32,
}

const fn item(
    (name, unit): (&'static str, &'static str),
    (men, women, spread): (i64, i64, i64),
    more_is_better: bool,
    weight: u32,
) -> Item {
    Item { name, unit, men, women, spread, more_is_better, weight }
}

const ITEMS: [Item; 6] = [
    item(("body_fat_rate", "%"), (20_000, 28_000, 4_000), false, 10),
    item(("vital_capacity", "ml"), (3_600_000, 2_600_000, 500_000), true, 20),
    item(("grip_strength", "kg"), (40_000, 25_000, 6_000), true, 20),
    item(("sit_and_reach", "cm"), (8_000, 12_000, 5_000), true, 20),
    item(("single_leg_stand", "s"), (30_000, 30_000, 12_000), true, 15),
    item(("choice_reaction_time", "s"), (500, 530, 80), false, 15),
];

impl Life<'_> {
    pub(super) async fn tests(&self) -> anyhow::Result<()> {
        let mut chance = self.chance(TESTS);
        let (bands, weights) = standard()?;
        let tx = db::begin(self.db).await?;
        let loaded = self.now - TimeDelta::days(FIRST_BACK.1 + 30);
        fitness::load(&tx, &bands, &weights, "demo", loaded).await?;
        tx.commit().await?;
        let early = self.now - TimeDelta::days(FIRST_BACK.1 + 20);
        let agreed = |who: &usize| {
            let person = &self.plan.people[*who];
            person.health && is_of_age(person, self.now)
        };
        let known = self.some(&mut chance, self.plan.people.len(), early);
        let people: Vec<usize> = known.into_iter().filter(agreed).take(TESTED).collect();
        for (n, who) in people.into_iter().enumerate() {
            self.test_and_again(&mut chance, who, n % 2 == 0).await?;
        }
        Ok(())
    }

    async fn test_and_again(
        &self,
        chance: &mut Chance,
        who: usize,
        again: bool,
    ) -> anyhow::Result<()> {
        let back = chance.between(FIRST_BACK.0, FIRST_BACK.1).unsigned_abs();
        let day = self.plan.today - Days::new(back);
        let first = calendar::instant(day, chance.between(8 * 3600, 17 * 3600));
        let levels: Vec<i64> = ITEMS.iter().map(|_| chance.between(-140, 140)).collect();
        let test = self.test(who, &levels, first).await?;
        if !again {
            return Ok(());
        }
        let second = first + TimeDelta::days(AGAIN_AFTER_DAYS);
        let plan = NewPlan {
            member: self.member(who)?,
            test,
            text: "每周三次，有氧与力量结合，循序渐进。".to_owned(),
            weekly_minutes: 150,
            starts_on: day + Days::new(3),
            ends_on: second.date_naive() - Days::new(3),
        };
        let tx = db::begin(self.db).await?;
        fitness::make_plan(&tx, self.keys, self.by, &plan, first + TimeDelta::days(1)).await?;
        tx.commit().await?;
        let better: Vec<i64> = levels.iter().map(|level| level + chance.between(-20, 60)).collect();
        self.test(who, &better, second).await.map(drop)
    }

    /// Enters what was measured: levels in hundredths of the spread, positive ones being better.
    async fn test(&self, who: usize, levels: &[i64], at: DateTime<Utc>) -> anyhow::Result<Uuid> {
        let is_woman = is_woman(&self.plan.people[who]);
        let measured = ITEMS.iter().zip(levels).map(|(item, level)| {
            let middle = if is_woman { item.women } else { item.men };
            let towards = if item.more_is_better { *level } else { -level };
            (item.name.to_owned(), (middle + item.spread * towards / 100).max(1))
        });
        let new = NewTest {
            member: self.member(who)?,
            community: YONGXING.parse()?,
            venue: Some(self.places[GYM].id),
            tested_at: at,
            measured: measured.collect(),
            record: None,
        };
        let tx = db::begin(self.db).await?;
        let entered =
            fitness::enter(&tx, self.keys, new, &self.by.actor(), at + TimeDelta::hours(1)).await?;
        tx.commit().await?;
        match entered {
            Entered::Taken(id) => Ok(id),
            Entered::Known => anyhow::bail!("a test was there before"),
        }
    }
}

fn is_woman(person: &Person) -> bool {
    // The 17th digit of the number: even for women.
    person.document.as_bytes().get(16).is_some_and(|digit| (digit - b'0').is_multiple_of(2))
}

/// Whether somebody was of an age for the standard all the while.
fn is_of_age(person: &Person, now: DateTime<Utc>) -> bool {
    let born = person.document.get(6..10).and_then(|year| year.parse::<i32>().ok());
    born.is_some_and(|born| (AGES.0 + 3..AGES.1).contains(&(now.year() - born)))
}

/// The bands and weights of the invented standard, as the two files that `fitness load` takes.
fn standard() -> Result<(String, String), std::fmt::Error> {
    let mut bands = String::from(
        "standard,item,unit,sex,age_from,age_to,lower,lower_inclusive,upper,upper_inclusive,score\n",
    );
    let mut weights = String::from("age_from,age_to,item,weight\n");
    let (from, to) = AGES;
    for item in &ITEMS {
        for (sex, middle) in [("male", item.men), ("female", item.women)] {
            let cuts = [middle - item.spread, middle, middle + item.spread].map(decimal);
            let bounds = ["", &cuts[0], &cuts[1], &cuts[2], ""];
            for (n, pair) in bounds.windows(2).enumerate() {
                let score = if item.more_is_better { 40 + 20 * n } else { 100 - 20 * n };
                let owned = if pair[0].is_empty() { "" } else { "true" };
                let Item { name, unit, .. } = item;
                let (lower, upper) = (pair[0], pair[1]);
                writeln!(
                    bands,
                    "demo-invented,{name},{unit},{sex},{from},{to},{lower},{owned},{upper},,{score}"
                )?;
            }
        }
        writeln!(weights, "{from},{to},{},0.{:02}", item.name, item.weight)?;
    }
    for (cut, points) in [("excellent", 85), ("good", 75), ("pass", 60)] {
        writeln!(weights, "{from},{to},overall_{cut}_min,{points}")?;
    }
    Ok((bands, weights))
}

fn decimal(thousandths: i64) -> String {
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}
