//! The recorder: a task that writes what waits, in groups, whole or not at all.
//!
//! The previous commit is the window: whatever came while it ran is the next group, and nothing is
//! ever delayed on purpose. There is one task a server: more would only make the groups smaller, and
//! what a group costs is mostly the same whatever its size. A group that fails for a passing cause is
//! tried again whole; otherwise it is halved until the poison stands alone.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use prometheus::Histogram;
use rand::Rng;
use sea_orm::{DatabaseConnection, DbErr, SqlErr};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    Answer, NewEntry, Recorded,
    directory::Directory,
    gates::Remembered,
    group::{self, Done, Progresses},
    queues::{self, Queues, Ways},
    world::Worlds,
};
use crate::base::{
    clock::Clock,
    error::{Code, Error, is_full, is_passing},
    fence::Fence,
    ids::Direction,
    keys::Keys,
};

/// Events of one group; the last submission taken may exceed it by its own size.
const GROUP_MAX: usize = 512;
/// Submissions of one group. All who sent them are answered at once, and send again at once: the more
/// there are, the longer the last of them waits for their turn.
const SUBMISSIONS_MAX: usize = 256;
/// Attempts at a group before its waiters are told to come back.
const ATTEMPTS_MAX: u32 = 4;
/// Seconds after which a caller should come back when the queue is full.
const RETRY_AFTER_S: u32 = 1;

/// The way in; cheap to clone.
#[derive(Clone)]
pub struct Recorder {
    ways: Arc<Ways<Submission>>,
    fence: Fence,
}

struct Submission {
    entries: Vec<NewEntry>,
    reply: oneshot::Sender<Result<Answer, Error>>,
}

/// What writes; see the file's head.
pub struct RecorderTask {
    queues: Queues<Submission>,
    context: Context,
}

/// What a group needs beside its events.
pub struct Context {
    pub db: DatabaseConnection,
    pub clock: Clock,
    pub keys: Arc<Keys>,
    pub worlds: Worlds,
    pub directory: Directory,
    /// Woken after each commit, so that the projector follows at once.
    pub committed: Arc<Notify>,
    pub rivals: Rivals,
    pub remembered: Remembered,
    /// Counts the events of each group.
    pub group_events: Histogram,
    pub fence: Fence,
}

/// Whether other writers are about. A group that is outrun has read for nothing, so for a while
/// the groups behind it take locks at once.
#[derive(Default)]
pub struct Rivals(AtomicU32);

/// Groups that take locks after one was outrun.
const WARY_FOR: u32 = 64;

impl Rivals {
    /// Asked once a group.
    pub fn are_away(&self) -> bool {
        let wary = self.0.load(Ordering::Relaxed);
        self.0.store(wary.saturating_sub(1), Ordering::Relaxed);
        wary == 0
    }

    pub fn were_faster(&self) {
        self.0.store(WARY_FOR, Ordering::Relaxed);
    }
}

impl Recorder {
    /// The recorder's handle and its task, which somebody must run.
    pub fn new(context: Context) -> (Self, RecorderTask) {
        let (ways, queues) = queues::new();
        let fence = context.fence.clone();
        (Self { ways: Arc::new(ways), fence }, RecorderTask { queues, context })
    }

    /// Records the reports of one terminal, at most 500, and answers after the commit.
    ///
    /// # Errors
    /// `Unavailable` when the queue is full or the database is away, full or behind: nothing is acknowledged, and
    /// sending the same again is safe.
    pub async fn record(&self, entries: Vec<NewEntry>) -> Result<Answer, Error> {
        self.fence.pass()?;
        let (reply, answer) = oneshot::channel();
        let only_exits = entries.iter().all(|entry| entry.direction == Direction::Out);
        let queue = if only_exits { &self.ways.exits } else { &self.ways.others };
        queue.try_send(Submission { entries, reply }).map_err(|_| overloaded())?;
        let recorded = answer.await.map_err(|_| overloaded())?;
        // Also what was written meanwhile was written where it will be lost.
        self.fence.pass().and(recorded)
    }
}

fn overloaded() -> Error {
    Error::Unavailable(Code::Overloaded, RETRY_AFTER_S)
}

/// What became of the events of a group.
struct Settled {
    /// `None` for an event that must be sent again, since the database was away or full.
    items: Vec<Option<Recorded>>,
    progress: Progresses,
    /// What those hear of whom an event is missing.
    refusal: fn() -> Error,
}

impl RecorderTask {
    /// Runs until `stop`, then writes what waits already and leaves.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(first) = self.queues.first(&stop).await {
            let mut group = vec![first];
            let mut events = group[0].entries.len();
            while events < GROUP_MAX && group.len() < SUBMISSIONS_MAX {
                let Some(next) = self.queues.next(group.len()) else { break };
                events += next.entries.len();
                group.push(next);
            }
            let counted = u32::try_from(events).unwrap_or(u32::MAX);
            self.context.group_events.observe(f64::from(counted));
            self.write(group).await;
        }
    }

    async fn write(&self, mut group: Vec<Submission>) {
        let sizes: Vec<usize> = group.iter().map(|s| s.entries.len()).collect();
        let entries: Vec<NewEntry> =
            group.iter_mut().flat_map(|s| std::mem::take(&mut s.entries)).collect();
        let Settled { mut items, progress, refusal } = self.settle(&entries).await;
        self.context.committed.notify_one();
        let mut first = 0;
        for (submission, size) in group.into_iter().zip(sizes) {
            let own = items[first..first + size].iter_mut().map(Option::take);
            let answer = own.collect::<Option<Vec<_>>>().ok_or_else(refusal).map(|items| {
                let (ack_through, resend_from) = entries
                    .get(first)
                    .and_then(|e| progress.get(&e.terminal))
                    .copied()
                    .unwrap_or_default();
                Answer { items, ack_through, resend_from }
            });
            first += size;
            // Whoever stopped waiting will send again and be told `duplicate`.
            let _ = submission.reply.send(answer);
        }
    }

    /// Writes the events in as few transactions as it takes.
    async fn settle(&self, entries: &[NewEntry]) -> Settled {
        let mut items: Vec<Option<Recorded>> = entries.iter().map(|_| None).collect();
        let (mut progress, mut refusal) = (Progresses::new(), overloaded as fn() -> Error);
        let mut waiting: Vec<Range<usize>> = std::iter::once(0..entries.len()).collect();
        while let Some(range) = waiting.pop() {
            let done = match self.attempt(&entries[range.clone()]).await {
                Err(error) if range.len() == 1 && !is_passing(&error) => {
                    tracing::error!(%error, "an event could not be processed and goes to quarantine");
                    group::park(&self.context, &entries[range.start]).await
                }
                other => other,
            };
            match done {
                Ok(done) => {
                    for (item, recorded) in items[range].iter_mut().zip(done.items) {
                        *item = Some(recorded);
                    }
                    progress.extend(done.progress);
                }
                Err(error) if range.len() == 1 || is_passing(&error) => {
                    tracing::warn!(%error, events = range.len(), "a group was not recorded");
                    if is_full(&error) {
                        refusal = Error::storage_full;
                    }
                }
                Err(_) => {
                    let middle = range.start + range.len() / 2;
                    waiting.push(middle..range.end);
                    waiting.push(range.start..middle);
                }
            }
        }
        Settled { items, progress, refusal }
    }

    async fn attempt(&self, entries: &[NewEntry]) -> Result<Done, DbErr> {
        let mut attempt = 1;
        loop {
            match group::write(&self.context, entries).await {
                Err(error) if worth_retrying(&error) && attempt < ATTEMPTS_MAX => {
                    tracing::debug!(%error, attempt, "a group is tried again");
                    pause(attempt).await;
                    attempt += 1;
                }
                settled => return settled,
            }
        }
    }
}

/// Whether the same group may succeed when tried again: a passing cause, or two writers that
/// met at a unique index.
fn worth_retrying(error: &DbErr) -> bool {
    is_passing(error) || matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

/// A short pause with jitter before the next attempt.
async fn pause(attempt: u32) {
    let millis = rand::rng().random_range(1..=10_u64) << attempt.min(4);
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
