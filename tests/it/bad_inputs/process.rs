//! The page against the binary in a process of its own: it goes on, holds no more memory than
//! before, writes one line a request, and repeats nothing of what it was sent.

use std::collections::HashSet;

use fitgate::Clock;
use serde_json::json;

use super::{
    HARMLESS,
    raw::speak,
    real_rows,
    table::{Row, failures},
};
use crate::support::{Answer, Office, Process, Store};

/// The row that only a log shows; the others are sent once more.
pub const SENT: [u16; 1] = [130];

/// By how much memory may have grown when everything has come a second time.
const GROWTH_KB_MAX: u64 = 20 * 1024;

/// What no line may hold: it stood in requests, and in nothing else.
const MARK: &str = "forged-7f3a91";

/// Words of the tables' rows that name no route and are no words of ours.
const SENT_WORDS: [&str; 6] =
    ["evil.example", "alert(1)", "drop%20table", "xchunked", "1=1--", "%ff"];

/// Row 130: a line break and a line of one's own, wherever a caller has a word.
async fn forges(process: &Process, token: &str) {
    let line = format!("x\n{{\"level\":\"INFO\",\"forged\":\"{MARK}\"}}\r\n{MARK}");
    let escaped = line.replace('\n', "%0a").replace('\r', "%0d").replace('"', "%22");
    let wide = format!("x\u{2028}{MARK}\u{85}{MARK}");
    let host = "Host: fitgate.test\r\n";
    let requests = [
        format!("GET /{escaped} HTTP/1.1\r\n{host}\r\n"),
        format!("GET /api/v1/venues?division={escaped} HTTP/1.1\r\n{host}\r\n"),
        format!("GET /api/v1/venues/{escaped} HTTP/1.1\r\n{host}\r\n"),
        format!("GET /iclock/cdata?SN={escaped}&options=all HTTP/1.1\r\n{host}\r\n"),
        format!("GET /iclock/getrequest?SN={MARK} HTTP/1.1\r\n{host}\r\n"),
        format!("{MARK} / HTTP/1.1\r\n{host}\r\n"),
        format!("GET /api/v1/venues HTTP/1.1\r\nHost: {MARK}\r\n\r\n"),
    ];
    let headers =
        ["User-Agent", "Referer", "X-Request-Id", "Trace-Id", "traceparent", "X-Forwarded-For"];
    let bearer = format!("Authorization: Bearer {MARK}\r\n");
    let named = headers
        .map(|name| format!("GET /api/v1/venues HTTP/1.1\r\n{host}{name}: {wide}\r\n{bearer}\r\n"));
    for request in requests.iter().chain(&named) {
        assert_ne!(speak(process.address, request.as_bytes(), 1).await[0].status, 500, "{request}");
    }
    let sign_in = json!({ "name": line, "password": line, "code": line });
    let own = json!({ "code": line });
    for (path, body) in [("/api/v1/staff/sessions", &sign_in), ("/api/v1/wechat/sessions", &own)] {
        let answer = Answer::to(process.wire.post(path, body)).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
    }
    let reason = json!({ "division": line, "clear": [line], "reason": line });
    let venue = json!({ "community": line, "name": line, "kind": line, "opened_on": line });
    for (path, body) in [("/member-exports", &reason), ("/venues", &venue)] {
        let request = process.wire.post(&format!("/api/v1/staff{path}"), body).bearer_auth(token);
        let answer = Answer::to(request.header("Idempotency-Key", MARK)).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.text);
    }
}

/// Sends rows one after another; gives the trace ids of what was answered.
async fn traces(process: &Process, rows: &[Row]) -> Vec<String> {
    let mut traces = Vec::new();
    for row in rows {
        let answers = speak(process.address, &row.request, 1).await;
        let body = answers.first().map(|answer| answer.body.as_slice()).unwrap_or_default();
        let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        traces.extend(problem["trace_id"].as_str().map(ToOwned::to_owned));
    }
    traces
}

#[tokio::test]
async fn the_process_goes_on_as_before_and_its_log_has_lines_of_its_own_only() {
    let (store, scratch) = (Store::fresh().await, tempfile::tempdir().unwrap());
    let process = Process::start(&store, scratch.path()).await;
    let office = Office::hired(&store, &process.wire, &Clock::system(), "admin", "33").await;
    let token = office.token().await;
    let sent = || -> Vec<Row> {
        real_rows().into_iter().filter(|row| !HARMLESS.contains(&row.id)).collect()
    };
    let wrong = failures(process.address, sent()).await;
    assert!(wrong.is_empty(), "{wrong:#?}");
    forges(&process, &token).await;
    let before = process.memory_kb();
    let traces = traces(&process, &sent()).await;
    forges(&process, &token).await;
    let after = process.memory_kb();
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after < before + GROWTH_KB_MAX, "{before} KB, then {after} KB");
    }
    assert_eq!(Answer::to(process.wire.get("/api/v1/venues")).await.status, 200);
    assert_eq!(Answer::to(process.ops.get("/readyz")).await.status, 200);
    let log = process.stopped().await;
    assert!(traces.len() > 60, "{} refusals say their trace id", traces.len());
    let logged: HashSet<&str> = log.split(|c: char| !(c.is_ascii_hexdigit() || c == '-')).collect();
    let lost: Vec<&String> = traces.iter().filter(|id| !logged.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "refusals that the log does not tell of: {lost:?}");
    for line in log.lines() {
        let begins = line.get(..4).is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()));
        assert!(begins && line.contains("Z "), "no line of ours: {line}");
        assert!(!line.contains(MARK), "{line}");
        assert!(!SENT_WORDS.iter().any(|word| line.contains(word)), "{line}");
    }
    assert!(!log.contains("panicked"));
}
