//! Uniubi terminals behind a router: they fetch their tasks, one step at a time.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::fetchers::{later, post, somebody, stands, statuses};
use crate::support::{TestTown, eventually};

/// What a Uniubi device behind a router says below its path, and what it hears.
async fn uniubi(town: &TestTown, path: &str, body: &Value) -> Value {
    let request = post(path, "application/json", &body.to_string());
    serde_json::from_str(&request.answered(town.address()).await).unwrap()
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
    let (beat, fetch, tell) =
        (format!("{own}/heartbeat"), format!("{own}/task"), format!("{own}/task-result"));
    let well = json!({ "result": 1, "success": true, "code": "LAN_SUS-0" });
    let fails = |code: &str| json!({ "result": 0, "success": false, "code": code });
    let waits = |is_so: bool| json!({ "result": is_so });
    let says = async |task: &Value, answer: &Value| {
        uniubi(&town, &tell, &json!({ "taskNo": task["taskNo"], "result": answer })).await
    };

    // A person in two tasks, of whom it holds an older one already.
    assert_eq!(uniubi(&town, &beat, &json!({})).await, waits(true));
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!(task["interfaceName"], "person/create");
    let handle = task["person"]["id"].clone();
    assert_eq!(task["person"]["name"], handle, "no name without leave");
    assert_eq!(uniubi(&town, &fetch, &json!({})).await, waits(false), "one at a time");
    assert_eq!(says(&task, &fails("LAN_EXP-3005")).await, waits(true));
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!((&task["interfaceName"], &task["person"]["id"]), (&json!("person/update"), &handle));
    assert_eq!(says(&task, &well).await, waits(true));
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!((&task["interfaceName"], &task["personId"]), (&json!("face/create"), &handle));
    assert!(task["imgBase64"].as_str().unwrap().len() > 1_000);
    assert_eq!(stands(&zhang).await, "pending");
    // The answer is lost, and the same step is told again.
    later(&town, TimeDelta::seconds(61));
    assert_eq!(uniubi(&town, &fetch, &json!({})).await, task);
    assert_eq!(says(&task, &well).await, waits(false));
    assert_eq!(stands(&zhang).await, "present");

    // Records of a time, page by page; those that were posted already change nothing.
    let record =
        |at: i64| json!({ "personId": handle, "time": at * 1_000, "type": "face_0", "id": at });
    let now = town.now().timestamp();
    let posted = json!({ "personId": handle, "deviceKey": "E1", "type": "face_0",
        "time": (now * 1_000).to_string() });
    uniubi(&town, &own, &posted).await;
    let commands = format!("{path}/commands");
    let query = json!({ "kind": "query_records", "from": town.now() - TimeDelta::hours(9),
        "to": town.now() });
    town.office.post(&commands, &query).await.ok();
    let mut page: Vec<Value> = (0..99).map(|n| record(now - 20_000 - n)).collect();
    page.push(json!({ "type": "face_0" }));
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!((&task["interfaceName"], &task["index"]), (&json!("newFindRecords"), &json!("0")));
    let mut answer = well.clone();
    answer["data"] = json!({ "pageInfo": {}, "records": page });
    assert_eq!(says(&task, &answer).await, waits(true));
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!(task["index"], "1");
    answer["data"] = json!({ "records": [record(now), record(now - 40)] });
    says(&task, &answer).await;
    assert_eq!(statuses(&town, &path).await[0], ("query_records".to_owned(), "done".to_owned()));
    let counted = "SELECT COUNT(*) AS n FROM entry_events";
    eventually("each record once", async || (town.store.count(counted).await == 101).then_some(()))
        .await;

    // Whoever takes their face back is deleted; whom it does not know is deleted already.
    zhang.delete("/me/face").await.ok();
    later(&town, TimeDelta::seconds(40));
    assert_eq!(uniubi(&town, &beat, &json!({})).await, waits(true));
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!((&task["interfaceName"], &task["id"]), (&json!("person/delete"), &handle));
    says(&task, &fails("LAN_EXP-3009")).await;
    assert_eq!(stands(&zhang).await, "deleted");
    town.office.post(&commands, &json!({ "kind": "open_door" })).await.ok();
    let task = uniubi(&town, &fetch, &json!({})).await;
    assert_eq!(task["interfaceName"], "device/openDoorControl");
    says(&task, &fails("LAN_EXP-1000")).await;
    assert_eq!(statuses(&town, &path).await[0], ("open_door".to_owned(), "failed".to_owned()));
    town.adds_up().await;
}
