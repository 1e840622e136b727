//! Who waits for a seat: joining and leaving, offers that run out, and seats that became free by
//! themselves. An offer is a hold with a longer time to decide.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction,
    EntityTrait as _, FromQueryResult, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
    SqlErr, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Slot,
    holding::{check_may_book, lock_booker},
    rules, seats, statement,
    tables::waiters,
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::{MemberId, SlotId},
    keys::Keys,
};

/// Slots that one run of the job looks at.
const AT_ONCE: u64 = 100;

/// Puts somebody at the end of who waits; answers how many are before them, and themselves. Refuses
/// what [`super::holding::hold`] refuses, and (409) a slot with room.
pub async fn join(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    slot: SlotId,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let booker = lock_booker(tx, member).await?;
    let slot = seats::lock(tx, slot).await?;
    check_may_book(tx, keys, &booker, &slot, now).await?;
    let taken = seats::tidy(tx, keys, &slot, now).await?;
    if has_room(tx, &slot, &taken).await? {
        return Err(Error::Conflict(Code::SlotFree));
    }
    let sql = "SELECT COUNT(*) AS n FROM slot_waiters WHERE member_id = $1 AND state = 'waiting'";
    let row = tx.query_one_raw(statement(tx, sql, [member.0.into()])).await?;
    let waits: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    if waits >= rules::WAITING_MAX {
        return Err(Error::Conflict(Code::BookingQuota));
    }
    let row = waiters::Model {
        id: Uuid::now_v7(),
        slot_id: slot.id,
        member_id: member,
        state: seats::WAITING.to_owned(),
        joined_at: now,
        booking_id: None,
        offered_at: None,
        ended_at: None,
    };
    let insert = waiters::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::AlreadyBooked),
        _ => error.into(),
    })?;
    let waiting = waiters::Entity::find()
        .filter(waiters::COLUMN.slot_id.eq(slot.id))
        .filter(waiters::COLUMN.state.eq(seats::WAITING));
    Ok(waiting.count(tx).await?)
}

/// Whether the slot could be booked now. Trying is the only way to know of another slot that has
/// the same hours; a claim without a seat is given back at once.
async fn has_room(tx: &DatabaseTransaction, slot: &Slot, taken: &[i32]) -> Result<bool, Error> {
    if rules::free_seat(taken, slot.capacity).is_none() {
        return Ok(false);
    }
    if !taken.is_empty() {
        return Ok(true);
    }
    let has_room = seats::claim(tx, slot).await?;
    seats::unclaim(tx, slot.id).await?;
    Ok(has_room)
}

/// Somebody waits no longer; 404 who did not. An offer is cancelled like any booking.
pub async fn leave(
    tx: &DatabaseTransaction,
    member: MemberId,
    slot: SlotId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let left = waiters::Entity::update_many()
        .col_expr(waiters::Column::State, Expr::value(seats::LEFT))
        .col_expr(waiters::Column::EndedAt, Expr::value(now))
        .filter(waiters::COLUMN.slot_id.eq(slot))
        .filter(waiters::COLUMN.member_id.eq(member))
        .filter(waiters::COLUMN.state.eq(seats::WAITING))
        .exec(tx)
        .await?;
    if left.rows_affected == 0 {
        return Err(Error::NotFound(Code::NotFound));
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Due {
    slot_id: SlotId,
}

/// Gives back holds and offers that ran out, and passes the seats on; a job runs it.
pub async fn expire_due(
    db: &DatabaseConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = format!(
        "SELECT slot_id FROM bookings WHERE state = 'held' AND held_until <= $1 \
         ORDER BY held_until LIMIT {AT_ONCE}"
    );
    let due = Due::find_by_statement(statement(db, &sql, [now.into()])).all(db).await?;
    tidy_all(db, keys, due, now).await
}

/// Offers seats for which somebody waits and that are free, since another slot gave the hours back;
/// a job runs it.
pub async fn offer_due(
    db: &DatabaseConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = format!(
        "SELECT DISTINCT w.slot_id FROM slot_waiters w JOIN slots s ON s.id = w.slot_id \
         WHERE w.state = 'waiting' AND s.status = 'open' AND s.starts_at > $1 \
         AND (SELECT COUNT(*) FROM bookings b WHERE b.slot_id = s.id AND b.seat IS NOT NULL) \
             < s.capacity \
         ORDER BY w.slot_id LIMIT {AT_ONCE}"
    );
    let due = Due::find_by_statement(statement(db, &sql, [now.into()])).all(db).await?;
    tidy_all(db, keys, due, now).await
}

async fn tidy_all(
    db: &DatabaseConnection,
    keys: &Keys,
    mut due: Vec<Due>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    due.sort_by_key(|due| due.slot_id);
    due.dedup_by_key(|due| due.slot_id);
    for due in due {
        let tx = db::begin(db).await?;
        let slot = seats::lock(&tx, due.slot_id).await?;
        seats::tidy(&tx, keys, &slot, now).await?;
        tx.commit().await?;
    }
    Ok(())
}
