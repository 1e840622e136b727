//! Builds each division's document at most once a second however many ask, only while somebody
//! looks, and keeps it as bytes: polls and streams only hand them out.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::http::HeaderValue;
use bytes::Bytes;
use futures_util::FutureExt as _;
use prometheus::Histogram;
use sea_orm::DatabaseConnection;
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    TokenHash,
    board::Board,
    document::Document,
    maps::{self, MapSheet},
    tables,
};
use crate::base::{
    clock::Clock,
    counters::Counters,
    error::{Code, Error},
    ids::DivisionCode,
};

/// A document is built at most this often.
const BUILD_EVERY: Duration = Duration::from_secs(1);
/// How long after the last poll a division is still built, where no stream is open.
const IDLE_AFTER: Duration = Duration::from_mins(1);
/// A build that takes longer has failed: something it waits for is away.
const BUILD_MAX: Duration = Duration::from_secs(20);
/// Documents built at once: screens must leave most database connections to entries.
const BUILDS_AT_ONCE: usize = 4;
/// Divisions built by one process: more than a province has communities with a screen.
const SCREENS_MAX: usize = 4096;
/// How long a token, known or not, is remembered: revocation takes so long at most.
const TOKEN_TTL: Duration = Duration::from_secs(5);
const TOKENS_MAX: u64 = 10_000;
/// Seconds after which a screen should ask again when it could not be served.
const RETRY_AFTER_S: u32 = 5;

/// The screens of a process. Cheap to clone.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    db: DatabaseConnection,
    clock: Clock,
    counters: Counters,
    stop: CancellationToken,
    built_in: Histogram,
    tokens: moka::future::Cache<TokenHash, Option<DivisionCode>>,
    screens: RwLock<HashMap<DivisionCode, Arc<Screen>>>,
    builds: Semaphore,
    builders: TaskTracker,
    born: Instant,
    /// Of the next changed document; never the same twice in a process.
    version: AtomicU64,
    /// Tells the versions of one process from those of another.
    process: u32,
}

/// One division that somebody looks at.
struct Screen {
    latest: watch::Receiver<Latest>,
    /// When a poll last asked, in milliseconds since the hub was born.
    asked_ms: AtomicU64,
}

/// What a builder last had to say.
#[derive(Clone, Default)]
pub struct Latest {
    pub built: Option<Arc<Built>>,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// There is no such division.
    Missing,
    /// What it is built from cannot be reached.
    Away,
}

/// A document, ready to be sent.
pub struct Built {
    /// Grows when anything but `as_of` changes.
    pub version: u64,
    /// Weak, since `as_of` moves under it.
    pub etag: HeaderValue,
    /// The whole frame of the stream.
    pub frame: Bytes,
    /// The document alone: a part of the same memory.
    pub body: Bytes,
    read_at: Instant,
}

/// What stands around the document in a frame.
const FRAME_HEAD: &[u8] = b"event: document\ndata: ";
const FRAME_TAIL: &[u8] = b"\n\n";
/// Where the document has its `as_of`, which always comes first and is always as long.
const AS_OF: std::ops::Range<usize> = 10..34;

impl Built {
    /// How long ago its figures were read: what a screen shows as the age of its data.
    pub fn age(&self) -> Duration {
        self.read_at.elapsed()
    }

    /// When its figures were read, by the server's clock, in RFC 3339.
    pub fn as_of(&self) -> &str {
        self.body.get(AS_OF).and_then(|as_of| std::str::from_utf8(as_of).ok()).unwrap_or_default()
    }

    /// All of the document but `as_of`.
    fn content(&self) -> &[u8] {
        self.body.get(AS_OF.end..).unwrap_or_default()
    }
}

impl Hub {
    /// The screens over `db` and `counters`; builders and streams end when `stop` is cancelled.
    pub fn new(
        db: DatabaseConnection,
        clock: Clock,
        counters: Counters,
        stop: CancellationToken,
        built_in: Histogram,
    ) -> Self {
        let tokens =
            moka::future::Cache::builder().max_capacity(TOKENS_MAX).time_to_live(TOKEN_TTL).build();
        Self(Arc::new(Inner {
            db,
            clock,
            counters,
            stop,
            tokens,
            screens: RwLock::default(),
            builds: Semaphore::new(BUILDS_AT_ONCE),
            builders: TaskTracker::new(),
            built_in,
            born: Instant::now(),
            version: AtomicU64::new(1),
            process: rand::random(),
        }))
    }

    /// The division of a live token; at most [`TOKEN_TTL`] old.
    pub async fn division_of(&self, token: &TokenHash) -> Result<Option<DivisionCode>, Error> {
        if let Some(known) = self.0.tokens.get(token).await {
            return Ok(known);
        }
        // Callers of one unknown token wait for one statement.
        let find = tables::division_of(&self.0.db, token);
        self.0.tokens.try_get_with(*token, find).await.map_err(|error| {
            tracing::warn!(%error, "a screen token could not be looked up");
            Error::Unavailable(Code::DatabaseUnavailable, RETRY_AFTER_S)
        })
    }

    /// The newest document of `division`; waits only for the very first.
    pub async fn latest(&self, division: &DivisionCode) -> Result<Arc<Built>, Error> {
        let screen = self.screen(division)?;
        if let Some(built) = &screen.latest.borrow().built {
            return Ok(Arc::clone(built));
        }
        first(screen.latest.clone()).await
    }

    /// The division of a token that has been looked up lately.
    pub fn division_at_hand(&self, token: &TokenHash) -> Option<DivisionCode> {
        self.0.tokens.get(token).now_or_never().flatten().flatten()
    }

    /// The newest document of `division`, if there is one.
    pub fn built_at_hand(&self, division: &DivisionCode) -> Option<Arc<Built>> {
        let screens = self.0.screens.read().unwrap_or_else(PoisonError::into_inner);
        let screen = screens.get(division)?;
        screen.asked_ms.store(self.now_ms(), Ordering::Relaxed);
        screen.latest.borrow().built.clone()
    }

    /// The documents of `division` as they change. The receiver keeps them being built.
    pub async fn watch(&self, division: &DivisionCode) -> Result<watch::Receiver<Latest>, Error> {
        let latest = self.screen(division)?.latest.clone();
        first(latest.clone()).await?;
        Ok(latest)
    }

    /// The bureau's map of `division`; none where none was supplied.
    pub async fn map(&self, division: &DivisionCode) -> Result<Option<MapSheet>, Error> {
        let Inner { db, clock, .. } = &*self.0;
        maps::sheet(db, division, clock.now()).await.map_err(|error| {
            tracing::warn!(%error, "a map could not be read");
            Error::Unavailable(Code::DatabaseUnavailable, RETRY_AFTER_S)
        })
    }

    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Returns when every builder has ended, after `stop` was cancelled.
    pub async fn finished(&self) {
        self.0.builders.close();
        self.0.builders.wait().await;
    }

    /// The screen of `division`, with a builder at work.
    fn screen(&self, division: &DivisionCode) -> Result<Arc<Screen>, Error> {
        let screens = self.0.screens.read().unwrap_or_else(PoisonError::into_inner);
        let known = screens.get(division).map(Arc::clone);
        drop(screens);
        let screen = match known {
            Some(screen) => screen,
            None => self.begin(division)?,
        };
        screen.asked_ms.store(self.now_ms(), Ordering::Relaxed);
        Ok(screen)
    }

    fn begin(&self, division: &DivisionCode) -> Result<Arc<Screen>, Error> {
        let mut screens = self.0.screens.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(screen) = screens.get(division) {
            return Ok(Arc::clone(screen));
        }
        if screens.len() >= SCREENS_MAX || self.0.stop.is_cancelled() {
            return Err(Error::Unavailable(Code::ScreensBusy, RETRY_AFTER_S));
        }
        let (sender, latest) = watch::channel(Latest::default());
        let screen = Arc::new(Screen { latest, asked_ms: AtomicU64::new(self.now_ms()) });
        screens.insert(division.clone(), Arc::clone(&screen));
        drop(screens);
        let builder = Builder { hub: self.clone(), division: division.clone(), sender };
        self.0.builders.spawn(builder.run());
        Ok(screen)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Waits for the first document, or for the reason why there is none.
async fn first(mut latest: watch::Receiver<Latest>) -> Result<Arc<Built>, Error> {
    let said = |latest: &Latest| latest.built.is_some() || latest.trouble.is_some();
    let latest = match latest.wait_for(said).await {
        Ok(latest) => latest.clone(),
        Err(_ended) => Latest::default(),
    };
    match (latest.built, latest.trouble) {
        (Some(built), _) => Ok(built),
        (None, Some(Trouble::Missing)) => Err(Error::NotFound(Code::NotFound)),
        (None, Some(Trouble::Away) | None) => {
            Err(Error::Unavailable(Code::DatabaseUnavailable, RETRY_AFTER_S))
        }
    }
}

/// Builds one division's documents, until nobody looks any more.
struct Builder {
    hub: Hub,
    division: DivisionCode,
    sender: watch::Sender<Latest>,
}

impl Drop for Builder {
    /// Also after a panic: the next one who asks gets a new builder.
    fn drop(&mut self) {
        let mut screens = self.hub.0.screens.write().unwrap_or_else(PoisonError::into_inner);
        screens.remove(&self.division);
    }
}

impl Builder {
    async fn run(self) {
        let stop = self.hub.0.stop.clone();
        let mut board = Board::new(self.division.clone());
        loop {
            let began = Instant::now();
            let missing = tokio::select! {
                missing = self.build(&mut board) => missing,
                () = stop.cancelled() => return,
            };
            if missing || self.is_idle() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(began + BUILD_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Builds once. True if there is no such division.
    async fn build(&self, board: &mut Board) -> bool {
        let Inner { db, clock, counters, builds, .. } = &*self.hub.0;
        let _permit = builds.acquire().await.expect("the semaphore is never closed");
        let (now, read_at) = (clock.now(), Instant::now());
        match tokio::time::timeout(BUILD_MAX, board.document(db, counters, now)).await {
            Ok(Ok(Some(document))) => {
                self.publish(&document, read_at);
                self.hub.0.built_in.observe(read_at.elapsed().as_secs_f64());
            }
            Ok(Ok(None)) => {
                self.fail(Trouble::Missing);
                return true;
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "a screen could not be built; its last document stands");
                self.fail(Trouble::Away);
            }
            Err(_elapsed) => {
                tracing::warn!("a screen took too long to build; its last document stands");
                self.fail(Trouble::Away);
            }
        }
        false
    }

    /// Everybody gets the new bytes; those who wait for a change are woken only by one.
    fn publish(&self, document: &Document, read_at: Instant) {
        let frame = frame(document);
        self.sender.send_if_modified(|latest| {
            let old = latest.built.take();
            let body = frame.slice(FRAME_HEAD.len()..frame.len() - FRAME_TAIL.len());
            let mut built = Built {
                version: 0,
                etag: HeaderValue::from_static(""),
                frame: frame.clone(),
                body,
                read_at,
            };
            let same = old.filter(|old| old.content() == built.content());
            let changed = same.is_none();
            (built.version, built.etag) = match same {
                Some(old) => (old.version, old.etag.clone()),
                None => self.hub.next_version(),
            };
            *latest = Latest { built: Some(Arc::new(built)), trouble: None };
            changed
        });
    }

    /// The last good document stays; only those who have none are told.
    fn fail(&self, trouble: Trouble) {
        self.sender.send_if_modified(|latest| {
            latest.trouble = Some(trouble);
            latest.built.is_none()
        });
    }

    /// Whether nobody polled lately and no stream is open; the screen itself holds one receiver.
    /// A poll that comes in between still gets the last document, which is a second old.
    fn is_idle(&self) -> bool {
        let screens = self.hub.0.screens.read().unwrap_or_else(PoisonError::into_inner);
        let asked_ms =
            screens.get(&self.division).map_or(0, |screen| screen.asked_ms.load(Ordering::Relaxed));
        let idle_ms = u128::from(self.hub.now_ms().saturating_sub(asked_ms));
        self.sender.receiver_count() <= 1 && idle_ms > IDLE_AFTER.as_millis()
    }
}

impl Hub {
    fn next_version(&self) -> (u64, HeaderValue) {
        let version = self.0.version.fetch_add(1, Ordering::Relaxed);
        let etag = format!("W/\"{:08x}-{version:x}\"", self.0.process);
        (version, HeaderValue::try_from(etag).expect("hexadecimal digits are header text"))
    }
}

/// The document as a frame of the stream. JSON has no line ends, so it is one data line.
fn frame(document: &Document) -> Bytes {
    let mut bytes = FRAME_HEAD.to_vec();
    serde_json::to_writer(&mut bytes, document).expect("its keys are text and its numbers finite");
    bytes.extend_from_slice(FRAME_TAIL);
    Bytes::from(bytes)
}
