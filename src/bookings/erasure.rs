//! What bookings keep of somebody who is forgotten, and of somebody who was registered twice.
//! Bookings that are over stay under an id that names nobody, as stays do.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::{execute, holding, rules::State, seats, tables::bookings};
use crate::base::{error::Error, ids::MemberId};

/// Gives back what a member has booked, and forgets for what they waited. The seats go to who waits,
/// and a coach's own slots are called off, when the job comes by next.
pub async fn erase(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let to_come = bookings::Entity::find()
        .filter(bookings::COLUMN.member_id.eq(member))
        .filter(bookings::COLUMN.starts_at.gt(now))
        .filter(bookings::COLUMN.seat.is_not_null())
        // In everybody's order.
        .order_by_asc(bookings::Column::SlotId)
        .all(tx)
        .await?;
    execute(tx, "DELETE FROM slot_waiters WHERE member_id = $1", [member.0.into()]).await?;
    for booking in to_come {
        let slot = seats::lock(tx, booking.slot_id).await?;
        holding::set_state(tx, booking.id, State::Cancelled, Some(now)).await?;
        seats::unclaim_if_empty(tx, slot.id).await?;
    }
    execute(tx, "DELETE FROM booking_members WHERE member_id = $1", [member.0.into()]).await?;
    Ok(())
}

/// Who was registered twice has the bookings of both, but of one slot only one.
pub async fn join(
    tx: &DatabaseTransaction,
    (kept, gone): (MemberId, MemberId),
) -> Result<(), Error> {
    for table in ["bookings", "slot_waiters"] {
        let sql = format!(
            "UPDATE {table} SET member_id = $1 WHERE member_id = $2 AND NOT EXISTS \
             (SELECT 1 FROM {table} k WHERE k.member_id = $1 AND k.slot_id = {table}.slot_id)"
        );
        execute(tx, &sql, [kept.0.into(), gone.0.into()]).await?;
    }
    Ok(())
}
