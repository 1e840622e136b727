//! Where a report looks: the venues of its division, and the parts that it tells apart. And what
//! is counted in the same way whether roll-ups or the ledger tell the rest.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, NaiveDate};
use futures_util::TryStreamExt as _;
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult, QueryResult, Statement,
    StreamTrait as _, Value,
};

use super::{
    figures::{Counted, Facts, Part, Place},
    table::Ask,
};
use crate::{
    base::{
        error::Error,
        ids::{DivisionCode, VenueId},
    },
    venues::{
        self, Venue,
        calendar::{self, DayKind},
    },
};

/// The venues that a report is about, with all that holds there at any time.
pub struct Places {
    pub venues: HashMap<VenueId, Venue>,
    /// Digits of the codes of the parts that are told apart.
    pub digits: usize,
}

/// Digits of the codes one level below a code of so many.
fn next_level(digits: usize) -> usize {
    match digits {
        2 => 4,
        4 => 6,
        6 => 9,
        _ => 12,
    }
}

/// The places of a report; begins its facts.
pub async fn load(db: &impl ConnectionTrait, ask: &Ask) -> Result<(Places, Facts), Error> {
    let within = venues::within(db, &ask.division).await?;
    let mut facts = Facts { parts: parts(db, &ask.division).await?, ..Facts::default() };
    let place = |venue: &Venue| Place {
        id: venue.id,
        community: venue.community.clone(),
        name: venue.name.clone(),
    };
    facts.places = within.iter().map(place).collect();
    facts.places.sort_by(|one, other| {
        let key = |place: &Place| (place.community.clone(), place.name.clone(), place.id);
        key(one).cmp(&key(other))
    });
    let venues = within.into_iter().map(|venue| (venue.id, venue)).collect();
    Ok((Places { venues, digits: next_level(ask.division.as_str().len()) }, facts))
}

#[derive(FromQueryResult)]
struct PartRow {
    code: String,
    name: String,
    resident_population: Option<i64>,
}

/// The division, and the registered ones of the next level.
async fn parts(db: &impl ConnectionTrait, division: &DivisionCode) -> Result<Vec<Part>, Error> {
    let digits = next_level(division.as_str().len());
    let [first, last] = division.bounds();
    let sql = "SELECT code, name, resident_population FROM divisions \
               WHERE code = $1 OR (code BETWEEN $1 AND $2 AND LENGTH(code) = $3) ORDER BY code";
    let digits = i32::try_from(digits).unwrap_or(12);
    let rows = PartRow::find_by_statement(statement(db, sql, [first, last, digits.into()]));
    let mut parts = Vec::new();
    for row in rows.all(db).await? {
        let code = row.code.parse().map_err(|_| DbErr::Type("a division's code".to_owned()))?;
        parts.push(Part { code, name: row.name, residents: row.resident_population });
    }
    Ok(parts)
}

/// Registered members by home, as of the end of the report's last day, in each part.
pub async fn registered(
    db: &impl ConnectionTrait,
    ask: &Ask,
    parts: &[Part],
) -> Result<HashMap<DivisionCode, i64>, DbErr> {
    let [first, last] = ask.division.bounds();
    let until = (ask.to + Days::new(1)).and_time(chrono::NaiveTime::MIN).and_utc();
    let sql = "SELECT home_community, CAST(COUNT(*) AS BIGINT) AS n FROM members \
               WHERE home_community BETWEEN $1 AND $2 AND registered_at < $3 \
               AND status <> 'erased' GROUP BY home_community";
    let mut counted = HashMap::new();
    for row in db.query_all_raw(statement(db, sql, [first, last, until.into()])).await? {
        let home: String = row.try_get("", "home_community")?;
        let n: i64 = row.try_get("", "n")?;
        for part in parts.iter().filter(|part| home.starts_with(part.code.as_str())) {
            *counted.entry(part.code.clone()).or_default() += n;
        }
    }
    Ok(counted)
}

/// What the division's calendar calls the days of a report.
pub async fn calendar(
    db: &impl ConnectionTrait,
    ask: &Ask,
) -> Result<BTreeMap<NaiveDate, DayKind>, DbErr> {
    let days = calendar::nearest(db, &ask.division).await?;
    let within = days.into_values().filter(|day| (ask.from..=ask.to).contains(&day.day));
    Ok(within.map(|day| (day.day, day.kind)).collect())
}

/// Refusals by venue, day and reason: few, and found by an index of their own.
pub async fn refusals(
    db: &DatabaseTransaction,
    ask: &Ask,
    places: &Places,
) -> Result<Counted, DbErr> {
    let sql = "SELECT e.venue_id, e.occurred_at, e.reason FROM venues v \
               JOIN entry_events e ON e.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND e.decision = 'refused' \
               AND e.occurred_at >= $3 AND e.occurred_at < $4";
    count_by_day(db, ask, places, sql, "reason").await
}

/// Counts events of a statement by their venue's business day and a text column.
pub async fn count_by_day(
    db: &DatabaseTransaction,
    ask: &Ask,
    places: &Places,
    sql: &str,
    what: &str,
) -> Result<Counted, DbErr> {
    let [first, last] = ask.division.bounds();
    // A business day may begin up to half a day and lie up to a zone's offset from its date.
    let from = (ask.from - Days::new(1)).and_time(chrono::NaiveTime::MIN).and_utc();
    let to = (ask.to + Days::new(3)).and_time(chrono::NaiveTime::MIN).and_utc();
    let mut counted = Counted::new();
    let values = [first, last, from.into(), to.into()];
    let mut rows = db.stream_raw(statement(db, sql, values)).await?;
    while let Some(row) = rows.try_next().await? {
        let id = venue_id(&row)?;
        let Some(venue) = places.venues.get(&id) else { continue };
        let day = venue.business_day(row.try_get("", "occurred_at")?);
        if (ask.from..=ask.to).contains(&day) {
            let what: Option<String> = row.try_get("", what)?;
            *counted.entry((id, day, what.unwrap_or_default())).or_default() += 1;
        }
    }
    Ok(counted)
}

pub fn venue_id(row: &QueryResult) -> Result<VenueId, DbErr> {
    Ok(VenueId(row.try_get("", "venue_id")?))
}

pub fn day(row: &QueryResult) -> Result<NaiveDate, DbErr> {
    row.try_get("", "business_day")
}

pub fn code(row: &QueryResult, column: &str) -> Result<DivisionCode, DbErr> {
    let code: String = row.try_get("", column)?;
    code.parse().map_err(|_| DbErr::Type(format!("a division code in {column}")))
}

/// The first day of a month that SQL wrote as `2026-11`.
pub fn month(row: &QueryResult) -> Result<NaiveDate, DbErr> {
    let text: String = row.try_get("", "month")?;
    format!("{text}-01").parse().map_err(|_| DbErr::Type("a month".to_owned()))
}

/// One statement for both databases.
pub fn statement<C: ConnectionTrait>(
    db: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// The values that most statements begin with: the bounds of the division and of the days.
pub fn scope(ask: &Ask) -> [Value; 4] {
    let [first, last] = ask.division.bounds();
    [first, last, ask.from.into(), ask.to.into()]
}
