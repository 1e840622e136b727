//! Laws that must hold of the whole server on real stores: what was told decides, never the order,
//! the batches, the repetitions or the replica that took it.

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng as _, SeedableRng as _, seq::SliceRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::support::{Answer, Member, Terminal, TestTown, Wire, at, results};

/// Histories, each of people of their own, and the passages of each.
const HISTORIES: usize = 20;
const PASSAGES: usize = 200;
const PEOPLE: usize = 4;
/// Passages lie in the days before this.
const END: &str = "2026-11-23T02:00:00Z";
const SPAN_MIN: i64 = 3 * 24 * 60;

/// A town in which histories can be told: venues of every kind of pairing, and everybody in them.
struct Stage {
    town: TestTown,
    doors: Vec<Terminal>,
    people: Vec<Member>,
}

impl Stage {
    async fn built() -> Self {
        let town = TestTown::open().await;
        let day = |weekday: u8| json!({ "weekday": weekday, "opens": "06:00", "closes": "22:00" });
        let hours: Vec<Value> = (1..=7).map(day).collect();
        let both_ways = town.venue("有进有出", json!({ "hours": hours })).await;
        let rules = json!({ "pairing": "toggle", "usual_stay_min": 45 });
        let toggle = town.venue("一机两用", json!({ "rules": rules })).await;
        let rules = json!({ "pairing": "entry_only", "longest_stay_min": 120 });
        let entry_only = town.venue("只进不出", json!({ "rules": rules })).await;
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
        Self { town, doors, people }
    }

    /// The records of all histories, by door, each door's numbered in the order of their times.
    fn records(&self, seed: u64) -> Vec<Vec<Value>> {
        let mut passages: Vec<Passage> =
            (0..HISTORIES).flat_map(|history| passages(seed, history)).collect();
        passages.sort_by_key(|passage| passage.at);
        let mut records = vec![Vec::new(); self.doors.len()];
        for Passage { at, door, direction, person, outcome } in passages {
            let shown = &self.people[person].face;
            let mut record = self.doors[door].record(direction, shown, at);
            record["outcome"] = json!(outcome);
            records[door].push(record);
        }
        records
    }

    /// What the ledger and the screen say once all is counted.
    async fn outcome(&self) -> (String, Value) {
        self.town.adds_up().await;
        let shown = self.town.screen("330499").await.document().await;
        (self.town.digest().await, without_ids(shown))
    }
}

struct Passage {
    at: DateTime<Utc>,
    door: usize,
    direction: &'static str,
    person: usize,
    outcome: &'static str,
}

/// One history: a few people who come and go, forget to scan, scan twice.
fn passages(seed: u64, history: usize) -> Vec<Passage> {
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
async fn tell_in_order(doors: &[Terminal], records: &[Vec<Value>], expected: &str) {
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
async fn tell_anyhow(lines: &[&[Terminal]], records: &[Vec<Value>], seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batches: Vec<(usize, Vec<Value>)> = Vec::new();
    for (door, records) in records.iter().enumerate() {
        let again = records.iter().filter(|_| rng.random_bool(0.2)).cloned();
        let mut told: Vec<Value> = again.chain(records.iter().cloned()).collect();
        told.shuffle(&mut rng);
        let mut rest = told.as_slice();
        while !rest.is_empty() {
            let size = [1, 2, 7, 40, 200][rng.random_range(0..5_usize)].min(rest.len());
            let (batch, behind) = rest.split_at(size);
            batches.push((door, batch.to_vec()));
            rest = behind;
        }
    }
    batches.shuffle(&mut rng);
    for pair in batches.chunks(2) {
        let tell = pair.iter().map(|(door, batch)| {
            let line = lines[rng.random_range(0..lines.len())];
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

#[tokio::test]
async fn neither_order_nor_batches_nor_repetitions_change_what_comes_of_the_same_records() {
    let (straight, anyhow) = tokio::join!(Stage::built(), Stage::built());
    let seed = 9;
    tell_in_order(&straight.doors, &straight.records(seed), "accepted").await;
    tell_anyhow(&[&anyhow.doors], &anyhow.records(seed), seed + 1).await;
    let expected = straight.outcome().await;
    assert_eq!(anyhow.outcome().await, expected);
    assert!(expected.1["ever"]["visits"].as_i64() > Some(500), "{}", expected.1["ever"]);
}

#[tokio::test]
async fn replaying_everything_changes_nothing() {
    let stage = Stage::built().await;
    let records = stage.records(10);
    tell_in_order(&stage.doors, &records, "accepted").await;
    let expected = stage.outcome().await;
    tell_in_order(&stage.doors, &records, "duplicate").await;
    tell_anyhow(&[&stage.doors], &records, 11).await;
    assert_eq!(stage.outcome().await, expected);
}

#[tokio::test]
async fn a_store_built_anew_is_the_store_that_was_lost() {
    let stage = Stage::built().await;
    tell_in_order(&stage.doors, &stage.records(15), "accepted").await;
    let expected = stage.outcome().await;
    if stage.town.store.redis_url.is_some() {
        stage.town.store.flush_counters().await;
        stage.town.store.fitgate(&["counters", "rebuild"]).await;
        assert_eq!(stage.outcome().await, expected);
    }
    // A server that starts rebuilds what its process lost.
    let town = stage.town.restarted().await;
    let stage = Stage { town, ..stage };
    assert_eq!(stage.outcome().await, expected);
}

#[tokio::test]
async fn it_does_not_matter_which_server_took_a_record() {
    let shared = Stage::built().await;
    let Some((app, wire)) = shared.town.second_server().await else { return };
    let elsewhere = at_server(&shared.doors, &wire);
    let alone = Stage::built().await;
    let seed = 23;
    tell_in_order(&alone.doors, &alone.records(seed), "accepted").await;
    tell_anyhow(&[&shared.doors, &elsewhere], &shared.records(seed), seed + 1).await;
    assert_eq!(shared.outcome().await, alone.outcome().await);
    app.stop().await.unwrap();
    shared.town.adds_up().await;
}

fn at_server(doors: &[Terminal], wire: &Wire) -> Vec<Terminal> {
    doors.iter().map(|door| door.at_server(wire)).collect()
}

#[tokio::test]
async fn two_servers_let_no_more_in_than_there_is_room() {
    let town = TestTown::open().await;
    let Some((_app, wire)) = town.second_server().await else { return };
    let hall = town.venue("大厅", json!({ "rules": { "capacity": 10 } })).await;
    let here = [town.terminal(&hall, "both").await, town.terminal(&hall, "both").await];
    let there = [town.terminal(&hall, "both").await, town.terminal(&hall, "both").await];
    let there = at_server(&there, &wire);
    let doors: Vec<&Terminal> = here.iter().chain(&there).collect();
    let mut people = Vec::new();
    for _ in 0..40 {
        people.push(town.member().await);
    }
    let asked = people.iter().enumerate().map(|(n, one)| doors[n % 4].asks("in", &one.face));
    let answers = futures_util::future::join_all(asked).await;
    let granted = answers.iter().filter(|answer| answer["decision"] == "granted").count();
    assert_eq!(granted, 10);
    town.adds_up().await;
}
