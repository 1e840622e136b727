//! Evacuations: all doors of a venue are told to open, and told again until it is over.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, FromQueryResult, SqlErr,
    Statement, Value,
};
use serde_json::json;
use uuid::Uuid;

use super::{CHAIN, present};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{DivisionCode, VenueId},
    },
    staff::audit::{self, Deed},
    terminals::doors::{self, Told},
    webhooks::{self, Event, Kind},
};

/// Doors are told again so long after the last time: an order holds a door open for a minute.
pub const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(30);
/// Nobody forgets doors open for longer than this.
const LASTS_MAX: TimeDelta = TimeDelta::hours(4);

const BEGUN: &str = "evacuation_begun";
const ENDED: &str = "evacuation_ended";

/// An evacuation.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Evacuation {
    pub id: Uuid,
    pub venue_id: VenueId,
    pub community: DivisionCode,
    pub reason: String,
    /// How many were presumed inside when it began.
    pub presumed: i32,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Begins one: every door is told to open, in the same transaction.
///
/// # Errors
/// `Conflict` while one is going on there.
pub async fn begin(
    tx: &DatabaseTransaction,
    venue: VenueId,
    reason: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(Uuid, i32, Vec<Told>), Error> {
    let presumed = present::stays_at(tx, venue, now).await?.len();
    let presumed = i32::try_from(presumed).unwrap_or(i32::MAX);
    let id = Uuid::now_v7();
    let sql = "INSERT INTO evacuations \
               (id, venue_id, reason, presumed, started_at, started_by, opened_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $5)";
    let values: [Value; 6] =
        [id.into(), venue.0.into(), reason.into(), presumed.into(), now.into(), by.into()];
    execute(tx, sql, values).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::EvacuationGoing),
        _ => error.into(),
    })?;
    let told = doors::open_all(tx, venue, by, now).await?;
    note(tx, by, BEGUN, venue, Some(reason), now).await?;
    Ok((id, presumed, told))
}

/// Ends one; doors go back to what they do by themselves.
pub async fn end(
    tx: &DatabaseTransaction,
    evacuation: &Evacuation,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "UPDATE evacuations SET ended_at = $2, ended_by = $3 \
               WHERE id = $1 AND ended_at IS NULL";
    let ended = execute(tx, sql, [evacuation.id.into(), now.into(), by.into()]).await?;
    if ended > 0 {
        note(tx, by, ENDED, evacuation.venue_id, None, now).await?;
    }
    Ok(())
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    venue: VenueId,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    tell(tx, act, venue, now).await?;
    let object = format!("venue:{venue}");
    let deed = Deed { actor, act, object: &object, before: None, after: None, reason };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

async fn tell(
    tx: &DatabaseTransaction,
    act: &str,
    venue: VenueId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let kind = if act == BEGUN { Kind::EvacuationBegun } else { Kind::EvacuationEnded };
    let sql = "SELECT community FROM venues WHERE id = $1";
    let values = [venue.0.into()];
    let found = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let Some(row) = tx.query_one_raw(found).await? else { return Ok(()) };
    let community: DivisionCode = row.try_get("", "community")?;
    let data = json!({ "venue_id": venue });
    let event = Event { kind, division: Some(&community), data };
    webhooks::tell(tx, &event, now).await
}

const COLUMNS: &str =
    "e.id, e.venue_id, v.community, e.reason, e.presumed, e.started_at, e.ended_at";

/// One, however it stands.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Evacuation>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM evacuations e JOIN venues v ON v.id = e.venue_id WHERE e.id = $1"
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, [id.into()]);
    Evacuation::find_by_statement(statement).one(db).await
}

/// Those that are going on in a division.
pub async fn going(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<Vec<Evacuation>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM evacuations e JOIN venues v ON v.id = e.venue_id \
         WHERE e.ended_at IS NULL AND v.community BETWEEN $1 AND $2 ORDER BY e.started_at"
    );
    let first = division.as_str();
    let values = [first.into(), format!("{first:9<12}").into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, values);
    Evacuation::find_by_statement(statement).all(db).await
}

#[derive(FromQueryResult)]
struct Due {
    id: Uuid,
    venue_id: VenueId,
    started_at: DateTime<Utc>,
}

/// Tells the doors of evacuations that are going on once more, and ends what somebody forgot; a
/// job runs it.
pub async fn keep_open(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    const BY: &str = "job:evacuations";
    let sql = "SELECT id, venue_id, started_at FROM evacuations \
               WHERE ended_at IS NULL AND opened_at <= $1 ORDER BY started_at";
    let values = [(now - AGAIN_AFTER).into()];
    let due = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    for due in Due::find_by_statement(due).all(db).await? {
        let tx = db::begin(db).await?;
        if now - due.started_at >= LASTS_MAX {
            let sql = "UPDATE evacuations SET ended_at = $2, ended_by = $3 WHERE id = $1";
            execute(&tx, sql, [due.id.into(), now.into(), BY.into()]).await?;
            note(&tx, BY, ENDED, due.venue_id, None, now).await?;
        } else {
            doors::open_all(&tx, due.venue_id, BY, now).await?;
            let sql = "UPDATE evacuations SET opened_at = $2 WHERE id = $1";
            execute(&tx, sql, [due.id.into(), now.into()]).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

async fn execute<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}
