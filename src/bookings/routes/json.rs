//! The JSON of coaches, courts, slots and bookings.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    base::ids::{BookingId, DivisionCode, InstructorId, MemberId, SlotId, VenueId, ZoneId},
    bookings::{
        courts::Court,
        holding::Booking,
        reading::{Booked, Offered, Rated},
        rules::{Kind, State},
    },
    instructors::Instructor,
};

#[derive(Serialize, ToSchema)]
#[schema(as = Coach)]
pub struct CoachJson {
    id: InstructorId,
    /// Masked.
    name: String,
    home_community: DivisionCode,
    specialities: Vec<String>,
    rating: RatingJson,
}

/// How somebody was rated within a year.
#[derive(Serialize, ToSchema)]
#[schema(as = CoachRating)]
struct RatingJson {
    ratings: i64,
    /// The mean in tenths of a star, 10 to 50; null without a rating.
    stars_tenths: Option<i64>,
}

impl CoachJson {
    pub fn new(one: Instructor, rated: &HashMap<InstructorId, Rated>) -> Self {
        let rated = rated.get(&one.id).copied().unwrap_or_default();
        Self {
            id: one.id,
            name: one.name_masked,
            home_community: one.home_community,
            specialities: one.specialities,
            rating: RatingJson { ratings: rated.ratings, stars_tenths: rated.tenths() },
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Court)]
pub struct CourtJson {
    /// The zone's.
    id: ZoneId,
    venue_id: VenueId,
    name: String,
    sport: String,
    /// In how many parts it can be booked; 1 is whole only.
    parts: i16,
}

impl From<Court> for CourtJson {
    fn from(court: Court) -> Self {
        let Court { zone_id: id, venue_id, name, sport, parts, .. } = court;
        Self { id, venue_id, name, sport, parts }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Courts)]
pub struct CourtsJson {
    pub items: Vec<CourtJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Slot)]
pub struct SlotJson {
    id: SlotId,
    /// `coach` or `court`.
    kind: String,
    /// The coach's id, or the court's.
    resource_id: Uuid,
    /// 0 is the whole, 1 … the part of a court.
    part: i16,
    venue_id: VenueId,
    sport: Option<String>,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    capacity: i32,
    /// Seats that can be booked now.
    free: i64,
    waiting: i64,
    /// Shown only: whoever offers it takes the money elsewhere.
    price_cents: Option<i32>,
    series_id: Option<Uuid>,
    /// `open` or `called_off`.
    status: String,
    /// Why it was called off.
    reason: Option<String>,
}

impl From<Offered> for SlotJson {
    fn from(slot: Offered) -> Self {
        let free = slot.free();
        Self {
            id: slot.id,
            kind: slot.kind,
            resource_id: slot.resource_id,
            part: slot.part,
            venue_id: slot.venue_id,
            sport: slot.sport,
            starts_at: slot.starts_at,
            ends_at: slot.ends_at,
            capacity: slot.capacity,
            free,
            waiting: slot.waiting,
            price_cents: slot.price_cents,
            series_id: slot.series_id,
            status: slot.status,
            reason: slot.reason,
        }
    }
}

/// A booking after a command.
#[derive(Serialize, ToSchema)]
#[schema(as = BookingChanged)]
pub struct BookingJson {
    id: BookingId,
    slot_id: SlotId,
    state: State,
    /// Until when a hold must be confirmed.
    held_until: Option<DateTime<Utc>>,
}

impl From<Booking> for BookingJson {
    fn from(Booking { id, slot, state, held_until }: Booking) -> Self {
        Self { id, slot_id: slot, state, held_until }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Booking)]
pub struct BookedJson {
    id: BookingId,
    slot_id: SlotId,
    member_id: MemberId,
    /// Masked.
    name: String,
    kind: Kind,
    /// The coach's id, or the court's.
    resource_id: Uuid,
    venue_id: VenueId,
    state: State,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    held_until: Option<DateTime<Utc>>,
    /// 1 to 5 stars.
    rating: Option<i16>,
}

impl From<Booked> for BookedJson {
    fn from(one: Booked) -> Self {
        Self {
            id: one.id,
            slot_id: one.slot,
            member_id: one.member,
            name: one.name,
            kind: one.kind,
            resource_id: one.resource,
            venue_id: one.venue,
            state: one.state,
            starts_at: one.starts_at,
            ends_at: one.ends_at,
            held_until: one.held_until,
            rating: one.rating,
        }
    }
}
