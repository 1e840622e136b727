//! Whose request it is: signatures, nonces, clocks, and keys that come and go.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Envelope, Terminal, TestTown};

const EVENTS: &str = "/api/v1/terminal/events";
const HEARTBEAT: &str = "/api/v1/terminal/heartbeat";
const ROSTER: &str = "/api/v1/terminal/roster?limit=10";

/// Sends a well-formed heartbeat under an envelope that `change` falsified.
async fn said(door: &Terminal, change: impl FnOnce(&mut Envelope)) -> (u16, String) {
    let mut envelope = door.envelope();
    change(&mut envelope);
    let body = json!({ "clock": door.clock.now(), "queue_length": 0 }).to_string();
    let answer = door.sends(&envelope, Method::POST, HEARTBEAT, &body).await;
    (answer.status, answer.code().to_owned())
}

fn refused(code: &str) -> (u16, String) {
    (401, code.to_owned())
}

#[tokio::test]
async fn every_fault_of_a_signature_has_its_own_code() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let other = town.terminal(&gym, "in").await;
    let nobody = uuid::Uuid::new_v4().to_string();
    assert_eq!(said(&door, |_| {}).await.0, 200);
    assert_eq!(said(&door, |e| e.terminal.clear()).await, refused("missing_header"));
    assert_eq!(said(&door, |e| e.key.clear()).await, refused("missing_header"));
    assert_eq!(said(&door, |e| e.timestamp.clear()).await, refused("missing_header"));
    assert_eq!(said(&door, |e| e.timestamp = "noon".into()).await, refused("missing_header"));
    assert_eq!(said(&door, |e| e.signature = Some(String::new())).await, refused("missing_header"));
    assert_eq!(said(&door, |e| e.key = nobody.clone()).await, refused("unknown_key"));
    assert_eq!(said(&door, |e| e.key = "x".into()).await, refused("unknown_key"));
    assert_eq!(said(&door, |e| e.terminal = other.id.clone()).await, refused("unknown_key"));
    assert_eq!(said(&door, |e| e.secret = vec![7; 32]).await, refused("bad_signature"));
    for signature in ["v1=", "v1=zz", "v2=00", "hello"] {
        let forged = said(&door, |e| e.signature = Some(signature.into())).await;
        assert_eq!(forged, refused("bad_signature"), "{signature}");
    }
    assert_eq!(said(&door, |e| e.nonce.clear()).await, refused("nonce_required"));
    assert_eq!(said(&door, |e| e.nonce = "n".repeat(65)).await, refused("nonce_required"));
}

#[tokio::test]
async fn a_signature_covers_body_path_and_query() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let mut envelope = door.envelope();
    let hers = door.sends(&envelope, Method::GET, ROSTER, "").await;
    assert_eq!(hers.status, 200);
    // What the right request was signed with, under another path, another query, another body.
    envelope.signature = Some(envelope.signs(&Method::GET, ROSTER, ""));
    assert_eq!(door.sends(&envelope, Method::GET, ROSTER, "").await.status, 200);
    let elsewhere = [
        (Method::GET, "/api/v1/terminal/roster?limit=11", ""),
        (Method::GET, "/api/v1/terminal/roster", ""),
        (Method::POST, EVENTS, r#"{"events":[]}"#),
    ];
    for (method, path, body) in elsewhere {
        let answer = door.sends(&envelope, method, path, body).await;
        assert_eq!(answer.said(), (401, "bad_signature"), "{path}");
    }
}

#[tokio::test]
async fn a_nonce_is_taken_once() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let other = town.terminal(&gym, "in").await;
    assert_eq!(said(&door, |e| e.nonce = "once".into()).await.0, 200);
    assert_eq!(said(&door, |e| e.nonce = "once".into()).await, refused("nonce_reused"));
    assert_eq!(said(&other, |e| e.nonce = "once".into()).await.0, 200, "each has its own");
    let member = town.member().await;
    let mut plain = door.envelope();
    plain.nonce.clear();
    let record = door.record("in", &member.face, town.now());
    let batch = json!({ "events": [record] }).to_string();
    assert_eq!(door.sends(&plain, Method::POST, EVENTS, &batch).await.status, 200);
    let question = door.record("in", &member.face, town.now()).to_string();
    let answer = door.sends(&plain, Method::POST, "/api/v1/terminal/decisions", &question).await;
    assert_eq!(answer.said(), (401, "nonce_required"));
}

#[tokio::test]
async fn a_device_with_a_lost_clock_is_told_the_time() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let now_s = town.now().timestamp();
    let at = |s: i64| move |e: &mut Envelope| e.timestamp = s.to_string();
    assert_eq!(said(&door, at(now_s - 300)).await.0, 200);
    assert_eq!(said(&door, at(now_s + 300)).await.0, 200);
    assert_eq!(said(&door, at(now_s + 301)).await, refused("clock_skew"));
    let mut envelope = door.envelope();
    envelope.timestamp = "7".to_owned();
    let answer = door.sends(&envelope, Method::POST, EVENTS, "{}").await;
    assert_eq!(answer.said(), (401, "clock_skew"));
    assert_eq!(answer.header("fitgate-time"), now_s.to_string());
    assert_eq!(answer.header("fitgate-time-signature"), envelope.signs_time(now_s));
    // Whoever cannot sign learns the time, but nothing signed.
    envelope.secret = vec![7; 32];
    let answer = door.sends(&envelope, Method::POST, EVENTS, "{}").await;
    assert_eq!(answer.said(), (401, "bad_signature"));
    assert_eq!(answer.header("fitgate-time"), now_s.to_string());
    assert_eq!(answer.header("fitgate-time-signature"), "");
}

async fn rotated(town: &TestTown, door: &Terminal) -> Terminal {
    let issued = town.office.post(&format!("/terminals/{}/keys", door.id), &json!({})).await;
    door.with_key(&issued.ok())
}

#[tokio::test]
async fn two_keys_are_valid_during_a_rotation_and_the_old_one_dies_a_week_later() {
    let town = TestTown::open().await;
    let (_, old) = town.gym().await;
    let new = rotated(&town, &old).await;
    assert_eq!(said(&old, |_| {}).await.0, 200);
    let keys = format!("/terminals/{}/keys", old.id);
    assert_eq!(town.office.post(&keys, &json!({})).await.said(), (409, "key_rotating"));
    assert_eq!(said(&new, |_| {}).await.0, 200);
    town.is_now("2026-11-30T01:59:00Z");
    assert_eq!(said(&old, |_| {}).await.0, 200);
    town.is_now("2026-11-30T02:01:00Z");
    assert_eq!(said(&old, |_| {}).await, refused("key_revoked"));
    assert_eq!(said(&new, |_| {}).await.0, 200);
}

#[tokio::test]
async fn a_revoked_key_is_dead_at_once() {
    let town = TestTown::open().await;
    let (_, stolen) = town.gym().await;
    let new = rotated(&town, &stolen).await;
    assert_eq!(said(&stolen, |_| {}).await.0, 200);
    let path = format!("/terminals/{}/keys/{}", stolen.id, stolen.key_id());
    assert_eq!(town.office.delete(&path).await.status, 204);
    assert_eq!(said(&stolen, |_| {}).await, refused("key_revoked"));
    assert_eq!(said(&new, |_| {}).await.0, 200);
    let listed = town.office.get("/terminals").await.ok();
    let keys = listed["items"][0]["keys"].as_array().unwrap();
    let revoked: Vec<bool> = keys.iter().map(|key| key["revoked_at"] != Value::Null).collect();
    assert_eq!(revoked, [true, false]);
}
