//! One live entry decided without any I/O, for the budget of instructions: what a group rests on
//! is told instead of read, and what it writes goes nowhere. Everything between is the product's.

use std::{collections::HashMap, hint::black_box, slice, sync::Arc};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::FutureExt as _;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    prelude::async_trait::async_trait,
};

use super::{
    Answer, Directory, NewEntry, RecorderContext, Remembered, Rivals,
    directory::{AsOf, Crowd, Holding, Locked},
    footing::Footing,
    group,
    world::{World, Worlds},
};
use crate::{
    base::{
        clock::Clock,
        db::bulk,
        fence::Fence,
        ids::{MemberId, TerminalId, VenueId},
        keys::Keys,
        metrics::Metrics,
    },
    members::{ConsentRecord, Facts, Purpose, Status, Verification},
    minutes::posting::Stays,
    terminals::{Doorway, NATIVE, Place, Terminal},
    venues::{Pairing, Passback, Rules, Venue, VenueStatus, terms::Coordinates},
};

/// A venue with a capacity, a terminal at its door, and a member who comes and goes.
pub struct Still {
    context: RecorderContext,
    world: World,
    member: MemberId,
    venue: VenueId,
}

/// People inside, below the venue's capacity.
const INSIDE: i64 = 40;

impl Still {
    pub fn new(now: DateTime<Utc>, terminal: TerminalId, venue: VenueId, member: MemberId) -> Self {
        let directory = Directory::new();
        directory.remember(member, AsOf { version: 0, era: 0 }, facts(member, now));
        let context = RecorderContext {
            db: DatabaseConnection::default(),
            clock: Clock::fixed(now),
            keys: Arc::new(Keys::generate()),
            worlds: Worlds::default(),
            directory,
            committed: Arc::default(),
            rivals: Rivals::default(),
            remembered: Remembered::default(),
            group_events: Metrics::new().group_events,
            fence: Fence::default(),
        };
        let mut world = World::default();
        world.venues.insert(venue, Arc::new(place(venue)));
        world.terminals.insert(terminal, Arc::new(door(terminal, venue)));
        Self { context, world, member, venue }
    }

    /// Decides about one entry of the member, whose timeline is stored as `state`.
    ///
    /// # Panics
    /// If anything but the group's one write asks for a database.
    pub fn decide(&self, entry: NewEntry, state: &str) -> Answer {
        let footing = self.footing(&entry, state);
        let terminal = entry.terminal;
        let entries = [entry];
        let drafted =
            group::draft(&self.context, &Nowhere, &self.world, footing, &entries).now_or_never();
        let (done, writes) = drafted.expect("nothing waits").expect("nothing is read");
        let sent = bulk::write_all(&Nowhere, writes).now_or_never().expect("nothing waits");
        assert!(sent.is_err_and(|error| bulk::is_outrun(&error)), "one write is sent");
        let (ack_through, resend_from) = done.progress.get(&terminal).copied().unwrap_or_default();
        Answer { items: done.items, ack_through, resend_from }
    }

    fn footing(&self, entry: &NewEntry, state: &str) -> Footing {
        let timeline = serde_json::from_str(state).expect("a timeline");
        let locked = Locked { member: self.member, person_version: 0, version: 0, timeline };
        let holding =
            Holding { member: self.member, active: true, from: DateTime::UNIX_EPOCH, until: None };
        let crowd = Crowd {
            locked: HashMap::from([(self.member, locked)]),
            holdings: HashMap::from([(entry.handle(), holding)]),
        };
        let day = self.world.venues[&self.venue].business_day(entry.device_time);
        let stays = Stays::told(self.member, day, self.venue, 1);
        Footing::told(&self.world, slice::from_ref(entry), crowd, (self.venue, INSIDE), stays)
    }
}

fn facts(member: MemberId, now: DateTime<Utc>) -> Facts {
    let agreed = [Purpose::DoorFace, Purpose::MinutesStatistics];
    let at = now - TimeDelta::days(30);
    Facts {
        id: member,
        status: Status::Active,
        verification: Verification::Desk,
        home_community: "330499001001".parse().expect("twelve digits"),
        birth: NaiveDate::from_ymd_opt(1990, 1, 1),
        guardian: None,
        consents: agreed.map(|purpose| ConsentRecord { purpose, at, granted: true }).to_vec(),
        approvals: Vec::new(),
    }
}

fn place(id: VenueId) -> Venue {
    let rules = Rules {
        version: 1,
        valid_from: NaiveDate::from_ymd_opt(2020, 1, 1).unwrap_or_default(),
        pairing: Pairing::InAndOut,
        repeat_window_s: 60,
        usual_stay_min: 60,
        longest_stay_min: 240,
        passback: Passback::Allowed,
        guardian_under: Some(14),
        prerequisites: Vec::new(),
        ways_in: Vec::new(),
        capacity_soft: None,
        capacity: Some(1_000),
        time_zone: chrono_tz::Asia::Shanghai,
        day_starts_at: 240,
    };
    Venue {
        id,
        community: "330499001001".parse().expect("twelve digits"),
        name: String::new(),
        kind: "gym".to_owned(),
        status: VenueStatus::Open,
        area_m2: None,
        lat: None,
        lng: None,
        coordinates: Coordinates::Wgs84,
        rules: vec![rules],
        hours: Vec::new(),
        exceptions: Vec::new(),
        closures: Vec::new(),
    }
}

fn door(id: TerminalId, venue: VenueId) -> Terminal {
    let place =
        Place { valid_from: DateTime::UNIX_EPOCH, venue, zone: None, doorway: Doorway::Both };
    Terminal {
        id,
        serial: "STILL-0001".into(),
        family: NATIVE.into(),
        time_zone: chrono_tz::Asia::Shanghai,
        places: vec![place],
    }
}

/// A PostgreSQL that takes statements and does nothing with them.
struct Nowhere;

#[async_trait]
impl ConnectionTrait for Nowhere {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        black_box(statement);
        Err(DbErr::RecordNotUpdated)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        unreachable!("a decision has one write, and this is another: {sql}")
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        unreachable!("all is told, and this is read: {statement}")
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        unreachable!("all is told, and this is read: {statement}")
    }
}
