//! All that a request can reach: a line a domain, then the middleware. And the life of a server:
//! it starts whole or not at all, and stops in order.

use std::{net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Extension, Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
};
use futures_util::future::BoxFuture;
use sea_orm::DatabaseConnection;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    base::{
        clock::Clock,
        config::Config,
        counters::Counters,
        db,
        guard::Guard,
        http::{
            docs::docs,
            edge::{self, edge},
            limits::RateLimit,
            ops::{Readiness, ops},
            serve::{Limits, serve},
        },
        keys::Keys,
        metrics::Metrics,
        state::State,
    },
    entries::{Directory, Recorder, RecorderContext, world::Worlds},
    gateways, jobs, members,
    minutes::{self, projector},
    screen, staff, terminals, venues,
};

/// A running fitgate.
pub struct App {
    /// Where residents, terminals, screens and staff connect.
    pub address: SocketAddr,
    /// Where operations look.
    pub ops_address: SocketAddr,
    pub(crate) db: DatabaseConnection,
    pub(crate) keys: Arc<Keys>,
    stop: CancellationToken,
    servers: [JoinHandle<anyhow::Result<()>>; 2],
    tasks: TaskTracker,
    hub: screen::Hub,
    _guard: Guard,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "fitgate",
        description = "智慧体育社区：一次实名登记，全城场馆刷脸入场，可信的运动时长。\n\n\
                   Smart sports communities: register once, show your face at any door, \
                   minutes that people can trust."
    ),
    components(schemas(crate::base::page::Limit))
)]
struct Document;

/// How long tasks may finish what they hold after the requests have ended.
const TASKS_DEADLINE: Duration = Duration::from_secs(10);

impl App {
    /// Opens the database and brings it up to date, starts every task, then listens. What cannot
    /// work is said here, not later.
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        config.check()?;
        let listener = listen(config.listen()).await?;
        let ops_listener = listen(config.ops_listen()).await?;
        let keys = Arc::new(open_keys(&config)?);
        let db = db::open(config.data.database_url()).await?;
        let guard = Guard::take(&config.data).await?;
        db::migrate(&db).await?;
        db::ensure_partitions(&db, clock.now().date_naive()).await?;
        let counters = Counters::open(config.data.redis_url())?;
        let stop = CancellationToken::new();
        let metrics = Arc::new(Metrics::new());
        let state = State {
            db: db.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            counters: counters.clone(),
            config: Arc::new(config),
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        let tasks = TaskTracker::new();
        let recorder = start_tasks(&state, &tasks);
        let caches = terminals::Caches::default();
        let intake =
            gateways::Intake::new(state.clone(), recorder.clone(), caches.clone(), tasks.clone());
        tasks.spawn(gateways::outward::run(intake.clone(), stop.clone()));
        let hub = screen::Hub::new(db.clone(), clock, counters, stop.clone());
        let router = router(&state, recorder, (intake, caches), hub.clone())?;
        let readiness = readiness(&state);
        let (address, ops_address) = (listener.local_addr()?, ops_listener.local_addr()?);
        let operations =
            ops(metrics.clone(), readiness).merge(minutes::operations().with_state(state.clone()));
        let ops_router = edge(operations, edge::Settings::default(), metrics);
        let servers = [
            tokio::spawn(serve(listener, router, Limits::default(), stop.clone())),
            tokio::spawn(serve(ops_listener, ops_router, Limits::default(), stop.clone())),
        ];
        tracing::info!(%address, %ops_address, "fitgate is listening");
        Ok(Self { address, ops_address, db, keys, stop, servers, tasks, hub, _guard: guard })
    }

    /// Takes no more connections, lets requests and then tasks end, and gives everything back.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        for server in self.servers {
            server.await.context("a listener's task failed")??;
        }
        self.hub.finished().await;
        self.tasks.close();
        if tokio::time::timeout(TASKS_DEADLINE, self.tasks.wait()).await.is_err() {
            tracing::warn!("some tasks did not end in time");
        }
        self.db.close().await?;
        Ok(())
    }

    /// Runs until `ended` comes true, then stops.
    pub async fn run_until(self, ended: impl Future<Output = ()>) -> anyhow::Result<()> {
        ended.await;
        tracing::info!("stopping");
        self.stop().await
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is another server running there?"))
}

fn open_keys(config: &Config) -> anyhow::Result<Keys> {
    let file = config.data.keys_file()?;
    match config.data.mode {
        crate::base::config::Mode::Production => Keys::load(&file),
        crate::base::config::Mode::Development => Keys::load_or_create(&file),
    }
}

/// Starts the recorder, the projector and the jobs; the recorder outlives requests by being
/// stopped through its queue.
fn start_tasks(state: &State, tasks: &TaskTracker) -> Recorder {
    let committed = Arc::new(Notify::new());
    let worlds = Worlds::default();
    let (recorder, task) = Recorder::new(RecorderContext {
        db: state.db.clone(),
        clock: state.clock.clone(),
        keys: state.keys.clone(),
        worlds: worlds.clone(),
        directory: Directory::new(),
        committed: committed.clone(),
    });
    tasks.spawn(task.run(state.stop.clone()));
    tasks.spawn(projector::run(
        state.db.clone(),
        state.counters.clone(),
        state.clock.clone(),
        committed.clone(),
        state.stop.clone(),
    ));
    let context = jobs::Context {
        db: state.db.clone(),
        clock: state.clock.clone(),
        keys: state.keys.clone(),
        worlds,
        committed,
    };
    jobs::start(&context, &state.stop, tasks);
    recorder
}

/// Calls a minute from one caller to what needs no token, and how many at once.
const OPEN_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");
const OPEN_BURST: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

/// Middleware that answers 429 to callers who come too often.
fn rarely(
    per_minute: NonZeroU32,
    burst: NonZeroU32,
) -> impl Fn(Request, Next) -> BoxFuture<'static, Response> + Clone {
    let limit = Arc::new(RateLimit::new(per_minute, burst));
    move |request, next| Box::pin(limit.clone().guard(request, next))
}

/// Past minutes belong to a domain above members, so the frame hands them the way to the ledger.
fn carry_over(state: &State) -> members::CarryOver {
    let (keys, clock) = (state.keys.clone(), state.clock.clone());
    Arc::new(move |tx, rows| {
        let (keys, now) = (keys.clone(), clock.now());
        Box::pin(async move { minutes::carry_over(tx, &keys, rows, now).await })
    })
}

/// What a terminal sent before it was claimed is read by a domain above terminals.
fn release(intake: gateways::Intake) -> terminals::Release {
    Arc::new(move |family, serial, by| {
        let intake = intake.clone();
        Box::pin(async move { intake.release(family, &serial, &by).await })
    })
}

fn router(
    state: &State,
    recorder: Recorder,
    (intake, caches): (gateways::Intake, terminals::Caches),
    hub: screen::Hub,
) -> anyhow::Result<Router> {
    let (paths, api) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(venues::routes().layer(from_fn(rarely(OPEN_PER_MINUTE, OPEN_BURST))))
        .merge(members::routes(carry_over(state)))
        .merge(staff::routes())
        .merge(terminals::routes(release(intake.clone())))
        .merge(gateways::routes(recorder, intake))
        .merge(minutes::routes())
        .merge(screen::routes(hub))
        .split_for_parts();
    let settings =
        edge::Settings { hosts: state.config.hosts.clone(), ..edge::Settings::default() };
    let remembered = Extension(caches);
    let router = paths.merge(docs(&api)?).layer(remembered).with_state(state.clone());
    Ok(edge(router, settings, state.metrics.clone()))
}

/// Ready when SQL answers and the server is not stopping. Counters may be lost: doors must open.
fn readiness(state: &State) -> Readiness {
    let (db, stop) = (state.db.clone(), state.stop.clone());
    Readiness::default()
        .with("database", move || {
            let db = db.clone();
            async move { db.ping().await.is_ok() }
        })
        .with("serving", move || {
            let stopping = stop.is_cancelled();
            async move { !stopping }
        })
}
