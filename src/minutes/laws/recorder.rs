//! A model of the recorder: folds what comes step by step where it may, refolds where it must, and
//! keeps a ledger of differences with roll-ups beside it, as SQL does.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};

use super::histories::Places;
use crate::{
    base::ids::{DivisionCode, EventId, SessionId, VenueId},
    minutes::timeline::{Effect, Event, Fact, Folded, Provenance, Session, Timeline, Venues, fold},
};

/// One member's records; the ledger may be poured together with others'.
pub struct Recorder<'a> {
    places: &'a Places,
    events: Vec<Event>,
    facts: Vec<Fact>,
    effects: HashMap<EventId, Effect>,
    pub sessions: BTreeMap<SessionId, Session>,
    pub timeline: Timeline,
    pub ledger: Vec<Row>,
}

/// One line of the ledger: never changed, never taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub session: SessionId,
    pub venue: VenueId,
    pub community: DivisionCode,
    pub day: NaiveDate,
    pub provenance: Provenance,
    pub minutes: i64,
    /// Sessions that this line adds or takes away: 1, 0 or -1.
    pub visits: i64,
}

impl<'a> Recorder<'a> {
    pub fn new(places: &'a Places) -> Self {
        Self {
            places,
            events: Vec::new(),
            facts: Vec::new(),
            effects: HashMap::new(),
            sessions: BTreeMap::new(),
            timeline: Timeline::default(),
            ledger: Vec::new(),
        }
    }

    /// Takes a batch as it arrives, and folds up to `now`.
    pub fn take(&mut self, batch: &[Event], facts: &[Fact], now: DateTime<Utc>) {
        let mut late = false;
        for event in batch {
            if self.events.iter().any(|known| known.id == event.id) {
                continue;
            }
            self.events.push(event.clone());
            late |= !self.timeline.takes(event);
            if !late {
                let mut changed = Vec::new();
                let effect = self.timeline.apply(self.places, event, &mut changed);
                self.effects.insert(event.id, effect);
                self.record(changed);
            }
        }
        // Nobody can state a fact about what is not there yet.
        for fact in facts {
            let known = self.events.iter().any(|event| event.id == fact.opener);
            if known && !self.facts.contains(fact) {
                self.facts.push(fact.clone());
                late = true;
            }
        }
        if late {
            self.refold(now);
        }
        let closed = self.timeline.close_due(self.places, now);
        self.record(closed);
    }

    fn refold(&mut self, now: DateTime<Utc>) {
        let folded = fold(self.places, &self.events, &self.facts, now);
        let before: Vec<Session> = self.sessions.values().cloned().collect();
        self.record(folded.changes(&before));
        self.effects = folded.effects.into_iter().collect();
        self.timeline = folded.timeline;
    }

    /// Takes back what the ledger says of a changed session and writes what holds now.
    fn record(&mut self, changed: impl IntoIterator<Item = Session>) {
        for session in changed {
            let before = self.sessions.insert(session.id, session.clone());
            if let Some(before) = before {
                self.ledger.push(self.row(&before, -1));
            }
            self.ledger.push(self.row(&session, 1));
        }
    }

    fn row(&self, session: &Session, sign: i64) -> Row {
        let venue = self.places.venue(session.venue).expect("known");
        Row {
            session: session.id,
            venue: session.venue,
            community: venue.community.clone(),
            day: venue.business_day(session.entered_at),
            provenance: session.provenance.unwrap_or(Provenance::Estimated),
            minutes: sign * i64::from(session.minutes),
            visits: if session.void { 0 } else { sign },
        }
    }

    /// What is on record, in the shape of a fold. Sessions that were given up are left out.
    pub fn folded(&self) -> Folded {
        let fresh = fold(self.places, &self.events, &self.facts, DateTime::<Utc>::MAX_UTC);
        let exists = |session: &&Session| {
            !session.void || fresh.sessions.iter().any(|known| known.id == session.id)
        };
        let mut sessions: Vec<Session> = self.sessions.values().filter(exists).cloned().collect();
        sessions.sort_by_key(|session| (session.entered_at, session.id));
        let effects = fresh.effects.iter().map(|(id, _)| (*id, self.effects[id])).collect();
        Folded { sessions, effects, timeline: self.timeline.clone() }
    }
}
