//! Hikvision terminals.

use serde_json::json;

use super::survives_cuts;
use crate::support::{
    TestTown,
    device::{Bytes, requests, sample},
};

fn face(serial: &str, person: &str, number: u32, time: &str) -> String {
    json!({
        "dateTime": format!("2026-11-23T{time}+08:00"), "eventType": "AccessControllerEvent",
        "shortSerialNumber": serial,
        "AccessControllerEvent": {
            "majorEventType": 5, "subEventType": 75, "employeeNoString": person,
            "serialNo": number, "frontSerialNo": number - 1, "currentEvent": true,
        },
    })
    .to_string()
}

fn post(path: &str, body: &str) -> Bytes {
    Bytes::new("POST", path, body.as_bytes()).with("Content-Type: application/json")
}

#[tokio::test]
async fn every_sampled_push_is_taken_and_becomes_its_event() {
    let town = TestTown::open().await;
    town.is_now("2026-04-17T23:00:00Z");
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA0000001", "in").await;
    town.numbered("1").await;
    let path = format!("/hikvision/{}", claimed["path_token"].as_str().unwrap());
    let mut sent = 0;
    for (name, mut request) in requests("hikvision") {
        request.head =
            request.head.replace("/w-access", &path).replace("/hik ", &format!("{path} "));
        for _ in 0..2 {
            assert_eq!(request.answered(town.address()).await, "{}", "{name}");
        }
        sent += 1;
    }
    for name in
        ["01-httphost-push-remote-close-3-1025.event.json", "06-event-xml-doorbell-5-37.event.xml"]
    {
        if let Some(event) = sample("hikvision", name) {
            let request = Bytes::new("POST", &path, &event);
            assert_eq!(request.answered(town.address()).await, "{}", "{name}");
        }
    }
    if sent > 0 {
        // The same face, as parts and alone, live and again, is one visit.
        let screen = town.screen("330499").await;
        let shown = screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
        assert_eq!(shown["latest"][0]["at"], "2026-04-17T22:23:48Z");
        let notices = format!("/terminals/{}/notices", claimed["id"].as_str().unwrap());
        let told = town.office.get(&notices).await.ok().to_string();
        assert!(told.contains("remote_close") && told.contains("doorbell"), "{told}");
    }
}

#[tokio::test]
async fn a_token_is_worth_its_own_terminal_only_and_the_old_one_a_week() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("7").await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let id = claimed["id"].as_str().unwrap();
    let old = format!("/hikvision/{}", claimed["path_token"].as_str().unwrap());
    let stranger = post("/hikvision/nobody", &face("AA1", "7", 1, "09:00:00"));
    assert_eq!(stranger.sent(town.address()).await.status, 404);
    // Without its token, a claimed terminal is as good as unknown.
    let bare = post("/hikvision", &face("AA1", "7", 1, "09:00:00"));
    assert_eq!(bare.answered(town.address()).await, "{}");
    let screen = town.screen("330499").await;
    assert_eq!(screen.document().await["ever"]["visits"], 0);
    let rotated = town.office.post(&format!("/terminals/{id}/path-token"), &json!({})).await.ok();
    let new = format!("/hikvision/{}", rotated["path_token"].as_str().unwrap());
    post(&old, &face("AA1", "7", 1, "09:00:00")).answered(town.address()).await;
    post(&new, &face("AA1", "7", 1, "09:00:00")).answered(town.address()).await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    // Another device behind this one's path is nobody's, and an alarm.
    post(&new, &face("AA2", "7", 2, "09:30:00")).answered(town.address()).await;
    let told = town.office.get(&format!("/terminals/{id}/notices")).await.ok();
    assert_eq!(told["items"][0]["code"], "wrong_terminal");
    town.is_now("2026-12-01T02:00:00Z");
    let late = post(&old, &face("AA1", "7", 3, "10:00:00"));
    assert_eq!(late.sent(town.address()).await.status, 404);
    assert_eq!(screen.document().await["ever"]["visits"], 1);
}

#[tokio::test]
async fn an_unknown_device_waits_and_a_heartbeat_sets_no_visit() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("7").await;
    let beat = json!({ "eventType": "heartBeat", "dateTime": "2026-11-23T10:00:00+08:00",
        "shortSerialNumber": "AA1" });
    post("/hikvision", &beat.to_string()).answered(town.address()).await;
    post("/hikvision", &face("AA1", "7", 1, "09:00:00")).answered(town.address()).await;
    post("/hikvision", "{\"shortSerialNumber\":\"AA1\"}").answered(town.address()).await;
    let waiting = town.office.get("/unclaimed-terminals").await.ok();
    assert_eq!(waiting["items"][0]["records"], 2);
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    assert_eq!(claimed["released"], 2);
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
}

#[tokio::test]
async fn no_cut_push_makes_the_server_fail() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA0000001", "in").await;
    let path = format!("/hikvision/{} ", claimed["path_token"].as_str().unwrap());
    survives_cuts(&town, "hikvision", |head| {
        head.replace("/w-access ", &path).replace("/hik ", &path)
    })
    .await;
}
