//! What reports are made of, from wherever it was read, and how it becomes rows. Pure: the same
//! facts give the same rows, whether roll-ups or the ledger itself told them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike as _, NaiveDate};

use super::{
    hidden::{self, Visitor},
    kinds::{By, Kind},
    table::{Ask, Cell, Row},
};
use crate::{
    base::ids::{DivisionCode, VenueId},
    venues::calendar::DayKind,
};

/// A venue by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub id: VenueId,
    pub community: DivisionCode,
    pub name: String,
}

/// A division by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub code: DivisionCode,
    pub name: String,
    pub residents: Option<i64>,
}

/// Visits and minutes (by provenance), which may be added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub visits: i64,
    pub minutes: [i64; 4],
}

impl Sums {
    fn add(&mut self, other: &Self) {
        self.visits += other.visits;
        for (sum, part) in self.minutes.iter_mut().zip(other.minutes) {
            *sum += part;
        }
    }
}

/// A thing that is counted at a venue on a day: a reason of refusals, a way in.
pub type Counted = HashMap<(VenueId, NaiveDate, String), i64>;

/// What full hours are called among what people did not get.
pub const FULL_HOURS: &str = "full_hours";

/// All that any report needs; each reads what its kind wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// By community, name and id.
    pub places: Vec<Place>,
    /// The division itself and the parts of the next level that are known, by code.
    pub parts: Vec<Part>,
    pub days: HashMap<(VenueId, NaiveDate), Sums>,
    /// Distinct people of a venue in a period.
    pub venue_people: HashMap<(VenueId, NaiveDate), i64>,
    /// Distinct people of a division in a period.
    pub people: HashMap<(DivisionCode, NaiveDate), i64>,
    /// Who came in which month; also the number of distinct people of each part in all of them.
    pub visitors: BTreeMap<NaiveDate, Vec<Visitor>>,
    pub active: HashMap<DivisionCode, i64>,
    pub registered: HashMap<DivisionCode, i64>,
    /// Refusals by reason.
    pub refusals: Counted,
    /// Hours in which a venue was full, under [`FULL_HOURS`].
    pub full_hours: Counted,
    pub ways: Counted,
    /// What the calendar calls days that are not as their weekday is.
    pub calendar: BTreeMap<NaiveDate, DayKind>,
}

/// Age bands of the national fitness standard, in years of age, both ends included.
const AGE_BANDS: [(i32, Option<i32>); 6] =
    [(0, Some(6)), (7, Some(17)), (18, Some(34)), (35, Some(59)), (60, Some(79)), (80, None)];
const SEXES: [&str; 3] = ["female", "male", "unknown"];
/// The number of those whose age is not known.
const NO_BAND: usize = AGE_BANDS.len();

/// The group of somebody born in a year, at their age in the year of `period`.
pub fn group(period: NaiveDate, birth_year: Option<i32>, sex: Option<&str>) -> hidden::Group {
    let age = birth_year.map(|year| period.year() - year);
    let band = age.and_then(|age| {
        AGE_BANDS.iter().position(|(from, to)| *from <= age && to.is_none_or(|to| age <= to))
    });
    let sex = sex.and_then(|sex| SEXES.iter().position(|one| *one == sex));
    let sex = sex.unwrap_or(SEXES.len() - 1);
    let number = band.unwrap_or(NO_BAND) * SEXES.len() + sex;
    u8::try_from(number).expect("seven bands of three sexes are few")
}

/// The period that a day falls into, by its first day.
pub fn period(by: By, day: NaiveDate) -> NaiveDate {
    match by {
        By::Day => day,
        By::Month => day.with_day(1).unwrap_or(day),
    }
}

/// The first days of all periods of a report, in order.
pub fn periods(ask: &Ask) -> Vec<NaiveDate> {
    let days = ask.from.iter_days().take_while(|day| *day <= ask.to);
    let mut all: Vec<NaiveDate> = days.map(|day| period(ask.by, day)).collect();
    all.dedup();
    all
}

fn period_cell(by: By, first: NaiveDate) -> Cell {
    match by {
        By::Day => first.into(),
        By::Month => Cell::Text(first.format("%Y-%m").to_string()),
    }
}

/// The rows of a report.
pub fn rows(ask: &Ask, facts: &Facts) -> Vec<Row> {
    match ask.kind {
        Kind::Activity => activity(ask, facts),
        Kind::Venues => venues(ask, facts),
        Kind::Visits => visits(ask, facts),
        Kind::Ages => ages(ask, facts),
        Kind::Coverage => coverage(ask, facts),
        Kind::Demand => demand(ask, facts),
        Kind::WaysIn => ways_in(ask, facts),
        Kind::DayTypes => day_types(ask, facts),
    }
}

/// A row for each part and period in which anything happened.
fn activity(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let community: HashMap<VenueId, &DivisionCode> =
        facts.places.iter().map(|place| (place.id, &place.community)).collect();
    let mut sums: HashMap<(&DivisionCode, NaiveDate), Sums> = HashMap::new();
    for ((venue, day), day_sums) in &facts.days {
        let Some(community) = community.get(venue) else { continue };
        let first = period(ask.by, *day);
        for part in facts.parts.iter().filter(|part| part.code.covers(community)) {
            sums.entry((&part.code, first)).or_default().add(day_sums);
        }
    }
    let mut rows = Vec::new();
    for first in periods(ask) {
        for part in &facts.parts {
            let Some(sums) = sums.get(&(&part.code, first)) else { continue };
            let people = facts.people.get(&(part.code.clone(), first)).copied();
            let head = [period_cell(ask.by, first), part.code.as_str().into(), text(&part.name)];
            rows.push(with_sums(head.into(), *sums, people.unwrap_or_default()));
        }
    }
    rows
}

fn venues(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let mut sums: HashMap<(VenueId, NaiveDate), Sums> = HashMap::new();
    for ((venue, day), day_sums) in &facts.days {
        sums.entry((*venue, period(ask.by, *day))).or_default().add(day_sums);
    }
    let mut rows = Vec::new();
    for first in periods(ask) {
        for place in &facts.places {
            let Some(sums) = sums.get(&(place.id, first)) else { continue };
            let people = facts.venue_people.get(&(place.id, first)).copied();
            rows.push(with_sums(head(ask.by, first, place), *sums, people.unwrap_or_default()));
        }
    }
    rows
}

/// Every venue on every day, also those without visits: what is owed upwards has no holes.
fn visits(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let mut rows = Vec::new();
    for day in periods(ask) {
        for place in &facts.places {
            let sums = facts.days.get(&(place.id, day)).copied().unwrap_or_default();
            let mut row = head(ask.by, day, place);
            row.push(sums.visits.into());
            rows.push(row);
        }
    }
    rows
}

fn ages(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let mut rows = Vec::new();
    for (month, visitors) in &facts.visitors {
        let tables = hidden::tables(visitors);
        for part in &facts.parts {
            let Some(table) = tables.get(&part.code) else { continue };
            for (group, told) in table {
                let (band, sex) = (usize::from(*group) / SEXES.len(), usize::from(*group) % 3);
                let (from, to) = AGE_BANDS.get(band).copied().unzip();
                rows.push(vec![
                    period_cell(ask.by, *month),
                    part.code.as_str().into(),
                    from.map(i64::from).into(),
                    to.flatten().map(i64::from).into(),
                    SEXES[sex].into(),
                    told.map(|told| i64::try_from(told.people).unwrap_or(i64::MAX)).into(),
                    told.map(|told| told.visits).into(),
                ]);
            }
        }
    }
    rows
}

fn coverage(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let refusals = by_venue(&facts.refusals);
    let full_hours = by_venue(&facts.full_hours);
    let among = |counted: &HashMap<VenueId, i64>, code: &DivisionCode| -> i64 {
        let inside = facts.places.iter().filter(|place| code.covers(&place.community));
        inside.filter_map(|place| counted.get(&place.id)).sum()
    };
    let row = |part: &Part| {
        let of = |map: &HashMap<DivisionCode, i64>| map.get(&part.code).copied();
        let registered = of(&facts.registered).unwrap_or_default();
        let active = of(&facts.active).unwrap_or_default();
        let residents = part.residents.filter(|residents| *residents > 0);
        vec![
            ask.from.into(),
            ask.to.into(),
            part.code.as_str().into(),
            text(&part.name),
            residents.into(),
            registered.into(),
            residents.map(|all| per_mille(registered, all)).into(),
            active.into(),
            residents.map(|all| per_mille(active, all)).into(),
            among(&refusals, &part.code).into(),
            among(&full_hours, &part.code).into(),
        ]
    };
    facts.parts.iter().map(row).collect()
}

fn by_venue(counted: &Counted) -> HashMap<VenueId, i64> {
    let mut sums = HashMap::new();
    for ((venue, ..), count) in counted {
        *sums.entry(*venue).or_default() += count;
    }
    sums
}

fn demand(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let both = facts.refusals.iter().chain(&facts.full_hours);
    let mut rows = Vec::new();
    for (first, place, what, count) in by_period(ask, facts, both) {
        let mut row = head(ask.by, first, place);
        row.extend([Cell::Text(what), count.into()]);
        rows.push(row);
    }
    rows
}

fn ways_in(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let counted = by_period(ask, facts, facts.ways.iter());
    let mut totals: HashMap<(NaiveDate, VenueId), i64> = HashMap::new();
    for (first, place, _, count) in &counted {
        *totals.entry((*first, place.id)).or_default() += count;
    }
    let mut rows = Vec::new();
    for (first, place, method, count) in counted {
        let all = totals.get(&(first, place.id)).copied().unwrap_or_default();
        let mut row = head(ask.by, first, place);
        row.extend([Cell::Text(method), count.into(), per_mille(count, all).into()]);
        rows.push(row);
    }
    rows
}

/// What kind of day it is for people's time.
fn day_type(facts: &Facts, day: NaiveDate) -> &'static str {
    let is_weekend = day.weekday().number_from_monday() > 5;
    match facts.calendar.get(&day) {
        Some(DayKind::Holiday) => "holiday",
        Some(DayKind::Ordinary) | None if is_weekend => "weekend",
        Some(DayKind::Workday | DayKind::Ordinary) | None => "workday",
    }
}

/// Means of the days on which anything happened.
fn day_types(ask: &Ask, facts: &Facts) -> Vec<Row> {
    let community: HashMap<VenueId, &DivisionCode> =
        facts.places.iter().map(|place| (place.id, &place.community)).collect();
    let mut of: BTreeMap<(NaiveDate, usize, &str), (BTreeSet<NaiveDate>, Sums)> = BTreeMap::new();
    for ((venue, day), sums) in &facts.days {
        let Some(community) = community.get(venue) else { continue };
        let parts = facts.parts.iter().enumerate();
        for (part, _) in parts.filter(|(_, part)| part.code.covers(community)) {
            let key = (period(ask.by, *day), part, day_type(facts, *day));
            let (days, total) = of.entry(key).or_default();
            days.insert(*day);
            total.add(sums);
        }
    }
    let row =
        |((first, part, kind), (days, sums)): ((NaiveDate, usize, &str), (BTreeSet<_>, Sums))| {
            let part = &facts.parts[part];
            let days = i64::try_from(days.len()).unwrap_or(i64::MAX);
            vec![
                period_cell(ask.by, first),
                part.code.as_str().into(),
                text(&part.name),
                kind.into(),
                days.into(),
                sums.visits.into(),
                sums.minutes.iter().sum::<i64>().into(),
                ((sums.visits + days / 2) / days).into(),
            ]
        };
    of.into_iter().map(row).collect()
}

/// What was counted, added up by period, venue and thing, in this order; nothing is left out.
fn by_period<'a>(
    ask: &Ask,
    facts: &'a Facts,
    counted: impl Iterator<Item = (&'a (VenueId, NaiveDate, String), &'a i64)>,
) -> Vec<(NaiveDate, &'a Place, String, i64)> {
    let order: HashMap<VenueId, usize> =
        facts.places.iter().enumerate().map(|(n, place)| (place.id, n)).collect();
    let mut sums: BTreeMap<(NaiveDate, usize, &str), i64> = BTreeMap::new();
    for ((venue, day, what), count) in counted {
        let Some(place) = order.get(venue) else { continue };
        *sums.entry((period(ask.by, *day), *place, what)).or_default() += count;
    }
    let known = sums.into_iter().filter(|(_, count)| *count != 0);
    let told = |((first, place, what), count): ((NaiveDate, usize, &str), i64)| {
        (first, &facts.places[place], what.to_owned(), count)
    };
    known.map(told).collect()
}

fn head(by: By, first: NaiveDate, place: &Place) -> Row {
    vec![
        period_cell(by, first),
        place.community.as_str().into(),
        Cell::Text(place.id.to_string()),
        text(&place.name),
    ]
}

fn with_sums(mut row: Row, sums: Sums, people: i64) -> Row {
    row.extend([sums.visits.into(), people.into()]);
    row.extend(sums.minutes.map(Cell::from));
    row.push(sums.minutes.iter().sum::<i64>().into());
    row
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// The share of `part` in `all`, in thousandths, rounded.
fn per_mille(part: i64, all: i64) -> i64 {
    if all == 0 { 0 } else { (part * 1000 + all / 2) / all }
}
