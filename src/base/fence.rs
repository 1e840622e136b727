//! Two primaries: a standby was promoted, and the old primary can still be written to. PostgreSQL
//! counts promotions (its timeline), and all servers of a town share a Redis, where each tells the
//! timeline of its database about once a second. Whose is lower than the highest that was told is
//! behind, and acknowledges nothing until its database is the newest again.
//!
//! It is a fence with a gate: what was acknowledged before it was noticed is asked for again by the
//! numbers of the records, and whoever is cut off from Redis knows nothing of the other side. Only
//! databases of one origin are compared, so that one made anew, which counts from the beginning, is
//! not behind. SQLite has no standbys.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, Statement};
use tokio_util::sync::CancellationToken;

use super::{
    counters::Counters,
    db,
    error::{Code, Error},
};

/// How often it is looked at.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// Seconds after which a caller should come back; by then a proxy has found another server.
pub const RETRY_AFTER_S: u32 = 2;

/// PostgreSQL's timeline: eight hexadecimal digits, with which the names of its log's files begin.
pub const TIMELINE: &str =
    "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint";

/// More numbers than a database ever gives out and then loses to a promotion. Those of the new timeline
/// begin so much higher, so that nobody takes a lost one for one of theirs.
pub const LOST_MAX: i64 = 1_000_000;

/// Whether this server's database was left behind. Cheap to clone; clones share what is known.
#[derive(Clone, Debug, Default)]
pub struct Fence(Arc<Known>);

#[derive(Debug, Default)]
struct Known {
    is_behind: AtomicBool,
    newest: Mutex<Option<Position>>,
}

/// How often the databases of one origin were promoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    /// Common to a primary and all copies of its files, and to nobody else.
    origin: i64,
    timeline: i64,
}

impl Fence {
    pub fn is_behind(&self) -> bool {
        self.0.is_behind.load(Ordering::SeqCst)
    }

    /// # Errors
    /// `Unavailable` while the database is behind: another server has to be asked.
    pub fn pass(&self) -> Result<(), Error> {
        if self.is_behind() {
            return Err(Error::Unavailable(Code::DatabaseBehind, RETRY_AFTER_S));
        }
        Ok(())
    }

    /// Looks about once a second, until `stop`.
    pub async fn keep(self, db: DatabaseConnection, counters: Counters, stop: CancellationToken) {
        if is_alone(&db, &counters) {
            return;
        }
        let mut is_blind = false;
        loop {
            match self.look(&db, &counters).await {
                Ok(_) => is_blind = false,
                Err(error) if !is_blind => {
                    tracing::warn!(%error, "nobody knows whether the database was left behind");
                    is_blind = true;
                }
                Err(_) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOKS_EVERY) => {}
            }
        }
    }

    /// Tells the others of this database, and gives whether it is behind theirs. While Redis is
    /// away, by what was heard before; while the database is, nothing changes.
    pub async fn look(&self, db: &DatabaseConnection, counters: &Counters) -> Result<bool, DbErr> {
        if is_alone(db, counters) {
            return Ok(false);
        }
        let own = position(db).await?;
        let told = counters.raised(&format!("timeline:{}", own.origin), own.timeline).await;
        let newest = self.learn(own, told.ok());
        let is_behind = own.timeline < newest.timeline;
        if self.0.is_behind.swap(is_behind, Ordering::SeqCst) != is_behind {
            let (timeline, newest) = (own.timeline, newest.timeline);
            if is_behind {
                tracing::error!(
                    timeline,
                    newest,
                    "another database was promoted over this one: nothing is acknowledged here \
                     until it is the newest again"
                );
            } else {
                tracing::warn!(timeline, "the database is the newest again");
            }
        }
        Ok(is_behind)
    }

    fn learn(&self, own: Position, told: Option<i64>) -> Position {
        let mut known = self.0.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let learnt = newest(own, told, *known);
        *known = Some(learnt);
        learnt
    }
}

/// Whether there is nobody to compare with.
fn is_alone(db: &DatabaseConnection, counters: &Counters) -> bool {
    !db::is_postgres(db) || counters.is_in_process()
}

async fn position(db: &DatabaseConnection) -> Result<Position, DbErr> {
    let sql = format!(
        "SELECT system_identifier AS origin, {TIMELINE} AS timeline FROM pg_control_system()"
    );
    let asked = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(asked).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("pg_control_system".to_owned()))?;
    Ok(Position { origin: row.try_get("", "origin")?, timeline: row.try_get("", "timeline")? })
}

/// The newest known database of `own`'s origin: by itself, by what the others `told` just now, and
/// by what was known `before`. The latter stays, since an emptied Redis has forgotten.
fn newest(own: Position, told: Option<i64>, before: Option<Position>) -> Position {
    let before = before.filter(|before| before.origin == own.origin);
    let known = told.into_iter().chain(before.map(|before| before.timeline));
    Position { timeline: known.fold(own.timeline, i64::max), ..own }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(origin: i64, timeline: i64) -> Position {
        Position { origin, timeline }
    }

    fn is_behind(own: Position, told: Option<i64>, before: Option<Position>) -> bool {
        own.timeline < newest(own, told, before).timeline
    }

    #[test]
    fn whose_timeline_is_lower_than_what_was_told_is_behind() {
        assert!(is_behind(at(7, 1), Some(2), None));
        assert!(!is_behind(at(7, 2), Some(2), None));
        // Others have yet to hear of it.
        assert!(!is_behind(at(7, 3), Some(2), Some(at(7, 2))));
    }

    #[test]
    fn what_was_told_once_holds_while_redis_is_away_or_empty() {
        assert!(is_behind(at(7, 1), None, Some(at(7, 2))));
        assert!(is_behind(at(7, 1), Some(1), Some(at(7, 2))));
        assert!(!is_behind(at(7, 2), None, Some(at(7, 2))));
        assert!(!is_behind(at(7, 1), None, None), "nobody told anything");
    }

    #[test]
    fn a_database_made_anew_is_not_behind_another_one() {
        assert!(!is_behind(at(8, 1), Some(1), Some(at(7, 5))));
    }

    #[tokio::test]
    async fn sqlite_is_never_behind() {
        let (_folder, db) = db::fresh_for_tests().await;
        let fence = Fence::default();
        let counters = Counters::open(None).unwrap();
        assert!(!fence.look(&db, &counters).await.unwrap());
        assert!(fence.pass().is_ok());
        fence.keep(db, counters, CancellationToken::new()).await;
    }

    #[test]
    fn who_is_behind_sends_callers_to_another_server() {
        let fence = Fence::default();
        fence.clone().0.is_behind.store(true, Ordering::SeqCst);
        let refused = fence.pass().unwrap_err();
        assert!(matches!(refused, Error::Unavailable(Code::DatabaseBehind, RETRY_AFTER_S)));
    }
}
