//! Reading a standard's two files, and whether what they say can be: every value in exactly one
//! band, no age in two groups, weights that make a whole.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::{AGE_MAX, Ages, Band, Cuts, Milli, Standard, Table, WHOLE, Weights};
use crate::base::documents::Sex;

/// Rows of a file: more than ten times what the standard of 2023 has.
const ROWS_MAX: usize = 20_000;
/// Digits behind the point that a cut may have.
const DECIMALS_MAX: usize = 3;
const POINTS_MAX: i32 = 100;
const CUTS: [&str; 3] = ["overall_excellent_min", "overall_good_min", "overall_pass_min"];

#[derive(Deserialize)]
struct BandRow {
    standard: String,
    item: String,
    unit: String,
    sex: Sex,
    age_from: i32,
    age_to: i32,
    lower: String,
    lower_inclusive: String,
    upper: String,
    upper_inclusive: String,
    score: i32,
}

#[derive(Deserialize)]
struct WeightRow {
    age_from: i32,
    age_to: i32,
    item: String,
    weight: String,
}

/// Reads a standard; the error says in which row what is wrong.
pub fn read(bands: &str, weights: &str) -> anyhow::Result<Standard> {
    let rows: Vec<BandRow> = rows(bands).context("the bands")?;
    let name = rows.first().context("the bands are empty")?.standard.clone();
    let mut tables: Vec<Table> = Vec::new();
    for (n, row) in rows.into_iter().enumerate() {
        ensure!(row.standard == name, "row {}: another standard", n + 1);
        add(&mut tables, row).with_context(|| format!("bands, row {}", n + 1))?;
    }
    for table in &mut tables {
        table.bands.sort_by_key(|band| (band.lower, band.upper.unwrap_or(Milli::MAX)));
        let Table { item, sex, ages, .. } = &*table;
        let place = || format!("{item}, {}, {} to {}", sex.as_str(), ages.from, ages.to);
        check_bands(&table.bands).with_context(place)?;
    }
    check_ages(&tables)?;
    let (weights, cuts) = weigh(weights)?;
    Ok(Standard { name, tables, weights, cuts })
}

fn rows<T: for<'a> Deserialize<'a>>(text: &str) -> anyhow::Result<Vec<T>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let rows: Vec<T> = reader.deserialize().collect::<Result<_, _>>()?;
    ensure!(rows.len() <= ROWS_MAX, "there are too many rows");
    Ok(rows)
}

fn add(tables: &mut Vec<Table>, row: BandRow) -> anyhow::Result<()> {
    let ages = ages(row.age_from, row.age_to)?;
    ensure!(is_word(&row.item), "an item is 1 to 40 small letters, digits and underscores");
    ensure!((0..=POINTS_MAX).contains(&row.score), "a score is 0 to 100");
    let band = Band {
        lower: cut(&row.lower)?,
        lower_inclusive: flag(&row.lower_inclusive)?,
        upper: cut(&row.upper)?,
        upper_inclusive: flag(&row.upper_inclusive)?,
        score: row.score,
    };
    let same =
        |table: &&mut Table| table.item == row.item && table.sex == row.sex && table.ages == ages;
    match tables.iter_mut().find(same) {
        Some(table) => table.bands.push(band),
        None => tables.push(Table {
            item: row.item,
            unit: row.unit,
            sex: row.sex,
            ages,
            bands: vec![band],
        }),
    }
    Ok(())
}

fn ages(from: i32, to: i32) -> anyhow::Result<Ages> {
    ensure!(0 <= from && from <= to && to <= AGE_MAX, "these are no ages");
    Ok(Ages { from, to })
}

pub(super) fn is_word(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=40).contains(&text.len()) && text.bytes().all(fits)
}

fn flag(text: &str) -> anyhow::Result<bool> {
    match text {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => bail!("true or false"),
    }
}

/// A decimal number in thousandths; none where there is nothing.
fn cut(text: &str) -> anyhow::Result<Option<Milli>> {
    if text.is_empty() { Ok(None) } else { milli(text).map(Some) }
}

/// A decimal number in thousandths, exactly.
pub fn milli(text: &str) -> anyhow::Result<Milli> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let fits = (1..=9).contains(&whole.len())
        && part.len() <= DECIMALS_MAX
        && whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit());
    ensure!(fits, "a number has at most three digits behind the point");
    Ok(sign * format!("{whole}{part:0<3}").parse::<Milli>()?)
}

/// Every value lies in exactly one band: the first and the last are open, and where one ends the
/// next begins, the cut being one's only.
fn check_bands(bands: &[Band]) -> anyhow::Result<()> {
    let ends = (bands.first().and_then(|b| b.lower), bands.last().and_then(|b| b.upper));
    ensure!(ends == (None, None), "the outermost bands have no outer bound");
    for pair in bands.windows(2) {
        let meets = pair[0].upper.is_some() && pair[0].upper == pair[1].lower;
        ensure!(meets, "a band begins where the one below it ends");
        let owners = [pair[0].upper_inclusive, pair[1].lower_inclusive];
        ensure!(owners[0] != owners[1], "a cut belongs to one band");
    }
    for band in bands {
        // A band may be of one value, where both its bounds are its own.
        let of_one = band.lower == band.upper && band.lower_inclusive && band.upper_inclusive;
        let is_wide = band.lower.zip(band.upper).is_none_or(|(lower, upper)| lower < upper);
        ensure!(is_wide || of_one, "a band is empty");
    }
    Ok(())
}

fn check_ages(tables: &[Table]) -> anyhow::Result<()> {
    for (n, one) in tables.iter().enumerate() {
        for other in &tables[n + 1..] {
            let same = one.item == other.item && one.sex == other.sex;
            let overlap = one.ages.from <= other.ages.to && other.ages.from <= one.ages.to;
            ensure!(!(same && overlap), "{}: an age stands in two groups", one.item);
            ensure!(one.item != other.item || one.unit == other.unit, "{}: two units", one.item);
        }
    }
    Ok(())
}

fn weigh(text: &str) -> anyhow::Result<(Vec<Weights>, Cuts)> {
    let rows: Vec<WeightRow> = rows(text).context("the weights")?;
    let mut weights: Vec<Weights> = Vec::new();
    let mut cuts: BTreeMap<String, (Ages, i64)> = BTreeMap::new();
    for (n, row) in rows.into_iter().enumerate() {
        let place = || format!("weights, row {}", n + 1);
        let ages = ages(row.age_from, row.age_to).with_context(place)?;
        let value = milli(&row.weight);
        if CUTS.contains(&row.item.as_str()) {
            let points = value.with_context(place)? / 1000;
            ensure!(cuts.insert(row.item, (ages, points)).is_none(), "a cut stands twice");
            continue;
        }
        ensure!(is_word(&row.item), "row {}: no item", n + 1);
        let weight = value.with_context(place)? * (WHOLE / 1000);
        if !weights.iter().any(|weights| weights.ages == ages) {
            weights.push(Weights { ages, items: BTreeMap::new() });
        }
        let of_age = weights.iter_mut().find(|weights| weights.ages == ages);
        let of_age = of_age.context("it is there by now")?;
        ensure!(of_age.items.insert(row.item, weight).is_none(), "row {}: twice", n + 1);
    }
    check_weights(&weights)?;
    Ok((weights, cuts_of(&cuts)?))
}

fn check_weights(weights: &[Weights]) -> anyhow::Result<()> {
    for (n, one) in weights.iter().enumerate() {
        let Ages { from, to } = one.ages;
        let whole = one.items.values().sum::<i64>() == WHOLE && one.items.values().all(|w| *w > 0);
        ensure!(whole, "the weights of {from} to {to} make no whole");
        let overlaps = |other: &Weights| from <= other.ages.to && other.ages.from <= to;
        ensure!(!weights[n + 1..].iter().any(overlaps), "an age has two sets of weights");
    }
    Ok(())
}

fn cuts_of(cuts: &BTreeMap<String, (Ages, i64)>) -> anyhow::Result<Cuts> {
    let cut = |name: &str| cuts.get(name).copied().with_context(|| format!("{name} is missing"));
    let [(ages, excellent), (_, good), (_, pass)] = [cut(CUTS[0])?, cut(CUTS[1])?, cut(CUTS[2])?];
    ensure!(pass < good && good < excellent, "the cuts of grades do not rise");
    Ok(Cuts { ages, excellent, good, pass })
}
