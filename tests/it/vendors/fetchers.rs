//! Terminals that fetch their orders, and know people by short numbers only: they are told of faces
//! and of names, say what became of each, and are filled again when they are blank.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Resident, TestTown, device::Bytes, eventually, photo};

/// The first two numbers of a terminal's own.
const FIRST: &str = "900000001";
const SECOND: &str = "900000002";

async fn gives_a_face(zhang: &Resident) {
    let request = zhang.request(Method::PUT, "/me/face");
    let request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
    let request = request.header("Content-Type", "image/jpeg").body(photo::picture(300, 400));
    Answer::to(request).await.ok();
}

/// A resident with a face and both consents.
pub async fn somebody(town: &TestTown) -> Resident {
    let zhang = Resident::registers(town, "zhang").await;
    for consent in ["door_face", "off_device_face_transfer"] {
        zhang.agrees(consent).await.ok();
    }
    gives_a_face(&zhang).await;
    zhang
}

/// How the one terminal stands in what residents are shown.
pub async fn stands(zhang: &Resident) -> Value {
    let shown = zhang.get("/me/face").await.ok();
    shown["terminals"][0]["state"].clone()
}

pub async fn masked_name(town: &TestTown, zhang: &Resident) -> String {
    let id = zhang.id().await;
    let rows =
        town.store.rows("SELECT id, name_masked FROM members WHERE name_masked <> '*'").await;
    let of = |row: &sea_orm::QueryResult| {
        let one: Uuid = row.try_get("", "id").unwrap();
        (one.to_string() == id).then(|| row.try_get("", "name_masked").unwrap())
    };
    rows.iter().find_map(of).unwrap()
}

pub fn later(town: &TestTown, by: TimeDelta) {
    town.clock.set(town.now() + by);
}

/// An access terminal as its firmware polls.
struct Poller<'a> {
    town: &'a TestTown,
    serial: &'static str,
}

impl Poller<'_> {
    async fn polls(&self) -> Vec<u8> {
        let path = format!("/iclock/getrequest?SN={}", self.serial);
        Bytes::new("GET", &path, b"").answered_in_bytes(self.town.address()).await
    }

    /// Lines by their ids, until there are none.
    async fn fetches(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        loop {
            let text = String::from_utf8(self.polls().await).unwrap();
            if text == "OK" {
                return all;
            }
            for line in text.lines() {
                let (id, word) = line.strip_prefix("C:").unwrap().split_once(':').unwrap();
                all.insert(id.to_owned(), word.to_owned());
            }
        }
    }

    async fn says(&self, path: &str, body: &str) -> String {
        let path = format!("/iclock/{path}&SN={}", self.serial);
        Bytes::new("POST", &path, body.as_bytes()).answered(self.town.address()).await
    }

    /// Does all that it is told.
    async fn obeys(&self) -> BTreeMap<String, String> {
        let lines = self.fetches().await;
        let results: String =
            lines.keys().map(|id| format!("ID={id}&Return=0&CMD=DATA\r\n")).collect();
        assert_eq!(self.says("devicecmd?x=1", &results).await, "OK");
        lines
    }
}

/// Values of a field in lines that begin so.
fn of(lines: &BTreeMap<String, String>, begin: &str, field: &str) -> Vec<String> {
    let value = |line: &String| {
        let rest = line.strip_prefix(begin)?;
        let named = |part: &str| part.trim().strip_prefix(field).map(str::to_owned);
        rest.split('\t').find_map(named)
    };
    lines.values().filter_map(value).collect()
}

#[tokio::test]
async fn an_access_terminal_holds_a_face_under_a_number_of_its_own() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "zkteco_acc", "ACC-1", "both").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    town.numbered("1001").await;
    let zhang = somebody(&town).await;
    let device = Poller { town: &town, serial: "ACC-1" };

    // It is told of both, and of the one face.
    let lines = device.fetches().await;
    let mut numbers = of(&lines, "DATA UPDATE user ", "Pin=");
    numbers.sort();
    assert_eq!(numbers, ["1001", FIRST]);
    assert_eq!(of(&lines, "DATA UPDATE userauthorize ", "Pin=").len(), 2);
    assert_eq!(of(&lines, "DATA UPDATE user ", "Name="), ["", ""], "no name without leave");
    assert_eq!(of(&lines, "DATA UPDATE biophoto ", "PIN="), [FIRST]);
    let content = of(&lines, "DATA UPDATE biophoto ", "Content=").pop().unwrap();
    assert_eq!(of(&lines, "DATA UPDATE biophoto ", "Size="), [content.len().to_string()]);
    assert!(BASE64_STANDARD.decode(&content).unwrap().starts_with(b"\xff\xd8\xff"));
    assert_eq!(stands(&zhang).await, "pending");
    let results: String = lines.keys().map(|id| format!("ID={id}&Return=0&CMD=DATA\r\n")).collect();
    device.says("devicecmd?x=1", &results).await;
    assert_eq!(stands(&zhang).await, "present");

    // Who is known by it enters, whether the door decides or asks.
    let row = format!(
        "time=2026-11-23 09:00:00\tpin={FIRST}\tcardno=0\teventaddr=1\tevent=0\tinoutstatus=0\t\
         verifytype=15\tindex=5"
    );
    for _ in 0..2 {
        assert_eq!(device.says("cdata?table=rtlog", &row).await, "OK");
    }
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    let question = row.replace("event=0", "event=223").replace("09:00:00", "10:00:00");
    let said = device.says("cdata?AuthType=device", &question).await;
    assert!(said.starts_with("AUTH=SUCCEED\r\n"), "{said}");

    // Names where the venue wants them, and gone again.
    let name = masked_name(&town, &zhang).await;
    assert!(name.ends_with('*'));
    let names = format!("{path}/names");
    assert_eq!(town.office.put(&names, &json!({ "names": "utf8" })).await.status, 204);
    let lines = device.obeys().await;
    assert!(of(&lines, "DATA UPDATE user ", "Name=").contains(&name), "{lines:?}");
    assert_eq!(town.office.put(&names, &json!({ "names": "gbk" })).await.status, 204);
    let bytes = device.polls().await;
    let (gbk, _, _) = encoding_rs::GBK.encode(&name);
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let in_gbk = [&b"\tName="[..], &*gbk, &b"\tPrivilege"[..]].concat();
    assert!(has(&in_gbk) && !has(name.as_bytes()));
    assert_eq!(town.office.put(&names, &json!({ "names": "none" })).await.status, 204);
    later(&town, TimeDelta::seconds(61));
    let lines = device.obeys().await;
    let told = of(&lines, "DATA UPDATE user ", "Name=");
    assert!(told.len() >= 2 && told.iter().all(String::is_empty), "{lines:?}");
    let native = format!("/terminals/{}/names", town.terminal(&venue, "in").await.id);
    let refused = town.office.put(&native, &json!({ "names": "utf8" })).await;
    assert_eq!(refused.status, 404, "our own terminals are told no names");

    // Blank a day later, and filled again, under the same number.
    device.obeys().await;
    later(&town, TimeDelta::hours(21));
    let (id, _) = eventually("it is asked whom it holds", async || {
        device
            .fetches()
            .await
            .into_iter()
            .find(|(_, line)| line.starts_with("DATA QUERY tablename=user"))
    })
    .await;
    let list =
        format!("querydata?type=tabledata&tablename=user&count=1&packcnt=1&packidx=1&cmdid={id}");
    assert_eq!(device.says(&list, "user uid=1\tpin=1001\tname=x").await, "user=1");
    let ledger = town.office.get("/terminal-ledger").await.ok();
    let line =
        ledger["items"].as_array().unwrap().iter().find(|one| one["serial"] == "ACC-1").unwrap();
    assert!(line["roster_mismatch"].as_i64().unwrap() >= 1, "{line}");
    let lines = device.obeys().await;
    assert_eq!(of(&lines, "DATA UPDATE user ", "Pin="), [FIRST], "{lines:?}");
    assert_eq!(of(&lines, "DATA UPDATE biophoto ", "PIN="), [FIRST]);

    // It looks again, and did not like the photo.
    let photo = lines.iter().find(|(_, line)| line.contains(" biophoto ")).unwrap().0;
    let error = format!("errorlog errcode=D01E0003\tdataorigin=cmd\tcmdid={photo}\tadditional=");
    device.says("cdata?table=tabledata&tablename=errorlog&count=1", &error).await;
    assert_eq!(stands(&zhang).await, "refused");
    let listed = town.office.get(&format!("{path}/commands")).await.ok();
    let failed = listed["items"].as_array().unwrap().iter().find(|one| one["status"] == "failed");
    assert!(failed.unwrap()["detail"].as_str().unwrap().starts_with("照片不合格"), "{listed}");

    // Whoever takes their face back is deleted, with a receipt; the number is nobody's ever after.
    zhang.delete("/me/face").await.ok();
    later(&town, TimeDelta::seconds(40));
    let lines = device.fetches().await;
    assert_eq!(of(&lines, "DATA DELETE user ", "Pin="), [FIRST], "{lines:?}");
    assert_eq!(stands(&zhang).await, "deleting");
    let results: String = lines.keys().map(|id| format!("ID={id}&Return=-27&CMD=DATA\n")).collect();
    device.says("devicecmd?x=1", &results).await;
    assert_eq!(stands(&zhang).await, "deleted");
    gives_a_face(&zhang).await;
    later(&town, TimeDelta::seconds(40));
    assert_eq!(of(&device.obeys().await, "DATA UPDATE user ", "Pin="), [SECOND]);
    assert_eq!(stands(&zhang).await, "present");
    town.adds_up().await;
}

const FCARD: &str = "FC-8200H1";

pub fn post(path: &str, content_type: &str, body: &str) -> Bytes {
    Bytes::new("POST", path, body.as_bytes()).with(&format!("Content-Type: {content_type}"))
}

/// What an FCARD device says in JSON, and what it hears.
async fn fcard(town: &TestTown, path: &str, mut body: Value) -> Value {
    body["SN"] = json!(FCARD);
    let request = post(path, "application/json", &body.to_string());
    serde_json::from_str(&request.answered(town.address()).await).unwrap()
}

/// Fetches everybody whom it is to hold; by number.
async fn downloads(town: &TestTown) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    fcard(town, "/Device/Keepalive", json!({})).await;
    loop {
        let told = fcard(town, "/People/DownloadPeopleList", json!({ "Limit": 1 })).await;
        let people = told["PeopleList"].as_array().unwrap();
        assert_eq!(told["PeopleCount"], people.len());
        let Some(person) = people.first() else { return all };
        all.insert(person["UserID"].as_str().unwrap().to_owned(), person.clone());
    }
}

pub async fn statuses(town: &TestTown, path: &str) -> Vec<(String, String)> {
    let listed = town.office.get(&format!("{path}/commands")).await.ok();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let one = |one: &Value| (text(one, "kind"), text(one, "status"));
    listed["items"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test]
async fn an_fcard_terminal_says_what_became_of_what_it_fetched() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "fcard", FCARD, "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    town.numbered("1001").await;
    let zhang = somebody(&town).await;
    let results = "/People/DownloadPeopleListResult";

    // Fetched is not done.
    let people = downloads(&town).await;
    assert_eq!(people.keys().collect::<Vec<_>>(), ["1001", FIRST]);
    let picture = BASE64_STANDARD.decode(people[FIRST]["Photo"].as_str().unwrap()).unwrap();
    assert_eq!(people[FIRST]["PhotoLen"], picture.len());
    assert_eq!((people["1001"].get("Photo"), &people[FIRST]["Name"]), (None, &json!("")));
    let held = |status: &str| ("hold_person".to_owned(), status.to_owned());
    assert_eq!(statuses(&town, &path).await, [held("sent"), held("sent")]);
    assert_eq!(stands(&zhang).await, "pending");
    // A report on fewer than were fetched leaves open which: they are told again.
    fcard(&town, results, json!({ "SuccessCount": 1, "FailCount": 0, "FailList": [] })).await;
    assert_eq!(statuses(&town, &path).await, [held("sent"), held("sent")]);
    later(&town, TimeDelta::seconds(61));
    assert_eq!(downloads(&town).await.len(), 2);
    let similar = json!({ "UserID": FIRST, "ErrorCode": 20, "RepeatID": 1001, "ErrMsg": "" });
    let report = json!({ "SuccessCount": 1, "FailCount": 1, "FailList": [similar] });
    assert_eq!(fcard(&town, results, report).await, json!({ "Success": 1 }));
    assert_eq!(stands(&zhang).await, "refused");
    let listed = town.office.get(&format!("{path}/commands")).await.ok();
    let failed = listed["items"].as_array().unwrap().iter().find(|one| one["status"] == "failed");
    assert!(failed.unwrap()["detail"].as_str().unwrap().starts_with("人脸重复"), "{listed}");

    // With a name it is told anew, and takes it.
    let name = masked_name(&town, &zhang).await;
    let names = format!("{path}/names");
    let gbk = town.office.put(&names, &json!({ "names": "gbk" })).await;
    assert_eq!(gbk.said(), (409, "command_impossible"));
    town.office.post(&format!("{path}/commands"), &json!({ "kind": "refill_roster" })).await.ok();
    assert_eq!(town.office.put(&names, &json!({ "names": "utf8" })).await.status, 204);
    let people = downloads(&town).await;
    assert_eq!(people[FIRST]["Name"], json!(name));
    fcard(&town, results, json!({ "SuccessCount": 2, "FailCount": 0, "FailList": [] })).await;
    assert_eq!(stands(&zhang).await, "present");

    // Orders are done when its log says so.
    let commands = format!("{path}/commands");
    for kind in ["open_door", "restart"] {
        town.office.post(&commands, &json!({ "kind": kind })).await.ok();
        fcard(&town, "/Device/RemoteCommand", json!({})).await;
    }
    let newest = async || statuses(&town, &path).await[..2].to_vec();
    assert!(newest().await.iter().all(|(_, status)| status == "sent"));
    let log = |number: u32, kind: u8, at: i64| {
        json!({ "RecordType": 2, "Records": [
            { "RecordID": number, "RecordType": kind, "RecordDate": at },
            { "RecordID": number + 1, "RecordType": 20, "RecordDate": at },
        ] })
    };
    let system = "/Record/UploadSystemRecord";
    let now = town.now().timestamp();
    fcard(&town, system, log(1, 1, now - 7_200)).await;
    assert!(newest().await.iter().all(|(_, status)| status == "sent"), "that was before");
    for _ in 0..2 {
        assert_eq!(fcard(&town, system, log(3, 1, now + 1)).await, json!({ "Success": 1 }));
    }
    fcard(&town, system, log(5, 28, now + 9)).await;
    assert!(newest().await.iter().all(|(_, status)| status == "done"));
    let notices = town.office.get(&format!("{path}/notices")).await.ok();
    let codes: Vec<&str> = notices["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert!(["remote_open", "started", "tamper"].iter().all(|code| codes.contains(code)));
    assert_eq!(codes.len(), 6, "twice told is once noted: {codes:?}");

    // Records are asked for again, and the first of that time says that they come.
    let query = json!({ "kind": "query_records", "from": town.now() - TimeDelta::hours(2),
        "to": town.now() });
    town.office.post(&commands, &query).await.ok();
    let told = fcard(&town, "/Device/RemoteCommand", json!({})).await;
    assert_eq!(told, json!({ "Success": 1, "RepostRecord": 1 }));
    let detail = json!({ "RecordID": 9, "RecordType": 3, "RecordDate": now - 3_600,
        "UserID": FIRST, "IsEntry": 1 });
    let part = |name: &str, text: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let body = part("SN", FCARD) + &part("RecordDetail", &detail.to_string()) + "--b--\r\n";
    let kind = "multipart/form-data; boundary=b";
    post("/Record/UploadIdentifyRecord", kind, &body).answered(town.address()).await;
    assert_eq!(newest().await[0], ("query_records".to_owned(), "done".to_owned()));
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;

    // Blank a day later: it is asked of some, has lost one, and is told of them again.
    fcard(&town, "/Device/Keepalive", json!({})).await;
    later(&town, TimeDelta::hours(21));
    let asked = eventually("it is asked of whom it holds", async || {
        let work = fcard(&town, "/Device/Keepalive", json!({})).await;
        if work["Remote"] != 1 {
            return None;
        }
        let told = fcard(&town, "/Device/RemoteCommand", json!({})).await;
        let asked = told["QueryPeople"].as_array().unwrap().iter();
        Some(asked.map(|number| number.as_u64().unwrap()).collect::<BTreeSet<_>>())
    })
    .await;
    assert_eq!(asked, BTreeSet::from([1_001, 900_000_001]));
    for (number, detail) in [("1001", part("Detail", "{}")), (FIRST, String::new())] {
        let body = part("SN", FCARD) + &part("PushType", "4") + &part("UserID", number) + &detail;
        let body = body + "--b--\r\n";
        post("/People/PushPeople", kind, &body).answered(town.address()).await;
    }
    assert_eq!(newest().await[0], ("list_persons".to_owned(), "done".to_owned()));
    assert_eq!(downloads(&town).await.keys().collect::<Vec<_>>(), [FIRST]);
    fcard(&town, results, json!({ "SuccessCount": 1, "FailCount": 0, "FailList": [] })).await;

    // Whoever takes their face back is deleted, when the device says so.
    zhang.delete("/me/face").await.ok();
    later(&town, TimeDelta::seconds(40));
    fcard(&town, "/Device/Keepalive", json!({})).await;
    let told = fcard(&town, "/People/DeletePeopleList", json!({ "Limit": 100 })).await;
    assert_eq!(told["DeleteList"], json!([900_000_001]));
    assert_eq!(stands(&zhang).await, "deleting");
    let gone = json!({ "DeleteCount": 1, "DeleteAll": 0, "DeleteList": [900_000_001] });
    fcard(&town, "/People/DeletePeopleListResult", gone).await;
    assert_eq!(stands(&zhang).await, "deleted");
    assert_eq!(fcard(&town, "/Device/Keepalive", json!({})).await, json!({ "Success": 1 }));
    town.adds_up().await;
}
