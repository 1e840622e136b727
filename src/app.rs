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
    activities,
    base::{
        clock::Clock,
        config::Config,
        counters::Counters,
        db,
        fence::Fence,
        guard::Guard,
        http::{
            docs::docs,
            edge::{self, edge},
            limits::RateLimit,
            ops::{Readiness, ops},
            serve::{Front, Limits, serve},
        },
        keys::Keys,
        metrics::Metrics,
        realname,
        state::State,
        wechat_api::Wechat,
    },
    bookings,
    entries::{Directory, Recorder, RecorderContext, Remembered, Rivals, mark, world::Worlds},
    fitness, gateways, groups, honours, instructors, jobs, members,
    minutes::{self, projector, projector::Projector},
    notices, open_data, privacy, reports, safety, screen, staff, terminals, tickets, venues,
    webhooks, wechat, worklist,
};

mod handed;

/// A running fitgate.
pub struct App {
    /// Where residents, terminals, screens and staff connect.
    pub address: SocketAddr,
    /// Where operations look.
    pub ops_address: SocketAddr,
    pub(crate) db: DatabaseConnection,
    hot: DatabaseConnection,
    pub(crate) keys: Arc<Keys>,
    stop: CancellationToken,
    /// Cancelled before `stop`: no proxy shall send anything new.
    leaving: CancellationToken,
    drain: Duration,
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
    components(schemas(crate::base::page::Limit, crate::base::http::problem::ProblemBody))
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
        let keys = Arc::new(Keys::of(&config.data)?);
        let db = db::open(config.data.database_url()).await?;
        let guard = Guard::take(&config.data).await?;
        prepare(&db, &config, &clock).await?;
        let hot = db::open_hot(config.data.database_url(), &db).await?;
        let counters = Counters::open(config.data.redis_url())?;
        let fence = Fence::default();
        // Before anybody is let in; where it cannot be told, the task below says so.
        fence.look(&hot, &counters).await.ok();
        let stop = CancellationToken::new();
        let metrics = Arc::new(Metrics::new());
        let state = State {
            db: db.clone(),
            clock: clock.clone(),
            keys: keys.clone(),
            counters: counters.clone(),
            fence: fence.clone(),
            wechat: Wechat::new(&config.wechat, db.clone(), keys.clone(), clock.clone())?,
            realname: realname::chosen(&config.realname, &clock)?,
            config: Arc::new(config),
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        let tasks = TaskTracker::new();
        let recorder = start_tasks(&state, &hot, &tasks)?;
        let caches = terminals::Caches::default();
        let intake =
            gateways::Intake::new(state.clone(), recorder.clone(), caches.clone(), tasks.clone());
        start_gateways(&intake, &stop, &tasks);
        let hub = screen::Hub::new(
            db.clone(),
            clock,
            counters,
            stop.clone(),
            metrics.screen_builds.clone(),
        );
        let front = Front {
            ready: Some(polls(&state, hub.clone())),
            router: router(&state, recorder, (intake, caches), hub.clone())?,
        };
        let (leaving, drain) = (stop.child_token(), Duration::from_secs(state.config.drain_s));
        let readiness = Readiness::of_server(db.clone(), hot.clone(), leaving.clone(), fence);
        let (address, ops_address) = (listener.local_addr()?, ops_listener.local_addr()?);
        let operations =
            ops(metrics.clone(), readiness).merge(minutes::operations().with_state(state.clone()));
        let ops_router = edge(operations, edge::Settings::default(), metrics);
        let servers = [
            tokio::spawn(serve(listener, front, Limits::of_process(), stop.clone())),
            tokio::spawn(serve(ops_listener, ops_router, Limits::of_process(), stop.clone())),
        ];
        tracing::info!(%address, %ops_address, "fitgate is listening");
        Ok(Self {
            address,
            ops_address,
            db,
            hot,
            keys,
            stop,
            leaving,
            drain,
            servers,
            tasks,
            hub,
            _guard: guard,
        })
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
        self.hot.close().await?;
        self.db.close().await?;
        Ok(())
    }

    /// Runs until `ended` comes true, then stops.
    pub async fn run_until(self, ended: impl Future<Output = ()>) -> anyhow::Result<()> {
        ended.await;
        tracing::info!("stopping");
        self.leaving.cancel();
        tokio::time::sleep(self.drain).await;
        self.stop().await
    }
}

/// The database as this version wants it, without whom a restored backup brought back.
async fn prepare(db: &DatabaseConnection, config: &Config, clock: &Clock) -> anyhow::Result<()> {
    db::migrate(db).await?;
    tell_of_what_is_missing(db, config).await?;
    db::ensure_partitions(db, clock.now().date_naive()).await?;
    if let Some(file) = config.erasures() {
        privacy::erasures::apply(db, file, clock.now()).await?;
    }
    Ok(())
}

/// Says aloud that the database has gone back behind what it was. Terminals are asked for what they
/// had told by the numbers of their records, so nobody has to wait for that.
async fn tell_of_what_is_missing(db: &DatabaseConnection, config: &Config) -> anyhow::Result<()> {
    let Some(file) = config.data.database_file() else { return Ok(()) };
    if let Some(mark) = mark::missed(db, &file).await? {
        tracing::error!(
            newest_entry = ?mark.entry,
            deeds = mark.deeds,
            "the database lost its last changes, or is a backup: doors are asked for their \
             entries again, whatever else was done since is gone"
        );
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; is another server running there?"))
}

/// Starts what talks to devices by itself.
fn start_gateways(intake: &gateways::Intake, stop: &CancellationToken, tasks: &TaskTracker) {
    tasks.spawn(gateways::outward::run(intake.clone(), stop.clone()));
    tasks.spawn(gateways::outward::keep_rosters(intake.clone(), stop.clone()));
    tasks.spawn(gateways::listening::run(intake.clone(), stop.clone()));
}

/// Starts the recorder, the projector and the jobs; the recorder outlives requests by being
/// stopped through its queue.
fn start_tasks(
    state: &State,
    hot: &DatabaseConnection,
    tasks: &TaskTracker,
) -> anyhow::Result<Recorder> {
    let committed = Arc::new(Notify::new());
    let worlds = Worlds::default();
    let (recorder, task) = Recorder::new(RecorderContext {
        db: hot.clone(),
        clock: state.clock.clone(),
        keys: state.keys.clone(),
        worlds: worlds.clone(),
        directory: Directory::new(),
        committed: committed.clone(),
        rivals: Rivals::default(),
        remembered: Remembered::default(),
        group_events: state.metrics.group_events.clone(),
        fence: state.fence.clone(),
    });
    tasks.spawn(task.run(state.stop.clone()));
    let State { counters, fence, .. } = state.clone();
    tasks.spawn(fence.clone().keep(hot.clone(), counters.clone(), state.stop.clone()));
    let projector = Projector::new(hot.clone(), counters, state.clock.clone(), fence);
    tasks.spawn(projector::run(projector, committed.clone(), state.stop.clone()));
    tasks.spawn(db::room::keep(state.db.clone(), hot.clone(), state.stop.clone()));
    let context = jobs::Context {
        db: state.db.clone(),
        clock: state.clock.clone(),
        keys: state.keys.clone(),
        worlds,
        wechat: state.wechat.clone(),
        webhooks: webhooks::Sender::new(handed::reach(&state.config))?,
        config: state.config.clone(),
        metrics: state.metrics.clone(),
        committed,
        fence: state.fence.clone(),
    };
    jobs::start(&context, &state.stop, tasks);
    jobs::start_own(&context, &state.stop, tasks);
    Ok(recorder)
}

/// Calls a minute from one caller to what needs no token, and how many at once.
const OPEN_PER_MINUTE: NonZeroU32 = NonZeroU32::new(600).expect("not zero");
const OPEN_BURST: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

/// Calls a minute of one resident about themselves, and how many at once.
const OWN_PER_MINUTE: NonZeroU32 = NonZeroU32::new(240).expect("not zero");
const OWN_BURST: NonZeroU32 = NonZeroU32::new(120).expect("not zero");

/// Middleware that answers 429 to callers who come too often.
fn rarely(
    state: &State,
    per_minute: NonZeroU32,
    burst: NonZeroU32,
) -> impl Fn(Request, Next) -> BoxFuture<'static, Response> + Clone + use<> {
    let limit = Arc::new(RateLimit::new(per_minute, burst).shared(state.counters.clone()));
    move |request, next| Box::pin(limit.clone().guard(request, next))
}

/// What residents do for themselves: one bucket a token for all of it.
fn own_routes(state: &State) -> OpenApiRouter<State> {
    members::resident_routes(handed::face_doors(state))
        .merge(minutes::resident_routes())
        .merge(bookings::resident_routes())
        .merge(groups::resident_routes())
        .merge(activities::resident_routes())
        .merge(fitness::resident_routes())
        .merge(tickets::resident_routes())
        .merge(honours::resident_routes())
        .merge(privacy::routes())
}

fn router(
    state: &State,
    recorder: Recorder,
    (intake, caches): (gateways::Intake, terminals::Caches),
    hub: screen::Hub,
) -> anyhow::Result<Router> {
    let (paths, api) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(venues::routes(handed::look_around(state)).layer(from_fn(rarely(
            state,
            OPEN_PER_MINUTE,
            OPEN_BURST,
        ))))
        .merge(members::routes(handed::carry_over(state)))
        .merge(own_routes(state).layer(from_fn(rarely(state, OWN_PER_MINUTE, OWN_BURST))))
        .merge(staff::routes())
        .merge(privacy::staff_routes())
        .merge(worklist::routes())
        .merge(terminals::routes(handed::release(intake.clone())))
        .merge(gateways::routes(recorder, intake))
        .merge(minutes::routes())
        .merge(reports::routes())
        .merge(safety::routes())
        .merge(webhooks::routes(handed::reach(&state.config)))
        .merge(instructors::routes())
        .merge(bookings::routes())
        .merge(groups::routes())
        .merge(activities::routes())
        .merge(notices::routes().layer(from_fn(rarely(state, OPEN_PER_MINUTE, OPEN_BURST))))
        .merge(open_data::routes().layer(from_fn(rarely(state, OPEN_PER_MINUTE, OPEN_BURST))))
        .merge(fitness::routes())
        .merge(tickets::routes())
        .merge(honours::routes())
        .merge(honours::open_routes().layer(from_fn(rarely(state, OPEN_PER_MINUTE, OPEN_BURST))))
        .merge(wechat::routes(handed::erase(state)).layer(from_fn(rarely(
            state,
            OPEN_PER_MINUTE,
            OPEN_BURST,
        ))))
        .merge(screen::staff_routes(hub.clone()))
        .merge(members::desk_face_routes(handed::face_doors(state)))
        .merge(screen::routes(hub))
        .split_for_parts();
    let remembered = Extension(caches);
    let router = paths.merge(docs(&api)?).layer(remembered).with_state(state.clone());
    Ok(edge(router, edge_settings(state), state.metrics.clone()))
}

fn edge_settings(state: &State) -> edge::Settings {
    let Config { hosts, trusted_proxies, .. } = &*state.config;
    edge::Settings {
        hosts: hosts.clone(),
        trusted_proxies: trusted_proxies.clone(),
        goes_first: is_a_terminals,
        fence: state.fence.clone(),
        ..edge::Settings::default()
    }
}

/// Whether a path is one of the native terminals' or, outside our API, of a vendor's: a door must
/// open while residents and staff are told to come back.
fn is_a_terminals(path: &str) -> bool {
    let is_ours = ["/api/v1/", "/open/v1"].iter().any(|prefix| path.starts_with(prefix));
    path.starts_with("/api/v1/terminal/") || !is_ours
}

/// Polls of screens, which are most of all requests and find their bytes ready.
fn polls(state: &State, hub: screen::Hub) -> edge::Ready {
    edge::ahead(edge_settings(state), &state.metrics, screen::POLLED, move |uri, headers| {
        screen::ready(&hub, uri, headers)
    })
}
