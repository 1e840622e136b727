//! The rows of notices, groups, partners and activities.

use serde_json::{Value, json};

use super::For::{self, Anybody, Resident as Registered, Staff};
use crate::support::{COMMUNITY, Resident, TestTown};

pub const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/api/v1/activities", Registered),
    ("GET", "/api/v1/activities/{id}", Registered),
    ("GET", "/api/v1/activities/{id}/results", Registered),
    ("POST", "/api/v1/activities/{id}/sign-up", Registered),
    ("DELETE", "/api/v1/activities/{id}/sign-up", Registered),
    ("POST", "/api/v1/activities/{id}/sign-up/confirmation", Registered),
    ("GET", "/api/v1/certificates/{token}", Anybody),
    ("GET", "/api/v1/groups", Registered),
    ("POST", "/api/v1/groups", Registered),
    ("GET", "/api/v1/groups/{id}", Registered),
    ("GET", "/api/v1/groups/{id}/meetups", Registered),
    ("POST", "/api/v1/groups/{id}/meetups", Registered),
    ("DELETE", "/api/v1/groups/{id}/meetups/{meetup_id}", Registered),
    ("GET", "/api/v1/groups/{id}/members", Registered),
    ("POST", "/api/v1/groups/{id}/members/{member_id}/decision", Registered),
    ("POST", "/api/v1/groups/{id}/membership", Registered),
    ("DELETE", "/api/v1/groups/{id}/membership", Registered),
    ("GET", "/api/v1/groups/{id}/minutes", Registered),
    ("GET", "/api/v1/groups/ranking", Registered),
    ("GET", "/api/v1/me/activities", Registered),
    ("POST", "/api/v1/me/activities/{id}/certificate", Registered),
    ("GET", "/api/v1/me/groups", Registered),
    ("GET", "/api/v1/me/partner-offers", Registered),
    ("POST", "/api/v1/me/partner-offers", Registered),
    ("DELETE", "/api/v1/me/partner-offers/{id}", Registered),
    ("GET", "/api/v1/me/partner-offers/{id}/partners", Registered),
    ("GET", "/api/v1/notices", Anybody),
    ("GET", "/open/v1", Anybody),
    ("GET", "/open/v1/busyness", Anybody),
    ("GET", "/open/v1/dataset", Anybody),
    ("GET", "/open/v1/feeds/{feed}", Anybody),
    ("POST", "/api/v1/partner-offers/{id}/invitation", Registered),
    ("GET", "/api/v1/staff/activities", Staff),
    ("POST", "/api/v1/staff/activities", Staff),
    ("GET", "/api/v1/staff/activities/{id}", Staff),
    ("POST", "/api/v1/staff/activities/{id}/attendance", Staff),
    ("POST", "/api/v1/staff/activities/{id}/cancellation", Staff),
    ("POST", "/api/v1/staff/activities/{id}/results", Staff),
    ("GET", "/api/v1/staff/activities/{id}/sign-ups", Staff),
    ("GET", "/api/v1/staff/groups", Staff),
    ("GET", "/api/v1/staff/groups/{id}", Staff),
    ("POST", "/api/v1/staff/groups/{id}/decision", Staff),
    ("GET", "/api/v1/staff/notices", Staff),
    ("POST", "/api/v1/staff/notices", Staff),
    ("POST", "/api/v1/staff/notices/{id}/withdrawal", Staff),
];

/// Things of the community, with a body that their route takes.
pub async fn things(town: &TestTown, venue: &str) -> Vec<(&'static str, String, Value)> {
    let notice = json!({ "venue_id": venue, "kind": "notice", "title": "公告" });
    let activity = json!({
        "venue_id": venue, "kind": "class", "title": "课程", "capacity": 1,
        "starts_at": "2026-11-24T06:00:00Z", "ends_at": "2026-11-24T08:00:00Z",
    });
    let id = |made: Value| made["id"].as_str().unwrap().to_owned();
    let n = id(town.office.post("/notices", &notice).await.ok());
    let a = id(town.office.post("/activities", &activity).await.ok());
    let of_division = json!({ "division": COMMUNITY, "kind": "notice", "title": "公告" });
    let nobody = super::NOBODYS_ID;
    vec![
        ("POST", "/notices".to_owned(), notice),
        ("POST", "/notices".to_owned(), of_division),
        ("POST", format!("/notices/{n}/withdrawal"), Value::Null),
        ("POST", "/activities".to_owned(), activity),
        ("GET", format!("/activities/{a}"), Value::Null),
        ("GET", format!("/activities/{a}/sign-ups"), Value::Null),
        ("POST", format!("/activities/{a}/attendance"), json!({ "member_id": nobody })),
        ("POST", format!("/activities/{a}/results"), json!({ "results": [] })),
        ("POST", format!("/activities/{a}/cancellation"), json!({ "reason": "x" })),
    ]
}

/// A group that waits for staff.
pub async fn group(town: &TestTown) -> Vec<(&'static str, String, Value)> {
    let founder = Resident::registers(town, "founder").await;
    let group = json!({ "name": "晨跑团", "sport": "running" });
    let made = founder.post("/groups", &group).await.ok();
    let path = format!("/groups/{}", made["id"].as_str().unwrap());
    let approval = json!({ "approve": true, "reason": "x" });
    vec![
        ("GET", format!("{path}?month=2026-11-01"), Value::Null),
        ("POST", format!("{path}/decision"), approval),
    ]
}
