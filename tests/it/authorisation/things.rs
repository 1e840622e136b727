//! Things of one community that staff routes are about, each with a call that its own staff may make.

use serde_json::{Value, json};

use super::{NOBODYS_ID, booked, community, figures, health};
use crate::support::{COMMUNITY, Member, Terminal, TestTown};

/// Things of one community, with a body that their route takes.
pub async fn things(town: &TestTown) -> Vec<(&'static str, String, Value)> {
    let (venue, door) = town.gym().await;
    let member = town.member().await;
    let guardian = town.member().await;
    let (m, v, t) = (&member.id, &venue.id, &door.id);
    let day = "2026-12-01";
    let session = stay(town, &door, &member).await;
    let times = json!({
        "entered_at": "2026-11-23T01:00:00Z", "left_at": "2026-11-23T01:30:00Z",
    });
    let correction = with_reason(&times);
    let rejected = with_reason(&json!({ "action": "reject" }));
    let (request, account) = (request(town, m).await, invited(town).await);
    let hung = json!({ "division": COMMUNITY, "label": "hall" });
    let screen = town.office.post("/screens", &hung).await.ok();
    let screen = screen["id"].as_str().unwrap().to_owned();
    let mut things = figures::things(v, day);
    things.extend(told(town).await);
    things.push(("GET", format!("/rules/trials/{}", tried(town, v).await), Value::Null));
    things.extend(booked::things(town, v, m, &guardian.id).await);
    things.extend(community::things(town, v).await);
    things.extend(health::things(town, v, m).await);
    things.extend([
        ("GET", format!("/members/{m}"), Value::Null),
        (
            "PUT",
            format!("/members/{m}/approvals"),
            json!({ "kind": "induction", "valid_from": "2026-11-23T00:00:00Z" }),
        ),
        (
            "POST",
            format!("/members/{m}/consents"),
            json!({ "purpose": "door_face", "granted": false }),
        ),
        (
            "POST",
            format!("/members/{m}/credentials"),
            json!({ "kind": "card", "handle": "c-999", "valid_from": "2026-11-01T00:00:00Z" }),
        ),
        ("POST", format!("/members/{m}/guardian"), json!({ "guardian_id": guardian.id })),
        ("POST", format!("/members/{m}/recovery-code"), Value::Null),
        ("POST", format!("/members/{m}/view-requests"), json!({ "reason": "x" })),
        ("POST", format!("/members/{m}/suspension"), json!({ "reason": "x" })),
        ("POST", format!("/members/{m}/verification"), Value::Null),
        ("POST", format!("/members/{m}/desk-code"), json!({})),
        ("POST", format!("/members/{m}/unmaskings"), json!({ "what": "phone", "reason": "x" })),
        ("POST", format!("/members/{m}/join/preview"), json!({ "other_id": guardian.id })),
        ("POST", format!("/members/{m}/join"), json!({ "other_id": guardian.id, "reason": "x" })),
        ("GET", format!("/members/{m}/sessions"), Value::Null),
        ("GET", format!("/members/{m}/face"), Value::Null),
        ("GET", format!("/overview?division={COMMUNITY}"), Value::Null),
        ("POST", "/screens".to_owned(), json!({ "division": COMMUNITY, "label": "x" })),
        ("DELETE", format!("/screens/{screen}"), Value::Null),
        ("POST", format!("/sessions/{session}/corrections/preview"), times.clone()),
        ("POST", format!("/sessions/{session}/corrections"), correction),
        ("POST", format!("/requests/{request}/decision"), json!({ "approve": true })),
        ("POST", format!("/work-items/gap/{t}/preview"), rejected.clone()),
        ("POST", format!("/work-items/gap/{t}/answer"), rejected),
        ("PATCH", format!("/accounts/{account}"), json!({ "enabled": false })),
        ("POST", format!("/accounts/{account}/enrolment"), Value::Null),
        ("GET", format!("/venues/{v}/ways-in"), Value::Null),
    ]);
    things.extend(at_terminal(t, v, day));
    things
}

fn at_terminal(t: &str, v: &str, day: &str) -> Vec<(&'static str, String, Value)> {
    vec![
        ("GET", format!("/terminals/{t}/commands"), Value::Null),
        ("GET", format!("/terminals/{t}/notices"), Value::Null),
        ("GET", format!("/terminals/{t}/roster"), Value::Null),
        ("POST", format!("/terminals/{t}/keys"), Value::Null),
        (
            "POST",
            format!("/terminals/{t}/place"),
            json!({ "venue_id": v, "direction": "in", "valid_from": day }),
        ),
        ("POST", format!("/terminals/{t}/path-token"), Value::Null),
        ("PUT", format!("/terminals/{t}/names"), json!({ "names": "utf8" })),
        ("DELETE", format!("/terminals/{t}/keys/{NOBODYS_ID}"), Value::Null),
        ("DELETE", format!("/terminals/{t}"), Value::Null),
    ]
}

fn with_reason(body: &Value) -> Value {
    let mut body = body.clone();
    body["reason"] = json!("x");
    body
}

/// An address of the community that is told what happens, and rows that leave it.
async fn told(town: &TestTown) -> Vec<(&'static str, String, Value)> {
    let hook = json!({
        "division": COMMUNITY, "url": "https://hooks.example.cn/", "kinds": ["day.final"],
        "reason": "x",
    });
    let made = town.office.post("/webhooks", &hook).await.ok();
    let id = made["id"].as_str().unwrap();
    vec![
        ("POST", "/webhooks".to_owned(), hook),
        ("GET", format!("/webhooks/{id}/deliveries"), Value::Null),
        ("POST", format!("/webhooks/{id}/pings"), Value::Null),
        ("POST", format!("/webhooks/{id}/redeliveries"), json!({ "event_id": NOBODYS_ID })),
        ("POST", format!("/webhooks/{id}/resumption"), Value::Null),
        ("POST", format!("/webhooks/{id}/secret"), Value::Null),
        ("DELETE", format!("/webhooks/{id}"), Value::Null),
        ("POST", "/member-exports".to_owned(), json!({ "division": COMMUNITY, "reason": "x" })),
    ]
}

/// Other rules that are tried at a venue, by the trial's id.
async fn tried(town: &TestTown, venue: &str) -> String {
    let rules = json!({ "usual_stay_min": 50 });
    let day = "2026-11-22";
    let ask = json!({ "venue_id": venue, "from": day, "to": day, "rules": rules });
    let trial = town.office.post("/rules/trials", &ask).await.ok();
    trial["id"].as_str().unwrap().to_owned()
}

/// Something that waits for a second person, by its id.
async fn request(town: &TestTown, member: &str) -> String {
    let asked = json!({ "what": "document", "reason": "x" });
    let asked = town.office.post(&format!("/members/{member}/unmaskings"), &asked).await.ok();
    asked["id"].as_str().unwrap().to_owned()
}

/// An account without a password, by its id.
async fn invited(town: &TestTown) -> String {
    let invited = json!({ "name": "new", "role": "instructor", "division": COMMUNITY });
    let account = town.office.post("/accounts", &invited).await.ok();
    account["id"].as_str().unwrap().to_owned()
}

/// A stay of an hour at this door, by its id.
async fn stay(town: &TestTown, door: &Terminal, member: &Member) -> String {
    let at = |text: &str| text.parse().unwrap();
    let records = [
        door.record("in", &member.card, at("2026-11-23T01:00:00Z")),
        door.record("out", &member.card, at("2026-11-23T01:50:00Z")),
    ];
    door.tells(&records).await;
    let stays = town.office.get(&format!("/members/{}/sessions", member.id)).await.ok();
    stays["items"][0]["id"].as_str().unwrap().to_owned()
}
