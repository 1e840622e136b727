//! A model of the recorder around the product's own parts: events are taken one by one where they
//! may be and refolded where they must, and what comes of it is posted into books.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::histories::Places;
use crate::{
    base::ids::{EventId, MemberId, SessionId, VenueId},
    minutes::{
        posting::{
            Posting,
            books::{Books, keys},
        },
        refold,
        standing::Standing,
        tables::session,
        timeline::{Effect, Event, Fact, Folded, Provenance, Session, fold},
    },
};

/// Whose records a history is where there is but one.
pub const ALONE: MemberId = MemberId(Uuid::from_u128(1));

/// The records of some members, and the books that they share.
pub struct Recorder<'a> {
    places: &'a Places,
    people: BTreeMap<MemberId, Person>,
    pub books: Books,
}

/// What still names a person.
#[derive(Default)]
struct Person {
    events: Vec<Event>,
    facts: Vec<Fact>,
    effects: HashMap<EventId, Effect>,
}

impl<'a> Recorder<'a> {
    pub fn new(places: &'a Places) -> Self {
        Self { places, people: BTreeMap::new(), books: Books::default() }
    }

    /// Takes a batch as it arrives, and folds up to `now`.
    pub fn take(&mut self, batch: &[Event], facts: &[Fact], now: DateTime<Utc>) {
        self.take_of(ALONE, batch, facts, now);
    }

    /// Takes a member's part of a batch.
    pub fn take_of(
        &mut self,
        member: MemberId,
        batch: &[Event],
        facts: &[Fact],
        now: DateTime<Utc>,
    ) {
        let places = self.places;
        let person = self.people.entry(member).or_default();
        let (version, timeline) = self.books.timeline(member);
        let mut standing = Standing::new(member, version, timeline);
        let mut posting = Posting::new(keys(), places, now, "fold");
        for event in batch {
            if person.events.iter().any(|known| known.id == event.id) {
                continue;
            }
            person.events.push(event.clone());
            let effect = standing.take(places, event.clone(), &mut posting);
            person.effects.extend(effect.map(|effect| (event.id, effect)));
        }
        let mut late = standing.is_late();
        // Nobody can state a fact about what is not there yet.
        for fact in facts {
            let known = person.events.iter().any(|event| event.id == fact.opener);
            if known && !person.facts.contains(fact) {
                person.facts.push(fact.clone());
                late = true;
            }
        }
        if late {
            let folded = fold(places, &person.events, &person.facts, now);
            let mut before = self.books.sessions_of(member);
            before.extend(posting.sessions_of(member).into_iter().map(|row| (row.id, row)));
            refold::post(places, member, &folded.sessions, before, &mut posting);
            person.effects = folded.effects.into_iter().collect();
            standing = Standing::new(member, version, folded.timeline);
        }
        standing.finish(places, now, &mut posting);
        self.books.write(posting);
    }

    /// Ends what is past its limit at `now`, as the closer does: it knows nobody's name.
    pub fn close_due(&mut self, now: DateTime<Utc>) {
        let members: Vec<MemberId> = self.people.keys().copied().collect();
        for member in members {
            let (version, timeline) = self.books.timeline(member);
            let mut posting = Posting::new(keys(), self.places, now, "closer");
            Standing::new(member, version, timeline).finish(self.places, now, &mut posting);
            self.books.write(posting);
        }
    }

    /// Minutes from before, out of an old platform.
    pub fn carry_over(
        &mut self,
        member: MemberId,
        venue: VenueId,
        at: DateTime<Utc>,
        minutes: i32,
    ) {
        use crate::minutes::timeline::Venues as _;
        let venue = self.places.venue(venue).expect("known");
        let mut posting = Posting::new(keys(), self.places, at, "carried_over");
        let day = venue.business_day(at);
        posting.carry_over(member, venue, day, minutes, Provenance::Estimated);
        self.books.write(posting);
    }

    /// Destroys what links a member's id to the person: no event and no fact names them any more.
    /// The ids stay in sessions, ledger and roll-ups.
    pub fn erase(&mut self, member: MemberId) {
        self.people.insert(member, Person::default());
    }

    /// What is on record of one who is alone, in the shape of a fold. Sessions that were given up
    /// are left out.
    pub fn folded(&self) -> Folded {
        let person = &self.people[&ALONE];
        let fresh = fold(self.places, &person.events, &person.facts, DateTime::<Utc>::MAX_UTC);
        let exists = |session: &Session| {
            !session.void || fresh.sessions.iter().any(|known| known.id == session.id)
        };
        let rows = self.books.sessions.values();
        let mut sessions: Vec<Session> = rows.map(session_of).filter(exists).collect();
        sessions.sort_by_key(|session| (session.entered_at, session.id));
        let effects = fresh.effects.iter().map(|(id, _)| (*id, person.effects[id])).collect();
        Folded { sessions, effects, timeline: self.books.timeline(ALONE).1 }
    }
}

/// The session that a row tells of.
fn session_of(row: &session::Model) -> Session {
    let word = |text: &String| serde_json::Value::from(text.as_str());
    Session {
        id: SessionId(row.id),
        venue: VenueId(row.venue_id),
        entered_at: row.entered_at,
        left_at: row.left_at,
        provenance: row.provenance.as_deref().and_then(Provenance::parse),
        ended_by: row
            .ended_by
            .as_ref()
            .map(|text| serde_json::from_value(word(text)).expect("a word")),
        void: row.void,
        credited: row.credited,
        minutes: row.minutes,
    }
}
