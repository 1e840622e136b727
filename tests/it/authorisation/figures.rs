//! The rows of days, reports, rules that are tried, safety, the calendar, exports and webhooks.

use serde_json::{Value, json};

use super::For::{self, Staff};

pub const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/api/v1/staff/calendar", Staff),
    ("POST", "/api/v1/staff/calendar", Staff),
    ("GET", "/api/v1/staff/days", Staff),
    ("GET", "/api/v1/staff/days/{day}", Staff),
    ("GET", "/api/v1/staff/impact-facts", Staff),
    ("POST", "/api/v1/staff/member-exports", Staff),
    ("GET", "/api/v1/staff/member-exports/{id}", Staff),
    ("GET", "/api/v1/staff/webhooks", Staff),
    ("POST", "/api/v1/staff/webhooks", Staff),
    ("DELETE", "/api/v1/staff/webhooks/{id}", Staff),
    ("GET", "/api/v1/staff/webhooks/{id}/deliveries", Staff),
    ("POST", "/api/v1/staff/webhooks/{id}/pings", Staff),
    ("POST", "/api/v1/staff/webhooks/{id}/redeliveries", Staff),
    ("POST", "/api/v1/staff/webhooks/{id}/resumption", Staff),
    ("POST", "/api/v1/staff/webhooks/{id}/secret", Staff),
    ("GET", "/api/v1/staff/evacuations", Staff),
    ("POST", "/api/v1/staff/evacuations/{id}/end", Staff),
    ("GET", "/api/v1/staff/reports/{kind}", Staff),
    ("POST", "/api/v1/staff/rules/adoptions", Staff),
    ("GET", "/api/v1/staff/rules/trials", Staff),
    ("POST", "/api/v1/staff/rules/trials", Staff),
    ("GET", "/api/v1/staff/rules/trials/{id}", Staff),
    ("POST", "/api/v1/staff/rules/what-if", Staff),
    ("POST", "/api/v1/staff/venues/{id}/evacuations", Staff),
    ("GET", "/api/v1/staff/venues/{id}/head-counts", Staff),
    ("POST", "/api/v1/staff/venues/{id}/head-counts", Staff),
    ("PUT", "/api/v1/staff/venues/{id}/holiday-hours", Staff),
    ("GET", "/api/v1/staff/venues/{id}/roll-call", Staff),
    ("GET", "/api/v1/staff/venues/{id}/rules", Staff),
    ("GET", "/api/v1/staff/watch", Staff),
];

/// Things of a venue, with a body that their route takes.
pub fn things(venue: &str, day: &str) -> Vec<(&'static str, String, Value)> {
    let rules = json!({ "usual_stay_min": 50 });
    vec![
        ("GET", format!("/venues/{venue}/roll-call"), Value::Null),
        ("GET", format!("/venues/{venue}/rules"), Value::Null),
        ("GET", format!("/venues/{venue}/head-counts"), Value::Null),
        ("POST", format!("/venues/{venue}/head-counts"), json!({ "counted": 1 })),
        ("POST", format!("/venues/{venue}/evacuations"), json!({ "reason": "x" })),
        ("PUT", format!("/venues/{venue}/holiday-hours"), json!({})),
        (
            "POST",
            "/rules/what-if".to_owned(),
            json!({ "venue_id": venue, "from": day, "to": day, "rules": rules }),
        ),
        (
            "POST",
            "/rules/trials".to_owned(),
            json!({ "venue_id": venue, "from": day, "to": day, "rules": rules }),
        ),
        (
            "POST",
            "/rules/adoptions".to_owned(),
            json!({ "venue_id": venue, "valid_from": day, "rules": rules }),
        ),
        ("GET", format!("/days?venue={venue}&from={day}&to={day}"), Value::Null),
    ]
}
