//! One entry against the world as it was: when it happened, where, who, and what is decided.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Months, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    DecisionKind, KEYS_KEPT, NewEntry, Outcome, Quarantine, StoredDecision,
    directory::Holding,
    gates::count_inside,
    rules::{
        self, Ask, Decision, MemberFacts, MemberStatus, Occupancy, Presence, Reason, Timing,
        classify_time, nearest_admitting,
    },
    world::World,
};
use crate::{
    base::{
        db::MONTHS_BACK,
        ids::{Direction, MemberId, Method, VenueId},
    },
    bookings::{self, BOOKING},
    members::{Facts, Purpose, Status},
    minutes::{
        standing::Standing,
        timeline::{Effect, Event},
    },
    terminals::Terminal,
    venues::{Pairing, Venue},
};

/// What a group's decisions rest on.
pub struct Judge<'a> {
    pub world: &'a World,
    pub people: HashMap<MemberId, Arc<Facts>>,
    /// Unexpired open sessions at venues with a capacity, under their gates' locks.
    pub inside: HashMap<VenueId, i64>,
    pub now: DateTime<Utc>,
}

/// What becomes of a new record.
pub enum Verdict {
    /// It waits for staff; a decision is given where somebody waits at the door.
    Park(Quarantine, Option<StoredDecision>),
    Keep(Kept),
}

/// An event of a known person at a known place and time.
pub struct Kept {
    pub member: MemberId,
    pub venue: VenueId,
    pub occurred_at: DateTime<Utc>,
    pub offset_s: i32,
    pub clock_flag: Option<&'static str>,
    pub decision: StoredDecision,
    /// Why it was refused, or would have been had the terminal asked.
    pub reason: Option<Reason>,
    /// Whether the fold alone knows if this was an entry; only then does `reason` hold.
    pub either_way: bool,
    pub credited: bool,
}

/// What was shown at the door.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub holding: Option<&'a Holding>,
    /// It has just let somebody in: as good as none.
    pub spent: bool,
}

impl Judge<'_> {
    pub async fn entry<C: ConnectionTrait>(
        &self,
        tx: &C,
        entry: &NewEntry,
        terminal: &Terminal,
        offset_ms: i64,
        shown: Shown<'_>,
        standing: Option<&Standing>,
    ) -> Result<Verdict, DbErr> {
        let live = entry.outcome == Outcome::Live;
        let timing = classify_time(entry.device_time, offset_ms, entry.received_at, live);
        let Timing::Known { occurred_at, flag } = timing else {
            return Ok(Verdict::Park(Quarantine::TimeSuspect, None));
        };
        // The key of a vendor's record that old may be gone: nobody can tell it from a duplicate.
        let forgotten = entry.vendor_key.is_some() && self.now - occurred_at > KEYS_KEPT;
        if forgotten || occurred_at.date_naive() < oldest_month(self.now) {
            return Ok(Verdict::Park(Quarantine::Ancient, None));
        }
        let place = terminal.place_at(occurred_at);
        let Some(venue) = place.and_then(|place| self.world.venues.get(&place.venue)) else {
            return Ok(Verdict::Park(Quarantine::UnknownPlace, None));
        };
        let holder = shown.holding.filter(|h| h.in_force(occurred_at)).map(|h| h.member);
        let known = holder.and_then(|member| Some((member, self.people.get(&member)?)));
        let Some((member, person)) = known.filter(|(_, person)| person.status != Status::Erased)
        else {
            let decision = live.then(|| stranger(entry.direction));
            return Ok(Verdict::Park(Quarantine::UnknownCredential, decision));
        };
        let mut facts = facts(person, occurred_at);
        admit_booked(tx, &mut facts, (member, entry.direction), venue, occurred_at).await?;
        let inside = if live { self.inside_of(tx, venue, occurred_at).await? } else { 0 };
        let ask = Ask {
            member: (!shown.spent).then_some(&facts),
            venue,
            zone: place.and_then(|place| place.zone),
            direction: entry.direction,
            method: entry.method,
            presence: if live {
                presence(self.world, standing, venue, occurred_at)
            } else {
                Presence::default()
            },
            occupancy: Occupancy { inside },
            at: occurred_at,
        };
        let (decision, reason) = self.decide(tx, entry, &ask).await?;
        Ok(Verdict::Keep(Kept {
            member,
            venue: venue.id,
            occurred_at,
            offset_s: i32::try_from(offset_ms / 1000).unwrap_or_default(),
            clock_flag: flag.map(rules::ClockFlag::as_str),
            decision,
            reason,
            either_way: is_either_way(venue, entry.direction, occurred_at),
            credited: person.consents_to(Purpose::MinutesStatistics, occurred_at),
        }))
    }

    /// The decision, and why it is or would have been a refusal. What a terminal decided by itself
    /// is recorded as it happened.
    async fn decide<C: ConnectionTrait>(
        &self,
        tx: &C,
        entry: &NewEntry,
        ask: &Ask<'_>,
    ) -> Result<(StoredDecision, Option<Reason>), DbErr> {
        Ok(match (entry.outcome, rules::decide(ask)) {
            (Outcome::Live, Decision::Granted { .. }) => {
                (StoredDecision::of(DecisionKind::Granted), None)
            }
            (Outcome::Live, Decision::Refused { reason, allowed_from }) => {
                let nearest_venue = self.nearest(tx, ask).await?;
                let decision = StoredDecision {
                    reason: Some(reason),
                    allowed_from,
                    nearest_venue,
                    ..StoredDecision::of(DecisionKind::Refused)
                };
                (decision, Some(reason))
            }
            (outcome, judged) => {
                let folded = rules::is_folded(entry.direction, outcome);
                let kind = if folded { DecisionKind::Recorded } else { DecisionKind::Refused };
                (StoredDecision::of(kind), would_refuse(&judged))
            }
        })
    }

    /// Who is inside a limited venue: counted under its gate, or now where the terminal has just
    /// moved and its gate was not foreseen.
    async fn inside_of<C: ConnectionTrait>(
        &self,
        tx: &C,
        venue: &Venue,
        at: DateTime<Utc>,
    ) -> Result<i64, DbErr> {
        if let Some(inside) = self.inside.get(&venue.id) {
            return Ok(*inside);
        }
        let rules = venue.rules_at(at);
        if rules.capacity.is_none() && rules.capacity_soft.is_none() {
            return Ok(0);
        }
        let counted = count_inside(tx, &BTreeSet::from([venue.id]), self.now).await?;
        Ok(counted.get(&venue.id).copied().unwrap_or_default())
    }

    /// Why an event would have been refused that had been taken for no entry, now that the fold
    /// takes it for one.
    pub async fn flag_of_entry<C: ConnectionTrait>(
        &self,
        tx: &C,
        member: MemberId,
        event: &Event,
        method: Method,
    ) -> Result<Option<Reason>, DbErr> {
        let (at, direction) = (event.occurred_at, event.direction);
        let Some(venue) = self.world.venues.get(&event.venue) else { return Ok(None) };
        let Some(person) = self.people.get(&member) else { return Ok(None) };
        let mut facts = facts(person, at);
        admit_booked(tx, &mut facts, (member, direction), venue, at).await?;
        let ask = Ask {
            member: Some(&facts),
            venue,
            zone: None,
            direction,
            method,
            presence: Presence::default(),
            occupancy: Occupancy::default(),
            at,
        };
        Ok(would_refuse(&rules::decide(&ask)))
    }

    /// Whether only the fold knows if a stored event was an entry.
    pub fn is_either_way(&self, event: &Event) -> bool {
        let venue = self.world.venues.get(&event.venue);
        venue.is_some_and(|venue| is_either_way(venue, event.direction, event.occurred_at))
    }

    /// Keeps the count of a limited venue right within the group.
    pub fn moved(&mut self, venue: VenueId, occurred_at: DateTime<Utc>, effect: Effect) {
        let Some(stays) = self.world.venues.get(&venue).map(|v| v.limit(occurred_at) >= self.now)
        else {
            return;
        };
        let Some(inside) = self.inside.get_mut(&venue) else { return };
        match effect {
            Effect::Opened if stays => *inside += 1,
            Effect::Closed => *inside = (*inside - 1).max(0),
            Effect::Opened | Effect::Repeat | Effect::Orphan => {}
        }
    }

    /// The nearest other venue that would admit this person now. Counts of limited venues are
    /// read without their locks: this is advice, not a decision.
    async fn nearest<C: ConnectionTrait>(
        &self,
        tx: &C,
        ask: &Ask<'_>,
    ) -> Result<Option<VenueId>, DbErr> {
        let venues = || self.world.venues.values().map(Arc::as_ref);
        let limited: BTreeSet<VenueId> = venues()
            .filter(|venue| venue.rules_at(ask.at).capacity.is_some())
            .map(|venue| venue.id)
            .collect();
        let inside = count_inside(tx, &limited, self.now).await?;
        let would_admit = |venue: &Venue| {
            // A booking is of one venue; advice is not worth asking for others.
            if rules::needs_booking(venue, ask.at) {
                return false;
            }
            let occupancy =
                Occupancy { inside: inside.get(&venue.id).copied().unwrap_or_default() };
            let other = Ask { venue, zone: None, presence: Presence::default(), occupancy, ..*ask };
            matches!(rules::decide(&other), Decision::Granted { .. })
        };
        Ok(nearest_admitting(venues(), ask.venue, would_admit).map(|nearest| nearest.venue.id))
    }
}

/// A booking is as good as an approval where the venue asks for one; elsewhere nothing is looked up.
async fn admit_booked<C: ConnectionTrait>(
    tx: &C,
    facts: &mut MemberFacts,
    (member, direction): (MemberId, Direction),
    venue: &Venue,
    at: DateTime<Utc>,
) -> Result<(), DbErr> {
    if direction == Direction::In
        && rules::needs_booking(venue, at)
        && bookings::booked(tx, member, venue.id, at).await?
    {
        facts.approvals.push(BOOKING.to_owned());
    }
    Ok(())
}

/// Whether a scan may have been an entry or an exit: one reader served for both.
fn is_either_way(venue: &Venue, direction: Direction, at: DateTime<Utc>) -> bool {
    direction == Direction::In && venue.rules_at(at).pairing == Pairing::Toggle
}

/// The first day of the oldest month that is kept.
pub(super) fn oldest_month(now: DateTime<Utc>) -> NaiveDate {
    use chrono::Datelike;
    let month = now.date_naive().with_day(1).unwrap_or_default();
    month.checked_sub_months(Months::new(MONTHS_BACK)).unwrap_or_default()
}

/// Nobody we know stands at the door: it stays shut, but an exit always opens.
fn stranger(direction: Direction) -> StoredDecision {
    match direction {
        Direction::Out => StoredDecision {
            quarantined: Some(Quarantine::UnknownCredential),
            ..StoredDecision::of(DecisionKind::Granted)
        },
        Direction::In => StoredDecision {
            reason: Some(Reason::UnknownCredential),
            quarantined: Some(Quarantine::UnknownCredential),
            ..StoredDecision::of(DecisionKind::Refused)
        },
    }
}

fn would_refuse(decision: &Decision) -> Option<Reason> {
    match decision {
        Decision::Granted { .. } => None,
        Decision::Refused { reason, .. } => Some(*reason),
    }
}

/// What was in force for the person at `at`.
pub(super) fn facts(person: &Facts, at: DateTime<Utc>) -> MemberFacts {
    MemberFacts {
        status: match person.status {
            Status::Active => MemberStatus::Active,
            Status::Suspended => MemberStatus::Suspended,
            Status::Erased => MemberStatus::Erased,
        },
        verified: person.is_verified(),
        face_consent: person.consents_to(Purpose::DoorFace, at),
        approvals: person.approvals_at(at).map(str::to_owned).collect(),
        age: person.age_at(at),
        has_guardian: person.guardian.is_some(),
    }
}

fn presence(
    world: &World,
    standing: Option<&Standing>,
    venue: &Venue,
    at: DateTime<Utc>,
) -> Presence {
    let open = standing.and_then(|standing| standing.inside(world, at));
    Presence {
        inside_here: open.filter(|(open, _)| open.venue == venue.id).map(|(_, limit)| limit),
    }
}
