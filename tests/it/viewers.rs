//! Who looked at somebody is written down for them; a child is seen only with leave; and what is
//! kept is handed out only to somebody who has just signed in.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, COMMUNITY, Resident, TestTown, registration};

#[tokio::test]
async fn residents_read_who_of_the_staff_saw_their_data() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let id = zhang.id().await;
    assert_eq!(zhang.get("/me/views").await.ok()["items"], json!([]));
    let clerk = town.hire("venue", COMMUNITY).await;
    let stranger = town.hire("community", "330499001002").await;
    clerk.get(&format!("/members/{id}")).await.ok();
    assert_eq!(stranger.get(&format!("/members/{id}")).await.said(), (404, "not_found"));
    town.is_now("2026-11-23T02:01:00Z");
    let card = json!({ "kind": "card", "handle": "c-77", "valid_from": "2026-11-01T00:00:00Z" });
    clerk.post(&format!("/members/{id}/credentials"), &card).await.ok();
    let first = zhang.get("/me/views?limit=1").await.ok();
    let newest = json!([{
        "role": "venue", "division": COMMUNITY, "act": "changed", "at": "2026-11-23T02:01:00Z",
    }]);
    assert_eq!(first["items"], newest, "who looked in vain saw nothing");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = zhang.get(&format!("/me/views?limit=1&cursor={cursor}")).await.ok();
    assert_eq!(second["items"][0]["act"], "shown");
    assert!(second["next_cursor"].is_null());
    let mine = Resident::signs_in(&town, "zhang").await.get("/me/export").await.ok();
    assert_eq!(mine["tables"]["member_views"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_child_is_seen_only_with_leave_of_somebody_else() {
    let town = TestTown::with_wechat().await;
    let mother = Resident::registers(&town, "mother").await;
    mother.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let mut child = registration(&TestTown::number("2016-01-01", town.next()));
    child["consents"] = json!([]);
    child.as_object_mut().unwrap().remove("home_community");
    let child = mother.post("/me/dependants", &child).await.ok();
    let id = child["id"].as_str().unwrap();
    let (clerk, head) =
        (town.hire("community", COMMUNITY).await, town.hire("district", "330499").await);
    let path = format!("/members/{id}");
    assert_eq!(clerk.get(&path).await.said(), (403, "leave_required"));
    let card = json!({ "kind": "card", "handle": "c-78", "valid_from": "2026-11-01T00:00:00Z" });
    let veiled = clerk.post(&format!("{path}/credentials"), &card).await.ok();
    assert_eq!((&veiled["name"], &veiled["document"]["number"]), (&json!("*"), &json!("*")));
    assert!(veiled["birth_year"].is_null() && veiled["sex"].is_null(), "{veiled}");

    let asks = format!("{path}/view-requests");
    assert_eq!(clerk.post(&asks, &json!({ "reason": " " })).await.status, 422);
    let asked = clerk.post(&asks, &json!({ "reason": "家长来电核对" })).await.ok();
    let stranger = town.hire("community", "330499001002").await;
    assert_eq!(stranger.post(&asks, &json!({ "reason": "x" })).await.said(), (404, "not_found"));
    let approve = format!("/view-requests/{}/approve", asked["id"].as_str().unwrap());
    assert_eq!(clerk.post(&approve, &json!({})).await.said(), (403, "own_request"));
    assert_eq!(stranger.post(&approve, &json!({})).await.said(), (404, "not_found"));
    let waiting = head.get("/view-requests").await.ok();
    assert_eq!(waiting["items"][0]["member_id"], id, "{waiting}");
    assert_eq!(stranger.get("/view-requests").await.ok()["items"], json!([]));
    head.post(&approve, &json!({})).await.ok();
    assert_eq!(head.get("/view-requests").await.ok()["items"], json!([]));
    assert_eq!(clerk.get(&path).await.ok()["birth_year"], 2016);
    assert_eq!(head.get(&path).await.said(), (403, "leave_required"), "it is the asker's");
    town.is_now("2026-11-24T02:00:01Z");
    assert_eq!(clerk.get(&path).await.said(), (403, "leave_required"), "leave ends after a day");
}

#[tokio::test]
async fn only_who_has_just_signed_in_takes_their_data_away() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.get("/me/export").await.ok();
    town.is_now("2026-11-23T02:10:01Z");
    assert_eq!(zhang.get("/me/export").await.said(), (401, "fresh_login_required"));
    zhang.get("/me").await.ok();
    Resident::signs_in(&town, "zhang").await.get("/me/export").await.ok();
}

#[tokio::test]
async fn a_link_to_ones_data_is_good_once_and_for_a_day() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let id = zhang.id().await;
    let follow = async |path: &str| Answer::to(town.wire.get(path)).await;
    let make = async |resident: &Resident| {
        let made = Answer::to(resident.request(Method::POST, "/me/export-link")).await.ok();
        made["path"].as_str().unwrap().to_owned()
    };
    let (void, path) = (make(&zhang).await, make(&zhang).await);
    let token = path.rsplit('/').next().unwrap();
    let clear = format!("SELECT COUNT(*) AS n FROM export_links WHERE token_hash LIKE '%{token}%'");
    assert_eq!(town.store.count(&clear).await, 0, "only a hash is stored");
    assert_eq!(follow(&void).await.said(), (404, "export_link_spent"), "another took its place");
    let all = follow(&path).await;
    assert_eq!(all.header("cache-control"), "no-store");
    assert!(all.header("content-disposition").starts_with("attachment"));
    assert_eq!(all.ok()["tables"]["members"][0]["id"], id.as_str());
    assert_eq!(follow(&path).await.said(), (404, "export_link_spent"), "once");
    let rivals = make(&zhang).await;
    let answers = futures_util::future::join_all((0..8).map(|_| follow(&rivals))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "of eight, one");

    let late = make(&zhang).await;
    town.is_now("2026-11-24T02:00:00Z");
    assert_eq!(follow(&late).await.said(), (404, "export_link_spent"), "a day later");
    let stale = Answer::to(zhang.request(Method::POST, "/me/export-link")).await;
    assert_eq!(stale.said(), (401, "fresh_login_required"));
    let again = Resident::signs_in(&town, "zhang").await;
    let left = make(&again).await;
    assert_eq!(again.delete("/me").await.status, 204);
    assert_eq!(follow(&left).await.said(), (404, "export_link_spent"), "forgotten");
}
