//! The seats of a slot under its lock: what ran out is given back, who waits longest is offered what
//! is free, and quarters of an hour are claimed with the first seat and given back with the last.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, DbErr, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, SqlErr, Value, sea_query::Expr,
};

use super::{
    Slot, execute,
    notices::{self, Said},
    publishing::OPEN,
    rules::{self, State},
    statement,
    tables::{bookings, slots, waiters},
};
use crate::base::{
    error::{Code, Error},
    ids::{BookingId, MemberId, SlotId},
    keys::Keys,
};

pub const WAITING: &str = "waiting";
pub const OFFERED: &str = "offered";
pub const TAKEN: &str = "taken";
pub const LEFT: &str = "left";
const RAN_OUT: &str = "expired";
const CLOSED: &str = "closed";

/// Locks a slot until the transaction ends, and reads it; 404 without one. An update, since that
/// locks on both databases.
pub async fn lock(tx: &DatabaseTransaction, id: SlotId) -> Result<Slot, Error> {
    execute(tx, "UPDATE slots SET version = version + 1 WHERE id = $1", [id.0.into()]).await?;
    slots::Entity::find_by_id(id).one(tx).await?.ok_or(Error::NotFound(Code::NotFound))
}

/// Gives back what ran out, offers what is free to who waits, and answers the seats that somebody
/// has then. The slot is locked.
pub async fn tidy(
    tx: &DatabaseTransaction,
    keys: &Keys,
    slot: &Slot,
    now: DateTime<Utc>,
) -> Result<Vec<i32>, Error> {
    run_out(tx, slot.id, now).await?;
    let mut seats = taken(tx, slot.id).await?;
    let is_offered = slot.status == OPEN && slot.starts_at > now;
    let mut next = if is_offered { first_waiter(tx, slot.id).await? } else { None };
    while let Some(waiter) = next {
        let Some(seat) = rules::free_seat(&seats, slot.capacity) else { break };
        if seats.is_empty() && !claim(tx, slot).await? {
            break;
        }
        let lease = Lease { state: State::Held, time: rules::OFFER };
        let booking = sit(tx, slot, seat, waiter.member_id, lease, "job:bookings", now).await?;
        offered(tx, &waiter, booking.id, now).await?;
        notices::tell(tx, keys, slot, (booking.id, waiter.member_id), Said::Offered, now).await?;
        seats.push(seat);
        next = first_waiter(tx, slot.id).await?;
    }
    if seats.is_empty() {
        unclaim(tx, slot.id).await?;
    }
    Ok(seats)
}

/// Gives back every quarter that the slot has.
pub async fn unclaim(tx: &DatabaseTransaction, slot: SlotId) -> Result<(), DbErr> {
    let sql = "DELETE FROM slot_claims WHERE slot_id = $1";
    execute(tx, sql, [slot.0.into()]).await.map(drop)
}

/// Gives back the quarters of a slot in which nobody has a seat.
pub async fn unclaim_if_empty(tx: &DatabaseTransaction, slot: SlotId) -> Result<(), DbErr> {
    if taken(tx, slot).await?.is_empty() { unclaim(tx, slot).await } else { Ok(()) }
}

async fn run_out(tx: &DatabaseTransaction, slot: SlotId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let ended = bookings::Entity::update_many()
        .col_expr(bookings::Column::State, Expr::value(State::Expired.as_str()))
        .col_expr(bookings::Column::Seat, Expr::value(None::<i32>))
        .col_expr(bookings::Column::EndedAt, Expr::value(now))
        .filter(bookings::COLUMN.slot_id.eq(slot))
        .filter(bookings::COLUMN.state.eq(State::Held.as_str()))
        .filter(bookings::COLUMN.held_until.lte(now))
        .exec(tx)
        .await?;
    if ended.rows_affected == 0 {
        return Ok(());
    }
    let sql = "UPDATE slot_waiters SET state = $2, ended_at = $3 \
               WHERE slot_id = $1 AND state = 'offered' AND booking_id IN \
               (SELECT id FROM bookings WHERE slot_id = $1 AND state = 'expired')";
    execute(tx, sql, [slot.0.into(), RAN_OUT.into(), now.into()]).await.map(drop)
}

/// The seats that somebody has.
async fn taken(tx: &DatabaseTransaction, slot: SlotId) -> Result<Vec<i32>, DbErr> {
    use sea_orm::QuerySelect as _;
    bookings::Entity::find()
        .select_only()
        .column(bookings::Column::Seat)
        .filter(bookings::COLUMN.slot_id.eq(slot))
        .filter(bookings::COLUMN.seat.is_not_null())
        .into_tuple()
        .all(tx)
        .await
}

async fn first_waiter(
    tx: &DatabaseTransaction,
    slot: SlotId,
) -> Result<Option<waiters::Model>, DbErr> {
    waiters::Entity::find()
        .filter(waiters::COLUMN.slot_id.eq(slot))
        .filter(waiters::COLUMN.state.eq(WAITING))
        .order_by_asc(waiters::Column::Id)
        .one(tx)
        .await
}

async fn offered(
    tx: &DatabaseTransaction,
    waiter: &waiters::Model,
    booking: BookingId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    waiters::Entity::update_many()
        .col_expr(waiters::Column::State, Expr::value(OFFERED))
        .col_expr(waiters::Column::BookingId, Expr::value(booking))
        .col_expr(waiters::Column::OfferedAt, Expr::value(now))
        .filter(waiters::COLUMN.id.eq(waiter.id))
        .exec(tx)
        .await
        .map(drop)
}

/// Takes every quarter of the slot for every part that it needs; false where another slot has one of
/// them, and then none is kept.
pub async fn claim(tx: &DatabaseTransaction, slot: &Slot) -> Result<bool, DbErr> {
    let parts = rules::parts_taken(slot.part, slot.parts);
    // In everybody's order, so that two who want the same wait and never meet crosswise.
    let wanted: Vec<(i64, i16)> = (slot.first_quarter..slot.end_quarter)
        .flat_map(|quarter| parts.clone().map(move |part| (quarter, part)))
        .collect();
    let tuples: Vec<String> =
        (0..wanted.len()).map(|n| format!("($1, ${}, ${}, $2)", 2 * n + 3, 2 * n + 4)).collect();
    let sql = format!(
        "INSERT INTO slot_claims (unit_id, quarter, part, slot_id) VALUES {} \
         ON CONFLICT DO NOTHING",
        tuples.join(", ")
    );
    let mut values: Vec<Value> = vec![slot.resource_id.into(), slot.id.0.into()];
    values.extend(wanted.iter().flat_map(|(quarter, part)| [(*quarter).into(), (*part).into()]));
    execute(tx, &sql, values).await?;
    let count = "SELECT COUNT(*) AS n FROM slot_claims WHERE slot_id = $1";
    let row = tx_one(tx, count, slot.id).await?;
    if usize::try_from(row).is_ok_and(|n| n == wanted.len()) {
        return Ok(true);
    }
    unclaim(tx, slot.id).await?;
    Ok(false)
}

async fn tx_one(tx: &DatabaseTransaction, sql: &str, slot: SlotId) -> Result<i64, DbErr> {
    use sea_orm::ConnectionTrait as _;
    let row = tx.query_one_raw(statement(tx, sql, [slot.0.into()])).await?;
    row.map_or(Ok(0), |row| row.try_get("", "n"))
}

/// How a seat is had: as what, and for how long until somebody decides.
#[derive(Clone, Copy)]
pub struct Lease {
    pub state: State,
    pub time: TimeDelta,
}

/// Gives a seat to somebody. That nobody else has it is a constraint, and so is that they have no
/// other of this slot.
pub async fn sit(
    tx: &DatabaseTransaction,
    slot: &Slot,
    seat: i32,
    member: MemberId,
    lease: Lease,
    by: &str,
    now: DateTime<Utc>,
) -> Result<bookings::Model, Error> {
    let row = bookings::Model {
        id: BookingId::new(),
        slot_id: slot.id,
        member_id: member,
        resource_id: slot.resource_id,
        venue_id: slot.venue_id,
        kind: slot.kind.clone(),
        seat: Some(seat),
        state: lease.state.as_str().to_owned(),
        starts_at: slot.starts_at,
        ends_at: slot.ends_at,
        held_until: Some(rules::held_until(now, lease.time, slot.starts_at)),
        made_at: now,
        made_by: by.to_owned(),
        ended_at: None,
        rating: None,
        rated_at: None,
    };
    let insert = bookings::Entity::insert(row.clone().into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::SlotTaken),
        _ => error.into(),
    })?;
    Ok(row)
}

/// Nobody waits for this slot any more.
pub async fn close_waiting(
    tx: &DatabaseTransaction,
    slot: SlotId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    waiters::Entity::update_many()
        .col_expr(waiters::Column::State, Expr::value(CLOSED))
        .col_expr(waiters::Column::EndedAt, Expr::value(now))
        .filter(waiters::COLUMN.slot_id.eq(slot))
        .filter(waiters::COLUMN.state.is_in([WAITING, OFFERED]))
        .exec(tx)
        .await
        .map(drop)
}

/// What became of an offer that belongs to this booking.
pub async fn answer_offer(
    tx: &DatabaseTransaction,
    booking: BookingId,
    slot: SlotId,
    state: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    waiters::Entity::update_many()
        .col_expr(waiters::Column::State, Expr::value(state))
        .col_expr(waiters::Column::EndedAt, Expr::value(now))
        .filter(waiters::COLUMN.slot_id.eq(slot))
        .filter(waiters::COLUMN.booking_id.eq(booking))
        .filter(waiters::COLUMN.state.eq(OFFERED))
        .exec(tx)
        .await
        .map(drop)
}
