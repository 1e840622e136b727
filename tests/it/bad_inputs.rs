//! The page of bad inputs, sent to the real server and its real routes: here requests, bodies and
//! queries, in the folder beside it people, entries, staff, and what the process itself says. Rows
//! that speak of fields which only the table's own form has are asked of a real form instead.

use serde_json::json;

use crate::support::TestTown;

mod commands;
mod entries;
mod page;
mod people;
mod process;
#[path = "../../src/base/http/raw.rs"]
pub mod raw;
mod senders;
mod standing;
#[path = "../../src/base/http/bad_inputs.rs"]
mod table;

use standing::{NOTHING, Standing};
use table::{Row, Target, failures};

/// Signing in takes JSON from anybody; venues are a list and things for anybody.
const REAL: Target = Target {
    form: "/api/v1/staff/sessions",
    list: "/api/v1/venues",
    things: "/api/v1/venues/",
    host: "fitgate.test",
};

/// Rows that are sent in this file, raw or on forms.
fn sent_as_they_are() -> Vec<u16> {
    let on_forms = FIELDS.iter().chain(&TIMES).chain(&IMMUTABLE).chain(&FILTERS).map(|case| case.0);
    real_rows().iter().map(|row| row.id).chain(on_forms).collect()
}

/// Rows of the table that speak of fields which a form of its own has.
const OF_ITS_OWN_FORM: [u16; 3] = [54, 55, 56];
/// Rows that are answered like any other request, which a real list and page show as well.
const HARMLESS: [u16; 3] = [26, 28, 29];

fn real_rows() -> Vec<Row> {
    let rows = [REAL.framing_rows(), REAL.body_rows(), REAL.query_rows(), REAL.file_rows()];
    let is_real = |row: &Row| {
        let refused = row.status != 200 && !OF_ITS_OWN_FORM.contains(&row.id);
        refused || HARMLESS.contains(&row.id)
    };
    rows.into_iter().flatten().filter(is_real).collect()
}

/// Row, what is sent, status and code.
type Case = (u16, &'static str, u16, &'static str);

/// Filters of a real list: none of them is text, so there is nothing to escape.
const FILTERS: [Case; 3] = [
    (66, "division=%27%20OR%201=1--", 400, "bad_parameter"),
    (66, "division=33%25", 400, "bad_parameter"),
    (66, "division=33_", 400, "bad_parameter"),
];

/// Sends rows that are all refused or harmless; none of them writes anything.
async fn sent_in_vain(town: &TestTown, rows: Vec<Row>, what: &str) {
    let before = (Standing::of(&town.store).await, town.digest().await);
    let wrong = failures(town.address(), rows).await;
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
    before.0.has_grown(&Standing::of(&town.store).await, NOTHING, what);
    assert_eq!(town.digest().await, before.1, "{what}");
}

async fn refused(part: std::ops::RangeInclusive<u16>) {
    let town = TestTown::open().await;
    let rows = real_rows().into_iter().filter(|row| part.contains(&row.id));
    sent_in_vain(&town, rows.collect(), &format!("rows {part:?}")).await;
}

#[tokio::test]
async fn bad_framing_is_refused_by_the_real_server() {
    refused(1..=29).await;
}

#[tokio::test]
async fn bad_bodies_are_refused_by_a_real_route() {
    refused(30..=60).await;
}

#[tokio::test]
async fn bad_queries_are_refused_by_a_real_list() {
    refused(61..=72).await;
    let town = TestTown::open().await;
    let row = |(id, query, status, code): &Case| {
        let request = format!("GET /api/v1/venues?{query} HTTP/1.1\r\nHost: fitgate.test\r\n\r\n");
        Row { id: *id, request: request.into_bytes(), status: *status, code }
    };
    sent_in_vain(&town, FILTERS.iter().map(row).collect(), "filters").await;
}

/// A request to a form for staff, with its bearer.
fn form(method: &str, token: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: fitgate.test\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        uuid::Uuid::new_v4(),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn judged(
    town: &TestTown,
    token: &str,
    path: &str,
    cases: &[(u16, &str, u16, &'static str)],
) {
    let row = |(id, body, status, code): &(u16, &str, u16, &'static str)| Row {
        id: *id,
        request: form("POST", token, path, body.as_bytes()),
        status: *status,
        code,
    };
    sent_in_vain(town, cases.iter().map(row).collect(), path).await;
}

/// Bodies for `POST /api/v1/staff/divisions`.
const FIELDS: [Case; 13] = [
    (39, r#"{"code":"330498","name":"\ud800"}"#, 400, "json_syntax"),
    (40, r#"{"code":"330498","name":"a\u0000"}"#, 422, "control_character"),
    (50, r#"{"code":"330498","name":"a","name":"b"}"#, 422, "duplicate_field"),
    (51, r#"{"code":"330498","name":"a","role":"admin"}"#, 422, "unknown_field"),
    (53, r#"{"code":"330498","name":"a","resident_population":1e999}"#, 400, "json_syntax"),
    (54, r#"{"code":"330498","name":"a","resident_population":1.0}"#, 422, "type"),
    (54, r#"{"code":"330498","name":"a","resident_population":"30"}"#, 422, "type"),
    (
        55,
        r#"{"code":"330498","name":"a","resident_population":9223372036854775808}"#,
        422,
        "out_of_range",
    ),
    (
        55,
        r#"{"code":"330498","name":"a","resident_population":9007199254740993}"#,
        422,
        "out_of_range",
    ),
    (56, r#"{"code":"330498","name":"a","resident_population":-1}"#, 422, "out_of_range"),
    (57, r"{}", 422, "required"),
    (57, r#"{"code":null,"name":"a"}"#, 422, "type"),
    (57, "[]", 422, "type"),
];

#[tokio::test]
async fn fields_of_real_forms_are_judged_one_by_one() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    judged(&town, &token, "/api/v1/staff/divisions", &FIELDS).await;
}

/// Fields that cannot be changed are none of the forms that change a thing.
const IMMUTABLE: [Case; 3] = [
    (58, r#"{"valid_from":"2027-01-01","rules":{},"id":"1"}"#, 422, "unknown_field"),
    (58, r#"{"valid_from":"2027-01-01","rules":{"version":7}}"#, 422, "unknown_field"),
    (58, r#"{"valid_from":"2027-01-01","opened_on":"2020-01-01"}"#, 422, "unknown_field"),
];

#[tokio::test]
async fn what_cannot_be_changed_is_no_field_of_a_change() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let (gym, _) = town.gym().await;
    let path = format!("/api/v1/staff/venues/{}/rules", gym.id);
    judged(&town, &token, &path, &IMMUTABLE).await;
}

/// Instants for `at` of a consent; days are judged with the other forms of a place.
const TIMES: [Case; 9] = [
    (69, "2025-02-30T08:00:00Z", 422, "bad_time"),
    (69, "2025-13-01T08:00:00Z", 422, "bad_time"),
    (69, "2025-02-03T24:00:00Z", 422, "bad_time"),
    (69, "2016-12-31T23:59:60Z", 422, "bad_time"),
    (69, "2025-02-03T08:00:00", 422, "bad_time"),
    (69, "2025-02-03T08:00:00+25:00", 422, "bad_time"),
    (69, "2025-02-03", 422, "bad_time"),
    (69, "", 422, "bad_time"),
    (69, "1738540800", 422, "bad_time"),
];

/// Each form that takes an instant, with `@` where it stands.
const FORMS_WITH_TIMES: [(&str, &str); 6] = [
    ("/members/{}/consents", r#"{"purpose":"door_face","granted":true,"at":"@"}"#),
    ("/members/{}/credentials", r#"{"kind":"card","handle":"x","valid_from":"@"}"#),
    ("/members/{}/credentials", r#"{"kind":"card","handle":"x","valid_to":"@"}"#),
    ("/members/{}/approvals", r#"{"kind":"induction","valid_from":"@"}"#),
    (
        "/members/{}/approvals",
        r#"{"kind":"induction","valid_from":"2026-01-01T00:00:00Z","valid_to":"@"}"#,
    ),
    (
        "/members",
        r#"{"name":"李四","document":{"type":"resident_id","number":"%"},
            "home_community":"330499001001","registered_at":"@"}"#,
    ),
];

#[tokio::test]
async fn an_instant_that_is_none_is_refused_by_every_form_that_takes_one() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let member = town.member().await;
    for (path, body) in FORMS_WITH_TIMES {
        let path = format!("/api/v1/staff{}", path.replace("{}", &member.id));
        let method = if path.ends_with("approvals") { "PUT" } else { "POST" };
        let rows = TIMES.iter().map(|(id, time, status, code)| {
            let number = TestTown::number("1990-01-01", 500);
            let body = body.replace('@', time).replace('%', &number);
            let request = form(method, &token, &path, body.as_bytes());
            Row { id: *id, request, status: *status, code }
        });
        sent_in_vain(&town, rows.collect(), &format!("{path} {body}")).await;
    }
    let before = r#"{"kind":"card","handle":"x","valid_from":"2026-02-01T00:00:00Z",
                     "valid_to":"2026-01-01T00:00:00Z"}"#;
    let path = format!("/api/v1/staff/members/{}/credentials", member.id);
    judged(&town, &token, &path, &[(69, before, 422, "bad_time")]).await;
}

#[tokio::test]
async fn a_terminal_is_told_of_times_that_are_none() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    for (_, time, status, code) in TIMES {
        let beat = json!({ "clock": time, "queue_length": 0 });
        let answer = door.post("/api/v1/terminal/heartbeat", &beat).await;
        assert_eq!(answer.said(), (status, code), "{time}");
        let mut record = door.record("in", &member.face, town.now());
        record["device_time"] = json!(time);
        let answer = door.tells(&[record]).await.ok();
        // A door's clock may lack its zone, which is the venue's, and may show a leap second.
        let readable = ["2025-02-03T08:00:00", "2016-12-31T23:59:60Z"].contains(&time);
        let (result, reason) = match (readable, time) {
            (false, _) => ("rejected", json!("bad_time")),
            (true, "2025-02-03T08:00:00") => ("quarantined", json!("unknown_place")),
            (true, _) => ("quarantined", json!("time_suspect")),
        };
        assert_eq!(
            (&answer["items"][0]["result"], &answer["items"][0]["reason"]),
            (&json!(result), &reason)
        );
    }
}

#[tokio::test]
async fn no_refusal_of_a_bad_place_repeats_what_was_sent() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let base = r#""community":"330499001001","name":"馆","kind":"gym""#;
    let venue = |more: &str| format!("{{{base},{more}}}");
    let cases = [
        (69, venue(r#""opened_on":"2025-02-30""#), 422, "bad_time"),
        (69, venue(r#""opened_on":"2025-02-03T00:00:00Z""#), 422, "bad_time"),
        (
            69,
            venue(
                r#""opened_on":"2026-01-01","hours":[{"weekday":1,"opens":"24:01","closes":"24:00"}]"#,
            ),
            422,
            "bad_time_of_day",
        ),
        (
            69,
            venue(
                r#""opened_on":"2026-01-01","hours":[{"weekday":8,"opens":"08:00","closes":"24:00"}]"#,
            ),
            422,
            "out_of_range",
        ),
        (
            69,
            venue(r#""opened_on":"2026-01-01","rules":{"time_zone":"Mars/Olympus"}"#),
            422,
            "bad_time_zone",
        ),
        (55, venue(r#""opened_on":"2026-01-01","rules":{"capacity":-1}"#), 422, "out_of_range"),
    ];
    let cases: Vec<(u16, &str, u16, &'static str)> =
        cases.iter().map(|(id, body, status, code)| (*id, body.as_str(), *status, *code)).collect();
    judged(&town, &token, "/api/v1/staff/venues", &cases).await;
}
