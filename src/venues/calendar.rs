//! Holidays and swapped workdays, as the State Council announces them each year: data that a
//! division imports. A venue that has holiday hours keeps them on holidays; on a Saturday or
//! Sunday on which people work, it opens as on the weekday that the calendar names.
//!
//! What follows for a venue's hours is written as exceptions of its days, so that an entry is
//! judged by what was in force when it happened, whatever the calendar says later. Days that have
//! begun keep their hours; they count in trends only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult,
    IntoActiveModel as _, QueryResult, Statement, Value,
};

use super::{
    locked, object_of,
    rules::{Exception, Venue, weekday},
    tables::venue_exception,
    terms::{Name, Opening},
    within, world,
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, VenueId},
    },
    staff::audit::{self, Deed},
};

/// Days of one file: a year's special days are some forty.
const DAYS_MAX: usize = 400;
const HEADER: [&str; 4] = ["day", "kind", "name", "as_weekday"];

/// What is special about a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CalendarKind)]
pub enum DayKind {
    Holiday,
    /// A Saturday or Sunday on which people work.
    Workday,
    /// A day that was announced as special and is not.
    Ordinary,
}

impl DayKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holiday => "holiday",
            Self::Workday => "workday",
            Self::Ordinary => "ordinary",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Holiday, Self::Workday, Self::Ordinary].into_iter().find(|k| k.as_str() == text)
    }
}

/// A special day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarDay {
    pub day: NaiveDate,
    pub kind: DayKind,
    pub name: String,
    /// The weekday, 1 is Monday, as which a swapped workday counts.
    pub as_weekday: Option<u8>,
}

/// Reads a calendar's CSV: `day,kind,name,as_weekday`.
///
/// # Errors
/// `Invalid` with a pointer to `/{row}/{field}`, rows from 1.
pub fn parse(text: &str) -> Result<Vec<CalendarDay>, Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let bad = |pointer: String| Error::invalid(pointer, Code::CalendarFormat);
    let header = reader.headers().map_err(|_| bad("/0".to_owned()))?;
    if header.iter().ne(HEADER) {
        return Err(bad("/0".to_owned()));
    }
    let mut days = BTreeMap::new();
    for (n, record) in (1..).zip(reader.records()) {
        if n > DAYS_MAX {
            return Err(Error::invalid("", Code::TooManyItems));
        }
        let record = record.map_err(|_| bad(format!("/{n}")))?;
        let at = |column: usize| bad(format!("/{n}/{}", HEADER[column]));
        let field = |column: usize| record.get(column).unwrap_or_default();
        let day: NaiveDate = field(0).parse().map_err(|_| at(0))?;
        let kind = DayKind::parse(field(1)).ok_or_else(|| at(1))?;
        let name = Name::parse(field(2)).map_err(|_| at(2))?.into_string();
        let as_weekday = match field(3) {
            "" => None,
            text => Some(text.parse().ok().filter(|n| (1..=7).contains(n)).ok_or_else(|| at(3))?),
        };
        if (kind == DayKind::Workday) != as_weekday.is_some() {
            return Err(at(3));
        }
        if days.insert(day, CalendarDay { day, kind, name, as_weekday }).is_some() {
            return Err(at(0));
        }
    }
    if days.is_empty() {
        return Err(Error::invalid("", Code::NoItems));
    }
    Ok(days.into_values().collect())
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Days that are new or other than before.
    pub days: usize,
    /// Venues' days whose hours follow from them.
    pub hours: usize,
}

/// Takes a calendar for a division; what stands there already changes nothing.
pub async fn import(
    tx: &DatabaseTransaction,
    division: &DivisionCode,
    days: &[CalendarDay],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Imported, Error> {
    let known: HashMap<NaiveDate, (i32, CalendarDay)> = rows(tx, std::slice::from_ref(division))
        .await?
        .into_iter()
        .map(|row| (row.1.day, (row.0, row.1)))
        .collect();
    let mut imported = Imported { days: 0, hours: 0 };
    for day in days {
        let before = known.get(&day.day);
        if before.is_some_and(|(_, before)| before == day) {
            continue;
        }
        insert(tx, division, day, 1 + before.map_or(0, |(version, _)| *version), by, now).await?;
        imported.days += 1;
    }
    for venue in within(tx, division).await? {
        imported.hours += apply(tx, venue.id, now).await?;
    }
    world::touch(tx).await?;
    let object = format!("division:{division}");
    note(tx, by, "calendar_imported", &object, now).await?;
    Ok(imported)
}

/// Sets what a venue opens on holidays from now on; nothing closes it then. Answers how many days
/// ahead follow.
pub async fn set_holiday_hours(
    tx: &DatabaseTransaction,
    venue: VenueId,
    opening: Option<Opening>,
    by: &str,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let sql = "INSERT INTO venue_holiday_hours (venue_id, version, opens, closes, by_actor, at) \
               SELECT $1, COALESCE(MAX(version), 0) + 1, $2, $3, $4, $5 \
               FROM venue_holiday_hours WHERE venue_id = $1";
    locked(tx, venue).await?;
    let values: [Value; 5] = [
        venue.0.into(),
        opening.map(Opening::opens).into(),
        opening.map(Opening::closes).into(),
        by.into(),
        now.into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let hours = apply(tx, venue, now).await?;
    world::touch(tx).await?;
    note(tx, by, "venue_holiday_hours_set", &object_of(venue), now).await?;
    Ok(hours)
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    object: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let deed = Deed { actor, act, object, before: None, after: None, reason: None };
    audit::append(tx, "places", &deed, now).await.map(drop)
}

/// Writes the exceptions that follow for a venue's days ahead; days to which staff gave hours of
/// their own keep them.
async fn apply(tx: &DatabaseTransaction, id: VenueId, now: DateTime<Utc>) -> Result<usize, Error> {
    let venue = locked(tx, id).await?;
    let today = venue.business_day(now);
    let holiday_hours = holiday_hours(tx, id).await?;
    let special = nearest(tx, &venue.community).await?;
    let names: BTreeSet<&str> = special.values().map(|day| day.name.as_str()).collect();
    let reasons = reasons(tx, id, today).await?;
    let mut written = 0;
    for day in special.values().filter(|day| day.day > today) {
        let Some(wanted) = hours_on(&venue, day, holiday_hours) else { continue };
        let newest = venue.exceptions.iter().rev().find(|exception| exception.day == day.day);
        let is_own = reasons.get(&day.day).is_some_and(|reason| !names.contains(reason.as_str()));
        if is_own || newest.is_some_and(|e| (e.opens, e.closes) == wanted) {
            continue;
        }
        let row = venue_exception::Model {
            venue_id: id,
            day: day.day,
            version: 1 + newest.map_or(0, |exception: &Exception| exception.version),
            valid_from: today.succ_opt().unwrap_or(day.day),
            opens: wanted.0,
            closes: wanted.1,
            reason: day.name.clone(),
        };
        row.into_active_model().insert(tx).await?;
        written += 1;
    }
    Ok(written)
}

type Hours = (Option<i32>, Option<i32>);

/// What a venue opens on a special day; none where the day changes nothing for it.
fn hours_on(venue: &Venue, day: &CalendarDay, holiday_hours: Option<Hours>) -> Option<Hours> {
    let weekly = |weekday: u8| {
        let in_force = || venue.hours.iter().rev().filter(|hours| hours.valid_from <= day.day);
        in_force().next()?;
        let found = in_force().find(|hours| hours.weekday == weekday);
        Some(found.map_or((None, None), |hours| (hours.opens, hours.closes)))
    };
    match day.kind {
        DayKind::Holiday => holiday_hours,
        DayKind::Workday => weekly(day.as_weekday?),
        // Only where an exception has to be taken back.
        DayKind::Ordinary => {
            venue.exceptions.iter().any(|exception| exception.day == day.day).then_some(())?;
            weekly(weekday(day.day))
        }
    }
}

async fn holiday_hours(db: &impl ConnectionTrait, id: VenueId) -> Result<Option<Hours>, DbErr> {
    let sql = "SELECT opens, closes FROM venue_holiday_hours WHERE venue_id = $1 \
               ORDER BY version DESC LIMIT 1";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, [id.0.into()]);
    let row = db.query_one_raw(statement).await?;
    row.map(|row| Ok((row.try_get("", "opens")?, row.try_get("", "closes")?))).transpose()
}

/// Why each day ahead has the hours that it has.
async fn reasons(
    db: &impl ConnectionTrait,
    id: VenueId,
    today: NaiveDate,
) -> Result<HashMap<NaiveDate, String>, DbErr> {
    let sql = "SELECT day, reason FROM venue_exceptions WHERE venue_id = $1 AND day > $2 \
               ORDER BY day, version";
    let values = [id.0.into(), today.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get("", "day")?, row.try_get("", "reason")?))).collect()
}

/// The special days that hold in a division: of several calendars the nearest one's.
pub async fn nearest(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<BTreeMap<NaiveDate, CalendarDay>, DbErr> {
    let ancestry: Vec<DivisionCode> = division.ancestry().collect();
    let rows = rows(db, &ancestry).await?;
    Ok(rows.into_iter().map(|(_, day)| (day.day, day)).collect())
}

/// As which weekday people spend a day: a holiday is a Sunday, a swapped workday what the calendar
/// says.
pub fn counts_as(special: &BTreeMap<NaiveDate, CalendarDay>, day: NaiveDate) -> u8 {
    let own = weekday(day);
    special.get(&day).map_or(own, |special| match special.kind {
        DayKind::Holiday => 7,
        DayKind::Workday => special.as_weekday.unwrap_or(own),
        DayKind::Ordinary => own,
    })
}

#[derive(FromQueryResult)]
struct Row {
    version: i32,
    day: NaiveDate,
    kind: String,
    name: String,
    as_weekday: Option<i16>,
}

/// The rows of these divisions, the widest first, the newest of a day last.
async fn rows(
    db: &impl ConnectionTrait,
    divisions: &[DivisionCode],
) -> Result<Vec<(i32, CalendarDay)>, DbErr> {
    let marks: Vec<String> = (1..=divisions.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT version, day, kind, name, as_weekday FROM calendar_days \
         WHERE division IN ({}) ORDER BY LENGTH(division), day, version",
        marks.join(", ")
    );
    let values: Vec<Value> = divisions.iter().map(|code| code.as_str().into()).collect();
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, values);
    let rows: Vec<QueryResult> = db.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let Row { version, day, kind, name, as_weekday } = Row::from_query_result(row, "")?;
            let kind = DayKind::parse(&kind)
                .ok_or_else(|| DbErr::Type("a kind of day that nobody knows".to_owned()))?;
            let as_weekday = as_weekday.and_then(|n| u8::try_from(n).ok());
            Ok((version, CalendarDay { day, kind, name, as_weekday }))
        })
        .collect()
}

async fn insert(
    tx: &DatabaseTransaction,
    division: &DivisionCode,
    day: &CalendarDay,
    version: i32,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO calendar_days \
               (division, day, version, kind, name, as_weekday, by_actor, at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values: [Value; 8] = [
        division.as_str().into(),
        day.day.into(),
        version.into(),
        day.kind.as_str().into(),
        day.name.as_str().into(),
        day.as_weekday.map(i16::from).into(),
        by.into(),
        now.into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values))
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holiday_counts_as_a_sunday_and_a_swapped_day_as_what_it_stands_for() {
        let file = "day,kind,name,as_weekday\n2027-10-01,holiday,国庆节,\n\
                    2027-10-10,workday,国庆调休,5\n";
        let special = parse(file).unwrap().into_iter().map(|day| (day.day, day)).collect();
        let counts = |day: &str| counts_as(&special, day.parse().unwrap());
        assert_eq!(["2027-10-01", "2027-10-10", "2027-10-11"].map(counts), [7, 5, 1]);
    }

    #[test]
    fn a_calendar_names_each_day_once_and_says_what_a_workday_counts_as() {
        let good = "\u{feff}day,kind,name,as_weekday\r\n2027-10-01,holiday,国庆节,\r\n\
                    2027-10-10,workday,国庆调休,5\r\n";
        let days = parse(good).unwrap();
        assert_eq!((days.len(), days[1].as_weekday), (2, Some(5)));
        for bad in [
            "",
            "day,kind,name\n2027-10-01,holiday,国庆节",
            "day,kind,name,as_weekday\n",
            "day,kind,name,as_weekday\n2027-13-01,holiday,国庆节,",
            "day,kind,name,as_weekday\n2027-10-01,feast,国庆节,",
            "day,kind,name,as_weekday\n2027-10-01,holiday,,",
            "day,kind,name,as_weekday\n2027-10-01,holiday,国庆节,5",
            "day,kind,name,as_weekday\n2027-10-01,workday,调休,",
            "day,kind,name,as_weekday\n2027-10-01,workday,调休,8",
            "day,kind,name,as_weekday\n2027-10-01,holiday,a,\n2027-10-01,holiday,a,",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
