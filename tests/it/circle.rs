//! The ten-minute circle: where somebody can go on foot, how full it is, and whether it admits them.

use serde_json::{Value, json};

use crate::support::{Answer, Resident, Shown, TestTown};

const HERE: &str = "near=30.7,121.0&coordinates=wgs84";

fn standing(lat: f64, more: &Value) -> Value {
    let mut body = json!({ "position": { "lat": lat, "lng": 121.0, "coordinates": "wgs84" } });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    body
}

async fn around(town: &TestTown, query: &str) -> Vec<Value> {
    let answer = Answer::to(town.wire.get(&format!("/api/v1/venues?{query}"))).await.ok();
    assert_eq!(answer["next_cursor"], Value::Null);
    answer["items"].as_array().unwrap().clone()
}

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|venue| venue["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn venues_within_a_walk_come_nearest_first() {
    let town = TestTown::with_wechat().await;
    let closed = json!({ "hours": [{ "weekday": 2, "opens": "08:00", "closes": "20:00" }] });
    town.venue("远", standing(30.72, &json!({}))).await;
    town.venue("近", standing(30.7055, &json!({}))).await;
    town.venue("今天不开", standing(30.701, &closed)).await;
    town.venue("不知在哪", json!({})).await;
    let found = around(&town, HERE).await;
    assert_eq!(names(&found), ["今天不开", "近"]);
    assert_eq!(found[1]["near"]["walking_minutes"], 10);
    assert_eq!(found[1]["near"]["admits_me"], Value::Null, "nobody is signed in");
    assert_eq!(names(&around(&town, &format!("{HERE}&open=now")).await), ["近"]);
    assert_eq!(names(&around(&town, &format!("{HERE}&within_minutes=9")).await), ["今天不开"]);
    assert_eq!(around(&town, &format!("{HERE}&within_minutes=60")).await.len(), 3);
    assert_eq!(around(&town, &format!("{HERE}&zone=badminton")).await.len(), 0);
    let zone = json!({ "kind": "badminton", "name": "羽毛球" });
    let id = found[1]["id"].as_str().unwrap();
    town.office.post(&format!("/venues/{id}/zones"), &zone).await.ok();
    assert_eq!(names(&around(&town, &format!("{HERE}&zone=badminton")).await), ["近"]);
    for (query, said) in [
        ("near=30.7", (422, "bad_position")),
        ("near=91,0", (422, "bad_position")),
        ("near=NaN,0", (422, "bad_position")),
        ("near=30.7,121&within_minutes=0", (422, "out_of_range")),
        ("near=30.7,121&within_minutes=61", (422, "out_of_range")),
        ("near=30.7,121&open=maybe", (400, "bad_parameter")),
        ("near=30.7,121&near=30.7,121", (400, "duplicate_parameter")),
    ] {
        let answer = Answer::to(town.wire.get(&format!("/api/v1/venues?{query}"))).await;
        assert_eq!(answer.said(), said, "{query}");
    }
}

#[tokio::test]
async fn a_resident_sees_who_is_inside_and_whether_they_may_enter() {
    let town = TestTown::with_wechat().await;
    let small = json!({ "rules": { "capacity": 1 } });
    let full = town.venue("满", standing(30.7, &small)).await;
    let school = json!({ "rules": { "prerequisites": ["school_ground"] } });
    town.venue("学校", standing(30.702, &school)).await;
    town.venue("欢迎", standing(30.704, &json!({}))).await;
    let door = town.terminal(&full, "both").await;
    let other = town.member().await;
    assert_eq!(door.asks("in", &other.card).await["decision"], "granted");
    let zhang = Resident::registers(&town, "zhang").await;
    let look = async || {
        let found = zhang.get(&format!("/venues?{HERE}")).await.ok();
        let items = found["items"].as_array().unwrap().clone();
        items.into_iter().map(|venue| venue["near"].clone()).collect::<Vec<_>>()
    };
    let unverified = look().await;
    assert!(unverified.iter().all(|near| near["admits_me"]["reason"] == "member_not_verified"));
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let seen = look().await;
    let told: Vec<_> = seen
        .iter()
        .map(|near| (&near["inside"], &near["admits_me"]["admitted"], &near["admits_me"]["reason"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!(1), &json!(false), &json!("venue_full")),
            (&json!(0), &json!(false), &json!("prerequisite_missing")),
            (&json!(0), &json!(true), &Value::Null),
        ]
    );
    let forged = Resident::with_token(&town, "0123456789");
    assert_eq!(forged.get(&format!("/venues?{HERE}")).await.said(), (401, "session_ended"));
}

#[tokio::test]
async fn how_busy_it_usually_is_comes_from_the_weeks_before() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("馆", standing(30.7, &json!({}))).await;
    let door = town.terminal(&venue, "both").await;
    let people = [town.member().await, town.member().await, town.member().await];
    for (day, count) in [("2026-11-09", 3), ("2026-11-16", 1), ("2026-11-17", 3)] {
        for person in people.iter().take(count) {
            let at = crate::support::at(&format!("{day}T02:30:00Z"));
            door.saw("in", &Shown::card(&person.card.credential), at).await;
        }
    }
    let found = around(&town, HERE).await;
    let usual = &found[0]["near"]["usual_visits"];
    assert_eq!(usual, &json!([{ "hour": 10, "visits": 2.0 }]), "two Mondays, not the Tuesday");
}

#[tokio::test]
async fn a_venue_takes_more_than_faces() {
    let town = TestTown::open().await;
    let body = |ways: Value| {
        json!({
            "community": "330499001001", "name": "馆", "kind": "gym", "opened_on": "2026-01-01",
            "rules": { "ways_in": ways },
        })
    };
    for faces in [json!(["face"]), json!([])] {
        let refused = town.office.post("/venues", &body(faces)).await;
        assert_eq!(refused.said(), (422, "way_in_required"));
        assert_eq!(refused.body["errors"][0]["pointer"], "/rules/ways_in");
    }
    let made = town.office.post("/venues", &body(json!(["face", "card"]))).await.ok();
    let id = made["id"].as_str().unwrap();
    let shown = Answer::to(town.wire.get(&format!("/api/v1/venues/{id}"))).await.ok();
    assert_eq!(shown["ways_in"], json!(["face", "card"]));
    let later = json!({ "valid_from": "2026-11-24", "rules": { "ways_in": ["face"] } });
    let refused = town.office.post(&format!("/venues/{id}/rules"), &later).await;
    assert_eq!(refused.said(), (422, "way_in_required"));
}
