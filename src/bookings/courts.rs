//! Courts and tables: zones of venues that can be booked, whole or by parts (two halves of a court,
//! six tables of a room). How many parts there are never changes, since what is booked rests on it.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    FromQueryResult, IntoActiveModel as _, QueryFilter as _, SqlErr,
};

use super::{note, statement, tables::courts};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, VenueId, ZoneId},
    },
    staff::{Function, StaffCaller},
    venues::{self, terms::Kind},
};

/// Parts of one zone; a hall of tables has as many.
pub const PARTS_MAX: i16 = 12;
/// Courts of one venue that are listed.
const COURTS_MAX: usize = 200;

/// A zone that is to be bookable.
#[derive(Clone, Debug)]
pub struct NewCourt {
    pub venue: VenueId,
    pub zone: ZoneId,
    pub sport: Kind,
    /// In how many parts it can be booked; 1 is whole only.
    pub parts: i16,
}

/// Makes a zone bookable. Refuses (404) zones elsewhere, and (409) one that is already.
pub async fn add(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    new: NewCourt,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let missing = || Error::NotFound(Code::NotFound);
    let venue = venues::load(tx, new.venue).await?.ok_or_else(missing)?;
    by.require(Function::ManageBookings, &venue.community)?;
    if !venues::has_zone(tx, new.venue, new.zone).await? {
        return Err(missing());
    }
    if !(1..=PARTS_MAX).contains(&new.parts) {
        return Err(Error::invalid("/parts", Code::OutOfRange));
    }
    let row = courts::Model {
        zone_id: new.zone,
        venue_id: new.venue,
        community: venue.community,
        sport: new.sport.into_string(),
        parts: new.parts,
        created_at: now,
        created_by: by.actor(),
    };
    let insert = courts::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::CourtExists),
        _ => error.into(),
    })?;
    let object = format!("zone:{}", new.zone);
    note(tx, &by.actor(), "court_added", &object, None, now).await?;
    Ok(())
}

/// A court as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Court {
    pub zone_id: ZoneId,
    pub venue_id: VenueId,
    pub community: DivisionCode,
    pub name: String,
    pub sport: String,
    pub parts: i16,
}

/// The courts of a venue.
pub async fn of_venue(db: &impl ConnectionTrait, venue: VenueId) -> Result<Vec<Court>, DbErr> {
    let sql = format!(
        "SELECT c.zone_id, c.venue_id, c.community, z.name, c.sport, c.parts FROM courts c \
         JOIN zones z ON z.id = c.zone_id WHERE c.venue_id = $1 ORDER BY c.zone_id \
         LIMIT {COURTS_MAX}"
    );
    Court::find_by_statement(statement(db, &sql, [venue.0.into()])).all(db).await
}

/// A court by its zone.
pub async fn find(db: &impl ConnectionTrait, zone: ZoneId) -> Result<Option<courts::Model>, DbErr> {
    courts::Entity::find().filter(courts::COLUMN.zone_id.eq(zone)).one(db).await
}
