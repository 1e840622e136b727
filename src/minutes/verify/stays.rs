//! One member's stays: each by itself, against one another, and against what their events and
//! facts come to when they are folded from the beginning.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Breaches, Places, lives::Life};
use crate::{
    base::ids::{EventId, MemberId, VenueId},
    minutes::{
        posting::session_row,
        tables::session,
        timeline::{Effect, Event, Venues as _, fold},
    },
};

pub fn check(places: &Places, member: Uuid, life: &Life, breaches: &mut Breaches) {
    let openers: HashMap<Uuid, DateTime<Utc>> =
        life.events.iter().map(|stored| (stored.event.id.0, stored.event.occurred_at)).collect();
    for session in &life.sessions {
        let whole = openers.get(&session.id).is_none_or(|at| *at == session.entered_at);
        if let Some(what) = flaw(places, session, whole) {
            breaches.add(format_args!("sessions {}: {what}", session.id));
        }
    }
    overlaps(&life.sessions, breaches);
    lock(member, life, breaches);
    if !life.erased {
        refold(places, MemberId(member), life, breaches);
    }
}

/// What is wrong with a session as it stands; `whole` if no correction cut its beginning off.
fn flaw(places: &Places, session: &session::Model, whole: bool) -> Option<&'static str> {
    if session.void && session.minutes != 0 {
        return Some("void, but it has minutes");
    }
    let Some(left_at) = session.left_at else {
        return (session.minutes != 0).then_some("open, but it has minutes");
    };
    let stayed = left_at - session.entered_at;
    if stayed < TimeDelta::zero() {
        return Some("left before it was entered");
    }
    let counts = session.credited && !session.void;
    if i64::from(session.minutes) != if counts { stayed.num_minutes() } else { 0 } {
        return Some("its minutes are not the whole minutes of the stay");
    }
    let venue = places.venue(VenueId(session.venue_id));
    let mut versions = venue.into_iter().flat_map(|venue| &venue.rules);
    let Some(rules) = versions.find(|rules| rules.version == session.rule_version) else {
        return Some("the venue has no such version of rules");
    };
    // A cut stay bears the version of its new beginning, but its limit came from the true one.
    let longest = TimeDelta::minutes(rules.longest_stay_min.into());
    let measured = session.provenance.as_deref() == Some("measured");
    (measured && whole && stayed > longest).then_some("longer than the longest stay")
}

fn overlaps(sessions: &[session::Model], breaches: &mut Breaches) {
    let left_at = |session: &session::Model| session.left_at.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut stays: Vec<&session::Model> = sessions.iter().filter(|s| !s.void).collect();
    stays.sort_unstable_by_key(|session| (session.entered_at, left_at(session), session.id));
    for pair in stays.windows(2) {
        let [one, other] = pair else { continue };
        if left_at(one) > other.entered_at {
            let what = "overlaps with another session of the member,";
            breaches.add(format_args!("sessions {}: {what} {}", other.id, one.id));
        }
    }
    let mut open = stays.iter().filter(|session| session.left_at.is_none());
    if let (Some(first), Some(second)) = (open.next(), open.next()) {
        let what = "the member has another open session,";
        breaches.add(format_args!("sessions {}: {what} {}", second.id, first.id));
    }
}

/// The lock row says which session is open, in columns and in the fold's state.
fn lock(member: Uuid, life: &Life, breaches: &mut Breaches) {
    let mut sessions = life.sessions.iter();
    let open = sessions.find(|session| session.left_at.is_none() && !session.void);
    let open = open.map(|session| (session.id, session.venue_id));
    let Some(lock) = &life.lock else {
        if open.is_some() || !life.events.is_empty() {
            breaches.add(format_args!("timelines {member}: the row is missing"));
        }
        return;
    };
    if lock.open != open {
        breaches.add(format_args!("timelines {member}: open_session is not the open session"));
    }
    let Some(timeline) = &lock.timeline else {
        return breaches.add(format_args!("timelines {member}: the state cannot be read"));
    };
    if timeline.open.map(|open| (open.id.0, open.venue.0)) != open {
        breaches.add(format_args!("timelines {member}: the state has not the open session"));
    }
}

/// Folding everything from the beginning gives what is on record.
fn refold(places: &Places, member: MemberId, life: &Life, breaches: &mut Breaches) {
    let events: Vec<Event> = life.events.iter().map(|stored| stored.event.clone()).collect();
    // Nothing stays open for ever: what the closer has not ended yet is taken into account below.
    let folded = fold(places, &events, &life.facts, DateTime::<Utc>::MAX_UTC);
    let effects: HashMap<EventId, Effect> = folded.effects.into_iter().collect();
    for stored in &life.events {
        let given = effects.get(&stored.event.id).map_or("none", |effect| effect.as_str());
        if stored.effect != given {
            let (id, effect) = (stored.event.id, &stored.effect);
            breaches.add(format_args!(
                "entry_events {id}: its effect is {effect}, the fold gives {given}"
            ));
        }
    }
    let rows = folded.sessions.iter().filter_map(|session| {
        let venue = places.venue(session.venue)?;
        Some((session.id.0, session_row(member, session, venue)))
    });
    let mut given: BTreeMap<Uuid, session::Model> = rows.collect();
    for session in &life.sessions {
        let id = session.id;
        match given.remove(&id) {
            Some(folded) => {
                let fields = differing(session, &as_open(session, folded, life));
                if !fields.is_empty() {
                    let fields = fields.join(", ");
                    breaches.add(format_args!("sessions {id}: not what the fold gives: {fields}"));
                }
            }
            None if session.void => {}
            None => breaches.add(format_args!("sessions {id}: no event of the member opens it")),
        }
    }
    for id in given.into_keys() {
        breaches.add(format_args!("sessions {id}: the row is missing"));
    }
}

/// The folded session as it was before its limit passed, where the one on record is still open.
fn as_open(stored: &session::Model, folded: session::Model, life: &Life) -> session::Model {
    if stored.left_at.is_some() || stored.void || folded.ended_by.as_deref() != Some("limit") {
        return folded;
    }
    let open =
        session::Model { left_at: None, provenance: None, ended_by: None, minutes: 0, ..folded };
    // Corrections cut an open stay at its beginning only; where it would end decides about the rest.
    if life.facts.is_empty() {
        open
    } else {
        session::Model { venue_id: open.venue_id, ..stored.clone() }
    }
}

fn differing(one: &session::Model, other: &session::Model) -> Vec<&'static str> {
    let fields = [
        ("venue_id", one.venue_id == other.venue_id),
        ("community", one.community == other.community),
        ("business_day", one.business_day == other.business_day),
        ("entered_at", one.entered_at == other.entered_at),
        ("left_at", one.left_at == other.left_at),
        ("minutes", one.minutes == other.minutes),
        ("provenance", one.provenance == other.provenance),
        ("ended_by", one.ended_by == other.ended_by),
        ("void", one.void == other.void),
        ("credited", one.credited == other.credited),
        ("rule_version", one.rule_version == other.rule_version),
        ("presence_expires_at", one.presence_expires_at == other.presence_expires_at),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}
