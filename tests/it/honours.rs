//! A year's honours that can be worked out again, and points that are spent once.

use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Resident, Shown, TestTown, at, eventually};

#[tokio::test]
async fn a_year_is_honoured_and_measured_minutes_are_points() {
    let town = TestTown::giving_points().await;
    let (gym, door) = town.gym().await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let manager = town.hire("community", COMMUNITY).await;
    let (zhang, li) =
        (Resident::registers(&town, "zhang").await, Resident::registers(&town, "li").await);
    zhang.patch(&json!({ "in_ranks": true })).await.ok();
    town.is_now("2026-11-26T02:00:00Z");
    // Zhang comes on three days, and li, who wants to be seen by nobody, on one.
    let stays = [
        (&zhang, "c-z", 23, 125),
        (&zhang, "c-z", 24, 45),
        (&zhang, "c-z", 25, 29),
        (&li, "c-l", 25, 60),
    ];
    for (n, (one, card, day, minutes)) in stays.into_iter().enumerate() {
        let shown = Shown::card(card);
        if n == 0 || n == 3 {
            one.post("/me/verification", &json!({ "method": "registry" })).await.ok();
            town.credential(&one.id().await, &shown).await;
        }
        let from = at(&format!("2026-11-{day}T01:00:00Z"));
        door.saw("in", &shown, from).await;
        door.saw("out", &shown, from + chrono::TimeDelta::minutes(minutes)).await;
    }
    // Twelve for two hours and more, four for forty-five minutes, two for twenty-nine.
    let points = zhang.get("/me/points").await.ok();
    assert_eq!(points["balance"], 18);
    assert_eq!(zhang.get("/me/points").await.ok(), points, "a look changes nothing");
    let path = format!("/venues/{}/redemptions", gym.id);
    let code = async |one: &Resident| one.get("/me/code").await.ok()["code"].clone();
    let spends = async |points: i32| {
        clerk.post(&path, &json!({ "code": code(&zhang).await, "points": points })).await
    };
    assert_eq!(spends(5).await.said(), (409, "partner_required"));
    let partner = format!("/venues/{}/points-partner", gym.id);
    assert_eq!(clerk.put(&partner, &json!({ "partner": true })).await.said(), (403, "forbidden"));
    manager.put(&partner, &json!({ "partner": true })).await.ok();
    assert_eq!(spends(19).await.said(), (409, "points_short"));
    assert_eq!(spends(0).await.status, 422);
    let stale = json!({ "code": "A".repeat(60), "points": 1 });
    assert_eq!(clerk.post(&path, &stale).await.said(), (422, "member_code_invalid"));
    let spent = spends(15).await.ok();
    assert_eq!(spent["balance"], 3);
    let back = format!("/redemptions/{}/reversal", spent["id"].as_str().unwrap());
    clerk.post(&back, &json!({})).await.ok();
    assert_eq!(clerk.post(&back, &json!({})).await.said(), (409, "request_decided"));
    assert_eq!(zhang.get("/me/points").await.ok()["balance"], 18);
    let sums = "SELECT COUNT(*) AS n FROM point_accounts a WHERE a.balance <> \
                (SELECT SUM(p.points) FROM point_entries p WHERE p.member_id = a.member_id)";
    assert_eq!(town.store.count(sums).await, 0);
    // What comes late changes the day's points by one more row.
    door.saw("in", &Shown::card("c-z"), at("2026-11-25T05:00:00Z")).await;
    door.saw("out", &Shown::card("c-z"), at("2026-11-25T05:11:00Z")).await;
    let after = zhang.get("/me/points").await.ok();
    assert_eq!((&after["balance"], &after["items"][0]["points"]), (&json!(20), &json!(2)));

    // A clerk serves in time.
    let report = json!({ "kind": "hygiene", "text": "地面有水" });
    let id = li.post(&format!("/venues/{}/reports", gym.id), &report).await.ok();
    let id = id["id"].as_str().unwrap().to_owned();
    for body in [
        json!({ "act": "triage" }),
        json!({ "act": "assign", "assignee": "保洁" }),
        json!({ "act": "fix" }),
    ] {
        clerk.post(&format!("/tickets/{id}/steps"), &body).await.ok();
    }
    li.post(&format!("/me/reports/{id}/confirmation"), &json!({ "fixed": true })).await.ok();

    let path = "/api/v1/honours?division=330499&year=2026";
    assert_eq!(Answer::to(town.wire.get(path)).await.status, 404, "the year is not over");
    town.is_now("2027-01-16T02:00:00Z");
    let town = town.restarted().await;
    let honours = eventually("a year's honours", async || {
        let said = Answer::to(town.wire.get(path)).await;
        (said.status == 200).then_some(said.body)
    })
    .await;
    let told: Vec<Value> = honours["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["title"], one["place"], one["figure"], one["beside"]]))
        .collect();
    // 125 + 45 + 29 + 11 and 60 minutes of two people; three active days of zhang.
    let expected = [
        json!(["活力社区", 1, 270, 2]),
        json!(["服务之星", 1, 1, 0]),
        json!(["活力之星", 1, 3, 210]),
    ];
    assert_eq!(told, expected, "{honours}");
    assert_eq!(honours["items"][2]["subject"], "张*");
    // What comes now is after the fact: the same rows say the same.
    door.at_server(&town.wire).saw("in", &Shown::card("c-l"), at("2026-11-24T01:00:00Z")).await;
    door.at_server(&town.wire).saw("out", &Shown::card("c-l"), at("2026-11-24T02:00:00Z")).await;
    let words = ["honours", "verify", "--division", "330499", "--year", "2026"];
    assert_eq!(town.store.fitgate(&words).await, "honours: 0 differences");
    town.adds_up().await;
    let zhang = Resident::signs_in(&town, "zhang").await;
    zhang.patch(&json!({ "in_ranks": false })).await.ok();
    let again = Answer::to(town.wire.get(path)).await.ok();
    assert_eq!(again["items"].as_array().unwrap().len(), 2, "who wants to be seen by nobody");
    zhang.delete("/me").await;
    let left = "SELECT COUNT(*) AS n FROM honours WHERE kind = 'vitality_star'";
    assert_eq!(town.store.count(left).await, 0);
}
