//! Terminals that fetch their orders: they are told of faces and of names, and say what became of
//! each. One that knows people by short numbers only, told line by line and filled again when blank.

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, COMMUNITY, Resident, TestTown, device::Bytes, eventually, photo};

/// The first two numbers of a terminal's own.
pub const FIRST: &str = "900000001";
const SECOND: &str = "900000002";

pub async fn gives_a_face(zhang: &Resident) {
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
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    zhang
}

/// Somebody whom terminals know as this number and as nothing else. Whoever is merely `numbered` has
/// a face with a longer handle besides, and it takes a number of the terminal's own too.
pub async fn known_only_as(town: &TestTown, number: &str) -> String {
    known_since(town, number, "2026-01-02T00:00:00Z").await
}

/// The same, registered and known since then.
pub async fn known_since(town: &TestTown, number: &str, since: &str) -> String {
    let document = TestTown::number("1990-01-01", town.next());
    let agrees = |purpose: &str| json!({ "purpose": purpose, "granted": true, "at": since });
    let body = json!({
        "name": "张三",
        "document": { "type": "resident_id", "number": document },
        "home_community": COMMUNITY,
        "registered_at": since,
        "consents": [agrees("door_face"), agrees("minutes_statistics")],
    });
    let made = town.office.post("/members", &body).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();
    let face = json!({ "kind": "face", "handle": number, "valid_from": since });
    town.office.post(&format!("/members/{id}/credentials"), &face).await.ok();
    id
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

pub async fn statuses(town: &TestTown, path: &str) -> Vec<(String, String)> {
    let listed = town.office.get(&format!("{path}/commands")).await.ok();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let one = |one: &Value| (text(one, "kind"), text(one, "status"));
    listed["items"].as_array().unwrap().iter().map(one).collect()
}

/// Why the newest order that failed did.
pub async fn why_it_failed(town: &TestTown, path: &str) -> String {
    let listed = town.office.get(&format!("{path}/commands")).await.ok();
    let failed = listed["items"].as_array().unwrap().iter().find(|one| one["status"] == "failed");
    failed.unwrap()["detail"].as_str().unwrap().to_owned()
}

/// An access terminal as its firmware polls.
pub struct Poller<'a> {
    pub town: &'a TestTown,
    pub serial: &'static str,
}

impl Poller<'_> {
    async fn polls(&self) -> Vec<u8> {
        let path = format!("/iclock/getrequest?SN={}", self.serial);
        Bytes::new("GET", &path, b"").answered_in_bytes(self.town.address()).await
    }

    /// Lines by their ids, until there are none.
    pub async fn fetches(&self) -> BTreeMap<String, String> {
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

    pub async fn says(&self, path: &str, body: &str) -> String {
        let path = format!("/iclock/{path}&SN={}", self.serial);
        Bytes::new("POST", &path, body.as_bytes()).answered(self.town.address()).await
    }

    /// Says the same of all these.
    pub async fn answers(&self, lines: &BTreeMap<String, String>, code: i32, end: &str) -> String {
        let results = lines.keys().fold(String::new(), |mut said, id| {
            write!(said, "ID={id}&Return={code}&CMD=DATA{end}").unwrap();
            said
        });
        self.says("devicecmd?x=1", &results).await
    }

    /// Does all that it is told.
    async fn obeys(&self) -> BTreeMap<String, String> {
        let lines = self.fetches().await;
        assert_eq!(self.answers(&lines, 0, "\r\n").await, "OK");
        lines
    }
}

/// Values of a field in lines that begin so.
pub fn of(lines: &BTreeMap<String, String>, begin: &str, field: &str) -> Vec<String> {
    let value = |line: &String| {
        let rest = line.strip_prefix(begin)?;
        let value_of = |part: &str| part.trim().strip_prefix(field).map(str::to_owned);
        rest.split('\t').find_map(value_of)
    };
    lines.values().filter_map(value).collect()
}

#[tokio::test]
async fn an_access_terminal_holds_a_face_under_a_number_of_its_own() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "zkteco_acc", "ACC-1", "both").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    known_only_as(&town, "1001").await;
    let zhang = somebody(&town).await;
    let device = Poller { town: &town, serial: "ACC-1" };

    is_told_of_both_and_of_the_one_face(&device, &zhang).await;
    lets_in_whoever_is_known_by_it(&device).await;
    holds_names_while_the_venue_wants_them(&device, &zhang, &path).await;
    let native = format!("/terminals/{}/names", town.terminal(&venue, "in").await.id);
    let refused = town.office.put(&native, &json!({ "names": "utf8" })).await;
    assert_eq!(refused.status, 404, "our own terminals are told no names");
    let lines = is_filled_again_under_the_same_number(&device).await;
    looks_again_and_dislikes_the_photo(&device, &zhang, &path, &lines).await;
    deletes_whoever_takes_their_face_back(&device, &zhang).await;
    town.adds_up().await;
}

async fn is_told_of_both_and_of_the_one_face(device: &Poller<'_>, zhang: &Resident) {
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
    assert_eq!(stands(zhang).await, "pending");
    device.answers(&lines, 0, "\r\n").await;
    assert_eq!(stands(zhang).await, "present");
}

/// Who is known by the number enters, whether the door decides or asks.
async fn lets_in_whoever_is_known_by_it(device: &Poller<'_>) {
    // The number is good from when it was given.
    later(device.town, TimeDelta::minutes(30));
    let local = |ago: i64| {
        let at = device.town.now() + TimeDelta::hours(8) - TimeDelta::minutes(ago);
        at.format("%Y-%m-%d %H:%M:%S").to_string()
    };
    let row = format!(
        "time={}\tpin={FIRST}\tcardno=0\teventaddr=1\tevent=0\tinoutstatus=0\tverifytype=15\tindex=5",
        local(20)
    );
    for _ in 0..2 {
        assert_eq!(device.says("cdata?table=rtlog", &row).await, "OK");
    }
    let screen = device.town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    let question = row.replace("event=0", "event=223").replace(&local(20), &local(0));
    let said = device.says("cdata?AuthType=device", &question).await;
    assert!(said.starts_with("AUTH=SUCCEED\r\n"), "{said}");
}

/// Names where the venue wants them, and gone again.
async fn holds_names_while_the_venue_wants_them(device: &Poller<'_>, zhang: &Resident, path: &str) {
    let town = device.town;
    let wants = async |names: &str| {
        let body = json!({ "names": names });
        assert_eq!(town.office.put(&format!("{path}/names"), &body).await.status, 204);
    };
    let name = masked_name(town, zhang).await;
    assert!(name.ends_with('*'));
    wants("utf8").await;
    let lines = device.obeys().await;
    assert!(of(&lines, "DATA UPDATE user ", "Name=").contains(&name), "{lines:?}");
    wants("gbk").await;
    let bytes = device.polls().await;
    let (gbk, _, _) = encoding_rs::GBK.encode(&name);
    let has = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let in_gbk = [&b"\tName="[..], &*gbk, &b"\tPrivilege"[..]].concat();
    assert!(has(&in_gbk) && !has(name.as_bytes()));
    wants("none").await;
    later(town, TimeDelta::seconds(61));
    let lines = device.obeys().await;
    let told = of(&lines, "DATA UPDATE user ", "Name=");
    assert!(told.len() >= 2 && told.iter().all(String::is_empty), "{lines:?}");
}

/// Blank a day later, and filled again, under the same number.
async fn is_filled_again_under_the_same_number(device: &Poller<'_>) -> BTreeMap<String, String> {
    device.obeys().await;
    later(device.town, TimeDelta::hours(21));
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
    let ledger = device.town.office.get("/terminal-ledger").await.ok();
    let line =
        ledger["items"].as_array().unwrap().iter().find(|one| one["serial"] == "ACC-1").unwrap();
    assert!(line["roster_mismatch"].as_i64().unwrap() >= 1, "{line}");
    let lines = device.obeys().await;
    assert_eq!(of(&lines, "DATA UPDATE user ", "Pin="), [FIRST], "{lines:?}");
    assert_eq!(of(&lines, "DATA UPDATE biophoto ", "PIN="), [FIRST]);
    lines
}

/// It looks again, and did not like the photo.
async fn looks_again_and_dislikes_the_photo(
    device: &Poller<'_>,
    zhang: &Resident,
    path: &str,
    lines: &BTreeMap<String, String>,
) {
    let photo = lines.iter().find(|(_, line)| line.contains(" biophoto ")).unwrap().0;
    let error = format!("errorlog errcode=D01E0003\tdataorigin=cmd\tcmdid={photo}\tadditional=");
    device.says("cdata?table=tabledata&tablename=errorlog&count=1", &error).await;
    assert_eq!(stands(zhang).await, "refused");
    let why = why_it_failed(device.town, path).await;
    assert!(why.starts_with("照片不合格"), "{why}");
}

/// Whoever takes their face back is deleted, with a receipt; the number is nobody's ever after.
async fn deletes_whoever_takes_their_face_back(device: &Poller<'_>, zhang: &Resident) {
    zhang.delete("/me/face").await.ok();
    later(device.town, TimeDelta::seconds(40));
    let lines = device.fetches().await;
    assert_eq!(of(&lines, "DATA DELETE user ", "Pin="), [FIRST], "{lines:?}");
    assert_eq!(stands(zhang).await, "deleting");
    device.answers(&lines, -27, "\n").await;
    assert_eq!(stands(zhang).await, "deleted");
    gives_a_face(zhang).await;
    later(device.town, TimeDelta::seconds(40));
    assert_eq!(of(&device.obeys().await, "DATA UPDATE user ", "Pin="), [SECOND]);
    assert_eq!(stands(zhang).await, "present");
}
