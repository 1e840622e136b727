//! Terminals that report entries: each connection leads its own people in and out of places, signs
//! what it sends, and sends again what was not answered.

use std::{
    cell::Cell,
    collections::VecDeque,
    fmt::Write,
    time::{Duration, Instant},
};

use chrono::{DateTime, SecondsFormat};
use futures_util::future::join_all;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde::Deserialize;
use tokio::time::sleep;

use crate::{
    Entries, Numbering,
    acks::Acks,
    sign,
    tally::{self, Tally},
    town::{Place, Town, unix_millis},
    wire::{Connection, Target},
};

/// Pause before a broken connection or a busy server is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Refusals that are shown; the rest are only counted by status.
const COMPLAINTS_MAX: u32 = 5;

/// What all connections of a run share.
struct Run<'a> {
    settings: &'a Entries,
    town: &'a Town,
    target: Target,
    tally: &'a Tally,
    acks: Acks,
    epoch: u64,
    /// The last number each terminal gave, for numbering by terminal.
    numbers: Vec<Cell<u64>>,
    /// Refusals shown so far.
    complaints: Cell<u32>,
}

pub async fn run(settings: Entries) -> anyhow::Result<()> {
    let people = settings.people.as_deref();
    let town = Town::read(&settings.credentials, settings.terminals, people)?;
    let base = settings.base_url.as_ref().unwrap_or(&town.base_url).trim_end_matches('/');
    let path = if settings.decisions { "decisions" } else { "events" };
    let tally = Tally::new(&settings.span);
    let run = Run {
        target: Target::parse(&format!("{base}/api/v1/terminal/{path}"))?,
        acks: Acks::open(settings.acks.as_deref())?,
        epoch: u64::try_from(unix_millis())?,
        numbers: vec![Cell::new(0); town.doors.len()],
        complaints: Cell::new(0),
        settings: &settings,
        town: &town,
        tally: &tally,
    };
    let connections = (0..settings.span.connections).map(|n| Walk::new(&run, n).go());
    tally::drive(&tally, async {
        join_all(connections).await;
    })
    .await?;
    tally.print(&settings.span);
    Ok(())
}

/// Someone whom this connection leads.
#[derive(Clone)]
struct Person {
    credential: String,
    /// Device time of their next event, milliseconds since 1970.
    next_ms: i64,
}

/// One connection and the people it leads.
struct Walk<'a> {
    run: &'a Run<'a>,
    n: usize,
    people: Vec<Person>,
    next_person: usize,
    inside: VecDeque<(Place, Vec<usize>)>,
    /// The last number of each terminal, for numbering by connection.
    own_numbers: Vec<u64>,
    chance: SmallRng,
    connection: Option<Connection>,
}

/// One request's worth of events, all of one terminal.
struct Batch {
    door: usize,
    epoch: u64,
    first_seq: u64,
    body: String,
    events: usize,
    is_exit: bool,
}

#[derive(Deserialize)]
struct Acknowledged<'a> {
    #[serde(borrow)]
    items: Vec<Item<'a>>,
}

#[derive(Deserialize)]
struct Item<'a> {
    epoch: u64,
    seq: u64,
    result: &'a str,
}

#[derive(Deserialize)]
struct Decided<'a> {
    /// What the door shall do.
    decision: &'a str,
    /// What became of the record.
    result: &'a str,
}

impl<'a> Walk<'a> {
    fn new(run: &'a Run<'a>, n: usize) -> Self {
        let all = &run.town.people;
        let every = run.settings.span.connections;
        let start = unix_millis() - run.settings.start_minutes_ago * 60_000;
        let person =
            |credential: &String| Person { credential: credential.clone(), next_ms: start };
        let mut people: Vec<Person> = all.iter().skip(n).step_by(every).map(person).collect();
        if people.is_empty() {
            people.push(person(&all[n % all.len()]));
        }
        Self {
            run,
            n,
            people,
            next_person: 0,
            inside: VecDeque::new(),
            own_numbers: vec![0; run.town.doors.len()],
            chance: SmallRng::seed_from_u64(run.epoch ^ n as u64),
            connection: None,
        }
    }

    async fn go(mut self) {
        let every = self.run.settings.span.connections;
        let pause = self.run.settings.rate.map(|rate| every_seconds(every, rate));
        let mut due =
            Instant::now() + pause.map_or(Duration::ZERO, |p| p.mul_f64(share(self.n, every)));
        while !self.run.tally.is_over() && !self.is_enough() {
            if pause.is_some() {
                tokio::time::sleep_until(due.min(self.run.tally.ends_at()).into()).await;
            }
            let batch = self.next_batch();
            self.send(&batch, if pause.is_some() { due } else { Instant::now() }).await;
            due += pause.unwrap_or_default();
        }
    }

    fn is_enough(&self) -> bool {
        self.run.settings.events.is_some_and(|events| self.run.tally.acknowledged() >= events)
    }

    /// Either lets new people in at some place, or lets out those who came first.
    fn next_batch(&mut self) -> Batch {
        let size = if self.run.settings.decisions { 1 } else { self.run.settings.batch.max(1) };
        let leave = self.inside.len() >= self.run.settings.inside
            || (!self.inside.is_empty() && self.chance.random_bool(0.5));
        if let Some((place, people)) = leave.then(|| self.inside.pop_front()).flatten() {
            return self.batch(place.exit.unwrap_or(place.entrance), "out", &people);
        }
        let place = self.run.town.places[self.chance.random_range(0..self.run.town.places.len())];
        let people: Vec<usize> =
            (0..size).map(|offset| (self.next_person + offset) % self.people.len()).collect();
        self.next_person = (self.next_person + size) % self.people.len();
        let batch = self.batch(place.entrance, "in", &people);
        if place.exit.is_some() {
            self.inside.push_back((place, people));
        }
        batch
    }

    fn batch(&mut self, door: usize, direction: &str, people: &[usize]) -> Batch {
        let (epoch, first_seq) = self.numbers(door, people.len() as u64);
        let (now, step_ms) = (unix_millis(), self.run.settings.step_seconds * 1000);
        let live = self.run.settings.decisions;
        let mut body = String::with_capacity(40 + 220 * people.len());
        for (seq, at) in (first_seq..).zip(people) {
            let person = &mut self.people[*at];
            let time = DateTime::from_timestamp_millis(person.next_ms.min(now)).unwrap_or_default();
            person.next_ms += step_ms;
            if !body.is_empty() {
                body.push(',');
            }
            write!(
                body,
                r#"{{"epoch":{epoch},"seq":{seq},"device_time":"{}","direction":"{direction}","method":"{}","credential":"{}","score":0.97{}}}"#,
                time.to_rfc3339_opts(SecondsFormat::Millis, true),
                self.run.settings.method,
                person.credential,
                if live { "" } else { r#","outcome":"opened""# },
            )
            .expect("a string can be written to");
        }
        let body = if live { body } else { format!(r#"{{"events":[{body}]}}"#) };
        Batch { door, epoch, first_seq, body, events: people.len(), is_exit: direction == "out" }
    }

    /// Epoch and first of `count` new numbers of the terminal at `door`.
    fn numbers(&mut self, door: usize, count: u64) -> (u64, u64) {
        if self.run.settings.numbering == Numbering::Connection {
            self.own_numbers[door] += count;
            let epoch = self.run.epoch * 1000 + self.n as u64;
            return (epoch, self.own_numbers[door] + 1 - count);
        }
        let last = &self.run.numbers[door];
        last.set(last.get() + count);
        (self.run.epoch, last.get() + 1 - count)
    }

    /// Sends until it is answered, or until it has been tried for as long as the settings say.
    async fn send(&mut self, batch: &Batch, due: Instant) {
        let give_up = Instant::now() + Duration::from_secs(self.run.settings.keep_trying);
        while !self.is_answered(batch, due).await {
            sleep(RETRY_PAUSE).await;
            if Instant::now() >= give_up {
                return;
            }
        }
    }

    async fn is_answered(&mut self, batch: &Batch, due: Instant) -> bool {
        let run = self.run;
        let connection = match self.connection.as_mut() {
            Some(connection) => connection,
            None => match Connection::open(&run.target.host).await {
                Ok(opened) => self.connection.insert(opened),
                Err(_) => return false,
            },
        };
        let nonce = if run.settings.decisions {
            format!("{:032x}", self.chance.random::<u128>())
        } else {
            String::new()
        };
        let door = &run.town.doors[batch.door];
        let request = sign::post(&run.target, door, &batch.body, unix_millis() / 1000, &nonce);
        let sent = Instant::now();
        let Ok(answer) = connection.exchange(&request).await else {
            run.tally.lost();
            run.acks.lost();
            self.connection = None;
            return false;
        };
        run.tally.answered(due, sent, answer.status, batch.events);
        if batch.is_exit {
            run.tally.exit_answered(answer.status);
        }
        let closes = answer.header("connection").is_some_and(|value| value == "close");
        let again = answer.status == 429 || answer.status >= 500;
        if answer.status < 300 {
            run.acknowledge(batch, answer.body);
        } else if !again && run.complaints.get() < COMPLAINTS_MAX {
            run.complaints.set(run.complaints.get() + 1);
            eprintln!("{} {}", answer.status, String::from_utf8_lossy(answer.body));
        }
        if closes {
            self.connection = None;
        }
        !again
    }
}

impl Run<'_> {
    fn acknowledge(&self, batch: &Batch, body: &[u8]) {
        let terminal = &self.town.doors[batch.door].terminal;
        if self.settings.decisions {
            let decided: Decided = serde_json::from_slice(body).expect("a decision is answered");
            self.tally.result(decided.decision);
            self.acks.acknowledged(terminal, (batch.epoch, batch.first_seq), decided.result);
        } else {
            let answer: Acknowledged = serde_json::from_slice(body).expect("events are answered");
            for item in answer.items {
                self.tally.result(item.result);
                self.acks.acknowledged(terminal, (item.epoch, item.seq), item.result);
            }
        }
        self.acks.flush();
    }
}

/// The time between two requests of one of `connections` that together send `rate` a second.
#[expect(clippy::cast_precision_loss, reason = "connections are few")]
pub fn every_seconds(connections: usize, rate: f64) -> Duration {
    Duration::from_secs_f64(connections as f64 / rate)
}

/// Where connection `n` of `every` stands in the round, 0 to 1.
#[expect(clippy::cast_precision_loss, reason = "connections are few")]
pub fn share(n: usize, every: usize) -> f64 {
    n as f64 / every as f64
}
