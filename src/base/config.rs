//! The settings, read once: options on the command line, each also an environment variable.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

mod wechat;

pub use self::wechat::{Template, WechatConfig, WechatWay};
use super::{http::peer::Network, keys::Suite, supervisor::Supervisor};

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
    /// With which ciphers keys are made that do not exist yet; keys of others are refused.
    #[arg(long, env = "FITGATE_CIPHERS", value_enum)]
    pub ciphers: Option<Suite>,
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
    /// Networks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`, separated by
    /// commas; nobody's without it.
    #[arg(long, env = "FITGATE_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,
    /// Seconds between the first SIGTERM, from which on /readyz says no, and the end of listening:
    /// as long as a proxy needs to notice.
    #[arg(long, env = "FITGATE_DRAIN_S", default_value_t = 0)]
    pub drain_s: u64,
    /// A file outside the database that lists who was forgotten, to forget them again after a
    /// backup was restored.
    #[arg(long, env = "FITGATE_ERASURES")]
    pub erasures: Option<PathBuf>,
    /// A file outside the database to which the ends of the audit chains are added every day; what
    /// `ledger verify --audit-heads` compares with.
    #[arg(long, env = "FITGATE_AUDIT_HEADS")]
    pub audit_heads: Option<PathBuf>,
    /// A file in which a sealed copy of all roll calls is kept, for when the database is away.
    #[arg(long, env = "FITGATE_ROLL_CALL")]
    pub roll_call: Option<PathBuf>,
    /// Certificate files (PEM) whose end the metrics tell, such as nginx's chain and the authorities
    /// of PostgreSQL and Redis, separated by commas.
    #[arg(long, env = "FITGATE_CERTIFICATES", value_delimiter = ',')]
    pub certificates: Vec<PathBuf>,
    /// `relay-only` deletes photos of faces here once every terminal has told that it holds them.
    #[arg(long, env = "FITGATE_FACES", value_enum, default_value = "keep")]
    pub faces: FacesKept,
    /// Host names that webhooks may call, separated by commas; any public one without it.
    #[arg(long, env = "FITGATE_WEBHOOK_HOSTS", value_delimiter = ',')]
    pub webhook_hosts: Vec<String>,
    /// Lets webhooks call plain HTTP and private addresses; for trying out only.
    #[arg(long, env = "FITGATE_WEBHOOKS_ANYWHERE")]
    pub webhooks_anywhere: bool,
    /// The address under which open data is published, such as `https://open.example`; none is
    /// published without it and its licence.
    #[arg(long, env = "FITGATE_OPEN_DATA_URL")]
    pub open_data_url: Option<String>,
    /// The address of the licence of open data, which the bureau chooses.
    #[arg(long, env = "FITGATE_OPEN_DATA_LICENSE")]
    pub open_data_license: Option<String>,
    /// `on` gives residents exercise points for measured minutes, to be spent at partner venues.
    #[arg(long, env = "FITGATE_POINTS", value_enum, default_value = "off")]
    pub points: Points,
    #[command(flatten)]
    pub wechat: WechatConfig,
    #[command(flatten)]
    pub realname: RealnameConfig,
    #[command(flatten)]
    pub supervisor: Supervisor,
}

/// Where open data is published, and under which licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenData {
    pub url: String,
    pub license: String,
}

/// How long photos of faces stay here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FacesKept {
    #[default]
    Keep,
    RelayOnly,
}

/// Whether there are exercise points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Points {
    #[default]
    Off,
    On,
}

/// The settings of the real-name check.
#[derive(Clone, Debug, Default, Args)]
pub struct RealnameConfig {
    /// Who says whether a name and a number belong together; `pretend` is for trying out.
    #[arg(
        id = "realname",
        long = "realname",
        env = "FITGATE_REALNAME",
        value_enum,
        default_value = "off"
    )]
    pub way: RealnameWay,
    /// The id of the key at the vendor.
    #[arg(long = "realname-key-id", env = "FITGATE_REALNAME_KEY_ID")]
    pub key_id: Option<String>,
    /// The key at the vendor.
    #[arg(
        long = "realname-key-secret",
        env = "FITGATE_REALNAME_KEY_SECRET",
        hide_env_values = true
    )]
    pub key_secret: Option<SecretString>,
    /// Which of the vendor's scenes photos are compared in; Aliyun wants one.
    #[arg(long = "realname-scene-id", env = "FITGATE_REALNAME_SCENE_ID")]
    pub scene_id: Option<String>,
    /// Where the vendor's servers are, if not at their usual address.
    #[arg(id = "realname_base_url", long = "realname-base-url", env = "FITGATE_REALNAME_BASE_URL")]
    pub address: Option<String>,
}

/// Who is asked about real names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RealnameWay {
    #[default]
    Off,
    Pretend,
    Tencent,
    Aliyun,
}

impl RealnameConfig {
    /// Where the vendor is, if said; an empty setting is none.
    pub fn base_url(&self) -> Option<&str> {
        self.address.as_deref().filter(|address| !address.is_empty())
    }

    /// Refuses what must not reach production.
    fn check(&self) -> anyhow::Result<()> {
        if self.way == RealnameWay::Pretend {
            bail!("production does not pretend to check names: --realname tencent, aliyun or off");
        }
        if self.base_url().is_some_and(|address| !address.starts_with("https://")) {
            bail!("production checks names over https only");
        }
        Ok(())
    }
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
            ciphers: None,
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
        Self {
            data,
            listen: Some(loopback(0)),
            ops_listen: Some(loopback(0)),
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            drain_s: 0,
            erasures: None,
            audit_heads: None,
            roll_call: None,
            certificates: Vec::new(),
            faces: FacesKept::default(),
            webhook_hosts: Vec::new(),
            webhooks_anywhere: false,
            open_data_url: None,
            open_data_license: None,
            points: Points::default(),
            wechat: WechatConfig::default(),
            realname: RealnameConfig::default(),
            supervisor: Supervisor::default(),
        }
    }

    /// The same server with a register that only pretends.
    #[must_use]
    pub fn with_pretended_names(mut self) -> Self {
        self.realname.way = RealnameWay::Pretend;
        self
    }

    /// The same server with a mini-program whose WeChat is at `address`.
    #[must_use]
    pub fn with_wechat(mut self, address: &str, app_id: &str, secret: &str) -> Self {
        self.wechat.way = WechatWay::Platform;
        self.wechat.address = Some(address.to_owned());
        self.wechat.app_id = Some(app_id.to_owned());
        self.wechat.app_secret = Some(secret.into());
        self
    }

    /// Host names that webhooks may call; an empty setting is none.
    pub fn webhook_hosts(&self) -> Vec<String> {
        let hosts = self.webhook_hosts.iter().map(|host| host.trim().to_lowercase());
        hosts.filter(|host| !host.is_empty()).collect()
    }

    /// Open data, if it is published; empty settings are none.
    pub fn open_data(&self) -> Option<OpenData> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let url = given(&self.open_data_url)?.trim_end_matches('/').to_owned();
        Some(OpenData { url, license: given(&self.open_data_license)? })
    }

    /// The list of erasures; an empty setting is none.
    pub fn erasures(&self) -> Option<&Path> {
        self.erasures.as_deref().filter(|file| !file.as_os_str().is_empty())
    }

    /// The file of the audit chains' ends; an empty setting is none.
    pub fn audit_heads(&self) -> Option<&Path> {
        self.audit_heads.as_deref().filter(|file| !file.as_os_str().is_empty())
    }

    /// The copy of the roll calls; an empty setting is none.
    pub fn roll_call(&self) -> Option<&Path> {
        self.roll_call.as_deref().filter(|file| !file.as_os_str().is_empty())
    }

    /// Certificate files to watch; an empty setting is none.
    pub fn certificates(&self) -> Vec<PathBuf> {
        let files = self.certificates.iter();
        files.filter(|file| !file.as_os_str().is_empty()).cloned().collect()
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
        self.wechat.check()?;
        self.realname.check()?;
        if self.webhooks_anywhere {
            bail!("production calls public addresses only: without --webhooks-anywhere");
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

#[cfg(test)]
mod tests {
    use super::*;

    fn production() -> (tempfile::NamedTempFile, Config) {
        let keys = tempfile::NamedTempFile::new().unwrap();
        let mut config = Config::development("postgres://x/y", None);
        config.data.mode = Mode::Production;
        config.data.keys = Some(keys.path().to_owned());
        (keys, config)
    }

    #[test]
    fn production_pretends_nothing() {
        let (_keys, config) = production();
        assert!(config.check().is_ok());
        let mut pretends = config.clone();
        pretends.wechat.way = WechatWay::Pretend;
        assert!(pretends.check().is_err());
        assert!(config.clone().with_pretended_names().check().is_err());
        assert!(config.clone().with_wechat("http://wechat", "app", "secret").check().is_err());
        let mut calls_inside = config.clone();
        calls_inside.webhooks_anywhere = true;
        assert!(calls_inside.check().is_err());
        assert!(config.with_wechat("https://wechat", "app", "secret").check().is_ok());
    }
}
