//! A server that dies while terminals talk to it: what anybody was told is in SQL exactly once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use sea_orm::QueryResult;
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use super::stage::{Stage, tell_in_order};
use crate::support::{Answer, Store, Terminal, TestTown, results};

/// Terminals that talk to a server at the same time, each over and over until its line is dead.
const WORKERS: usize = 16;
/// Records of a batch.
const BATCH: usize = 25;
/// Answered records after which the server dies: many are then still to come.
const DIES_AFTER: usize = 800;

/// (terminal, record id)
type Record = (Uuid, String);

/// What terminals were told.
#[derive(Default)]
struct Told {
    acknowledged: Mutex<BTreeSet<Record>>,
    by_the_dying: AtomicUsize,
    enough: Notify,
}

impl Told {
    /// Gives how many records were acknowledged; a server that is too busy acknowledges none.
    fn note(&self, door: &Terminal, batch: &[Value], answer: Answer) -> usize {
        if [429, 503].contains(&answer.status) {
            return 0;
        }
        let answer = answer.ok();
        let terminal: Uuid = door.id.parse().unwrap();
        let results = results(&answer);
        let taken = results.iter().all(|result| ["accepted", "duplicate"].contains(result));
        assert!(taken && results.len() == batch.len(), "{answer}");
        let records = batch.iter().map(|record| (terminal, record_id(record)));
        self.acknowledged.lock().unwrap().extend(records);
        batch.len()
    }

    /// Tells a server that will die, again and again, until no answer comes.
    async fn until_it_dies(&self, line: &[Terminal], batches: &[(usize, &[Value])]) {
        for (door, batch) in batches.iter().cycle() {
            let Some(answer) = line[*door].may_tell(batch).await else { return };
            let noted = self.note(&line[*door], batch, answer);
            if self.by_the_dying.fetch_add(noted, Ordering::SeqCst) + noted >= DIES_AFTER {
                self.enough.notify_one();
            }
        }
    }

    /// Tells a server that lives, once.
    async fn once(&self, line: &[Terminal], batches: &[(usize, &[Value])]) {
        for (door, batch) in batches {
            self.note(&line[*door], batch, line[*door].tells(batch).await);
        }
    }
}

fn record_id(record: &Value) -> String {
    format!("{}:{}", record["epoch"], record["seq"])
}

/// How many keys and how many events SQL has of each record.
async fn in_sql(store: &Store) -> BTreeMap<Record, (usize, usize)> {
    let mut found = BTreeMap::<Record, (usize, usize)>::new();
    let terminal = |row: &QueryResult| row.try_get::<Uuid>("", "terminal_id").unwrap();
    for row in store.rows("SELECT terminal_id, record_id FROM event_keys").await {
        let record = row.try_get("", "record_id").unwrap();
        found.entry((terminal(&row), record)).or_default().0 += 1;
    }
    for row in store.rows("SELECT terminal_id, epoch, seq FROM entry_events").await {
        let number = |column| row.try_get::<i64>("", column).unwrap();
        let record = format!("{}:{}", number("epoch"), number("seq"));
        found.entry((terminal(&row), record)).or_default().1 += 1;
    }
    found
}

/// The batches of each worker: door and records.
fn shares(records: &[Vec<Value>]) -> Vec<Vec<(usize, &[Value])>> {
    let mut shares = vec![Vec::new(); WORKERS];
    for (door, told) in records.iter().enumerate() {
        for (n, batch) in told.chunks(BATCH).enumerate() {
            shares[n % WORKERS].push((door, batch));
        }
    }
    shares
}

/// Terminals tell again what nobody acknowledged to them, and a good deal more: what is `found` in
/// SQL is known.
async fn told_again(
    stage: &Stage,
    records: &[Vec<Value>],
    found: &BTreeMap<Record, (usize, usize)>,
) {
    for line in stage.lines() {
        for (door, told) in line.iter().zip(records) {
            let terminal: Uuid = door.id.parse().unwrap();
            for batch in told.chunks(500) {
                let answer = door.tells(batch).await.ok();
                for (record, result) in batch.iter().zip(results(&answer)) {
                    let known = found.contains_key(&(terminal, record_id(record)));
                    let fits = result == "duplicate" || (!known && result == "accepted");
                    assert!(fits, "{result}: {record}");
                }
            }
        }
    }
}

/// Both servers are told the same batches at the same time, and the first one dies. On a SQLite
/// file there is but one server, which dies, and another that opens what it left.
#[tokio::test]
async fn law_20_what_any_server_acknowledged_is_in_sql_exactly_once_after_one_died() {
    let stage = Stage::in_town(TestTown::open_mortal().await).await;
    let second = stage.town.second_server().await;
    let records = stage.records(20);
    let shares = shares(&records);
    let told = Told::default();
    let dying = stage.line(&stage.town.wire);
    let living = second.as_ref().map(|server| stage.line(&server.wire));
    let at_the_dying = shares.iter().map(|share| told.until_it_dies(&dying, share));
    let at_the_living = shares.iter().filter_map(|share| Some(told.once(living.as_ref()?, share)));
    let Stage { town, doors, people, .. } = stage;
    let death = async {
        told.enough.notified().await;
        town.dies().await
    };
    // Each worker's last word at the dying server was never answered.
    let (dead, ..) = tokio::join!(
        death,
        futures_util::future::join_all(at_the_dying),
        futures_util::future::join_all(at_the_living),
    );
    let acknowledged = told.acknowledged.into_inner().unwrap();
    let stage = Stage { town: dead.reopened().await, doors, people, second };
    let found = in_sql(&stage.town.store).await;
    let missing: Vec<_> = acknowledged.iter().filter(|r| !found.contains_key(*r)).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
    let odd: Vec<_> = found.iter().filter(|(_, counts)| **counts != (1, 1)).collect();
    assert!(odd.is_empty(), "not exactly once: {odd:?}");

    told_again(&stage, &records, &found).await;
    let found = in_sql(&stage.town.store).await;
    assert!(found.values().all(|counts| *counts == (1, 1)));
    assert_eq!(found.len(), records.iter().map(Vec::len).sum::<usize>());
    let untroubled = Stage::built().await;
    tell_in_order(&untroubled.doors, &untroubled.records(20), "accepted").await;
    assert_eq!(stage.outcome().await, untroubled.outcome().await);
}
