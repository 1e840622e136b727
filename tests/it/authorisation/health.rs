//! The rows of what the town has beyond the door: reports of residents, fitness, honours, points.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    For::{self, Anybody, Resident as Registered, Staff, Terminal as Signed},
    NOBODYS_ID,
};
use crate::support::TestTown;

pub const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/api/v1/honours", Anybody),
    ("GET", "/api/v1/me/fitness-tests", Registered),
    ("GET", "/api/v1/me/guidance", Registered),
    ("GET", "/api/v1/me/points", Registered),
    ("GET", "/api/v1/me/reports", Registered),
    ("POST", "/api/v1/me/reports/{id}/confirmation", Registered),
    ("GET", "/api/v1/staff/fitness-outcomes", Staff),
    ("GET", "/api/v1/staff/fitness-standards", Staff),
    ("GET", "/api/v1/staff/members/{id}/fitness-guidance", Staff),
    ("POST", "/api/v1/staff/members/{id}/fitness-plans", Staff),
    ("GET", "/api/v1/staff/members/{id}/fitness-tests", Staff),
    ("POST", "/api/v1/staff/members/{id}/fitness-tests", Staff),
    ("POST", "/api/v1/staff/redemptions/{id}/reversal", Staff),
    ("GET", "/api/v1/staff/ticket-notices", Staff),
    ("POST", "/api/v1/staff/ticket-notices/{id}/seen", Staff),
    ("GET", "/api/v1/staff/tickets", Staff),
    ("GET", "/api/v1/staff/tickets/{id}", Staff),
    ("POST", "/api/v1/staff/tickets/{id}/steps", Staff),
    ("PUT", "/api/v1/staff/venues/{id}/points-partner", Staff),
    ("POST", "/api/v1/staff/venues/{id}/redemptions", Staff),
    ("POST", "/api/v1/terminal/fitness-tests", Signed),
    ("POST", "/api/v1/venues/{id}/reports", Registered),
];

/// Things of a venue and a member there, with a body that their route takes. A ticket, a notice and
/// points that were spent are put in as they stand after a resident's day.
pub async fn things(
    town: &TestTown,
    venue: &str,
    member: &str,
) -> Vec<(&'static str, String, Value)> {
    let id = Uuid::from_u128(0xabc);
    let text = |id: Uuid| town.store.uuid(id);
    let (key, place) = (text(id), text(venue.parse().unwrap()));
    let at = "'2026-11-23T01:00:00+00:00'";
    for sql in [
        format!(
            "INSERT INTO tickets (id, venue_id, community, kind, text_ct, state, since, told, \
             reported_at) VALUES ({key}, {place}, '330499001001', 'safety', '', 'reported', {at}, \
             0, {at})"
        ),
        format!(
            "INSERT INTO ticket_notices (id, ticket_id, kind, division, state, at) \
             VALUES ({key}, {key}, 'warning', '330499001001', 'reported', {at})"
        ),
        format!(
            "INSERT INTO point_entries (id, member_id, points, cause, venue_id, rules, by_actor, \
             at) VALUES ({key}, {key}, -1, 'spent', {place}, 1, 'x', {at})"
        ),
    ] {
        town.store.sql(&sql).await;
    }
    let measured = json!({
        "venue_id": venue, "tested_at": "2026-11-23T01:00:00Z",
        "items": [{ "item": "bmi", "value": 22 }],
    });
    let plan = json!({
        "test_id": NOBODYS_ID, "text": "x", "weekly_minutes": 60, "starts_on": "2026-12-01",
        "ends_on": "2026-12-02",
    });
    let spends = json!({ "code": "A", "points": 1 });
    let outcomes = "/fitness-outcomes?quarter=2026-07-01&division=330499001001";
    vec![
        ("GET", outcomes.to_owned(), Value::Null),
        ("GET", format!("/members/{member}/fitness-guidance"), Value::Null),
        ("POST", format!("/members/{member}/fitness-plans"), plan),
        ("GET", format!("/members/{member}/fitness-tests"), Value::Null),
        ("POST", format!("/members/{member}/fitness-tests"), measured),
        ("POST", format!("/redemptions/{id}/reversal"), Value::Null),
        ("POST", format!("/ticket-notices/{id}/seen"), Value::Null),
        ("GET", format!("/tickets/{id}"), Value::Null),
        ("POST", format!("/tickets/{id}/steps"), json!({ "act": "triage" })),
        ("PUT", format!("/venues/{venue}/points-partner"), json!({ "partner": true })),
        ("POST", format!("/venues/{venue}/redemptions"), spends),
    ]
}
