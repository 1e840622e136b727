//! The figures of the running business day: from the counters, or from SQL while those are lost.
//! This file is all that the screen knows of the counters.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::tables::statement;
use crate::base::{
    counters::{Counters, Fields, NotWhole},
    ids::{DivisionCode, VenueId},
};

/// Whole minutes by how they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minutes {
    pub measured: i64,
    pub self_declared: i64,
    pub estimated: i64,
    pub corrected: i64,
}

impl Minutes {
    pub fn total(&self) -> i64 {
        self.measured + self.self_declared + self.estimated + self.corrected
    }
}

impl std::ops::AddAssign for Minutes {
    fn add_assign(&mut self, other: Self) {
        self.measured += other.measured;
        self.self_declared += other.self_declared;
        self.estimated += other.estimated;
        self.corrected += other.corrected;
    }
}

/// One venue's business day so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VenueToday {
    /// Members inside now: unexpired open sessions.
    pub inside: i64,
    /// Sessions that are not void.
    pub visits: i64,
    pub people: i64,
    pub minutes: Minutes,
}

/// One local hour of the business day, over all venues of the division.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    pub visits: i64,
    pub minutes: i64,
}

/// A division's business day so far.
#[derive(Clone, Debug, Default)]
pub struct Today {
    /// Venues without a visit may be missing.
    pub venues: HashMap<VenueId, VenueToday>,
    /// Distinct members over all venues of the division.
    pub people: i64,
    /// The counters could not be read; this is from SQL.
    pub degraded: bool,
    /// The counters are being built anew.
    pub rebuilding: bool,
}

/// Whose day it is.
pub struct Scope<'a> {
    pub division: &'a DivisionCode,
    pub day: NaiveDate,
    /// Every venue of the division.
    pub venues: &'a [VenueId],
}

/// By local hour, 0 to 23.
pub type Hours = [Hour; 24];

/// The counters cannot be read now: SQL must answer.
#[derive(Debug)]
pub struct Lost {
    /// They are there, but being built anew.
    pub rebuilding: bool,
}

impl From<NotWhole> for Lost {
    fn from(why: NotWhole) -> Self {
        Self { rebuilding: why == NotWhole::Rebuilding }
    }
}

/// The figures of `scope` at `now`, as the counters have them. What they lack is zero, since they
/// were whole when they were read.
pub async fn from_counters(
    counters: &Counters,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Today, Lost> {
    let division = std::slice::from_ref(scope.division);
    let read = async {
        let (days, inside, people) = tokio::join!(
            counters.venue_days(scope.venues, scope.day),
            counters.inside(scope.venues, now),
            counters.people(division, scope.day),
        );
        Ok((days?, inside?, people?))
    };
    let (days, inside, people) = counters.whole(read).await?;
    let rows = scope.venues.iter().zip(days).zip(inside);
    let venues = rows.map(|((venue, day), inside)| (*venue, venue_today(day, inside))).collect();
    let people = people.first().copied().unwrap_or_default();
    Ok(Today { venues, people, degraded: false, rebuilding: false })
}

fn venue_today(day: Option<Fields>, inside: i64) -> VenueToday {
    let day = day.unwrap_or_default();
    let minutes = Minutes {
        measured: day.get("minutes_measured"),
        self_declared: day.get("minutes_self_declared"),
        estimated: day.get("minutes_estimated"),
        corrected: day.get("minutes_corrected"),
    };
    VenueToday { inside, visits: day.get("visits"), people: day.get("people"), minutes }
}

/// Visits and minutes of `scope` by hour, as the counters have them.
pub async fn hours_from_counters(counters: &Counters, scope: &Scope<'_>) -> Result<Hours, Lost> {
    let venues = counters.whole(counters.venue_hours(scope.venues, scope.day)).await?;
    let mut hours = Hours::default();
    for fields in venues.into_iter().flatten() {
        for (name, value) in fields.iter() {
            add_hour(&mut hours, name, value);
        }
    }
    Ok(hours)
}

/// A field of a venue's hours is named `visits_07` or `minutes_07`.
fn add_hour(hours: &mut Hours, name: &str, value: i64) {
    let Some((what, hour)) = name.split_once('_') else { return };
    let Some(hour) = hour.parse::<usize>().ok().and_then(|hour| hours.get_mut(hour)) else {
        return;
    };
    match what {
        "visits" => hour.visits += value,
        "minutes" => hour.minutes += value,
        _ => {}
    }
}

#[derive(FromQueryResult)]
struct VenueDayRow {
    venue_id: VenueId,
    visits: i64,
    people: i64,
    measured: i64,
    self_declared: i64,
    estimated: i64,
    corrected: i64,
}

#[derive(FromQueryResult)]
struct CountRow {
    n: i64,
}

#[derive(FromQueryResult)]
struct InsideRow {
    venue_id: VenueId,
    n: i64,
}

#[derive(FromQueryResult)]
struct HourRow {
    hour: i16,
    visits: i64,
    minutes: i64,
}

/// The same figures from the roll-ups and the open sessions: three statements, whatever the size.
pub async fn from_sql(
    db: &impl ConnectionTrait,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Today, DbErr> {
    let mut venues: HashMap<VenueId, VenueToday> = HashMap::with_capacity(scope.venues.len());
    for row in venue_days(db, scope).await? {
        let minutes = Minutes {
            measured: row.measured,
            self_declared: row.self_declared,
            estimated: row.estimated,
            corrected: row.corrected,
        };
        let today = VenueToday { inside: 0, visits: row.visits, people: row.people, minutes };
        venues.insert(row.venue_id, today);
    }
    for row in inside(db, scope, now).await? {
        venues.entry(row.venue_id).or_default().inside = row.n;
    }
    let people = people(db, scope).await?;
    Ok(Today { venues, people, degraded: true, rebuilding: false })
}

async fn venue_days(
    db: &impl ConnectionTrait,
    scope: &Scope<'_>,
) -> Result<Vec<VenueDayRow>, DbErr> {
    let [first, last] = scope.division.bounds();
    let sql = "SELECT d.venue_id, d.visits, d.people, d.minutes_measured AS measured, \
                      d.minutes_self_declared AS self_declared, \
                      d.minutes_estimated AS estimated, d.minutes_corrected AS corrected \
               FROM venues v JOIN venue_days d ON d.venue_id = v.id AND d.business_day = $3 \
               WHERE v.community BETWEEN $1 AND $2";
    VenueDayRow::find_by_statement(statement(db, sql, [first, last, scope.day.into()]))
        .all(db)
        .await
}

async fn inside(
    db: &impl ConnectionTrait,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Vec<InsideRow>, DbErr> {
    let [first, last] = scope.division.bounds();
    let sql = "SELECT s.venue_id, CAST(COUNT(*) AS BIGINT) AS n \
               FROM venues v JOIN sessions s ON s.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND s.left_at IS NULL AND NOT s.void \
                 AND s.presence_expires_at > $3 \
               GROUP BY s.venue_id";
    InsideRow::find_by_statement(statement(db, sql, [first, last, now.into()])).all(db).await
}

async fn people(db: &impl ConnectionTrait, scope: &Scope<'_>) -> Result<i64, DbErr> {
    let [first, last] = scope.division.bounds();
    let sql = "SELECT CAST(COUNT(DISTINCT s.member_id) AS BIGINT) AS n \
               FROM venues v JOIN sessions s ON s.venue_id = v.id AND s.business_day = $3 \
               WHERE v.community BETWEEN $1 AND $2 AND NOT s.void";
    let row = CountRow::find_by_statement(statement(db, sql, [first, last, scope.day.into()]))
        .one(db)
        .await?;
    Ok(row.map_or(0, |row| row.n))
}

/// Visits and minutes of `scope` by hour, from the roll-ups: one statement.
pub async fn hours_from_sql(db: &impl ConnectionTrait, scope: &Scope<'_>) -> Result<Hours, DbErr> {
    let [first, last] = scope.division.bounds();
    let sql = "SELECT h.hour, CAST(SUM(h.visits) AS BIGINT) AS visits, \
                      CAST(SUM(h.minutes) AS BIGINT) AS minutes \
               FROM venues v JOIN venue_day_hours h ON h.venue_id = v.id AND h.business_day = $3 \
               WHERE v.community BETWEEN $1 AND $2 GROUP BY h.hour";
    let sql = statement(db, sql, [first, last, scope.day.into()]);
    let mut hours = Hours::default();
    for row in HourRow::find_by_statement(sql).all(db).await? {
        let hour = usize::try_from(row.hour).ok().and_then(|hour| hours.get_mut(hour));
        if let Some(hour) = hour {
            *hour = Hour { visits: row.visits, minutes: row.minutes };
        }
    }
    Ok(hours)
}
