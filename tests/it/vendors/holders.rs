//! Terminals that are called, of every such family: who may enter is written to them with their
//! faces, deleted, listed and compared.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use crate::support::{Answer, Resident, TestTown, eventually, photo};

pub const CHALLENGE: &str = "Digest qop=\"auth\", realm=\"DS-00000000\", nonce=\"OGRj\", \
    stale=\"false\", opaque=\"\", domain=\"::\"";

/// What a device holds: persons, and the size of each one's face.
#[derive(Default)]
struct Mind {
    persons: BTreeMap<String, usize>,
    /// Persons whom it does not take.
    refused: Vec<String>,
}

/// A device of a family, as it speaks.
#[derive(Clone)]
struct FakeDevice {
    family: &'static str,
    mind: Arc<Mutex<Mind>>,
}

impl FakeDevice {
    fn holds(&self) -> Vec<String> {
        self.mind.lock().unwrap().persons.keys().cloned().collect()
    }

    fn face_of(&self, number: &str) -> usize {
        self.mind.lock().unwrap().persons.get(number).copied().unwrap_or_default()
    }
}

fn said(status: u16, body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn lines(text: String) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

impl Respond for FakeDevice {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let proof = request.headers.get("authorization");
        let proof = proof.map_or("", |proof| proof.to_str().unwrap());
        let mind = &mut *self.mind.lock().unwrap();
        match self.family {
            "hq" if proof == "Basic YWRtaW46c2VjcmV0MQ==" => mind.as_hq(request),
            "hq" => ResponseTemplate::new(401),
            "uniubi" => mind.as_uniubi(request),
            _ if !proof.starts_with("Digest ") => {
                ResponseTemplate::new(401).insert_header("WWW-Authenticate", CHALLENGE)
            }
            "dahua" => mind.as_dahua(request),
            _ => mind.as_hikvision(request),
        }
    }
}

impl Mind {
    fn is_refused(&self, number: &str) -> bool {
        self.refused.iter().any(|refused| refused == number)
    }

    fn as_hikvision(&mut self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let well = json!({ "statusCode": 1, "statusString": "OK", "subStatusCode": "ok" });
        match request.url.path() {
            "/ISAPI/AccessControl/UserInfo/SetUp" => {
                let person = &body["UserInfo"];
                let handle = person["employeeNo"].as_str().unwrap().to_owned();
                assert_eq!(person["name"], "", "no name leaves the house");
                if self.is_refused(&handle) {
                    let sub = "deviceUserAlreadyExistFace";
                    return said(400, &json!({ "statusCode": 6, "subStatusCode": sub }));
                }
                self.persons.entry(handle).or_default();
            }
            "/ISAPI/Intelligent/FDLib/FDSetUp" => {
                let text = String::from_utf8_lossy(&request.body);
                let handle = text.split("\"FPID\":\"").nth(1).unwrap().split('"').next().unwrap();
                let jpeg = request.body.windows(3).any(|part| part == b"\xff\xd8\xff");
                assert!(jpeg && text.contains("name=\"FaceImage\""));
                *self.persons.get_mut(handle).unwrap() = request.body.len();
            }
            "/ISAPI/AccessControl/UserInfoDetail/Delete" => {
                for one in body["UserInfoDetail"]["EmployeeNoList"].as_array().unwrap() {
                    self.persons.remove(one["employeeNo"].as_str().unwrap());
                }
            }
            "/ISAPI/AccessControl/UserInfoDetail/DeleteProcess" => {
                let done = json!({ "UserInfoDetailDeleteProcess": { "status": "success" } });
                return said(200, &done);
            }
            "/ISAPI/AccessControl/UserInfo/Search" => {
                let from = body["UserInfoSearchCond"]["searchResultPosition"].as_u64().unwrap();
                let row = |handle: &String| json!({ "employeeNo": handle, "name": "" });
                let from = usize::try_from(from).unwrap();
                let rows: Vec<Value> = self.persons.keys().skip(from).take(2).map(row).collect();
                let more = if from + rows.len() < self.persons.len() { "MORE" } else { "OK" };
                let page = json!({ "responseStatusStrg": more, "numOfMatches": rows.len(),
                    "UserInfo": rows });
                return said(200, &json!({ "UserInfoSearch": page }));
            }
            other => panic!("{other} is not what this is about"),
        }
        said(200, &well)
    }

    fn as_hq(&mut self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let (operator, info) = (body["operator"].as_str().unwrap(), &body["info"]);
        assert_eq!(request.url.path(), format!("/action/{operator}"));
        assert_eq!(info["DeviceID"], 1_434_281);
        let answer = |code: u32, info: Value| {
            said(200, &json!({ "operator": operator, "code": code, "info": info }))
        };
        match operator {
            "EditPersonNew" => {
                let handle = info["PersonUUID"].as_str().unwrap().to_owned();
                assert_eq!(info["Name"], handle.as_str(), "no name leaves the house");
                if self.is_refused(&handle) {
                    return answer(471, json!({ "Result": "Fail" }));
                }
                let face = body["picinfo"].as_str().map_or(0, |picture| {
                    let text = picture.strip_prefix("data:image/jpeg;base64,").unwrap();
                    BASE64_STANDARD.decode(text).unwrap().len()
                });
                self.persons.insert(handle, face);
            }
            "DeletePerson" => {
                for handle in info["PersonUUID"].as_array().unwrap() {
                    self.persons.remove(handle.as_str().unwrap());
                }
            }
            "SearchPersonList" => {
                let row = |handle: &String| json!({ "CustomizeID": 0, "PersonUUID": handle });
                let rows: Vec<Value> = self.persons.keys().map(row).collect();
                return answer(200, json!({ "Listnum": rows.len(), "List": rows }));
            }
            other => panic!("{other} is not what this is about"),
        }
        answer(200, json!({ "Result": "Ok" }))
    }

    fn as_uniubi(&mut self, request: &Request) -> ResponseTemplate {
        let form = format!("http://form/?{}", String::from_utf8_lossy(&request.body));
        let form = reqwest::Url::parse(&form).unwrap();
        let fields: BTreeMap<String, String> = form.query_pairs().into_owned().collect();
        let code = |code: &str, data: Value| {
            let is_well = code.starts_with("LAN_SUS");
            let result = u8::from(is_well);
            said(200, &json!({ "result": result, "success": is_well, "code": code, "data": data }))
        };
        if fields["pass"] != "secret1" {
            return code("LAN_EXP-1001", Value::Null);
        }
        let well = code("LAN_SUS-0", Value::Null);
        match request.url.path() {
            "/person/create" => {
                let person: Value = serde_json::from_str(&fields["person"]).unwrap();
                let handle = person["id"].as_str().unwrap().to_owned();
                assert_eq!(person["name"], handle.as_str(), "no name leaves the house");
                if self.persons.contains_key(&handle) {
                    return code("LAN_EXP-3005", Value::Null);
                }
                if self.is_refused(&handle) {
                    return code("LAN_EXP-4043", Value::Null);
                }
                self.persons.insert(handle, 0);
            }
            "/face/create" => {
                let size = BASE64_STANDARD.decode(&fields["imgBase64"]).unwrap().len();
                *self.persons.get_mut(&fields["personId"]).unwrap() = size;
            }
            "/person/delete" => {
                if self.persons.remove(&fields["id"]).is_none() {
                    return code("LAN_EXP-3009", Value::Null);
                }
            }
            "/person/findByPage" => {
                let rows: Vec<Value> =
                    self.persons.keys().map(|handle| json!({ "id": handle })).collect();
                return code("LAN_SUS-0", json!(rows));
            }
            other => panic!("{other} is not what this is about"),
        }
        well
    }

    fn as_dahua(&mut self, request: &Request) -> ResponseTemplate {
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let field = |name: &str| query.get(name).cloned().unwrap_or_default();
        let number = field("UserID");
        let of = |action: &str| (request.url.path().to_owned(), action.to_owned());
        let rows = |persons: &[&String]| {
            let row = |(n, number): (usize, &&String)| {
                format!("records[{n}].RecNo={number}\r\nrecords[{n}].UserID={number}\r\n")
            };
            let rows: String = persons.iter().enumerate().map(row).collect();
            lines(format!("found={}\r\n{rows}", persons.len()))
        };
        let (path, action) = of(&field("action"));
        match (path.trim_start_matches("/cgi-bin/"), action.as_str()) {
            ("recordFinder.cgi", "find") => {
                let wanted = field("condition.UserID");
                return rows(
                    &self.persons.keys().filter(|one| **one == wanted).collect::<Vec<_>>(),
                );
            }
            ("recordFinder.cgi", "doSeekFind") => {
                return rows(&self.persons.keys().collect::<Vec<_>>());
            }
            ("recordUpdater.cgi", "insert") => {
                assert_eq!(field("CardName"), number, "no name leaves the house");
                if self.is_refused(&number) {
                    return lines("Error\r\nRepeated face".to_owned());
                }
                self.persons.insert(number, 0);
                return lines("RecNo=1\r\n".to_owned());
            }
            ("recordUpdater.cgi", "remove") => {
                self.persons.remove(&field("recno"));
            }
            ("FaceInfoManager.cgi", "add") => {
                let face: Value = serde_json::from_slice(&request.body).unwrap();
                let picture = face["Info"]["PhotoData"][0].as_str().unwrap();
                let size = BASE64_STANDARD.decode(picture).unwrap().len();
                *self.persons.get_mut(face["UserID"].as_str().unwrap()).unwrap() = size;
            }
            ("FaceInfoManager.cgi", "remove") => {
                if let Some(size) = self.persons.get_mut(&number) {
                    *size = 0;
                }
            }
            other => panic!("{other:?} is not what this is about"),
        }
        lines("OK\r\n".to_owned())
    }
}

/// Sets where a terminal is called.
pub async fn reaches(town: &TestTown, path: &str, address: &str, stream: bool) {
    let access =
        json!({ "address": address, "user": "admin", "password": "secret1", "stream": stream });
    assert_eq!(town.office.put(&format!("{path}/access"), &access).await.status, 204);
}

/// A device that is told who may enter: two numbers, of whom it refuses one, and a face.
async fn is_told(family: &'static str) {
    let town = TestTown::with_wechat().await;
    let (mind, server) = (Arc::default(), MockServer::start().await);
    let fake = FakeDevice { family, mind };
    Mock::given(any()).respond_with(fake.clone()).mount(&server).await;
    let venue = town.venue("健身房", json!({})).await;
    let body = json!({
        "protocol": family, "serial": "1434281", "venue_id": venue.id, "direction": "in",
        "keeps_roster": true,
    });
    let claimed = town.office.post("/terminals/claims", &body).await.ok();
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
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
        let mut mind = fake.mind.lock().unwrap();
        mind.refused.push("1002".into());
        // Somebody of the venue's own, whom we never told it of.
        mind.persons.insert("77".into(), 1);
    }
    reaches(&town, &path, &server.address().to_string(), false).await;
    let held = eventually("everybody but one is there", async || {
        let held = fake.holds();
        let picture = held.iter().find(|number| number.len() >= 16)?.clone();
        (held.len() == 3 && fake.face_of(&picture) > 1_000).then_some(picture)
    })
    .await;
    assert_eq!(fake.face_of("1001"), 0, "whoever gave no photo is enrolled at the device");
    let refused = eventually("the refusal is known", async || {
        let listed = town.office.get(&format!("{path}/commands")).await.ok();
        let items = listed["items"].as_array().unwrap().clone();
        items.into_iter().find(|one| one["status"] == "failed")
    })
    .await;
    assert!(refused["detail"].as_str().unwrap().starts_with("人脸重复"), "{refused}");
    if family == "dahua" {
        enters_by_number(&town, &claimed, &held).await;
    }

    // Whoever takes their face back is deleted, and the receipt says so.
    zhang.delete("/me/face").await;
    town.clock.set(town.now() + chrono::TimeDelta::seconds(40));
    eventually("the face is deleted", async || (!fake.holds().contains(&held)).then_some(())).await;
    let receipts = "SELECT COUNT(*) AS n FROM handle_receipts WHERE result = 'removed'";
    eventually("the receipt is kept", async || {
        (town.store.count(receipts).await == 1).then_some(())
    })
    .await;

    // Blank again, and a day later filled again; the venue's own person is only counted.
    fake.mind.lock().unwrap().persons.retain(|number, _| number == "77");
    town.clock.set(town.now() + chrono::TimeDelta::hours(21));
    eventually("the blank device is filled again", async || {
        (fake.holds() == ["1001", "77"]).then_some(())
    })
    .await;
    let ledger = town.office.get("/terminal-ledger").await.ok();
    let line = &ledger["items"][0];
    assert!(line["roster_mismatch"].as_i64().unwrap() >= 1, "{line}");
    assert!(line["roster_compared_at"].is_string(), "{line}");
}

/// Whoever is known at the device by a number that was made of their face's handle.
async fn enters_by_number(town: &TestTown, claimed: &Value, number: &str) {
    let path = format!("/dahua/{}", claimed["path_token"].as_str().unwrap());
    let event = json!({ "Events": [{ "Code": "AccessControl", "Data": {
        "UserID": number, "Method": 15, "Status": 1, "Door": 0, "Type": "Entry",
        "RealUTC": town.now().timestamp(),
    } }] });
    let request = crate::support::device::Bytes::new("POST", &path, event.to_string().as_bytes());
    for _ in 0..2 {
        request.answered(town.address()).await;
    }
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
}

/// However a family says it: a device that refuses our login twice is left alone.
#[tokio::test]
async fn a_device_that_does_not_take_our_password_is_left_alone() {
    for family in ["hq", "uniubi"] {
        let town = TestTown::open().await;
        let server = MockServer::start().await;
        let fake = FakeDevice { family, mind: Arc::default() };
        Mock::given(any()).respond_with(fake).mount(&server).await;
        let venue = town.venue("健身房", json!({})).await;
        let claimed = town.claim(&venue, family, "1434281", "in").await;
        let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
        let access = json!({ "address": server.address().to_string(), "user": "admin",
            "password": "wrong" });
        assert_eq!(town.office.put(&format!("{path}/access"), &access).await.status, 204);
        let commands = format!("{path}/commands");
        for _ in 0..3 {
            town.office.post(&commands, &json!({ "kind": "restart" })).await.ok();
        }
        eventually("two are given up", async || {
            let listed = town.office.get(&commands).await.ok();
            let status = |n: usize| listed["items"][n]["status"].clone();
            (status(2) == "failed" && status(1) == "failed")
                .then(|| assert_eq!(status(0), "queued"))
        })
        .await;
        assert_eq!(server.received_requests().await.unwrap().len(), 2, "{family}");
    }
}

#[tokio::test]
async fn a_hikvision_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("hikvision").await;
}

#[tokio::test]
async fn a_dahua_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("dahua").await;
}

#[tokio::test]
async fn a_uniubi_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("uniubi").await;
}

#[tokio::test]
async fn an_hq_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("hq").await;
}
