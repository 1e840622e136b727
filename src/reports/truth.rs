//! The facts of a report from what cannot be rolled up wrongly: the ledger's own rows, sessions
//! and events. For verifying only: it reads as much as there is.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr};

use super::{
    figures::{Counted, FULL_HOURS, Facts, Sums, period},
    hidden::Visitor,
    kinds::{By, Kind},
    places::{self, Places, code, day, month, scope, statement, venue_id},
    rollups::Gathered,
    table::Ask,
};
use crate::{
    base::{
        error::Error,
        ids::{DivisionCode, VenueId},
    },
    minutes::days::{Stay, peaks},
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
            let by_part = |digits| format!("SUBSTR(v.community, 1, {digits})");
            for digits in [ask.division.as_str().len(), places.digits] {
                for (key, first, people) in distinct(db, ask, &by_part(digits)).await? {
                    let part: DivisionCode =
                        key.parse().map_err(|_| DbErr::Type("a code".to_owned()))?;
                    facts.people.insert((part, first), people);
                }
            }
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
        Kind::WaysIn => {
            let sql = "SELECT e.venue_id, e.occurred_at, e.method FROM venues v \
                       JOIN entry_events e ON e.venue_id = v.id \
                       WHERE v.community BETWEEN $1 AND $2 AND e.effect = 'opened' \
                       AND e.occurred_at >= $3 AND e.occurred_at < $4";
            facts.ways = places::count_by_day(db, ask, &places, sql, "method").await?;
        }
    }
    Ok(facts)
}

/// In the order of sums.
const PROVENANCES: [&str; 4] = ["measured", "self_declared", "estimated", "corrected"];

/// Visits from sessions, minutes from the ledger.
async fn days(
    db: &DatabaseTransaction,
    ask: &Ask,
) -> Result<HashMap<(VenueId, NaiveDate), Sums>, DbErr> {
    let mut days: HashMap<(VenueId, NaiveDate), Sums> = HashMap::new();
    let sql = "SELECT s.venue_id, s.business_day, CAST(COUNT(*) AS BIGINT) AS visits \
               FROM venues v JOIN sessions s ON s.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND s.business_day BETWEEN $3 AND $4 \
               AND NOT s.void GROUP BY s.venue_id, s.business_day";
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        days.entry((venue_id(&row)?, day(&row)?)).or_default().visits =
            row.try_get("", "visits")?;
    }
    let sql = "SELECT venue_id, business_day, provenance, CAST(SUM(minutes) AS BIGINT) AS minutes \
               FROM minute_entries \
               WHERE community BETWEEN $1 AND $2 AND business_day BETWEEN $3 AND $4 \
               GROUP BY venue_id, business_day, provenance";
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        let provenance: String = row.try_get("", "provenance")?;
        let Some(at) = PROVENANCES.iter().position(|one| *one == provenance) else { continue };
        let sums = days.entry((venue_id(&row)?, day(&row)?)).or_default();
        sums.minutes[at] = row.try_get("", "minutes")?;
    }
    days.retain(|_, sums| *sums != Sums::default());
    Ok(days)
}

/// The first seven characters of a day: its month, on both databases.
const MONTH: &str = "SUBSTR(CAST(s.business_day AS TEXT), 1, 7)";

/// Distinct people by a text and by period.
async fn distinct(
    db: &DatabaseTransaction,
    ask: &Ask,
    key: &str,
) -> Result<Vec<(String, NaiveDate, i64)>, DbErr> {
    let (shown, grouped) = match ask.by {
        By::Day => ("s.business_day AS business_day".to_owned(), "s.business_day"),
        By::Month => (format!("{MONTH} AS month"), MONTH),
    };
    let sql = format!(
        "SELECT {key} AS code, {shown}, CAST(COUNT(DISTINCT s.member_id) AS BIGINT) AS people \
         FROM venues v JOIN sessions s ON s.venue_id = v.id \
         WHERE v.community BETWEEN $1 AND $2 AND s.business_day BETWEEN $3 AND $4 AND NOT s.void \
         GROUP BY {key}, {grouped}"
    );
    let mut found = Vec::new();
    for row in db.query_all_raw(statement(db, &sql, scope(ask))).await? {
        let first = if ask.by == By::Day { day(&row)? } else { month(&row)? };
        found.push((row.try_get("", "code")?, first, row.try_get("", "people")?));
    }
    Ok(found)
}

async fn venue_people(
    db: &DatabaseTransaction,
    ask: &Ask,
) -> Result<HashMap<(VenueId, NaiveDate), i64>, DbErr> {
    let sql = "SELECT DISTINCT s.venue_id, s.business_day, s.member_id \
               FROM venues v JOIN sessions s ON s.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND s.business_day BETWEEN $3 AND $4 \
               AND NOT s.void";
    let mut seen = std::collections::HashSet::new();
    let mut people = HashMap::new();
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        let (id, first) = (venue_id(&row)?, period(ask.by, day(&row)?));
        let member: uuid::Uuid = row.try_get("", "member_id")?;
        if seen.insert((id, first, member)) {
            *people.entry((id, first)).or_default() += 1;
        }
    }
    Ok(people)
}

async fn visitors(
    db: &DatabaseTransaction,
    ask: &Ask,
) -> Result<BTreeMap<NaiveDate, Vec<Visitor>>, DbErr> {
    let sql = format!(
        "SELECT {MONTH} AS month, v.community, s.member_id, p.sex, p.birth_year, \
         CAST(COUNT(*) AS BIGINT) AS visits FROM venues v JOIN sessions s ON s.venue_id = v.id \
         LEFT JOIN members p ON p.id = s.member_id \
         WHERE v.community BETWEEN $1 AND $2 AND s.business_day BETWEEN $3 AND $4 AND NOT s.void \
         GROUP BY {MONTH}, v.community, s.member_id, p.sex, p.birth_year"
    );
    let mut gathered = Gathered::default();
    for row in db.query_all_raw(statement(db, &sql, scope(ask))).await? {
        gathered.add(month(&row)?, &row)?;
    }
    Ok(gathered.months)
}

async fn active(
    db: &DatabaseTransaction,
    ask: &Ask,
    digits: usize,
) -> Result<HashMap<DivisionCode, i64>, DbErr> {
    let mut active = HashMap::new();
    for digits in [ask.division.as_str().len(), digits] {
        let sql = format!(
            "SELECT SUBSTR(v.community, 1, {digits}) AS code, \
             CAST(COUNT(DISTINCT s.member_id) AS BIGINT) AS people \
             FROM venues v JOIN sessions s ON s.venue_id = v.id \
             WHERE v.community BETWEEN $1 AND $2 AND s.business_day BETWEEN $3 AND $4 \
             AND NOT s.void GROUP BY SUBSTR(v.community, 1, {digits})"
        );
        for row in db.query_all_raw(statement(db, &sql, scope(ask))).await? {
            active.insert(code(&row, "code")?, row.try_get("", "people")?);
        }
    }
    Ok(active)
}

/// The peaks of final days from their sessions.
async fn full_hours(
    db: &DatabaseTransaction,
    ask: &Ask,
    places: &Places,
) -> Result<Counted, DbErr> {
    let sql = "SELECT s.venue_id, s.business_day, s.entered_at, s.left_at FROM venues v \
               JOIN venue_days d ON d.venue_id = v.id AND d.final_at IS NOT NULL \
               JOIN sessions s ON s.venue_id = v.id AND s.business_day = d.business_day \
               WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4 \
               AND NOT s.void AND s.left_at IS NOT NULL";
    let mut stays: HashMap<(VenueId, NaiveDate), Vec<Stay>> = HashMap::new();
    for row in db.query_all_raw(statement(db, sql, scope(ask))).await? {
        let (entered_at, left_at): (DateTime<Utc>, DateTime<Utc>) =
            (row.try_get("", "entered_at")?, row.try_get("", "left_at")?);
        let key = (venue_id(&row)?, day(&row)?);
        stays.entry(key).or_default().push(Stay { entered_at, left_at });
    }
    let mut counted = Counted::new();
    for ((id, day), stays) in stays {
        let Some(venue) = places.venues.get(&id) else { continue };
        let Some(capacity) = venue.rules_on(day).capacity else { continue };
        let (_, hours) = peaks(&stays, |at| i16::from(venue.local_hour(at)));
        let full = hours.into_values().filter(|peak| *peak >= capacity).count();
        if full > 0 {
            let full = i64::try_from(full).unwrap_or(i64::MAX);
            counted.insert((id, day, FULL_HOURS.to_owned()), full);
        }
    }
    Ok(counted)
}
