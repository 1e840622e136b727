//! The settings, read once: options on the command line, each also an environment variable.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

/// The settings that every command that touches data understands.
#[derive(Clone, Debug, Args)]
pub struct DataConfig {
    /// Where SQL is: `sqlite://FILE?mode=rwc` or `postgres://…`.
    #[arg(long, env = "FITGATE_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// Where the counters are: `redis://`, `rediss://`, `redis+cluster://`, `redis+sentinel://`;
    /// without it they are kept in the process.
    #[arg(long, env = "FITGATE_REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,
    /// The file of encryption, index and MAC keys; in development `<database file>.keys` is made.
    #[arg(long, env = "FITGATE_KEYS")]
    pub keys: Option<PathBuf>,
    /// `production` refuses everything that is only good for trying out.
    #[arg(long, env = "FITGATE_MODE", value_enum, default_value = "development")]
    pub mode: Mode,
}

/// The settings of a server.
#[derive(Clone, Debug, Args)]
pub struct Config {
    #[command(flatten)]
    pub data: DataConfig,
    /// Where residents, terminals, screens and staff connect (default 127.0.0.1:8080).
    #[arg(long, env = "FITGATE_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// Where operations look: /metrics, /livez, /readyz (default 127.0.0.1:9090).
    #[arg(long, env = "FITGATE_OPS_LISTEN")]
    pub ops_listen: Option<SocketAddr>,
    /// Host names that requests may name, separated by commas; any without it.
    #[arg(long, env = "FITGATE_HOSTS", value_delimiter = ',')]
    pub hosts: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    Development,
    Production,
}

/// The database file of a first try.
const DATABASE_URL: &str = "sqlite://fitgate.db?mode=rwc";

impl DataConfig {
    /// Settings of a development database, as tests and the demo use them.
    pub fn development(database_url: &str, redis_url: Option<&str>) -> Self {
        Self {
            database_url: Some(database_url.into()),
            redis_url: redis_url.map(Into::into),
            keys: None,
            mode: Mode::Development,
        }
    }

    pub fn database_url(&self) -> &str {
        self.database_url.as_ref().map_or(DATABASE_URL, |url| url.expose_secret())
    }

    /// The counters' URL; an empty setting is none.
    pub fn redis_url(&self) -> Option<&str> {
        self.redis_url.as_ref().map(ExposeSecret::expose_secret).filter(|url| !url.is_empty())
    }

    /// The SQLite file, or `None` for another database or one in memory.
    pub fn database_file(&self) -> Option<PathBuf> {
        let rest = self.database_url().strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next().unwrap_or_default();
        (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
    }

    /// Where the keys are: as given, or beside the SQLite file in development.
    pub fn keys_file(&self) -> anyhow::Result<PathBuf> {
        if let Some(file) = &self.keys {
            return Ok(file.clone());
        }
        if self.mode == Mode::Production {
            bail!("production wants its key file named: --keys FILE (or FITGATE_KEYS)");
        }
        let beside = self.database_file().unwrap_or_else(|| PathBuf::from("fitgate.db"));
        let mut name = beside.into_os_string();
        name.push(".keys");
        Ok(name.into())
    }
}

impl Config {
    /// A development server on free loopback ports, as tests and the demo start it.
    pub fn development(database_url: &str, redis_url: Option<&str>) -> Self {
        let data = DataConfig::development(database_url, redis_url);
        Self { data, listen: Some(loopback(0)), ops_listen: Some(loopback(0)), hosts: Vec::new() }
    }

    pub fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or_else(|| loopback(8080))
    }

    pub fn ops_listen(&self) -> SocketAddr {
        self.ops_listen.unwrap_or_else(|| loopback(9090))
    }

    /// Refuses settings that must not reach production.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.data.mode == Mode::Development {
            return Ok(());
        }
        let keys = self.data.keys_file()?;
        std::fs::metadata(&keys).context("the key file of --keys cannot be read")?;
        if self.data.database_file().is_none() && self.data.database_url().starts_with("sqlite") {
            bail!("production keeps its database in a file or in PostgreSQL, not in memory");
        }
        Ok(())
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
