//! Rows 105 to 109: who sends. A batch of good records under an envelope that is not right is
//! answered 401 with its own code and our time, and nothing at all is written.

use reqwest::Method;
use serde_json::json;

use super::standing::{NOTHING, Standing, Wrote};
use crate::support::{Answer, Envelope, Terminal, TestTown, at, results};

/// The rows that are sent below.
pub const SENT: [u16; 4] = [105, 106, 108, 109];

const EVENTS: &str = "/api/v1/terminal/events";
const HEARTBEAT: &str = "/api/v1/terminal/heartbeat";

/// What is wrong with an envelope that was right, beside one of somebody else's.
type Change = fn(&mut Envelope, &Envelope);

/// Row, what is changed, and the code.
const CASES: [(u16, Change, &str); 17] = [
    (105, |mine, _| mine.terminal = uuid::Uuid::nil().to_string(), "unknown_key"),
    (105, |mine, _| mine.key = uuid::Uuid::nil().to_string(), "unknown_key"),
    (105, |mine, _| mine.terminal = String::from("x"), "unknown_key"),
    (108, |mine, _| mine.terminal.clear(), "missing_header"),
    (108, |mine, _| mine.key.clear(), "missing_header"),
    (108, |mine, _| mine.timestamp.clear(), "missing_header"),
    (108, |mine, _| mine.timestamp = String::from("noon"), "missing_header"),
    (108, |mine, _| mine.signature = Some(String::new()), "missing_header"),
    (108, |mine, _| mine.signature = Some("v1=00".to_owned()), "bad_signature"),
    (
        108,
        |mine, _| mine.signature = Some(mine.signs(&Method::POST, EVENTS, "{}")),
        "bad_signature",
    ),
    (108, |mine, _| mine.signature = Some(signed_elsewhere(mine)), "bad_signature"),
    (108, |mine, _| mine.timestamp = shifted(mine, 301), "clock_skew"),
    (108, |mine, _| mine.timestamp = shifted(mine, -301), "clock_skew"),
    (108, |mine, _| mine.timestamp = String::from("7"), "clock_skew"),
    (109, |mine, other| mine.secret.clone_from(&other.secret), "bad_signature"),
    (109, |mine, other| mine.key.clone_from(&other.key), "unknown_key"),
    (109, |mine, other| mine.terminal.clone_from(&other.terminal), "unknown_key"),
];

fn shifted(envelope: &Envelope, seconds: i64) -> String {
    (envelope.timestamp.parse::<i64>().unwrap() + seconds).to_string()
}

fn signed_elsewhere(envelope: &Envelope) -> String {
    envelope.signs(&Method::POST, HEARTBEAT, &batch())
}

/// One good record, whoever sends it: every case has the same bytes.
fn batch() -> String {
    json!({ "events": [{
        "epoch": 0, "seq": 1, "device_time": "2026-11-23T01:00:00Z", "direction": "in",
        "method": "card", "credential": "c-nobody", "outcome": "opened",
    }]})
    .to_string()
}

async fn sends(door: &Terminal, envelope: &Envelope) -> Answer {
    door.sends(envelope, Method::POST, EVENTS, &batch()).await
}

#[tokio::test]
async fn who_does_not_sign_properly_leaves_nothing_behind() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let other = town.terminal(&gym, "in").await;
    let before = (Standing::of(&town.store).await, town.digest().await);
    for (n, (row, change, code)) in CASES.iter().enumerate() {
        let mut envelope = door.envelope();
        change(&mut envelope, &other.envelope());
        let answer = sends(&door, &envelope).await;
        let what = format!("row {row}, case {n}: {}", answer.text);
        assert_eq!(answer.said(), (401, *code), "{what}");
        assert_eq!(answer.header("fitgate-time"), town.now().timestamp().to_string(), "{what}");
    }
    before.0.has_grown(&Standing::of(&town.store).await, NOTHING, "rows 105 to 109");
    assert_eq!(town.digest().await, before.1);
    let metrics = Answer::to(town.ops.get("/metrics")).await.text;
    let counted = format!("route=\"{EVENTS}\",status=\"4xx\"}} {}\n", CASES.len());
    assert!(metrics.contains(&counted), "each is counted: {metrics}");
    // Row 108: five minutes either way are taken. A batch may come again; what has to be fresh has a
    // nonce, once.
    for seconds in [300, -300] {
        let mut envelope = door.envelope();
        envelope.timestamp = shifted(&envelope, seconds);
        assert_eq!(sends(&door, &envelope).await.status, 200, "{seconds}");
    }
    let (envelope, beat) = (door.envelope(), json!({ "clock": town.now(), "queue_length": 0 }));
    let beats = async || door.sends(&envelope, Method::POST, HEARTBEAT, &beat.to_string()).await;
    assert_eq!(beats().await.status, 200);
    assert_eq!(beats().await.said(), (401, "nonce_reused"));
}

/// Row 106: what a revoked key signs is not taken; the same bytes are, under a new one.
#[tokio::test]
async fn what_a_revoked_key_signed_is_taken_when_it_comes_again_under_a_new_one() {
    let town = TestTown::open().await;
    let (_, stolen) = town.gym().await;
    let anna = town.member().await;
    let record = stolen.record("in", &anna.face, at("2026-11-23T01:00:00Z"));
    let keys = format!("/terminals/{}/keys", stolen.id);
    let issued = town.office.post(&keys, &json!({})).await.ok();
    let path = format!("{keys}/{}", stolen.key_id());
    assert_eq!(town.office.delete(&path).await.status, 204);
    let before = Standing::of(&town.store).await;
    let refused = stolen.tells(std::slice::from_ref(&record)).await;
    assert_eq!(refused.said(), (401, "key_revoked"));
    before.has_grown(&Standing::of(&town.store).await, NOTHING, "row 106");
    let again = stolen.with_key(&issued).tells(&[record]).await.ok();
    assert_eq!(results(&again), ["accepted"]);
    let visit: Wrote<'_> = &[("entry_events", 1), ("event_keys", 1), ("sessions", 1)];
    before.has_grown(&Standing::of(&town.store).await, visit, "row 106");
    town.adds_up().await;
}
