//! What a run saw: latencies, answers by status, events by result, and the closing JSON line.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::pin,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::Span;

/// Shared by all connections of the one thread.
pub struct Tally {
    counts_from: Instant,
    ends_at: Instant,
    stopped: Cell<bool>,
    latencies_us: RefCell<Vec<u64>>,
    /// How long those waited who were sent away, from when they came: a crowd is late by itself.
    refused_us: RefCell<Vec<u64>>,
    events: Cell<u64>,
    acknowledged: Cell<u64>,
    lost: Cell<u64>,
    /// Requests of people who wanted out, and how many of those were sent away.
    exits: Cell<u64>,
    exits_refused: Cell<u64>,
    statuses: RefCell<BTreeMap<u16, u64>>,
    results: RefCell<BTreeMap<String, u64>>,
}

impl Tally {
    pub fn new(span: &Span) -> Self {
        let counts_from = Instant::now() + Duration::from_secs_f64(span.warm_up);
        Self {
            counts_from,
            ends_at: counts_from + Duration::from_secs_f64(span.seconds),
            stopped: Cell::new(false),
            latencies_us: RefCell::new(Vec::with_capacity(1 << 20)),
            refused_us: RefCell::default(),
            events: Cell::new(0),
            acknowledged: Cell::new(0),
            lost: Cell::new(0),
            exits: Cell::new(0),
            exits_refused: Cell::new(0),
            statuses: RefCell::default(),
            results: RefCell::default(),
        }
    }

    pub fn is_over(&self) -> bool {
        self.stopped.get() || Instant::now() >= self.ends_at
    }

    pub fn stop(&self) {
        self.stopped.set(true);
    }

    pub fn ends_at(&self) -> Instant {
        self.ends_at
    }

    /// An answer with `status` to a request that was due at `since` and left at `sent`, carrying
    /// `events` events.
    pub fn answered(&self, since: Instant, sent: Instant, status: u16, events: usize) {
        let now = Instant::now();
        if now < self.counts_from {
            return;
        }
        *self.statuses.borrow_mut().entry(status).or_default() += 1;
        let since = if status < 400 { since } else { sent };
        let waited = u64::try_from(now.duration_since(since).as_micros()).unwrap_or(u64::MAX);
        if status < 400 {
            self.latencies_us.borrow_mut().push(waited);
            self.events.set(self.events.get() + events as u64);
        } else {
            self.refused_us.borrow_mut().push(waited);
        }
    }

    /// An answer with `status` to people who wanted out.
    pub fn exit_answered(&self, status: u16) {
        if Instant::now() < self.counts_from {
            return;
        }
        self.exits.set(self.exits.get() + 1);
        self.exits_refused.set(self.exits_refused.get() + u64::from(status >= 400));
    }

    /// One event's result; also those of the warm-up.
    pub fn result(&self, result: &str) {
        let mut results = self.results.borrow_mut();
        match results.get_mut(result) {
            Some(count) => *count += 1,
            None => {
                results.insert(result.to_owned(), 1);
            }
        }
        self.acknowledged.set(self.acknowledged.get() + 1);
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.get()
    }

    /// A connection broke while a request was on its way.
    pub fn lost(&self) {
        self.lost.set(self.lost.get() + 1);
    }

    /// Prints the closing line.
    pub fn print(&self, span: &Span) {
        println!("{}", self.summary(span));
    }

    fn summary(&self, span: &Span) -> Value {
        let mut latencies = self.latencies_us.borrow_mut();
        latencies.sort_unstable();
        let mut refused = self.refused_us.borrow_mut();
        refused.sort_unstable();
        let seconds = Instant::now()
            .min(self.ends_at)
            .saturating_duration_since(self.counts_from)
            .as_secs_f64()
            .max(0.001);
        let requests = u32::try_from(latencies.len()).unwrap_or(u32::MAX);
        let events = u32::try_from(self.events.get()).unwrap_or(u32::MAX);
        json!({
            "connections": span.connections,
            "seconds": seconds,
            "requests": requests,
            "rps": f64::from(requests) / seconds,
            "events": events,
            "events_per_second": f64::from(events) / seconds,
            "p50_us": percentile(&latencies, 50),
            "p99_us": percentile(&latencies, 99),
            "max_us": latencies.last(),
            "refused_p99_us": percentile(&refused, 99),
            "statuses": *self.statuses.borrow(),
            "results": *self.results.borrow(),
            "lost": self.lost.get(),
            "exits": self.exits.get(),
            "exits_refused": self.exits_refused.get(),
        })
    }
}

/// The value below which `percent` of the sorted values lie; none without values.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied()
}

/// Drives `work` to its end; SIGTERM or SIGINT stops the tally, and with it every connection.
pub async fn drive(tally: &Tally, work: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut work = pin!(work);
    loop {
        tokio::select! {
            () = &mut work => return Ok(()),
            _ = terminate.recv() => tally.stop(),
            _ = interrupt.recv() => tally.stop(),
        }
    }
}
