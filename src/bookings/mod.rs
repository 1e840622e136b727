//! Slots of coaches and courts, and who booked them: hold, confirm, cancel with notice, wait, come,
//! rate. A bookable resource is an instructor who coaches or a zone, whole or by parts; one
//! machinery serves both.
//!
//! Nothing is booked twice, by constraint: a seat of a slot is unique, and each quarter of an hour
//! of each part of a resource is a row that only one slot can have, whatever slots overlap. Every
//! change of a slot's seats locks its row first; who books is locked before that.

mod closures;
mod courts;
mod door;
mod erasure;
mod holding;
mod notices;
mod publishing;
mod reading;
mod routes;
mod rules;
mod seats;
mod settling;
mod tables;
mod waiting;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, Statement, Value};

pub use courts::{NewCourt, add as add_court};
pub use door::{BOOKING, booked, booked_venues};
pub use erasure::{erase, join};
pub use holding::{confirm, hold};
pub use publishing::{NewSlot, Repeat, Resource, publish};
pub use reading::{Offered, bookable};
pub use routes::{resident_routes, routes};
pub use tables::slots::Model as Slot;

use crate::{
    base::{
        error::Error,
        ids::{MemberId, VenueId},
        keys::Keys,
    },
    members,
    staff::{
        Function, StaffCaller,
        audit::{self, Deed},
    },
    venues::Venue,
};

/// The audit chain of slots and of what staff do to bookings.
const CHAIN: &str = "bookings";

/// All that time does to bookings, in small pieces: holds and offers run out, seats go to who waits,
/// slots that cannot be held are called off, and doors tell who came.
pub async fn tend(
    db: &DatabaseConnection,
    keys: &Keys,
    venues: &HashMap<VenueId, Arc<Venue>>,
    revision: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    waiting::expire_due(db, keys, now).await?;
    closures::call_off_closed(db, keys, venues, revision, now).await?;
    closures::call_off_leaderless(db, keys, now).await?;
    waiting::offer_due(db, keys, now).await?;
    settling::settle_due(db, keys, venues, now).await
}

/// Forgives the absences of somebody in the caller's division, up to now.
async fn pardon(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    member: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    by.require(Function::ManageBookings, &members::home_of(tx, member).await?)?;
    holding::lock_booker(tx, member).await?;
    let sql = "UPDATE booking_members SET pardoned_at = $2 WHERE member_id = $1";
    execute(tx, sql, [member.0.into(), now.into()]).await?;
    let object = format!("member:{member}");
    note(tx, &by.actor(), "absences_forgiven", &object, Some(reason), now).await?;
    Ok(())
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    object: &str,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let deed = Deed { actor, act, object, before: None, after: None, reason };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

fn statement(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// Runs a statement and answers how many rows it changed.
async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    Ok(db.execute_raw(statement(db, sql, values)).await?.rows_affected())
}
