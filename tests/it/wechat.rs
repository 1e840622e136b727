//! Signing in through WeChat, what its platform pushes, and what is said to residents.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Resident, SESSION_KEY, TestTown, at, eventually, push};

async fn signs_in(town: &TestTown, code: &str) -> Answer {
    Answer::to(town.wire.post("/api/v1/wechat/sessions", &json!({ "code": code }))).await
}

#[tokio::test]
async fn a_code_signs_in_once_and_only_as_a_login() {
    let town = TestTown::with_wechat().await;
    let first = signs_in(&town, "login-zhang").await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(
        (&first.body["registered"], &first.body["member_id"]),
        (&json!(false), &Value::Null)
    );
    assert!(!first.text.contains(SESSION_KEY) && !first.text.contains("o-zhang"), "{}", first.text);
    let long = "x".repeat(10_000);
    for (code, said) in [
        ("login-zhang", (401, "wechat_code_used")),
        ("phone-13900000000", (401, "wechat_code_invalid")),
        ("nonsense", (401, "wechat_code_invalid")),
        ("risk", (403, "wechat_risk")),
        ("often", (429, "rate_limited")),
        ("busy", (503, "wechat_unavailable")),
        ("", (422, "invalid_value")),
        (&long, (422, "invalid_value")),
    ] {
        assert_eq!(signs_in(&town, code).await.said(), said, "{code:.20}");
    }
    let own = json!({ "code": "login-li", "openid": "o-zhang" });
    let chosen = Answer::to(town.wire.post("/api/v1/wechat/sessions", &own)).await;
    assert_eq!(chosen.said(), (422, "unknown_field"), "nobody says who they are");
}

#[tokio::test]
async fn a_session_ends_when_it_is_closed_and_after_thirty_days() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let other = Resident::signs_in(&town, "zhang").await;
    assert_eq!(zhang.get("/me").await.status, 200);
    assert_eq!(zhang.delete("/wechat/sessions/current").await.status, 204);
    assert_eq!(zhang.get("/me").await.said(), (401, "session_ended"));
    assert_eq!(other.get("/me").await.status, 200, "the other telephone stays in");
    town.is_now("2026-12-23T02:00:00Z");
    assert_eq!(other.get("/me").await.said(), (401, "session_ended"));
    let none = Answer::to(town.wire.get("/api/v1/me")).await;
    assert_eq!(none.said(), (401, "unauthenticated"));
}

#[tokio::test]
async fn without_wechat_the_rest_of_the_town_works() {
    let town = TestTown::open().await;
    assert_eq!(signs_in(&town, "login-zhang").await.said(), (503, "wechat_unavailable"));
    let (_, door) = town.gym().await;
    let member = town.member().await;
    assert_eq!(door.asks("in", &member.card).await["decision"], "granted");
}

async fn pushes(town: &TestTown, event: &str, name: &str, nonce: &str) -> Answer {
    let (address, body) = push(event, &format!("o-{name}"), town.now().timestamp(), nonce);
    let request = town.wire.request(Method::POST, &address).body(body);
    Answer::to(request.header("Content-Type", "application/json")).await
}

#[tokio::test]
async fn a_revoked_phone_is_forgotten_and_the_account_goes_on() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.patch(&json!({ "phone_code": "phone-13900000000" })).await.ok();
    assert_eq!(zhang.get("/me").await.ok()["phone"], "139****0000");
    let pushed = pushes(&town, "user_authorization_revoke", "zhang", "1").await;
    assert_eq!((pushed.status, &*pushed.text), (200, "success"));
    assert_eq!(zhang.get("/me").await.ok()["phone"], Value::Null);
    zhang.patch(&json!({ "phone_code": "phone-13900000000.2" })).await.ok();
    let again = pushes(&town, "user_authorization_revoke", "zhang", "2").await;
    assert_eq!((again.status, &*again.text), (200, "success"));
    assert_eq!(zhang.get("/me").await.ok()["phone"], "139****0000", "the same push, sent again");
    town.store.fitgate(&["ledger", "verify"]).await;
}

#[tokio::test]
async fn a_closed_account_is_a_forgotten_resident() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    for nonce in ["1", "2"] {
        let pushed = pushes(&town, "user_authorization_cancellation", "zhang", nonce).await;
        assert_eq!((pushed.status, &*pushed.text), (200, "success"));
    }
    assert_eq!(zhang.get("/me").await.said(), (401, "session_ended"));
    let stranger = pushes(&town, "user_authorization_cancellation", "nobody", "3").await;
    assert_eq!(stranger.status, 200);
    let back = Resident::signs_in(&town, "zhang").await;
    assert_eq!(back.get("/me").await.said(), (403, "registration_required"));
}

#[tokio::test]
async fn forged_pushes_change_nothing() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let now_s = town.now().timestamp();
    let event = "user_authorization_cancellation";
    let (address, body) = push(event, "o-zhang", now_s, "1");
    let (_, other) = push(event, "o-li", now_s, "1");
    let (stale, old) = push(event, "o-zhang", now_s - 301, "1");
    for (address, body, said) in [
        (&address, &other, (401, "bad_signature")),
        (&stale, &old, (401, "clock_skew")),
        (&address.replace("nonce=1", "nonce=2"), &body, (401, "bad_signature")),
        (&address.replace("msg_signature", "signature"), &body, (401, "bad_signature")),
        (&address, &"{}".to_owned(), (400, "json_syntax")),
    ] {
        let request = town.wire.request(Method::POST, address).body(body.clone());
        assert_eq!(Answer::to(request).await.said(), said, "{address}");
    }
    assert_eq!(zhang.get("/me").await.status, 200);
}

#[tokio::test]
async fn whoever_forgot_to_scan_out_is_asked_once_when_they_left() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let card = json!({ "kind": "card", "handle": "c-zhang" });
    let path = format!("/members/{}/credentials", zhang.id().await);
    town.office.post(&path, &card).await.ok();
    town.wechat().refuses_messages(&[-1]);
    let shown = crate::support::Shown::card("c-zhang");
    assert_eq!(door.asks("in", &shown).await["decision"], "granted");
    town.clock.set(at("2026-11-23T06:05:00Z"));
    let sent = eventually("a message", async || {
        // The first attempt is refused as busy; half a minute later it is tried again.
        town.clock.set(town.now() + chrono::TimeDelta::seconds(5));
        town.wechat().sent().pop()
    })
    .await;
    assert_eq!((&sent["touser"], &sent["template_id"]), (&json!("o-zhang"), &json!("LEFT")));
    assert_eq!(sent["data"]["thing1"]["value"], "健身房");
    assert_eq!(sent["data"]["time2"]["value"], "2026年11月23日 10:00");
    town.adds_up().await;
    assert_eq!(town.wechat().sent().len(), 1);
}
