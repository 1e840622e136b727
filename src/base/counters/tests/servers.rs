//! Real Redis servers of a test's own, on free ports, killed when dropped.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// One server without persistence.
pub struct Server {
    port: u16,
    child: Child,
    directory: TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(extra: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the server");
        let port = free_port();
        let child = spawn(port, &directory, extra);
        Self { port, child, directory }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends the server at once, without warning.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Starts it again on the same port, empty.
    pub fn restart(&mut self) {
        self.child = spawn(self.port, &self.directory, &[]);
    }

    /// Sends one command over `redis-cli`, outside of what is tested, and gives its output.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        cli(&[&["-p", &port], arguments].concat())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Three masters, no replicas.
pub struct Cluster(Vec<Server>);

impl Cluster {
    pub fn start() -> Self {
        let node = |_| Server::start_with(&["--cluster-enabled", "yes"]);
        let nodes: Vec<Server> = (0..3).map(node).collect();
        let addresses: Vec<String> =
            nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        let mut arguments = vec!["--cluster", "create"];
        arguments.extend(addresses.iter().map(String::as_str));
        arguments.push("--cluster-yes");
        let created = cli(&arguments);
        assert!(created.contains("All 16384 slots covered"), "{created}");
        for node in &nodes {
            wait_until(|| node.cli(&["cluster", "info"]).contains("cluster_state:ok"));
        }
        Self(nodes)
    }

    pub fn url(&self) -> String {
        let nodes: Vec<String> =
            self.0.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    pub fn nodes(&self) -> &[Server] {
        &self.0
    }
}

fn spawn(port: u16, directory: &TempDir, extra: &[&str]) -> Child {
    let port_text = port.to_string();
    let child = Command::new("redis-server")
        .args(["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(extra)
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed");
    wait_until(|| cli(&["-p", &port_text, "ping"]).contains("PONG"));
    child
}

fn cli(arguments: &[&str]) -> String {
    let output =
        Command::new("redis-cli").args(arguments).output().expect("redis-cli is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A port that is free now, and whose cluster port (10000 above) exists and is free too.
fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let cluster_port = port.checked_add(10_000);
        if cluster_port.is_some_and(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}

/// Asks until the answer is yes; each question waits for an answer, so this needs no sleep.
fn wait_until(condition: impl Fn() -> bool) {
    const TRIES_MAX: u32 = 5_000;
    assert!((0..TRIES_MAX).any(|_| condition()), "the server did not come up");
}
