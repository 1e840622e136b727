//! The database: alone knows which one it is. Opens, migrates under a lock, begins transactions.

use std::time::Duration;

use anyhow::Context;
use migrations::{Migrator, partitions};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend,
    DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous},
};
use sea_orm_migration::MigratorTrait;

pub mod bulk;

/// How long a request waits for a free connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for the one writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections a process holds; the recorder needs one, the rest serve requests and jobs.
const CONNECTIONS_MAX: u32 = 16;

/// Opens the database behind `url` (`sqlite:` or `postgres:`), with this project's settings.
pub async fn open(url: &str) -> anyhow::Result<DatabaseConnection> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
        })
        .map_sqlx_postgres_opts(|postgres| {
            // A generic plan never flips with the parameters, and saves planning each time.
            postgres.application_name("fitgate").options([
                ("plan_cache_mode", "force_generic_plan"),
                ("lock_timeout", "5s"),
                ("statement_timeout", "60s"),
                ("jit", "off"),
            ])
        });
    Database::connect(options)
        .await
        .context("the database cannot be opened; check its URL and whether it runs")
}

/// Begins a transaction that may write: immediate on SQLite, where a plain one fails as soon as
/// two of them read and then write.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await
}

pub fn is_postgres<C: ConnectionTrait>(db: &C) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Advisory lock key of migrations: "fitgate" in ASCII.
const MIGRATION_LOCK: i64 = 0x66_6974_6761_7465;

/// Brings the schema up to date. Concurrent migrators wait for one another: on PostgreSQL behind
/// an advisory lock, on SQLite the ladder runs in the one writer and a loser finds it climbed.
pub async fn migrate(db: &DatabaseConnection) -> anyhow::Result<()> {
    if !is_postgres(db) {
        return Migrator::up(db, None)
            .await
            .context("the migration failed; nothing of its step was kept");
    }
    let lock = begin(db).await?;
    lock.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
    Migrator::up(db, None).await.context("the migration failed; nothing of its step was kept")?;
    lock.commit().await?;
    Ok(())
}

/// How many steps of the ladder are not climbed yet.
pub async fn pending_migrations(db: &DatabaseConnection) -> anyhow::Result<usize> {
    Ok(Migrator::get_pending_migrations(db).await?.len())
}

/// Months of partitions kept behind and ahead of the current one.
pub const MONTHS_BACK: u32 = 36;
pub const MONTHS_AHEAD: u32 = 3;

/// Makes the monthly partitions around `today`; does nothing on SQLite.
pub async fn ensure_partitions<C: ConnectionTrait>(
    db: &C,
    today: chrono::NaiveDate,
) -> Result<(), DbErr> {
    use chrono::{Datelike, Months};
    let first = today.with_day(1).unwrap_or(today) - Months::new(MONTHS_BACK);
    let months = (0..=MONTHS_BACK + MONTHS_AHEAD)
        .map(|n| first + Months::new(n))
        .map(|d| (d.year(), d.month()));
    partitions::ensure(db, months).await
}
