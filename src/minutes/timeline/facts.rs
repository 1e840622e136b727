//! What people state about a stay: members declare when they left, staff correct both times, or
//! count heads and find that somebody is not there.
//! Corrected over measured over self-declared over estimated.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{EndedBy, Event, OpenSession, Provenance, Session, Venues};
use crate::base::ids::{EventId, SessionId};

/// A row about the stay that `opener` opened, or would have opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub opener: EventId,
    /// The highest number of an opener and kind counts.
    pub n: i32,
    pub kind: FactKind,
    /// Corrections store both times; without one, the opener's time stands.
    pub entered_at: Option<DateTime<Utc>>,
    pub left_at: DateTime<Utc>,
}

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// By the member: when they left.
    Declared,
    /// By staff: when they came and left.
    Corrected,
    /// By staff who counted heads: presumed inside, and not there at `left_at`.
    Absent,
}

/// From one instant to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    pub entered_at: DateTime<Utc>,
    pub left_at: DateTime<Utc>,
}

/// Lets the facts that count change the ended stays. Gives the corrected intervals, so that stays
/// which end later are cut too.
pub(super) fn settle(
    venues: &impl Venues,
    events: &[&Event],
    facts: &[Fact],
    open: Option<OpenSession>,
    sessions: &mut Vec<Session>,
) -> Vec<Interval> {
    if facts.is_empty() {
        return Vec::new();
    }
    let facts = counting(facts);
    let of_kind = |kind| facts.iter().copied().filter(move |fact: &&Fact| fact.kind == kind);
    for fact in of_kind(FactKind::Absent) {
        miss(fact, sessions);
    }
    for fact in of_kind(FactKind::Declared) {
        declare(venues, fact, open, sessions);
    }
    let fixed: Vec<_> =
        of_kind(FactKind::Corrected).filter_map(|fact| correct(fact, events, sessions)).collect();
    for session in sessions {
        session.cut(&fixed);
    }
    fixed
}

/// The facts with the highest number of each opener and kind, in the order in which their first
/// ones were stated, so that the result does not depend on the order of the list.
fn counting(facts: &[Fact]) -> Vec<&Fact> {
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    ordered.sort_by_key(|fact| (fact.n, fact.opener, fact.kind, fact.entered_at, fact.left_at));
    let mut places = HashMap::new();
    let mut counting: Vec<&Fact> = Vec::new();
    for fact in ordered {
        let place = *places.entry((fact.opener, fact.kind)).or_insert(counting.len());
        match counting.get_mut(place) {
            Some(earlier) => *earlier = fact,
            None => counting.push(fact),
        }
    }
    counting
}

/// Who is not there has left: nobody is credited by estimate for longer. An exit that was seen, or
/// a word of the member, says more than a head count.
fn miss(fact: &Fact, sessions: &mut [Session]) {
    let Some(session) = find(sessions, fact.opener) else { return };
    let (Some(estimated @ Provenance::Estimated), Some(left), Some(by)) =
        (session.provenance, session.left_at, session.ended_by)
    else {
        return;
    };
    session.end(left.min(fact.left_at).max(session.entered_at), estimated, by);
}

/// A declaration moves only an estimated end, and only inside the allowed interval: from the entry
/// to the limit or to the next entry, which may be that of the `open` stay. `sessions` come in the
/// order of their entries.
fn declare(venues: &impl Venues, fact: &Fact, open: Option<OpenSession>, sessions: &mut [Session]) {
    let opened = |session: &Session| session.id.0 == fact.opener.0;
    let Some(place) = sessions.iter().position(opened) else { return };
    let later = sessions.get(place + 1).map(|next| next.entered_at);
    let next = later.or(open.map(|open| open.entered_at));
    let session = &mut sessions[place];
    let Some(venue) = venues.venue(session.venue) else { return };
    if session.provenance != Some(Provenance::Estimated) {
        return;
    }
    let limit = venue.limit(session.entered_at);
    let latest = next.map_or(limit, |next| limit.min(next));
    if (session.entered_at..=latest).contains(&fact.left_at) {
        session.end(fact.left_at, Provenance::SelfDeclared, EndedBy::Declared);
    }
}

/// A corrected stay exists whatever its opener does, as long as there is such an event.
fn correct(fact: &Fact, events: &[&Event], sessions: &mut Vec<Session>) -> Option<Interval> {
    let opener = events.iter().find(|event| event.id == fact.opener)?;
    if find(sessions, fact.opener).is_none() {
        let open = OpenSession {
            id: SessionId(opener.id.0),
            venue: opener.venue,
            entered_at: opener.occurred_at,
            credited: opener.credited,
        };
        sessions.push(open.session());
    }
    let session = find(sessions, fact.opener)?;
    session.entered_at = fact.entered_at.unwrap_or(opener.occurred_at);
    session.end(fact.left_at, Provenance::Corrected, EndedBy::Correction);
    Some(Interval { entered_at: session.entered_at, left_at: fact.left_at })
}

fn find(sessions: &mut [Session], opener: EventId) -> Option<&mut Session> {
    sessions.iter_mut().find(|session| session.id.0 == opener.0)
}

impl Session {
    /// Cuts a stay at the edges of corrected ones; one that lies inside becomes void. An open stay
    /// is cut at its beginning only, until it has an end.
    pub(super) fn cut(&mut self, corrected: &[Interval]) {
        if self.provenance == Some(Provenance::Corrected) {
            return;
        }
        for fixed in corrected {
            let Some(left) = self.left_at else {
                if (fixed.entered_at..fixed.left_at).contains(&self.entered_at) {
                    self.entered_at = fixed.left_at;
                }
                continue;
            };
            if left <= fixed.entered_at || self.entered_at >= fixed.left_at {
                continue;
            }
            if self.entered_at < fixed.entered_at {
                self.left_at = Some(fixed.entered_at);
            } else if left > fixed.left_at {
                self.entered_at = fixed.left_at;
            } else {
                self.void = true;
            }
            self.count();
        }
    }
}
