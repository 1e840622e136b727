//! Events and statements on a real database, in any order of arrival: what is on record is what
//! folding everything from the beginning gives.

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use uuid::Uuid;

use super::{NewFact, state_fact};
use crate::{
    base::{
        db::{self, bulk, fresh},
        error::{Code, Error},
        ids::{
            Direction::{self, In, Out},
            EventId, MemberId, SessionId, VenueId,
        },
        keys::Keys,
    },
    minutes::{
        close_due,
        posting::Posting,
        timeline::{Event, FactKind, Venues},
        verify::{
            ledger,
            tests::town::{sql, standing, store},
        },
    },
    venues::{
        Pairing, Rules, Venue,
        sample::{at, day, every_day, rules, venue},
    },
};

const START: &str = "2026-05-01T08:00:00+08:00";
const ANNA: MemberId = MemberId(Uuid::from_u128(11));

/// Venues of every pairing; the second closes at night.
struct Places(Vec<Venue>);

impl Venues for Places {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.iter().find(|venue| venue.id == id)
    }

    /// As short as these venues allow, so that runs are short and corrections reach beyond them.
    fn longest_stay(&self) -> TimeDelta {
        let rules = self.0.iter().flat_map(|venue| &venue.rules);
        rules.map(Rules::reach).max().unwrap_or_default()
    }
}

fn places() -> Places {
    let gym = venue(1);
    let mut court = Venue { hours: every_day(360, 1350), ..venue(2) };
    court.rules[0].pairing = Pairing::Toggle;
    let mut school = venue(3);
    school.rules[0].pairing = Pairing::EntryOnly;
    school.rules[0].longest_stay_min = 120;
    Places(vec![gym, court, school])
}

fn gym() -> VenueId {
    venue(1).id
}

/// One member's life on a real database.
struct Stage {
    db: DatabaseConnection,
    keys: Keys,
    places: Places,
    now: DateTime<Utc>,
    seq: i64,
    kept: fresh::Kept,
}

impl Stage {
    async fn new() -> Self {
        let (kept, db) = fresh::on_either(day("2026-05-01")).await;
        Self::on(kept, db).await
    }

    /// Another life: on PostgreSQL in the same database, which is quicker emptied than made.
    async fn anew(self) -> Self {
        if !db::is_postgres(&self.db) {
            return Self::new().await;
        }
        let empty = "DO $$ BEGIN EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(relname), ', ') \
                     FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \
                     AND NOT relispartition AND relname NOT IN ('seaql_migrations', 'revisions')); END $$";
        self.db.execute_unprepared(empty).await.unwrap();
        Self::on(self.kept, self.db).await
    }

    async fn on(kept: fresh::Kept, db: DatabaseConnection) -> Self {
        let places = places();
        for place in &places.0 {
            write_venue(&db, place).await;
        }
        let values = [ANNA.0.into()];
        let timeline = "INSERT INTO timelines (member_id, version, state) VALUES ($1, 0, '{}')";
        sql(&db, timeline, values).await;
        Self { db, keys: Keys::generate(), places, now: at(START), seq: 0, kept }
    }

    /// Records an event, as the recorder does.
    async fn scans(&mut self, venue: VenueId, direction: Direction, at: DateTime<Utc>) -> EventId {
        self.now = self.now.max(at);
        self.seq += 1;
        let id = EventId::new();
        let event = Event {
            id,
            occurred_at: at,
            direction,
            venue,
            serial: "T1".into(),
            epoch: 1,
            seq: self.seq,
            credited: true,
        };
        let tx = db::begin(&self.db).await.unwrap();
        let mut posting = Posting::new(&self.keys, &self.places, self.now, "fold");
        let mut anna = standing(&tx, ANNA).await;
        let taken = anna.take(&self.places, event.clone(), &mut posting);
        let effect = if let Some(effect) = taken {
            effect
        } else {
            let caught_up = anna.catch_up(&tx, &self.places, self.now, &mut posting).await;
            let effects = caught_up.unwrap().effects;
            effects.iter().find(|(of, _)| *of == id).unwrap().1
        };
        anna.finish(&self.places, self.now, &mut posting);
        store(&tx, ANNA, &event, effect, self.now).await;
        let writes = posting.finish(&tx).await.unwrap();
        bulk::write_all(&tx, writes).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn states(
        &self,
        session: Uuid,
        kind: FactKind,
        entered_at: Option<DateTime<Utc>>,
        left_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let fact = NewFact {
            member: ANNA,
            session: SessionId(session),
            kind,
            entered_at,
            left_at,
            reason: "忘记刷脸".to_owned(),
            by_actor: "staff:1".to_owned(),
            approved_by: None,
        };
        let tx = db::begin(&self.db).await.unwrap();
        let stated = state_fact(&tx, &self.keys, &self.places, &fact, self.now).await;
        match &stated {
            Ok(()) => tx.commit().await.unwrap(),
            Err(_) => tx.rollback().await.unwrap(),
        }
        stated
    }

    async fn corrects(&self, session: EventId, entered: DateTime<Utc>, left: DateTime<Utc>) {
        let stated = self.states(session.0, FactKind::Corrected, Some(entered), left).await;
        stated.unwrap();
    }

    async fn sessions(&self) -> Vec<(Uuid, DateTime<Utc>, bool)> {
        let query = "SELECT id, entered_at, left_at FROM sessions ORDER BY entered_at, id";
        let statement = Statement::from_string(self.db.get_database_backend(), query);
        let rows = self.db.query_all_raw(statement).await.unwrap();
        let session = |row: &sea_orm::QueryResult| {
            let left_at: Option<DateTime<Utc>> = row.try_get("", "left_at").unwrap();
            (
                row.try_get("", "id").unwrap(),
                row.try_get("", "entered_at").unwrap(),
                left_at.is_none(),
            )
        };
        rows.iter().map(session).collect()
    }

    async fn is_sound(&self) {
        assert_eq!(ledger(&self.db, &self.keys).await.unwrap(), Vec::<String>::new());
    }
}

async fn write_venue(db: &DatabaseConnection, venue: &Venue) {
    let rules = rules();
    let pairing = match venue.rules[0].pairing {
        Pairing::InAndOut => "in_and_out",
        Pairing::Toggle => "toggle",
        Pairing::EntryOnly => "entry_only",
    };
    let values = [venue.id.0.into(), at(START).into()];
    sql(
        db,
        "INSERT INTO venues (id, community, name, kind, area_m2, coordinates, status, created_at) \
         VALUES ($1, '330499001001', '场馆', 'gym', 300, 'wgs84', 'open', $2)",
        values,
    )
    .await;
    let values = [
        venue.id.0.into(),
        rules.valid_from.into(),
        pairing.into(),
        venue.rules[0].longest_stay_min.into(),
        at(START).into(),
    ];
    sql(
        db,
        "INSERT INTO venue_rules (venue_id, version, valid_from, pairing, repeat_window_s, \
         usual_stay_min, longest_stay_min, passback, prerequisites, time_zone, day_starts_at, \
         adopted_by, adopted_at) VALUES ($1, 1, $2, $3, 60, 60, $4, 'allowed', '[]', \
         'Asia/Shanghai', 240, 'test', $5)",
        values,
    )
    .await;
    for hours in &venue.hours {
        let values = [
            venue.id.0.into(),
            i16::from(hours.weekday).into(),
            day("2020-01-01").into(),
            hours.opens.into(),
            hours.closes.into(),
        ];
        sql(
            db,
            "INSERT INTO venue_hours (venue_id, weekday, version, valid_from, opens, closes) \
             VALUES ($1, $2, 1, $3, $4, $5)",
            values,
        )
        .await;
    }
}

fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}

#[tokio::test]
async fn a_correction_far_from_its_opener_holds_whatever_comes_late() {
    let mut stage = Stage::new().await;
    let start = at(START);
    let opener = stage.scans(gym(), In, start).await;
    stage.scans(gym(), Out, start + hours(1)).await;
    stage.now = start + hours(96);
    // They had come two days later than the terminal said.
    stage.corrects(opener, start + hours(48), start + hours(51)).await;
    stage.is_sound().await;
    // Late, and inside the corrected stay: it becomes a stay that is cut away.
    stage.scans(gym(), In, start + hours(49)).await;
    stage.scans(gym(), Out, start + hours(50)).await;
    stage.is_sound().await;
    // Corrected once more: what was cut is whole again.
    stage.corrects(opener, start, start + hours(2)).await;
    stage.is_sound().await;
    let cut: Vec<DateTime<Utc>> = stage.sessions().await.iter().map(|session| session.1).collect();
    assert_eq!(cut, [start, start + hours(49)]);
}

#[tokio::test]
async fn a_stay_that_begins_inside_a_corrected_one_is_counted_on_the_day_it_is_cut_to() {
    let mut stage = Stage::new().await;
    // Three in the morning belongs to the day before.
    let night = at("2026-05-02T02:00:00+08:00");
    let opener = stage.scans(gym(), In, night).await;
    stage.now = night + hours(12);
    stage.corrects(opener, night, night + hours(9)).await;
    stage.scans(gym(), In, night + hours(5)).await;
    stage.is_sound().await;
    stage.scans(gym(), Out, night + hours(6)).await;
    stage.is_sound().await;
    let late = night + hours(8);
    stage.scans(gym(), In, late).await;
    stage.scans(gym(), Out, late + hours(3)).await;
    stage.is_sound().await;
}

#[tokio::test]
async fn a_statement_ends_the_stay_that_is_open() {
    let mut stage = Stage::new().await;
    let start = at(START);
    let opener = stage.scans(gym(), In, start).await;
    stage.now = start + hours(2);
    stage.states(opener.0, FactKind::Declared, None, start + hours(1)).await.unwrap();
    stage.is_sound().await;
    assert!(stage.sessions().await.iter().all(|(_, _, open)| !open));
    // The exit was seen after all, and measures.
    stage.scans(gym(), Out, start + hours(3)).await;
    stage.is_sound().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut stage = Stage::new().await;
    let start = at(START);
    let one = stage.scans(gym(), In, start).await;
    stage.scans(gym(), Out, start + hours(1)).await;
    let other = stage.scans(gym(), In, start + hours(10)).await;
    stage.now = start + hours(20);
    stage.corrects(one, start, start + hours(2)).await;
    let times = |from: i64, to: i64| (Some(start + hours(from)), start + hours(to));
    for (session, kind, (entered, left), code) in [
        (other.0, FactKind::Corrected, times(1, 3), Code::CorrectionOverlaps),
        (other.0, FactKind::Corrected, times(4, 3), Code::BadTime),
        (other.0, FactKind::Corrected, times(4, 21), Code::BadTime),
        (other.0, FactKind::Corrected, (None, start + hours(3)), Code::Required),
        (other.0, FactKind::Declared, times(0, 9), Code::BadTime),
        (other.0, FactKind::Declared, times(0, 15), Code::BadTime),
        (Uuid::nil(), FactKind::Corrected, times(4, 5), Code::NotFound),
    ] {
        let refused = stage.states(session, kind, entered, left).await.unwrap_err();
        let said = match refused {
            Error::Invalid(faults) => faults[0].code,
            Error::Conflict(code) | Error::NotFound(code) => code,
            unlike => panic!("{unlike:?}"),
        };
        assert_eq!(said, code, "{entered:?} {left}");
    }
    stage.now = start + hours(60);
    let old = stage.states(other.0, FactKind::Declared, None, start + hours(11)).await;
    assert!(matches!(old, Err(Error::Invalid(_))), "{old:?}");
    stage.is_sound().await;
}

/// Lives of one member, and what happens in each.
const LIVES: u64 = 24;
const HAPPENINGS: usize = 40;

/// One thing that happens: somebody scans, now or a while ago, or states something, or time passes.
async fn happens(stage: &mut Stage, rng: &mut ChaCha8Rng) {
    stage.now += TimeDelta::minutes(rng.random_range(0..240));
    // Whole minutes meet the edges of windows and limits more often than chance would.
    let ago = TimeDelta::minutes(match rng.random_range(0..10) {
        0..=3 => 0,
        4..=6 => rng.random_range(0..300),
        _ => rng.random_range(0..3 * 24 * 60),
    });
    let sessions = stage.sessions().await;
    match rng.random_range(0..10) {
        0..=6 => {
            let venue = VenueId(Uuid::from_u128(rng.random_range(1..=3)));
            let direction = if rng.random_bool(0.4) { Out } else { In };
            let at = stage.now - ago;
            stage.scans(venue, direction, at).await;
        }
        7 | 8 if !sessions.is_empty() => {
            let (session, entered, _) = sessions[rng.random_range(0..sessions.len())];
            let (kind, from, left) = if rng.random_bool(0.3) {
                (
                    FactKind::Declared,
                    entered,
                    entered + TimeDelta::minutes(rng.random_range(0..240)),
                )
            } else {
                let from = entered + TimeDelta::minutes(rng.random_range(-3_000..3_000));
                (FactKind::Corrected, from, from + TimeDelta::minutes(rng.random_range(0..400)))
            };
            // Some cannot be and are refused.
            let _ = stage.states(session, kind, Some(from), left).await;
        }
        _ => {
            close_due(&stage.db, &stage.keys, &stage.places, stage.now).await.unwrap();
        }
    }
}

#[tokio::test]
async fn whatever_arrives_in_whatever_order_is_what_folding_from_the_beginning_gives() {
    let mut stage = Stage::new().await;
    for seed in 0..LIVES {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        stage = stage.anew().await;
        for n in 0..HAPPENINGS {
            happens(&mut stage, &mut rng).await;
            let breaches = ledger(&stage.db, &stage.keys).await.unwrap();
            assert_eq!(breaches, Vec::<String>::new(), "life {seed}, after happening {n}");
        }
        stage.now += hours(48);
        close_due(&stage.db, &stage.keys, &stage.places, stage.now).await.unwrap();
        stage.is_sound().await;
    }
}
