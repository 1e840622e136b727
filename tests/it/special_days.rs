//! Holidays and swapped workdays: a year's file, what venues then open, and trends by kind of day.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Office, TestTown, eventually};

const YEAR: &str = "day,kind,name,as_weekday\n2026-11-24,holiday,校庆,\n2026-11-28,workday,调休,2\n\
                    2026-11-23,holiday,开放日,\n";

async fn takes(office: &Office, division: &str, file: &str) -> Answer {
    let request = office.request(Method::POST, &format!("/calendar?division={division}")).await;
    Answer::to(request.header("Content-Type", "text/csv").body(file.to_owned())).await
}

#[tokio::test]
async fn a_calendar_gives_venues_their_hours_on_days_that_have_not_begun() {
    let town = TestTown::open().await;
    let hours: Vec<Value> = (1..=5)
        .map(|day| json!({ "weekday": day, "opens": format!("0{day}:00"), "closes": "22:00" }))
        .collect();
    let gym = town.venue("健身房", json!({ "hours": hours })).await;
    let manager = town.hire("district", "330499").await;
    let path = format!("/venues/{}/holiday-hours", gym.id);
    let set = manager.put(&path, &json!({ "opens": "10:00", "closes": "16:00" })).await.ok();
    assert_eq!(set["hours"], 0);
    // Staff gave this day hours of its own: they stand.
    let own = json!({ "day": "2026-12-25", "opens": "07:00", "closes": "08:00", "reason": "早场" });
    manager.post(&format!("/venues/{}/exceptions", gym.id), &own).await.ok();
    let file = format!("{YEAR}2026-12-25,holiday,节日,\n");
    let taken = takes(&manager, "330499", &file).await.ok();
    // Monday has begun; the others have not.
    assert_eq!(taken, json!({ "days": 4, "hours": 2 }));
    assert_eq!(takes(&manager, "330499", &file).await.ok(), json!({ "days": 0, "hours": 0 }));
    let rows = town
        .store
        .rows("SELECT opens, closes, reason FROM venue_exceptions ORDER BY day, version")
        .await;
    let told: Vec<(Option<i32>, Option<i32>, String)> = rows
        .iter()
        .map(|row| {
            let text = row.try_get("", "reason").unwrap();
            (row.try_get("", "opens").unwrap(), row.try_get("", "closes").unwrap(), text)
        })
        .collect();
    let hours = |from: i32, to: i32| (Some(from * 60), Some(to * 60));
    let expected = [
        (hours(10, 16).0, hours(10, 16).1, "校庆".to_owned()),
        // A Saturday on which people work as on a Tuesday.
        (hours(2, 22).0, hours(2, 22).1, "调休".to_owned()),
        (hours(7, 8).0, hours(7, 8).1, "早场".to_owned()),
    ];
    assert_eq!(told, expected);
    // Holidays are closed now; what was written from the calendar follows.
    assert_eq!(manager.put(&path, &json!({})).await.ok()["hours"], 1);
    let shown = manager.get("/calendar").await.ok();
    assert_eq!(shown["items"].as_array().unwrap().len(), 4);
    let desk = town.hire("venue", "330499001001").await;
    assert_eq!(takes(&desk, "330499001001", YEAR).await.said(), (403, "forbidden"));
    let stranger = town.hire("district", "330498").await;
    assert_eq!(takes(&stranger, "330499", YEAR).await.said(), (404, "not_found"));
    let bad = takes(&manager, "330499", "day,kind,name,as_weekday\n2026-13-01,holiday,x,\n").await;
    assert_eq!((bad.status, &bad.body["errors"][0]["pointer"]), (422, &json!("/1/day")));
    let json = manager.post("/calendar?division=330499", &json!({})).await;
    assert_eq!(json.said(), (415, "calendar_format"));
}

#[tokio::test]
async fn trends_tell_holidays_from_workdays_and_the_command_takes_a_year() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    door.asks("in", &town.member().await.face).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("2026.csv");
    std::fs::write(&file, YEAR).unwrap();
    let said = town
        .store
        .fitgate(&["calendar", "import", file.to_str().unwrap(), "--division", "33"])
        .await;
    assert_eq!(said, r#"{"days":3,"hours":0}"#);
    let month = "from=2026-11-01&to=2026-11-30&by=month&division=330499";
    let trend = eventually("a day with a visit", async || {
        let trend = town.office.get(&format!("/reports/day-types?{month}")).await.ok();
        Some(trend).filter(|trend| !trend["rows"].as_array().unwrap().is_empty())
    })
    .await;
    let all = json!(["2026-11", "330499", "区划330499", "holiday", 1, 1, 0, 1]);
    assert_eq!(trend["rows"][0], all, "{trend}");
}
