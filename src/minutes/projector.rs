//! Carries what changed in SQL over to the counters, and notices when they lost something.
//!
//! Each posting leaves in `counter_changes` whose days at which venues it touched: rows that are
//! only ever added, so that no writer waits for a projector. A projector reads the current rows of
//! those, writes absolute values, adds up the months that they lie in, and deletes what it read. Any number of replicas may do so at
//! once. A store whose marker is not SQL's generation is written anew; while it is lost, the
//! changes wait.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{Days, NaiveDate};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{months, posting::Touched};
use crate::base::{
    clock::Clock,
    counters::{Counters, CountersLost},
    db::{
        self,
        bulk::{self, Kind, Matched, column},
    },
    fence::Fence,
    ids::{MemberId, VenueId},
};

mod current;
mod rebuild;
#[cfg(test)]
mod tests;
mod timeline;
mod verify;

use current::Subject;
use rebuild::Current;
pub use rebuild::rebuild;
#[cfg(test)]
pub use verify::Difference;
pub use verify::{Verified, in_sql, verify};

/// Changes carried over at once.
const BATCH: usize = 256;
/// Batches of one round. While changes flood in, as when a history is loaded, a round must end:
/// the store is only a moment behind, and is trusted and looked after between rounds.
const BATCHES_MAX: usize = 64;
/// Older days are not carried over: nobody reads them from the counters, the store in the process
/// forgets them, and a history that is loaded consists of them.
const CARRIED_FOR: Days = Days::new(8);
/// How long the counters are trusted while SQL cannot be read: it is busy for moments, and whoever
/// stops trusting the counters asks SQL instead.
const STALE_MAX: Duration = Duration::from_secs(15);
/// How long to wait where nobody says that something was committed, as another replica cannot.
const PAUSE: Duration = Duration::from_secs(1);
/// Rounds begin at least so far apart: what is committed meanwhile goes over together, and a busy
/// recorder keeps the machine to itself. Screens show a document for a second.
const APART: Duration = Duration::from_millis(100);
/// What replicas take turns at, so that each change is carried over by one of them.
const TURN: &str = "projector";
/// After so long the others no longer wait for whoever has its turn: it may be gone.
const TURN_MAX: Duration = Duration::from_secs(1);
/// Between batches of a round: who waits for SQLite's one writer gets a turn, too.
const BREATH: Duration = Duration::from_millis(5);
/// How often what changed lately is written again, in case a shard lost its last seconds.
const HEALING_EVERY: Duration = Duration::from_secs(30);
/// Between two pieces of healing: what changes goes over in between, and the recorder comes first.
const HEALING_BREATH: Duration = Duration::from_millis(20);
/// How long a change counts as late enough to be healed.
const HEALED_FOR: Duration = Duration::from_mins(15);
/// Changes remembered for healing; beyond it the rest is left to the next rebuild.
const REMEMBERED_MAX: usize = 50_000;

/// Why nothing could be carried over. The next round tries again.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error(transparent)]
    Sql(#[from] DbErr),
    #[error(transparent)]
    Counters(#[from] CountersLost),
}

/// Carries changes over until `stop`: at once after each `committed`, else every second.
pub async fn run(mut projector: Projector, committed: Arc<Notify>, stop: CancellationToken) {
    loop {
        let next = Instant::now() + APART;
        projector.round_or_log().await;
        if projector.is_behind && !stop.is_cancelled() {
            continue;
        }
        let (pause, next) = if projector.healing.is_some() {
            (HEALING_BREATH, Instant::now() + HEALING_BREATH)
        } else if projector.is_waiting {
            (APART, next)
        } else {
            (PAUSE, next)
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = committed.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        tokio::time::sleep_until(next).await;
    }
}

/// One replica's projector, and what it remembers between rounds.
pub struct Projector {
    db: DatabaseConnection,
    counters: Counters,
    clock: Clock,
    fence: Fence,
    /// What was carried over lately, and when.
    recent: HashMap<Subject, Instant>,
    healed_at: Option<Instant>,
    /// What is being written once more, a piece a round.
    healing: Option<Healing>,
    /// Since when rounds have met the trouble that the log already tells of.
    in_trouble: Option<Instant>,
    /// Whether the last round ended with more to carry over.
    is_behind: bool,
    /// Whether another replica had its turn at what changed.
    is_waiting: bool,
}

enum Healing {
    Recent(Vec<Subject>),
    Current(Current),
}

impl Healing {
    async fn next(&mut self, db: &DatabaseConnection) -> Result<Option<BTreeSet<Subject>>, DbErr> {
        match self {
            Self::Recent(subjects) => {
                let rest = subjects.len().saturating_sub(BATCH);
                let piece: BTreeSet<Subject> = subjects.split_off(rest).into_iter().collect();
                Ok((!piece.is_empty()).then_some(piece))
            }
            Self::Current(current) => current.next(db).await,
        }
    }
}

/// A row of `counter_changes`.
struct Change {
    /// The posting's number, and the row's within it.
    key: (i64, i32),
    member: MemberId,
    venue: VenueId,
    day: NaiveDate,
    touched: Touched,
}

impl Projector {
    pub fn new(db: DatabaseConnection, counters: Counters, clock: Clock, fence: Fence) -> Self {
        Self {
            db,
            counters,
            clock,
            fence,
            recent: HashMap::new(),
            healed_at: None,
            healing: None,
            in_trouble: None,
            is_behind: false,
            is_waiting: false,
        }
    }

    async fn round_or_log(&mut self) {
        let was_in_trouble = self.in_trouble.is_some();
        match self.round().await {
            // The counters tell of their own outages.
            Err(Trouble::Sql(error)) if !was_in_trouble => {
                tracing::warn!(%error, "changes are not carried over to the counters");
            }
            Ok(()) | Err(Trouble::Sql(_) | Trouble::Counters(_)) => {}
        }
    }

    /// Sees whether the store is whole and rebuilds it if not, carries over all that changed, and
    /// heals when that is due.
    pub async fn round(&mut self) -> Result<(), Trouble> {
        let outcome = self.look_after().await;
        match &outcome {
            Ok(()) => self.in_trouble = None,
            Err(trouble) => {
                self.is_behind = false;
                let since = *self.in_trouble.get_or_insert_with(Instant::now);
                let is_passing = matches!(trouble, Trouble::Sql(_)) && since.elapsed() < STALE_MAX;
                if !is_passing {
                    self.counters.trust(None);
                }
            }
        }
        outcome
    }

    async fn look_after(&mut self) -> Result<(), Trouble> {
        timeline::follow(&self.db, &self.counters, &self.fence).await?;
        if self.fence.is_behind() {
            self.leave_alone();
            return Ok(());
        }
        let mut generation = generation(&self.db).await?;
        if self.counters.generation().await? != Some(generation) {
            self.counters.trust(None);
            // Another database may have taken over since it was looked at.
            if self.fence.look(&self.db, &self.counters).await? {
                self.leave_alone();
                return Ok(());
            }
            let rebuilt = rebuild(&self.db, &self.counters, &self.clock).await?;
            generation = match rebuilt {
                Some(rebuilt) => rebuilt,
                // Another replica is at it. What changes meanwhile is carried over all the same.
                None => return self.drain(generation).await,
            };
            (self.healed_at, self.healing) = (Some(Instant::now()), None);
            // Whatever changed meanwhile follows, as it does at any time.
            self.counters.trust(Some(generation));
        }
        self.drain(generation).await?;
        self.counters.trust(Some(generation));
        self.heal(generation).await
    }

    /// The counters are those of a newer database: what changes in ours is carried nowhere.
    fn leave_alone(&mut self) {
        self.counters.trust(None);
        self.is_behind = false;
    }

    /// Carries over what changed, if it is this replica's turn: otherwise another one does, and what
    /// was written since it looked is asked for once more.
    async fn drain(&mut self, generation: i64) -> Result<(), Trouble> {
        let began = Instant::now();
        self.is_waiting = !self.counters.take_turn(TURN, TURN_MAX).await?;
        if self.is_waiting {
            self.is_behind = false;
            return Ok(());
        }
        self.carry_over(generation).await?;
        self.counters.end_turn(TURN, APART.saturating_sub(began.elapsed())).await?;
        Ok(())
    }

    async fn carry_over(&mut self, generation: i64) -> Result<(), Trouble> {
        for _ in 0..BATCHES_MAX {
            let changes = changes(&self.db).await?;
            let now = self.clock.now();
            let oldest = now.date_naive() - CARRIED_FOR;
            let carried = changes.iter().filter(|change| change.day >= oldest);
            let subjects: BTreeSet<Subject> = carried.flat_map(Change::subjects).collect();
            current::project(&self.db, &self.counters, generation, &subjects, now).await?;
            months::carry(&self.db, &changes.iter().filter_map(Change::month).collect()).await?;
            let deleted = delete(&self.db, &changes, generation).await?;
            self.remember(subjects);
            // None deleted: another replica did, or a new generation began. Both can wait a round.
            if changes.len() < BATCH || deleted == 0 {
                self.is_behind = false;
                return Ok(());
            }
            tokio::time::sleep(BREATH).await;
        }
        self.is_behind = true;
        Ok(())
    }

    fn remember(&mut self, subjects: BTreeSet<Subject>) {
        let now = Instant::now();
        for subject in subjects {
            if self.recent.len() < REMEMBERED_MAX || self.recent.contains_key(&subject) {
                self.recent.insert(subject, now);
            }
        }
    }

    /// Writes a piece of what changed lately once more, when that is due; at first of everything
    /// current, since whoever ran here before may have died together with a shard. The store
    /// refuses what it has newer.
    async fn heal(&mut self, generation: i64) -> Result<(), Trouble> {
        let now = Instant::now();
        let mut healing = match (self.healing.take(), self.healed_at) {
            (Some(begun), _) => begun,
            (None, Some(at)) if now - at < HEALING_EVERY => return Ok(()),
            (None, Some(_)) => {
                self.recent.retain(|_, changed_at| now - *changed_at < HEALED_FOR);
                Healing::Recent(self.recent.keys().copied().collect())
            }
            (None, None) => Healing::Current(Current::at(&self.db, self.clock.now()).await?),
        };
        let Some(piece) = healing.next(&self.db).await? else {
            self.healed_at = Some(now);
            return Ok(());
        };
        let at = self.clock.now();
        current::project(&self.db, &self.counters, generation, &piece, at).await?;
        self.healing = Some(healing);
        Ok(())
    }
}

/// The generation under which counters are written now.
async fn generation(db: &DatabaseConnection) -> Result<i64, DbErr> {
    let sql = "SELECT n FROM revisions WHERE name = 'counter_generation'";
    let found = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = found.ok_or_else(|| DbErr::RecordNotFound("counter_generation".to_owned()))?;
    row.try_get("", "n")
}

/// The oldest changes that nobody has carried over yet.
async fn changes(db: &DatabaseConnection) -> Result<Vec<Change>, DbErr> {
    let sql = format!(
        "SELECT stamp, n, member_id, venue_id, business_day, stays, minutes FROM counter_changes \
         ORDER BY stamp, n LIMIT {BATCH}"
    );
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let change = |row: sea_orm::QueryResult| {
        Ok(Change {
            key: (row.try_get("", "stamp")?, row.try_get("", "n")?),
            member: MemberId(row.try_get("", "member_id")?),
            venue: VenueId(row.try_get("", "venue_id")?),
            day: row.try_get("", "business_day")?,
            touched: Touched {
                stays: row.try_get("", "stays")?,
                minutes: row.try_get("", "minutes")?,
            },
        })
    };
    rows.into_iter().map(change).collect()
}

/// Deletes changes that were carried over, unless a new generation has begun since: its rebuild
/// may have read a row before the change that was written under the old one.
async fn delete(
    db: &DatabaseConnection,
    changes: &[Change],
    generation: i64,
) -> Result<u64, DbErr> {
    if changes.is_empty() {
        return Ok(0);
    }
    let keys = changes.iter().map(|change| vec![change.key.0.into(), change.key.1.into()]);
    let guard = "(SELECT n FROM revisions WHERE name = 'counter_generation') =";
    let _turn = db::turn(db).await;
    bulk::delete(db, &CHANGES, keys.collect(), (guard, generation.into())).await
}

const CHANGES: Matched = Matched {
    table: "counter_changes",
    columns: &[column("stamp", Kind::Big), column("n", Kind::Int)],
};

impl Change {
    /// The member's month, if it has other minutes now.
    fn month(&self) -> Option<(MemberId, NaiveDate)> {
        self.touched.minutes.then(|| (self.member, months::month_of(self.day)))
    }

    /// What may follow otherwise from a member's day at a venue now. Who the people of a day are does
    /// not change when they leave, and is the dearest to ask.
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        let people = self.touched.stays.then_some(Subject::People(self.member, self.day));
        let always = [
            Subject::VenueDay(self.venue, self.day),
            Subject::MemberDay(self.member, self.day),
            Subject::Presence(self.member, self.venue),
        ];
        always.into_iter().chain(people)
    }
}
