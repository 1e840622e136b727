//! Random histories of one member at five venues that differ in all that matters to the fold.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{collection::vec, prelude::*, sample::select};
use uuid::Uuid;

use crate::{
    base::ids::{Direction, EventId, VenueId},
    minutes::timeline::{Event, Fact, FactKind, Venues},
    venues::{
        Pairing, Rules, Venue,
        sample::{at, day, every_day, exception, rules, venue},
    },
};

/// The venues of the laws, numbered from 1.
pub struct Places(pub Vec<Venue>);

impl Venues for Places {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.iter().find(|venue| venue.id == id)
    }
}

pub fn places() -> Places {
    let gym = Venue { hours: every_day(360, 1350), ..venue(1) };
    let mut court = venue(2);
    court.rules[0].pairing = Pairing::Toggle;
    court.rules[0].usual_stay_min = 45;
    let mut school = Venue { hours: every_day(480, 1260), ..venue(3) };
    school.rules[0].pairing = Pairing::EntryOnly;
    school.rules[0].longest_stay_min = 180;
    // Open past midnight, one night closed, and other rules from the second day on.
    let mut club = Venue { hours: every_day(1080, 120), ..venue(4) };
    club.exceptions = vec![exception("2026-09-22", 1, None)];
    let later = Rules { version: 2, valid_from: day("2026-09-22"), day_starts_at: 300, ..rules() };
    club.rules.push(Rules { pairing: Pairing::Toggle, usual_stay_min: 30, ..later });
    let mut camp = venue(5);
    camp.rules[0].longest_stay_min = 1440;
    camp.community = "330499001002".parse().expect("twelve digits");
    camp.rules[0].usual_stay_min = 300;
    Places(vec![gym, court, school, club, camp])
}

#[derive(Clone, Debug)]
pub struct History {
    pub events: Vec<Event>,
    /// The same events in the order in which they arrive.
    pub arrivals: Vec<Event>,
    /// Such as the desk and the member's page would let through.
    pub facts: Vec<Fact>,
    /// Not before the newest event.
    pub now: DateTime<Utc>,
}

/// Up to twelve events within four days, of three terminals, with facts about some of them.
pub fn history() -> impl Strategy<Value = History> {
    let one =
        (1..=5_u8, select(vec!['i', 'i', 'o']), offset_ms(), 1..=3_u8, prop::bool::weighted(0.9));
    let events = vec(one, 1..=12).prop_map(|drawn| {
        let numbered = drawn.into_iter().enumerate();
        numbered
            .map(|(n, (venue, way, ms, terminal, credited))| {
                let id = EventId(Uuid::from_u128(1 + n as u128));
                let direction = if way == 'o' { Direction::Out } else { Direction::In };
                let serial = Arc::from(format!("T{terminal}"));
                let (venue, occurred_at) = (VenueId(Uuid::from_u128(venue.into())), base() + ms);
                let seq = i64::try_from(n).expect("twelve");
                Event { id, occurred_at, direction, venue, serial, epoch: 1, seq, credited }
            })
            .collect::<Vec<_>>()
    });
    let after = select(vec![0, 1, 60, 3_600, 40_000, 400_000]).prop_map(TimeDelta::seconds);
    events
        .prop_flat_map(move |events| {
            let arrivals = Just(events.clone()).prop_shuffle();
            (Just(events.clone()), arrivals, facts(events), after.clone())
        })
        .prop_map(|(events, arrivals, facts, after)| {
            let newest = events.iter().map(|event| event.occurred_at).max().unwrap_or(base());
            History { events, arrivals, facts, now: newest + after }
        })
}

/// Monday, 2026-09-21, in the evening.
fn base() -> DateTime<Utc> {
    at("2026-09-21T18:13:20+08:00")
}

/// Far apart, close together, at the very same instant, or at the edges of the windows.
fn offset_ms() -> impl Strategy<Value = TimeDelta> {
    let seconds =
        prop_oneof![0..4 * 86_400_i64, 0..7_200_i64, select(vec![0, 30, 60, 61, 3_600, 14_400])];
    (seconds, select(vec![0, 0, 0, 1, 999]))
        .prop_map(|(seconds, ms)| TimeDelta::seconds(seconds) + TimeDelta::milliseconds(ms))
}

/// By how far a correction moves the entry: mostly a little, sometimes to another day.
fn shift_min() -> impl Strategy<Value = i64> {
    prop_oneof![4 => -120..120_i64, 1 => -3_000..3_000_i64]
}

/// Facts about some of the events: declarations, head counts, and corrections that the desk would
/// not refuse.
fn facts(events: Vec<Event>) -> impl Strategy<Value = Vec<Fact>> {
    let one = (any::<prop::sample::Index>(), 0..4_u8, shift_min(), 0..=240_i64, 1..=3);
    vec(one, 0..=4).prop_map(move |drawn| {
        let mut facts: Vec<Fact> = Vec::new();
        for (which, kind, shift_min, length_min, n) in drawn {
            let event = which.get(&events);
            let opener = event.id;
            let fact = if kind < 2 {
                let entered = event.occurred_at + TimeDelta::minutes(shift_min);
                let left_at = entered + TimeDelta::minutes(length_min);
                Fact { opener, n, kind: FactKind::Corrected, entered_at: Some(entered), left_at }
            } else {
                let left_at = event.occurred_at + TimeDelta::minutes(length_min);
                let kind = if kind == 2 { FactKind::Absent } else { FactKind::Declared };
                Fact { opener, n, kind, entered_at: None, left_at }
            };
            if !refused(&facts, &fact) {
                facts.push(fact);
            }
        }
        facts
    })
}

/// A number is given once, and a correction may not overlap that of another session.
fn refused(facts: &[Fact], new: &Fact) -> bool {
    let entered = |fact: &Fact| fact.entered_at.unwrap_or(fact.left_at);
    facts.iter().any(|fact| {
        let same = fact.opener == new.opener;
        let both = fact.kind == FactKind::Corrected && new.kind == FactKind::Corrected;
        let overlaps = entered(fact) <= new.left_at && entered(new) <= fact.left_at;
        (same && fact.n == new.n) || (both && !same && overlaps)
    })
}
