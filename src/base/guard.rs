//! One server without Redis: counters in the process cannot be shared, so a second server on the
//! same database refuses to start. The guard dies with its process.

use std::fs::{File, OpenOptions, TryLockError};

use anyhow::{Context, bail};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};

use super::config::{DataConfig, Mode};

/// Held as long as the server runs.
pub enum Guard {
    /// Counters are shared, so servers may be many.
    Shared,
    /// An OS lock on `<database file>.lock`.
    File { _lock: File },
    /// A session's advisory lock on a connection of its own.
    Session { _connection: DatabaseConnection },
}

/// Advisory lock key of the only server: "fitgate1" in ASCII.
const ONLY_SERVER: i64 = 0x6669_7467_6174_6531;

impl Guard {
    /// Takes the place of the only server where there may be but one.
    ///
    /// # Errors
    /// When another server has it already.
    pub async fn take(config: &DataConfig) -> anyhow::Result<Self> {
        let is_sqlite = config.database_url().starts_with("sqlite");
        let may_be_many = config.redis_url().is_some();
        if may_be_many && !(is_sqlite && config.mode == Mode::Production) {
            return Ok(Self::Shared);
        }
        match config.database_file() {
            Some(database) => {
                let mut name = database.into_os_string();
                name.push(".lock");
                lock_file(name.as_ref())
            }
            None if is_sqlite => Ok(Self::Shared),
            None => lock_session(config.database_url()).await,
        }
    }
}

fn lock_file(path: &std::path::Path) -> anyhow::Result<Guard> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Guard::File { _lock: file }),
        Err(TryLockError::WouldBlock) => bail!(
            "another server runs on this database; stop it, or give both a Redis (--redis-url) and PostgreSQL"
        ),
        Err(TryLockError::Error(error)) => Err(error).context("the lock file cannot be locked"),
    }
}

async fn lock_session(url: &str) -> anyhow::Result<Guard> {
    let mut options = ConnectOptions::new(url);
    options.min_connections(1).max_connections(1).sqlx_logging(false);
    options.idle_timeout(None::<std::time::Duration>).max_lifetime(None::<std::time::Duration>);
    let connection = Database::connect(options).await.context("the database cannot be opened")?;
    let statement = Statement::from_string(
        connection.get_database_backend(),
        format!("SELECT pg_try_advisory_lock({ONLY_SERVER}) AS held"),
    );
    let row = connection.query_one_raw(statement).await?;
    let held = row.map(|row| row.try_get::<bool>("", "held")).transpose()?.unwrap_or_default();
    if !held {
        bail!("another server runs on this database; give both a Redis (--redis-url), or stop it");
    }
    Ok(Guard::Session { _connection: connection })
}
