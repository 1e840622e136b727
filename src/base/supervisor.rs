//! What systemd hears of a server: that it serves, that it lives, that it stops. A datagram each,
//! to the socket that systemd names (`sd_notify(3)`); without one nothing is said.

use std::{net::SocketAddr, os::unix::net::UnixDatagram, path::PathBuf, time::Duration};

use clap::Args;

use super::http::client::client;

/// Where systemd listens and how often it wants to hear; it sets both itself, for its services.
#[derive(Clone, Debug, Default, Args)]
pub struct Supervisor {
    /// The path of its socket.
    #[arg(id = "notify_socket", long = "notify-socket", env = "NOTIFY_SOCKET", hide = true)]
    pub socket: Option<PathBuf>,
    /// Microseconds after which a silent server is taken for dead and started anew.
    #[arg(id = "watchdog_usec", long = "watchdog-usec", env = "WATCHDOG_USEC", hide = true)]
    pub watchdog_us: Option<u64>,
}

/// Told once /readyz can be asked.
pub const READY: &str = "READY=1";
/// Told at the first signal.
pub const STOPPING: &str = "STOPPING=1";
/// Told as long as the server answers.
const ALIVE: &str = "WATCHDOG=1";

impl Supervisor {
    /// Says `state` to whoever supervises us, if anybody does.
    pub fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        let sent = UnixDatagram::unbound().and_then(|from| from.send_to(state.as_bytes(), socket));
        if let Err(error) = sent {
            tracing::warn!(%error, "systemd could not be told {state}");
        }
    }

    /// Tells twice a period that we live, as long as the listener for operations answers: so the
    /// runtime, the accept loop and a router do. SQL being away is no reason to start anew, and is
    /// not asked. Never ends where a watchdog is set.
    pub async fn keep_alive(self, operations: SocketAddr) -> anyhow::Result<()> {
        let Some(period) = self.watchdog_us.filter(|_| self.socket.is_some()) else {
            return Ok(());
        };
        let (client, url) = (client()?, format!("http://{operations}/livez"));
        loop {
            let answer = client.get(&url).send().await;
            match answer.and_then(reqwest::Response::error_for_status) {
                Ok(_) => self.tell(ALIVE),
                Err(error) => tracing::error!(%error, "we do not answer ourselves"),
            }
            tokio::time::sleep(Duration::from_micros(period / 2)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};

    use super::*;

    /// A socket as systemd opens one, and a supervisor that speaks to it.
    fn listening(folder: &tempfile::TempDir) -> (UnixDatagram, Supervisor) {
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (socket, Supervisor { socket: Some(path), watchdog_us: Some(20_000) })
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 64];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_watchdog_hears_of_us_while_we_answer() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (socket, supervisor) = listening(&folder);
        supervisor.tell(READY);
        assert_eq!(heard(&socket), READY);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lives = Router::new().route("/livez", get(async || "alive"));
        let server = tokio::spawn(async move { axum::serve(listener, lives).await });
        let watch = tokio::spawn(supervisor.keep_alive(address));
        let alive = tokio::task::spawn_blocking(move || (heard(&socket), heard(&socket)));
        assert_eq!(alive.await.unwrap(), (ALIVE.to_owned(), ALIVE.to_owned()));
        watch.abort();
        server.abort();
    }

    #[tokio::test]
    async fn without_systemd_nothing_is_said_and_nothing_waits() {
        let nobody = Supervisor::default();
        nobody.tell(READY);
        nobody.keep_alive(SocketAddr::from(([127, 0, 0, 1], 1))).await.unwrap();
    }
}
