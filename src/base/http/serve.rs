//! The accept loop: connections are counted, bounded in time and number, and ended in good
//! order. Our own, because axum's has no deadline for a request's head.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{Router, body::Body, http::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{
    edge::Ready,
    peer::Peer,
    wire::{self, Wire},
};

/// What a listener bears. Times are generous for a terminal behind a bad line and short enough
/// that nobody can hold a connection for nothing.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; further ones get 503 at once.
    pub connections_max: usize,
    /// From a connection's, or a later head's, first moment to the end of that head.
    pub head_timeout: Duration,
    /// From the last bytes of an answer, or a piece of one, to the next head or piece; longer than a
    /// proxy keeps its own end open, and than a stream is silent.
    pub idle_timeout: Duration,
    /// How long a peer may take none of the bytes we have for it.
    pub stall_timeout: Duration,
    /// How long requests may go on after the stop.
    pub stop_deadline: Duration,
    /// Bytes of a head, and of a connection's read buffer.
    pub head_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
            stop_deadline: Duration::from_secs(20),
            head_bytes_max: 128 * 1024,
        }
    }
}

/// Descriptors that a process needs beside its connections: of databases, stores, devices and files.
const DESCRIPTORS_KEPT: u64 = 512;

impl Limits {
    /// What this process can bear. It may open as many descriptors from now on as it is allowed to:
    /// what it is given at first is often a thousand, which is a tenth of a crowd.
    pub fn of_process() -> Self {
        let given = getrlimit(Resource::Nofile);
        let wanted = Rlimit { current: given.maximum, maximum: given.maximum };
        match setrlimit(Resource::Nofile, wanted) {
            Ok(()) => Self::default().within(given.maximum),
            Err(error) => {
                tracing::warn!(%error, "no more descriptors are to be had");
                Self::default().within(given.current)
            }
        }
    }

    /// The same with so many `descriptors`, if they are bounded: half of them at least are for
    /// connections. Without one to accept it by, nobody could even be told that they are too many.
    fn within(self, descriptors: Option<u64>) -> Self {
        let room = |all: u64| all - DESCRIPTORS_KEPT.min(all / 2);
        let room = descriptors.and_then(|all| usize::try_from(room(all)).ok());
        let connections_max = room.map_or(self.connections_max, |n| n.min(self.connections_max));
        Self { connections_max, ..self }
    }
}

/// Who answers: what lies ready, then the router.
#[derive(Clone)]
pub struct Front {
    pub ready: Option<Ready>,
    pub router: Router,
}

impl From<Router> for Front {
    fn from(router: Router) -> Self {
        Self { ready: None, router }
    }
}

/// Serves `front` on `listener` until `stop`, then lets requests end for `limits.stop_deadline`.
/// Streams must end by themselves when `stop` is cancelled; what still runs then is cut off.
pub async fn serve(
    listener: TcpListener,
    front: impl Into<Front>,
    limits: Limits,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let front = front.into();
    let room = Arc::new(Semaphore::new(limits.connections_max));
    let refusals = Refusals::new();
    let limits = Arc::new(limits);
    let mut connections = JoinSet::new();
    loop {
        let (socket, peer) = tokio::select! {
            () = stop.cancelled() => break,
            // Ended connections are taken off, so that the set does not grow.
            Some(ended) = connections.join_next() => {
                note_end(ended);
                continue;
            }
            accepted = accept(&listener) => accepted?,
        };
        match Arc::clone(&room).try_acquire_owned() {
            Ok(permit) => {
                let (front, limits, stop) = (front.clone(), Arc::clone(&limits), stop.clone());
                connections.spawn(connection(socket, peer, front, limits, stop, permit));
            }
            Err(_) => refusals.refuse(socket),
        }
    }
    drop(listener);
    drain(connections, limits.stop_deadline).await;
    Ok(())
}

/// The longest wait after a failed accept.
const BACK_OFF_MAX: Duration = Duration::from_secs(1);
const BACK_OFF_MIN: Duration = Duration::from_millis(10);

/// The next connection. Without file descriptors it waits, longer each time, for some to be
/// freed: failing would end the server and spinning would keep it from freeing any.
async fn accept(listener: &TcpListener) -> anyhow::Result<(TcpStream, SocketAddr)> {
    let mut back_off = BACK_OFF_MIN;
    loop {
        match listener.accept().await {
            Ok(accepted) => return Ok(accepted),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Err(error).context("the listener does not work");
            }
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted; waiting");
                tokio::time::sleep(back_off).await;
                back_off = (back_off * 2).min(BACK_OFF_MAX);
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    front: Front,
    limits: Arc<Limits>,
    stop: CancellationToken,
    permit: OwnedSemaphorePermit,
) {
    // Answers are small and awaited: none of them may wait for more bytes to go with it.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let mut wire = Wire::new(socket, &limits);
    speak(&mut wire, peer, front, &limits, &stop).await;
    if !stop.is_cancelled() {
        wire.linger().await;
    }
    drop(permit);
}

/// Speaks HTTP/1.1 until either side ends it.
async fn speak(
    wire: &mut Wire,
    peer: SocketAddr,
    front: Front,
    limits: &Limits,
    stop: &CancellationToken,
) {
    let service = service_fn(|request| answer(&front, request, peer));
    let http = http1::Builder::new()
        // `Wire` times heads and idle connections.
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes_max)
        .serve_connection(TokioIo::new(wire), service);
    let mut http = pin!(http);
    let outcome = tokio::select! {
        outcome = http.as_mut() => outcome,
        () = stop.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = outcome {
        // The peer went away or spoke no HTTP: everyday, and not ours to mend.
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    front: &Front,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response, Infallible> {
    if let Some(response) = front.ready.as_ref().and_then(|ready| ready(&request)) {
        return Ok(response);
    }
    request.extensions_mut().insert(Peer(peer));
    front.router.clone().call(request.map(Body::new)).await
}

/// Waits for the connections' ends, no longer than `deadline`; the rest is cut off.
async fn drain(mut connections: JoinSet<()>, deadline: Duration) {
    let all_end = async {
        while let Some(ended) = connections.join_next().await {
            note_end(ended);
        }
    };
    if tokio::time::timeout(deadline, all_end).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at the stop");
        connections.shutdown().await;
    }
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a connection's task panicked");
    }
}

/// Refuses connections over the limit without letting the refusals become a crowd themselves.
struct Refusals {
    room: Arc<Semaphore>,
    answer: Arc<[u8]>,
}

/// Refusals written at once, and the time each may take; beyond them the socket is just closed.
const REFUSALS_MAX: usize = 256;
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(500);

impl Refusals {
    fn new() -> Self {
        Self {
            room: Arc::new(Semaphore::new(REFUSALS_MAX)),
            answer: wire::refusal_of_connection().into(),
        }
    }

    fn refuse(&self, socket: TcpStream) {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
            return;
        };
        let answer = Arc::clone(&self.answer);
        tokio::spawn(async move {
            wire::refuse(socket, &answer, Instant::now() + REFUSAL_TIMEOUT).await;
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_all_else() {
        let connections = |n| Limits::default().within(n).connections_max;
        assert_eq!(connections(None), 10_000);
        assert_eq!(connections(Some(20_000)), 10_000);
        assert_eq!(connections(Some(10_000)), 9_488);
        assert_eq!(connections(Some(96)), 48);
        assert_eq!(connections(Some(0)), 0);
    }
}
