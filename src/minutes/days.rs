//! Business days become final when everything that could still change them has arrived, and say
//! so when something changes them later.
//!
//! A venue's day is `provisional` until the watermark of every terminal that stood there has
//! passed its end by six hours; then `final`; a later change makes it `restated`, which this job
//! computes again. Division-days are written when all their venues' days are final.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement};
use uuid::Uuid;

use crate::{
    base::{
        db,
        ids::{DivisionCode, VenueId},
    },
    staff::audit,
    venues::Venue,
};

mod listed;
pub mod revisions;
pub mod waiting;
pub mod ways;

pub use listed::{Listed, Waited, list, one, waited};

/// How long after its end a day still waits for what terminals hold back.
pub const SETTLING: TimeDelta = TimeDelta::hours(6);
/// Days settled in one transaction.
const PIECE: usize = 200;

/// A venue's business day that may be ready.
struct Candidate {
    venue: VenueId,
    day: NaiveDate,
    restated: bool,
}

/// A stay as far as the peak needs it.
pub struct Stay {
    pub entered_at: DateTime<Utc>,
    pub left_at: DateTime<Utc>,
}

/// Makes days final (or computes restated ones again) where nothing is missing any more.
pub async fn settle(
    db: &DatabaseConnection,
    venues: &HashMap<VenueId, Arc<Venue>>,
    now: DateTime<Utc>,
) -> Result<usize, DbErr> {
    let ready = candidates(db, venues, now).await?;
    let mut divisions = BTreeSet::new();
    for piece in ready.chunks(PIECE) {
        let tx = db::begin(db).await?;
        for candidate in piece {
            let Some(venue) = venues.get(&candidate.venue) else { continue };
            finalise(&tx, venue, candidate, now).await?;
            for division in venue.community.ancestry() {
                divisions.insert((division, candidate.day));
            }
        }
        tx.commit().await?;
    }
    let touched: Vec<(DivisionCode, NaiveDate)> = divisions.into_iter().collect();
    for piece in touched.chunks(PIECE) {
        let tx = db::begin(db).await?;
        for (division, day) in piece {
            if let Some(row) = division_day(&tx, division.as_str(), *day).await? {
                revisions::publish_division(&tx, division, *day, &row, now).await?;
            }
        }
        tx.commit().await?;
    }
    Ok(ready.len())
}

/// Days that are over, not final (or restated and not computed again), and waited for by nobody.
async fn candidates(
    db: &DatabaseConnection,
    venues: &HashMap<VenueId, Arc<Venue>>,
    now: DateTime<Utc>,
) -> Result<Vec<Candidate>, DbErr> {
    let rows = query(
        db,
        "SELECT venue_id, business_day, state FROM venue_days \
         WHERE final_at IS NULL AND business_day < $1 ORDER BY business_day, venue_id",
        [now.date_naive().into()],
    )
    .await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let stood = waiting::stood(db).await?;
    let mut ready = Vec::new();
    for row in rows {
        let state: String = row.try_get("", "state")?;
        let candidate = Candidate {
            venue: VenueId(row.try_get("", "venue_id")?),
            day: row.try_get("", "business_day")?,
            restated: state == "restated",
        };
        let Some(venue) = venues.get(&candidate.venue) else { continue };
        let until = venue.business_day_end(candidate.day) + SETTLING;
        let places = stood.get(&candidate.venue).map_or(&[][..], Vec::as_slice);
        let waited_for = !waiting::holding(venue, candidate.day, places).is_empty();
        if candidate.restated || (now >= until && !waited_for) {
            ready.push(candidate);
        }
    }
    Ok(ready)
}

async fn finalise<C: ConnectionTrait>(
    tx: &C,
    venue: &Venue,
    candidate: &Candidate,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    // Takes the row before the sessions are read, so that nobody changes the day meanwhile.
    execute(
        tx,
        "UPDATE venue_days SET version = version + 1 WHERE venue_id = $1 AND business_day = $2",
        [venue.id.0.into(), candidate.day.into()],
    )
    .await?;
    let published = query(
        tx,
        "SELECT version FROM division_days WHERE division = $1 AND business_day = $2",
        [venue.community.as_str().into(), candidate.day.into()],
    )
    .await?;
    let rows = query(
        tx,
        "SELECT entered_at, left_at FROM sessions \
         WHERE venue_id = $1 AND business_day = $2 AND NOT void AND left_at IS NOT NULL",
        [venue.id.0.into(), candidate.day.into()],
    )
    .await?;
    let mut stays = Vec::with_capacity(rows.len());
    for row in rows {
        stays.push(Stay {
            entered_at: row.try_get("", "entered_at")?,
            left_at: row.try_get("", "left_at")?,
        });
    }
    let (peak, hours) = peaks(&stays, |at| i16::from(venue.local_hour(at)));
    let late = candidate.restated || !published.is_empty();
    let state = if late { "restated" } else { "final" };
    execute(
        tx,
        "UPDATE venue_days SET state = $3, peak_inside = $4, final_at = $5, version = version + 1 \
         WHERE venue_id = $1 AND business_day = $2",
        [venue.id.0.into(), candidate.day.into(), state.into(), peak.into(), now.into()],
    )
    .await?;
    execute(
        tx,
        "UPDATE venue_day_hours SET peak_inside = NULL, version = version + 1 \
         WHERE venue_id = $1 AND business_day = $2",
        [venue.id.0.into(), candidate.day.into()],
    )
    .await?;
    for (hour, peak) in hours {
        execute(
            tx,
            "UPDATE venue_day_hours SET peak_inside = $4, version = version + 1 \
             WHERE venue_id = $1 AND business_day = $2 AND hour = $3",
            [venue.id.0.into(), candidate.day.into(), hour.into(), peak.into()],
        )
        .await?;
    }
    ways::count(tx, venue, candidate.day, late).await?;
    revisions::publish_venue(tx, venue, candidate.day, late, now).await
}

/// The most people inside at once, over the day and by the local hour of each arrival. Who leaves
/// at the instant another enters was not inside together with them.
pub fn peaks(stays: &[Stay], hour: impl Fn(DateTime<Utc>) -> i16) -> (i32, BTreeMap<i16, i32>) {
    let mut steps: Vec<(DateTime<Utc>, i32)> =
        stays.iter().flat_map(|s| [(s.entered_at, 1), (s.left_at, -1)]).collect();
    steps.sort_unstable();
    let (mut inside, mut peak, mut hours) = (0, 0, BTreeMap::new());
    for (at, step) in steps {
        inside += step;
        peak = peak.max(inside);
        if step > 0 {
            let most = hours.entry(hour(at)).or_insert(0);
            *most = inside.max(*most);
        }
    }
    (peak, hours)
}

/// Writes a division's day if all its venues' days are final, and gives it; else takes an older
/// one away.
async fn division_day<C: ConnectionTrait>(
    tx: &C,
    division: &str,
    day: NaiveDate,
) -> Result<Option<QueryResult>, DbErr> {
    let written = query(
        tx,
        "INSERT INTO division_days (division, business_day, visits, people, minutes_measured, \
         minutes_self_declared, minutes_estimated, minutes_corrected, state, version) \
         SELECT $1, $2, SUM(d.visits), \
         (SELECT COUNT(DISTINCT s.member_id) FROM sessions s JOIN venues w ON w.id = s.venue_id \
          WHERE s.business_day = $2 AND NOT s.void AND w.community LIKE $3), \
         SUM(d.minutes_measured), SUM(d.minutes_self_declared), SUM(d.minutes_estimated), \
         SUM(d.minutes_corrected), \
         CASE WHEN SUM(CASE WHEN d.state = 'restated' THEN 1 ELSE 0 END) > 0 THEN 'restated' ELSE 'final' END, 1 \
         FROM venue_days d JOIN venues v ON v.id = d.venue_id \
         WHERE d.business_day = $2 AND v.community LIKE $3 \
         HAVING COUNT(*) > 0 AND SUM(CASE WHEN d.final_at IS NULL THEN 1 ELSE 0 END) = 0 \
         ON CONFLICT (division, business_day) DO UPDATE SET visits = excluded.visits, \
         people = excluded.people, minutes_measured = excluded.minutes_measured, \
         minutes_self_declared = excluded.minutes_self_declared, \
         minutes_estimated = excluded.minutes_estimated, \
         minutes_corrected = excluded.minutes_corrected, state = excluded.state, \
         version = division_days.version + 1 RETURNING *",
        [division.into(), day.into(), format!("{division}%").into()],
    )
    .await?;
    if let Some(row) = written.into_iter().next() {
        return Ok(Some(row));
    }
    execute(
        tx,
        "DELETE FROM division_days WHERE division = $1 AND business_day = $2",
        [division.into(), day.into()],
    )
    .await
    .map(|_| None)
}

/// Enters the digests of days that changed since the last time into the audit chain, so that a
/// history that was rewritten with its keys still shows.
pub async fn anchor(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), DbErr> {
    let tx = db::begin(db).await?;
    let last = query(&tx, "SELECT MAX(at) AS at FROM audit WHERE chain = 'days'", []).await?;
    let last: Option<DateTime<Utc>> = match last.first() {
        Some(row) => row.try_get("", "at")?,
        None => None,
    };
    let rows = query(
        &tx,
        "SELECT venue_id, business_day, state, version, digest_0, digest_1, digest_2, digest_3, \
         digest_4, digest_5, digest_6, digest_7 FROM venue_days \
         WHERE final_at IS NULL OR final_at >= $1 ORDER BY venue_id, business_day",
        [last.unwrap_or_default().into()],
    )
    .await?;
    if rows.is_empty() {
        return tx.commit().await;
    }
    let mut text = String::new();
    for row in &rows {
        text.push_str(&digest_line(row)?);
    }
    let object = format!("venue_days:{}", rows.len());
    let deed = audit::Deed {
        actor: "job:anchor",
        act: "days_anchored",
        object: &object,
        before: None,
        after: Some(&text),
        reason: None,
    };
    audit::append(&tx, "days", &deed, now).await?;
    tx.commit().await
}

fn digest_line(row: &QueryResult) -> Result<String, DbErr> {
    let venue: Uuid = row.try_get("", "venue_id")?;
    let day: NaiveDate = row.try_get("", "business_day")?;
    let state: String = row.try_get("", "state")?;
    let mut line = format!("{venue}|{day}|{state}");
    for n in 0..8 {
        let limb: i64 = row.try_get("", &format!("digest_{n}"))?;
        let _ = write!(line, "|{limb}");
    }
    line.push('\n');
    Ok(line)
}

async fn query<C: ConnectionTrait, const N: usize>(
    db: &C,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_all_raw(statement).await
}

async fn execute<C: ConnectionTrait, const N: usize>(
    db: &C,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}
