//! Publishing slots, single and repeating, at a venue within its hours; and calling them off.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, SqlErr, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Slot, courts, note,
    notices::{self, Said},
    rules::{self, Kind, State},
    seats,
    tables::{bookings, slots},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{InstructorId, SlotId, VenueId, ZoneId},
        keys::Keys,
    },
    instructors,
    staff::{Function, Role, StaffCaller},
    venues::{self, Venue, terms},
};

pub const OPEN: &str = "open";
pub const CALLED_OFF: &str = "called_off";
/// Learners of one slot of a coach.
pub const LEARNERS_MAX: i32 = 30;

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub enum Resource {
    Coach(InstructorId),
    /// A zone and its part; 0 is the whole.
    Court(ZoneId, i16),
}

/// Hours that are to be published.
#[derive(Clone, Debug)]
pub struct NewSlot {
    pub resource: Resource,
    pub venue: VenueId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    /// Learners; a court is booked by one.
    pub capacity: i32,
    pub price_cents: Option<i32>,
    pub sport: Option<terms::Kind>,
    pub repeat: Option<Repeat>,
}

/// The same hours again on these weekdays (1 is Monday), up to and on a day.
#[derive(Clone, Debug)]
pub struct Repeat {
    pub weekdays: Vec<u8>,
    pub until: NaiveDate,
}

/// What came of publishing.
#[derive(Clone, Debug, Default)]
pub struct Published {
    pub series: Option<Uuid>,
    pub slots: Vec<SlotId>,
    /// Repetitions that were left out: the venue is closed then, the coach not certified any more,
    /// or the hours are published already.
    pub skipped: Vec<DateTime<Utc>>,
}

/// What the slots of one command have in common.
struct Offer {
    kind: Kind,
    resource: Uuid,
    part: i16,
    parts: i16,
    /// The coach, whose certificate must be good on each day.
    coach: Option<instructors::Instructor>,
    venue: Venue,
}

/// Publishes hours. Refuses (404) what is elsewhere or another coach's, (409) who is no coach then
/// and hours that are published already, (422) hours outside the venue's.
pub async fn publish(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    new: NewSlot,
    now: DateTime<Utc>,
) -> Result<Published, Error> {
    let offer = offer(tx, by, &new).await?;
    let times = (new.starts_at, new.ends_at);
    rules::check_hours(times.0, times.1, now).map_err(|code| Error::invalid("/starts_at", code))?;
    fits(&offer, times).map_err(|code| match code {
        Code::NotACoach => Error::Conflict(code),
        _ => Error::invalid("/starts_at", code),
    })?;
    let mut published =
        Published { series: new.repeat.as_ref().map(|_| Uuid::now_v7()), ..Published::default() };
    let first = insert(tx, by, &offer, &new, times, published.series, now).await?;
    published.slots.push(first);
    let zone = offer.venue.rules_at(new.starts_at).time_zone;
    let again = new
        .repeat
        .as_ref()
        .map(|repeat| rules::repeated(times.0, times.1, zone, &repeat.weekdays, repeat.until));
    for times in again.unwrap_or_default() {
        let is_fit =
            rules::check_hours(times.0, times.1, now).is_ok() && fits(&offer, times).is_ok();
        if !is_fit || is_published(tx, &offer, times.0).await? {
            published.skipped.push(times.0);
            continue;
        }
        published.slots.push(insert(tx, by, &offer, &new, times, published.series, now).await?);
    }
    let object = format!("{}:{}", offer.kind.as_str(), offer.resource);
    note(tx, &by.actor(), "slots_published", &object, None, now).await?;
    Ok(published)
}

/// Looks up what is offered and whether the caller may offer it there.
async fn offer(tx: &impl ConnectionTrait, by: &StaffCaller, new: &NewSlot) -> Result<Offer, Error> {
    let missing = || Error::NotFound(Code::NotFound);
    let venue = venues::load(tx, new.venue).await?.ok_or_else(missing)?;
    by.require(Function::PublishSlots, &venue.community)?;
    match new.resource {
        Resource::Coach(id) => {
            let coach = own_coach(tx, by, id).await?;
            if !coach.is_coach {
                return Err(Error::Conflict(Code::NotACoach));
            }
            let (kind, resource) = (Kind::Coach, id.0);
            Ok(Offer { kind, resource, part: 0, parts: 1, coach: Some(coach), venue })
        }
        Resource::Court(zone, part) => {
            by.require(Function::ManageBookings, &venue.community)?;
            let court = courts::find(tx, zone).await?.filter(|court| court.venue_id == new.venue);
            let court = court.ok_or_else(missing)?;
            if !(0..=court.parts).contains(&part) {
                return Err(Error::invalid("/part", Code::OutOfRange));
            }
            let (kind, parts) = (Kind::Court, court.parts);
            // The only part of a court is the whole of it.
            let part = if parts == 1 { 0 } else { part };
            Ok(Offer { kind, resource: zone.0, part, parts, coach: None, venue })
        }
    }
}

/// The coach, if the caller may publish for them: an instructor for themselves only.
pub async fn own_coach(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    id: InstructorId,
) -> Result<instructors::Instructor, Error> {
    let coach = instructors::find(db, id).await?;
    if by.role != Role::Instructor {
        by.require(Function::PublishSlots, &coach.home_community)?;
    } else if coach.staff != Some(by.id) {
        return Err(Error::NotFound(Code::NotFound));
    }
    Ok(coach)
}

fn fits(offer: &Offer, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> Result<(), Code> {
    if !rules::is_open_throughout(&offer.venue, from, until) {
        return Err(Code::OutsideHours);
    }
    let zone = offer.venue.rules_at(from).time_zone;
    let day = from.with_timezone(&zone).date_naive();
    let is_good = offer.coach.as_ref().is_none_or(|coach| coach.is_certified_on(day));
    if is_good { Ok(()) } else { Err(Code::NotACoach) }
}

async fn is_published(
    tx: &impl ConnectionTrait,
    offer: &Offer,
    starts_at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let same = slots::Entity::find()
        .filter(slots::COLUMN.resource_id.eq(offer.resource))
        .filter(slots::COLUMN.starts_at.eq(starts_at))
        .filter(slots::COLUMN.part.eq(offer.part))
        .filter(slots::COLUMN.status.eq(OPEN));
    Ok(same.one(tx).await?.is_some())
}

async fn insert(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    offer: &Offer,
    new: &NewSlot,
    (starts_at, ends_at): (DateTime<Utc>, DateTime<Utc>),
    series: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<SlotId, Error> {
    let id = SlotId::new();
    let row = slots::Model {
        id,
        kind: offer.kind.as_str().to_owned(),
        resource_id: offer.resource,
        part: offer.part,
        parts: offer.parts,
        venue_id: offer.venue.id,
        community: offer.venue.community.clone(),
        sport: new.sport.clone().map(terms::Kind::into_string),
        starts_at,
        ends_at,
        first_quarter: rules::quarter(starts_at),
        end_quarter: rules::quarter(ends_at),
        capacity: new.capacity,
        price_cents: new.price_cents,
        series_id: series,
        status: OPEN.to_owned(),
        reason: None,
        settle_at: Some(ends_at + rules::SETTLE_AFTER),
        created_at: now,
        created_by: by.actor(),
        version: 1,
    };
    let insert = slots::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::SlotExists),
        _ => error.into(),
    })?;
    Ok(id)
}

/// The slot, if the caller may call it off or look into it: those of its venue, and an instructor's
/// own.
pub async fn required(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    id: SlotId,
) -> Result<Slot, Error> {
    let slot = slots::Entity::find_by_id(id).one(db).await?;
    let slot = slot.ok_or(Error::NotFound(Code::NotFound))?;
    if by.role != Role::Instructor {
        by.require(Function::ManageBookings, &slot.community)?;
    } else if instructors::of_staff(db, by.id).await?.is_none_or(|own| own.id.0 != slot.resource_id)
    {
        return Err(Error::NotFound(Code::NotFound));
    }
    Ok(slot)
}

/// Calls a slot off: everybody loses their seat, and nobody is blamed. Refuses (409) one that has
/// begun.
pub async fn call_off(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: SlotId,
    reason: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    end(tx, keys, id, reason, now).await?;
    note(tx, by, "slot_called_off", &format!("slot:{id}"), Some(reason), now).await?;
    Ok(())
}

async fn end(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: SlotId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let slot = seats::lock(tx, id).await?;
    if slot.status != OPEN {
        return Ok(());
    }
    if slot.starts_at <= now {
        return Err(Error::Conflict(Code::SlotOver));
    }
    slots::Entity::update_many()
        .col_expr(slots::Column::Status, Expr::value(CALLED_OFF))
        .col_expr(slots::Column::Reason, Expr::value(reason))
        .col_expr(slots::Column::SettleAt, Expr::value(None::<DateTime<Utc>>))
        .filter(slots::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    let seated = bookings::Entity::find()
        .filter(bookings::COLUMN.slot_id.eq(id))
        .filter(bookings::COLUMN.seat.is_not_null());
    for booking in seated.all(tx).await? {
        let whose = (booking.id, booking.member_id);
        notices::tell(tx, keys, &slot, whose, Said::CalledOff, now).await?;
    }
    bookings::Entity::update_many()
        .col_expr(bookings::Column::State, Expr::value(State::CalledOff.as_str()))
        .col_expr(bookings::Column::Seat, Expr::value(None::<i32>))
        .col_expr(bookings::Column::EndedAt, Expr::value(now))
        .filter(bookings::COLUMN.slot_id.eq(id))
        .filter(bookings::COLUMN.seat.is_not_null())
        .exec(tx)
        .await?;
    seats::close_waiting(tx, id, now).await?;
    seats::unclaim(tx, id).await?;
    Ok(())
}

/// Calls off what is to come of a series, as far as the caller may; answers the slots.
pub async fn call_off_series(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    series: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Vec<SlotId>, Error> {
    let rows = slots::Entity::find()
        .filter(slots::COLUMN.series_id.eq(series))
        .filter(slots::COLUMN.starts_at.gt(now))
        .order_by_asc(slots::Column::Id)
        .all(tx)
        .await?;
    let known = rows.first().ok_or(Error::NotFound(Code::NotFound))?;
    required(tx, by, known.id).await?;
    let mut ids = Vec::new();
    for row in rows.iter().filter(|row| row.status == OPEN) {
        end(tx, keys, row.id, reason, now).await?;
        ids.push(row.id);
    }
    // Last: whoever appends to the chain keeps others from it, who may have a slot of these.
    let object = format!("slot_series:{series}");
    note(tx, &by.actor(), "series_called_off", &object, Some(reason), now).await?;
    Ok(ids)
}
