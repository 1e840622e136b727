//! A town for tests: venues, stays and their roll-ups, kept by the plainest SQL there is.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, Value};
use uuid::Uuid;

use super::super::{Difference, Projector, Verified, changes, verify};
use crate::base::{
    clock::{Clock, from_millis},
    counters::Counters,
    db,
    fence::Fence,
    ids::{DivisionCode, MemberId, VenueId},
};

pub const COMMUNITY: &str = "330482001002";

/// A database with venues, and what is needed to carry its changes over.
pub struct Town {
    pub db: DatabaseConnection,
    pub counters: Counters,
    pub clock: Clock,
    changes: i64,
    _directory: tempfile::TempDir,
}

pub fn now() -> DateTime<Utc> {
    from_millis(1_795_000_000_000)
}

pub fn today() -> NaiveDate {
    now().date_naive()
}

impl Town {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}?mode=rwc", directory.path().join("town.db").display());
        let db = db::open(&url).await.expect("it opens");
        db::migrate(&db).await.expect("it migrates");
        let counters = Counters::open(None).expect("memory always opens");
        Self { db, counters, clock: Clock::fixed(now()), changes: 0, _directory: directory }
    }

    pub async fn sql<const N: usize>(&self, sql: &str, values: [Value; N]) {
        let statement = Statement::from_sql_and_values(self.db.get_database_backend(), sql, values);
        self.db.execute_raw(statement).await.expect("the statement is good");
    }

    pub async fn venue(&self) -> VenueId {
        let venue = VenueId::new();
        self.sql(
            "INSERT INTO venues (id, community, name, kind, coordinates, status, created_at) \
             VALUES ($1, $2, 'gym', 'gym', 'wgs84', 'open', $3)",
            [venue.0.into(), COMMUNITY.into(), now().into()],
        )
        .await;
        venue
    }

    /// Somebody stays from now on, for so many minutes or still.
    pub async fn stay(&mut self, member: MemberId, venue: VenueId, minutes: Option<i32>) -> Uuid {
        let id = Uuid::now_v7();
        let left_at = minutes.map(|minutes| now() + TimeDelta::minutes(minutes.into()));
        let expires_at = now() + TimeDelta::hours(4);
        self.sql(
            "INSERT INTO sessions (id, member_id, venue_id, community, business_day, entered_at, \
             left_at, minutes, void, credited, rule_version, presence_expires_at, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, FALSE, TRUE, 1, $9, 1)",
            [
                id.into(),
                member.0.into(),
                venue.0.into(),
                COMMUNITY.into(),
                today().into(),
                now().into(),
                left_at.into(),
                minutes.unwrap_or(0).into(),
                expires_at.into(),
            ],
        )
        .await;
        self.credit(id, member, venue, minutes.unwrap_or(0)).await;
        let open = left_at.is_none().then_some(venue.0);
        self.timeline(member, open, expires_at).await;
        self.changed(member, venue).await;
        id
    }

    async fn credit(&self, session: Uuid, member: MemberId, venue: VenueId, minutes: i32) {
        self.sql(
            "INSERT INTO minute_entries (id, recorded_at, session_id, member_id, venue_id, \
             community, business_day, minutes, provenance, cause, rule_version, mac) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'measured', 'fold', 1, '')",
            [
                Uuid::now_v7().into(),
                now().into(),
                session.into(),
                member.0.into(),
                venue.0.into(),
                COMMUNITY.into(),
                today().into(),
                minutes.into(),
            ],
        )
        .await;
    }

    async fn timeline(&self, member: MemberId, open: Option<Uuid>, expires_at: DateTime<Utc>) {
        let until = open.map(|_| expires_at);
        self.sql(
            "INSERT INTO timelines (member_id, version, state, open_venue, presence_expires_at, \
             limit_at) VALUES ($1, 1, '{}', $2, $3, $3) \
             ON CONFLICT (member_id) DO UPDATE SET version = timelines.version + 1, \
             open_venue = excluded.open_venue, limit_at = excluded.limit_at, \
             presence_expires_at = excluded.presence_expires_at",
            [member.0.into(), open.into(), until.into()],
        )
        .await;
    }

    /// The session never was.
    pub async fn void(&mut self, session: Uuid, member: MemberId, venue: VenueId, minutes: i32) {
        self.sql(
            "UPDATE sessions SET void = TRUE, minutes = 0, left_at = $2 WHERE id = $1",
            [session.into(), now().into()],
        )
        .await;
        self.credit(session, member, venue, -minutes).await;
        self.timeline(member, None, now()).await;
        self.changed(member, venue).await;
    }

    /// Adds the roll-ups up again and tells the counters of it.
    async fn changed(&mut self, member: MemberId, venue: VenueId) {
        self.changes += 1;
        let minutes = "COALESCE((SELECT SUM(e.minutes) FROM minute_entries e WHERE ";
        let on_day = "e.business_day = s.business_day), 0), 0, 0, 0";
        let digest = "0, 0, 0, 0, 0, 0, 0, 0";
        for sql in [
            "DELETE FROM venue_days".to_owned(),
            "DELETE FROM venue_day_hours".to_owned(),
            "DELETE FROM member_days".to_owned(),
            format!(
                "INSERT INTO venue_days (venue_id, business_day, visits, people, \
                 minutes_measured, minutes_self_declared, minutes_estimated, minutes_corrected, \
                 digest_0, digest_1, digest_2, digest_3, digest_4, digest_5, digest_6, digest_7, \
                 state, version) SELECT s.venue_id, s.business_day, \
                 SUM(CASE WHEN s.void THEN 0 ELSE 1 END), \
                 COUNT(DISTINCT CASE WHEN s.void THEN NULL ELSE s.member_id END), \
                 {minutes} e.venue_id = s.venue_id AND {on_day}, {digest}, 'provisional', {n} \
                 FROM sessions s GROUP BY s.venue_id, s.business_day",
                n = self.changes
            ),
            format!(
                "INSERT INTO venue_day_hours (venue_id, business_day, hour, visits, minutes, \
                 version) SELECT s.venue_id, s.business_day, 19, \
                 SUM(CASE WHEN s.void THEN 0 ELSE 1 END), SUM(s.minutes), {n} \
                 FROM sessions s GROUP BY s.venue_id, s.business_day",
                n = self.changes
            ),
            format!(
                "INSERT INTO member_days (member_id, business_day, visits, minutes_measured, \
                 minutes_self_declared, minutes_estimated, minutes_corrected, version) \
                 SELECT s.member_id, s.business_day, SUM(CASE WHEN s.void THEN 0 ELSE 1 END), \
                 {minutes} e.member_id = s.member_id AND {on_day}, {n} \
                 FROM sessions s GROUP BY s.member_id, s.business_day",
                n = self.changes
            ),
        ] {
            self.sql(&sql, []).await;
        }
        self.change(member, venue, self.changes).await;
    }

    pub async fn change(&self, member: MemberId, venue: VenueId, stamp: i64) {
        self.sql(
            "INSERT INTO counter_changes (stamp, n, member_id, venue_id, business_day) \
             VALUES ($1, 0, $2, $3, $4)",
            [stamp.into(), member.0.into(), venue.0.into(), today().into()],
        )
        .await;
    }

    pub fn projector(&self) -> Projector {
        let fence = Fence::default();
        Projector::new(self.db.clone(), self.counters.clone(), self.clock.clone(), fence)
    }

    pub async fn waiting(&self) -> usize {
        changes(&self.db).await.expect("they are read").len()
    }

    pub async fn visits(&self, venue: VenueId) -> i64 {
        let found = self.counters.venue_days(&[venue], today()).await.expect("memory is there");
        found[0].as_ref().map_or(0, |fields| fields.get("visits"))
    }

    pub async fn inside(&self, venue: VenueId) -> i64 {
        self.counters.inside(&[venue], now()).await.expect("memory is there")[0]
    }

    pub async fn people(&self, division: &str) -> i64 {
        let division: DivisionCode = division.parse().expect("a code");
        self.counters.people(&[division], today()).await.expect("memory is there")[0]
    }

    pub async fn differences(&self) -> Vec<Difference> {
        self.verified().await.differences
    }

    pub async fn verified(&self) -> Verified {
        verify(&self.db, &self.counters, now()).await.expect("it can be verified")
    }
}
