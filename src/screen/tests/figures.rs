//! What the document says.

use super::*;
use crate::base::{
    counters::{Family, Person, Presence, Projected},
    ids::{MemberId, VenueId},
};

#[tokio::test]
async fn finished_and_open_days_are_summed_once_each() {
    let town = Town::new().await;
    // Final: the venue's row stands beside the division's and must not count again.
    town.division_day("330482", "2026-10-20", 5, [100, 20, 30, 4]).await;
    town.venue_day(town.gym, "2026-10-20", 5, [100, 20, 30, 4]).await;
    // Open: only the venues have it.
    town.venue_day(town.gym, "2026-11-22", 2, [60, 0, 0, 0]).await;
    town.venue_day(town.court, "2026-11-22", 1, [0, 0, 7, 0]).await;
    town.venue_day(town.hall, "2026-11-23", 3, [11, 0, 0, 0]).await;
    let document = town.document("330482").await;
    let period = |name: &str| &document[name]["minutes"];
    assert_eq!(document["today"]["visits"], 3);
    assert_eq!(period("today")["total"], 11);
    assert_eq!(document["month"]["visits"], 6);
    assert_eq!(period("month")["measured"], 71);
    assert_eq!(period("month")["estimated"], 7);
    assert_eq!(document["ever"]["visits"], 11);
    let ever = json!({"total": 232, "measured": 171, "self_declared": 20, "estimated": 37,
                      "corrected": 4});
    assert_eq!(*period("ever"), ever);
    assert_eq!(document["degraded"], true);
    assert_eq!(document["instructors"], Json::Null, "there are none");
}

#[tokio::test]
async fn counters_that_are_trusted_answer_for_today_and_sql_for_the_past() {
    let town = Town::new().await;
    town.venue_day(town.gym, "2026-11-22", 2, [60, 0, 0, 0]).await;
    town.venue_day(town.gym, "2026-11-23", 99, [99, 0, 0, 0]).await;
    let row = |family, fields: &[(&'static str, i64)]| Projected {
        family,
        key: town.gym,
        day: day("2026-11-23"),
        generation: 1,
        version: 1,
        fields: fields.to_vec(),
    };
    let venue_day = row(Family::VenueDay, &[("visits", 4), ("people", 3), ("minutes_measured", 7)]);
    let venue_hours = row(Family::VenueHours, &[("visits_19", 4), ("minutes_19", 7)]);
    town.counters.put(&[venue_day, venue_hours]).await.expect("put");
    let (member, now) = (MemberId(Uuid::from_u128(1)), town.clock.now());
    let presence = Presence {
        venue: VenueId(town.gym),
        member,
        generation: 1,
        version: 1,
        expires_at: Some(now + TimeDelta::hours(1)),
    };
    town.counters.present(&[presence], now).await.expect("present");
    let person = Person {
        division: division("330482"),
        day: day("2026-11-23"),
        member,
        generation: 1,
        version: 1,
        present: true,
    };
    town.counters.put_people(&[person]).await.expect("put");
    town.counters.begin(1).await.expect("begun");
    assert_eq!(town.counters.mark(1).await, Ok(true));
    town.counters.trust(Some(1));
    let document = town.document("330482").await;
    let said = (&document["degraded"], &document["rebuilding"], &document["inside"]);
    assert_eq!(said, (&json!(false), &json!(false), &json!(1)));
    assert_eq!(
        (&document["today"]["visits"], &document["today"]["people"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(document["ever"]["minutes"]["total"], 67);
    assert_eq!(
        (&document["hours"][15]["visits"], &document["hours"][15]["minutes"]),
        (&json!(4), &json!(7))
    );
    assert_eq!(document["venues"][0]["people"], 3);
}

#[tokio::test]
async fn the_trend_has_thirty_days_and_the_curve_twenty_four_hours() {
    let town = Town::new().await;
    town.division_day("330482", "2026-11-21", 5, [100, 0, 0, 0]).await;
    town.venue_day(town.gym, "2026-11-21", 5, [100, 0, 0, 0]).await;
    town.venue_day(town.gym, "2026-11-23", 1, [9, 0, 0, 0]).await;
    let hour = "INSERT INTO venue_day_hours (venue_id, business_day, hour, visits, minutes, \
                version) VALUES ($1, $2, 19, $3, 9, 1)";
    for (of, visits) in [("2026-11-23", 1_i64), ("2026-11-16", 4), ("2026-11-09", 2)] {
        town.run(hour, [town.gym.into(), day(of).into(), visits.into()]).await;
    }
    let document = town.document("330482").await;
    let days = document["days"].as_array().expect("days");
    assert_eq!(days.len(), 30);
    assert_eq!(
        days[27],
        json!({"day": "2026-11-21", "visits": 5, "people": 5, "minutes": 100,
                                "state": "final"})
    );
    assert_eq!(days[29]["minutes"], 9);
    let hours = document["hours"].as_array().expect("hours");
    assert_eq!((hours.len(), &hours[0]["hour"]), (24, &json!(4)));
    assert_eq!(hours[15], json!({"hour": 19, "visits": 1, "minutes": 9, "usual_visits": 3}));
}

#[tokio::test]
async fn a_screen_counts_only_what_its_division_covers() {
    let town = Town::new().await;
    town.venue_day(town.gym, "2026-11-22", 2, [60, 0, 0, 0]).await;
    town.venue_day(town.court, "2026-11-22", 1, [7, 0, 0, 0]).await;
    let document = town.document(DANGHU).await;
    assert_eq!(document["name"], "当湖社区");
    assert_eq!(document["ever"]["minutes"]["total"], 7);
    let venues = document["venues"].as_array().expect("venues");
    assert_eq!(venues.len(), 1);
    assert_eq!(document["ranking"][0]["venue_id"], json!(town.court));
    let county = town.document("330482").await;
    assert_eq!(county["ranking"][0]["name"], "永兴社区");
    assert_eq!(county["ranking"][1]["minutes"], 7);
}

#[tokio::test]
async fn who_is_inside_stands_by_venue_with_todays_capacity() {
    let town = Town::new().await;
    town.rules(town.hall, 2, "2026-11-01", 12).await;
    town.rules(town.hall, 3, "2026-11-24", 99).await;
    for id in 1..=2 {
        let member = town.member(id, YONGXING, "female", 1960, "active").await;
        town.inside(id, member, town.hall, YONGXING).await;
    }
    let late = town.member(3, YONGXING, "female", 1960, "active").await;
    town.inside(3, late, town.gym, YONGXING).await;
    let expired = "UPDATE sessions SET presence_expires_at = $1 WHERE member_id = $2";
    town.run(expired, [town.clock.now().into(), late.into()]).await;
    let document = town.document("330482").await;
    assert_eq!(document["inside"], 2);
    assert_eq!(document["today"]["people"], 3);
    let venue = &document["venues"][0];
    assert_eq!(
        (&venue["name"], &venue["inside"], &venue["capacity"]),
        (&json!("室内馆"), &json!(2), &json!(12))
    );
}

#[tokio::test]
async fn latest_entries_are_masked_and_the_erased_have_no_name() {
    let town = Town::new().await;
    let known = town.member(1, YONGXING, "male", 1980, "active").await;
    town.inside(1, known, town.gym, YONGXING).await;
    let erased = town.member(2, YONGXING, "male", 1980, "erased").await;
    town.inside(2, erased, town.hall, YONGXING).await;
    let document = town.document(YONGXING).await;
    let latest = document["latest"].as_array().expect("entries");
    assert_eq!(
        latest[1],
        json!({"name": "张*", "venue_id": town.gym, "venue": "百姓健身房",
                                 "direction": "in", "at": "2026-11-23T11:00:00Z"})
    );
    assert_eq!(latest[0]["name"], Json::Null);
    assert_eq!(document["registered"], 1);
}

#[tokio::test]
async fn groups_under_ten_are_hidden_and_cannot_be_had_by_subtraction() {
    let town = Town::new().await;
    let groups = [(12, "female", 1990), (11, "male", 1960), (3, "unstated", 1940)];
    let mut id = 0;
    for (size, sex, born) in groups {
        for _ in 0..size {
            id += 1;
            town.member(id, YONGXING, sex, born, "active").await;
        }
    }
    let document = town.document("330482").await;
    assert_eq!(document["registered"], 26);
    let shown = |list: &str| -> Vec<i64> {
        let groups = document[list].as_array().expect("groups").iter();
        groups.filter_map(|group| group["people"].as_i64()).filter(|n| *n > 0).collect()
    };
    assert_eq!((shown("sexes"), shown("ages")), (vec![12], vec![12]));
    assert_eq!(document["residents"]["coverage_percent"], json!(3.7));
}

#[tokio::test]
async fn few_members_are_not_told_apart_at_all_and_two_small_groups_take_a_third_with_them() {
    let few = Town::new().await;
    for id in 1..=9 {
        few.member(id, YONGXING, "female", 1960, "active").await;
    }
    let document = few.document(YONGXING).await;
    for list in ["ages", "sexes"] {
        let groups = document[list].as_array().expect("groups");
        assert!(groups.iter().all(|group| group["people"].is_null()), "{groups:?}");
    }
    let town = Town::new().await;
    let mut id = 0;
    for (size, born) in [(3, 1940), (4, 1950), (20, 1980), (30, 2000)] {
        for _ in 0..size {
            id += 1;
            town.member(id, YONGXING, "male", born, "active").await;
        }
    }
    let document = town.document(YONGXING).await;
    let ages = document["ages"].as_array().expect("bands");
    let shown: Vec<i64> =
        ages.iter().filter_map(|band| band["people"].as_i64()).filter(|n| *n > 0).collect();
    assert_eq!(shown, [30]);
}

#[tokio::test]
async fn a_terminal_that_says_nothing_is_silent_where_it_stands_now() {
    let town = Town::new().await;
    let terminal = "INSERT INTO terminals (id, serial, family, time_zone, status, \
                    clock_offset_ms, last_seen_at, epoch, acked_seq, highest_seq, gaps, \
                    created_at) VALUES ($1, $2, 'native', 'Asia/Shanghai', 'active', 0, $3, 1, 0, \
                    0, '[]', $3)";
    let place = "INSERT INTO terminal_places (terminal_id, valid_from, venue_id, direction) \
                 VALUES ($1, $2, $3, 'in')";
    let now = town.clock.now();
    for (id, silent_min) in [(1, 0), (2, 30)] {
        let id = Uuid::from_u128(id);
        let seen = now - TimeDelta::minutes(silent_min);
        town.run(terminal, [id.into(), id.to_string().into(), seen.into()]).await;
        let long_ago = now - TimeDelta::days(9);
        town.run(place, [id.into(), long_ago.into(), town.gym.into()]).await;
        let moved = now - TimeDelta::days(1);
        town.run(place, [id.into(), moved.into(), town.court.into()]).await;
    }
    assert_eq!(town.document(YONGXING).await["terminals"], json!({"online": 0, "total": 0}));
    let document = town.document(DANGHU).await;
    assert_eq!(document["terminals"], json!({"online": 1, "total": 2}));
    assert_eq!(document["silent_terminals"][0]["id"], json!(Uuid::from_u128(2)));
    assert_eq!(document["silent_terminals"][0]["venue"], "多功能球场");
}

#[tokio::test]
async fn distinct_people_are_counted_once_whatever_the_venue_and_month() {
    let town = Town::new().await;
    let row = "INSERT INTO member_venue_months (venue_id, month, member_id, visits, version) \
               VALUES ($1, $2, $3, $4, 1)";
    for (venue, month, member, visits) in [
        (town.gym, "2026-11-01", 1_u128, 2_i64),
        (town.court, "2026-11-01", 1, 1),
        (town.court, "2026-10-01", 1, 1),
        (town.court, "2026-10-01", 2, 1),
        (town.court, "2026-11-01", 3, 0),
    ] {
        let member = Uuid::from_u128(member);
        town.run(row, [venue.into(), day(month).into(), member.into(), visits.into()]).await;
    }
    let document = town.document("330482").await;
    assert_eq!((&document["month"]["people"], &document["ever"]["people"]), (&json!(1), &json!(2)));
    assert_eq!(document["people_as_of"], "2026-11-23T12:00:00.000Z");
}
