//! A member's events become stays: one pure fold over the set of granted and recorded events and
//! of the facts that people state. [`Timeline::apply`] takes events one by one while they come in
//! order; [`fold`] takes any set and gives the same. No clock, no SQL.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    base::ids::{Direction, EventId, SessionId, VenueId},
    venues::{LONGEST_STAY_MAX, Pairing, Venue},
};

mod facts;
#[cfg(test)]
mod stretches;
#[cfg(test)]
mod tests;
mod words;

pub use facts::{Fact, FactKind, Interval};
#[cfg(test)]
pub use stretches::stretches;

/// Where the fold finds a venue with all its versions.
pub trait Venues: Sync {
    fn venue(&self, id: VenueId) -> Option<&Venue>;

    /// The longest stay that any venue allows: events further apart cannot touch one another.
    fn longest_stay(&self) -> TimeDelta {
        LONGEST_STAY_MAX
    }
}

impl Venues for &dyn Venues {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        (**self).venue(id)
    }

    fn longest_stay(&self) -> TimeDelta {
        (**self).longest_stay()
    }
}

/// What the fold needs of a granted or recorded entry event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    /// Corrected by the terminal's offset when the event was first accepted.
    pub occurred_at: DateTime<Utc>,
    pub direction: Direction,
    pub venue: VenueId,
    /// The terminal's serial; with `epoch` and `seq` it names the record.
    pub serial: Arc<str>,
    pub epoch: i64,
    pub seq: i64,
    /// Whether the member's consent to minutes was in force at `occurred_at`.
    pub credited: bool,
}

/// The place of an event in the order of the fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub at: DateTime<Utc>,
    pub direction: Direction,
    pub serial: String,
    pub epoch: i64,
    pub seq: i64,
    pub id: EventId,
}

/// (time, out before in, terminal serial, epoch, seq); the id only tells apart what no terminal
/// could, two records under one number.
type Order<'a> = (DateTime<Utc>, bool, &'a str, i64, i64, EventId);

impl Event {
    fn order(&self) -> Order<'_> {
        let enters = self.direction == Direction::In;
        (self.occurred_at, enters, &self.serial, self.epoch, self.seq, self.id)
    }

    fn key(&self) -> Key {
        Key {
            at: self.occurred_at,
            direction: self.direction,
            serial: self.serial.to_string(),
            epoch: self.epoch,
            seq: self.seq,
            id: self.id,
        }
    }
}

impl Key {
    fn order(&self) -> Order<'_> {
        let enters = self.direction == Direction::In;
        (self.at, enters, &self.serial, self.epoch, self.seq, self.id)
    }
}

/// Where a member's fold stands after the events so far. Stored as JSON; a member without events
/// has the default one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeline {
    /// The stay that neither an event, nor the time, nor a fact has ended yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenSession>,
    /// The latest event that had an effect; repeats are measured from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<LastEffective>,
    /// The latest event of all, effective or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Key>,
    /// The limit of a stay that the time or a fact ended. An event up to here would have ended
    /// that stay itself, so it has to be folded with the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_until: Option<DateTime<Utc>>,
    /// Corrected stays that reach past what is folded; stays that end later are cut at their edges.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub corrected: Vec<Interval>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    pub id: SessionId,
    pub venue: VenueId,
    pub entered_at: DateTime<Utc>,
    pub credited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEffective {
    pub venue: VenueId,
    pub direction: Direction,
    pub at: DateTime<Utc>,
}

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Opened,
    Closed,
    /// The same again within the venue's window; it does not extend the window.
    Repeat,
    /// An exit without a stay to end: for the work list.
    Orphan,
}

/// How the end of a stay is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    Measured,
    SelfDeclared,
    Estimated,
    Corrected,
}

/// What ended a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    Exit,
    Limit,
    NextEntry,
    Declared,
    Correction,
}

/// One stay of one member at one venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The id of the event that opened it.
    pub id: SessionId,
    pub venue: VenueId,
    pub entered_at: DateTime<Utc>,
    /// None while open, as are `provenance` and `ended_by`.
    pub left_at: Option<DateTime<Utc>>,
    pub provenance: Option<Provenance>,
    pub ended_by: Option<EndedBy>,
    /// Counted nowhere: a corrected stay covers it, or its opener opens no longer.
    pub void: bool,
    pub credited: bool,
    /// Whole minutes; 0 while open, when void and when not credited.
    pub minutes: i32,
}

impl Session {
    /// Sets when and how the stay ended, and its minutes.
    fn end(&mut self, left: DateTime<Utc>, provenance: Provenance, by: EndedBy) {
        self.left_at = Some(left);
        self.provenance = Some(provenance);
        self.ended_by = Some(by);
        self.count();
    }

    fn count(&mut self) {
        let stayed = self.left_at.map_or(TimeDelta::zero(), |left| left - self.entered_at);
        let counts = self.credited && !self.void;
        let whole = if counts { stayed.num_minutes().max(0) } else { 0 };
        self.minutes = i32::try_from(whole).unwrap_or(i32::MAX);
    }
}

impl OpenSession {
    /// The stay as it stands: not ended.
    pub fn session(&self) -> Session {
        Session {
            id: self.id,
            venue: self.venue,
            entered_at: self.entered_at,
            left_at: None,
            provenance: None,
            ended_by: None,
            void: false,
            credited: self.credited,
            minutes: 0,
        }
    }

    fn ended(&self, left: DateTime<Utc>, provenance: Provenance, by: EndedBy) -> Session {
        let mut session = self.session();
        session.end(left, provenance, by);
        session
    }
}

impl Timeline {
    /// Whether [`Timeline::apply`] may take this event: it comes after all others and after what
    /// the time or a fact settled. Otherwise the member's stretch has to be folded again.
    pub fn takes(&self, event: &Event) -> bool {
        let newer = self.newest.as_ref().is_none_or(|newest| event.order() > newest.order());
        newer && self.settled_until.is_none_or(|settled| event.occurred_at > settled)
    }

    /// Folds the next event, one that the timeline [takes](Timeline::takes). The stays that it
    /// ended and opened are added to `out` in their latest state. An event at a venue that
    /// `venues` does not know is an orphan.
    pub fn apply(&mut self, venues: &impl Venues, event: &Event, out: &mut Vec<Session>) -> Effect {
        let first = out.len();
        let effect = self.step(venues, event, out);
        if effect == Effect::Opened {
            out.extend(self.open.map(|open| open.session()));
        }
        for session in &mut out[first..] {
            session.cut(&self.corrected);
        }
        self.forget_corrected();
        effect
    }

    /// Ends the open stay if its limit has passed at `now`.
    pub fn close_due(&mut self, venues: &impl Venues, now: DateTime<Utc>) -> Option<Session> {
        let mut session = self.end_due(venues, now)?;
        session.cut(&self.corrected);
        self.forget_corrected();
        Some(session)
    }

    /// The open stay as it is on record: its beginning cut at the edges of corrected ones.
    pub fn standing(&self) -> Option<Session> {
        let mut session = self.open?.session();
        session.cut(&self.corrected);
        Some(session)
    }

    /// The limit of the open stay: from then on, [`Timeline::close_due`] ends it.
    pub fn limit(&self, venues: &impl Venues) -> Option<DateTime<Utc>> {
        self.open.map(|open| limit(venues, &open))
    }

    /// One event of the fold, without regard to facts.
    fn step(&mut self, venues: &impl Venues, event: &Event, ended: &mut Vec<Session>) -> Effect {
        let at = event.occurred_at;
        self.newest = Some(event.key());
        ended.extend(self.end_due(venues, at));
        self.settled_until = None;
        let Some(venue) = venues.venue(event.venue) else { return Effect::Orphan };
        let here = self.open.filter(|open| open.venue == event.venue);
        // A stay is folded by what was in force at its entry.
        let rules = venue.rules_at(here.map_or(at, |open| open.entered_at));
        let toggles = rules.pairing == Pairing::Toggle;
        if self.repeats(event, toggles, TimeDelta::seconds(rules.repeat_window_s.into())) {
            return Effect::Repeat;
        }
        let leaves = if toggles { here.is_some() } else { event.direction == Direction::Out };
        let effect = match here {
            Some(open) if leaves && rules.pairing != Pairing::EntryOnly => {
                self.open = None;
                ended.push(open.ended(at, Provenance::Measured, EndedBy::Exit));
                Effect::Closed
            }
            Some(_) | None if leaves => return Effect::Orphan,
            Some(_) | None => {
                ended.extend(self.end_open(venues, at, EndedBy::NextEntry));
                self.open = Some(OpenSession {
                    id: SessionId(event.id.0),
                    venue: event.venue,
                    entered_at: at,
                    credited: event.credited,
                });
                Effect::Opened
            }
        };
        self.last = Some(LastEffective { venue: event.venue, direction: event.direction, at });
        effect
    }

    fn repeats(&self, event: &Event, any_direction: bool, window: TimeDelta) -> bool {
        self.last.is_some_and(|last| {
            last.venue == event.venue
                && (any_direction || last.direction == event.direction)
                && event.occurred_at - last.at <= window
        })
    }

    fn end_due(&mut self, venues: &impl Venues, now: DateTime<Utc>) -> Option<Session> {
        let limit = self.limit(venues).filter(|limit| now > *limit)?;
        self.settled_until = Some(limit);
        self.end_open(venues, limit, EndedBy::Limit)
    }

    /// Ends the open stay by estimate, at `latest` at the latest.
    fn end_open(
        &mut self,
        venues: &impl Venues,
        latest: DateTime<Utc>,
        by: EndedBy,
    ) -> Option<Session> {
        let open = self.open.take()?;
        let estimate = venues
            .venue(open.venue)
            .map_or(open.entered_at, |venue| venue.estimated_end(open.entered_at));
        Some(open.ended(estimate.min(latest), Provenance::Estimated, by))
    }

    /// Drops the corrected stays that lie before whatever can still end.
    fn forget_corrected(&mut self) {
        let newest = self.newest.as_ref().map(|newest| newest.at);
        if let Some(horizon) = self.open.map(|open| open.entered_at).or(newest) {
            self.corrected.retain(|interval| interval.left_at > horizon);
        }
    }
}

fn limit(venues: &impl Venues, open: &OpenSession) -> DateTime<Utc> {
    venues.venue(open.venue).map_or(open.entered_at, |venue| venue.limit(open.entered_at))
}

/// What a set of events and facts comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// By entry; void ones and the open one too.
    pub sessions: Vec<Session>,
    /// In the order of the fold.
    pub effects: Vec<(EventId, Effect)>,
    pub timeline: Timeline,
}

/// Folds a set of events, in any order and with duplicates, and the facts about them, up to `now`,
/// which must not lie before the member's newest event. Facts about other events are ignored.
pub fn fold(venues: &impl Venues, events: &[Event], facts: &[Fact], now: DateTime<Utc>) -> Folded {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by(|one, other| one.order().cmp(&other.order()));
    ordered.dedup_by_key(|event| event.id);
    let mut timeline = Timeline::default();
    let mut sessions = Vec::new();
    let effects = ordered
        .iter()
        .map(|event| (event.id, timeline.step(venues, event, &mut sessions)))
        .collect();
    let told = |open: &OpenSession| facts.iter().any(|fact| fact.opener.0 == open.id.0);
    let until = timeline.open.filter(told).map_or(now, |_| DateTime::<Utc>::MAX_UTC);
    sessions.extend(timeline.end_due(venues, until));
    timeline.corrected = facts::settle(venues, &ordered, facts, timeline.open, &mut sessions);
    sessions.extend(timeline.standing());
    timeline.forget_corrected();
    sessions.sort_by_key(|session| (session.entered_at, session.id));
    Folded { sessions, effects, timeline }
}

#[cfg(test)]
impl Folded {
    /// The stays that are other than they were `before`, in their new state; those that their
    /// openers no longer open come back void.
    pub fn changes(&self, before: &[Session]) -> Vec<Session> {
        let kept = self.sessions.iter().filter(|session| !before.contains(session)).cloned();
        let gone = before
            .iter()
            .filter(|old| !old.void && self.sessions.iter().all(|session| session.id != old.id))
            .map(|old| Session { void: true, minutes: 0, ..old.clone() });
        kept.chain(gone).collect()
    }
}
