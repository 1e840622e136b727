//! Notices that the database is no longer the one that was written to. PostgreSQL begins a new
//! timeline when a standby takes over, or a backup is restored to a moment before its end. What was
//! lost with the old one may still be known elsewhere, under numbers that the database has yet to
//! give out again: in the store, in what servers keep of places and people, and in their counts of
//! who went through a gate. So those numbers are left behind. SQLite tells nothing of the kind: with
//! Redis, a restored file needs `counters rebuild`.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use crate::base::{
    counters::Counters,
    db,
    fence::{Fence, LOST_MAX, TIMELINE},
};

/// Notes PostgreSQL's timeline, and begins new numbers where it is another one than before. The
/// others hear of it first: who is left behind must not take our numbers for a loss of its own.
pub async fn follow(
    db: &DatabaseConnection,
    counters: &Counters,
    fence: &Fence,
) -> Result<(), DbErr> {
    if !db::is_postgres(db) {
        return Ok(());
    }
    let Some(timeline) = unnoted(db).await? else { return Ok(()) };
    if fence.look(db, counters).await? {
        return Ok(());
    }
    let tx = db::begin(db).await?;
    // Of several servers one moves on; the others then find it noted.
    let move_on = format!(
        "WITH noted AS (UPDATE revisions SET n = {timeline} \
         WHERE name = 'timeline' AND n <> {timeline} RETURNING n), \
         gates AS (UPDATE venue_gates SET version = version + {LOST_MAX} FROM noted) \
         UPDATE revisions SET n = revisions.n + {LOST_MAX} FROM noted \
         WHERE name IN ('world', 'counter_generation')"
    );
    let moved = tx.execute_unprepared(&move_on).await?.rows_affected();
    let note = format!(
        "INSERT INTO revisions (name, n) VALUES ('timeline', {timeline}) ON CONFLICT DO NOTHING"
    );
    tx.execute_unprepared(&note).await?;
    tx.commit().await?;
    if moved > 0 {
        tracing::warn!(timeline, "the database was promoted or restored; counters begin anew");
    }
    Ok(())
}

/// PostgreSQL's timeline, unless it is the one that was noted.
async fn unnoted(db: &DatabaseConnection) -> Result<Option<i64>, DbErr> {
    let sql = format!(
        "SELECT t.n AS n FROM (SELECT {TIMELINE} AS n) t WHERE NOT EXISTS \
         (SELECT 1 FROM revisions r WHERE r.name = 'timeline' AND r.n = t.n)"
    );
    let asked = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(asked).await?;
    row.map(|row| row.try_get("", "n")).transpose()
}
