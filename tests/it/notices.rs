//! Notices: whom they reach, and when; closures by message.

use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Resident, Shown, TestTown, at, eventually};

async fn titles(town: &TestTown, query: &str) -> Vec<String> {
    let path = format!("/api/v1/notices?{query}");
    let said = Answer::to(town.wire.get(&path)).await.ok();
    let items = said["items"].as_array().unwrap().iter();
    items.map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

/// Somebody whose name is proven and who has a card.
async fn comes(town: &TestTown, name: &str) -> (Resident, Shown) {
    let resident = Resident::registers(town, name).await;
    resident.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let card = Shown::card(&format!("c-{name}"));
    town.credential(&resident.id().await, &card).await;
    (resident, card)
}

#[tokio::test]
async fn a_closure_is_read_by_everybody_and_told_to_whoever_was_there() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let hall = town.venue("体育馆", json!({})).await;
    let (_zhang, card) = comes(&town, "zhang").await;
    comes(&town, "li").await;
    door.saw("in", &card, at("2026-11-23T00:30:00Z")).await;
    door.saw("out", &card, at("2026-11-23T01:30:00Z")).await;
    let closure = json!({
        "venue_id": gym.id, "kind": "closure", "title": "健身房周六闭馆检修", "body": "周日照常开放。",
        "publish_at": "2026-11-23T03:00:00Z", "until": "2026-11-28T16:00:00Z",
    });
    let closed = town.office.post("/notices", &closure).await.ok();
    assert_eq!(closed["state"], "scheduled");
    let (of_gym, of_hall) = (format!("venue_id={}", gym.id), format!("venue_id={}", hall.id));
    assert!(titles(&town, &of_gym).await.is_empty(), "it is not published yet");
    let general = json!({ "division": "330499", "kind": "notice", "title": "全民健身日活动安排" });
    let general = town.office.post("/notices", &general).await.ok();
    assert_eq!((&general["state"], &general["venue_id"]), (&json!("published"), &Value::Null));

    // The first attempt finds WeChat busy.
    town.wechat().refuses_messages(&[-1]);
    town.is_now("2026-11-23T03:00:00Z");
    let both = ["健身房周六闭馆检修", "全民健身日活动安排"];
    assert_eq!(titles(&town, &of_gym).await, both, "the venue's, and the division's around it");
    assert_eq!(titles(&town, &of_hall).await, both[1..]);
    for division in ["3304", COMMUNITY] {
        assert_eq!(titles(&town, &format!("division={division}")).await, both, "{division}");
    }
    assert_eq!(titles(&town, "division=330499001002").await, both[1..], "the neighbours");
    let shown = town.screen("3304").await.document().await;
    let first = &shown["notices"][0];
    assert_eq!((&first["title"], &first["venue"]), (&json!(both[0]), &json!("健身房")));
    let sent = eventually("a message", async || {
        town.clock.set(town.now() + chrono::TimeDelta::seconds(5));
        town.wechat().sent().pop()
    })
    .await;
    assert_eq!((&sent["touser"], &sent["template_id"]), (&json!("o-zhang"), &json!("CLOSURE")));
    assert_eq!(sent["data"]["thing1"]["value"], "健身房");
    assert_eq!(sent["data"]["thing3"]["value"], both[0]);
    let told = "SELECT COUNT(*) AS n FROM wechat_messages WHERE kind = 'closure'";
    assert_eq!(town.store.count(told).await, 1, "who was not there is not told");

    let withdrawal = format!("/notices/{}/withdrawal", closed["id"].as_str().unwrap());
    let request = town.office.request(reqwest::Method::POST, &withdrawal).await;
    assert_eq!(Answer::to(request).await.ok()["state"], "withdrawn");
    assert_eq!(titles(&town, &of_gym).await, both[1..]);
    let kept = town.office.get("/notices").await.ok();
    assert_eq!(kept["items"].as_array().unwrap().len(), 2, "staff see what was");
    town.is_now("2026-12-07T02:00:00Z");
    assert!(titles(&town, "division=3304").await.is_empty(), "two weeks are over");
}

#[tokio::test]
async fn notices_that_cannot_be_are_refused() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let fine = json!({ "venue_id": gym.id, "kind": "closure", "title": "闭馆" });
    let with = |field: &str, value: Value| {
        let mut body = fine.clone();
        body[field] = value;
        body
    };
    for (body, said) in [
        (with("title", json!("")), (422, "bad_name")),
        (with("title", json!("长".repeat(41))), (422, "bad_name")),
        (with("body", json!("长".repeat(2001))), (422, "invalid_value")),
        (with("until", json!("2026-11-23T01:00:00Z")), (422, "bad_time")),
        (with("publish_at", json!("2028-11-23T01:00:00Z")), (422, "bad_time")),
        (with("division", json!("330499")), (422, "invalid_value")),
        (with("venue_id", Value::Null), (422, "required")),
        (with("venue_id", json!(uuid::Uuid::now_v7())), (404, "not_found")),
        (with("severity", json!(1)), (422, "unknown_field")),
    ] {
        assert_eq!(town.office.post("/notices", &body).await.said(), said, "{body}");
    }
    let of_nobody = json!({ "division": "330499", "kind": "closure", "title": "闭馆" });
    let said = town.office.post("/notices", &of_nobody).await;
    assert_eq!(said.said(), (422, "invalid_value"), "a closure is a venue's");
    for query in ["", "?division=330499&venue_id=018f0000-0000-7000-8000-000000000001"] {
        let said = Answer::to(town.wire.get(&format!("/api/v1/notices{query}"))).await;
        assert_eq!(said.said(), (400, "bad_parameter"), "{query}");
    }
    let unknown = "/api/v1/notices?venue_id=018f0000-0000-7000-8000-000000000001";
    let said = Answer::to(town.wire.get(unknown)).await;
    assert_eq!(said.said(), (404, "unknown_venue"));
}
