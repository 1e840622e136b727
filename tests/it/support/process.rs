//! A server as it is run: the binary in a process of its own, that writes down everything it thinks.

use std::{net::SocketAddr, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};

use super::{Store, Wire};

/// A process that ends with the test, and what it has said.
pub struct Process {
    child: Child,
    /// Reads all that it says to its end: a pipe that nobody reads would hold it up.
    said: JoinHandle<String>,
    pub address: SocketAddr,
    pub wire: Wire,
    pub ops: Wire,
}

impl Process {
    /// On `store`, with its temporary files in `scratch`, until it listens.
    pub async fn start(store: &Store, scratch: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fitgate"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]);
        command.arg("--database-url").arg(&store.database_url).arg("--keys").arg(store.keys());
        command.env("FITGATE_LOG", "fitgate=trace,access=trace,info").env("NO_COLOR", "1");
        command.env("FITGATE_HOSTS", "127.0.0.1,fitgate.test");
        command.env("TMPDIR", scratch).env("SQLITE_TMPDIR", scratch);
        command.env("FITGATE_WECHAT", "pretend").env("FITGATE_REALNAME", "pretend");
        match &store.redis_url {
            Some(url) => command.env("FITGATE_REDIS_URL", url),
            None => command.env_remove("FITGATE_REDIS_URL"),
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let listening = loop {
            let begins = said.len();
            assert!(log.read_line(&mut said).await.unwrap() > 0, "it did not start: {said}");
            let line = &said[begins..];
            if line.contains("fitgate is listening") {
                break line.to_owned();
            }
        };
        let address = |name: &str| -> SocketAddr {
            let (_, rest) = listening.split_once(&format!(" {name}=")).unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let wire = |address: SocketAddr| Wire::new(format!("http://{address}"));
        let (address, ops) = (address("address"), wire(address("ops_address")));
        let said = tokio::spawn(async move {
            while log.read_line(&mut said).await.unwrap() > 0 {}
            said
        });
        Self { child, said, address, wire: wire(address), ops }
    }

    /// Kilobytes of memory that it holds; none where nobody says.
    pub fn memory_kb(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// Stops it and gives all that it wrote.
    pub async fn stopped(mut self) -> String {
        self.child.start_kill().unwrap();
        let said = tokio::time::timeout(Duration::from_mins(1), self.said).await.unwrap();
        self.child.wait().await.unwrap();
        said.unwrap()
    }
}
