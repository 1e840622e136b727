//! What a door asks of bookings: whether somebody has one at its venue now. One look by keys, asked
//! only where a venue's rules name [`BOOKING`] among the prerequisites.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::rules::{EARLY, SLOT_MAX};
use crate::base::{
    db::bulk::{self, Kind, Lookup},
    ids::{MemberId, VenueId},
};

/// The word in a venue's prerequisites.
pub const BOOKING: &str = "booking";

/// The learner's own bookings that cover the moment, and the coach's own slots. How many there are
/// is bounded by quotas and by the longest slot, not by the past.
const BOOKED: Lookup = Lookup {
    select: "b.venue_id AS venue_id",
    from: "bookings b",
    on: "b.member_id = q.k1 AND b.starts_at BETWEEN q.k2 AND q.k3 AND b.ends_at > q.k4 \
         AND b.state IN ('confirmed', 'attended', 'no_show', 'unproven')",
    keys: &[Kind::Uuid, Kind::Instant, Kind::Instant, Kind::Instant],
    lock: None,
};

const TAUGHT: Lookup = Lookup {
    select: "s.venue_id AS taught_at",
    from: "instructors i JOIN slots s ON s.resource_id = i.id",
    on: "i.member_id = q.k1 AND s.starts_at BETWEEN q.k2 AND q.k3 AND s.ends_at > q.k4 \
         AND s.status = 'open'",
    keys: &[Kind::Uuid, Kind::Instant, Kind::Instant, Kind::Instant],
    lock: None,
};

/// Whether somebody has a booking, or teaches, at the venue at `at`, or half an hour later.
pub async fn booked<C: ConnectionTrait>(
    db: &C,
    member: MemberId,
    venue: VenueId,
    at: DateTime<Utc>,
) -> Result<bool, DbErr> {
    Ok(booked_venues(db, member, at).await?.contains(&venue))
}

/// Where a booking opens the door for somebody at `at`.
pub async fn booked_venues<C: ConnectionTrait>(
    db: &C,
    member: MemberId,
    at: DateTime<Utc>,
) -> Result<HashSet<VenueId>, DbErr> {
    let key = || {
        let earliest = at - SLOT_MAX;
        vec![vec![member.0.into(), earliest.into(), (at + EARLY).into(), at.into()]]
    };
    let [booked, taught] = bulk::find_together(db, [(&BOOKED, key()), (&TAUGHT, key())]).await?;
    let booked = booked.iter().map(|row| row.try_get("", "venue_id"));
    let taught = taught.iter().map(|row| row.try_get("", "taught_at"));
    booked.chain(taught).map(|id| id.map(VenueId)).collect()
}
