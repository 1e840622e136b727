//! Where a member stands in the fold, under the lock of their timeline.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::{
    posting::{Posting, TimelineRow, session_row},
    refold,
    timeline::{Effect, Event, OpenSession, Session, Timeline, Venues},
};
use crate::base::ids::{EventId, MemberId};

#[cfg(test)]
mod tests;

/// What catching up came to.
pub struct CaughtUp {
    /// Effects of this group's events.
    pub effects: Vec<(EventId, Effect)>,
    /// Events of earlier groups that have another effect now.
    pub changed: Vec<(Event, Effect)>,
}

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
        let stood = self.timeline.standing();
        let mut changed = Vec::new();
        let effect = self.timeline.apply(&venues, self.fresh.last()?, &mut changed);
        for session in changed {
            let before = stood.as_ref().filter(|stood| stood.id == session.id);
            self.post(venues, before, &session, posting);
        }
        Some(effect)
    }

    /// Folds again from the last point at which nothing was open, with this group's events among
    /// the stored ones, and posts the effects that changed.
    pub async fn catch_up<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        venues: &dyn Venues,
        now: DateTime<Utc>,
        posting: &mut Posting<'_>,
    ) -> Result<CaughtUp, DbErr> {
        self.late = false;
        self.refold(tx, venues, &[], now, posting).await
    }

    /// Folds again around `instants`, where what somebody stated may change something.
    pub async fn reconsider<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        venues: &dyn Venues,
        instants: &[DateTime<Utc>],
        now: DateTime<Utc>,
        posting: &mut Posting<'_>,
    ) -> Result<(), DbErr> {
        self.refold(tx, venues, instants, now, posting).await.map(|_| ())
    }

    async fn refold<C: ConnectionTrait>(
        &mut self,
        tx: &C,
        venues: &dyn Venues,
        instants: &[DateTime<Utc>],
        now: DateTime<Utc>,
        posting: &mut Posting<'_>,
    ) -> Result<CaughtUp, DbErr> {
        let (member, fresh) = (self.member, &self.fresh);
        let refolded = refold::refold(tx, venues, member, fresh, instants, now, posting).await?;
        if let Some(timeline) = refolded.timeline {
            self.timeline = timeline;
        }
        Ok(CaughtUp { effects: refolded.effects, changed: refolded.changed })
    }

    /// Ends the open session if its limit has passed at `now`, and hands the row over.
    pub fn finish(mut self, venues: &dyn Venues, now: DateTime<Utc>, posting: &mut Posting) {
        let stood = self.timeline.standing();
        if let Some(ended) = self.timeline.close_due(&venues, now) {
            self.post(venues, stood.as_ref(), &ended, posting);
        }
        self.stay(venues, posting);
    }

    /// Hands the row over as it is; only its version moves on.
    pub fn stay(self, venues: &dyn Venues, posting: &mut Posting) {
        let open = self.timeline.standing().and_then(|session| {
            let row = session_row(self.member, &session, venues.venue(session.venue)?);
            let limit = self.timeline.limit(&venues)?;
            Some((row.id, session.venue, row.presence_expires_at, limit))
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
        stood: Option<&Session>,
        session: &Session,
        posting: &mut Posting,
    ) {
        let Some(venue) = venues.venue(session.venue) else { return };
        let row = |session| session_row(self.member, session, venue);
        posting.session(stood.map(row), row(session));
    }
}
