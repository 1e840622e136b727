//! The table of bad inputs, sent to the real server and its real routes. Rows that speak of fields
//! which only the table's own form has are asked of a real form instead.

use std::net::SocketAddr;

use crate::support::TestTown;

#[path = "../../src/base/http/raw.rs"]
mod raw;
#[path = "../../src/base/http/bad_inputs.rs"]
mod table;

use table::{Row, Target, failures};

/// Signing in takes JSON from anybody; venues are a list and things for anybody.
const REAL: Target = Target {
    form: "/api/v1/staff/sessions",
    list: "/api/v1/venues",
    things: "/api/v1/venues/",
    host: "fitgate.test",
};

/// Rows of the table that name fields of a form of its own, or that expect it to be content.
const OF_ITS_OWN_FORM: [u16; 6] = [34, 48, 50, 54, 55, 56];

async fn refused(rows: Vec<Row>) {
    let town = TestTown::open().await;
    let wrong = failures(town.address(), rows).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn bad_framing_is_refused_by_the_real_server() {
    refused(REAL.framing_rows()).await;
}

#[tokio::test]
async fn bad_bodies_are_refused_by_a_real_route() {
    let rows = REAL.body_rows().into_iter();
    refused(rows.filter(|row| row.status != 200 && !OF_ITS_OWN_FORM.contains(&row.id)).collect())
        .await;
}

#[tokio::test]
async fn bad_queries_are_refused_by_a_real_list() {
    let rows = REAL.query_rows().into_iter();
    refused(rows.filter(|row| row.status != 200).collect()).await;
}

/// A POST to a form for staff, with its bearer.
fn form(token: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: fitgate.test\r\nAuthorization: Bearer {token}\r\n\
         Idempotency-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        uuid::Uuid::new_v4(),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn judged(
    addr: SocketAddr,
    token: &str,
    path: &str,
    cases: &[(u16, &str, u16, &'static str)],
) {
    let row = |(id, body, status, code): &(u16, &str, u16, &'static str)| Row {
        id: *id,
        request: form(token, path, body.as_bytes()),
        status: *status,
        code,
    };
    let wrong = failures(addr, cases.iter().map(row).collect()).await;
    assert!(wrong.is_empty(), "{path}: {wrong:#?}");
}

#[tokio::test]
async fn fields_of_real_forms_are_judged_one_by_one() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let cases = [
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
    judged(town.address(), &token, "/api/v1/staff/divisions", &cases).await;
    let venues = town.office.get("/venues").await.ok();
    assert_eq!(venues["items"], serde_json::json!([]), "nothing was written");
}

#[tokio::test]
async fn people_are_read_with_care() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let number = TestTown::number("1990-01-01", 1);
    let wrong_check = format!("{}{}", &number[..17], if number.ends_with('1') { '2' } else { '1' });
    let person = |name: &str, number: &str| {
        format!(
            r#"{{"name":"{name}","document":{{"type":"resident_id","number":"{number}"}},
                "home_community":"330499001001"}}"#
        )
    };
    let child = TestTown::number("2019-01-01", 1);
    let cases = [
        (76, person(&"长".repeat(51), &number), 422, "name_length"),
        (77, person("李😀四", &number), 422, "name_characters"),
        (81, person("李四", &wrong_check), 422, "id_checksum"),
        (83, person("李四", "330499900101001"), 422, "id_old_format"),
        (84, person("李四", "110101190002290011"), 422, "id_birth_date"),
        (86, person("李四", "110101209912310015"), 422, "id_birth_date"),
        (92, person("李四", &child), 403, "guardian_required"),
    ];
    let cases: Vec<(u16, &str, u16, &'static str)> =
        cases.iter().map(|(id, body, status, code)| (*id, body.as_str(), *status, *code)).collect();
    judged(town.address(), &token, "/api/v1/staff/members", &cases).await;
    let shown = town.screen("330499").await.document().await;
    assert_eq!(shown["registered"], 0);
}

#[tokio::test]
async fn no_refusal_of_a_bad_place_repeats_what_was_sent() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let base = r#""community":"330499001001","name":"馆","kind":"gym""#;
    let venue = |more: &str| format!("{{{base},{more}}}");
    let cases = [
        (69, venue(r#""opened_on":"2025-02-30""#), 422, "invalid_value"),
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
    judged(town.address(), &token, "/api/v1/staff/venues", &cases).await;
}
