//! Slots that cannot be held after all: their venue will be closed, since a closure, an exception, a
//! holiday or new hours came after they were published; or the coach does not coach any more.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, FromQueryResult};

use super::{execute, publishing, rules, statement};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{SlotId, VenueId},
        keys::Keys,
    },
    venues::Venue,
};

/// Slots that are looked at in one statement.
const PAGE: u64 = 500;
/// What the slot says of why it was called off.
const CLOSED: &str = "venue_closed";
const NO_COACH: &str = "coach_away";
const BY: &str = "job:bookings";
/// Up to which revision of the places slots have been looked at.
const REVISION: &str = "bookings:places";

#[derive(FromQueryResult)]
struct Row {
    id: SlotId,
    venue_id: VenueId,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// Calls off what is to come where the venue is not open all that time. Looks only when places have
/// changed since it last did.
pub async fn call_off_closed(
    db: &DatabaseConnection,
    keys: &Keys,
    venues: &HashMap<VenueId, Arc<Venue>>,
    revision: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if seen(db).await? == Some(revision) {
        return Ok(());
    }
    let mut after = (now, SlotId(uuid::Uuid::max()));
    loop {
        let sql = format!(
            "SELECT id, venue_id, starts_at, ends_at FROM slots WHERE status = 'open' \
             AND starts_at >= $1 AND (starts_at > $1 OR id > $2) ORDER BY starts_at, id LIMIT {PAGE}"
        );
        let values = [after.0.into(), after.1.0.into()];
        let rows = Row::find_by_statement(statement(db, &sql, values)).all(db).await?;
        let Some(last) = rows.last() else { break };
        after = (last.starts_at, last.id);
        for row in &rows {
            let is_open = venues
                .get(&row.venue_id)
                .is_some_and(|venue| rules::is_open_throughout(venue, row.starts_at, row.ends_at));
            if !is_open {
                call_off(db, keys, row.id, CLOSED, now).await?;
            }
        }
    }
    let sql = "INSERT INTO revisions (name, n) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET n = excluded.n";
    execute(db, sql, [REVISION.into(), revision.into()]).await?;
    Ok(())
}

/// Calls off what is to come of coaches who do not coach any more: suspended, retired, forgotten.
pub async fn call_off_leaderless(
    db: &DatabaseConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = format!(
        "SELECT s.id, s.venue_id, s.starts_at, s.ends_at FROM instructors i \
         JOIN slots s ON s.resource_id = i.id WHERE i.status <> 'active' AND s.status = 'open' \
         AND s.starts_at > $1 ORDER BY s.id LIMIT {PAGE}"
    );
    for row in Row::find_by_statement(statement(db, &sql, [now.into()])).all(db).await? {
        call_off(db, keys, row.id, NO_COACH, now).await?;
    }
    Ok(())
}

async fn call_off(
    db: &DatabaseConnection,
    keys: &Keys,
    id: SlotId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    match publishing::call_off(&tx, keys, id, reason, BY, now).await {
        // It has begun meanwhile.
        Err(Error::Conflict(Code::SlotOver)) => return Ok(tx.rollback().await?),
        done => done?,
    }
    Ok(tx.commit().await?)
}

async fn seen(db: &DatabaseConnection) -> Result<Option<i64>, Error> {
    let sql = "SELECT n FROM revisions WHERE name = $1";
    let row = db.query_one_raw(statement(db, sql, [REVISION.into()])).await?;
    Ok(row.map(|row| row.try_get("", "n")).transpose()?)
}
