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
        screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
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
    let told = town.office.get(&format!("/terminals/{id}/notices")).await.ok();
    assert_eq!(told["items"][0]["code"], "without_token");
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

/// A device that takes commands: answers each of `answers` once, in order, and tells what it was
/// asked for: request line, whether it was proved, body.
async fn device(
    answers: Vec<&'static str>,
) -> (String, tokio::sync::mpsc::UnboundedReceiver<(String, bool, String)>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = String::new();
            let mut bytes = [0; 4096];
            // Head, then as much of a body as it declares.
            loop {
                let read = stream.read(&mut bytes).await.unwrap();
                text.push_str(&String::from_utf8_lossy(&bytes[..read]));
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let head = head.to_ascii_lowercase();
                let length = head
                    .split("content-length: ")
                    .nth(1)
                    .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
                if body.len() >= length || read == 0 {
                    let line = text.split("\r\n").next().unwrap().to_owned();
                    let is_proved = head.contains("authorization: digest username=\"admin\"");
                    tell.send((line, is_proved, body.to_owned())).unwrap();
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, told)
}

const ASKS: &str = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest qop=\"auth\", \
    realm=\"DS-00000000\", nonce=\"OGRj\", stale=\"false\", opaque=\"\", domain=\"::\"\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
const WELL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

#[tokio::test]
async fn a_door_is_opened_by_a_call_that_proves_itself() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    let (address, mut told) = device(vec![ASKS, WELL]).await;
    let access = json!({ "address": address, "user": "admin", "password": "secret1" });
    assert_eq!(town.office.put(&format!("{path}/access"), &access).await.status, 204);
    let commands = format!("{path}/commands");
    town.office.post(&commands, &json!({ "kind": "open_door" })).await.ok();
    let (line, is_proved, body) = told.recv().await.unwrap();
    assert_eq!(line, "PUT /ISAPI/AccessControl/RemoteControl/door/1 HTTP/1.1");
    assert!(!is_proved);
    if let Some(sampled) = sample("hikvision", "12-remotecontrol-door-open.req.xml") {
        assert_eq!(body.trim(), String::from_utf8(sampled).unwrap().trim());
    }
    assert!(told.recv().await.unwrap().1);
    crate::support::eventually("the door is open", async || {
        let listed = town.office.get(&commands).await.ok();
        (listed["items"][0]["status"] == "done").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_device_that_refuses_our_login_twice_is_left_alone() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    let (address, mut told) = device(vec![ASKS; 5]).await;
    let access = json!({ "address": address, "user": "admin", "password": "wrong" });
    town.office.put(&format!("{path}/access"), &access).await;
    let commands = format!("{path}/commands");
    for _ in 0..3 {
        town.office.post(&commands, &json!({ "kind": "restart" })).await.ok();
    }
    for _ in 0..4 {
        told.recv().await.unwrap();
    }
    crate::support::eventually("two are given up", async || {
        let listed = town.office.get(&commands).await.ok();
        let status = |n: usize| listed["items"][n]["status"].clone();
        (status(2) == "failed" && status(1) == "failed").then(|| assert_eq!(status(0), "queued"))
    })
    .await;
    assert!(told.try_recv().is_err(), "the third is not tried");
    for bad in ["127.0.0.1", "169.254.169.254:80", "0.0.0.0:80", "host:80", "192.168.1.1:0"] {
        let access = json!({ "address": bad, "user": "a", "password": "b" });
        let refused = town.office.put(&format!("{path}/access"), &access).await;
        assert_eq!(refused.said(), (422, "bad_address"), "{bad}");
    }
}

#[tokio::test]
async fn a_device_that_asks_is_answered_in_a_call_of_its_own() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("1").await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let (address, mut told) = device(vec![WELL, WELL]).await;
    let access = json!({ "address": address, "user": "admin", "password": "secret1" });
    let path = format!("/terminals/{}/access", claimed["id"].as_str().unwrap());
    town.office.put(&path, &access).await;
    let path = format!("/hikvision/{}", claimed["path_token"].as_str().unwrap());
    for (person, result) in [("1", "success"), ("2", "failed")] {
        let asks = face("AA1", person, 587, "10:00:00")
            .replace("\"currentEvent\":true", "\"remoteCheck\":true");
        let asks = asks.replace("587", if person == "1" { "587" } else { "588" });
        assert_eq!(post(&path, &asks).answered(town.address()).await, "{}");
        let (line, _, body) = told.recv().await.unwrap();
        assert_eq!(line, "PUT /ISAPI/AccessControl/remoteCheck?format=json HTTP/1.1");
        let check: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(check["RemoteCheck"]["checkResult"], result);
        assert!(!check["RemoteCheck"]["info"].as_str().unwrap().is_empty());
    }
    let screen = town.screen("330499").await;
    screen.shows("one inside", |shown| shown["inside"] == 1).await;
}
