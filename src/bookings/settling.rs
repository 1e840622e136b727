//! What doors saw of a slot that is over: who came, who did not, and how long coach and learners
//! were there together. Looked at again while late events and declarations may come; absolute each
//! time, so that looking twice changes nothing.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, FromQueryResult, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    sea_query::Expr,
};

use super::{
    Slot,
    publishing::OPEN,
    rules::{self, Kind, State},
    seats, statement,
    tables::{bookings, slots},
};
use crate::{
    base::{
        db,
        error::Error,
        ids::{InstructorId, MemberId, SlotId, VenueId},
        keys::Keys,
    },
    instructors::{self, Service, Stretch, served_minutes},
    minutes::days::waiting::{self, Stood},
    venues::Venue,
};

/// Slots that one run of the job settles.
const AT_ONCE: u64 = 50;

/// Settles the slots whose time has come; a job runs it.
pub async fn settle_due(
    db: &DatabaseConnection,
    keys: &Keys,
    venues: &HashMap<VenueId, Arc<Venue>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let due: Vec<SlotId> = slots::Entity::find()
        .select_only()
        .column(slots::Column::Id)
        .filter(slots::COLUMN.settle_at.lte(now))
        .order_by_asc(slots::Column::SettleAt)
        .limit(AT_ONCE)
        .into_tuple()
        .all(db)
        .await?;
    if due.is_empty() {
        return Ok(());
    }
    let stood = waiting::stood(db).await?;
    for id in due {
        let tx = db::begin(db).await?;
        let slot = seats::lock(&tx, id).await?;
        if let Some(venue) = venues.get(&slot.venue_id) {
            let places = stood.get(&slot.venue_id).map_or(&[][..], Vec::as_slice);
            settle(&tx, keys, &slot, venue, is_heard(&slot, places), now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Whether everything that the venue's terminals recorded until the end of the slot is here.
fn is_heard(slot: &Slot, places: &[Stood]) -> bool {
    let mut there = places
        .iter()
        .filter(|place| place.from < slot.ends_at)
        .filter(|place| place.until.is_none_or(|left| left > slot.starts_at))
        .peekable();
    let is_heard =
        |place: &Stood| !place.lost && place.watermark_at.is_some_and(|at| at >= slot.ends_at);
    // Where no terminal stood, nobody can say who was there.
    there.peek().is_some() && there.all(is_heard)
}

async fn settle(
    tx: &DatabaseTransaction,
    keys: &Keys,
    slot: &Slot,
    venue: &Venue,
    heard: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if slot.status != OPEN || slot.settle_at.is_none_or(|at| at > now) {
        return Ok(());
    }
    seats::tidy(tx, keys, slot, now).await?;
    seats::close_waiting(tx, slot.id, now).await?;
    let rows = bookings::Entity::find()
        .filter(bookings::COLUMN.slot_id.eq(slot.id))
        .filter(bookings::COLUMN.seat.is_not_null())
        .all(tx)
        .await?;
    let (mut stays, mut learners, mut is_proven) = (Vec::new(), 0, true);
    for row in &rows {
        let own = stays_of(tx, row.member_id, venue, slot, now).await?;
        let state = rules::attendance((slot.starts_at, slot.ends_at), &own, heard);
        learners += i32::from(state == State::Attended);
        is_proven &= state != State::Unproven;
        stays.extend(own);
        came(tx, row, state).await?;
    }
    if slot.kind == Kind::Coach.as_str() && !rows.is_empty() {
        is_proven &= heard;
        credit(tx, slot, venue, (&stays, learners), now).await?;
    }
    let next = rules::settled_next(slot.ends_at, is_proven, now).filter(|_| !rows.is_empty());
    slots::Entity::update_many()
        .col_expr(slots::Column::SettleAt, Expr::value(next))
        .filter(slots::COLUMN.id.eq(slot.id))
        .exec(tx)
        .await?;
    seats::unclaim(tx, slot.id).await?;
    Ok(())
}

async fn came(tx: &DatabaseTransaction, row: &bookings::Model, state: State) -> Result<(), DbErr> {
    if row.state == state.as_str() {
        return Ok(());
    }
    bookings::Entity::update_many()
        .col_expr(bookings::Column::State, Expr::value(state.as_str()))
        .col_expr(bookings::Column::EndedAt, Expr::value(row.ends_at))
        .filter(bookings::COLUMN.id.eq(row.id))
        .exec(tx)
        .await
        .map(drop)
}

async fn credit(
    tx: &DatabaseTransaction,
    slot: &Slot,
    venue: &Venue,
    (learners_stays, learners): (&[Stretch], i32),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let coach = instructors::find(tx, InstructorId(slot.resource_id)).await?;
    let own = stays_of(tx, coach.member, venue, slot, now).await?;
    let service = Service {
        slot: slot.id,
        instructor: coach.id,
        member: coach.member,
        venue: slot.venue_id,
        community: slot.community.clone(),
        business_day: venue.business_day(slot.starts_at),
        minutes: served_minutes((slot.starts_at, slot.ends_at), &own, learners_stays),
        learners,
    };
    instructors::credit(tx, service, now).await?;
    Ok(())
}

#[derive(FromQueryResult)]
#[expect(clippy::struct_field_names, reason = "as the table names them")]
struct Stay {
    entered_at: DateTime<Utc>,
    left_at: Option<DateTime<Utc>>,
    presence_expires_at: DateTime<Utc>,
}

/// When doors saw a member inside the venue on the business days that a slot touches.
async fn stays_of(
    tx: &impl ConnectionTrait,
    member: MemberId,
    venue: &Venue,
    slot: &Slot,
    now: DateTime<Utc>,
) -> Result<Vec<Stretch>, DbErr> {
    // A stay belongs whole to the day on which it began, which may be the day before.
    let last: NaiveDate = venue.business_day(slot.ends_at);
    let first = venue.business_day(slot.starts_at);
    let first = first.pred_opt().unwrap_or(first);
    let sql = "SELECT entered_at, left_at, presence_expires_at FROM sessions \
               WHERE member_id = $1 AND business_day BETWEEN $2 AND $3 AND venue_id = $4 \
               AND NOT void ORDER BY entered_at";
    let values = [member.0.into(), first.into(), last.into(), venue.id.0.into()];
    let stays = Stay::find_by_statement(statement(tx, sql, values)).all(tx).await?;
    let stretch = |stay: Stay| {
        let until = stay.left_at.unwrap_or_else(|| now.min(stay.presence_expires_at));
        (stay.entered_at, until)
    };
    Ok(stays.into_iter().map(stretch).collect())
}
