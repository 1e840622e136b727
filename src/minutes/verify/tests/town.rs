//! A small town that lives through a day of everything, written as the recorder writes.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, Statement, Value};
use uuid::Uuid;

use super::super::{Places, ledger, places};
use crate::{
    base::{
        db::{self, bulk},
        ids::{
            Direction::{self, In, Out},
            EventId, MemberId, VenueId,
        },
        keys::Keys,
    },
    minutes::{
        days,
        posting::Posting,
        standing::Standing,
        timeline::{Effect, Event, Provenance, Timeline, Venues as _},
    },
    venues::sample::{at, day},
};

/// A community with two venues and three people, on 2026-05-01.
pub struct Town {
    pub db: DatabaseConnection,
    keys: Keys,
    places: Places,
    clock: DateTime<Utc>,
    _folder: tempfile::TempDir,
}

const MORNING: &str = "2026-05-01T08:00:00+08:00";
const GYM: VenueId = VenueId(Uuid::from_u128(1));
const COURT: VenueId = VenueId(Uuid::from_u128(2));
const ANNA: MemberId = MemberId(Uuid::from_u128(11));
const BEN: MemberId = MemberId(Uuid::from_u128(12));
const CARL: MemberId = MemberId(Uuid::from_u128(13));

impl Town {
    async fn new() -> Self {
        let (folder, db) = db::fresh_for_tests().await;
        for (venue, name) in [(GYM, "百姓健身房"), (COURT, "球场")] {
            let values = [venue.0.into(), name.into(), at(MORNING).into()];
            sql(
                &db,
                "INSERT INTO venues (id, community, name, kind, coordinates, status, created_at) \
                 VALUES ($1, '330499001001', $2, 'gym', 'wgs84', 'open', $3)",
                values,
            )
            .await;
            let values = [venue.0.into(), day("2020-01-01").into(), at(MORNING).into()];
            sql(
                &db,
                "INSERT INTO venue_rules (venue_id, version, valid_from, pairing, repeat_window_s, \
                 usual_stay_min, longest_stay_min, passback, prerequisites, time_zone, \
                 day_starts_at, adopted_by, adopted_at) VALUES ($1, 1, $2, 'in_and_out', 60, 60, \
                 240, 'allowed', '[]', 'Asia/Shanghai', 240, 'test', $3)",
                values,
            )
            .await;
        }
        let tx = db::begin(&db).await.unwrap();
        let places = places(&tx).await.unwrap();
        tx.commit().await.unwrap();
        Self { db, keys: Keys::generate(), places, clock: at(MORNING), _folder: folder }
    }

    /// A day of everything: exits seen and forgotten, repeats, an orphan, an exit that came late,
    /// an entry that came so late that it takes another's place; minutes carried over, a day that
    /// is final and one that is not, and one who is still inside.
    pub async fn lived() -> Self {
        let mut town = Self::new().await;
        town.swipe(&[(ANNA, GYM, In, 0), (BEN, GYM, In, 1), (ANNA, GYM, Out, 65)]).await;
        town.swipe(&[(CARL, COURT, Out, 70), (ANNA, COURT, In, 80), (BEN, COURT, In, 30)]).await;
        town.swipe(&[(CARL, GYM, In, 100), (CARL, GYM, Out, 131)]).await;
        // Within a minute of this one, the later entry is a repeat; its session becomes void.
        town.swipe(&[(CARL, GYM, In, 99)]).await;
        town.swipe(&[(ANNA, COURT, Out, 100), (BEN, GYM, Out, 20)]).await;
        town.carry_over().await;
        town.clock = at("2026-05-02T20:00:00+08:00");
        days::settle(&town.db, &town.places.0, town.clock).await.unwrap();
        days::anchor(&town.db, town.clock).await.unwrap();
        town.swipe(&[(ANNA, GYM, In, 36 * 60), (BEN, GYM, In, 0)]).await;
        days::settle(&town.db, &town.places.0, town.clock).await.unwrap();
        town
    }

    /// Records events at so many minutes after the first morning, as one group.
    async fn swipe(&mut self, swipes: &[(MemberId, VenueId, Direction, i64)]) {
        let tx = db::begin(&self.db).await.unwrap();
        let newest = swipes.iter().map(|swipe| at(MORNING) + TimeDelta::minutes(swipe.3)).max();
        self.clock = self.clock.max(newest.unwrap());
        let mut posting = Posting::new(&self.keys, &self.places, self.clock, "fold");
        let mut standings = BTreeMap::new();
        let (mut events, mut effects) = (Vec::new(), BTreeMap::new());
        for (n, (member, venue, direction, minute)) in swipes.iter().enumerate() {
            if !standings.contains_key(member) {
                standings.insert(*member, standing(&tx, *member).await);
            }
            let event = Event {
                id: EventId::new(),
                occurred_at: at(MORNING) + TimeDelta::minutes(*minute),
                direction: *direction,
                venue: *venue,
                serial: "T1".into(),
                epoch: self.clock.timestamp_millis(),
                seq: i64::try_from(n).unwrap(),
                credited: true,
            };
            let standing = standings.get_mut(member).unwrap();
            effects.extend(
                standing.take(&self.places, event.clone(), &mut posting).map(|e| (event.id, e)),
            );
            events.push((*member, event));
        }
        for (_, mut standing) in standings {
            if standing.is_late() {
                let caught_up =
                    standing.catch_up(&tx, &self.places, self.clock, &mut posting).await;
                effects.extend(caught_up.unwrap().effects);
            }
            standing.finish(&self.places, self.clock, &mut posting);
        }
        for (member, event) in events {
            store(&tx, member, &event, effects[&event.id], self.clock).await;
        }
        let writes = posting.finish(&tx).await.unwrap();
        bulk::write_all(&tx, writes).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn carry_over(&self) {
        let tx = db::begin(&self.db).await.unwrap();
        let mut posting = Posting::new(&self.keys, &self.places, self.clock, "carried_over");
        let venue = self.places.venue(GYM).unwrap();
        posting.carry_over(ANNA, venue, day("2026-04-01"), 500, Provenance::Estimated);
        let writes = posting.finish(&tx).await.unwrap();
        bulk::write_all(&tx, writes).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn breaches(&self) -> Vec<String> {
        ledger(&self.db, &self.keys).await.unwrap()
    }

    /// The `id` of the first row that a query finds.
    pub async fn only(&self, query: &str) -> Uuid {
        let statement = Statement::from_string(self.db.get_database_backend(), query);
        self.db.query_one_raw(statement).await.unwrap().unwrap().try_get("", "id").unwrap()
    }
}

pub async fn sql<C: ConnectionTrait, const N: usize>(db: &C, sql: &str, values: [Value; N]) {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.execute_raw(statement).await.unwrap();
}

pub async fn standing(tx: &DatabaseTransaction, member: MemberId) -> Standing {
    let query = "SELECT version, state FROM timelines WHERE member_id = $1";
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), query, [member.0.into()]);
    let Some(row) = tx.query_one_raw(statement).await.unwrap() else {
        return Standing::new(member, 0, Timeline::default());
    };
    let state: String = row.try_get("", "state").unwrap();
    let version = row.try_get("", "version").unwrap();
    Standing::new(member, version, serde_json::from_str(&state).unwrap())
}

pub async fn store(
    tx: &DatabaseTransaction,
    member: MemberId,
    event: &Event,
    effect: Effect,
    now: DateTime<Utc>,
) {
    let terminal = Uuid::from_u128(21);
    let direction = if event.direction == Out { "out" } else { "in" };
    let values = [
        event.id.0.into(),
        event.occurred_at.into(),
        event.venue.0.into(),
        terminal.into(),
        member.0.into(),
        event.epoch.into(),
        event.seq.into(),
        direction.into(),
        now.into(),
        effect.as_str().into(),
    ];
    sql(
        tx,
        "INSERT INTO entry_events (id, occurred_at, venue_id, terminal_id, member_id, serial, \
         epoch, seq, direction, method, device_time, received_at, offset_s, mode, decision, \
         effect, credited) VALUES ($1, $2, $3, $4, $5, 'T1', $6, $7, $8, 'face', $2, $9, 0, \
         'live', 'granted', $10, TRUE)",
        values,
    )
    .await;
    let values = [
        terminal.into(),
        format!("{}:{}", event.id, event.seq).into(),
        event.id.0.into(),
        event.occurred_at.into(),
        now.into(),
    ];
    sql(
        tx,
        "INSERT INTO event_keys (terminal_id, record_id, event_id, occurred_at, body_hash, \
         decision, received_at) VALUES ($1, $2, $3, $4, '', '{}', $5)",
        values,
    )
    .await;
}
