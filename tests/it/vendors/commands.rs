//! What terminals are told to do, and what becomes of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{TestTown, device::Bytes};

#[tokio::test]
async fn an_open_door_is_told_once_and_its_result_is_kept() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "zkteco_acc", "ACC-1", "in").await;
    let path = format!("/terminals/{}/commands", claimed["id"].as_str().unwrap());
    let open = json!({ "kind": "open_door", "seconds": 5 });
    town.office.post(&path, &open).await.ok();
    let poll = async || {
        Bytes::new("GET", "/iclock/getrequest?SN=ACC-1", b"").answered(town.address()).await
    };
    let sampled =
        crate::support::device::sample("zkteco-acc", "16-getrequest.open-door-1-for-5s.resp.body");
    let expected = "C:11:CONTROL DEVICE 01010105\n";
    if let Some(sampled) = sampled {
        assert_eq!(String::from_utf8(sampled).unwrap().replace("C:221:", "C:11:"), expected);
    }
    assert_eq!(poll().await, expected);
    town.is_now("2026-11-23T02:00:59Z");
    assert_eq!(poll().await, "OK", "a lost answer opens no door again");
    let result = Bytes::new("POST", "/iclock/devicecmd?SN=ACC-1", b"ID=11&Return=0&CMD=CONTROL");
    result.answered(town.address()).await;
    let listed = town.office.get(&path).await.ok();
    assert_eq!(listed["items"][0]["status"], "done");
    town.office.post(&path, &open).await.ok();
    town.is_now("2026-11-23T02:10:00Z");
    assert_eq!(poll().await, "OK", "nobody waits at a door for ten minutes");
    assert_eq!(town.office.get(&path).await.ok()["items"][0]["status"], "expired");
}

#[tokio::test]
async fn what_can_be_told_twice_is_told_again_until_it_is_answered() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "zkteco_att", "ATT-1", "in").await;
    let path = format!("/terminals/{}/commands", claimed["id"].as_str().unwrap());
    let query = json!({
        "kind": "query_records", "from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z",
    });
    town.office.post(&path, &query).await.ok();
    let poll = async || {
        Bytes::new("GET", "/iclock/getrequest?SN=ATT-1", b"").answered(town.address()).await
    };
    let told =
        "C:11:DATA QUERY ATTLOG StartTime=2026-11-22 08:00:00\tEndTime=2026-11-23 08:00:00\n";
    assert_eq!(poll().await, told);
    assert_eq!(poll().await, "OK");
    town.is_now("2026-11-23T02:02:00Z");
    assert_eq!(poll().await, told);
    let result = Bytes::new("POST", "/iclock/devicecmd?SN=ATT-1", b"ID=11&Return=-1002&CMD=DATA");
    result.answered(town.address()).await;
    let listed = town.office.get(&path).await.ok();
    let one = &listed["items"][0];
    assert_eq!((&one["status"], &one["result_code"]), (&json!("failed"), &json!(-1002)));
    for bad in [
        json!({ "kind": "open_door", "seconds": 0 }),
        json!({ "kind": "query_records" }),
        json!({ "kind": "explode" }),
    ] {
        assert_eq!(town.office.post(&path, &bad).await.status, 422, "{bad}");
    }
}

#[tokio::test]
async fn a_native_terminal_fetches_its_commands_and_says_what_became_of_them() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let path = format!("/terminals/{}/commands", door.id);
    town.office.post(&path, &json!({ "kind": "open_door" })).await.ok();
    let fetch = async || {
        let answer =
            door.sends(&door.envelope(), Method::GET, "/api/v1/terminal/commands", "").await;
        answer.ok()["items"].clone()
    };
    let told = fetch().await;
    assert_eq!((&told[0]["kind"], &told[0]["seconds"]), (&json!("open_door"), &json!(5)));
    assert_eq!(fetch().await, json!([]));
    let result = format!("/api/v1/terminal/commands/{}/result", told[0]["id"].as_str().unwrap());
    for _ in 0..2 {
        let said = door.post(&result, &json!({ "result": "done", "detail": "开了" })).await;
        assert_eq!(said.status, 204);
    }
    let listed = town.office.get(&path).await.ok();
    assert_eq!(
        (&listed["items"][0]["status"], &listed["items"][0]["detail"]),
        (&json!("done"), &json!("开了"))
    );
    let stranger = "/api/v1/terminal/commands/018f0000-0000-7000-8000-000000000001/result";
    assert_eq!(door.post(stranger, &json!({ "result": "done" })).await.status, 404);
}

#[tokio::test]
async fn receipts_of_a_roster_are_kept_member_by_member() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let (one, other) = (town.member().await, town.member().await);
    let receipt = |id: &str, result: &str| json!({ "member": id, "result": result });
    for results in [["added", "similar"], ["added", "added"], ["added", "no_face"]] {
        let receipts: Vec<Value> =
            vec![receipt(&one.id, results[0]), receipt(&other.id, results[1])];
        let body = json!({ "receipts": receipts });
        assert_eq!(door.post("/api/v1/terminal/roster/receipts", &body).await.status, 204);
    }
    let roster = town.office.get(&format!("/terminals/{}/roster", door.id)).await.ok();
    let expected = json!([
        { "state": "added", "persons": 1 }, { "state": "no_face", "persons": 1 },
    ]);
    assert_eq!(roster["items"], expected);
}
