//! The list of what waits for staff, and the chain of what they did: what looks wrong stands there
//! for those whose it is, is looked at before it is answered, and every answer is on record.

use serde_json::{Value, json};

use crate::support::{COMMUNITY, Office, Shown, TestTown, at};

async fn listed(office: &Office, kind: &str) -> Vec<Value> {
    let page = office.get(&format!("/work?kind={kind}")).await.ok();
    page["items"].as_array().unwrap().clone()
}

fn path(item: &Value, what: &str) -> String {
    let text = |field: &str| item[field].as_str().unwrap();
    format!("/work-items/{}/{}/{what}", text("kind"), text("id"))
}

#[tokio::test]
async fn an_unknown_face_is_given_its_person_and_the_minutes_shown_before() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let stranger = Shown::face("f-nobodys");
    door.tells(&[
        door.record("in", &stranger, at("2026-11-22T01:00:00Z")),
        door.record("out", &stranger, at("2026-11-22T01:40:00Z")),
    ])
    .await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let elsewhere = town.hire("community", "330499001002").await;
    let items = listed(&clerk, "unknown_face").await;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!(listed(&elsewhere, "unknown_face").await.len(), 0);
    let nobody = json!({ "action": "accept", "reason": "监控核对" });
    let mut body = nobody.clone();
    body["member_id"] = json!(member.id);
    let preview = path(&items[0], "preview");
    assert_eq!(clerk.post(&preview, &nobody).await.status, 422, "whose it is must be said");
    assert_eq!(elsewhere.post(&preview, &body).await.said(), (404, "not_found"));
    let digest = town.digest().await;
    let seen = clerk.post(&preview, &body).await.ok();
    assert_eq!(seen["effect"]["minutes_before"], 0);
    assert_eq!(town.digest().await, digest, "a look changes nothing");
    clerk.post(&path(&items[0], "answer"), &body).await.ok();
    let seen = clerk.post(&path(&items[1], "preview"), &body).await.ok();
    assert_eq!(seen["effect"]["minutes_after"], 40, "{seen}");
    let done = clerk.post(&path(&items[1], "answer"), &body).await.ok();
    assert_eq!(done["effect"], seen["effect"]);
    let again = clerk.post(&path(&items[1], "answer"), &body).await;
    assert_eq!(again.said(), (409, "request_decided"));
    assert_eq!(listed(&clerk, "unknown_face").await.len(), 0);
    town.adds_up().await;
    // What the terminal sends again is still what it was.
    door.tells(&[door.record("in", &member.card, at("2026-11-22T03:00:00Z"))]).await;
    town.adds_up().await;
}

#[tokio::test]
async fn a_record_without_a_date_is_dated_and_a_contradiction_put_aside() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let lost_clock = door.record("in", &member.card, at("2001-01-01T00:00:00Z"));
    door.tells(std::slice::from_ref(&lost_clock)).await;
    let mut other = lost_clock.clone();
    other["credential"] = json!("c-other");
    door.tells(&[other]).await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let undated = listed(&clerk, "undated_record").await;
    let answer = path(&undated[0], "answer");
    let mut body = json!({ "action": "accept", "reason": "当日登记簿" });
    assert_eq!(clerk.post(&answer, &body).await.status, 422, "when it was must be said");
    body["occurred_at"] = json!("2026-11-24T01:00:00Z");
    assert_eq!(clerk.post(&answer, &body).await.status, 422, "not in the future");
    body["occurred_at"] = json!("2026-11-22T01:00:00Z");
    let done = clerk.post(&answer, &body).await.ok();
    assert_eq!(done["member_id"], json!(member.id), "who holds the card");
    assert_eq!(done["effect"]["minutes_after"], 60, "the usual stay");
    let conflict = listed(&clerk, "conflict").await;
    let accept = json!({ "action": "accept", "member_id": member.id, "reason": "x" });
    let refused = clerk.post(&path(&conflict[0], "answer"), &accept).await;
    assert_eq!(refused.status, 422, "its clock was lost too: {}", refused.text);
    let dated = json!({
        "action": "accept", "member_id": member.id, "occurred_at": "2026-11-22T01:00:00Z",
        "reason": "x",
    });
    let taken = clerk.post(&path(&conflict[0], "answer"), &dated).await;
    assert_eq!(taken.said(), (409, "record_taken"));
    let reject = json!({ "action": "reject", "reason": "重复编号" });
    clerk.post(&path(&conflict[0], "answer"), &reject).await.ok();

    // A record of years ago, whose month is long closed: somebody knows when it really was.
    let ancient = door.record("in", &member.card, at("2021-06-01T00:00:00Z"));
    door.tells(&[ancient]).await;
    let closed = listed(&clerk, "quarantined_record").await;
    let dated = json!({
        "action": "accept", "occurred_at": "2026-11-21T01:00:00Z", "reason": "当日登记簿",
    });
    let done = clerk.post(&path(&closed[0], "answer"), &dated).await.ok();
    assert_eq!(done["effect"]["minutes_after"], 120, "another stay of an hour: {done}");
    assert_eq!(listed(&clerk, "quarantined_record").await.len(), 0);
    assert_eq!(listed(&clerk, "conflict").await.len(), 0);
    town.adds_up().await;
}

#[tokio::test]
async fn what_only_looks_wrong_is_put_aside_and_states_come_back_after_a_day() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let late = at("2026-11-22T05:00:00Z");
    let mut unsure = door.record("in", &member.face, at("2026-11-22T08:00:00Z"));
    unsure["score"] = json!(0.41);
    let out = door.record("out", &member.card, late);
    door.record("in", &member.card, late);
    door.tells(&[out, unsure, door.record("out", &member.card, at("2026-11-22T09:00:00Z"))]).await;
    door.asks("in", &member.card).await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let aside = json!({ "action": "reject", "reason": "已核实" });
    for kind in ["orphan_exit", "low_score", "gap"] {
        let items = listed(&clerk, kind).await;
        assert_eq!(items.len(), 1, "{kind}: {items:?}");
        let accept = json!({ "action": "accept", "reason": "x" });
        assert_eq!(clerk.post(&path(&items[0], "answer"), &accept).await.status, 422);
        clerk.post(&path(&items[0], "answer"), &aside).await.ok();
        assert_eq!(listed(&clerk, kind).await.len(), 0, "{kind}");
    }
    town.is_now("2026-11-23T05:30:00Z");
    assert_eq!(listed(&clerk, "long_stay").await.len(), 1, "still inside after three hours");
    town.is_now("2026-11-24T02:00:01Z");
    assert_eq!(listed(&clerk, "gap").await.len(), 1);
    town.is_now("2026-11-27T02:00:00Z");
    assert_eq!(listed(&clerk, "silent_terminal").await.len(), 1);
    assert_eq!(listed(&clerk, "orphan_exit").await.len(), 0);
    let all = clerk.get("/work?limit=1").await.ok();
    let next = format!("/work?limit=1&cursor={}", all["next_cursor"].as_str().unwrap());
    let next = clerk.get(&next).await.ok();
    assert_ne!(all["items"][0], next["items"][0], "kind after kind");
    let coach = town.hire("instructor", COMMUNITY).await;
    assert_eq!(coach.get("/work").await.said(), (403, "forbidden"));
}

#[tokio::test]
async fn every_deed_and_look_is_in_a_chain_whose_ends_are_kept_elsewhere() {
    let town = TestTown::open().await;
    let member = town.member().await;
    let head = town.hire("community", COMMUNITY).await;
    let stranger = town.hire("district", "330498").await;
    let district = town.hire("district", "330499").await;
    head.get(&format!("/members/{}", member.id)).await.ok();
    let why = json!({ "reason": "冒用" });
    head.post(&format!("/members/{}/suspension", member.id), &why).await.ok();
    let of_member = format!("/audit?object=member:{}", member.id);
    let rows = town.office.get(&of_member).await.ok();
    let acts: Vec<_> =
        rows["items"].as_array().unwrap().iter().map(|r| r["act"].as_str().unwrap()).collect();
    assert!(acts.contains(&"member_shown") && acts.contains(&"member_suspended"), "{acts:?}");
    let suspended =
        rows["items"].as_array().unwrap().iter().find(|r| r["act"] == "member_suspended");
    let actor = suspended.unwrap()["actor"].as_str().unwrap().to_owned();
    assert_eq!(suspended.unwrap()["reason"], "冒用");
    // Less than a city sees what its own staff did, by name.
    assert_eq!(head.get(&of_member).await.said(), (403, "forbidden"));
    assert_eq!(district.get("/audit").await.status, 422);
    let of_actor = format!("/audit?actor={actor}&act=member_suspended");
    assert_eq!(district.get(&of_actor).await.ok()["items"].as_array().unwrap().len(), 1);
    assert_eq!(stranger.get(&of_actor).await.said(), (404, "not_found"));
    let first = town.office.get("/audit?limit=1").await.ok();
    let next = format!("/audit?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_ne!(town.office.get(&next).await.ok()["items"], first["items"]);

    // Another day begins, and the ends of the chains are kept.
    town.is_now("2026-11-25T02:00:00Z");
    let town = town.restarted().await;
    let heads = crate::support::eventually("ends of the chains", async || {
        let heads = town.office.get("/audit/heads").await.ok();
        heads["items"].as_array().unwrap().iter().any(|h| h["chain"] == "members").then_some(heads)
    })
    .await;
    let members = heads["items"].as_array().unwrap().iter().find(|h| h["chain"] == "members");
    let n = members.unwrap()["n"].as_i64().unwrap();
    town.store.fitgate(&["ledger", "verify"]).await;
    // One byte of one row is enough.
    town.store
        .sql("UPDATE audit SET reason = 'x' WHERE chain = 'members' AND act = 'member_suspended'")
        .await;
    let said = town.store.try_fitgate(&["ledger", "verify"]).await;
    assert_eq!(said.exit, 1, "{}", said.stdout);
    assert!(said.stdout.contains("audit members") || said.stderr.contains("audit members"));
    assert!(n > 0);
}
