//! The database: alone knows which one it is. Opens, migrates under a lock, begins transactions.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use migrations::partitions;
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions,
    TransactionTrait,
    sqlx::{
        Connection as _,
        postgres::PgConnectOptions,
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
    },
};
use tokio::sync::{Mutex, MutexGuard};

pub mod bulk;
#[cfg(test)]
pub mod fresh;
mod ladder;
pub mod portable;
mod promptly;
pub mod room;

pub use ladder::pending as pending_migrations;

/// How long a request waits for a free connection before it is answered 503.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long SQLite waits for the one writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections a process holds for requests and jobs.
const CONNECTIONS_MAX: u32 = 16;
/// Connections beside them: the recorder's, the projector's, and some while those are given back.
const HOT_CONNECTIONS_MAX: u32 = 6;

/// Opens the database behind `url` (`sqlite:` or `postgres:`), with this project's settings.
pub async fn open(url: &str) -> anyhow::Result<DatabaseConnection> {
    let _opening = match sqlite_file(url) {
        Some(file) => Some(lock_beside(file).await?),
        None => None,
    };
    connect(options(url, &SETTINGS)).await
}

/// The file of a SQLite URL, unless it lives in memory. Two who open a new file at once both ask
/// to make it a WAL; SQLite fails one of them at once, whatever its busy timeout.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let sqlite: SqliteConnectOptions = url.strip_prefix("sqlite:").and(url.parse().ok())?;
    let file = sqlite.get_filename();
    let in_memory = file.to_str().is_some_and(|file| file.starts_with("file:sqlx-in-memory"));
    (!in_memory && !file.as_os_str().is_empty()).then(|| file.to_owned())
}

/// Opens connections beside `db`, which is open at the same `url`, for the recorder and the
/// projector: a door need not wait behind a report, and their statements, which look up keys and
/// nothing else, are never planned as if tables were small. SQLite has one writer anyway.
pub async fn open_hot(url: &str, db: &DatabaseConnection) -> anyhow::Result<DatabaseConnection> {
    if !is_postgres(db) {
        return Ok(db.clone());
    }
    let settings = [&SETTINGS[..], &BY_INDEX].concat();
    let mut options = options(url, &settings);
    options.max_connections(HOT_CONNECTIONS_MAX);
    connect(options).await
}

/// Of every connection to PostgreSQL. A generic plan never flips with the parameters, and saves
/// planning each time.
pub const SETTINGS: [(&str, &str); 4] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("lock_timeout", "5s"),
    ("statement_timeout", "60s"),
    ("jit", "off"),
];

/// Plans that read whole tables look cheap to a planner that saw those tables empty. And only a
/// plain index scan remembers which entries lead to dead rows: those who have left since the last
/// vacuum would be looked at again each time somebody counts who is inside.
pub const BY_INDEX: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_bitmapscan", "off"),
];

fn options(url: &str, settings: &[(&'static str, &'static str)]) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    let settings = settings.to_vec();
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
        // A full disk ends a transaction by itself; sqlx then counts it as open for ever, and would
        // begin no other on that connection.
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.before_acquire(|connection, _| {
                let is_free = !connection.is_in_transaction();
                Box::pin(std::future::ready(Ok(is_free)))
            })
        })
        .map_sqlx_postgres_opts(move |postgres| {
            postgres.application_name("fitgate").options(settings.iter().copied())
        });
    // The parser takes any URL, and complains aloud of the parameters of SQLite's.
    let postgres = url.starts_with("postgres").then(|| url.parse::<PgConnectOptions>());
    if let Some(Ok(postgres)) = postgres {
        let port = postgres.get_port();
        options.map_sqlx_postgres_pool_opts(move |pool| {
            pool.after_connect(move |_, _| {
                promptly::send_to(port);
                Box::pin(std::future::ready(Ok(())))
            })
        });
    }
    options
}

async fn connect(options: ConnectOptions) -> anyhow::Result<DatabaseConnection> {
    Database::connect(options)
        .await
        .context("the database cannot be opened; check its URL and whether it runs")
}

/// Whose turn it is to ask SQLite for its one writer's lock.
static TURN: Mutex<()> = Mutex::const_new(());

/// A turn at writing, in the order of asking; held until the lock is had. SQLite itself gives it
/// to whoever happens to ask at the right moment, and the recorder, which asks again at once,
/// would keep it from all others while a history floods in. PostgreSQL needs no turns.
pub async fn turn<C: ConnectionTrait>(db: &C) -> Option<MutexGuard<'static, ()>> {
    if is_postgres(db) { None } else { Some(TURN.lock().await) }
}

/// Begins a transaction that may write: immediate on SQLite, where a plain one fails as soon as
/// two of them read and then write.
pub async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let _turn = turn(db).await;
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    db.begin_with_options(options).await
}

/// Begins a transaction that only reads and sees everything as of one moment, while others write.
/// Its statements may take as long as they need.
pub async fn snapshot(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    if !is_postgres(db) {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Deferred),
            ..TransactionOptions::default()
        };
        return db.begin_with_options(options).await;
    }
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::RepeatableRead),
        access_mode: Some(AccessMode::ReadOnly),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    tx.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
    Ok(tx)
}

pub fn is_postgres<C: ConnectionTrait>(db: &C) -> bool {
    db.get_database_backend() == DbBackend::Postgres
}

/// Advisory lock key of migrations: "fitgate" in ASCII.
const MIGRATION_LOCK: i64 = 0x66_6974_6761_7465;

/// Brings the schema up to date; that of a newer version stays as it is. Concurrent migrators wait
/// for one another: on PostgreSQL behind an advisory lock, on SQLite behind an OS lock beside the
/// file.
pub async fn migrate(db: &DatabaseConnection) -> anyhow::Result<()> {
    if !is_postgres(db) {
        let _climbing = lock_beside_the_file(db).await?;
        return ladder::climb(db).await;
    }
    let lock = begin(db).await?;
    wait_for_turn(&lock).await?;
    ladder::climb(db).await?;
    lock.commit().await?;
    Ok(())
}

/// Waits for whoever climbs the ladder or makes partitions on PostgreSQL, however long that takes:
/// of servers that start together none gives up because another one has much to do.
async fn wait_for_turn(tx: &DatabaseTransaction) -> Result<(), DbErr> {
    let sql = format!(
        "SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0; \
         SELECT pg_advisory_xact_lock({MIGRATION_LOCK}); \
         SET LOCAL lock_timeout TO DEFAULT; SET LOCAL statement_timeout TO DEFAULT"
    );
    tx.execute_unprepared(&sql).await.map(drop)
}

/// The OS lock of whoever climbs the ladder of a SQLite file; a database in memory has no rivals.
async fn lock_beside_the_file(db: &DatabaseConnection) -> anyhow::Result<Option<std::fs::File>> {
    let listed = Statement::from_string(db.get_database_backend(), "PRAGMA database_list");
    let row = db.query_one_raw(listed).await?;
    let file: String = row.map_or(Ok(String::new()), |row| row.try_get("", "file"))?;
    if file.is_empty() {
        return Ok(None);
    }
    lock_beside(file.into()).await.map(Some)
}

/// Waits for the OS lock beside `file`; it ends with the value.
async fn lock_beside(file: PathBuf) -> anyhow::Result<std::fs::File> {
    let lock = tokio::task::spawn_blocking(move || {
        let mut beside = file.into_os_string();
        beside.push(".migrate");
        let lock = std::fs::File::create(beside)?;
        lock.lock().map(|()| lock)
    });
    lock.await?.context("the lock beside the database file cannot be taken; is its folder writable")
}

/// Months of partitions kept behind and ahead of the current one.
pub const MONTHS_BACK: u32 = 36;
pub const MONTHS_AHEAD: u32 = 3;

/// Makes the monthly partitions around `today`; does nothing on SQLite.
pub async fn ensure_partitions(
    db: &DatabaseConnection,
    today: chrono::NaiveDate,
) -> Result<(), DbErr> {
    use chrono::{Datelike, Months};
    if !is_postgres(db) {
        return Ok(());
    }
    let first = today.with_day(1).unwrap_or(today) - Months::new(MONTHS_BACK);
    let months = (0..=MONTHS_BACK + MONTHS_AHEAD)
        .map(|n| first + Months::new(n))
        .map(|d| (d.year(), d.month()));
    // Two who make the same partition at once would meet in the catalogue.
    let tx = begin(db).await?;
    wait_for_turn(&tx).await?;
    partitions::ensure(&tx, &partitions::PARTITIONED, months).await?;
    tx.commit().await
}

/// Takes the lock `name` for the rest of the transaction, unless another one holds it. On SQLite
/// an immediate transaction excludes all others anyway.
pub async fn try_lock(tx: &DatabaseTransaction, name: &str) -> Result<bool, DbErr> {
    if !is_postgres(tx) {
        return Ok(true);
    }
    let take = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS taken",
        [name.into()],
    );
    tx.query_one_raw(take).await?.map_or(Ok(false), |row| row.try_get("", "taken"))
}

/// A migrated SQLite file in a folder that is removed with the first value.
#[cfg(test)]
pub async fn fresh_for_tests() -> (tempfile::TempDir, DatabaseConnection) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/test.db?mode=rwc", folder.path().display());
    let db = open(&url).await.unwrap();
    migrate(&db).await.unwrap();
    (folder, db)
}
