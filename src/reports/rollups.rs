//! The facts of a report from the roll-ups: as many rows as there are days, venues and, where
//! people are told apart, members in months. What was entered and left is not read.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use futures_util::TryStreamExt as _;
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, StreamTrait as _, Value};
use uuid::Uuid;

use super::{
    figures::{Counted, FULL_HOURS, Facts, Part, Sums, group},
    hidden::Visitor,
    kinds::{By, Kind},
    places::{self, Places, code, day, scope, statement, venue_id},
    table::Ask,
};
use crate::{
    base::{
        error::Error,
        ids::{DivisionCode, VenueId},
    },
    minutes::days::ways,
};

/// Reads what a kind of report wants.
pub async fn read(db: &DatabaseTransaction, ask: &Ask) -> Result<Facts, Error> {
    let (places, mut facts) = places::load(db, ask).await?;
    match ask.kind {
        Kind::Visits => facts.days = days(db, ask).await?,
        Kind::DayTypes => {
            facts.days = days(db, ask).await?;
            facts.calendar = places::calendar(db, ask).await?;
        }
        Kind::Activity => {
            facts.days = days(db, ask).await?;
            facts.people = people(db, ask, places.digits, &facts.parts).await?;
        }
        Kind::Venues => {
            facts.days = days(db, ask).await?;
            facts.venue_people = venue_people(db, ask).await?;
        }
        Kind::Ages => facts.visitors = visitors(db, ask).await?,
        Kind::Coverage => {
            facts.active = active(db, ask, places.digits).await?;
            facts.registered = places::registered(db, ask, &facts.parts).await?;
            facts.refusals = places::refusals(db, ask, &places).await?;
            facts.full_hours = full_hours(db, ask, &places).await?;
        }
        Kind::Demand => {
            facts.refusals = places::refusals(db, ask, &places).await?;
            facts.full_hours = full_hours(db, ask, &places).await?;
        }
        Kind::WaysIn => facts.ways = ways_in(db, ask, &places).await?,
    }
    Ok(facts)
}

async fn days(
    db: &DatabaseTransaction,
    ask: &Ask,
) -> Result<HashMap<(VenueId, NaiveDate), Sums>, DbErr> {
    let sql = "SELECT d.venue_id, d.business_day, d.visits, d.minutes_measured, \
               d.minutes_self_declared, d.minutes_estimated, d.minutes_corrected \
               FROM venues v JOIN venue_days d ON d.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4";
    let mut days = HashMap::new();
    let mut rows = db.stream_raw(statement(db, sql, scope(ask))).await?;
    while let Some(row) = rows.try_next().await? {
        let sums = Sums {
            visits: row.try_get("", "visits")?,
            minutes: [
                row.try_get("", "minutes_measured")?,
                row.try_get("", "minutes_self_declared")?,
                row.try_get("", "minutes_estimated")?,
                row.try_get("", "minutes_corrected")?,
            ],
        };
        // A day whose every stay became void says as much as one that never was.
        if sums != Sums::default() {
            days.insert((venue_id(&row)?, day(&row)?), sums);
        }
    }
    Ok(days)
}

/// Divisions named in one statement.
const PARTS_AT_ONCE: usize = 500;

/// Distinct people of the division and of its parts, by day or by month.
async fn people(
    db: &DatabaseTransaction,
    ask: &Ask,
    digits: usize,
    parts: &[Part],
) -> Result<People, DbErr> {
    let mut people = People::new();
    if ask.by == By::Day {
        finished(db, ask, parts, &mut people).await?;
    }
    for digits in [ask.division.as_str().len(), digits] {
        match ask.by {
            By::Month => months(db, ask, digits, &mut people).await?,
            By::Day => unfinished(db, ask, digits, &mut people).await?,
        }
    }
    Ok(people)
}

type People = HashMap<(DivisionCode, NaiveDate), i64>;

async fn months(
    db: &DatabaseTransaction,
    ask: &Ask,
    digits: usize,
    people: &mut People,
) -> Result<(), DbErr> {
    let sql = format!(
        "SELECT SUBSTR(v.community, 1, {digits}) AS code, m.month AS business_day, \
         CAST(COUNT(DISTINCT m.member_id) AS BIGINT) AS people \
         FROM venues v JOIN member_venue_months m ON m.venue_id = v.id \
         WHERE v.community BETWEEN $1 AND $2 AND m.month BETWEEN $3 AND $4 AND m.visits > 0 \
         GROUP BY SUBSTR(v.community, 1, {digits}), m.month"
    );
    for row in db.query_all_raw(statement(db, &sql, scope(ask))).await? {
        people.insert((code(&row, "code")?, day(&row)?), row.try_get("", "people")?);
    }
    Ok(())
}

/// Days of divisions that are final: each division by its key, since its past is long.
async fn finished(
    db: &DatabaseTransaction,
    ask: &Ask,
    parts: &[Part],
    people: &mut People,
) -> Result<(), DbErr> {
    for codes in parts.chunks(PARTS_AT_ONCE) {
        let marks: Vec<String> = (3..3 + codes.len()).map(|n| format!("${n}")).collect();
        let sql = format!(
            "SELECT division, business_day, people FROM division_days \
             WHERE business_day BETWEEN $1 AND $2 AND division IN ({})",
            marks.join(", ")
        );
        let days: [Value; 2] = [ask.from.into(), ask.to.into()];
        let codes = codes.iter().map(|part| Value::from(part.code.as_str()));
        let values = days.into_iter().chain(codes);
        for row in db.query_all_raw(statement(db, &sql, values)).await? {
            people.insert((code(&row, "division")?, day(&row)?), row.try_get("", "people")?);
        }
    }
    Ok(())
}

/// Days that some terminal may still change: their people are counted from their sessions.
async fn unfinished(
    db: &DatabaseTransaction,
    ask: &Ask,
    digits: usize,
    people: &mut People,
) -> Result<(), DbErr> {
    let sql = format!(
        "SELECT MIN(d.business_day) AS first, MAX(d.business_day) AS last \
         FROM venues v JOIN venue_days d ON d.venue_id = v.id \
         WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4 \
         AND NOT EXISTS (SELECT 1 FROM division_days f WHERE f.business_day = d.business_day \
                         AND f.division = SUBSTR(v.community, 1, {digits}))"
    );
    let row = db.query_one_raw(statement(db, &sql, scope(ask))).await?;
    let span = row.map(|row| Ok::<_, DbErr>((row.try_get("", "first")?, row.try_get("", "last")?)));
    let (Some(first), Some(last)): (Option<NaiveDate>, Option<NaiveDate>) =
        span.transpose()?.unwrap_or_default()
    else {
        return Ok(());
    };
    let sql = format!(
        "SELECT SUBSTR(v.community, 1, {digits}) AS code, s.business_day AS business_day, \
         CAST(COUNT(DISTINCT s.member_id) AS BIGINT) AS people \
         FROM venues v JOIN sessions s ON s.venue_id = v.id \
         WHERE v.community BETWEEN $1 AND $2 AND s.business_day BETWEEN $3 AND $4 AND NOT s.void \
         GROUP BY SUBSTR(v.community, 1, {digits}), s.business_day"
    );
    let [from, to, ..] = scope(ask);
    for row in db.query_all_raw(statement(db, &sql, [from, to, first.into(), last.into()])).await? {
        let key = (code(&row, "code")?, day(&row)?);
        people.entry(key).or_insert(row.try_get("", "people")?);
    }
    Ok(())
}

async fn venue_people(
    db: &DatabaseTransaction,
    ask: &Ask,
) -> Result<HashMap<(VenueId, NaiveDate), i64>, DbErr> {
    let sql = match ask.by {
        By::Day => {
            "SELECT d.venue_id, d.business_day, d.people \
             FROM venues v JOIN venue_days d ON d.venue_id = v.id \
             WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4"
        }
        By::Month => {
            "SELECT m.venue_id, m.month AS business_day, CAST(COUNT(*) AS BIGINT) AS people \
             FROM venues v JOIN member_venue_months m ON m.venue_id = v.id \
             WHERE v.community BETWEEN $1 AND $2 AND m.month BETWEEN $3 AND $4 AND m.visits > 0 \
             GROUP BY m.venue_id, m.month"
        }
    };
    let mut people = HashMap::new();
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        people.insert((venue_id(&row)?, day(&row)?), row.try_get("", "people")?);
    }
    Ok(people)
}

/// Everybody's visits to each community in each month.
async fn visitors(
    db: &DatabaseTransaction,
    ask: &Ask,
) -> Result<BTreeMap<NaiveDate, Vec<Visitor>>, DbErr> {
    let sql = "SELECT m.month AS business_day, v.community, m.member_id, p.sex, p.birth_year, \
               CAST(SUM(m.visits) AS BIGINT) AS visits \
               FROM venues v JOIN member_venue_months m ON m.venue_id = v.id \
               LEFT JOIN members p ON p.id = m.member_id \
               WHERE v.community BETWEEN $1 AND $2 AND m.month BETWEEN $3 AND $4 AND m.visits > 0 \
               GROUP BY m.month, v.community, m.member_id, p.sex, p.birth_year";
    let mut gathered = Gathered::default();
    let mut rows = db.stream_raw(statement(db, sql, scope(ask))).await?;
    while let Some(row) = rows.try_next().await? {
        gathered.add(day(&row)?, &row)?;
    }
    Ok(gathered.months)
}

/// Visitors by month, with members numbered as they come.
#[derive(Default)]
pub struct Gathered {
    numbers: HashMap<Uuid, u32>,
    pub months: BTreeMap<NaiveDate, Vec<Visitor>>,
}

impl Gathered {
    /// Adds a row of community, member, sex, birth year and visits.
    pub fn add(&mut self, month: NaiveDate, row: &sea_orm::QueryResult) -> Result<(), DbErr> {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        let member = *self.numbers.entry(row.try_get("", "member_id")?).or_insert(next);
        let sex: Option<String> = row.try_get("", "sex")?;
        let birth_year: Option<i32> = row.try_get("", "birth_year")?;
        self.months.entry(month).or_default().push(Visitor {
            community: code(row, "community")?,
            member,
            group: group(month, birth_year, sex.as_deref()),
            visits: row.try_get("", "visits")?,
        });
        Ok(())
    }
}

/// Distinct people of the division and of its parts over all months.
async fn active(
    db: &DatabaseTransaction,
    ask: &Ask,
    digits: usize,
) -> Result<HashMap<DivisionCode, i64>, DbErr> {
    let mut active = HashMap::new();
    for digits in [ask.division.as_str().len(), digits] {
        let sql = format!(
            "SELECT SUBSTR(v.community, 1, {digits}) AS code, \
             CAST(COUNT(DISTINCT m.member_id) AS BIGINT) AS people \
             FROM venues v JOIN member_venue_months m ON m.venue_id = v.id \
             WHERE v.community BETWEEN $1 AND $2 AND m.month BETWEEN $3 AND $4 AND m.visits > 0 \
             GROUP BY SUBSTR(v.community, 1, {digits})"
        );
        for row in db.query_all_raw(statement(db, &sql, scope(ask))).await? {
            active.insert(code(&row, "code")?, row.try_get("", "people")?);
        }
    }
    Ok(active)
}

/// Hours of final days whose peak reached what the venue held on that day.
async fn full_hours(
    db: &DatabaseTransaction,
    ask: &Ask,
    places: &Places,
) -> Result<Counted, DbErr> {
    // Venues that never had a capacity are never full.
    let sql = "SELECT h.venue_id, h.business_day, h.peak_inside FROM venues v \
               JOIN venue_day_hours h ON h.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND h.business_day BETWEEN $3 AND $4 \
               AND h.peak_inside > 0 AND EXISTS (SELECT 1 FROM venue_rules r \
               WHERE r.venue_id = v.id AND r.capacity IS NOT NULL)";
    let mut counted = Counted::new();
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        let (id, day) = (venue_id(&row)?, day(&row)?);
        let peak: i32 = row.try_get("", "peak_inside")?;
        let Some(venue) = places.venues.get(&id) else { continue };
        if venue.rules_on(day).capacity.is_some_and(|capacity| peak >= capacity) {
            *counted.entry((id, day, FULL_HOURS.to_owned())).or_default() += 1;
        }
    }
    Ok(counted)
}

/// Ways of final days from their rows; of other days, which are few, from their entries.
async fn ways_in(db: &DatabaseTransaction, ask: &Ask, places: &Places) -> Result<Counted, DbErr> {
    let sql = "SELECT w.venue_id, w.business_day, w.method, w.entries FROM venues v \
               JOIN venue_day_ways w ON w.venue_id = v.id \
               JOIN venue_days d ON d.venue_id = w.venue_id AND d.business_day = w.business_day \
               WHERE v.community BETWEEN $1 AND $2 AND w.business_day BETWEEN $3 AND $4 \
               AND d.final_at IS NOT NULL";
    let mut counted = Counted::new();
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        let key = (venue_id(&row)?, day(&row)?, row.try_get("", "method")?);
        counted.insert(key, row.try_get("", "entries")?);
    }
    let sql = "SELECT d.venue_id, d.business_day FROM venues v \
               JOIN venue_days d ON d.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4 \
               AND d.visits > 0 AND (d.final_at IS NULL OR NOT EXISTS (\
               SELECT 1 FROM venue_day_ways w \
               WHERE w.venue_id = d.venue_id AND w.business_day = d.business_day))";
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        let (id, day) = (venue_id(&row)?, day(&row)?);
        let Some(venue) = places.venues.get(&id) else { continue };
        for (method, entries) in ways::counted(db, venue, day).await? {
            counted.insert((id, day, method), entries);
        }
    }
    Ok(counted)
}
