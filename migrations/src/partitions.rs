//! Monthly partitions of entry events and of the ledger on `PostgreSQL`; SQLite has none.

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr};

/// The partitioned tables.
pub const PARTITIONED: [&str; 2] = ["entry_events", "minute_entries"];

/// Makes the partitions of `months` (year, month 1–12) where they are missing. Idempotent.
pub async fn ensure<C: ConnectionTrait>(
    db: &C,
    months: impl IntoIterator<Item = (i32, u32)>,
) -> Result<(), DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let mut sql = String::new();
    for (year, month) in months {
        let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        for table in PARTITIONED {
            sql.push_str(&format!(
                "CREATE TABLE IF NOT EXISTS {table}_{year:04}_{month:02} PARTITION OF {table} \
                 FOR VALUES FROM ('{year:04}-{month:02}-01T00:00:00Z') TO ('{next_year:04}-{next_month:02}-01T00:00:00Z');\n"
            ));
        }
    }
    db.execute_unprepared(&sql).await.map(|_| ())
}
