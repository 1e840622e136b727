//! Where a town keeps its data: a SQLite file and counters in the process, or a database of its
//! own on the given PostgreSQL and a prefix of its own in the given Redis. Both are removed with
//! the value.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use sea_orm::{ConnectionTrait as _, Database, DbErr, QueryResult, Statement};
use uuid::Uuid;

use super::template;

/// A store that nobody else uses.
pub struct Store {
    pub database_url: String,
    pub redis_url: Option<String>,
    /// The server on which the database was made.
    server: Option<String>,
    /// Whether servers on it only relay photos of faces to terminals.
    pub relays_faces: bool,
    /// Whether servers on it may call receivers at plain and private addresses.
    pub calls_anywhere: bool,
    /// Whether servers on it give points for exercise.
    pub gives_points: bool,
    folder: tempfile::TempDir,
}

/// What a command of the binary said.
pub struct Said {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(output: std::process::Output) -> Self {
        Self {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Store {
    /// As `FITGATE_TEST_DATABASE_URL` and `FITGATE_TEST_REDIS_URL` want it.
    pub async fn fresh() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("fitgate_it_{}", Uuid::new_v4().simple());
        let server = setting("FITGATE_TEST_DATABASE_URL");
        let database_url = if let Some(server) = &server {
            template::copy(server, &name).await;
            beside(server, &name)
        } else {
            let file = folder.path().join("town.db");
            template::copy_file(&file).await;
            format!("sqlite://{}?mode=rwc", file.display())
        };
        let redis = setting("FITGATE_TEST_REDIS_URL");
        let redis_url = redis.map(|url| format!("{url}?prefix={name}"));
        Self {
            database_url,
            redis_url,
            server,
            relays_faces: false,
            calls_anywhere: false,
            gives_points: false,
            folder,
        }
    }

    /// Whether two servers can share it.
    pub fn is_shared(&self) -> bool {
        self.server.is_some() && self.redis_url.is_some()
    }

    /// Whether it is on PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.server.is_some()
    }

    /// A place for a file of the test's own.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("town.keys")
    }

    /// With which ciphers its keys are made, as `FITGATE_CIPHERS` wants it; commands hear of it
    /// by themselves.
    pub fn ciphers() -> Option<String> {
        setting("FITGATE_CIPHERS")
    }

    /// The list of who was forgotten.
    pub fn erasures(&self) -> PathBuf {
        self.folder.path().join("town.erasures")
    }

    /// The copy of the roll calls.
    pub fn roll_call(&self) -> PathBuf {
        self.folder.path().join("town.roll-call")
    }

    /// Copies the database as it is now.
    pub async fn backs_up(&self) -> PathBuf {
        let copy = self.folder.path().join("backup");
        if self.server.is_some() {
            let words = ["--format=custom", "--file", copy.to_str().unwrap(), &self.database_url];
            said_by("pg_dump", &words).await;
        } else {
            self.sql(&format!("VACUUM INTO '{}'", copy.display())).await;
        }
        copy
    }

    /// What a dump of the database says, where its files are its server's.
    pub async fn dump(&self) -> Option<Vec<u8>> {
        self.server.as_ref()?;
        Some(said_by("pg_dump", &[&self.database_url]).await)
    }

    /// Puts a copy in place of the database that no server uses now.
    pub async fn restores(&self, copy: &Path) {
        if let Some(server) = &self.server {
            let name = self.database_url.rsplit('/').next().unwrap_or_default();
            run_sql(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
            run_sql(server, &format!("CREATE DATABASE {name}")).await;
            let words = ["--dbname", &self.database_url, copy.to_str().unwrap()];
            said_by("pg_restore", &words).await;
            return;
        }
        let file = self.folder.path().join("town.db");
        for leftover in ["-wal", "-shm"] {
            std::fs::remove_file(format!("{}{leftover}", file.display())).ok();
        }
        std::fs::copy(copy, file).unwrap();
    }

    /// The binary on this store, to be started and killed.
    pub fn command(&self, words: &[&str]) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_fitgate"));
        command.args(words).arg("--database-url").arg(&self.database_url);
        command.arg("--keys").arg(self.keys()).env("FITGATE_LOG", "warn");
        match &self.redis_url {
            Some(url) => command.env("FITGATE_REDIS_URL", url),
            None => command.env_remove("FITGATE_REDIS_URL"),
        };
        command.stdin(Stdio::null());
        command
    }

    /// Every file of its data beside the keys; the databases' own servers keep theirs elsewhere.
    pub fn files(&self) -> Vec<PathBuf> {
        let all = std::fs::read_dir(self.folder.path()).unwrap();
        let all = all.map(|entry| entry.unwrap().path());
        all.filter(|path| path.is_file() && *path != self.keys()).collect()
    }

    /// Runs the binary on this store, whatever it answers. Options that every command takes come
    /// last.
    pub async fn try_fitgate(&self, words: &[&str]) -> Said {
        Said::of(self.command(words).output().await.unwrap())
    }

    /// Runs the binary on this store; it must find all well. Gives what it printed.
    pub async fn fitgate(&self, words: &[&str]) -> String {
        let said = self.try_fitgate(words).await;
        assert_eq!(said.exit, 0, "{words:?}: {}{}", said.stdout, said.stderr);
        said.stdout.trim().to_owned()
    }

    /// What SQL itself answers, for laws about what is in SQL.
    pub async fn rows(&self, query: &str) -> Vec<QueryResult> {
        let connection = Database::connect(&self.database_url).await.unwrap();
        let statement = Statement::from_string(connection.get_database_backend(), query);
        let rows = connection.query_all_raw(statement).await.unwrap();
        connection.close().await.unwrap();
        rows
    }

    /// The `n` of the one row that SQL answers.
    pub async fn count(&self, query: &str) -> u64 {
        let n: i64 = self.rows(query).await[0].try_get("", "n").unwrap();
        u64::try_from(n).unwrap()
    }

    /// An id as this database writes it.
    pub fn uuid(&self, id: Uuid) -> String {
        match &self.server {
            Some(_) => format!("'{id}'"),
            None => format!("x'{}'", id.simple()),
        }
    }

    /// Changes what no route changes yet.
    pub async fn sql(&self, statement: &str) {
        run_sql(&self.database_url, statement).await;
    }

    /// Lets servers hear of a primary that was promoted over theirs.
    pub async fn is_outrun(&self) {
        let sql = "SELECT system_identifier AS origin FROM pg_control_system()";
        let origin: i64 = self.rows(sql).await[0].try_get("", "origin").unwrap();
        let (url, prefix) = self.redis_url.as_ref().unwrap().split_once("?prefix=").unwrap();
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let key = format!("{prefix}:{{timeline:{origin}}}:highest");
        redis::cmd("SET").arg(key).arg(1_000_000).exec_async(&mut connection).await.unwrap();
    }

    /// Loses every counter, as a Redis that was emptied would.
    pub async fn flush_counters(&self) {
        if let Some(url) = &self.redis_url {
            forget_keys(url).await;
        }
    }
}

impl Drop for Store {
    /// On a thread and runtime of its own, since the test's may be ending.
    fn drop(&mut self) {
        let (server, redis) = (self.server.clone(), self.redis_url.clone());
        let name = self.database_url.rsplit('/').next().unwrap_or_default().to_owned();
        let removed = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                if let Some(server) = server {
                    let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    run_sql(&server, &sql).await;
                }
                if let Some(redis) = redis {
                    forget_keys(&redis).await;
                }
            });
        });
        if removed.join().is_err() {
            eprintln!("a test's store could not be removed");
        }
    }
}

/// What a program of the database's own said; it must find all well.
async fn said_by(program: &str, words: &[&str]) -> Vec<u8> {
    let output = tokio::process::Command::new(program).args(words).output().await.unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The URL of another database on the same server.
pub(super) fn beside(server: &str, name: &str) -> String {
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

pub(super) async fn run_sql(server: &str, sql: &str) {
    try_sql(server, sql).await.unwrap();
}

pub(super) async fn try_sql(server: &str, sql: &str) -> Result<(), DbErr> {
    let connection = Database::connect(server).await.unwrap();
    let said = connection.execute_unprepared(sql).await;
    connection.close().await.unwrap();
    said.map(|_| ())
}

async fn forget_keys(url: &str) {
    let (url, prefix) = url.split_once("?prefix=").unwrap();
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let pattern = format!("{prefix}:*");
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
    if !keys.is_empty() {
        redis::cmd("DEL").arg(keys).exec_async(&mut connection).await.unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "which stores to test on is no setting of a server")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
