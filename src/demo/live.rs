//! Today: sends each passage as a live check when its time has come, for ever.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    crowd::{Crowd, Passage},
    history::Record,
    load,
    native::Terminal,
    people::Person,
    places::DOORS,
};
use crate::base::clock::Clock;

/// How often the doors are looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often a terminal says that it is alive, by its own time.
const HEARTBEAT: TimeDelta = TimeDelta::seconds(60);

/// The doors of today.
pub struct Live<'a> {
    pub people: &'a [Person],
    /// In the order of [`DOORS`].
    pub terminals: &'a [Terminal],
    /// The newest record number of each.
    pub newest: Vec<i64>,
    pub clock: Clock,
    /// Minutes of the town that pass in a minute. Any other than 1 moves the clock, which must then
    /// be a movable one.
    pub pace: u32,
}

impl Live<'_> {
    /// Lets people come and go for ever. A check that fails is told to the log, and the town goes
    /// on.
    pub async fn run(mut self, mut crowd: Crowd<'_>) {
        let (begun, from) = (Instant::now(), self.clock.now());
        let mut heartbeat_at = from;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.turn_clock(from, begun);
            let now = self.clock.now();
            for passage in crowd.due(now) {
                self.pass(&mut crowd, &passage).await;
            }
            if heartbeat_at <= now {
                heartbeat_at = now + HEARTBEAT;
                self.heartbeats().await;
            }
        }
    }

    fn turn_clock(&self, from: DateTime<Utc>, begun: Instant) {
        if self.pace != 1 {
            let passed = TimeDelta::from_std(begun.elapsed() * self.pace).unwrap_or_default();
            self.clock.set(from + passed);
        }
    }

    async fn pass(&mut self, crowd: &mut Crowd<'_>, passage: &Passage) {
        let Passage { at, door, direction, who } = *passage;
        let terminal = &self.terminals[door];
        self.newest[door] += 1;
        let record = Record { at, direction, who };
        let report = load::report(terminal, self.people, self.newest[door], &record, None);
        match terminal.decide(&report).await {
            Ok(verdict) if verdict.decision == "refused" => {
                if let Some(who) = who {
                    crowd.turned_away(who);
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(serial = DOORS[door].serial, %error, "a live check failed");
            }
        }
    }

    async fn heartbeats(&self) {
        let faces = i32::try_from(self.people.len()).unwrap_or(i32::MAX);
        for failed in join_all(self.terminals.iter().map(|terminal| terminal.heartbeat(0, faces)))
            .await
            .into_iter()
            .filter_map(Result::err)
        {
            tracing::warn!(error = %failed, "a heartbeat failed");
        }
    }
}
