//! People at doors: from registration to minutes on the screen, and every reason why somebody may
//! not enter.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Shown, TestTown, at};

#[tokio::test]
async fn a_registered_face_opens_the_door_and_its_stay_becomes_minutes_on_the_screen() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let member = town.member().await;
    let welcome = door.asks("in", &member.face).await;
    assert_eq!((&welcome["decision"], &welcome["result"]), (&json!("granted"), &json!("accepted")));
    assert_eq!(welcome["sentence"], "欢迎，请进。");
    assert_eq!(welcome["ack_through"], json!({ "epoch": 0, "seq": 1 }));
    let screen = town.screen("330499").await;
    let inside = screen.shows("one inside", |shown| shown["inside"] == 1).await;
    assert_eq!(inside["today"]["visits"], 1);
    assert_eq!(inside["today"]["minutes"]["total"], 0);
    town.is_now("2026-11-23T02:47:30Z");
    assert_eq!(door.asks("out", &member.face).await["decision"], "granted");
    let after = screen.shows("minutes", |shown| shown["today"]["minutes"]["total"] == 47).await;
    let minutes = json!({
        "total": 47, "measured": 47, "self_declared": 0, "estimated": 0, "corrected": 0,
    });
    for period in ["today", "month", "ever"] {
        assert_eq!(after[period], json!({ "visits": 1, "people": 1, "minutes": minutes }));
    }
    assert_eq!(after["inside"], 0);
    assert_eq!(after["venues"][0]["id"], gym.id.as_str());
    town.adds_up().await;
}

#[tokio::test]
async fn an_exit_is_never_refused() {
    let town = TestTown::open().await;
    let hours = json!([{ "weekday": 1, "opens": "08:00", "closes": "09:00" }]);
    let strict = json!({ "hours": hours, "rules": {
        "prerequisites": ["induction"], "guardian_under": 18, "capacity": 1,
        "passback": "forbidden",
    }});
    let venue = town.venue("严格的场馆", strict).await;
    let door = town.terminal(&venue, "both").await;
    let child = town.member_who("2011-01-01", &[]).await;
    for shown in [&child.face, &child.card, &Shown::face("nobody"), &Shown::card("nobody")] {
        assert_eq!(door.asks("in", shown).await["decision"], "refused");
        let out = door.asks("out", shown).await;
        assert_eq!((&out["decision"], &out["reason"] != "venue_closed"), (&json!("granted"), true));
    }
    town.adds_up().await;
}

#[tokio::test]
async fn a_stranger_is_refused_and_told_where_to_go() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let refused = door.asks("in", &Shown::face("nobody")).await;
    assert_eq!(refused["decision"], "refused");
    assert_eq!(
        (&refused["reason"], &refused["result"]),
        (&json!("unknown_credential"), &json!("quarantined"),)
    );
    assert_eq!(refused["sentence"], "没有认出您。请再试一次,或到服务台登记。");
    assert!(refused["sentence_en"].as_str().unwrap().contains("register at the desk"));
}

#[tokio::test]
async fn a_credential_holds_only_while_it_is_valid() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let path = format!("/members/{}/credentials", member.id);
    let (from, to) = ("2026-11-23T03:00:00Z", "2026-11-23T04:00:00Z");
    let code = json!({ "kind": "qr", "handle": "q-1", "valid_from": from, "valid_to": to });
    town.office.post(&path, &code).await.ok();
    let shown = Shown { method: "qr", credential: "q-1".to_owned() };
    for (now, decision) in [
        ("2026-11-23T02:59:59.999Z", "refused"),
        (from, "granted"),
        ("2026-11-23T03:59:59.999Z", "granted"),
        (to, "refused"),
    ] {
        town.is_now(now);
        assert_eq!(door.asks("in", &shown).await["decision"], decision, "{now}");
    }
}

#[tokio::test]
async fn without_consent_to_faces_the_card_still_opens() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member_who("1990-01-01", &["minutes_statistics"]).await;
    let refused = door.asks("in", &member.face).await;
    assert_eq!(
        (&refused["decision"], &refused["reason"]),
        (&json!("refused"), &json!("face_consent_missing"),)
    );
    assert_eq!(door.asks("in", &member.card).await["decision"], "granted");
    let path = format!("/members/{}/consents", member.id);
    let agrees = |granted: bool| json!({ "purpose": "door_face", "granted": granted });
    town.office.post(&path, &agrees(true)).await.ok();
    town.is_now("2026-11-23T02:05:00Z");
    assert_eq!(door.asks("out", &member.face).await["decision"], "granted");
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
    town.office.post(&path, &agrees(false)).await.ok();
    town.is_now("2026-11-23T02:10:00Z");
    assert_eq!(door.asks("in", &member.face).await["reason"], "face_consent_missing");
}

#[tokio::test]
async fn whoever_does_not_want_minutes_counted_is_inside_and_credited_nothing() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member_who("1990-01-01", &["door_face"]).await;
    door.asks("in", &member.face).await;
    let screen = town.screen("3304").await;
    screen.shows("one inside", |shown| shown["inside"] == 1).await;
    town.is_now("2026-11-23T03:00:00Z");
    door.asks("out", &member.face).await;
    let after = screen.shows("nobody inside", |shown| shown["inside"] == 0).await;
    assert_eq!(after["today"]["minutes"]["total"], 0);
    assert_eq!(after["today"]["visits"], 1);
    town.adds_up().await;
}

fn every_day(opens: &str, closes: &str) -> Value {
    let day = |weekday: u8| json!({ "weekday": weekday, "opens": opens, "closes": closes });
    (1..=7).map(day).collect()
}

fn position(lat: f64) -> Value {
    json!({ "lat": lat, "lng": 121.0, "coordinates": "gcj02" })
}

#[tokio::test]
async fn a_closed_venue_says_when_it_opens_and_who_is_open_nearby() {
    let town = TestTown::open().await;
    let hours = every_day("08:00", "21:00");
    let closed = json!({ "hours": hours, "position": position(30.70) });
    let closed = town.venue("白天的馆", closed).await;
    let also_closed = json!({ "hours": hours, "position": position(30.701) });
    town.venue("近处也关", also_closed).await;
    town.venue("远处开着", json!({ "position": position(30.80) })).await;
    let near = town.venue("近处开着", json!({ "position": position(30.71) })).await;
    let induction = json!({ "prerequisites": ["induction"] });
    town.venue("要培训", json!({ "position": position(30.702), "rules": induction })).await;
    let door = town.terminal(&closed, "both").await;
    let member = town.member().await;
    town.is_now("2026-11-23T13:00:00Z");
    let refused = door.asks("in", &member.face).await;
    assert_eq!(refused["reason"], "venue_closed");
    assert_eq!(refused["allowed_from"], "2026-11-24T00:00:00Z");
    assert_eq!(refused["nearest_venue"], near.id.as_str());
    town.is_now("2026-11-24T00:00:00Z");
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
}

#[tokio::test]
async fn a_holiday_closes_the_doors() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let member = town.member().await;
    let path = format!("/venues/{}/exceptions", gym.id);
    let today = json!({ "day": "2026-11-23", "reason": "检修" });
    assert_eq!(town.office.post(&path, &today).await.said(), (422, "not_in_future"));
    town.office.post(&path, &json!({ "day": "2026-11-24", "reason": "检修" })).await.ok();
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
    town.is_now("2026-11-24T02:00:00Z");
    let refused = door.asks("in", &member.face).await;
    assert_eq!(refused["reason"], "venue_closed");
    assert_eq!(refused["allowed_from"], "2026-11-24T16:00:00Z");
}

#[tokio::test]
async fn what_a_venue_asks_for_must_be_there() {
    let town = TestTown::open().await;
    let rules = json!({ "rules": { "prerequisites": ["school_ground"] } });
    let ground = town.venue("学校操场", rules).await;
    let door = town.terminal(&ground, "both").await;
    let member = town.member().await;
    assert_eq!(door.asks("in", &member.face).await["reason"], "prerequisite_missing");
    let path = format!("/members/{}/approvals", member.id);
    let permit = json!({
        "kind": "school_ground", "valid_from": "2026-11-23T02:00:00Z",
        "valid_to": "2026-11-24T02:00:00Z",
    });
    town.office.put(&path, &permit).await.ok();
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
    town.is_now("2026-11-24T02:00:00Z");
    assert_eq!(door.asks("in", &member.face).await["reason"], "prerequisite_missing");
}

#[tokio::test]
async fn a_minor_needs_a_guardian_where_the_venue_says_so() {
    let town = TestTown::open().await;
    let gym = town.venue("力量房", json!({ "rules": { "guardian_under": 16 } })).await;
    let door = town.terminal(&gym, "both").await;
    let youth = town.member_who("2011-01-01", &["door_face"]).await;
    let mother = town.member().await;
    assert_eq!(door.asks("in", &youth.face).await["reason"], "guardian_required");
    let path = format!("/members/{}/guardian", youth.id);
    town.office.post(&path, &json!({ "guardian_id": mother.id })).await.ok();
    assert_eq!(door.asks("in", &youth.face).await["decision"], "granted");
    assert_eq!(door.asks("in", &mother.face).await["decision"], "granted");
}

#[tokio::test]
async fn a_venue_that_forbids_passback_lets_nobody_in_twice() {
    let town = TestTown::open().await;
    let rules = json!({ "rules": { "passback": "forbidden", "longest_stay_min": 120 } });
    let gym = town.venue("严格的馆", rules).await;
    let door = town.terminal(&gym, "both").await;
    let member = town.member().await;
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
    town.is_now("2026-11-23T02:10:00Z");
    let refused = door.asks("in", &member.card).await;
    assert_eq!(refused["reason"], "already_inside");
    assert_eq!(refused["allowed_from"], "2026-11-23T04:00:00Z");
    assert_eq!(door.asks("out", &member.card).await["decision"], "granted");
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
    // A forgotten exit keeps nobody out for ever.
    town.is_now("2026-11-23T04:10:00.001Z");
    assert_eq!(door.asks("in", &member.face).await["decision"], "granted");
    town.adds_up().await;
}

#[tokio::test]
async fn of_eighty_at_the_doors_exactly_fifty_find_room() {
    let town = TestTown::open().await;
    let hall = town.venue("大厅", json!({ "rules": { "capacity": 50 } })).await;
    let mut doors = Vec::new();
    let mut people = Vec::new();
    for _ in 0..4 {
        doors.push(town.terminal(&hall, "both").await);
    }
    for _ in 0..80 {
        people.push(town.member().await);
    }
    let asked = people.iter().enumerate().map(|(n, one)| doors[n % 4].asks("in", &one.face));
    let answers = futures_util::future::join_all(asked).await;
    let granted = |answer: &&Value| answer["decision"] == "granted";
    assert_eq!(answers.iter().filter(granted).count(), 50);
    let kept_out = answers.iter().filter(|answer| !granted(answer));
    assert!(kept_out.clone().all(|answer| answer["reason"] == "venue_full"));
    let late = people.iter().zip(&answers).find(|(_, answer)| !granted(answer)).unwrap().0;
    let early = people.iter().zip(&answers).find(|(_, answer)| granted(answer)).unwrap().0;
    assert_eq!(doors[0].asks("in", &late.face).await["reason"], "venue_full");
    town.clock.set(town.now() + TimeDelta::minutes(2));
    assert_eq!(doors[1].asks("in", &early.face).await["decision"], "granted", "already inside");
    town.clock.set(town.now() + TimeDelta::minutes(2));
    assert_eq!(doors[1].asks("out", &early.face).await["decision"], "granted");
    assert_eq!(doors[2].asks("in", &late.face).await["decision"], "granted");
    let screen = town.screen("330499001").await;
    screen.shows("a full hall", |shown| shown["inside"] == 50).await;
    town.adds_up().await;
}

#[tokio::test]
async fn whoever_comes_in_without_the_gate_takes_room_all_the_same() {
    let town = TestTown::open().await;
    let room = town.venue("小间", json!({ "rules": { "capacity": 4 } })).await;
    let (door, offline) = (town.terminal(&room, "both").await, town.terminal(&room, "both").await);
    let mut people = Vec::new();
    for _ in 0..6 {
        people.push(town.member().await);
    }
    let [first, second, third, fourth, fifth, sixth] = &people[..] else { unreachable!() };
    assert_eq!(door.asks("in", &first.face).await["decision"], "granted");
    offline.saw("in", &second.face, town.now() - TimeDelta::minutes(1)).await;
    offline.saw("in", &third.face, town.now() - TimeDelta::minutes(1)).await;
    assert_eq!(door.asks("in", &fourth.face).await["decision"], "granted");
    assert_eq!(door.asks("in", &fifth.face).await["reason"], "venue_full");
    offline.saw("out", &second.face, town.now()).await;
    assert_eq!(door.asks("in", &fifth.face).await["decision"], "granted", "one has left");
    assert_eq!(door.asks("in", &sixth.face).await["reason"], "venue_full");
    town.adds_up().await;
}

#[tokio::test]
async fn what_a_terminal_let_in_offline_is_recorded_and_judged_no_more() {
    let town = TestTown::open().await;
    let venue = town.venue("白天的馆", json!({ "hours": every_day("08:00", "09:00") })).await;
    let door = town.terminal(&venue, "both").await;
    let member = town.member_who("1990-01-01", &["minutes_statistics"]).await;
    let (entered, left) = (at("2026-11-23T01:30:00Z"), at("2026-11-23T01:45:00Z"));
    let told = [door.record("in", &member.face, entered), door.record("out", &member.face, left)];
    let answer = door.tells(&told).await.ok();
    assert_eq!(answer["items"][0]["result"], "accepted");
    assert_eq!(answer["items"][1]["result"], "accepted");
    let screen = town.screen("330499").await;
    screen.shows("a visit", |shown| shown["today"]["visits"] == 1).await;
    let mut refused = door.record("in", &member.face, at("2026-11-23T01:50:00Z"));
    refused["outcome"] = json!("refused");
    let mut unsure = door.record("in", &member.face, at("2026-11-23T01:55:00Z"));
    unsure["outcome"] = json!("unknown");
    door.tells(&[refused, unsure]).await.ok();
    screen.shows("another visit", |shown| shown["today"]["visits"] == 2).await;
    town.adds_up().await;
}
