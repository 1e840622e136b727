//! Terminals that pull their work as JSON: FCARD devices, which fetch lists and report on them, and
//! Uniubi devices behind a router, which fetch their tasks one step at a time.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::fetchers::{
    FIRST, known_only_as, later, masked_name, somebody, stands, statuses, why_it_failed,
};
use crate::support::{
    Resident, TestTown,
    device::{Bytes, sample},
    eventually,
};

const FCARD: &str = "FC-8200H1";
/// Where it says what became of those whom it fetched.
const STORED: &str = "/People/DownloadPeopleListResult";

fn post(path: &str, content_type: &str, body: &str) -> Bytes {
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

/// Says that so many of those whom it fetched were taken, and that nobody was refused.
async fn took(town: &TestTown, persons: usize) {
    let report = json!({ "SuccessCount": persons, "FailCount": 0, "FailList": [] });
    fcard(town, STORED, report).await;
}

/// A part of an upload.
fn part(name: &str, text: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
}

async fn uploads(town: &TestTown, path: &str, parts: &str) {
    let body = part("SN", FCARD) + parts + "--b--\r\n";
    let kind = "multipart/form-data; boundary=b";
    post(path, kind, &body).answered(town.address()).await;
}

/// The two orders that were given last.
async fn newest(town: &TestTown, path: &str) -> Vec<(String, String)> {
    statuses(town, path).await[..2].to_vec()
}

#[tokio::test]
async fn an_fcard_terminal_says_what_became_of_what_it_fetched() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "fcard", FCARD, "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    known_only_as(&town, "1001").await;
    let zhang = somebody(&town).await;

    says_whom_it_took_and_whom_not(&town, &zhang, &path).await;
    takes_a_name_with_the_person(&town, &zhang, &path).await;
    says_in_its_log_that_it_did_what_it_was_told(&town, &path).await;
    sends_records_again(&town, &path).await;
    is_asked_of_some_and_has_lost_one(&town, &path).await;
    deletes_whoever_takes_their_face_back(&town, &zhang).await;
    town.adds_up().await;
}

/// Fetched is not done.
async fn says_whom_it_took_and_whom_not(town: &TestTown, zhang: &Resident, path: &str) {
    let people = downloads(town).await;
    assert_eq!(people.keys().collect::<Vec<_>>(), ["1001", FIRST]);
    let picture = BASE64_STANDARD.decode(people[FIRST]["Photo"].as_str().unwrap()).unwrap();
    assert_eq!(people[FIRST]["PhotoLen"], picture.len());
    assert_eq!((people["1001"].get("Photo"), &people[FIRST]["Name"]), (None, &json!("")));
    let held = |status: &str| ("hold_person".to_owned(), status.to_owned());
    assert_eq!(statuses(town, path).await, [held("sent"), held("sent")]);
    assert_eq!(stands(zhang).await, "pending");
    // A report on fewer than were fetched leaves open which: they are told again.
    took(town, 1).await;
    assert_eq!(statuses(town, path).await, [held("sent"), held("sent")]);
    later(town, TimeDelta::seconds(61));
    assert_eq!(downloads(town).await.len(), 2);
    let similar = json!({ "UserID": FIRST, "ErrorCode": 20, "RepeatID": 1001, "ErrMsg": "" });
    let report = json!({ "SuccessCount": 1, "FailCount": 1, "FailList": [similar] });
    assert_eq!(fcard(town, STORED, report).await, json!({ "Success": 1 }));
    assert_eq!(stands(zhang).await, "refused");
    let why = why_it_failed(town, path).await;
    assert!(why.starts_with("人脸重复"), "{why}");
}

/// With a name it is told anew, and takes it.
async fn takes_a_name_with_the_person(town: &TestTown, zhang: &Resident, path: &str) {
    let name = masked_name(town, zhang).await;
    let names = format!("{path}/names");
    let gbk = town.office.put(&names, &json!({ "names": "gbk" })).await;
    assert_eq!(gbk.said(), (409, "command_impossible"));
    town.office.post(&format!("{path}/commands"), &json!({ "kind": "refill_roster" })).await.ok();
    assert_eq!(town.office.put(&names, &json!({ "names": "utf8" })).await.status, 204);
    let people = downloads(town).await;
    assert_eq!(people[FIRST]["Name"], json!(name));
    took(town, 2).await;
    assert_eq!(stands(zhang).await, "present");
}

/// Orders are done when its log says so.
async fn says_in_its_log_that_it_did_what_it_was_told(town: &TestTown, path: &str) {
    let commands = format!("{path}/commands");
    for kind in ["open_door", "restart"] {
        town.office.post(&commands, &json!({ "kind": kind })).await.ok();
        fcard(town, "/Device/RemoteCommand", json!({})).await;
    }
    let all_are = async |expected: &str| {
        newest(town, path).await.iter().all(|(_, status)| status == expected)
    };
    assert!(all_are("sent").await);
    let log = |number: u32, kind: u8, at: i64| {
        json!({ "RecordType": 2, "Records": [
            { "RecordID": number, "RecordType": kind, "RecordDate": at },
            { "RecordID": number + 1, "RecordType": 20, "RecordDate": at },
        ] })
    };
    let system = "/Record/UploadSystemRecord";
    let now = town.now().timestamp();
    fcard(town, system, log(1, 1, now - 7_200)).await;
    assert!(all_are("sent").await, "that was before");
    for _ in 0..2 {
        assert_eq!(fcard(town, system, log(3, 1, now + 1)).await, json!({ "Success": 1 }));
    }
    fcard(town, system, log(5, 28, now + 9)).await;
    assert!(all_are("done").await);
    let notices = town.office.get(&format!("{path}/notices")).await.ok();
    let codes: Vec<&str> = notices["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap())
        .collect();
    assert!(["remote_open", "started", "tamper"].iter().all(|code| codes.contains(code)));
    assert_eq!(codes.len(), 6, "twice told is once noted: {codes:?}");
}

/// Records are asked for again, and the first of that time says that they come.
async fn sends_records_again(town: &TestTown, path: &str) {
    // The number is good from when it was given.
    later(town, TimeDelta::minutes(30));
    let now = town.now().timestamp();
    let query = json!({ "kind": "query_records", "from": town.now() - TimeDelta::hours(2),
        "to": town.now() });
    town.office.post(&format!("{path}/commands"), &query).await.ok();
    let told = fcard(town, "/Device/RemoteCommand", json!({})).await;
    assert_eq!(told, json!({ "Success": 1, "RepostRecord": 1 }));
    let detail = json!({ "RecordID": 9, "RecordType": 3, "RecordDate": now - 600,
        "UserID": FIRST, "IsEntry": 1 });
    uploads(town, "/Record/UploadIdentifyRecord", &part("RecordDetail", &detail.to_string())).await;
    assert_eq!(newest(town, path).await[0], ("query_records".to_owned(), "done".to_owned()));
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
}

/// Blank a day later: it is asked of some, has lost one, and is told of them again.
async fn is_asked_of_some_and_has_lost_one(town: &TestTown, path: &str) {
    fcard(town, "/Device/Keepalive", json!({})).await;
    later(town, TimeDelta::hours(21));
    let asked = eventually("it is asked of whom it holds", async || {
        let work = fcard(town, "/Device/Keepalive", json!({})).await;
        if work["Remote"] != 1 {
            return None;
        }
        let told = fcard(town, "/Device/RemoteCommand", json!({})).await;
        let asked = told["QueryPeople"].as_array().unwrap().iter();
        Some(asked.map(|number| number.as_u64().unwrap()).collect::<BTreeSet<_>>())
    })
    .await;
    assert_eq!(asked, BTreeSet::from([1_001, 900_000_001]));
    for (number, detail) in [("1001", part("Detail", "{}")), (FIRST, String::new())] {
        let parts = part("PushType", "4") + &part("UserID", number) + &detail;
        uploads(town, "/People/PushPeople", &parts).await;
    }
    assert_eq!(newest(town, path).await[0], ("list_persons".to_owned(), "done".to_owned()));
    assert_eq!(downloads(town).await.keys().collect::<Vec<_>>(), [FIRST]);
    took(town, 1).await;
}

/// Whoever takes their face back is deleted, when the device says so.
async fn deletes_whoever_takes_their_face_back(town: &TestTown, zhang: &Resident) {
    zhang.delete("/me/face").await.ok();
    later(town, TimeDelta::seconds(40));
    fcard(town, "/Device/Keepalive", json!({})).await;
    let told = fcard(town, "/People/DeletePeopleList", json!({ "Limit": 100 })).await;
    assert_eq!(told["DeleteList"], json!([900_000_001]));
    assert_eq!(stands(zhang).await, "deleting");
    let gone = json!({ "DeleteCount": 1, "DeleteAll": 0, "DeleteList": [900_000_001] });
    fcard(town, "/People/DeletePeopleListResult", gone).await;
    assert_eq!(stands(zhang).await, "deleted");
    assert_eq!(fcard(town, "/Device/Keepalive", json!({})).await, json!({ "Success": 1 }));
}

/// A Uniubi device behind a router.
struct Uniubi<'a> {
    town: &'a TestTown,
    /// Its own path.
    own: String,
}

impl Uniubi<'_> {
    /// What it says on a path, and what it hears.
    async fn posts(&self, path: &str, body: &Value) -> Value {
        let request = post(path, "application/json", &body.to_string());
        serde_json::from_str(&request.answered(self.town.address()).await).unwrap()
    }

    async fn beats(&self) -> Value {
        self.posts(&format!("{}/heartbeat", self.own), &json!({})).await
    }

    async fn fetches(&self) -> Value {
        self.posts(&format!("{}/task", self.own), &json!({})).await
    }

    /// Says what became of a task.
    async fn says(&self, task: &Value, answer: &Value) -> Value {
        let body = json!({ "taskNo": task["taskNo"], "result": answer });
        self.posts(&format!("{}/task-result", self.own), &body).await
    }
}

fn well() -> Value {
    json!({ "result": 1, "success": true, "code": "LAN_SUS-0" })
}

fn fails(code: &str) -> Value {
    json!({ "result": 0, "success": false, "code": code })
}

/// Whether something waits for the device.
fn waits(is_so: bool) -> Value {
    json!({ "result": is_so })
}

#[tokio::test]
async fn a_uniubi_terminal_behind_a_router_fetches_its_tasks() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("健身房", json!({})).await;
    let body = json!({
        "protocol": "uniubi", "serial": "E1", "venue_id": venue.id, "direction": "in",
        "keeps_roster": true,
    });
    let claimed = town.office.post("/terminals/claims", &body).await.ok();
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    let own = format!("/uniubi/{}", claimed["path_token"].as_str().unwrap());
    let zhang = somebody(&town).await;
    let device = Uniubi { town: &town, own };

    let handle = takes_a_person_in_two_tasks(&device, &zhang).await;
    sends_records_page_by_page(&device, &path, &handle).await;
    says_page_by_page_whom_it_holds(&device, &handle).await;
    is_told_to_delete_whom_it_does_not_know(&device, &zhang, &handle).await;
    fails_to_open(&device, &path).await;
    town.adds_up().await;
}

/// A person in two tasks, of whom it holds an older one already; gives who they are to it.
async fn takes_a_person_in_two_tasks(device: &Uniubi<'_>, zhang: &Resident) -> Value {
    assert_eq!(device.beats().await, waits(true));
    if let Some(sampled) = sample("uniubi", "05-heartbeat.reply-has-task.resp.body") {
        assert_eq!(serde_json::from_slice::<Value>(&sampled).unwrap(), waits(true));
    }
    let task = device.fetches().await;
    assert_eq!(task["interfaceName"], "person/create");
    let handle = task["person"]["id"].clone();
    assert_eq!(task["person"]["name"], handle, "no name without leave");
    assert_eq!(device.fetches().await, waits(false), "one at a time");
    assert_eq!(device.says(&task, &fails("LAN_EXP-3005")).await, waits(true));
    let task = device.fetches().await;
    assert_eq!((&task["interfaceName"], &task["person"]["id"]), (&json!("person/update"), &handle));
    assert_eq!(device.says(&task, &well()).await, waits(true));
    let task = device.fetches().await;
    assert_eq!((&task["interfaceName"], &task["personId"]), (&json!("face/create"), &handle));
    assert!(task["imgBase64"].as_str().unwrap().len() > 1_000);
    assert_eq!(stands(zhang).await, "pending");
    // The answer is lost, and the same step is told again.
    later(device.town, TimeDelta::seconds(61));
    assert_eq!(device.fetches().await, task);
    assert_eq!(device.says(&task, &well()).await, waits(false));
    assert_eq!(stands(zhang).await, "present");
    handle
}

/// Records of a time, page by page; those that were posted already change nothing.
async fn sends_records_page_by_page(device: &Uniubi<'_>, path: &str, handle: &Value) {
    let town = device.town;
    let record =
        |at: i64| json!({ "personId": handle, "time": at * 1_000, "type": "face_0", "id": at });
    // The handle is good from when it was given.
    later(town, TimeDelta::minutes(30));
    let now = town.now().timestamp();
    let posted = json!({ "personId": handle, "deviceKey": "E1", "type": "face_0",
        "time": (now * 1_000).to_string() });
    device.posts(&device.own, &posted).await;
    let query = json!({ "kind": "query_records", "from": town.now() - TimeDelta::hours(9),
        "to": town.now() });
    town.office.post(&format!("{path}/commands"), &query).await.ok();
    let mut page: Vec<Value> = (0..99).map(|n| record(now - 600 - n)).collect();
    page.push(json!({ "type": "face_0" }));
    let task = device.fetches().await;
    assert_eq!((&task["interfaceName"], &task["index"]), (&json!("newFindRecords"), &json!("0")));
    let mut answer = well();
    answer["data"] = json!({ "pageInfo": {}, "records": page });
    assert_eq!(device.says(&task, &answer).await, waits(true));
    let task = device.fetches().await;
    assert_eq!(task["index"], "1");
    answer["data"] = json!({ "records": [record(now), record(now - 40)] });
    device.says(&task, &answer).await;
    assert_eq!(statuses(town, path).await[0], ("query_records".to_owned(), "done".to_owned()));
    let counted = "SELECT COUNT(*) AS n FROM entry_events";
    eventually("each record once", async || (town.store.count(counted).await == 101).then_some(()))
        .await;
}

/// Blank but for some of the venue's own a day later: it says so in two pages, and is told again of
/// whom it has lost. A page that comes twice changes nothing.
async fn says_page_by_page_whom_it_holds(device: &Uniubi<'_>, handle: &Value) {
    device.beats().await;
    later(device.town, TimeDelta::hours(21));
    let task = eventually("it is asked whom it holds", async || {
        device.beats().await;
        let task = device.fetches().await;
        (task["interfaceName"] == "person/findByPage").then_some(task)
    })
    .await;
    assert_eq!((&task["index"], &task["personId"]), (&json!("0"), &json!("-1")));
    let page = |persons: usize| {
        let mut answer = well();
        answer["data"] = (0..persons).map(|n| json!({ "id": format!("own{n}") })).collect();
        answer
    };
    for _ in 0..2 {
        device.says(&task, &page(100)).await;
    }
    let second = device.fetches().await;
    assert_eq!(second["index"], "1", "{second}");
    assert_eq!(device.says(&task, &page(100)).await, waits(false), "an old page");
    device.says(&second, &page(1)).await;
    assert_eq!(device.beats().await, waits(true));
    let ledger = device.town.office.get("/terminal-ledger").await.ok();
    assert_eq!(ledger["items"][0]["roster_mismatch"], 101, "{ledger}");
    for interface in ["person/create", "face/create"] {
        let task = device.fetches().await;
        assert_eq!(task["interfaceName"], interface, "{task}");
        let of = if interface == "face/create" { &task["personId"] } else { &task["person"]["id"] };
        assert_eq!(of, handle);
        device.says(&task, &well()).await;
    }
}

/// Whoever takes their face back is deleted; whom it does not know is deleted already.
async fn is_told_to_delete_whom_it_does_not_know(
    device: &Uniubi<'_>,
    zhang: &Resident,
    handle: &Value,
) {
    zhang.delete("/me/face").await.ok();
    later(device.town, TimeDelta::seconds(40));
    assert_eq!(device.beats().await, waits(true));
    let task = device.fetches().await;
    assert_eq!((&task["interfaceName"], &task["id"]), (&json!("person/delete"), handle));
    device.says(&task, &fails("LAN_EXP-3009")).await;
    assert_eq!(stands(zhang).await, "deleted");
}

async fn fails_to_open(device: &Uniubi<'_>, path: &str) {
    let town = device.town;
    town.office.post(&format!("{path}/commands"), &json!({ "kind": "open_door" })).await.ok();
    let task = device.fetches().await;
    assert_eq!(task["interfaceName"], "device/openDoorControl");
    device.says(&task, &fails("LAN_EXP-1000")).await;
    assert_eq!(statuses(town, path).await[0], ("open_door".to_owned(), "failed".to_owned()));
}
