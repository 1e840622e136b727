//! What is refused, quarantined or told again moves no minute, no visit and no figure of a screen.

use chrono::TimeDelta;
use sea_orm::QueryResult;
use serde_json::{Value, json};
use uuid::Uuid;

use super::stage::{Stage, tell_in_order};
use crate::support::{Member, Shown, Terminal, at, results};

/// Somebody who came at nine and has been inside the first venue since, and the record of it.
async fn insider(stage: &Stage) -> (Member, Value) {
    let member = stage.town.member().await;
    let entry = stage.doors[0].record("in", &member.face, at("2026-11-23T01:00:00Z"));
    let answer = stage.doors[0].tells(std::slice::from_ref(&entry)).await.ok();
    assert_eq!(results(&answer), ["accepted"]);
    (member, entry)
}

/// Asks at a door that asks for more than these people have, and tells that a door stayed shut.
async fn refused(line: &[Terminal], strict: &Terminal, people: &[&Member]) {
    for member in people {
        let asked = strict.asks("in", &member.face).await;
        assert_eq!((&asked["decision"], &asked["result"]), (&json!("refused"), &json!("accepted")));
        let shut = ["2026-11-23T01:20:00Z", "2026-11-22T03:00:00Z"].map(|when| {
            let mut record = line[2].record("in", &member.face, at(when));
            record["outcome"] = json!("refused");
            record
        });
        let answer = line[2].tells(&shut).await.ok();
        assert_eq!(results(&answer), ["accepted"; 2], "{answer}");
    }
}

/// Everything that waits for staff, and a conflict and a record that cannot be read.
async fn quarantined(door: &Terminal, member: &Member, known: &Value) {
    let asked = door.asks("in", &Shown::face("nobody")).await;
    assert_eq!((&asked["decision"], &asked["result"]), (&json!("refused"), &json!("quarantined")));
    let left = door.asks("out", &Shown::card("nobody")).await;
    assert_eq!((&left["decision"], &left["result"]), (&json!("granted"), &json!("quarantined")));
    let face = |when: &str| door.record("in", &member.face, at(when));
    let mut other_story = known.clone();
    other_story["direction"] = json!("out");
    let mut spoilt = face("2026-11-23T01:30:00Z");
    spoilt["method"] = json!("iris");
    let told = [
        door.record("in", &Shown::face("nobody"), at("2026-11-23T01:30:00Z")),
        face("2019-12-31T23:59:59Z"),
        face("2026-11-23T02:05:00.001Z"),
        face("2023-10-31T23:59:59Z"),
        face("2025-12-31T00:00:00Z"),
        other_story,
        spoilt,
    ];
    let answer = door.tells(&told).await.ok();
    let expected = [&["quarantined"; 5][..], &["conflict", "rejected"]].concat();
    assert_eq!(results(&answer), expected, "{answer}");
}

/// The same face within a minute at the same door, told later and asked now.
async fn repeated(line: &[Terminal], inside: &Member, entry: &Value, leaver: &Member) {
    let entered = at(entry["device_time"].as_str().unwrap());
    for ms in [0, 1, 30_000, 60_000] {
        line[0].saw("in", &inside.face, entered + TimeDelta::milliseconds(ms)).await;
    }
    let told = line[0].tells(std::slice::from_ref(entry)).await.ok();
    assert_eq!(results(&told), ["duplicate"]);
    let asked = line[1].asks("out", &leaver.face).await;
    assert_eq!((&asked["decision"], &asked["result"]), (&json!("granted"), &json!("accepted")));
}

/// The ledger's rows and the sessions' minutes as SQL has them.
async fn in_sql(stage: &Stage) -> Vec<(Uuid, i32)> {
    let query = "SELECT id, minutes FROM minute_entries UNION ALL \
                 SELECT id, minutes FROM sessions ORDER BY id";
    let rows = stage.town.store.rows(query).await;
    let read =
        |row: &QueryResult| (row.try_get("", "id").unwrap(), row.try_get("", "minutes").unwrap());
    rows.iter().map(read).collect()
}

#[tokio::test]
async fn law_12_what_is_refused_quarantined_or_told_again_changes_no_minutes() {
    let stage = Stage::shared().await;
    let rules = json!({ "rules": { "prerequisites": ["induction"] } });
    let strict = stage.town.venue("要培训", rules).await;
    let strict = stage.town.terminal(&strict, "both").await;
    let records = stage.records(12);
    tell_in_order(&stage.doors, &records, "accepted").await;
    let (inside, entry) = insider(&stage).await;
    let (leaver, _) = insider(&stage).await;
    stage.doors[1].saw("out", &leaver.face, at("2026-11-23T01:59:30Z")).await;
    // A door that has not been heard of yet would be shown as silent.
    strict.beats().await;
    let expected = (stage.outcome().await, in_sql(&stage).await);
    let now = async || (stage.outcome().await, in_sql(&stage).await);
    for line in &stage.lines() {
        refused(line, &strict.at_server(&line[0].wire), &[&inside, &leaver, &stage.people[0]])
            .await;
        assert_eq!(now().await, expected, "refused");
        quarantined(&line[0], &inside, &entry).await;
        assert_eq!(now().await, expected, "quarantined");
        repeated(line, &inside, &entry, &leaver).await;
        tell_in_order(line, &records, "duplicate").await;
        assert_eq!(now().await, expected, "told again");
    }
}
