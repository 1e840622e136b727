//! The figures of finished business days: totals of the month and of all time, the last thirty
//! days, the usual day, the month's ranking. Finished days come as one row a division and day, so
//! the cost does not grow with the venues' history; only days not yet final are summed by venue.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike, Days, NaiveDate, TimeDelta};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};

use super::{figures::Minutes, tables::statement};
use crate::{
    base::ids::{DivisionCode, VenueId},
    venues::calendar,
};

/// Days like today that make the usual day, and how far back they are sought: holidays take some
/// out of a month.
const USUAL_DAYS: usize = 4;
const LOOKED_BACK_DAYS: u64 = 63;

/// One business day of a division.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    pub visits: i64,
    /// Distinct members; known once the day is final.
    pub people: Option<i64>,
    pub minutes: Minutes,
    /// `provisional`, `final` or `restated`.
    pub state: String,
}

/// The days before today, each with its figures; days on which nothing happened are missing.
#[derive(Clone, Debug, Default)]
pub struct Past(BTreeMap<NaiveDate, Day>);

impl Past {
    pub fn day(&self, day: NaiveDate) -> Option<&Day> {
        self.0.get(&day)
    }

    /// Visits and minutes of the days from `first` on.
    pub fn since(&self, first: NaiveDate) -> (i64, Minutes) {
        self.0.range(first..).fold((0, Minutes::default()), |(visits, mut minutes), (_, day)| {
            minutes += day.minutes;
            (visits + day.visits, minutes)
        })
    }
}

#[derive(FromQueryResult)]
struct DayRow {
    business_day: NaiveDate,
    visits: i64,
    people: Option<i64>,
    measured: i64,
    self_declared: i64,
    estimated: i64,
    corrected: i64,
    state: String,
}

#[derive(FromQueryResult)]
struct FirstRow {
    first: Option<NaiveDate>,
}

/// Every business day of `division` before `today`.
pub async fn days(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    today: NaiveDate,
) -> Result<Past, DbErr> {
    let sql = "SELECT business_day, visits, people, minutes_measured AS measured, \
                      minutes_self_declared AS self_declared, minutes_estimated AS estimated, \
                      minutes_corrected AS corrected, state \
               FROM division_days WHERE division = $1 AND business_day < $2";
    let finished = statement(db, sql, [division.as_str().into(), today.into()]);
    let mut days: BTreeMap<NaiveDate, Day> =
        DayRow::find_by_statement(finished).all(db).await?.into_iter().map(day).collect();
    let Some(first) = first_day(db, division).await? else { return Ok(Past(days)) };
    let missing: BTreeSet<NaiveDate> = first
        .iter_days()
        .take_while(|day| *day < today)
        .filter(|day| !days.contains_key(day))
        .collect();
    days.extend(unfinished(db, division, &missing).await?);
    Ok(Past(days))
}

fn day(row: DayRow) -> (NaiveDate, Day) {
    let minutes = Minutes {
        measured: row.measured,
        self_declared: row.self_declared,
        estimated: row.estimated,
        corrected: row.corrected,
    };
    (row.business_day, Day { visits: row.visits, people: row.people, minutes, state: row.state })
}

/// The day on which anything happened first: one look at the index for each venue.
async fn first_day(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<Option<NaiveDate>, DbErr> {
    let sql = "SELECT MIN(f.first) AS first FROM (SELECT (SELECT MIN(d.business_day) \
                 FROM venue_days d WHERE d.venue_id = v.id) AS first \
               FROM venues v WHERE v.community BETWEEN $1 AND $2) f";
    let row = FirstRow::find_by_statement(statement(db, sql, division.bounds())).one(db).await?;
    Ok(row.and_then(|row| row.first))
}

/// The venues' sums of the days that no finished row covers: usually yesterday, and the days that
/// a silent terminal holds open.
async fn unfinished(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    missing: &BTreeSet<NaiveDate>,
) -> Result<Vec<(NaiveDate, Day)>, DbErr> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<String> = (0..missing.len()).map(|n| format!("${}", n + 3)).collect();
    let sql = format!(
        "SELECT d.business_day, CAST(SUM(d.visits) AS BIGINT) AS visits, \
                CAST(NULL AS BIGINT) AS people, \
                CAST(SUM(d.minutes_measured) AS BIGINT) AS measured, \
                CAST(SUM(d.minutes_self_declared) AS BIGINT) AS self_declared, \
                CAST(SUM(d.minutes_estimated) AS BIGINT) AS estimated, \
                CAST(SUM(d.minutes_corrected) AS BIGINT) AS corrected, 'provisional' AS state \
         FROM venues v JOIN venue_days d ON d.venue_id = v.id \
         WHERE v.community BETWEEN $1 AND $2 AND d.business_day IN ({}) \
         GROUP BY d.business_day",
        marks.join(", ")
    );
    let values = division.bounds().into_iter().chain(missing.iter().map(|day| Value::from(*day)));
    let rows = DayRow::find_by_statement(statement(db, &sql, values)).all(db).await?;
    Ok(rows.into_iter().map(day).collect())
}

#[derive(FromQueryResult)]
struct UsualRow {
    hour: i16,
    visits: i64,
}

#[derive(FromQueryResult)]
struct DaysRow {
    n: i64,
}

/// Visits by local hour of the usual day: the mean of the last four days that count as the same
/// weekday by the calendar. None where none of those days is known.
pub async fn usual_hours(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    today: NaiveDate,
) -> Result<Option<[i64; 24]>, DbErr> {
    let special = calendar::nearest(db, division).await?;
    let like_today = calendar::counts_as(&special, today);
    let mut days: Vec<NaiveDate> = (1..=LOOKED_BACK_DAYS)
        .filter_map(|n| today.checked_sub_days(Days::new(n)))
        .filter(|day| calendar::counts_as(&special, *day) == like_today)
        .take(USUAL_DAYS)
        .collect();
    let Some(oldest) = days.last().copied() else { return Ok(None) };
    // The statement names four; one that is named twice counts once.
    days.resize(USUAL_DAYS, oldest);
    let values: Vec<Value> =
        division.bounds().into_iter().chain(days.into_iter().map(Value::from)).collect();
    let from = "FROM venues v JOIN venue_day_hours h ON h.venue_id = v.id \
                WHERE v.community BETWEEN $1 AND $2 AND h.business_day IN ($3, $4, $5, $6)";
    let sql =
        format!("SELECT h.hour, CAST(SUM(h.visits) AS BIGINT) AS visits {from} GROUP BY h.hour");
    let rows = UsualRow::find_by_statement(statement(db, &sql, values.clone())).all(db).await?;
    let sql = format!("SELECT CAST(COUNT(DISTINCT h.business_day) AS BIGINT) AS n {from}");
    let known = DaysRow::find_by_statement(statement(db, &sql, values)).one(db).await?;
    let known = known.map_or(0, |row| row.n);
    if known == 0 {
        return Ok(None);
    }
    let mut usual = [0; 24];
    for row in rows {
        let hour = usize::try_from(row.hour).ok().and_then(|hour| usual.get_mut(hour));
        if let Some(hour) = hour {
            *hour = (row.visits + known / 2) / known;
        }
    }
    Ok(Some(usual))
}

#[derive(FromQueryResult)]
struct VenueMonthRow {
    venue_id: VenueId,
    visits: i64,
    minutes: i64,
}

/// Visits and minutes of each venue in the month of `today`, without today.
pub async fn month_by_venue(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    today: NaiveDate,
) -> Result<HashMap<VenueId, (i64, i64)>, DbErr> {
    let [first, last] = division.bounds();
    let sql = "SELECT d.venue_id, CAST(SUM(d.visits) AS BIGINT) AS visits, \
                      CAST(SUM(d.minutes_measured + d.minutes_self_declared \
                               + d.minutes_estimated + d.minutes_corrected) AS BIGINT) AS minutes \
               FROM venues v JOIN venue_days d ON d.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4 \
               GROUP BY d.venue_id";
    let yesterday = today - TimeDelta::days(1);
    let values = [first, last, month_of(today).into(), yesterday.into()];
    let rows = VenueMonthRow::find_by_statement(statement(db, sql, values)).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.venue_id, (row.visits, row.minutes))).collect())
}

/// The first day of the month of `day`.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}
