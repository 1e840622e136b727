//! Whether venues would admit somebody now, without a door: the same decision, as advice.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::{
    judge::facts,
    rules::{self, Ask, Decision, Occupancy, Presence, Reason},
};
use crate::{
    base::{
        error::Error,
        ids::{Direction, MemberId, Method, VenueId},
        keys::Keys,
    },
    bookings::{self, BOOKING},
    members,
    minutes::busyness,
    venues::Venue,
};

/// Why each venue would refuse a member now, or nothing where it would not. `inside` counts who is
/// there; asked for a way in without a face, which everybody has.
pub async fn refusals(
    db: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    venues: &[Venue],
    inside: &HashMap<VenueId, i64>,
    now: DateTime<Utc>,
) -> Result<Vec<Option<Reason>>, Error> {
    let people = members::facts_for(db, keys, &[member]).await?;
    let person = people.get(&member).map(|person| facts(person, now));
    let needs = |venue: &Venue| rules::needs_booking(venue, now);
    let booked = if venues.iter().any(needs) {
        bookings::booked_venues(db, member, now).await?
    } else {
        HashSet::new()
    };
    let place = busyness::place_of(db, member, now).await?;
    let refusal = |venue: &Venue| {
        let inside_here = place.filter(|(at, _)| *at == venue.id).map(|(_, until)| until);
        let with_booking = || {
            let mut person = person.clone()?;
            person.approvals.push(BOOKING.to_owned());
            Some(person)
        };
        let with_booking = if booked.contains(&venue.id) { with_booking() } else { None };
        let ask = Ask {
            member: with_booking.as_ref().or(person.as_ref()),
            venue,
            zone: None,
            direction: Direction::In,
            method: Method::Qr,
            presence: Presence { inside_here },
            occupancy: Occupancy { inside: inside.get(&venue.id).copied().unwrap_or_default() },
            at: now,
        };
        match rules::decide(&ask) {
            Decision::Granted { .. } => None,
            Decision::Refused { reason, .. } => Some(reason),
        }
    };
    Ok(venues.iter().map(refusal).collect())
}
