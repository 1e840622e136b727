//! Laws that must hold of the whole server on real stores: what was told decides, never the order,
//! the batches, the repetitions or the replica that took it. On PostgreSQL and Redis two servers
//! share one database; a SQLite file has one server by design, which then takes everything.

mod crash;
mod digest;
mod stage;
mod unmoved;

use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use self::stage::{Stage, pieces, tell_anyhow, tell_in_order};
use crate::support::{Server, Shown, Terminal, TestTown, at};

#[tokio::test]
async fn a_second_server_starts_only_where_counters_are_shared() {
    let town = TestTown::open().await;
    match (&town.store.redis_url, Server::start(&town.store, &town.clock, None).await) {
        (Some(_), Ok(second)) => second.stop().await,
        (None, Err(refused)) => {
            let said = refused.to_string();
            assert!(said.contains("another server runs on this database"), "{said}");
        }
        (Some(_), Err(refused)) => panic!("{refused}"),
        (None, Ok(_)) => panic!("two servers with counters of their own"),
    }
    town.adds_up().await;
}

#[tokio::test]
async fn law_9_neither_order_nor_batches_nor_repetitions_change_what_comes_of_the_same_records() {
    let (straight, anyhow) = tokio::join!(Stage::built(), Stage::shared());
    let seed = 9;
    tell_in_order(&straight.doors, &straight.records(seed), "accepted").await;
    tell_anyhow(&anyhow.lines(), &anyhow.records(seed), seed + 1).await;
    let expected = straight.outcome().await;
    assert_eq!(anyhow.outcome().await, expected);
    assert!(expected.1["ever"]["visits"].as_i64() > Some(500), "{}", expected.1["ever"]);
}

#[tokio::test]
async fn law_10_replaying_everything_changes_nothing() {
    let stage = Stage::shared().await;
    let records = stage.records(10);
    tell_in_order(&stage.doors, &records, "accepted").await;
    let expected = stage.outcome().await;
    let lines = stage.lines();
    for line in &lines {
        tell_in_order(line, &records, "duplicate").await;
    }
    tell_anyhow(&lines, &records, 11).await;
    assert_eq!(stage.outcome().await, expected);
}

#[tokio::test]
async fn law_14_counters_come_to_what_sql_says_whoever_wrote_them_and_whatever_was_lost() {
    let (mut stage, alone) = tokio::join!(Stage::shared(), Stage::built());
    tell_in_order(&alone.doors, &alone.records(14), "accepted").await;
    let expected = alone.outcome().await;
    let records = stage.records(14);
    let (first, rest): (Vec<_>, Vec<_>) =
        records.iter().map(|of_door| of_door.split_at(of_door.len() / 2)).unzip();
    let part =
        |halves: Vec<&[Value]>| halves.into_iter().map(<[Value]>::to_vec).collect::<Vec<_>>();
    let lines = stage.lines();
    tell_anyhow(&lines, &part(first), 15).await;
    // Counters, roll-ups and ledger, field by field; so does every outcome.
    stage.town.adds_up().await;
    let (lost, rest) = (stage.town.store.flush_counters(), part(rest));
    tokio::join!(lost, tell_anyhow(&lines, &rest, 16));
    stage.shows_at_last(&expected.1).await;
    assert_eq!(stage.outcome().await, expected);
    stage.is_left_by_the_second().await;
    assert_eq!(stage.outcome().await, expected);
}

#[tokio::test]
async fn law_15_a_store_built_anew_is_the_store_that_was_lost() {
    let stage = Stage::shared().await;
    tell_anyhow(&stage.lines(), &stage.records(15), 16).await;
    let expected = stage.outcome().await;
    if stage.town.store.redis_url.is_some() {
        stage.town.store.flush_counters().await;
        stage.shows_at_last(&expected.1).await;
        assert_eq!(stage.outcome().await, expected);
    }
    // A server that starts rebuilds what its process lost.
    let Stage { town, doors, people, second } = stage;
    let stage = Stage { town: town.restarted().await, doors, people, second };
    assert_eq!(stage.outcome().await, expected);
}

/// Every kind of record that is not simply accepted, strewn into a door's.
fn with_awkward_ones(stage: &Stage, mut records: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let (door, told) = (&stage.doors[0], &mut records[0]);
    let face = &stage.people[0].face;
    let stranger = door.record("in", &Shown::face("nobody"), at("2026-11-22T02:00:00Z"));
    let absurd = door.record("in", face, at("2019-12-31T23:59:59Z"));
    let ancient = door.record("in", face, at("2023-10-31T23:59:59Z"));
    let nowhere = door.record("in", face, at("2025-12-31T00:00:00Z"));
    let mut spoilt = door.record("in", face, at("2026-11-22T03:00:00Z"));
    spoilt["score"] = json!(7);
    let nameless = json!({ "seq": -1 });
    let again = told[10].clone();
    let mut other_story = told[20].clone();
    other_story["credential"] = json!("another");
    let awkward = [stranger, absurd, ancient, nowhere, spoilt, nameless, again, other_story];
    for (n, record) in awkward.into_iter().enumerate() {
        told.insert(40 + 50 * n, record);
    }
    records
}

/// What was answered for each record.
fn answered(answer: &Value) -> Vec<Value> {
    answer["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn law_19_splitting_a_batch_never_changes_an_outcome() {
    let (whole, split) = tokio::join!(Stage::built(), Stage::shared());
    let records = |stage: &Stage| with_awkward_ones(stage, stage.records(19));
    let mut in_one = Vec::new();
    for (door, records) in whole.doors.iter().zip(records(&whole)) {
        for batch in records.chunks(500) {
            in_one.extend(answered(&door.tells(batch).await.ok()));
        }
    }
    let mut rng = ChaCha8Rng::seed_from_u64(19);
    let (lines, mut in_pieces) = (split.lines(), Vec::new());
    for (door, records) in records(&split).iter().enumerate() {
        for (n, piece) in pieces(&mut rng, records).into_iter().enumerate() {
            let line: &Terminal = &lines[n % lines.len()][door];
            in_pieces.extend(answered(&line.tells(piece).await.ok()));
        }
    }
    for result in ["accepted", "duplicate", "conflict", "quarantined", "rejected"] {
        assert!(in_one.iter().any(|item| item["result"] == result), "no record is {result}");
    }
    assert_eq!(in_pieces, in_one);
    assert_eq!(split.outcome().await, whole.outcome().await);
}

#[tokio::test]
async fn law_23_it_does_not_matter_which_server_took_a_record() {
    let (mut shared, alone) = tokio::join!(Stage::shared(), Stage::built());
    let seed = 23;
    tell_in_order(&alone.doors, &alone.records(seed), "accepted").await;
    tell_anyhow(&shared.lines(), &shared.records(seed), seed + 1).await;
    let expected = alone.outcome().await;
    assert_eq!(shared.outcome().await, expected);
    shared.is_left_by_the_second().await;
    assert_eq!(shared.outcome().await, expected);
}

#[tokio::test]
async fn two_servers_let_no_more_in_than_there_is_room() {
    let town = TestTown::open().await;
    let second = town.second_server().await;
    let elsewhere = second.as_ref().map_or(&town.wire, |server| &server.wire);
    let hall = town.venue("大厅", json!({ "rules": { "capacity": 10 } })).await;
    let mut doors = Vec::new();
    for wire in [&town.wire, &town.wire, elsewhere, elsewhere] {
        doors.push(town.terminal(&hall, "both").await.at_server(wire));
    }
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
