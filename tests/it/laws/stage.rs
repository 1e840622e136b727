//! A town in which histories can be told, by one server or by two: venues of every kind of
//! pairing, everybody in them, and what the whole comes to.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::{
    Answer, Member, Screen, Server, Terminal, TestTown, Wire, at, eventually, results,
};

/// Histories, each of people of their own, and the passages of each.
pub const HISTORIES: usize = 20;
const PASSAGES: usize = 200;
pub const PEOPLE: usize = 4;
/// Passages lie in the days before this.
const END: &str = "2026-11-23T02:00:00Z";
const SPAN_MIN: i64 = 3 * 24 * 60;
/// The venues behind the doors.
pub const VENUES: [&str; 4] = ["有进有出", "有进有出", "一机两用", "只进不出"];

pub struct Stage {
    pub town: TestTown,
    pub doors: Vec<Terminal>,
    pub people: Vec<Member>,
    /// A second server on the same data, where the stores can be shared.
    pub second: Option<Server>,
}

pub struct Passage {
    pub at: DateTime<Utc>,
    pub door: usize,
    pub direction: &'static str,
    pub person: usize,
    pub outcome: &'static str,
}

impl Stage {
    /// With one server.
    pub async fn built() -> Self {
        Self::in_town(TestTown::open().await).await
    }

    /// With two servers on one database, on PostgreSQL and Redis; elsewhere a second one is not
    /// allowed, and the one there is takes everything.
    pub async fn shared() -> Self {
        let stage = Self::built().await;
        let second = stage.town.second_server().await;
        Self { second, ..stage }
    }

    pub async fn in_town(town: TestTown) -> Self {
        let day = |weekday: u8| json!({ "weekday": weekday, "opens": "06:00", "closes": "22:00" });
        let hours: Vec<Value> = (1..=7).map(day).collect();
        let both_ways = town.venue(VENUES[0], json!({ "hours": hours })).await;
        let rules = json!({ "pairing": "toggle", "usual_stay_min": 45 });
        let toggle = town.venue(VENUES[2], json!({ "rules": rules })).await;
        let rules = json!({ "pairing": "entry_only", "longest_stay_min": 120 });
        let entry_only = town.venue(VENUES[3], json!({ "rules": rules })).await;
        let mut doors = Vec::new();
        for (venue, direction) in
            [(&both_ways, "in"), (&both_ways, "out"), (&toggle, "both"), (&entry_only, "in")]
        {
            doors.push(town.terminal(venue, direction).await);
        }
        let mut people = Vec::new();
        for _ in 0..HISTORIES * PEOPLE {
            people.push(town.member().await);
        }
        Self { town, doors, people, second: None }
    }

    /// The doors once for each server that they can talk to.
    pub fn lines(&self) -> Vec<Vec<Terminal>> {
        let second = self.second.as_ref().map(|server| &server.wire);
        [Some(&self.town.wire), second].into_iter().flatten().map(|wire| self.line(wire)).collect()
    }

    pub fn line(&self, wire: &Wire) -> Vec<Terminal> {
        self.doors.iter().map(|door| door.at_server(wire)).collect()
    }

    /// The records of all histories, by door, each door's numbered in the order of their times.
    pub fn records(&self, seed: u64) -> Vec<Vec<Value>> {
        let mut records = vec![Vec::new(); self.doors.len()];
        for passage in passages(seed) {
            let shown = &self.people[passage.person].face;
            let mut record = self.doors[passage.door].record(passage.direction, shown, passage.at);
            record["outcome"] = json!(passage.outcome);
            records[passage.door].push(record);
        }
        records
    }

    /// What the ledger and every server's screen say once all is counted.
    pub async fn outcome(&self) -> (String, Value) {
        self.town.adds_up().await;
        let screen = self.town.screen("330499").await;
        let shown = without_ids(fresh(&screen).await);
        if let Some(second) = &self.second {
            let there = Screen { wire: second.wire.clone(), ..screen };
            assert_eq!(without_ids(fresh(&there).await), shown, "both servers show the same");
        }
        (self.town.digest().await, shown)
    }

    /// Every server's screen shows this in the end: some of its parts may be a minute old. What a
    /// store lost the servers themselves write anew. The command `counters rebuild`
    /// would not do here: it writes the days of the system's clock, not of the town's.
    pub async fn shows_at_last(&self, expected: &Value) {
        let screen = self.town.screen("330499").await;
        let wires = [Some(&self.town.wire), self.second.as_ref().map(|server| &server.wire)];
        for wire in wires.into_iter().flatten() {
            let screen = Screen { wire: wire.clone(), ..screen.clone() };
            eventually("what was lost is back", async || {
                (without_ids(fresh(&screen).await) == *expected).then_some(())
            })
            .await;
        }
    }

    /// Stops the second server; the first goes on.
    pub async fn is_left_by_the_second(&mut self) {
        if let Some(second) = self.second.take() {
            second.stop().await;
        }
    }
}

/// A document whose figures were read after this was called, none of them while a counter is
/// being rebuilt.
async fn fresh(screen: &Screen) -> Value {
    let since = Instant::now();
    eventually("a fresh document", async || {
        let answer = screen.asks("").await;
        let age_ms: u128 = answer.header("fitgate-age-ms").parse().unwrap();
        let shown = answer.ok();
        let settled = shown["rebuilding"] == false && shown["degraded"] == false;
        (settled && age_ms < since.elapsed().as_millis()).then_some(shown)
    })
    .await
}

/// All passages in the order of their times.
pub fn passages(seed: u64) -> Vec<Passage> {
    let mut all: Vec<Passage> =
        (0..HISTORIES).flat_map(|history| of_history(seed, history)).collect();
    all.sort_by_key(|passage| passage.at);
    all
}

/// One history: a few people who come and go, forget to scan, scan twice.
fn of_history(seed: u64, history: usize) -> Vec<Passage> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(u64::try_from(history).unwrap());
    (0..PASSAGES)
        .map(|_| {
            let door = rng.random_range(0..4);
            // Whole minutes meet the edges of windows and limits more often than chance would.
            let before = if rng.random_bool(0.5) {
                TimeDelta::minutes(rng.random_range(0..SPAN_MIN))
            } else {
                TimeDelta::milliseconds(rng.random_range(0..SPAN_MIN * 60_000))
            };
            Passage {
                at: at(END) - before,
                door,
                direction: if door == 1 { "out" } else { "in" },
                person: history * PEOPLE + rng.random_range(0..PEOPLE),
                outcome: ["opened", "opened", "opened", "unknown", "refused"]
                    [rng.random_range(0..5_usize)],
            }
        })
        .collect()
}

/// The document without what differs between two towns or two moments.
fn without_ids(mut shown: Value) -> Value {
    let fields = shown.as_object_mut().unwrap();
    fields.retain(|name, _| !["as_of", "people_as_of", "latest"].contains(&name.as_str()));
    for list in ["venues", "ranking", "silent_terminals"] {
        let items = fields[list].as_array_mut().unwrap();
        for item in items.iter_mut() {
            item.as_object_mut().unwrap().retain(|name, _| !name.ends_with("id"));
        }
        items.sort_by_key(Value::to_string);
    }
    shown
}

/// Tells each door's records in its order, in batches as large as may be.
pub async fn tell_in_order(doors: &[Terminal], records: &[Vec<Value>], expected: &str) {
    for (door, records) in doors.iter().zip(records) {
        for batch in records.chunks(500) {
            let answer = door.tells(batch).await.ok();
            let all = results(&answer).iter().all(|result| *result == expected);
            assert!(all, "not all {expected}: {answer}");
        }
    }
}

/// Tells everything shuffled, some of it twice, in batches of all sizes, now by one door's line
/// and now by another's; each batch goes to one of `lines`.
pub async fn tell_anyhow(lines: &[Vec<Terminal>], records: &[Vec<Value>], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batches: Vec<(usize, Vec<Value>)> = Vec::new();
    for (door, records) in records.iter().enumerate() {
        let again = records.iter().filter(|_| rng.random_bool(0.2)).cloned();
        let mut told: Vec<Value> = again.chain(records.iter().cloned()).collect();
        told.shuffle(&mut rng);
        batches.extend(pieces(&mut rng, &told).into_iter().map(|piece| (door, piece.to_vec())));
    }
    batches.shuffle(&mut rng);
    for pair in batches.chunks(2) {
        let tell = pair.iter().map(|(door, batch)| {
            let line = &lines[rng.random_range(0..lines.len())];
            line[*door].tells(batch)
        });
        for answer in futures_util::future::join_all(tell).await {
            let answer: Answer = answer;
            let body = answer.ok();
            let taken =
                results(&body).iter().all(|result| ["accepted", "duplicate"].contains(result));
            assert!(taken, "{body}");
        }
    }
}

/// Cuts records into batches of all sizes, in their order.
pub fn pieces<'a>(rng: &mut ChaCha8Rng, mut rest: &'a [Value]) -> Vec<&'a [Value]> {
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let size = [1, 2, 7, 40, 200][rng.random_range(0..5_usize)].min(rest.len());
        let (piece, behind) = rest.split_at(size);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
