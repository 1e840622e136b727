//! The rows of instructors, coaches, courts, slots and bookings.

use serde_json::{Value, json};

use super::{
    For::{self, Resident as Registered, Staff},
    NOBODYS_ID,
};
use crate::support::{COMMUNITY, TestTown};

pub const ROUTES: &[(&str, &str, For)] = &[
    ("POST", "/api/v1/bookings", Registered),
    ("DELETE", "/api/v1/bookings/{id}", Registered),
    ("POST", "/api/v1/bookings/{id}/confirmation", Registered),
    ("POST", "/api/v1/bookings/{id}/rating", Registered),
    ("GET", "/api/v1/coaches", Registered),
    ("GET", "/api/v1/coaches/{id}/slots", Registered),
    ("GET", "/api/v1/courts", Registered),
    ("GET", "/api/v1/courts/{id}/slots", Registered),
    ("GET", "/api/v1/me/bookings", Registered),
    ("POST", "/api/v1/slots/{id}/waiters", Registered),
    ("DELETE", "/api/v1/slots/{id}/waiters", Registered),
    ("POST", "/api/v1/staff/courts", Staff),
    ("GET", "/api/v1/staff/instructors", Staff),
    ("POST", "/api/v1/staff/instructors", Staff),
    ("GET", "/api/v1/staff/instructors/{id}", Staff),
    ("PATCH", "/api/v1/staff/instructors/{id}", Staff),
    ("POST", "/api/v1/staff/instructors/{id}/certificates", Staff),
    ("DELETE", "/api/v1/staff/instructors/{id}/certificates/{key}", Staff),
    ("POST", "/api/v1/staff/members/{id}/booking-pardon", Staff),
    ("GET", "/api/v1/staff/slots", Staff),
    ("POST", "/api/v1/staff/slots", Staff),
    ("DELETE", "/api/v1/staff/slots/{id}", Staff),
    ("GET", "/api/v1/staff/slots/{id}/bookings", Staff),
    ("DELETE", "/api/v1/staff/slot-series/{id}", Staff),
];

/// Things of a community's sports life, with a body that their route takes.
pub async fn things(
    town: &TestTown,
    venue: &str,
    member: &str,
    other: &str,
) -> Vec<(&'static str, String, Value)> {
    let office = &town.office;
    let zone = json!({ "kind": "badminton", "name": "羽毛球场" });
    let zone = office.post(&format!("/venues/{venue}/zones"), &zone).await.ok();
    let court = json!({ "venue_id": venue, "zone_id": zone["id"], "sport": "badminton" });
    let (starts, ends) = ("2026-11-24T02:00:00Z", "2026-11-24T03:00:00Z");
    let new = |member: &str| json!({ "member_id": member, "home_community": COMMUNITY, "is_coach": true });
    let instructor = office.post("/instructors", &new(member)).await.ok();
    let i = instructor["id"].as_str().unwrap();
    let certificate = json!({
        "level": "second", "issuer": "体育局", "number": "J-1", "issued_on": "2025-01-01",
    });
    let path = format!("/instructors/{i}/certificates");
    let certified = office.post(&path, &certificate).await.ok();
    let slot = json!({
        "venue_id": venue, "instructor_id": i, "starts_at": starts, "ends_at": ends,
        "repeat": { "weekdays": [3], "until": "2026-12-10" },
    });
    let published = office.post("/slots", &slot).await.ok();
    let (s, series) = (published["slots"][0].as_str().unwrap(), &published["series_id"]);
    let series = series.as_str().unwrap();
    vec![
        ("POST", "/courts".to_owned(), court),
        ("POST", "/instructors".to_owned(), new(other)),
        ("GET", format!("/instructors/{i}"), Value::Null),
        ("PATCH", format!("/instructors/{i}"), json!({ "is_coach": true })),
        ("POST", path.clone(), certificate),
        ("DELETE", format!("{path}/{}", certified["id"].as_str().unwrap()), Value::Null),
        ("DELETE", format!("{path}/{NOBODYS_ID}"), Value::Null),
        ("POST", format!("/members/{member}/booking-pardon"), json!({ "reason": "x" })),
        ("GET", format!("/slots?venue_id={venue}"), Value::Null),
        ("POST", "/slots".to_owned(), slot),
        ("DELETE", format!("/slots/{s}?reason=x"), Value::Null),
        ("GET", format!("/slots/{s}/bookings"), Value::Null),
        ("DELETE", format!("/slot-series/{series}?reason=x"), Value::Null),
    ]
}
