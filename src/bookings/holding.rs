//! A resident's booking from hold to rating: held while they decide, confirmed, cancelled with
//! notice, rated after they came.

use chrono::{DateTime, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    FromQueryResult, QueryFilter as _, sea_query::Expr,
};

use super::{
    Slot,
    notices::{self, Said},
    publishing::OPEN,
    rules::{self, Past, State},
    seats::{self, Lease},
    statement,
    tables::{bookings, waiters},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{BookingId, MemberId, SlotId},
        keys::Keys,
    },
    members,
};

/// Bookings of one person that quotas and fair use look at; nobody has as many in a season.
const HISTORY_MAX: u64 = 500;
const STARS: std::ops::RangeInclusive<i16> = 1..=5;

/// A booking as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    pub id: BookingId,
    pub slot: SlotId,
    pub state: State,
    /// Until when a hold must be confirmed.
    pub held_until: Option<DateTime<Utc>>,
}

/// Somebody who books, locked until the transaction ends.
pub struct Booker {
    pub id: MemberId,
    pardoned_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct BookerRow {
    pardoned_at: Option<DateTime<Utc>>,
}

/// Locks whoever books, so that their quotas hold also for what they do at once. Before every slot.
pub async fn lock_booker(tx: &DatabaseTransaction, id: MemberId) -> Result<Booker, DbErr> {
    let sql = "INSERT INTO booking_members (member_id, version) VALUES ($1, 1) \
               ON CONFLICT (member_id) DO UPDATE SET version = booking_members.version + 1 \
               RETURNING pardoned_at";
    let row = BookerRow::find_by_statement(statement(tx, sql, [id.0.into()])).one(tx).await?;
    Ok(Booker { id, pardoned_at: row.and_then(|row| row.pardoned_at) })
}

/// Holds a seat of a slot for somebody who decides within minutes. Refuses (403) whose name is not
/// verified and who is paused, (404) what there is not, (409) what is over, taken, booked already, at
/// the time of another booking or more than one person may have.
pub async fn hold(
    tx: &DatabaseTransaction,
    keys: &Keys,
    (member, by): (MemberId, &str),
    slot: SlotId,
    now: DateTime<Utc>,
) -> Result<Booking, Error> {
    // In a rush most come too late: they are told so without waiting for the slot's lock.
    if is_full(tx, member, slot, now).await? {
        return Err(Error::Conflict(Code::SlotTaken));
    }
    let booker = lock_booker(tx, member).await?;
    let slot = seats::lock(tx, slot).await?;
    check_may_book(tx, keys, &booker, &slot, now).await?;
    let taken = seats::tidy(tx, keys, &slot, now).await?;
    let seat = rules::free_seat(&taken, slot.capacity).ok_or(Error::Conflict(Code::SlotTaken))?;
    if taken.is_empty() && !seats::claim(tx, &slot).await? {
        return Err(Error::Conflict(Code::SlotTaken));
    }
    let lease = Lease { state: State::Held, time: rules::HOLD };
    booking(&seats::sit(tx, &slot, seat, member, lease, by, now).await?)
}

/// Whether every seat of a slot that is offered is somebody else's at a glance, without a lock. Only
/// a yes is believed: what is free is given under the lock, and seats are unique by constraint.
async fn is_full(
    tx: &DatabaseTransaction,
    member: MemberId,
    slot: SlotId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = "SELECT s.id FROM slots s WHERE s.id = $1 AND s.status = 'open' \
               AND s.starts_at > $3 AND s.capacity <= (SELECT COUNT(*) FROM bookings b \
               WHERE b.slot_id = $1 AND b.seat IS NOT NULL AND b.member_id <> $2 \
               AND (b.state <> 'held' OR b.held_until > $3))";
    let values = [slot.0.into(), member.0.into(), now.into()];
    Ok(tx.query_one_raw(statement(tx, sql, values)).await?.is_some())
}

/// Whether somebody may book or wait for a slot at all; says nothing of seats.
pub async fn check_may_book(
    tx: &DatabaseTransaction,
    keys: &Keys,
    booker: &Booker,
    slot: &Slot,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let is_offered =
        slot.status == OPEN && slot.starts_at > now && slot.starts_at <= now + rules::BOOKED_AHEAD;
    if !is_offered {
        return Err(Error::Conflict(Code::SlotOver));
    }
    let people = members::facts_for(tx, keys, &[booker.id]).await?;
    let person = people.get(&booker.id);
    if !person.is_some_and(|one| one.status == members::Status::Active && one.is_verified()) {
        return Err(Error::Forbidden(Code::MemberNotVerified));
    }
    if has_place(tx, booker.id, slot.id, now).await? {
        return Err(Error::Conflict(Code::AlreadyBooked));
    }
    let history = history(tx, booker.id, now).await?;
    rules::check_quota(&history, booker.pardoned_at, slot.starts_at, Shanghai, now).map_err(
        |code| match code {
            Code::BookingPaused => Error::Forbidden(code),
            _ => Error::Conflict(code),
        },
    )?;
    let held = Condition::all()
        .add(bookings::COLUMN.state.eq(State::Held.as_str()))
        .add(bookings::COLUMN.held_until.gt(now));
    check_free(tx, booker.id, slot, Condition::any().add(confirmed()).add(held)).await
}

fn confirmed() -> Condition {
    Condition::all().add(bookings::COLUMN.state.eq(State::Confirmed.as_str()))
}

/// Refuses (409) hours within which somebody has a booking of another slot that stands as said.
async fn check_free(
    tx: &DatabaseTransaction,
    member: MemberId,
    slot: &Slot,
    standing: Condition,
) -> Result<(), Error> {
    let elsewhere = bookings::Entity::find()
        .filter(bookings::COLUMN.member_id.eq(member))
        .filter(bookings::Column::SlotId.ne(slot.id))
        .filter(bookings::Column::StartsAt.lt(slot.ends_at))
        .filter(bookings::Column::EndsAt.gt(slot.starts_at))
        .filter(standing);
    match elsewhere.one(tx).await? {
        Some(_) => Err(Error::Conflict(Code::BookingOverlaps)),
        None => Ok(()),
    }
}

/// Whether somebody has a seat of the slot that has not run out, or waits for one.
async fn has_place(
    tx: &DatabaseTransaction,
    member: MemberId,
    slot: SlotId,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let is_good = Condition::any()
        .add(bookings::COLUMN.state.ne(State::Held.as_str()))
        .add(bookings::COLUMN.held_until.gt(now));
    let seated = bookings::Entity::find()
        .filter(bookings::COLUMN.slot_id.eq(slot))
        .filter(bookings::COLUMN.member_id.eq(member))
        .filter(bookings::COLUMN.seat.is_not_null())
        .filter(is_good);
    if seated.one(tx).await?.is_some() {
        return Ok(true);
    }
    let waits = waiters::Entity::find()
        .filter(waiters::COLUMN.slot_id.eq(slot))
        .filter(waiters::COLUMN.member_id.eq(member))
        .filter(waiters::COLUMN.state.eq(seats::WAITING));
    Ok(waits.one(tx).await?.is_some())
}

#[derive(FromQueryResult)]
struct HistoryRow {
    state: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

/// What somebody booked lately and for later, the newest first.
pub async fn history(
    tx: &impl ConnectionTrait,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<Past>, Error> {
    let sql = format!(
        "SELECT state, starts_at, ends_at FROM bookings WHERE member_id = $1 AND starts_at > $2 \
         AND (state <> 'held' OR held_until > $3) ORDER BY starts_at DESC \
         LIMIT {HISTORY_MAX}"
    );
    let since = now - rules::ABSENCES_WITHIN - rules::PAUSE - rules::SLOT_MAX;
    let values = [member.0.into(), since.into(), now.into()];
    let rows = HistoryRow::find_by_statement(statement(tx, &sql, values)).all(tx).await?;
    rows.into_iter()
        .map(|row| {
            let state = state_of(&row.state)?;
            Ok(Past { state, starts_at: row.starts_at, ends_at: row.ends_at })
        })
        .collect()
}

pub fn state_of(text: &str) -> Result<State, Error> {
    Ok(State::from_text(text).ok_or_else(|| anyhow::anyhow!("a booking has an unknown state"))?)
}

fn booking(row: &bookings::Model) -> Result<Booking, Error> {
    let state = state_of(&row.state)?;
    let held_until = row.held_until.filter(|_| state == State::Held);
    Ok(Booking { id: row.id, slot: row.slot_id, state, held_until })
}

/// A booking of the caller's, or of a child of theirs, with its slot locked; 404 for any other.
async fn locked(
    tx: &DatabaseTransaction,
    keys: &Keys,
    caller: MemberId,
    id: BookingId,
    now: DateTime<Utc>,
) -> Result<(bookings::Model, Slot), Error> {
    let missing = || Error::NotFound(Code::NotFound);
    let found = bookings::Entity::find_by_id(id).one(tx).await?.ok_or_else(missing)?;
    if found.member_id != caller {
        members::acting_for(tx, keys, caller, Some(found.member_id), now).await?;
    }
    let slot = seats::lock(tx, found.slot_id).await?;
    let row = bookings::Entity::find_by_id(id).one(tx).await?.ok_or_else(missing)?;
    Ok((row, slot))
}

/// Confirms a hold or an offer; twice is no error. Refuses (409) what has run out, and an offer at the
/// time of what was confirmed since.
pub async fn confirm(
    tx: &DatabaseTransaction,
    keys: &Keys,
    caller: MemberId,
    id: BookingId,
    now: DateTime<Utc>,
) -> Result<Booking, Error> {
    let (row, slot) = locked(tx, keys, caller, id, now).await?;
    let state = state_of(&row.state)?;
    if state == State::Confirmed {
        return booking(&row);
    }
    let is_held = state == State::Held && row.held_until.is_some_and(|until| now < until);
    if !is_held || slot.status != OPEN {
        return Err(Error::Conflict(Code::HoldEnded));
    }
    check_free(tx, row.member_id, &slot, confirmed()).await?;
    set_state(tx, id, State::Confirmed, None).await?;
    seats::answer_offer(tx, id, slot.id, seats::TAKEN, now).await?;
    notices::tell(tx, keys, &slot, (id, row.member_id), Said::Confirmed, now).await?;
    Ok(Booking { id, slot: slot.id, state: State::Confirmed, held_until: None })
}

/// Cancels a booking: in time, or late and counted like an absence. The seat goes to who waits.
/// Twice is no error. Refuses (409) what has begun or ended.
pub async fn cancel(
    tx: &DatabaseTransaction,
    keys: &Keys,
    caller: MemberId,
    id: BookingId,
    now: DateTime<Utc>,
) -> Result<Booking, Error> {
    let (row, slot) = locked(tx, keys, caller, id, now).await?;
    let stood = state_of(&row.state)?;
    if matches!(stood, State::Cancelled | State::CancelledLate) {
        return booking(&row);
    }
    let state = rules::cancelled(stood, slot.starts_at, now).map_err(Error::Conflict)?;
    give_back(tx, keys, &slot, id, state, now).await?;
    Ok(Booking { id, slot: slot.id, state, held_until: None })
}

/// Takes a seat back from a booking, and offers it to who waits. The slot is locked.
async fn give_back(
    tx: &DatabaseTransaction,
    keys: &Keys,
    slot: &Slot,
    id: BookingId,
    state: State,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    set_state(tx, id, state, Some(now)).await?;
    seats::answer_offer(tx, id, slot.id, seats::LEFT, now).await?;
    seats::tidy(tx, keys, slot, now).await.map(drop)
}

pub(super) async fn set_state(
    tx: &DatabaseTransaction,
    id: BookingId,
    state: State,
    ended: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    let mut update = bookings::Entity::update_many()
        .col_expr(bookings::Column::State, Expr::value(state.as_str()))
        .col_expr(bookings::Column::HeldUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(bookings::COLUMN.id.eq(id));
    if ended.is_some() {
        update = update
            .col_expr(bookings::Column::Seat, Expr::value(None::<i32>))
            .col_expr(bookings::Column::EndedAt, Expr::value(ended));
    }
    update.exec(tx).await.map(drop)
}

/// Rates what somebody attended, once. Refuses (409) who did not come, who has rated, and whoever
/// comes too late with it.
pub async fn rate(
    tx: &DatabaseTransaction,
    keys: &Keys,
    caller: MemberId,
    (id, stars): (BookingId, i16),
    now: DateTime<Utc>,
) -> Result<Booking, Error> {
    if !STARS.contains(&stars) {
        return Err(Error::invalid("/stars", Code::OutOfRange));
    }
    let (row, _) = locked(tx, keys, caller, id, now).await?;
    let is_open = state_of(&row.state)? == State::Attended
        && row.rating.is_none()
        && now <= row.ends_at + rules::RATED_WITHIN;
    if !is_open {
        return Err(Error::Conflict(Code::RatingNotOpen));
    }
    bookings::Entity::update_many()
        .col_expr(bookings::Column::Rating, Expr::value(stars))
        .col_expr(bookings::Column::RatedAt, Expr::value(now))
        .filter(bookings::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    booking(&row)
}
