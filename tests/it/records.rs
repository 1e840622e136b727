//! Records of terminals: what is taken once, what waits for staff, what is acknowledged.

use serde_json::{Value, json};

use crate::support::{Shown, TestTown, at, results};

#[tokio::test]
async fn a_record_sent_again_gets_the_stored_decision_and_changes_nothing() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let asked = door.record("in", &member.face, town.now());
    let granted = door.asks_about(&asked).await.ok();
    town.is_now("2026-11-23T02:30:00Z");
    let again = door.asks_about(&asked).await.ok();
    assert_eq!((&again["decision"], &again["result"]), (&json!("granted"), &json!("duplicate")));
    assert_eq!(again["sentence"], granted["sentence"]);
    let mut passed = asked.clone();
    passed["outcome"] = json!("refused");
    for told in [&asked, &passed] {
        let answer = door.tells(std::slice::from_ref(told)).await.ok();
        assert_eq!(results(&answer), ["duplicate"]);
    }
    let stranger = door.record("in", &Shown::face("nobody"), town.now());
    let refused = door.asks_about(&stranger).await.ok();
    let again = door.asks_about(&stranger).await.ok();
    assert_eq!((&again["decision"], &again["reason"]), (&refused["decision"], &refused["reason"]));
    assert_eq!(again["result"], "duplicate");
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["today"]["visits"] == 1).await;
    town.adds_up().await;
}

#[tokio::test]
async fn another_story_under_a_known_number_is_a_conflict() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let (one, other) = (town.member().await, town.member().await);
    let record = door.record("in", &one.face, town.now());
    door.tells(std::slice::from_ref(&record)).await.ok();
    for (field, value) in [
        ("credential", json!(other.face.credential)),
        ("direction", json!("out")),
        ("method", json!("card")),
        ("device_time", json!("2026-11-23T01:00:00Z")),
        ("score", json!(0.5)),
    ] {
        let mut changed = record.clone();
        changed[field] = value;
        let answer = door.tells(&[changed.clone(), changed]).await.ok();
        assert_eq!(results(&answer), ["conflict", "conflict"], "{field}");
        assert_eq!(answer["items"][0]["reason"], "conflict");
        assert_eq!(answer["ack_through"], json!({ "epoch": 0, "seq": 1 }));
    }
    let answer = door.tells(std::slice::from_ref(&record)).await.ok();
    assert_eq!(results(&answer), ["duplicate"]);
    town.adds_up().await;
}

#[tokio::test]
async fn what_cannot_be_placed_waits_in_quarantine_and_is_acknowledged() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let member = town.member().await;
    let new_door = town.terminal_since(&gym, "both", "2026-11-23").await;
    let face = |when: &str| door.record("in", &member.face, at(when));
    let told = [
        door.record("in", &Shown::face("nobody"), town.now()),
        face("2019-12-31T23:59:59Z"),
        face("2026-11-23T02:05:00.001Z"),
        face("2023-10-31T23:59:59Z"),
        face("2025-12-31T00:00:00Z"),
    ];
    let reasons =
        ["unknown_credential", "time_suspect", "time_suspect", "ancient", "unknown_place"];
    let answer = door.tells(&told).await.ok();
    for (item, reason) in answer["items"].as_array().unwrap().iter().zip(reasons) {
        assert_eq!((&item["result"], &item["reason"]), (&json!("quarantined"), &json!(reason)));
    }
    assert_eq!(answer["ack_through"], json!({ "epoch": 0, "seq": 5 }));
    assert_eq!(results(&door.tells(&told).await.ok()), ["duplicate"; 5]);
    let before_it_stood = new_door.record("in", &member.face, at("2026-11-22T12:00:00Z"));
    let answer = new_door.tells(&[before_it_stood]).await.ok();
    assert_eq!(answer["items"][0]["reason"], "unknown_place");
    let screen = town.screen("330499").await;
    assert_eq!(screen.document().await["ever"]["visits"], 0);
    town.adds_up().await;
}

#[tokio::test]
async fn the_edge_of_the_future_is_five_minutes() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let soon = door.record("in", &member.face, at("2026-11-23T02:05:00Z"));
    assert_eq!(results(&door.tells(&[soon]).await.ok()), ["accepted"]);
    town.adds_up().await;
}

#[tokio::test]
async fn at_a_live_door_an_absurd_clock_is_no_reason_to_wait() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let lost = door.record("in", &member.face, at("1970-01-01T00:00:07Z"));
    let answer = door.asks_about(&lost).await.ok();
    assert_eq!((&answer["decision"], &answer["result"]), (&json!("granted"), &json!("accepted")));
    let screen = town.screen("330499").await;
    let shown = screen.shows("one inside", |shown| shown["inside"] == 1).await;
    assert_eq!(shown["latest"][0]["at"], "2026-11-23T02:00:00Z");
}

#[tokio::test]
async fn a_bad_record_spoils_no_other() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let record = |when: &str| door.record("in", &member.face, at(when));
    let mut told = vec![record("2026-11-23T01:00:00Z")];
    let spoilt = [
        ("score", json!(1.5), "bad_score"),
        ("device_time", json!("yesterday"), "bad_time"),
        ("direction", json!("up"), "bad_direction"),
        ("method", json!("iris"), "bad_method"),
        ("credential", json!("a\u{0}b"), "control_character"),
        ("outcome", json!("perhaps"), "bad_outcome"),
        ("minutes", json!(9000), "unknown_field"),
    ];
    for (field, value, _) in &spoilt {
        let mut bad = record("2026-11-23T01:10:00Z");
        bad[field] = value.clone();
        told.push(bad);
    }
    told.push(record("2026-11-23T01:20:00Z"));
    told.push(json!({ "seq": 99 }));
    let answer = door.tells(&told).await.ok();
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items[0]["result"], "accepted");
    for ((_, _, reason), item) in spoilt.iter().zip(&items[1..]) {
        assert_eq!((&item["result"], &item["reason"]), (&json!("rejected"), &json!(reason)));
    }
    assert_eq!(items[8]["result"], "accepted");
    assert_eq!(items[9]["result"], "rejected");
    assert_eq!(items[9]["reason"], "bad_record_id");
    assert_eq!(answer["ack_through"], json!({ "epoch": 0, "seq": 9 }), "rejected ones count too");
    assert_eq!(results(&door.tells(&told[..9]).await.ok())[8], "duplicate");
    town.adds_up().await;
}

#[tokio::test]
async fn a_batch_has_at_least_one_and_at_most_five_hundred_records() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    assert_eq!(door.tells(&[]).await.said(), (422, "no_items"));
    let records: Vec<Value> =
        (0..501).map(|_| door.record("in", &member.face, town.now())).collect();
    assert_eq!(door.tells(&records).await.said(), (422, "too_many_items"));
    let answer = door.tells(&records[..500]).await.ok();
    assert_eq!(results(&answer), ["accepted"; 500]);
    assert_eq!(answer["ack_through"], json!({ "epoch": 0, "seq": 500 }));
    for body in [json!([]), json!({}), json!({ "events": {} }), json!({ "events": [], "x": 1 })] {
        let answer = door.post("/api/v1/terminal/events", &body).await;
        assert_eq!(answer.said(), (422, "bad_terminal_body"), "{body}");
    }
    town.adds_up().await;
}

#[tokio::test]
async fn holes_stop_the_acknowledgement_until_they_are_filled() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let records: Vec<Value> = (1..=5)
        .map(|n| door.record("in", &member.face, at(&format!("2026-11-23T01:{n}0:00Z"))))
        .collect();
    let id = |seq: i64| json!({ "epoch": 0, "seq": seq });
    let known = |answer: &Value| (answer["ack_through"].clone(), answer["resend_from"].clone());
    let send = async |numbers: &[usize]| {
        let told: Vec<Value> = numbers.iter().map(|n| records[n - 1].clone()).collect();
        known(&door.tells(&told).await.ok())
    };
    assert_eq!(send(&[2]).await, (id(0), id(1)));
    assert_eq!(send(&[1, 5]).await, (id(2), id(3)));
    let beat = door.beats().await;
    assert_eq!(known(&beat), (id(2), id(3)));
    assert_eq!(send(&[4]).await, (id(2), id(3)));
    assert_eq!(send(&[3]).await, (id(5), Value::Null));
    let mut first = records[0].clone();
    (first["epoch"], first["seq"]) = (json!(1), json!(1));
    let answer = door.tells(&[first]).await.ok();
    assert_eq!(answer["ack_through"], json!({ "epoch": 1, "seq": 1 }));
    town.adds_up().await;
}

#[tokio::test]
async fn sixty_seconds_of_the_same_are_one_passage() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.saw("in", &member.face, at("2026-11-23T01:00:00Z")).await;
    door.saw("in", &member.face, at("2026-11-23T01:01:00Z")).await;
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["today"]["visits"] == 1).await;
    door.saw("in", &member.face, at("2026-11-23T01:01:00.001Z")).await;
    let shown = screen.shows("two visits", |shown| shown["today"]["visits"] == 2).await;
    assert_eq!(shown["today"]["minutes"]["estimated"], 1);
    town.adds_up().await;
}

/// What became of somebody's scans, and what each is flagged with, in the order of their times.
async fn effects_and_flags(town: &TestTown, shown: &Shown) -> Vec<String> {
    let query = format!(
        "SELECT effect || ' ' || COALESCE(reason, '-') AS said FROM entry_events \
         WHERE credential = '{}' ORDER BY occurred_at",
        shown.credential
    );
    let rows = town.store.rows(&query).await;
    rows.iter().map(|row| row.try_get("", "said").unwrap()).collect()
}

#[tokio::test]
async fn at_a_reader_for_both_ways_only_an_entry_is_flagged_however_late_that_is_known() {
    let town = TestTown::open().await;
    let day = |weekday: u8| json!({ "weekday": weekday, "opens": "06:00", "closes": "22:00" });
    let hours: Vec<Value> = (1..=7).map(day).collect();
    let more = json!({ "hours": hours, "rules": { "pairing": "toggle" } });
    let court = town.venue("球场", more).await;
    let door = town.terminal(&court, "both").await;
    let evening = |time: &str| at(&format!("2026-11-22T{time}:00+08:00"));
    // Somebody leaves ten minutes after closing, and scans once more at once.
    let leaves = town.member().await;
    for time in ["21:30", "22:10"] {
        door.saw("in", &leaves.face, evening(time)).await;
    }
    door.saw("in", &leaves.face, at("2026-11-22T22:10:30+08:00")).await;
    let effects = effects_and_flags(&town, &leaves.face).await;
    assert_eq!(effects, ["opened -", "closed -", "repeat -"]);
    // Somebody comes after closing.
    let comes = town.member().await;
    door.saw("in", &comes.face, evening("22:10")).await;
    assert_eq!(effects_and_flags(&town, &comes.face).await, ["opened venue_closed"]);
    // It turns out that they had been inside.
    door.saw("in", &comes.face, evening("21:30")).await;
    assert_eq!(effects_and_flags(&town, &comes.face).await, ["opened -", "closed -"]);
    // And that they had left before, and came back.
    door.saw("in", &comes.face, evening("22:05")).await;
    let effects = effects_and_flags(&town, &comes.face).await;
    assert_eq!(effects, ["opened -", "closed -", "opened venue_closed"]);
    town.adds_up().await;
}
