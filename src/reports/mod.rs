//! Figures that can be proven: tables by day or month over the roll-ups, each with the version of
//! its definition, up to when terminals' data is complete, whether it can still change, and a
//! digest that `fitgate report verify` recomputes from the ledger.

mod csv;
mod figures;
mod hidden;
mod kinds;
mod mark;
mod outcomes;
mod places;
mod read;
mod rollups;
mod routes;
mod table;
mod truth;
mod verify;
mod xlsx;

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection};

pub use kinds::{By, Kind};
pub use routes::routes;
pub use table::{Ask, Report};
pub use verify::verify;

use self::table::{Head, State};
use crate::{
    base::{
        db,
        error::{Code, Error},
        keys::Keys,
    },
    minutes::days::{
        SETTLING,
        waiting::{self, Watermark},
    },
    staff::audit::{self, Deed},
};

/// Days that one report may cover: a leap year.
const DAYS_MAX: i64 = 366;
/// Rows that one report may have: a city's venues on every day of a year fit.
const ROWS_MAX: usize = 200_000;
/// The audit chain of reports that left as files.
const CHAIN: &str = "reports";

/// Makes a report from the roll-ups, as of one moment.
///
/// # Errors
/// `Invalid` when the period is too long, has not begun, or does not fit the kind.
pub async fn produce(
    db: &DatabaseConnection,
    keys: &Keys,
    ask: Ask,
    now: DateTime<Utc>,
) -> Result<Report, Error> {
    check(&ask, now)?;
    let tx = db::snapshot(db).await?;
    let venues = count_venues(&tx, &ask).await?;
    if venues.saturating_mul(figures::periods(&ask).len()) > ROWS_MAX {
        return Err(Error::invalid("/to", Code::RangeTooLarge));
    }
    let facts = rollups::read(&tx, &ask).await?;
    let (state, mark) = standing(&tx, &ask, now).await?;
    tx.rollback().await?;
    let rows = figures::rows(&ask, &facts);
    let definition = ask.kind.definition();
    let Watermark { at: watermark, lost, .. } = mark;
    let head = Head { ask, definition, as_of: now, state, watermark, lost };
    Ok(Report::new(head, rows, keys))
}

/// Remembers that somebody took a report away as a file.
pub async fn note_taken(
    db: &DatabaseConnection,
    report: &Report,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Ask { kind, division, from, to, .. } = &report.head.ask;
    let object = format!("report:{}:{division}:{from}:{to}", kind.as_str());
    let after = Some(report.digest.as_str());
    let deed =
        Deed { actor: by, act: "report_taken", object: &object, before: None, after, reason: None };
    let tx = db::begin(db).await?;
    audit::append(&tx, CHAIN, &deed, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether a report can be made of what is asked.
fn check(ask: &Ask, now: DateTime<Utc>) -> Result<(), Error> {
    if !ask.kind.takes(ask.by) {
        return Err(Error::invalid("/by", Code::InvalidValue));
    }
    if ask.to < ask.from {
        return Err(Error::invalid("/to", Code::OutOfRange));
    }
    if (ask.to - ask.from).num_days() >= DAYS_MAX {
        return Err(Error::invalid("/to", Code::RangeTooLarge));
    }
    // Nowhere on earth has a later date begun.
    let latest = (now + TimeDelta::hours(14)).date_naive();
    let begun = match ask.by {
        By::Day => ask.to,
        By::Month => ask.from,
    };
    if begun > latest {
        return Err(Error::invalid("/to", Code::BadTime));
    }
    let is_whole = |day: NaiveDate| day.day() == 1;
    if ask.by == By::Month && !(is_whole(ask.from) && is_whole(ask.to + Days::new(1))) {
        return Err(Error::invalid("/from", Code::WholeMonths));
    }
    Ok(())
}

async fn count_venues(db: &impl ConnectionTrait, ask: &Ask) -> Result<usize, Error> {
    let sql = "SELECT COUNT(*) AS n FROM venues WHERE community BETWEEN $1 AND $2";
    let row = db.query_one_raw(places::statement(db, sql, ask.division.bounds())).await?;
    let n: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    Ok(usize::try_from(n).unwrap_or_default())
}

/// Whether what a report rests on can still change, and up to when everything is known.
async fn standing(
    db: &impl ConnectionTrait,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<(State, Watermark), Error> {
    let sql = "SELECT COUNT(CASE WHEN d.final_at IS NULL THEN 1 END) AS unfinished, \
               COUNT(CASE WHEN d.state = 'restated' THEN 1 END) AS restated \
               FROM venues v JOIN venue_days d ON d.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND d.business_day BETWEEN $3 AND $4";
    let row = db.query_one_raw(places::statement(db, sql, places::scope(ask))).await?;
    let (unfinished, restated): (i64, i64) = match row {
        Some(row) => (row.try_get("", "unfinished")?, row.try_get("", "restated")?),
        None => (0, 0),
    };
    let within = crate::venues::within(db, &ask.division).await?;
    let stood = waiting::stood(db).await?;
    let places = within.iter().filter_map(|venue| stood.get(&venue.id)).flatten();
    let mark = waiting::watermark(places, now);
    let ends = within.iter().map(|venue| venue.business_day_end(ask.to)).max();
    let complete = ends.is_none_or(|ends| {
        let told = mark.terminals == 0 || mark.at.is_some_and(|at| at >= ends + SETTLING);
        now >= ends + SETTLING && told
    });
    let state = match (unfinished == 0 && complete, restated == 0) {
        (false, _) => State::Provisional,
        (true, true) => State::Final,
        (true, false) => State::Restated,
    };
    Ok((state, mark))
}
