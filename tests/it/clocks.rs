//! What time does to records: clocks of devices, late exits, days that become final.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::support::{Screen, Terminal, TestTown, at, results};

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_once_two_heartbeats_agree() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let offset = async || town.office.get("/terminals").await.ok()["items"][0].clone();
    let ahead = |ms: i64| town.now() + TimeDelta::milliseconds(600_000 + ms);
    let early = door.record("in", &member.face, ahead(0));
    let answer = door.tells(std::slice::from_ref(&early)).await.ok();
    assert_eq!(answer["items"][0]["reason"], "time_suspect");
    door.beats_at(ahead(1_400), 0).await.ok();
    assert_eq!(offset().await["clock_offset_ms"], 0);
    door.beats_at(ahead(-1_900), 0).await.ok();
    assert_eq!(offset().await["clock_offset_ms"], 600_000);
    let entry = door.record("in", &member.face, ahead(0));
    assert_eq!(results(&door.tells(&[entry]).await.ok()), ["accepted"]);
    let screen = town.screen("330499").await;
    let shown = screen.shows("one inside", |shown| shown["inside"] == 1).await;
    assert_eq!(shown["latest"][0]["at"], "2026-11-23T02:00:00Z");
    // One slow answer moves no event.
    door.beats_at(town.now(), 0).await.ok();
    assert_eq!(offset().await["clock_offset_ms"], 600_000);
    town.adds_up().await;
}

#[tokio::test]
async fn an_empty_queue_moves_the_watermark_and_a_full_one_does_not() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let watermark = async || {
        let listed = town.office.get("/terminals").await.ok();
        listed["items"][0]["watermark_at"].clone()
    };
    assert_eq!(watermark().await, Value::Null);
    door.beats_at(town.now(), 3).await.ok();
    assert_eq!(watermark().await, Value::Null);
    door.beats().await;
    assert_eq!(watermark().await, "2026-11-23T02:00:00Z");
    town.is_now("2026-11-23T03:00:00Z");
    door.beats_at(town.now(), 1).await.ok();
    assert_eq!(watermark().await, "2026-11-23T02:00:00Z");
}

/// The minutes of all time by provenance, on a screen that nobody has looked at before.
async fn minutes(screen: &Screen, division: &str, measured: i64, estimated: i64) {
    let what = format!("{measured} measured and {estimated} estimated minutes");
    let seen = |shown: &Value| {
        let minutes = &shown["ever"]["minutes"];
        minutes["measured"] == measured && minutes["estimated"] == estimated
    };
    screen.before(division).shows(&what, seen).await;
}

#[tokio::test]
async fn a_late_exit_replaces_what_had_been_estimated() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let screen = town.screen("33").await;
    door.asks("in", &member.face).await;
    // Past the longest stay: the closer credits the usual stay, by event time.
    town.is_now("2026-11-23T06:00:01Z");
    minutes(&screen, "330499001001", 0, 60).await;
    door.saw("out", &member.face, at("2026-11-23T03:30:00Z")).await;
    minutes(&screen, "330499001", 90, 0).await;
    door.saw("out", &member.face, at("2026-11-23T02:45:00Z")).await;
    minutes(&screen, "330499", 45, 0).await;
    door.saw("in", &member.face, at("2026-11-23T02:20:00Z")).await;
    minutes(&screen, "3304", 25, 20).await;
    town.adds_up().await;
}

#[tokio::test]
async fn an_exit_that_arrives_before_its_entry_waits_for_it() {
    let town = TestTown::open().await;
    let (gym, way_in) = town.gym().await;
    let way_out = town.terminal(&gym, "out").await;
    let member = town.member().await;
    let screen = town.screen("33").await;
    town.is_now("2026-11-23T08:00:00Z");
    way_out.saw("out", &member.face, at("2026-11-23T03:00:00Z")).await;
    minutes(&screen, "330499001001", 0, 0).await;
    way_in.saw("in", &member.face, at("2026-11-23T02:10:00Z")).await;
    minutes(&screen, "330499001", 50, 0).await;
    way_in.saw("in", &member.face, at("2026-11-23T02:40:00Z")).await;
    minutes(&screen, "330499", 20, 30).await;
    town.adds_up().await;
}

/// How the trend of a screen calls 23 November.
async fn state_of_the_day(screen: &Screen, division: &str, state: &str) -> Value {
    let day = |shown: &Value| {
        let days = shown["days"].as_array().unwrap().clone();
        days.into_iter().find(|day| day["day"] == "2026-11-23").unwrap_or_default()
    };
    let screen = screen.before(division);
    day(&screen.shows(state, |shown| day(shown)["state"] == state).await)
}

#[tokio::test]
async fn a_day_is_final_when_every_terminal_has_told_all_and_restated_by_what_comes_later() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let second = town.terminal(&gym, "in").await;
    let member = town.member().await;
    let screen = town.screen("33").await;
    let beat = async |doors: &[&Terminal]| {
        for door in doors {
            door.beats().await;
        }
    };
    door.asks("in", &member.face).await;
    town.is_now("2026-11-23T02:30:00Z");
    door.asks("out", &member.face).await;
    // The business day ends at four in the morning; six hours later all may be there.
    town.is_now("2026-11-24T01:59:59Z");
    beat(&[&door, &second]).await;
    let day = state_of_the_day(&screen, "330499001001", "provisional").await;
    assert_eq!((&day["minutes"], &day["people"]), (&json!(30), &Value::Null));
    town.is_now("2026-11-24T02:00:00Z");
    beat(&[&door, &second]).await;
    let day = state_of_the_day(&screen, "330499001", "final").await;
    assert_eq!((&day["minutes"], &day["people"]), (&json!(30), &json!(1)));
    second.saw("in", &town.member().await.face, at("2026-11-23T09:00:00Z")).await;
    let day = state_of_the_day(&screen, "330499", "restated").await;
    assert_eq!((&day["minutes"], &day["visits"]), (&json!(90), &json!(2)));
    town.adds_up().await;
}

#[tokio::test]
async fn a_day_waits_for_the_terminal_that_still_holds_records() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let slow = town.terminal(&gym, "in").await;
    let (other, other_door) = town.gym().await;
    let member = town.member().await;
    let screen = town.screen("33").await;
    assert_ne!(gym.id, other.id);
    other_door.asks("in", &member.face).await;
    door.saw("in", &town.member().await.face, town.now()).await;
    town.is_now("2026-11-24T02:00:00Z");
    door.beats().await;
    other_door.beats().await;
    slow.beats_at(town.now(), 1).await.ok();
    // The other venue's day becomes final in the same run that leaves this one alone; only when
    // the last terminal has told all is the division's.
    state_of_the_day(&screen, "330499001001", "provisional").await;
    slow.beats().await;
    state_of_the_day(&screen, "330499001", "final").await;
    town.adds_up().await;
}
