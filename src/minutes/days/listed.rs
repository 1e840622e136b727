//! Business days as staff read them: of a venue or of a division, with state and version.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};

use super::{revisions::Scope, waiting};
use crate::{
    base::{
        error::Error,
        ids::{TerminalId, VenueId},
    },
    venues,
};

/// A day as it stands.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Listed {
    pub business_day: NaiveDate,
    /// `provisional`, `final` or `restated`.
    pub state: String,
    /// The number of the newest revision; none before the first.
    pub version: Option<i32>,
    pub published_at: Option<DateTime<Utc>>,
    pub visits: i64,
    /// Of a division known once the day is final.
    pub people: Option<i64>,
    pub minutes_measured: i64,
    pub minutes_self_declared: i64,
    pub minutes_estimated: i64,
    pub minutes_corrected: i64,
}

const MINUTES: &str =
    "d.minutes_measured, d.minutes_self_declared, d.minutes_estimated, d.minutes_corrected";

/// At most `limit` days of `from` to `to`, oldest first; days on which nothing happened are
/// missing.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (from, to): (NaiveDate, NaiveDate),
    limit: u64,
) -> Result<Vec<Listed>, DbErr> {
    match scope {
        Scope::Venue(id) => of_venue(db, scope, *id, (from, to), limit).await,
        Scope::Division(_) => of_division(db, scope, (from, to), limit).await,
    }
}

/// One day, if anything happened on it.
pub async fn one(
    db: &impl ConnectionTrait,
    scope: &Scope,
    day: NaiveDate,
) -> Result<Option<Listed>, DbErr> {
    Ok(list(db, scope, (day, day), 1).await?.pop())
}

async fn of_venue(
    db: &impl ConnectionTrait,
    scope: &Scope,
    id: VenueId,
    (from, to): (NaiveDate, NaiveDate),
    limit: u64,
) -> Result<Vec<Listed>, DbErr> {
    let sql = format!(
        "SELECT d.business_day, d.state, r.n AS version, r.at AS published_at, d.visits, \
         d.people, {MINUTES} FROM venue_days d LEFT JOIN day_revisions r ON r.scope = $1 \
         AND r.business_day = d.business_day AND r.n = (SELECT MAX(m.n) FROM day_revisions m \
         WHERE m.scope = $1 AND m.business_day = d.business_day) \
         WHERE d.venue_id = $2 AND d.business_day BETWEEN $3 AND $4 \
         ORDER BY d.business_day LIMIT {limit}"
    );
    all(db, &sql, [scope.key().into(), id.0.into(), from.into(), to.into()]).await
}

/// Finished days from the division's own rows, the others as sums of their venues' days.
async fn of_division(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (from, to): (NaiveDate, NaiveDate),
    limit: u64,
) -> Result<Vec<Listed>, DbErr> {
    let Scope::Division(code) = scope else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT d.business_day, d.state, r.n AS version, r.at AS published_at, d.visits, \
         d.people, {MINUTES} FROM division_days d LEFT JOIN day_revisions r ON r.scope = $1 \
         AND r.business_day = d.business_day AND r.n = (SELECT MAX(m.n) FROM day_revisions m \
         WHERE m.scope = $1 AND m.business_day = d.business_day) \
         WHERE d.division = $1 AND d.business_day BETWEEN $2 AND $3 \
         ORDER BY d.business_day LIMIT {limit}"
    );
    let finished = all(db, &sql, [scope.key().into(), from.into(), to.into()]).await?;
    let sql = format!(
        "SELECT d.business_day, 'provisional' AS state, \
         (SELECT MAX(m.n) FROM day_revisions m WHERE m.scope = $1 \
          AND m.business_day = d.business_day) AS version, \
         (SELECT MAX(m.at) FROM day_revisions m WHERE m.scope = $1 \
          AND m.business_day = d.business_day) AS published_at, \
         CAST(SUM(d.visits) AS BIGINT) AS visits, CAST(NULL AS BIGINT) AS people, \
         CAST(SUM(d.minutes_measured) AS BIGINT) AS minutes_measured, \
         CAST(SUM(d.minutes_self_declared) AS BIGINT) AS minutes_self_declared, \
         CAST(SUM(d.minutes_estimated) AS BIGINT) AS minutes_estimated, \
         CAST(SUM(d.minutes_corrected) AS BIGINT) AS minutes_corrected \
         FROM venues v JOIN venue_days d ON d.venue_id = v.id \
         WHERE v.community BETWEEN $4 AND $5 AND d.business_day BETWEEN $2 AND $3 \
         AND NOT EXISTS (SELECT 1 FROM division_days f WHERE f.division = $1 \
                         AND f.business_day = d.business_day) \
         GROUP BY d.business_day ORDER BY d.business_day LIMIT {limit}"
    );
    let [first, last] = code.bounds();
    let values = [scope.key().into(), from.into(), to.into(), first, last];
    let open = all(db, &sql, values).await?;
    let days: BTreeMap<NaiveDate, Listed> =
        finished.into_iter().chain(open).map(|day| (day.business_day, day)).collect();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(days.into_values().take(limit).collect())
}

async fn all<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<Listed>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Listed::find_by_statement(statement).all(db).await
}

/// A terminal that may still hold records of a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waited {
    pub terminal: TerminalId,
    pub serial: String,
    pub venue: VenueId,
    pub watermark_at: Option<DateTime<Utc>>,
}

/// Terminals that one answer names; more are counted by the terminals' own ledger.
const NAMED_MAX: usize = 100;

/// Which terminals a day waits for.
pub async fn waited(
    db: &impl ConnectionTrait,
    scope: &Scope,
    day: NaiveDate,
) -> Result<Vec<Waited>, Error> {
    let stood = waiting::stood(db).await?;
    let among = match scope {
        Scope::Venue(id) => venues::load(db, *id).await?.into_iter().collect(),
        Scope::Division(code) => venues::within(db, code).await?,
    };
    let mut waited = Vec::new();
    for venue in &among {
        let places = stood.get(&venue.id).map_or(&[][..], Vec::as_slice);
        waited.extend(waiting::holding(venue, day, places).into_iter().map(|place| Waited {
            terminal: place.terminal,
            serial: place.serial.clone(),
            venue: venue.id,
            watermark_at: place.watermark_at,
        }));
    }
    waited.sort_by(|one, other| one.serial.cmp(&other.serial));
    waited.truncate(NAMED_MAX);
    Ok(waited)
}
