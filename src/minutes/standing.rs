//! Where a member stands in the fold, under the lock of their timeline.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    posting::{Posting, TimelineRow, session_row},
    refold::{self, Around},
    tables::session,
    timeline::{Effect, Event, OpenSession, Session, Timeline, Venues},
};
use crate::{
    base::ids::{EventId, MemberId},
    venues::Pairing,
};

/// A locked member: the fold's state and this group's events of them.
pub struct Standing {
    pub member: MemberId,
    version: i64,
    timeline: Timeline,
    /// This group's events of the member, which SQL does not have yet.
    fresh: Vec<Event>,
    /// An event came that belongs among those folded already: fold again before anything else.
    late: bool,
}

impl Standing {
    pub fn new(member: MemberId, version: i64, timeline: Timeline) -> Self {
        Self { member, version, timeline, fresh: Vec::new(), late: false }
    }

    /// The session that is open at `at`: its limit has not passed.
    pub fn inside(
        &self,
        venues: &dyn Venues,
        at: DateTime<Utc>,
    ) -> Option<(OpenSession, DateTime<Utc>)> {
        let open = self.timeline.open?;
        let limit = venues.venue(open.venue)?.limit(open.entered_at);
        (at <= limit).then_some((open, limit))
    }

    pub fn is_late(&self) -> bool {
        self.late
    }

    /// Takes an event in. Gives its effect, or `None` when it came late and [`Standing::catch_up`]
    /// has to say.
    pub fn take(
        &mut self,
        venues: &dyn Venues,
        event: Event,
        posting: &mut Posting,
    ) -> Option<Effect> {
        self.late |= !self.timeline.takes(&event);
        self.fresh.push(event);
        if self.late {
            return None;
        }
        let stood = self.timeline.open;
        let mut changed = Vec::new();
        let effect = self.timeline.apply(&venues, self.fresh.last()?, &mut changed);
        for session in changed {
            let before = stood.filter(|open| open.id == session.id);
            self.post(venues, before, &session, posting);
        }
        Some(effect)
    }

    /// Folds again from the last point at which nothing was open, with this group's events among
    /// the stored ones; gives the effects of the group's events and posts those that changed.
    pub async fn catch_up<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        venues: &dyn Venues,
        now: DateTime<Utc>,
        posting: &mut Posting<'_>,
    ) -> Result<Vec<(EventId, Effect)>, DbErr> {
        self.late = false;
        let around = Around::events(self.member, &self.fresh);
        let refolded = refold::refold(tx, venues, around, now, posting).await?;
        if let Some(timeline) = refolded.timeline {
            self.timeline = timeline;
        }
        Ok(refolded.effects)
    }

    /// Folds again around a stay about which a fact was added.
    pub async fn hear_fact<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        venues: &dyn Venues,
        opened_at: DateTime<Utc>,
        now: DateTime<Utc>,
        posting: &mut Posting<'_>,
    ) -> Result<(), DbErr> {
        let around = Around::fact(self.member, &self.fresh, opened_at);
        let refolded = refold::refold(tx, venues, around, now, posting).await?;
        if let Some(timeline) = refolded.timeline {
            self.timeline = timeline;
        }
        Ok(())
    }

    /// Ends the open session if its limit has passed at `now`, and hands the row over.
    pub fn finish(mut self, venues: &dyn Venues, now: DateTime<Utc>, posting: &mut Posting) {
        let stood = self.timeline.open;
        if let Some(ended) = self.timeline.close_due(&venues, now) {
            self.post(venues, stood, &ended, posting);
        }
        let open = self.timeline.open.and_then(|open| {
            let venue = venues.venue(open.venue)?;
            let limit = venue.limit(open.entered_at);
            let expires = match venue.rules_at(open.entered_at).pairing {
                Pairing::EntryOnly => venue.estimated_end(open.entered_at),
                Pairing::InAndOut | Pairing::Toggle => limit,
            };
            Some((open.id.0, open.venue, expires, limit))
        });
        posting.timeline(TimelineRow {
            member: self.member,
            version: self.version + 1,
            state: serde_json::to_string(&self.timeline).unwrap_or_default(),
            last_at: self.timeline.newest.as_ref().map(|key| key.at),
            open,
        });
    }

    fn post(
        &self,
        venues: &dyn Venues,
        stood: Option<OpenSession>,
        session: &Session,
        posting: &mut Posting,
    ) {
        let Some(venue) = venues.venue(session.venue) else { return };
        let before: Option<session::Model> =
            stood.map(|open| session_row(self.member, &open.session(), venue));
        posting.session(before, session_row(self.member, session, venue));
    }
}
