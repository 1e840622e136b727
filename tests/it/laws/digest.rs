//! The digest of the ledger, computed outside of the binary: over lines written by hand, and over
//! what the slow model of the fold makes of thousands of records. Both are the same for SQLite and
//! for PostgreSQL, since what is compared with names no database.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::stage::{
    HISTORIES, PEOPLE, Passage, Stage, VENUES, passages, tell_anyhow, tell_in_order,
};
use crate::support::{COMMUNITY, TestTown, at};

/// SHA-256 over the lines, sorted bytewise, each ending in a line feed.
fn digest_of(lines: &[String]) -> String {
    let mut sorted: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    sorted.sort_unstable();
    let mut hash = Sha256::new();
    for line in sorted {
        hash.update(line);
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

/// What stands in the ledger of the town below, in the order in which people came.
const LINES: [&str; 5] = [
    "330499001001|健身房|2026-11-20T19:30:00.000Z|2026-11-20T20:15:30.250Z|45|measured",
    "330499001001|健身房|2026-11-21T01:00:00.007Z|2026-11-21T02:00:00.007Z|60|estimated",
    "330499001002|A hall|2026-11-21T03:00:00.000Z|2026-11-21T03:00:40.000Z|0|measured",
    "330499001001|健身房|2026-11-22T01:00:00.000Z|2026-11-22T01:20:00.000Z|20|estimated",
    "330499001002|A hall|2026-11-22T01:20:00.000Z|2026-11-22T02:20:00.999Z|60|measured",
];
/// The digests of all lines, of the first community's, and of the lines of two business days.
const DIGESTS: [&str; 3] = [
    "e5eae12037f8d0b97221c2f677020552a058d42e0af87ade7ca6641ab3bf922f",
    "819424b505dfb594eef40255e0f3a488b29b46e1f4476fabe158dba8a2970e64",
    "aca3be22448c08ea1815f56445372c595dad2ffe6f889c3db0e5b56d60862d83",
];

async fn town_of_the_lines() -> TestTown {
    let town = TestTown::open().await;
    let gym = town.venue("健身房", json!({})).await;
    let hall = town.venue("A hall", json!({ "community": "330499001002" })).await;
    let (gym, hall) = (town.terminal(&gym, "both").await, town.terminal(&hall, "both").await);
    let (one, other, third) = (town.member().await, town.member().await, town.member().await);
    // Before four in the morning of the 21st in Zhejiang: the business day is the 20th.
    gym.saw("in", &one.face, at("2026-11-20T19:30:00Z")).await;
    gym.saw("out", &one.face, at("2026-11-20T20:15:30.250Z")).await;
    gym.saw("in", &other.face, at("2026-11-21T01:00:00.007Z")).await;
    hall.saw("in", &third.face, at("2026-11-21T03:00:00Z")).await;
    hall.saw("out", &third.face, at("2026-11-21T03:00:40Z")).await;
    gym.saw("in", &one.face, at("2026-11-22T01:00:00Z")).await;
    hall.saw("in", &one.face, at("2026-11-22T01:20:00Z")).await;
    hall.saw("out", &one.face, at("2026-11-22T02:20:00.999Z")).await;
    // Neither who is still inside, nor a refused entry, nor a stay that a late entry made void.
    gym.saw("in", &third.face, at("2026-11-23T01:30:00Z")).await;
    hall.saw("in", &other.face, at("2026-11-23T01:00:30Z")).await;
    hall.saw("in", &other.face, at("2026-11-23T01:00:00Z")).await;
    let mut refused = gym.record("in", &other.face, at("2026-11-22T05:00:00Z"));
    refused["outcome"] = json!("refused");
    gym.tells(&[refused]).await.ok();
    town
}

#[tokio::test]
async fn the_digest_is_the_hash_of_the_documented_lines_on_every_database() {
    let town = town_of_the_lines().await;
    let lines = LINES.map(str::to_owned);
    let digest = async |options: &[&str]| {
        let words = [&["ledger", "digest"], options].concat();
        town.store.fitgate(&words).await
    };
    assert_eq!(digest(&[]).await, digest_of(&lines));
    let first: Vec<String> =
        lines.iter().filter(|line| line.starts_with(COMMUNITY)).cloned().collect();
    assert_eq!(digest(&["--division", COMMUNITY]).await, digest_of(&first));
    assert_eq!(digest(&["--division", "330499001"]).await, digest_of(&lines));
    let days = ["--from", "2026-11-21", "--to", "2026-11-22"];
    assert_eq!(digest(&days).await, digest_of(&lines[1..]));
    assert_eq!(
        digest(&["--from", "2026-11-20", "--to", "2026-11-20"]).await,
        digest_of(&lines[..1])
    );
    assert_eq!(digest(&["--from", "2026-11-22"]).await, digest_of(&lines[3..]));
    assert_eq!(digest(&["--to", "2026-11-19"]).await, digest_of(&[]));
    // Known to be these, so that no two databases can agree on anything else.
    let known = [digest_of(&lines), digest_of(&first), digest_of(&lines[1..])];
    assert_eq!(known, DIGESTS);
    town.adds_up().await;
}

/// What the model needs to fold one member's records.
fn case(stage: &Stage, person: usize, passages: &[(i64, Passage)]) -> String {
    let venue = |pairing, usual, longest, opens: Option<i32>, closes: Option<i32>| {
        json!({ "pairing": pairing, "usual_min": usual, "longest_min": longest,
            "opens_min": opens, "closes_min": closes })
    };
    let venues = json!({
        VENUES[0]: venue("in_and_out", 60, 240, Some(360), Some(1320)),
        VENUES[2]: venue("toggle", 45, 240, None, None),
        VENUES[3]: venue("entry_only", 60, 120, None, None),
    });
    let folded = |passage: &Passage| passage.outcome != "refused" || passage.direction == "out";
    let mine = passages.iter().filter(|(_, one)| one.person == person && folded(one));
    let events = mine.map(|(seq, passage)| {
        json!({ "venue": VENUES[passage.door], "direction": passage.direction,
            "at": passage.at.timestamp(), "serial": stage.doors[passage.door].serial,
            "epoch": 0, "seq": seq })
    });
    let now = stage.town.now().timestamp();
    json!({ "now": now, "venues": venues, "events": events.collect::<Vec<_>>(), "facts": [] })
        .to_string()
}

/// Folds all cases with the model: one case a line in, one answer a line out.
fn model(cases: String) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/minutes_reference.py");
    let mut python = Command::new("python3")
        .args([script, "fold"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the reference model needs python3 on the PATH: install it and run again");
    let mut input = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(cases.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let answers = String::from_utf8(output.stdout).unwrap();
    answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line(session: &Value) -> String {
    let instant = |field: &str| {
        let at = DateTime::<Utc>::from_timestamp(session[field].as_i64().unwrap(), 0).unwrap();
        at.format("%Y-%m-%dT%H:%M:%S.000Z").to_string()
    };
    let (venue, how) =
        (session["venue"].as_str().unwrap(), session["provenance"].as_str().unwrap());
    let (entered, left, minutes) = (instant("entered"), instant("left"), &session["minutes"]);
    format!("{COMMUNITY}|{venue}|{entered}|{left}|{minutes}|{how}")
}

#[tokio::test]
async fn two_runs_and_a_model_in_another_language_come_to_the_same_digest() {
    let (straight, anyhow) = tokio::join!(Stage::built(), Stage::shared());
    // The model counts in whole seconds.
    let mut seqs = vec![0; VENUES.len()];
    let told: Vec<(i64, Passage)> = passages(7)
        .into_iter()
        .map(|passage| {
            seqs[passage.door] += 1;
            (seqs[passage.door], Passage { at: passage.at.trunc_subsecs(0), ..passage })
        })
        .collect();
    let records = |stage: &Stage| {
        let mut records = vec![Vec::new(); stage.doors.len()];
        for (seq, passage) in &told {
            let shown = &stage.people[passage.person].face;
            let door = &stage.doors[passage.door];
            let mut record = door.record(passage.direction, shown, passage.at);
            assert_eq!(record["seq"], *seq);
            record["outcome"] = json!(passage.outcome);
            records[passage.door].push(record);
        }
        records
    };
    tell_in_order(&straight.doors, &records(&straight), "accepted").await;
    tell_anyhow(&anyhow.lines(), &records(&anyhow), 8).await;
    let cases: Vec<String> =
        (0..HISTORIES * PEOPLE).map(|person| case(&straight, person, &told)).collect();
    let answers = model(cases.join("\n"));
    assert_eq!(answers.len(), HISTORIES * PEOPLE);
    let sessions = answers.iter().flat_map(|answer| answer["sessions"].as_array().unwrap());
    let lines: Vec<String> = sessions.map(line).collect();
    assert!(lines.len() > 500, "{}", lines.len());
    let digest = straight.town.digest().await;
    assert_eq!(digest, digest_of(&lines));
    assert_eq!(anyhow.town.digest().await, digest);
}
