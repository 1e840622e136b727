//! Hikvision terminals that are called: who may enter is written to them with their faces, deleted,
//! listed and compared; and their events are fetched as a stream.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::support::{Answer, Resident, TestTown, eventually, photo};

const CHALLENGE: &str = "Digest qop=\"auth\", realm=\"DS-00000000\", nonce=\"OGRj\", \
    stale=\"false\", opaque=\"\", domain=\"::\"";

/// What a device holds: persons, and the size of each one's face.
#[derive(Default)]
struct Mind {
    persons: BTreeMap<String, usize>,
    /// Persons whom it does not take, and what it says then.
    refused: BTreeMap<String, &'static str>,
}

#[derive(Clone, Default)]
struct FakeDevice(Arc<Mutex<Mind>>);

impl FakeDevice {
    fn holds(&self) -> Vec<String> {
        self.0.lock().unwrap().persons.keys().cloned().collect()
    }

    fn face_of(&self, handle: &str) -> usize {
        self.0.lock().unwrap().persons.get(handle).copied().unwrap_or_default()
    }
}

fn said(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

impl Respond for FakeDevice {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        if !request.headers.contains_key("authorization") {
            return ResponseTemplate::new(401).insert_header("WWW-Authenticate", CHALLENGE);
        }
        let mut mind = self.0.lock().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let well = json!({ "statusCode": 1, "statusString": "OK", "subStatusCode": "ok" });
        match request.url.path() {
            "/ISAPI/AccessControl/UserInfo/SetUp" => {
                let person = &body["UserInfo"];
                let handle = person["employeeNo"].as_str().unwrap().to_owned();
                assert_eq!(person["name"], "", "no name leaves the house");
                if let Some(sub) = mind.refused.get(&handle) {
                    return said(400, &json!({ "statusCode": 6, "subStatusCode": sub }));
                }
                mind.persons.entry(handle).or_default();
                said(200, &well)
            }
            "/ISAPI/Intelligent/FDLib/FDSetUp" => {
                let text = String::from_utf8_lossy(&request.body);
                let handle = text.split("\"FPID\":\"").nth(1).unwrap().split('"').next().unwrap();
                let jpeg = request.body.windows(3).any(|part| part == b"\xff\xd8\xff");
                assert!(jpeg && text.contains("name=\"FaceImage\""));
                *mind.persons.get_mut(handle).unwrap() = request.body.len();
                said(200, &well)
            }
            "/ISAPI/AccessControl/UserInfoDetail/Delete" => {
                let list = body["UserInfoDetail"]["EmployeeNoList"].as_array().unwrap();
                for one in list {
                    mind.persons.remove(one["employeeNo"].as_str().unwrap());
                }
                said(200, &well)
            }
            "/ISAPI/AccessControl/UserInfoDetail/DeleteProcess" => {
                said(200, &json!({ "UserInfoDetailDeleteProcess": { "status": "success" } }))
            }
            "/ISAPI/AccessControl/UserInfo/Search" => {
                let from = body["UserInfoSearchCond"]["searchResultPosition"].as_u64().unwrap();
                let row = |handle: &String| json!({ "employeeNo": handle, "name": "" });
                let from = usize::try_from(from).unwrap();
                let rows: Vec<Value> = mind.persons.keys().skip(from).take(2).map(row).collect();
                let more = if from + rows.len() < mind.persons.len() { "MORE" } else { "OK" };
                said(
                    200,
                    &json!({ "UserInfoSearch": {
                    "responseStatusStrg": more, "numOfMatches": rows.len(), "UserInfo": rows,
                } }),
                )
            }
            other => panic!("{other} is not what this is about"),
        }
    }
}

/// A device that listens, and a terminal that is told who may enter.
async fn device(town: &TestTown) -> (FakeDevice, MockServer, String) {
    let (fake, server) = (FakeDevice::default(), MockServer::start().await);
    Mock::given(any()).respond_with(fake.clone()).mount(&server).await;
    let venue = town.venue("健身房", json!({})).await;
    let body = json!({
        "protocol": "hikvision", "serial": "AA1", "venue_id": venue.id, "direction": "in",
        "keeps_roster": true,
    });
    let claimed = town.office.post("/terminals/claims", &body).await.ok();
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    (fake, server, path)
}

async fn reaches(town: &TestTown, path: &str, address: &str, stream: bool) {
    let access =
        json!({ "address": address, "user": "admin", "password": "secret1", "stream": stream });
    assert_eq!(town.office.put(&format!("{path}/access"), &access).await.status, 204);
}

#[tokio::test]
async fn who_may_enter_is_written_deleted_and_written_again_to_a_blank_device() {
    let town = TestTown::with_wechat().await;
    let (fake, server, path) = device(&town).await;
    town.numbered("1001").await;
    town.numbered("1002").await;
    let zhang = Resident::registers(&town, "zhang").await;
    for consent in ["door_face", "off_device_face_transfer"] {
        zhang.agrees(consent).await.ok();
    }
    let request = zhang.request(Method::PUT, "/me/face");
    let request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
    let request = request.header("Content-Type", "image/jpeg").body(photo::picture(300, 400));
    Answer::to(request).await.ok();
    {
        let mut mind = fake.0.lock().unwrap();
        mind.refused.insert("1002".into(), "deviceUserAlreadyExistFace");
        // Somebody of the venue's own, whom we never told it of.
        mind.persons.insert("staff1".into(), 1);
    }
    reaches(&town, &path, &server.address().to_string(), false).await;
    let held = eventually("everybody but one is there", async || {
        let held = fake.holds();
        let picture = held.iter().find(|handle| handle.len() == 32)?.clone();
        (held.len() == 3 && fake.face_of(&picture) > 1_000).then_some(picture)
    })
    .await;
    assert_eq!(fake.face_of("1001"), 0, "whoever gave no photo is enrolled at the device");
    let commands = eventually("the refusal is known", async || {
        let listed = town.office.get(&format!("{path}/commands")).await.ok();
        let items = listed["items"].as_array().unwrap().clone();
        items.iter().any(|one| one["status"] == "failed").then_some(items)
    })
    .await;
    let refused = commands.iter().find(|one| one["status"] == "failed").unwrap();
    assert!(refused["detail"].as_str().unwrap().starts_with("人脸重复"), "{refused}");

    // Whoever takes their face back is deleted, and the receipt says so.
    zhang.delete("/me/face").await;
    town.clock.set(town.now() + chrono::TimeDelta::seconds(40));
    eventually("the face is deleted", async || (!fake.holds().contains(&held)).then_some(())).await;
    let receipt = format!(
        "SELECT COUNT(*) AS n FROM handle_receipts WHERE handle = '{held}' AND result = 'removed'"
    );
    eventually("the receipt is kept", async || {
        (town.store.count(&receipt).await == 1).then_some(())
    })
    .await;

    // Blank again, and a day later filled again; the venue's own person is only counted.
    fake.0.lock().unwrap().persons.retain(|handle, _| handle == "staff1");
    town.clock.set(town.now() + chrono::TimeDelta::hours(21));
    eventually("the blank device is filled again", async || {
        (fake.holds() == ["1001", "staff1"]).then_some(())
    })
    .await;
    let ledger = town.office.get("/terminal-ledger").await.ok();
    let line = &ledger["items"][0];
    assert!(line["roster_mismatch"].as_i64().unwrap() >= 1, "{line}");
    assert!(line["roster_compared_at"].is_string(), "{line}");
}

fn event(number: u32, person: &str, time: &str) -> Value {
    json!({
        "dateTime": format!("2026-11-23T{time}+08:00"), "eventType": "AccessControllerEvent",
        "shortSerialNumber": "AA1",
        "AccessControllerEvent": {
            "majorEventType": 5, "subEventType": 75, "employeeNoString": person,
            "serialNo": number, "frontSerialNo": number - 1,
        },
    })
}

/// One connection of a device: asks for proof, streams `events` once and breaks off, lists what
/// was missed.
async fn serves(mut stream: TcpStream, events: Vec<Value>, tell: mpsc::UnboundedSender<String>) {
    loop {
        let (mut text, mut bytes) = (String::new(), [0; 4096]);
        loop {
            let read = stream.read(&mut bytes).await.unwrap_or(0);
            if read == 0 {
                return;
            }
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let head = head.to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1);
            let length =
                length.map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            if body.len() >= length {
                break;
            }
        }
        let is_proved = text.to_ascii_lowercase().contains("authorization: digest");
        if !is_proved {
            let asks = format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {CHALLENGE}\r\nContent-Length: 0\r\n\r\n"
            );
            stream.write_all(asks.as_bytes()).await.unwrap();
            continue;
        }
        if text.starts_with("GET /ISAPI/Event/notification/alertStream") {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; \
                        boundary=MIME_boundary\r\nConnection: close\r\n\r\n";
            stream.write_all(head.as_bytes()).await.unwrap();
            for event in &events {
                let text = event.to_string();
                let part = format!(
                    "--MIME_boundary\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                     \r\n{text}\r\n",
                    text.len()
                );
                stream.write_all(part.as_bytes()).await.unwrap();
            }
            tell.send("stream".into()).unwrap();
            return;
        }
        let missed = json!({ "AcsEvent": { "responseStatusStrg": "OK", "InfoList": [{
            "major": 5, "minor": 75, "time": "2026-11-23T08:30:00+08:00",
            "employeeNoString": "1001", "serialNo": 7,
        }] } })
        .to_string();
        let length = missed.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{missed}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = tell.send("query".into());
    }
}

#[tokio::test]
async fn a_stream_is_listened_to_and_begun_again_and_what_was_missed_is_asked_for() {
    let town = TestTown::open().await;
    for person in ["1001", "1002", "1003"] {
        town.numbered(person).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, mut told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let events = vec![event(8, "1002", "09:00:00"), event(9, "1003", "09:10:00")];
            tokio::spawn(serves(stream, events, tell.clone()));
        }
    });
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "hikvision", "AA1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    reaches(&town, &path, &address, true).await;
    let screen = town.screen("330499").await;
    screen.shows("three visits", |shown| shown["ever"]["visits"] == 3).await;
    let mut streams = 0;
    while streams < 2 {
        streams += usize::from(told.recv().await.unwrap() == "stream");
    }
    assert_eq!(screen.document().await["ever"]["visits"], 3, "twice told is once counted");
    let ledger = town.office.get("/terminal-ledger").await.ok();
    assert_eq!(ledger["items"][0]["missing_records"], 0, "{ledger}");
    town.adds_up().await;
}
