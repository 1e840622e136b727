//! What samples say of orders, and what the samples tell a device to do: byte for byte where it is
//! ours to say.

use serde_json::json;

use super::{Stage, answer, are_here, request, saying, with_head};
use crate::{
    support::device::Bytes,
    vendors::fetchers::{known_only_as, statuses},
};

const ACC: &str = "3383154200002";
const FC: &str = "FC-8200H12345678";
/// Everything in this file happens on the morning on which other stories begin.
const MORNING: &str = "2026-11-23T02:00:00Z";

#[tokio::test]
async fn sampled_results_settle_the_orders_whose_numbers_they_name() {
    if !are_here("zkteco-acc") {
        return;
    }
    let stage = Stage::at(MORNING, &[]).await;
    let door = stage.claims("zkteco_acc", ACC, "in").await;
    let path = format!("/terminals/{}", door.id);
    known_only_as(&stage.town, "1001").await;
    stage.town.is_now("2026-11-23T02:05:00Z");
    let poll = Bytes::new("GET", &format!("/iclock/getrequest?SN={ACC}"), b"");
    let told = poll.answered(stage.town.address()).await;
    assert!(told.starts_with("C:11:DATA UPDATE user ") && told.contains("\nC:12:"), "{told}");
    let query = json!({
        "kind": "query_records", "from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z",
    });
    for id in ["C:21:", "C:31:"] {
        stage.town.office.post(&format!("{path}/commands"), &query).await.ok();
        let told = poll.answered(stage.town.address()).await;
        assert!(told.starts_with(id), "{told}");
    }
    // The sample's ids are those of somebody else's orders: ours in their places.
    let results = request("zkteco-acc", "10b-devicecmd-batch-lowercase-return");
    let results = saying(saying(results, "ID=295&", "ID=11&"), "ID=296&", "ID=12&");
    stage.tells(&saying(results, "ID=415&", "ID=21&"), "OK").await;
    let records = request("zkteco-acc", "20-querydata-transaction");
    let expected = answer("zkteco-acc", "20-querydata-transaction.resp.body");
    stage.tells(&with_head(records, "cmdid=415", "cmdid=31"), &expected).await;
    let expected =
        [("query_records", "done"), ("query_records", "done"), ("hold_person", "failed")];
    let expected = expected.map(|(kind, status)| (kind.to_owned(), status.to_owned()));
    assert_eq!(statuses(&stage.town, &path).await, expected);
    let listed = stage.town.office.get(&format!("{path}/commands")).await.ok();
    let codes = [0, 1, 2].map(|place| listed["items"][place]["result_code"].clone());
    assert_eq!(codes, [json!(1), json!(3), json!(-629)]);
    stage.ends(&[]).await;
}

#[tokio::test]
async fn fcard_is_told_of_work_in_the_bytes_of_the_samples() {
    if !are_here("fcard") {
        return;
    }
    let stage = Stage::at(MORNING, &[]).await;
    let door = stage.claims("fcard", FC, "both").await;
    let town = &stage.town;
    let posts = async |path: &str, body: &str| {
        let request = Bytes::new("POST", path, body.as_bytes());
        request.with("Content-Type: application/json").answered(town.address()).await
    };
    let leaver = known_only_as(town, "1001").await;
    town.is_now("2026-11-23T02:05:00Z");
    request("fcard", "01-keepalive").answered(town.address()).await;
    let told = request("fcard", "03-downloadpeople").answered(town.address()).await;
    assert!(told.contains(r#""PeopleCount":1,"#) && told.contains(r#""UserID":"1001""#), "{told}");
    let report = json!({ "SN": FC, "SuccessCount": 1, "FailCount": 0 }).to_string();
    posts("/People/DownloadPeopleListResult", &report).await;
    // One takes the face back, another one comes, and the door is to be opened.
    let withdrawn =
        json!({ "purpose": "door_face", "granted": false, "at": "2026-11-23T02:06:00Z" });
    town.is_now("2026-11-23T02:10:00Z");
    town.office.post(&format!("/members/{leaver}/consents"), &withdrawn).await.ok();
    known_only_as(town, "1002").await;
    let commands = format!("/terminals/{}/commands", door.id);
    town.office.post(&commands, &json!({ "kind": "open_door" })).await.ok();
    town.is_now("2026-11-23T02:10:05Z");
    let told = request("fcard", "01-keepalive").answered(town.address()).await;
    assert_eq!(told, answer("fcard", "01-keepalive.work.resp.body"));
    let asks = json!({ "SN": FC, "Limit": 100 }).to_string();
    let told = posts("/Device/RemoteCommand", &asks).await;
    assert_eq!(told, answer("fcard", "02-remotecommand.open-door.resp.body"));
    let told = posts("/People/DeletePeopleList", &asks).await;
    assert_eq!(told, answer("fcard", "04-deletepeople.resp.body"));
    stage.ends(&[]).await;
}
