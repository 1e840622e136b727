//! The list of what waits for staff, as far as it is about devices: each kind appears when it
//! should, to those whose it is, and goes when it was set right.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, COMMUNITY, Office, Resident, Terminal, TestTown, at, device::Bytes, eventually,
    photo::picture, results,
};

async fn listed(office: &Office, kind: &str) -> Vec<Value> {
    let page = office.get(&format!("/work?kind={kind}")).await.ok();
    page["items"].as_array().unwrap().clone()
}

fn path(item: &Value, what: &str) -> String {
    let text = |field: &str| item[field].as_str().unwrap();
    format!("/work-items/{}/{}/{what}", text("kind"), text("id"))
}

async fn receipts(door: &Terminal, receipt: Value) {
    let body = json!({ "receipts": [receipt] });
    assert_eq!(door.post("/api/v1/terminal/roster/receipts", &body).await.status, 204);
}

async fn reads(door: &Terminal, path: &str) -> Answer {
    door.sends(&door.envelope(), Method::GET, path, "").await
}

/// Enrols a face that the door fetches and says it holds; its member and handle.
async fn enrolled(door: &Terminal, resident: &Resident) -> (Value, Value) {
    for consent in ["door_face", "off_device_face_transfer"] {
        resident.agrees(consent).await.ok();
    }
    let request = resident.request(Method::PUT, "/me/face");
    let request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
    let sent = request.header("Content-Type", "image/jpeg").body(picture(600, 800));
    Answer::to(sent).await.ok();
    let roster = reads(door, "/api/v1/terminal/roster").await.ok();
    let grant = &roster["members"][0];
    let (member, handle) = (grant["member"].clone(), grant["handle"].clone());
    let photo = format!("/api/v1/terminal/roster/photos/{}", handle.as_str().unwrap());
    assert_eq!(reads(door, &photo).await.status, 200);
    receipts(door, json!({ "member": member, "handle": handle, "result": "added" })).await;
    (member, handle)
}

/// Somebody is to be told of terminals that are lost; nobody answers at that address.
async fn subscribe(town: &TestTown) {
    let hook = json!({
        "url": "https://hooks.example.invalid/", "kinds": ["terminal.lost"], "reason": "x",
    });
    let made = town.office.post("/webhooks", &hook).await.ok();
    let decide = format!("/requests/{}/decision", made["request_id"].as_str().unwrap());
    let other = town.hire("city", "33").await;
    other.post(&decide, &json!({ "approve": true })).await.ok();
}

#[tokio::test]
async fn what_is_wrong_with_devices_is_listed_until_it_is_right() {
    let town = TestTown::with_wechat().await;
    let (venue, door) = town.gym().await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let elsewhere = town.hire("community", "330499001002").await;
    let zhang = Resident::registers(&town, "zhang").await;
    let (member, handle) = enrolled(&door, &zhang).await;
    let someone = town.member().await;
    subscribe(&town).await;

    // A clock without power, and somebody at the door.
    let absurd = door.record("in", &someone.card, at("1970-01-01T00:10:00Z"));
    assert_eq!(door.asks_about(&absurd).await.ok()["decision"], "granted");
    let items = listed(&clerk, "absurd_clock").await;
    assert_eq!((items.len(), &items[0]["member_id"]), (1, &json!(someone.id)), "{items:?}");
    assert_eq!(items[0]["actions"], json!(["correct", "reject"]));
    let aside = json!({ "action": "reject", "reason": "已校时" });
    clerk.post(&path(&items[0], "answer"), &aside).await.ok();
    assert_eq!(listed(&clerk, "absurd_clock").await.len(), 0);

    // Somebody whom the door did not take, until it does.
    receipts(&door, json!({ "member": someone.id, "result": "no_face" })).await;
    let items = listed(&clerk, "roster_mismatch").await;
    assert_eq!((items.len(), &items[0]["detail"]), (1, &json!("1")), "{items:?}");
    assert_eq!(listed(&elsewhere, "roster_mismatch").await.len(), 0);
    receipts(&door, json!({ "member": someone.id, "result": "added" })).await;
    assert_eq!(listed(&clerk, "roster_mismatch").await.len(), 0);

    // A device that nobody knows, until it is claimed.
    let row = b"time=2026-11-23 08:00:00\tpin=7\tevent=0\tinoutstatus=0\tverifytype=15\tindex=1";
    Bytes::new("POST", "/iclock/cdata?SN=NEW-1&table=rtlog", row).answered(town.address()).await;
    let items = listed(&clerk, "quarantined_device").await;
    assert_eq!((items.len(), &items[0]["detail"]), (1, &json!("zkteco_acc NEW-1")), "{items:?}");
    assert_eq!((&items[0]["id"], &items[0]["actions"]), (&Value::Null, &json!(["claim"])));
    town.claim(&venue, "zkteco_acc", "NEW-1", "both").await;
    assert_eq!(listed(&clerk, "quarantined_device").await.len(), 0);

    // A withdrawn face that a door keeps for a week; and the door is not heard of all that time.
    town.is_now("2026-11-23T02:05:00Z");
    zhang.delete("/me/consents?purpose=door_face").await.ok();
    town.is_now("2026-11-30T02:04:00Z");
    assert_eq!(listed(&clerk, "face_deletion_overdue").await.len(), 0, "it has its week");
    assert_eq!(listed(&clerk, "lost_terminal").await.len(), 0);
    town.is_now("2026-11-30T02:06:00Z");
    let town = town.restarted().await;
    let (clerk, elsewhere) = (clerk.at_server(&town.wire), elsewhere.at_server(&town.wire));
    let door = door.at_server(&town.wire);
    let items = listed(&clerk, "face_deletion_overdue").await;
    assert_eq!((items.len(), &items[0]["terminal_id"]), (1, &json!(door.id)), "{items:?}");
    assert_eq!(items[0]["actions"], json!(["revoke_terminal"]));
    assert_eq!(listed(&elsewhere, "face_deletion_overdue").await.len(), 0);
    let lost = eventually("a lost terminal", async || {
        let items = listed(&clerk, "lost_terminal").await;
        items.into_iter().find(|item| item["terminal_id"] == door.id)
    })
    .await;
    assert_eq!(lost["detail"], json!(door.serial));
    let silent = listed(&clerk, "silent_terminal").await;
    assert!(silent.iter().all(|item| item["terminal_id"] != door.id), "once, as lost: {silent:?}");
    let told = "SELECT COUNT(*) AS n FROM webhook_deliveries WHERE kind = 'terminal.lost'";
    assert!(town.store.count(told).await > 0, "whoever subscribed is told");
    receipts(&door, json!({ "member": member, "handle": handle, "result": "removed" })).await;
    door.beats().await;
    assert_eq!(listed(&clerk, "face_deletion_overdue").await.len(), 0, "proved");
    let back = listed(&clerk, "lost_terminal").await;
    assert!(back.iter().all(|item| item["terminal_id"] != door.id), "heard again: {back:?}");
}

#[tokio::test]
async fn records_that_never_come_are_declared_lost_and_taken_if_they_come_all_the_same() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let late = at("2026-11-22T05:00:00Z");
    let first = door.record("in", &member.card, late);
    let skipped = [
        door.record("out", &member.card, at("2026-11-22T06:00:00Z")),
        door.record("in", &member.card, at("2026-11-22T08:00:00Z")),
    ];
    let last = door.record("out", &member.card, at("2026-11-22T08:40:00Z"));
    door.tells(&[first, last]).await;
    let gaps = listed(&clerk, "gap").await;
    assert_eq!((gaps.len(), &gaps[0]["detail"]), (1, &json!("2")), "{gaps:?}");
    assert_eq!(gaps[0]["actions"], json!(["command", "declare_lost", "reject"]));
    let (preview, answer) = (path(&gaps[0], "preview"), path(&gaps[0], "answer"));
    let given_up = json!({ "action": "declare_lost", "reason": "设备存储损坏" });
    assert_eq!(clerk.post(&preview, &given_up).await.ok()["records_given_up"], 2);
    assert_eq!(listed(&clerk, "gap").await.len(), 1, "a look changes nothing");
    let elsewhere = town.hire("community", "330499001002").await;
    assert_eq!(elsewhere.post(&answer, &given_up).await.said(), (404, "not_found"));
    assert_eq!(clerk.post(&answer, &given_up).await.ok()["records_given_up"], 2);
    assert_eq!(clerk.post(&answer, &given_up).await.said(), (409, "request_decided"));
    town.is_now("2026-11-25T02:00:00Z");
    assert_eq!(listed(&clerk, "gap").await.len(), 0, "and it stays so");
    let ledger = clerk.get("/terminal-ledger").await.ok();
    assert_eq!(ledger["items"][0]["missing_records"], 0, "{ledger}");
    let acts = town.office.get("/audit?act=gap_declared_lost").await.ok();
    assert_eq!(acts["items"][0]["reason"], "设备存储损坏");
    // The device was mended, and its records come after all.
    let came = door.tells(&skipped).await.ok();
    assert_eq!(results(&came), ["accepted", "accepted"], "{came}");
    assert!(came["resend_from"].is_null(), "{came}");
    let stays = clerk.get(&format!("/members/{}/sessions", member.id)).await.ok();
    let minutes = |n: usize| stays["items"][n]["minutes"].as_i64().unwrap();
    assert_eq!(stays["items"].as_array().unwrap().len(), 2, "{stays}");
    assert_eq!(minutes(0) + minutes(1), 100);
    town.adds_up().await;
}
