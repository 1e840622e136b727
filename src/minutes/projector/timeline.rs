//! Notices that the database is no longer the one that the counters were written from. PostgreSQL
//! begins a new timeline when a standby takes over or a backup is restored to a moment before its
//! end; rows that were lost with the old one may stand in the store under versions that the
//! database has yet to reach again, and would be taken for newer. SQLite tells nothing of the kind:
//! a restored file needs `counters rebuild`, unless its counters died with the server.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use crate::base::db;

const NAME: &str = "timeline";

/// PostgreSQL's timeline, where it is not the one that was noted.
pub async fn strange(db: &DatabaseConnection) -> Result<Option<i64>, DbErr> {
    if !db::is_postgres(db) {
        return Ok(None);
    }
    let sql = "SELECT now.n AS n FROM (SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))\
               ::bit(32)::bigint AS n) now WHERE NOT EXISTS \
               (SELECT 1 FROM revisions WHERE name = $1 AND n = now.n)";
    let asked =
        Statement::from_sql_and_values(db.get_database_backend(), sql, [NAME.into()]);
    let row = db.query_one_raw(asked).await?;
    row.map(|row| row.try_get("", "n")).transpose()
}

/// Notes the timeline once the counters are written anew.
pub async fn note(db: &DatabaseConnection, timeline: i64) -> Result<(), DbErr> {
    let sql = "INSERT INTO revisions (name, n) VALUES ($1, $2) \
               ON CONFLICT (name) DO UPDATE SET n = excluded.n";
    let values = [NAME.into(), timeline.into()];
    let noted = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.execute_raw(noted).await.map(drop)
}
