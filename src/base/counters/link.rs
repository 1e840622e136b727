//! The way to Redis: connects on first use, waits briefly, tries once more, and behind a breaker
//! does not try at all for a while. Every command sent here may run twice, since one that timed
//! out may still have run; ours are all idempotent.

use std::{
    error::Error as _,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, Pipeline,
    RedisError, RedisFuture, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClient,
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
    sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType},
};
use tokio::{sync::Mutex as AsyncMutex, time::Instant};

use super::BadCountersUrl;

/// How long to wait for what.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// For an answer, and for a connection to one node.
    pub answer: Duration,
    /// For finding the nodes behind sentinels or of a cluster.
    pub discovery: Duration,
    /// How long nothing is tried after an outage began or a probe failed.
    pub rest: Duration,
}

impl Patience {
    pub(super) const SERVING: Self = Self {
        answer: Duration::from_millis(200),
        discovery: Duration::from_secs(1),
        rest: Duration::from_secs(1),
    };
}

/// Failures in a row that begin an outage; a connection that cannot be had begins one at once.
const FAILURES_MAX: u32 = 3;
/// How often the client itself tries a command again on another node of a cluster.
const CLUSTER_RETRIES: u32 = 1;

pub(super) struct Link {
    target: Target,
    patience: Patience,
    slot: AsyncMutex<Slot>,
    breaker: Mutex<Breaker>,
}

enum Target {
    Node(Box<Client>),
    Sentinel(Box<AsyncMutex<SentinelClient>>),
    Cluster(Box<ClusterClient>),
}

/// The connection in use, numbered so that a latecomer drops only the one that failed them.
#[derive(Default)]
struct Slot {
    number: u64,
    connection: Option<Connection>,
    failed_at: Option<Instant>,
}

#[derive(Default)]
struct Breaker {
    failures: u32,
    /// Nothing is tried before; then one probe at a time.
    rest_until: Option<Instant>,
    /// Whether the log has what TLS says of this outage, which may have begun for another reason.
    has_told_tls: bool,
}

/// A multiplexed connection to one node or to all nodes of a cluster.
#[derive(Clone)]
pub(super) enum Connection {
    Node(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    pub(super) fn open(url: &str, patience: Patience) -> Result<Self, BadCountersUrl> {
        let target = if let Some(rest) = url.strip_prefix("redis+cluster://") {
            Target::Cluster(Box::new(cluster(rest, patience).ok_or(BadCountersUrl)?))
        } else if let Some(rest) = url.strip_prefix("redis+sentinel://") {
            Target::Sentinel(Box::new(AsyncMutex::new(sentinel(rest).ok_or(BadCountersUrl)?)))
        } else if url.starts_with("redis://") || url.starts_with("rediss://") {
            let node = url.into_connection_info().map_err(|_| BadCountersUrl)?;
            let node = Client::open(node.set_tcp_settings(at_once()));
            Target::Node(Box::new(node.map_err(|_| BadCountersUrl)?))
        } else {
            return Err(BadCountersUrl);
        };
        Ok(Self { target, patience, slot: AsyncMutex::default(), breaker: Mutex::default() })
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.target, Target::Cluster(_))
    }

    /// Runs `action` over the connection, a second time over a new one if it fails in a way that
    /// may pass. `None`: the store is lost. Refusals of the command itself come back as they are.
    pub(super) async fn run<T, F>(
        &self,
        action: impl Fn(Connection) -> F,
    ) -> Option<Result<T, RedisError>>
    where
        F: Future<Output = RedisResult<T>>,
    {
        if !self.may_try() {
            return None;
        }
        if let Some(answer) = self.attempt(&action).await {
            return Some(answer);
        }
        if !self.is_whole() {
            return None;
        }
        self.attempt(&action).await
    }

    async fn attempt<T, F>(&self, action: impl Fn(Connection) -> F) -> Option<Result<T, RedisError>>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (number, connection) = match self.connection().await {
            Ok(found) => found,
            Err(error) => {
                self.failed(FAILURES_MAX, &error);
                return None;
            }
        };
        match action(connection).await {
            Err(error) if is_loss(&error) => {
                // All that shared one broken connection failed once, together.
                if self.drop_connection(number).await {
                    self.failed(1, &error);
                }
                None
            }
            answer => {
                self.succeeded();
                Some(answer)
            }
        }
    }

    async fn connection(&self) -> RedisResult<(u64, Connection)> {
        let asked_at = Instant::now();
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((slot.number, connection.clone()));
        }
        // Those who waited here while the first one failed must not each wait as long again.
        if slot.failed_at.is_some_and(|failed_at| failed_at >= asked_at) {
            return Err(out_of_patience());
        }
        match self.connect().await {
            Ok(connection) => {
                slot.number += 1;
                slot.connection = Some(connection.clone());
                Ok((slot.number, connection))
            }
            Err(error) => {
                slot.failed_at = Some(Instant::now());
                Err(error)
            }
        }
    }

    async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.answer))
            .set_response_timeout(Some(self.patience.answer));
        match &self.target {
            Target::Node(client) => {
                let found = client.get_multiplexed_async_connection_with_config(&config).await?;
                Ok(Connection::Node(found))
            }
            Target::Sentinel(sentinel) => {
                let mut sentinel = sentinel.lock().await;
                let finding = sentinel.get_async_connection_with_config(&config);
                let found = tokio::time::timeout(self.patience.discovery, finding).await;
                found.unwrap_or_else(|_| Err(out_of_patience())).map(Connection::Node)
            }
            Target::Cluster(client) => {
                let finding = client.get_async_connection();
                let found = tokio::time::timeout(self.patience.discovery, finding).await;
                found.unwrap_or_else(|_| Err(out_of_patience())).map(Connection::Cluster)
            }
        }
    }

    /// A cluster's connection heals itself, node by node; one to a single node is made anew, by
    /// way of the sentinels where there are any. False if somebody else did it before.
    async fn drop_connection(&self, number: u64) -> bool {
        if self.is_cluster() {
            return true;
        }
        let mut slot = self.slot.lock().await;
        slot.number == number && slot.connection.take().is_some()
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no outage goes on.
    fn is_whole(&self) -> bool {
        self.breaker().rest_until.is_none()
    }

    /// Whether to try at all: always without an outage, else one probe after each rest.
    fn may_try(&self) -> bool {
        let now = Instant::now();
        let mut breaker = self.breaker();
        match breaker.rest_until {
            None => true,
            Some(until) if until > now => false,
            Some(_) => {
                breaker.rest_until = Some(now + self.patience.rest);
                true
            }
        }
    }

    fn failed(&self, times: u32, error: &RedisError) {
        let mut breaker = self.breaker();
        breaker.failures = breaker.failures.saturating_add(times);
        if breaker.failures < FAILURES_MAX {
            return;
        }
        let until = Instant::now() + self.patience.rest;
        let begins = breaker.rest_until.replace(until).is_none();
        let tls = tls_trouble(error);
        let tells_tls = tls.is_some() && !breaker.has_told_tls;
        breaker.has_told_tls |= tells_tls;
        if begins || tells_tls {
            let cause = tls.as_deref().or(error.code()).unwrap_or_else(|| error.category());
            tracing::warn!(cause, "the counters are lost; statistics come from SQL");
        }
    }

    fn succeeded(&self) {
        let mut breaker = self.breaker();
        (breaker.failures, breaker.has_told_tls) = (0, false);
        if breaker.rest_until.take().is_some() {
            tracing::info!("the counters can be reached again");
        }
    }
}

/// Whether the store, not the command, failed: a new connection or a later time may help.
fn is_loss(error: &RedisError) -> bool {
    match error.kind() {
        // WRONGTYPE and the like: the store is there and understood us.
        ErrorKind::Server(ServerErrorKind::ResponseError)
        | ErrorKind::UnexpectedReturnType
        | ErrorKind::Parse => false,
        // OOM, NOREPLICAS and what else has no name in the client.
        ErrorKind::Extension => !is_wrong_type(error),
        _ => true,
    }
}

fn is_wrong_type(error: &RedisError) -> bool {
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "WRONGTYPE"))
}

/// What TLS has against the other side, such as a certificate that has run out. It names no secret;
/// of what else went wrong only the kind is told.
pub(super) fn tls_trouble(error: &RedisError) -> Option<String> {
    let shared = error.source()?.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    let trouble = shared.downcast_ref::<std::io::Error>()?.get_ref()?;
    trouble.downcast_ref::<rustls::Error>().map(ToString::to_string)
}

fn out_of_patience() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

/// What stands before the nodes in `[user:password@]host:port,host:port[/path]`.
struct Address<'a> {
    user: Option<&'a str>,
    password: Option<&'a str>,
    nodes: Vec<(&'a str, u16)>,
    path: Vec<&'a str>,
}

fn address(rest: &str) -> Option<Address<'_>> {
    let (rest, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, nodes) =
        rest.rsplit_once('@').map_or((None, rest), |(login, nodes)| (Some(login), nodes));
    let (user, password) = login.and_then(|login| login.split_once(':')).unzip();
    let node = |text: &'_ str| -> Option<(usize, u16)> {
        let (host, port) = text.rsplit_once(':')?;
        (!host.is_empty()).then_some(())?;
        Some((host.len(), port.parse().ok()?))
    };
    let nodes = nodes
        .split(',')
        .map(|text| node(text).map(|(host, port)| (&text[..host], port)))
        .collect::<Option<Vec<_>>>()?;
    Some(Address {
        user: user.filter(|user| !user.is_empty()),
        password,
        nodes,
        path: path.split('/').filter(|part| !part.is_empty()).collect(),
    })
}

/// A command goes out by itself, instead of waiting for the answer to the one before.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn cluster(rest: &str, patience: Patience) -> Option<ClusterClient> {
    let address = address(rest)?;
    let nodes = address.nodes.iter().map(|(host, port)| format!("redis://{host}:{port}"));
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(patience.answer)
        .response_timeout(patience.answer)
        .tcp_settings(at_once())
        .retries(CLUSTER_RETRIES);
    if let Some(user) = address.user {
        builder = builder.username(user);
    }
    if let Some(password) = address.password {
        builder = builder.password(password);
    }
    builder.build().ok()
}

fn sentinel(rest: &str) -> Option<SentinelClient> {
    let address = address(rest)?;
    let nodes = address.nodes.iter().map(|(host, port)| ConnectionAddr::Tcp((*host).into(), *port));
    let service = address.path.first()?;
    let mut builder =
        SentinelClientBuilder::new(nodes, service, SentinelServerType::Master).ok()?;
    builder = builder.set_client_to_redis_tcp_settings(at_once());
    if let Some(database) = address.path.get(1) {
        builder = builder.set_client_to_redis_db(database.parse().ok()?);
    }
    if let Some(user) = address.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = address.password {
        builder = builder.set_client_to_redis_password(password);
    }
    builder.build().ok()
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Node(node) => node.req_packed_command(command),
            Self::Cluster(cluster) => cluster.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        commands: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Node(node) => node.req_packed_commands(commands, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(commands, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Node(node) => node.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}
