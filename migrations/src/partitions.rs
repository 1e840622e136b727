//! Monthly partitions of entry events and of the ledger on `PostgreSQL`; SQLite has none.

use std::fmt::Write as _;

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr};

/// The partitioned tables.
pub const PARTITIONED: [&str; 2] = ["entry_events", "minute_entries"];

/// Makes the partitions of `months` (year, month 1–12) where they are missing. Idempotent.
///
/// # Errors
/// What the database says, such as a month whose rows lie in another partition already.
pub async fn ensure<C: ConnectionTrait>(
    db: &C,
    tables: &[&str],
    months: impl IntoIterator<Item = (i32, u32)>,
) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let mut sql = String::new();
    for (year, month) in months {
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        for table in tables {
            let _ = writeln!(
                sql,
                "CREATE TABLE IF NOT EXISTS {table}_{year:04}_{month:02} PARTITION OF {table} \
                 FOR VALUES FROM ('{year:04}-{month:02}-01T00:00:00Z') \
                 TO ('{next_year:04}-{next_month:02}-01T00:00:00Z');"
            );
        }
    }
    db.execute_unprepared(&sql).await.map(|_| ())
}
