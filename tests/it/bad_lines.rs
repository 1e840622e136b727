//! Bad lines to the real server: peers that are slow, that stop in the middle, that go away before
//! they are answered, that ask for everything at once.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, interval, timeout},
};
use uuid::Uuid;

use crate::{
    bad_inputs::raw::speak,
    support::{Answer, COMMUNITY, Terminal, TestTown, eventually, results},
};

/// Longer than the server waits for anything that a peer owes it.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the server still sends before it closes, and after how long it does.
async fn until_closed(socket: &mut TcpStream) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    let mut received = Vec::new();
    // A reset also ends a connection.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut received)).await.expect("it closes");
    (received, begun.elapsed())
}

/// Row 16: a head that comes a byte at a time is cut off after ten seconds.
async fn slow_head(town: &TestTown) {
    let mut socket = TcpStream::connect(town.address()).await.unwrap();
    let (begun, mut ticks) = (Instant::now(), interval(Duration::from_millis(500)));
    while socket.write_all(b"G").await.is_ok() {
        ticks.tick().await;
        assert!(begun.elapsed() < Duration::from_secs(14), "the server goes on listening");
    }
    assert!(begun.elapsed() > Duration::from_secs(9), "{:?}", begun.elapsed());
}

/// Row 17: a body that does not come is answered after fifteen seconds.
async fn slow_body(town: &TestTown) {
    let mut socket = TcpStream::connect(town.address()).await.unwrap();
    let head = "POST /api/v1/staff/sessions HTTP/1.1\r\nHost: fitgate.test\r\n\
                Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut start = [0; 12];
    timeout(PATIENCE, socket.read_exact(&mut start)).await.expect("it answers").unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
    assert!(begun.elapsed() < Duration::from_secs(19), "{:?}", begun.elapsed());
}

/// Row 18: who takes nothing of much is dropped after thirty seconds, with most of it unsent.
async fn slow_reader(town: &TestTown) {
    const ASKED: usize = 2000;
    let request = "GET /api/v1/openapi.json HTTP/1.1\r\nHost: fitgate.test\r\n\r\n";
    let one = speak(town.address(), request.as_bytes(), 1).await.remove(0);
    let mut socket = TcpStream::connect(town.address()).await.unwrap();
    socket.write_all(request.repeat(ASKED).as_bytes()).await.unwrap();
    // Nothing is read for as long as the server waits, and a little longer.
    let _ = timeout(Duration::from_secs(36), std::future::pending::<()>()).await;
    let (received, _) = until_closed(&mut socket).await;
    assert!(received.len() < one.body.len() * ASKED / 2, "{} bytes came", received.len());
}

#[tokio::test]
async fn slow_peers_are_dropped() {
    let town = TestTown::open().await;
    tokio::join!(slow_head(&town), slow_body(&town), slow_reader(&town));
    assert_eq!(Answer::to(town.wire.get("/api/v1/venues")).await.status, 200);
}

/// A request with a body, as bytes.
fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: fitgate.test\r\nContent-Type: application/json\r\n\
         {headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Row 20.
#[tokio::test]
async fn a_body_that_ends_early_writes_nothing() {
    let town = TestTown::open().await;
    let authorization = format!("Authorization: Bearer {}\r\n", town.office.token().await);
    let body = r#"{"code":"330498","name":"区"}"#;
    let whole = request("POST", "/api/v1/staff/divisions", &authorization, body);
    for missing in [1, body.len()] {
        let mut socket = TcpStream::connect(town.address()).await.unwrap();
        socket.write_all(&whole[..whole.len() - missing]).await.unwrap();
        socket.shutdown().await.unwrap();
        let (received, _) = until_closed(&mut socket).await;
        assert!(received.is_empty() || received.starts_with(b"HTTP/1.1 400"));
    }
    let made = speak(town.address(), &whole, 1).await.remove(0);
    assert_eq!(made.status, 201, "the division was not there before");
}

/// Row 24.
#[tokio::test]
async fn many_requests_at_once_are_answered_in_order() {
    let town = TestTown::open().await;
    let paths = ["icon.svg", "app.css", "no-such-thing"];
    let get = |n: usize| {
        format!("GET /screen/page/{} HTTP/1.1\r\nHost: fitgate.test\r\n\r\n", paths[n % 3])
    };
    let all: Vec<String> = (0..999).map(get).collect();
    let answers = speak(town.address(), all.concat().as_bytes(), 999).await;
    assert_eq!(answers.len(), 999);
    for (n, answer) in answers.iter().enumerate() {
        let first = &answers[n % 3];
        let said = |answer: &crate::bad_inputs::raw::Answer| {
            (answer.status, answer.header("content-type").to_owned(), answer.body.len())
        };
        if n % 3 < 2 {
            assert_eq!(said(answer), said(first), "{n}");
        }
        assert_eq!(answer.status, if n % 3 == 2 { 404 } else { 200 }, "{n}");
    }
}

/// How a client goes away.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// With this much of a thousandth of the request unsent.
    Within(usize),
    /// As soon as all is sent.
    AfterSending,
    /// When the first byte of the answer is there.
    AtTheAnswer,
}

const WAYS: [Leaves; 6] = [
    Leaves::Within(1),
    Leaves::Within(500),
    Leaves::AfterSending,
    Leaves::AfterSending,
    Leaves::AfterSending,
    Leaves::AtTheAnswer,
];

async fn goes_away(town: &TestTown, whole: &[u8], how: Leaves) {
    let mut socket = TcpStream::connect(town.address()).await.unwrap();
    match how {
        Leaves::Within(thousandths) => {
            let sent = whole.len() - (whole.len() * thousandths / 1000).max(1);
            socket.write_all(&whole[..sent]).await.unwrap();
        }
        Leaves::AfterSending => socket.write_all(whole).await.unwrap(),
        Leaves::AtTheAnswer => {
            socket.write_all(whole).await.unwrap();
            let _ = timeout(PATIENCE, socket.read_u8()).await.expect("it answers");
        }
    }
}

/// A signed request of a terminal, as bytes.
fn signed(door: &Terminal, path: &str, body: &str) -> Vec<u8> {
    let envelope = door.envelope();
    let headers = format!(
        "Fitgate-Terminal: {}\r\nFitgate-Key: {}\r\nFitgate-Timestamp: {}\r\n\
         Fitgate-Nonce: {}\r\nFitgate-Signature: {}\r\n",
        envelope.terminal,
        envelope.key,
        envelope.timestamp,
        envelope.nonce,
        envelope.signs(&Method::POST, path, body)
    );
    request("POST", path, &headers, body)
}

/// Row 21: a command of a person, under one key.
async fn registers_twice(town: &TestTown, n: u32, how: Leaves) {
    let number = TestTown::number("1990-01-01", 1000 + n);
    let body = json!({
        "name": "张三", "home_community": COMMUNITY,
        "document": { "type": "resident_id", "number": number },
    });
    let (key, token) = (Uuid::new_v4().to_string(), town.office.token().await);
    let headers = format!("Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n");
    let whole = request("POST", "/api/v1/staff/members", &headers, &body.to_string());
    goes_away(town, &whole, how).await;
    // The first attempt may still be at work.
    let made = eventually("an answer to the second attempt", async || {
        let again = speak(town.address(), &whole, 1).await.remove(0);
        (again.code() != "idempotency_key_in_use").then_some(again)
    })
    .await;
    assert_eq!(made.status, 201, "{how:?} {}", made.code());
}

/// Row 21: a batch of a terminal, under the same numbers.
async fn tells_twice(town: &TestTown, door: &Terminal, records: &[Value], how: Leaves) {
    let path = "/api/v1/terminal/events";
    let body = json!({ "events": records }).to_string();
    goes_away(town, &signed(door, path, &body), how).await;
    let answer = door.tells(records).await.ok();
    let taken = |result: &&str| ["accepted", "duplicate"].contains(result);
    assert!(results(&answer).iter().all(taken), "{how:?} {answer}");
}

#[tokio::test]
async fn who_goes_away_in_the_middle_and_comes_back_has_one_effect() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let screen = town.screen("330499").await;
    for (n, how) in (0..).zip(WAYS) {
        registers_twice(&town, n, how).await;
        let came = town.now() - chrono::TimeDelta::hours(3 * i64::from(n) + 3);
        let left = came + chrono::TimeDelta::minutes(10);
        let records =
            [door.record("in", &member.face, came), door.record("out", &member.face, left)];
        tells_twice(&town, &door, &records, how).await;
    }
    let all = |shown: &Value| {
        let ever = &shown["ever"];
        (shown["registered"].as_i64(), ever["visits"].as_i64(), ever["minutes"]["total"].as_i64())
    };
    let expected = (Some(7), Some(6), Some(60));
    screen.shows("each once", |shown| all(shown) == expected).await;
    town.adds_up().await;
    assert_eq!(all(&screen.document().await), expected);
}
