//! How a member's history falls apart into stretches that do not touch one another, so that a late
//! event makes us fold its stretch again and nothing else.

use chrono::{DateTime, Utc};

use super::{Fact, FactKind};
use crate::{base::ids::EventId, venues::LONGEST_STAY_MAX};

/// Events and facts inside of one stretch change nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

impl Stretch {
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// The stretches of a member's history, by time. An event reaches as far as the longest stay that
/// any venue may allow; a correction from its opener's time over all that it covers. Folding the
/// events of one stretch with the facts about them gives what folding everything gives for it.
pub fn stretches(events: &[(EventId, DateTime<Utc>)], facts: &[Fact]) -> Vec<Stretch> {
    let reaches = events.iter().map(|(_, at)| Stretch { from: *at, to: *at + LONGEST_STAY_MAX });
    let corrections = facts.iter().filter(|fact| fact.kind == FactKind::Corrected);
    let covers = corrections.filter_map(|fact| {
        let (_, at) = *events.iter().find(|(id, _)| *id == fact.opener)?;
        let entered = fact.entered_at.unwrap_or(at);
        Some(Stretch { from: at.min(entered), to: at.max(fact.left_at) })
    });
    let mut pieces: Vec<Stretch> = reaches.chain(covers).collect();
    pieces.sort_unstable_by_key(|piece| piece.from);
    let mut joined: Vec<Stretch> = Vec::new();
    for piece in pieces {
        match joined.last_mut() {
            Some(last) if piece.from <= last.to => last.to = last.to.max(piece.to),
            Some(_) | None => joined.push(piece),
        }
    }
    joined
}
