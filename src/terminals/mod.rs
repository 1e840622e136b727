//! Terminals: devices at doors with their places, keys, clocks, record numbers and rosters.

pub mod access;
mod caches;
mod caller;
mod claims;
pub mod commands;
pub mod comparison;
pub mod doors;
pub mod faces;
mod find;
mod heartbeat;
mod keys;
pub mod ledger;
pub mod links;
pub mod listings;
mod names;
mod nonces;
pub mod notices;
pub mod pins;
pub mod roster;
mod routes;
mod rules;
pub mod signature;
mod tables;

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, IntoActiveModel as _, SqlErr,
};

pub use caches::Caches;
pub use caller::SignedBody;
pub use claims::{
    Claimed, NewClaim, UnclaimedView, claim, is_unclaimed, note_unclaimed, revoke,
    rotate_path_token, unclaimed,
};
pub use find::{KeyView, TerminalView, community, load_terminals, progress, terminals};
pub use heartbeat::{Door, Heartbeat, heartbeat, mark_lost};
pub use keys::{IssuedKey, revoke_key, rotate_key};
pub use links::VendorTerminal;
pub use names::{name_for, set_names};
pub use routes::{Release, routes};
pub use rules::{Absorbed, Doorway, Family, Names, Place, Progress, Terminal, Trouble};
use tables::{terminal, terminal_place};

use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{TerminalId, VenueId, ZoneId},
        keys::Keys,
    },
    staff::audit::{self, Deed},
    venues::{self, Venue},
};

/// The protocol of this house.
pub const NATIVE: &str = "native";
/// The text of a terminal in use.
const ACTIVE: &str = "active";
/// The text of a terminal whose use has ended.
const REVOKED: &str = "revoked";
const SERIAL_BYTES_MAX: usize = 64;

/// What stands on a device: 1 to 64 letters, digits, dots, underscores or hyphens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serial(String);

impl Serial {
    pub fn parse(text: &str) -> Result<Self, Code> {
        let fits = (1..=SERIAL_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        fits.then(|| Self(text.to_owned())).ok_or(Code::BadSerial)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a terminal is to stand from a business day of the venue on.
#[derive(Clone, Copy, Debug)]
pub struct NewPlace {
    pub venue: VenueId,
    pub zone: Option<ZoneId>,
    pub doorway: Doorway,
    /// `None`: the venue's opening day, for a first place; never for a later one.
    pub valid_from: Option<NaiveDate>,
}

/// A terminal that is not registered yet.
#[derive(Clone, Debug)]
pub struct NewTerminal {
    pub serial: Serial,
    pub place: NewPlace,
    /// `None`: the venue's.
    pub time_zone: Option<Tz>,
}

/// Registers a native terminal with its first place, which may begin in the past, and a key.
///
/// # Errors
/// `Conflict` when the serial is taken; `Invalid` without such a venue or zone.
pub async fn add(
    db: &DatabaseConnection,
    keys: &Keys,
    new: NewTerminal,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(TerminalId, IssuedKey), Error> {
    let tx = db::begin(db).await?;
    let venue = venue_with_zone(&tx, &new.place).await?;
    let day = new.place.valid_from.unwrap_or(venue.rules[0].valid_from);
    let id = TerminalId::new();
    let time_zone = new.time_zone.unwrap_or(venue.rules_at(now).time_zone);
    let row = fresh_row(id, &new.serial, time_zone, now);
    row.into_active_model().insert(&tx).await.map_err(|e| taken(e, Code::SerialTaken))?;
    insert_place(&tx, id, &new.place, day_start(&venue, day)).await?;
    let key = keys::issue(&tx, keys, id, now).await?;
    venues::touch(&tx).await?;
    audited(tx, by, "terminal_added", id, now).await?;
    Ok((id, key))
}

/// Moves a terminal from a future business day on, in the calendars of both venues.
///
/// # Errors
/// `NotFound` without such a terminal; `Invalid` for a day that has begun, or without such a venue
/// or zone; `Conflict` when it has a place from that day already.
pub async fn move_to(
    db: &DatabaseConnection,
    terminal: TerminalId,
    place: NewPlace,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let current = find::load_one(&tx, terminal).await?;
    let venue = venue_with_zone(&tx, &place).await?;
    let not_future = || Error::invalid("/valid_from", Code::NotInFuture);
    let day = place.valid_from.ok_or_else(not_future)?;
    let from = day_start(&venue, day);
    let mut begun = day <= venue.business_day(now);
    if let Some(old) = current.place_at(now)
        && let Some(old) = venues::load(&tx, old.venue).await?
    {
        begun |= old.business_day(from) <= old.business_day(now);
    }
    if begun {
        return Err(not_future());
    }
    insert_place(&tx, terminal, &place, from).await?;
    venues::touch(&tx).await?;
    audited(tx, by, "terminal_moved", terminal, now).await
}

/// Enters the change into the audit chain of terminals and commits it.
async fn audited(
    tx: DatabaseTransaction,
    actor: &str,
    act: &str,
    terminal: TerminalId,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let object = format!("terminal:{terminal}");
    let deed = Deed { actor, act, object: &object, before: None, after: None, reason: None };
    audit::append(&tx, "terminals", &deed, at).await?;
    tx.commit().await?;
    Ok(())
}

fn fresh_row(
    id: TerminalId,
    serial: &Serial,
    time_zone: Tz,
    now: DateTime<Utc>,
) -> terminal::Model {
    terminal::Model {
        id,
        serial: serial.to_string(),
        family: NATIVE.to_owned(),
        time_zone: time_zone.name().to_owned(),
        status: ACTIVE.to_owned(),
        clock_offset_ms: 0,
        clock_offset_seen_ms: None,
        last_seen_at: None,
        epoch: 0,
        acked_seq: 0,
        highest_seq: 0,
        gaps: "[]".to_owned(),
        watermark_at: None,
        lost_at: None,
        queue_length: None,
        faces: None,
        firmware: None,
        created_at: now,
    }
}

async fn venue_with_zone(tx: &impl ConnectionTrait, place: &NewPlace) -> Result<Venue, Error> {
    let venue = venues::load(tx, place.venue).await?;
    let venue = venue.ok_or_else(|| Error::invalid("/venue_id", Code::UnknownVenue))?;
    if let Some(zone) = place.zone
        && !venues::has_zone(tx, venue.id, zone).await?
    {
        return Err(Error::invalid("/zone_id", Code::UnknownZone));
    }
    Ok(venue)
}

async fn insert_place(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    place: &NewPlace,
    valid_from: DateTime<Utc>,
) -> Result<(), Error> {
    let row = terminal_place::Model {
        terminal_id: terminal,
        valid_from,
        venue_id: place.venue,
        zone_id: place.zone,
        direction: place.doorway.as_str().to_owned(),
    };
    let insert = terminal_place::Entity::insert(row.into_active_model());
    let done = insert.exec_without_returning(tx).await;
    done.map(|_| ()).map_err(|e| taken(e, Code::PlaceTaken))
}

/// The first instant of a venue's business day: where the day before ends.
fn day_start(venue: &Venue, day: NaiveDate) -> DateTime<Utc> {
    venue.business_day_end(day - Days::new(1))
}

fn taken(error: DbErr, code: Code) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(code),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests;
