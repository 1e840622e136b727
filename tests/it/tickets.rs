//! What residents report of a venue: done step by step, told of up the divisions where it is late,
//! and a door that stays shut while somebody may come to harm.

use serde_json::{Value, json};

use crate::support::{COMMUNITY, Office, Resident, Shown, Terminal, TestTown, eventually};

async fn step(office: &Office, id: &str, body: &Value) -> (u16, String) {
    let answer = office.post(&format!("/tickets/{id}/steps"), body).await;
    let said = answer.body["state"].as_str().or(answer.body["code"].as_str());
    (answer.status, said.unwrap_or_default().to_owned())
}

async fn reports(one: &Resident, venue: &str, body: &Value) -> String {
    let taken = one.post(&format!("/venues/{venue}/reports"), body).await.ok();
    assert_eq!(taken["state"], "reported");
    taken["id"].as_str().unwrap().to_owned()
}

fn texts<'a>(items: &'a Value, field: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_report_is_done_when_whoever_made_it_says_so() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let (zhang, li) =
        (Resident::registers(&town, "zhang").await, Resident::registers(&town, "li").await);
    let clerk = town.hire("venue", COMMUNITY).await;
    let stranger = town.hire("community", "330499001002").await;
    let body = json!({ "kind": "equipment", "text": "跑步机坏了" });
    let id = reports(&zhang, &gym.id, &body).await;
    assert_eq!(town.wechat().judged().len(), 1);
    // The list names nobody; the ticket itself does, and the reader is on record.
    let listed = clerk.get("/tickets").await.ok();
    assert_eq!(listed["items"][0]["id"], *id);
    assert!(listed["items"][0].get("text").is_none());
    let work = clerk.get("/work?kind=ticket").await.ok();
    assert_eq!(work["items"][0]["detail"], "equipment reported");
    let shown = clerk.get(&format!("/tickets/{id}")).await.ok();
    assert_eq!(
        (&shown["text"], &shown["member_id"]),
        (&json!("跑步机坏了"), &json!(zhang.id().await))
    );
    assert_eq!(zhang.get("/me/views").await.ok()["items"].as_array().unwrap().len(), 1);
    let clear = "SELECT COUNT(*) AS n FROM tickets WHERE text_ct LIKE '%跑步%'";
    assert_eq!(town.store.count(clear).await, 0);
    assert_eq!(stranger.get("/tickets").await.ok()["items"], json!([]));
    assert_eq!(stranger.get(&format!("/tickets/{id}")).await.said(), (404, "not_found"));
    // Nothing is fixed that nobody had to do.
    let not_yet = (409, "ticket_step".to_owned());
    assert_eq!(step(&clerk, &id, &json!({ "act": "fix" })).await, not_yet);
    let says = format!("/me/reports/{id}/confirmation");
    assert_eq!(zhang.post(&says, &json!({ "fixed": true })).await.said(), (409, "ticket_step"));
    let done = async |body: Value| step(&clerk, &id, &body).await.1;
    assert_eq!(done(json!({ "act": "triage", "note": "已查看" })).await, "triaged");
    assert_eq!(step(&clerk, &id, &json!({ "act": "assign" })).await.0, 422, "to whom?");
    assert_eq!(done(json!({ "act": "assign", "assignee": "维修队" })).await, "assigned");
    assert_eq!(done(json!({ "act": "fix" })).await, "fixed");
    assert_eq!(step(&clerk, &id, &json!({ "act": "confirm" })).await, not_yet);
    assert_eq!(li.post(&says, &json!({ "fixed": true })).await.said(), (404, "not_found"));
    assert_eq!(zhang.post(&says, &json!({ "fixed": false })).await.ok()["state"], "assigned");
    assert_eq!(done(json!({ "act": "progress", "note": "等配件" })).await, "assigned");
    assert_eq!(done(json!({ "act": "fix" })).await, "fixed");
    assert_eq!(zhang.post(&says, &json!({ "fixed": true })).await.ok()["state"], "confirmed");
    let own = zhang.get("/me/reports").await.ok();
    let acts = texts(&own["items"][0]["steps"], "act");
    let all = ["report", "triage", "assign", "fix", "reopen", "progress", "fix", "confirm"];
    assert_eq!(acts, all);
    assert!(!own.to_string().contains("staff:"), "{own}");
    assert_eq!(clerk.get("/tickets").await.ok()["items"], json!([]));
    let ended = clerk.get("/tickets?state=confirmed").await.ok();
    assert_eq!(ended["items"][0]["id"], shown["id"], "what is over is listed by how it ended");
    assert_eq!(clerk.get("/tickets?state=dismissed").await.ok()["items"], json!([]));
    let held = words_are_judged_before_anybody_reads_them(&town, &gym.id, &clerk, &li).await;
    // A person leaves; what they reported stays to be done.
    li.delete("/me").await;
    let left = clerk.get(&held).await.ok();
    assert_eq!((&left["text"], &left["member_id"]), (&json!(""), &Value::Null));
    nobody_reports_without_end(&town, &gym.id).await;
}

/// What cannot be judged is held, what is bad is refused. Gives the path of what was held.
async fn words_are_judged_before_anybody_reads_them(
    town: &TestTown,
    gym: &str,
    clerk: &Office,
    li: &Resident,
) -> String {
    town.wechat().judges_texts(Some("risky"));
    let bad = json!({ "kind": "equipment", "text": "跑步机坏了" });
    let bad = li.post(&format!("/venues/{gym}/reports"), &bad).await;
    assert_eq!(bad.said(), (422, "text_not_allowed"));
    town.wechat().judges_texts(None);
    let held = reports(li, gym, &json!({ "kind": "hygiene", "text": "更衣室很脏" })).await;
    let held = format!("/tickets/{held}");
    assert_eq!(clerk.get(&held).await.ok()["text"], "");
    town.wechat().judges_texts(Some("pass"));
    town.is_now("2026-11-23T02:06:00Z");
    let shown =
        async || Some(clerk.get(&held).await.ok()).filter(|one| one["text"] == "更衣室很脏");
    eventually("words that were judged", shown).await;
    held
}

async fn nobody_reports_without_end(town: &TestTown, gym: &str) {
    let wang = Resident::registers(town, "wang").await;
    let body = json!({ "kind": "equipment", "text": "跑步机坏了" });
    for _ in 0..10 {
        reports(&wang, gym, &body).await;
    }
    let more = wang.post(&format!("/venues/{gym}/reports"), &body).await;
    assert_eq!(more.said(), (409, "too_many_reports"));
    assert_eq!(wang.get("/me/points").await.said(), (404, "not_found"), "points are off");
}

async fn answer(door: &Terminal, who: &Shown) -> Value {
    let said = door.asks("in", who).await;
    json!([said["decision"] == "granted", said["reason"]])
}

#[tokio::test]
async fn a_door_stays_shut_while_somebody_may_come_to_harm() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let zone = json!({ "kind": "strength", "name": "力量区" });
    let zone = town.office.post(&format!("/venues/{}/zones", gym.id), &zone).await.ok();
    let body = json!({
        "serial": "Z-1", "venue_id": gym.id, "zone_id": zone["id"], "direction": "both",
        "valid_from": "2026-01-01",
    });
    let made = town.office.post("/terminals", &body).await.ok();
    let inner = Terminal::new(&town.wire, &town.clock, "Z-1".to_owned(), &made);
    let people = [town.member().await, town.member().await, town.member().await];
    let zhang = Resident::registers(&town, "zhang").await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let body = json!({ "kind": "equipment", "zone_id": zone["id"], "text": "杠铃架松动" });
    let id = reports(&zhang, &gym.id, &body).await;
    let closes = |what: &str| json!({ "act": "triage", "kind": "safety", "closes": what });
    let only = json!({ "act": "triage", "closes": "zone" });
    assert_eq!(step(&clerk, &id, &only).await.0, 422, "only what may harm somebody");
    assert_eq!(step(&clerk, &id, &closes("zone")).await.1, "triaged");
    let (no, yes) = (json!([false, "venue_closed"]), json!([true, null]));
    assert_eq!(answer(&inner, &people[0].card).await, no);
    assert_eq!(answer(&door, &people[0].card).await, yes);
    let seen = async || {
        let path = format!("/api/v1/venues/{}", gym.id);
        let venue = crate::support::Answer::to(town.wire.get(&path)).await.ok();
        json!([venue["open"]["now"], venue["zones"][0]["closed"]])
    };
    assert_eq!(seen().await, json!([true, true]));
    assert_eq!(step(&clerk, &id, &closes("venue")).await.1, "triaged");
    assert_eq!(answer(&door, &people[1].card).await, no);
    assert_eq!(seen().await, json!([false, true]));
    // Whoever is inside leaves as ever.
    assert_eq!(door.asks("out", &people[0].card).await["reason"], Value::Null);
    let assigned = json!({ "act": "assign", "assignee": "安全员" });
    assert_eq!(step(&clerk, &id, &assigned).await.1, "assigned");
    assert_eq!(step(&clerk, &id, &json!({ "act": "fix" })).await.1, "fixed");
    assert_eq!(answer(&door, &people[1].card).await, yes);
    assert_eq!(answer(&inner, &people[2].card).await, yes);
    assert_eq!(seen().await, json!([true, false]));
    town.adds_up().await;
}

#[tokio::test]
async fn what_is_late_goes_up_the_divisions_and_silence_confirms() {
    let town = TestTown::with_wechat().await;
    let (gym, _) = town.gym().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let body = json!({ "kind": "equipment", "text": "灯坏了" });
    let id = reports(&zhang, &gym.id, &body).await;
    let [community, street, county] = [
        town.hire("community", COMMUNITY).await,
        town.hire("community", "330499001").await,
        town.hire("district", "330499").await,
    ];
    let told = async |office: &Office| office.get("/ticket-notices").await.ok()["items"].clone();
    // A day to look at it: late after one, and later after two.
    town.is_now("2026-11-25T02:00:00Z");
    let notices = eventually("three notices", async || {
        Some(told(&county).await).filter(|all| all.as_array().unwrap().len() == 3)
    })
    .await;
    assert_eq!(texts(&notices, "title"), ["预警单", "督办单", "督办单"]);
    assert_eq!(texts(&notices, "division"), [COMMUNITY, "330499001", "330499"]);
    assert_eq!(told(&street).await.as_array().unwrap().len(), 2, "not the county's");
    let own = told(&community).await;
    assert_eq!(texts(&own, "title"), ["预警单"]);
    let seen = format!("/ticket-notices/{}/seen", notices[2]["id"].as_str().unwrap());
    assert_eq!(community.post(&seen, &json!({})).await.status, 404);
    county.post(&seen, &json!({})).await.ok();
    assert_eq!(told(&county).await.as_array().unwrap().len(), 2);
    // Whoever was told of it hears that it goes on.
    assert_eq!(step(&community, &id, &json!({ "act": "triage" })).await.1, "triaged");
    let progress: Vec<Value> = told(&county).await.as_array().unwrap()[2..].to_vec();
    let progress = json!(progress);
    assert_eq!(texts(&progress, "title"), ["进度单"; 3]);
    assert_eq!(texts(&progress, "state"), ["triaged"; 3]);
    let assigned = json!({ "act": "assign", "assignee": "电工" });
    assert_eq!(step(&community, &id, &assigned).await.1, "assigned");
    assert_eq!(step(&community, &id, &json!({ "act": "fix" })).await.1, "fixed");
    town.is_now("2026-12-02T02:00:00Z");
    eventually("a week's silence", async || {
        let own = zhang.get("/me/reports").await;
        // A session may have ended meanwhile; it has not: they last a month.
        Some(own.ok()).filter(|own| own["items"][0]["state"] == "confirmed")
    })
    .await;
}
