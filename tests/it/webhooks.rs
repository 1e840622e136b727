//! Addresses that are told what happens: approved by a second person, signed, tried again, given
//! up, and never inside our own network.

use serde_json::{Value, json};

use crate::support::{COMMUNITY, Office, Receiver, TestTown, eventually};

/// Subscribes an address and has it approved; its id and secret.
async fn subscribed(
    asks: &Office,
    approves: &Office,
    url: &str,
    kinds: &[&str],
) -> (String, String) {
    let body = json!({ "url": url, "kinds": kinds, "reason": "局平台对接" });
    let made = asks.post("/webhooks", &body).await.ok();
    let decide = format!("/requests/{}/decision", made["request_id"].as_str().unwrap());
    approves.post(&decide, &json!({ "approve": true })).await.ok();
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// The newest message to a subscription, once it stands so.
async fn stands(office: &Office, hook: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/webhooks/{hook}/deliveries?limit=1");
    let look = async || {
        let newest = office.get(&path).await.ok()["items"][0].clone();
        is(&newest).then_some(newest)
    };
    eventually(what, look).await
}

async fn status(office: &Office, hook: &str) -> Value {
    let all = office.get("/webhooks").await.ok();
    let hooks = all["items"].as_array().unwrap();
    hooks.iter().find(|one| one["id"] == hook).unwrap().clone()
}

/// Four eyes of the city, and both factors of who asks; the subscription's id and secret.
async fn approved(
    town: &TestTown,
    city: &Office,
    other: &Office,
    url: &str,
    kinds: &[&str],
) -> (String, String) {
    let body = json!({ "url": url, "kinds": kinds, "reason": "局平台对接" });
    let made = city.post("/webhooks", &body).await.ok();
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    let ping = format!("/webhooks/{}/pings", text("id"));
    assert_eq!(city.post(&ping, &json!({})).await.said(), (409, "conflict"), "not approved");
    let decide = format!("/requests/{}/decision", text("request_id"));
    let approve = json!({ "approve": true });
    assert_eq!(city.post(&decide, &approve).await.said(), (403, "own_request"));
    let head = town.hire("district", "3304").await;
    assert_eq!(head.post(&decide, &approve).await.said(), (403, "forbidden"), "not the city's");
    let waiting = other.get("/requests").await.ok();
    assert_eq!(waiting["items"][0]["details"]["url"], json!(url), "{waiting}");
    other.post(&decide, &approve).await.ok();
    (text("id"), text("secret"))
}

#[tokio::test]
async fn what_happens_is_told_signed_and_again_until_it_is_taken() {
    let town = TestTown::calling_anywhere().await;
    let receiver = Receiver::open().await;
    let (venue, _) = town.gym().await;
    let (city, other) = (town.hire("city", "3304").await, town.hire("city", "33").await);
    let kinds = ["evacuation.begun", "evacuation.ended", "day.final"];

    let (hook, secret) = approved(&town, &city, &other, &receiver.address(), &kinds).await;
    let ping = format!("/webhooks/{hook}/pings");

    // Events of its kinds and its division, each once, without a person.
    let evacuate = format!("/venues/{}/evacuations", venue.id);
    let begun = town.office.post(&evacuate, &json!({ "reason": "演练" })).await.ok();
    let message = eventually("a message", async || receiver.told().first().cloned()).await;
    assert!(message.is_by(&secret), "{message:?}");
    assert_eq!(message.timestamp, town.now().timestamp().to_string());
    assert_eq!(
        message.body,
        json!({
            "type": "evacuation.begun",
            "timestamp": "2026-11-23T02:00:00Z",
            "data": { "venue_id": venue.id },
        })
    );
    let first = stands(&city, &hook, "delivered", |d| d["state"] == "delivered").await;
    assert_eq!((&first["event_id"], &first["outcome"]), (&json!(message.id), &json!("204")));

    // It fails, and comes again with the same id, after longer and longer.
    receiver.answers(500);
    let ended = format!("/evacuations/{}/end", begun["id"].as_str().unwrap());
    town.office.post(&ended, &json!({})).await.ok();
    stands(&city, &hook, "a failure", |d| d["outcome"] == "500").await;
    assert_eq!(status(&city, &hook).await["failing_since"], "2026-11-23T02:00:00Z");
    receiver.answers(302);
    town.is_now("2026-11-23T02:00:06Z");
    let failed = stands(&city, &hook, "another", |d| d["outcome"] == "302").await;
    assert_eq!(failed["attempts"], 2, "nobody is followed elsewhere: {failed}");
    assert_eq!(failed["due_at"], "2026-11-23T02:05:06Z");

    // Two secrets for a day.
    let newer = city.post(&format!("/webhooks/{hook}/secret"), &json!({})).await.ok();
    let newer = newer["secret"].as_str().unwrap();
    receiver.answers(200);
    town.is_now("2026-11-23T02:05:10Z");
    stands(&city, &hook, "delivered", |d| d["state"] == "delivered").await;
    let tries = receiver.told_of("evacuation.ended");
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|one| one.id == tries[0].id && one.is_by(&secret)));
    assert!(tries[2].is_by(newer) && !tries[1].is_by(newer));
    assert!(status(&city, &hook).await["failing_since"].is_null());
    town.is_now("2026-11-24T02:06:00Z");
    city.post(&ping, &json!({})).await.ok();
    let last = eventually("a ping", async || receiver.told_of("ping").pop()).await;
    assert!(last.is_by(newer) && !last.is_by(&secret), "the old secret's day is over");

    // Nothing more is told after its end.
    assert_eq!(city.delete(&format!("/webhooks/{hook}")).await.status, 204);
    assert_eq!(city.post(&ping, &json!({})).await.said(), (404, "not_found"));
    town.office.post(&evacuate, &json!({ "reason": "演练" })).await.ok();
    let begun = "SELECT COUNT(*) AS n FROM webhook_deliveries WHERE kind = 'evacuation.begun'";
    assert_eq!(town.store.count(begun).await, 1);
    town.store.fitgate(&["ledger", "verify"]).await;
}

#[tokio::test]
async fn who_takes_nothing_for_days_is_told_no_more_until_somebody_says_so() {
    let town = TestTown::calling_anywhere().await;
    let (dead, well) = (Receiver::open().await, Receiver::open().await);
    let (city, other) = (town.hire("city", "3304").await, town.hire("city", "33").await);
    let kinds = ["terminal.lost"];
    let (hook, _) = subscribed(&city, &other, &dead.address(), &kinds).await;
    let (alive, _) = subscribed(&city, &other, &well.address(), &kinds).await;
    dead.answers(503);
    for id in [&hook, &alive] {
        city.post(&format!("/webhooks/{id}/pings"), &json!({})).await.ok();
    }
    stands(&city, &hook, "a failure", |d| d["outcome"] == "503").await;
    stands(&city, &alive, "its own way", |d| d["state"] == "delivered").await;
    // The tenth attempt is the last.
    town.store.sql("UPDATE webhook_deliveries SET attempts = 9 WHERE state = 'pending'").await;
    town.is_now("2026-11-23T02:00:06Z");
    let last = stands(&city, &hook, "the end", |d| d["state"] == "given_up").await;
    assert_eq!((&last["attempts"], &last["outcome"]), (&json!(10), &json!("503")));
    sends_again_what_was_given_up(&city, &dead, &hook, &last).await;
    // Five days after the first failure nobody tries any more.
    town.is_now("2026-11-28T02:00:07Z");
    city.post(&format!("/webhooks/{hook}/pings"), &json!({})).await.ok();
    let disabled = async || (status(&city, &hook).await["status"] == "disabled").then_some(());
    eventually("disabled", disabled).await;
    let resume = format!("/webhooks/{hook}/resumption");
    assert_eq!(
        town.office.get("/audit?act=webhook_disabled").await.ok()["items"][0]["actor"],
        "job:webhooks"
    );
    assert_eq!(city.post(&resume, &json!({})).await.ok()["status"], "active");
    assert_eq!(city.post(&resume, &json!({})).await.said(), (409, "conflict"));
    dead.answers(410);
    city.post(&format!("/webhooks/{hook}/pings"), &json!({})).await.ok();
    eventually("disabled at once", disabled).await;
    assert_eq!(status(&city, &alive).await["status"], "active");
}

/// The receiver is well again: staff have one message told once more, under its own id, and again
/// when it was taken; then the receiver fails as before.
async fn sends_again_what_was_given_up(city: &Office, dead: &Receiver, hook: &str, last: &Value) {
    dead.answers(204);
    let path = format!("/webhooks/{hook}/redeliveries");
    let which = json!({ "event_id": last["event_id"] });
    for taken in 1..=2 {
        let again = city.post(&path, &which).await.ok();
        assert_eq!((&again["state"], &again["attempts"]), (&json!("pending"), &json!(0)));
        let told = stands(city, hook, "taken", |d| d["state"] == "delivered").await;
        assert_eq!((&told["event_id"], &told["attempts"]), (&last["event_id"], &json!(1)));
        let came = dead.told().iter().filter(|one| last["event_id"] == json!(one.id)).count();
        assert_eq!(came, 2 + taken, "the first attempt and the tenth came before");
    }
    let nobodys = json!({ "event_id": "018f0000-0000-7000-8000-000000000001" });
    assert_eq!(city.post(&path, &nobodys).await.said(), (404, "not_found"));
    let noted = city.get("/audit?act=webhook_message_sent_again").await.ok();
    assert_eq!(noted["items"].as_array().unwrap().len(), 2);
    assert_eq!(noted["items"][0]["object"], format!("webhook:{hook}"));
    dead.answers(503);
    city.post(&format!("/webhooks/{hook}/pings"), &json!({})).await.ok();
    stands(city, hook, "a failure", |d| d["outcome"] == "503").await;
}

#[tokio::test]
async fn nobody_is_called_inside_our_own_network() {
    let town = TestTown::open().await;
    let receiver = Receiver::open().await;
    let (city, other) = (town.hire("city", "3304").await, town.hire("city", "33").await);
    let body = |url: &str| json!({ "url": url, "kinds": ["day.final"], "reason": "x" });
    for url in [
        receiver.address().as_str(),
        "http://169.254.169.254/latest",
        "https://169.254.169.254/latest",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1/",
        "https://localhost/",
        "https://hooks.example.cn:8443/",
    ] {
        let refused = city.post("/webhooks", &body(url)).await;
        assert_eq!(refused.status, 422, "{url}");
        assert!(refused.text.contains("url_forbidden"), "{url}: {}", refused.text);
    }
    // A name that leads inside, whatever it led to when it was subscribed.
    let (hook, _) =
        subscribed(&city, &other, "https://localhost.localdomain/", &["day.final"]).await;
    town.store.sql("UPDATE webhooks SET url = 'https://localhost/'").await;
    city.post(&format!("/webhooks/{hook}/pings"), &json!({})).await.ok();
    let failed = stands(&city, &hook, "a refusal", |d| !d["outcome"].is_null()).await;
    assert_eq!(failed["outcome"], "forbidden_address", "{failed}");
    assert_eq!(receiver.told().len(), 0);

    // Only the city's staff, with both factors just given.
    for role in ["venue", "community", "district", "bureau"] {
        let clerk = town.hire(role, if role == "bureau" { "3304" } else { COMMUNITY }).await;
        assert_eq!(clerk.get("/webhooks").await.said(), (403, "forbidden"), "{role}");
        let refused = clerk.post("/webhooks", &body("https://hooks.example.cn/")).await;
        assert_eq!(refused.said(), (403, "forbidden"), "{role}");
    }
    city.token().await;
    town.is_now("2026-11-23T02:11:00Z");
    let stale = city.post("/webhooks", &body("https://hooks.example.cn/")).await;
    assert_eq!(stale.said(), (401, "confirmation_required"));
}
