//! People's safety at venues: who is inside, doors that open at once, counted heads; and rules
//! that are tried on a past day before they are adopted.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{COMMUNITY, Office, Terminal, TestTown, at, eventually};

#[tokio::test]
async fn the_desk_sees_who_is_inside_how_sure_that_is_and_who_should_be_looked_after() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let desk = town.hire("venue", COMMUNITY).await;
    let (early, late) = (town.member().await, town.member().await);
    door.saw("in", &early.face, at("2026-11-22T23:30:00Z")).await;
    let roll_call = async || desk.get(&format!("/venues/{}/roll-call", gym.id)).await.ok();
    let alone = desk.get("/watch").await.ok();
    assert_eq!(alone["items"][0]["concerns"], json!(["alone", "long_stay"]), "{alone}");
    assert_eq!(alone["items"][0]["minutes_inside"], 150);
    door.asks("in", &late.face).await;
    let seen = roll_call().await;
    assert_eq!((&seen["source"], &seen["presumed"]), (&json!("database"), &json!(2)));
    let sure: Vec<&Value> =
        seen["people"].as_array().unwrap().iter().map(|person| &person["sure"]).collect();
    assert_eq!(sure, [&json!("doubtful"), &json!("seen")]);
    let watched = desk.get("/watch").await.ok();
    assert_eq!(watched["items"].as_array().unwrap().len(), 1);
    assert_eq!(watched["items"][0]["concerns"], json!(["long_stay"]));
    // Somebody looks: one has left unseen.
    let heads = format!("/venues/{}/head-counts", gym.id);
    let counted = desk.post(&heads, &json!({ "counted": 1 })).await.ok();
    assert_eq!((&counted["presumed"], &counted["drift"]), (&json!(2), &json!(1)));
    town.is_now("2026-11-23T02:10:00Z");
    door.asks("in", &town.member().await.face).await;
    let seen = roll_call().await;
    assert_eq!((&seen["presumed"], &seen["head_count"]["inside"]), (&json!(2), &json!(2)));
    let counts = desk.get(&heads).await.ok();
    assert_eq!(
        (&counts["items"][0]["drift"], &counts["items"][0]["ended"]),
        (&json!(1), &json!(1))
    );
    let bureau = town.hire("bureau", "330499").await;
    let refused = bureau.get(&format!("/venues/{}/roll-call", gym.id)).await;
    assert_eq!(refused.said(), (403, "forbidden"));
    town.adds_up().await;
}

#[tokio::test]
async fn a_venue_that_is_full_on_paper_admits_people_again_once_heads_were_counted() {
    let town = TestTown::open().await;
    let gym = town.venue("健身房", json!({ "rules": { "capacity": 3 } })).await;
    let door = town.terminal(&gym, "both").await;
    let desk = town.hire("venue", COMMUNITY).await;
    let screen = town.screen("330499").await;
    let mut inside = Vec::new();
    for hour in ["2026-11-22T23:40:00Z", "2026-11-23T01:30:00Z", "2026-11-23T01:50:00Z"] {
        let member = town.member().await;
        door.saw("in", &member.face, at(hour)).await;
        inside.push(member);
    }
    let late = town.member().await;
    let refused = door.asks("in", &late.face).await;
    assert_eq!(refused["reason"], "venue_full", "{refused}");
    // One is there of three. Whose time was up has left; so has whoever has been in for longer.
    let heads = format!("/venues/{}/head-counts", gym.id);
    let counted = desk.post(&heads, &json!({ "counted": 1 })).await.ok();
    assert_eq!(
        (&counted["presumed"], &counted["drift"], &counted["ended"]),
        (&json!(3), &json!(2), &json!(2))
    );
    screen.shows("one inside", |shown| shown["inside"] == 1).await;
    let stays = async |member: &str| {
        let all = town.office.get(&format!("/members/{member}/sessions")).await.ok();
        let one = &all["items"][0];
        (one["minutes"].as_i64(), one["provenance"].as_str().map(str::to_owned))
    };
    let estimated = |minutes| (Some(minutes), Some("estimated".to_owned()));
    // An hour is usual; nobody is credited for longer than they can have been there.
    assert_eq!(stays(&inside[0].id).await, estimated(60));
    assert_eq!(stays(&inside[1].id).await, estimated(30));
    assert_eq!(stays(&inside[2].id).await, (Some(0), None));
    let admitted = door.asks("in", &late.face).await;
    assert_eq!(admitted["decision"], "granted", "{admitted}");
    // The second was there all the same: the door saw them leave, and that counts.
    town.is_now("2026-11-23T02:20:00Z");
    door.asks("out", &inside[1].face).await;
    assert_eq!(stays(&inside[1].id).await, (Some(50), Some("measured".to_owned())));
    let said = desk.post(&heads, &json!({ "counted": 4 })).await.ok();
    assert_eq!((&said["drift"], &said["ended"]), (&json!(-2), &json!(0)));
    town.adds_up().await;
}

#[tokio::test]
async fn the_copy_tells_who_is_inside_without_a_database() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    door.asks("in", &town.member().await.face).await;
    let copy = town.store.roll_call();
    let told = eventually("a copy with somebody inside", async || {
        let mut words = town.store.command(&["roll-call", "--venue", &gym.id]);
        // Nothing answers there.
        words.arg("--copy").arg(&copy).env("FITGATE_DATABASE_URL", "postgres://nobody:1/none");
        let said = words.output().await.unwrap();
        let told: Value = serde_json::from_slice(&said.stdout).ok()?;
        Some(told).filter(|told| told["people"].as_array().is_some_and(|all| all.len() == 1))
    })
    .await;
    assert!(told["people"][0]["name"].as_str().unwrap().ends_with('*'), "{told}");
    assert_eq!(told["as_of"], "2026-11-23T02:00:00Z");
    assert!(!std::fs::read_to_string(copy).unwrap().contains("people"));
}

/// What a native terminal is to do.
async fn orders(door: &Terminal) -> Vec<String> {
    let path = "/api/v1/terminal/commands";
    let answer = door.sends(&door.envelope(), Method::GET, path, "").await.ok();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_evacuation_opens_every_door_until_it_is_ended() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let second = town.terminal(&gym, "out").await;
    let (_, other) = town.gym().await;
    town.claim(&gym, "dahua", "D-1", "in").await;
    door.asks("in", &town.member().await.face).await;
    let desk = town.hire("venue", COMMUNITY).await;
    let path = format!("/venues/{}/evacuations", gym.id);
    let begun = desk.post(&path, &json!({ "reason": "烟雾" })).await.ok();
    assert_eq!(begun["presumed"], 1);
    let by_hand: Vec<&Value> = begun["doors"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|door| door["ordered"] == false)
        .map(|door| &door["serial"])
        .collect();
    assert_eq!(by_hand, [&json!("D-1")]);
    assert_eq!(
        (orders(&door).await, orders(&second).await.len()),
        (vec!["open_door".to_owned()], 1)
    );
    assert_eq!(orders(&other).await.len(), 0);
    let again = desk.post(&path, &json!({ "reason": "烟雾" })).await;
    assert_eq!(again.said(), (409, "evacuation_going"));
    town.is_now("2026-11-23T02:00:40Z");
    eventually("doors told once more", async || {
        Some(orders(&door).await).filter(|orders| orders.len() == 1)
    })
    .await;
    let going = desk.get("/evacuations").await.ok();
    assert_eq!(going["items"][0]["id"], begun["id"]);
    let end = format!("/evacuations/{}/end", begun["id"].as_str().unwrap());
    let stranger = town.hire("venue", "330499001002").await;
    assert_eq!(stranger.post(&end, &Value::Null).await.said(), (404, "not_found"));
    desk.post(&end, &Value::Null).await.ok();
    assert_eq!(desk.get("/evacuations").await.ok()["items"], json!([]));
    let acts = "SELECT COUNT(*) AS n FROM audit WHERE chain = 'safety'";
    assert_eq!(town.store.count(acts).await, 2);
}

#[tokio::test]
async fn rules_are_tried_on_a_past_day_and_adopted_from_a_future_one() {
    let town = TestTown::open().await;
    let gym = town.venue("健身房", json!({ "rules": { "capacity": 40 } })).await;
    let door = town.terminal(&gym, "both").await;
    let (anna, ben) = (town.member().await, town.member().await);
    door.saw("in", &anna.face, at("2026-11-23T00:00:00Z")).await;
    door.saw("out", &anna.face, at("2026-11-23T01:10:00Z")).await;
    door.saw("in", &ben.face, at("2026-11-23T00:05:00Z")).await;
    town.is_now("2026-11-23T12:00:00Z");
    let manager = town.hire("community", COMMUNITY).await;
    let what_if = async |rules: Value| {
        let body = json!({
            "venue_id": gym.id, "from": "2026-11-23", "to": "2026-11-23", "rules": rules,
        });
        manager.post("/rules/what-if", &body).await
    };
    let shorter = what_if(json!({ "usual_stay_min": 30 })).await.ok();
    let minutes = |sums: &Value| {
        (sums["minutes"]["measured"].as_i64(), sums["minutes"]["estimated"].as_i64())
    };
    assert_eq!(minutes(&shorter["before"]), (Some(70), Some(60)));
    assert_eq!(minutes(&shorter["after"]), (Some(70), Some(30)));
    assert_eq!((&shorter["sessions_changed"], &shorter["not_replayed"]), (&json!(1), &json!(0)));
    // An exit after the longest stay is none: Anna's is estimated too.
    let strict = what_if(json!({ "longest_stay_min": 60, "usual_stay_min": 45 })).await.ok();
    assert_eq!(minutes(&strict["after"]), (Some(0), Some(90)));
    assert_eq!(strict["days"][0]["day"], "2026-11-23");
    tries_a_year_in_the_background(&town, &manager, &strict).await;
    assert_eq!(what_if(json!({})).await.status, 422);
    assert_eq!(what_if(json!({ "usual_stay_min": 300 })).await.status, 422);
    let adopt = async |day: &str| {
        let rules = json!({ "usual_stay_min": 30 });
        let body = json!({ "division": COMMUNITY, "valid_from": day, "rules": rules });
        manager.post("/rules/adoptions", &body).await
    };
    assert_eq!(adopt("2026-11-23").await.body["errors"][0]["code"], "not_in_future");
    let adopted = adopt("2026-11-25").await.ok();
    assert_eq!(adopted["items"], json!([{ "venue_id": gym.id, "version": 2 }]));
    let kept = "SELECT COUNT(*) AS n FROM venue_rules \
                WHERE version = 2 AND capacity = 40 AND usual_stay_min = 30";
    assert_eq!(town.store.count(kept).await, 1);
    town.adds_up().await;
}

/// A year of all venues is tried by and by, and comes to the same as its one day with visits.
async fn tries_a_year_in_the_background(town: &TestTown, manager: &Office, answered: &Value) {
    let rules = json!({ "longest_stay_min": 60, "usual_stay_min": 45 });
    let year = json!({
        "division": COMMUNITY, "from": "2025-11-24", "to": "2026-11-23", "rules": rules,
    });
    let refused = manager.post("/rules/what-if", &year).await;
    assert_eq!(refused.body["errors"][0]["code"], "range_too_large");
    let begun = manager.post("/rules/trials", &year).await.ok();
    assert_eq!(
        (&begun["state"], &begun["people"], &begun["people_done"], &begun["answer"]),
        (&json!("going"), &json!(2), &json!(0), &Value::Null)
    );
    let path = format!("/rules/trials/{}", begun["id"].as_str().unwrap());
    let done = eventually("an answer", async || {
        let trial = manager.get(&path).await.ok();
        (trial["state"] == "done").then_some(trial)
    })
    .await;
    assert_eq!((&done["people_done"], &done["answer"]), (&json!(2), answered));
    assert_eq!(done["asked"]["rules"]["usual_stay_min"], 45);
    // A list says how far each is, and not what it came to.
    let listed = manager.get("/rules/trials").await.ok();
    let newest = &listed["items"][0];
    assert_eq!(
        (&newest["id"], &newest["state"], &newest["asked"], &newest["answer"]),
        (&begun["id"], &json!("done"), &done["asked"], &Value::Null)
    );
    let elsewhere = town.hire("community", "330499001002").await;
    assert_eq!(elsewhere.get("/rules/trials").await.ok()["items"], json!([]));
    let wrong = json!({ "division": COMMUNITY, "from": "2026-11-23", "to": "2026-11-23",
        "rules": { "usual_stay_min": 300 } });
    assert_eq!(manager.post("/rules/trials", &wrong).await.status, 422);
    // There is an end to how many wait; a question that nobody can read holds none of them up.
    let id = if town.store.is_postgres() { "gen_random_uuid()" } else { "randomblob(16)" };
    let many: Vec<String> = (1..=60).map(|n| format!("({n})")).collect();
    let sql = format!(
        "INSERT INTO rule_trials (id, division, by_actor, ask, state, people, people_done, \
         last_member, folded, difference, asked_at) SELECT {id}, division, by_actor, '{{}}', \
         'going', 0, 0, last_member, 0, difference, asked_at FROM rule_trials, (VALUES {}) AS n",
        many.join(", ")
    );
    town.store.sql(&sql).await;
    assert_eq!(manager.post("/rules/trials", &year).await.said(), (409, "too_many_trials"));
    let failed = "SELECT COUNT(*) AS n FROM rule_trials WHERE state = 'failed'";
    eventually("one is given up", async || (town.store.count(failed).await > 0).then_some(()))
        .await;
    town.store.sql("DELETE FROM rule_trials WHERE state = 'going'").await;
    manager.post("/rules/trials", &year).await.ok();
}
