//! The edge as its callers see it: the table of bad inputs against the toy router, and what only
//! time, several requests or several connections show.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{
    bad_inputs::{Target, failures},
    edge::Settings,
    raw::{Answer, PATIENCE, speak},
    serve::Limits,
    toy::{Toy, settings, short_limits, short_settings, start},
};

const TARGET: Target = Target { form: "/forms", list: "/list", things: "/things/", host: "toy" };

/// With the product's own bounds, so that a busy machine changes nothing.
async fn toy() -> Toy {
    start(Limits::default(), settings()).await
}

/// With bounds so short that a test can wait for them.
async fn hasty_toy() -> Toy {
    start(short_limits(), short_settings()).await
}

async fn one(toy: &Toy, request: &str) -> Answer {
    let mut answers = speak(toy.addr, request.as_bytes(), 1).await;
    assert!(!answers.is_empty(), "no answer to {request}");
    answers.remove(0)
}

async fn get(toy: &Toy, path: &str, headers: &str) -> Answer {
    one(toy, &format!("GET {path} HTTP/1.1\r\nHost: toy\r\n{headers}\r\n")).await
}

/// What the server still sends before it closes, and how long that took.
async fn until_closed(socket: &mut TcpStream) -> (Vec<u8>, Duration) {
    let begun = Instant::now();
    let mut received = Vec::new();
    // A reset also ends a connection.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut received)).await.expect("it closes");
    (received, begun.elapsed())
}

#[tokio::test]
async fn bad_framing_gets_what_the_table_says() {
    let toy = toy().await;
    assert_eq!(failures(toy.addr, TARGET.framing_rows()).await, [""; 0]);
}

#[tokio::test]
async fn bad_bodies_get_what_the_table_says() {
    let toy = toy().await;
    assert_eq!(failures(toy.addr, TARGET.body_rows()).await, [""; 0]);
}

#[tokio::test]
async fn files_get_what_the_table_says() {
    let toy = toy().await;
    assert_eq!(failures(toy.addr, TARGET.file_rows()).await, [""; 0]);
}

#[tokio::test]
async fn bad_queries_get_what_the_table_says() {
    let toy = toy().await;
    assert_eq!(failures(toy.addr, TARGET.query_rows()).await, [""; 0]);
}

/// Row 16, and a connection on which nothing is ever said.
#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let toy = hasty_toy().await;
    for first_words in ["", "GET / HT", "GET / HTTP/1.1\r\nHost: toy\r\nX: "] {
        let mut socket = TcpStream::connect(toy.addr).await.unwrap();
        socket.write_all(first_words.as_bytes()).await.unwrap();
        let (received, took) = until_closed(&mut socket).await;
        assert!(received.is_empty() && took >= Duration::from_millis(150), "{took:?}");
    }
}

/// Row 16: a byte now and then does not buy more time.
#[tokio::test]
async fn a_slow_head_gets_no_more_time_than_a_silent_one() {
    let toy = hasty_toy().await;
    let mut socket = TcpStream::connect(toy.addr).await.unwrap();
    let begun = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while timeout(PATIENCE, ticks.tick()).await.is_ok() && socket.write_all(b"G").await.is_ok() {
        assert!(begun.elapsed() < PATIENCE, "the server goes on listening");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_only_after_the_idle_time() {
    let toy = hasty_toy().await;
    let mut socket = TcpStream::connect(toy.addr).await.unwrap();
    socket.write_all(b"GET /list HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
    let (received, took) = until_closed(&mut socket).await;
    assert!(
        received.starts_with(b"HTTP/1.1 200") && took >= Duration::from_millis(350),
        "{took:?}"
    );
}

#[tokio::test]
async fn an_answer_may_take_longer_than_the_idle_time_and_so_may_many_requests() {
    let (toy, idle) = (hasty_toy().await, short_limits().idle_timeout);
    let mut busy = TcpStream::connect(toy.addr).await.unwrap();
    busy.write_all(b"GET /until-stop HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
    let mut asking = TcpStream::connect(toy.addr).await.unwrap();
    let (begun, mut ticks) = (Instant::now(), tokio::time::interval(idle / 8));
    while begun.elapsed() < 2 * idle {
        ticks.tick().await;
        asking.write_all(b"GET /list HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        assert!(asking.read(&mut answer).await.unwrap() > 0, "after {:?}", begun.elapsed());
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
    toy.stop.cancel();
    let (received, _) = until_closed(&mut busy).await;
    assert!(received.ends_with(b"done"));
}

/// Row 17, for every reader of bodies, ours or axum's.
#[tokio::test]
async fn a_slow_body_is_answered_408() {
    let toy = hasty_toy().await;
    for path in ["/forms", "/raw", "/axum-bytes"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: toy\r\nContent-Type: application/json\r\n\
             Content-Length: 10\r\n\r\n{{"
        );
        let answer = one(&toy, &head).await;
        assert_eq!((answer.status, answer.code().as_str()), (408, "request_timeout"), "{path}");
    }
}

/// Row 20.
#[tokio::test]
async fn a_body_that_ends_early_is_refused_or_dropped() {
    let toy = toy().await;
    let mut socket = TcpStream::connect(toy.addr).await.unwrap();
    let head = "POST /forms HTTP/1.1\r\nHost: toy\r\nContent-Type: application/json\r\n";
    socket.write_all(format!("{head}Content-Length: 12\r\n\r\n{{").as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let (received, _) = until_closed(&mut socket).await;
    assert!(received.is_empty() || received.starts_with(b"HTTP/1.1 400"));
}

/// Row 18.
#[tokio::test]
async fn a_peer_that_takes_nothing_is_dropped() {
    let toy = hasty_toy().await;
    let mut socket = TcpStream::connect(toy.addr).await.unwrap();
    socket.write_all(b"GET /huge HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
    // Nothing is read: the server's end fills up, and its task must end all the same.
    assert!(all_places_are_free(&toy).await, "the connection is not dropped");
    let (received, _) = until_closed(&mut socket).await;
    assert!(received.len() < 64 << 20);
}

/// Whether so many connections as may be at once are all served, waiting for one to end.
async fn all_places_are_free(toy: &Toy) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let mut sockets = Vec::new();
        let mut served = 0;
        for _ in 0..short_limits().connections_max {
            let mut socket = TcpStream::connect(toy.addr).await.unwrap();
            socket.write_all(b"GET /list HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
            let mut start = [0; 12];
            if socket.read_exact(&mut start).await.is_ok() && &start == b"HTTP/1.1 200" {
                served += 1;
            }
            sockets.push(socket);
        }
        if served == short_limits().connections_max {
            return true;
        }
    }
    false
}

/// Row 19.
#[tokio::test]
async fn connections_over_the_limit_are_refused_at_once_and_the_others_served() {
    let limits = Limits { connections_max: 2, ..Limits::default() };
    let toy = start(limits, settings()).await;
    let request = b"GET /list HTTP/1.1\r\nHost: toy\r\n\r\n";
    let mut first = TcpStream::connect(toy.addr).await.unwrap();
    let _second = TcpStream::connect(toy.addr).await.unwrap();
    let refused = speak(toy.addr, request, 1).await.remove(0);
    assert_eq!((refused.status, refused.code().as_str()), (503, "overloaded"));
    assert_eq!(refused.header("retry-after"), "1");
    first.write_all(request).await.unwrap();
    let mut start = [0; 12];
    first.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

/// Row 24.
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let toy = toy().await;
    let request = |n| format!("GET /list?limit={} HTTP/1.1\r\nHost: toy\r\n\r\n", n % 200 + 1);
    let requests: Vec<String> = (0..1000).map(request).collect();
    let answers = speak(toy.addr, requests.concat().as_bytes(), 1000).await;
    assert_eq!(answers.len(), 1000);
    for (n, answer) in answers.iter().enumerate() {
        let expected = format!("{{\"rows\":{},\"name\":null}}", n % 200 + 1);
        assert_eq!(String::from_utf8_lossy(&answer.body), expected);
    }
}

/// Row 8: what hides behind a request with two lengths is never taken for a request.
#[tokio::test]
async fn a_smuggled_request_is_not_answered() {
    let toy = toy().await;
    let fine = "POST /forms HTTP/1.1\r\nHost: toy\r\nTransfer-Encoding: chunked\r\n\
        Content-Type: application/json\r\n\r\n6\r\n{\"name\r\n6\r\n\": \"x\"\r\n1\r\n}\r\n0\r\n\r\n";
    let bad = "POST /forms HTTP/1.1\r\nHost: toy\r\nContent-Length: 60\r\n\
        Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /list HTTP/1.1\r\nHost: toy\r\n\r\n";
    let answers = speak(toy.addr, format!("{fine}{fine}{bad}{fine}").as_bytes(), 9).await;
    assert_eq!(answers.iter().map(|a| a.status).collect::<Vec<_>>(), [200, 200, 400]);
}

/// Row 25.
#[tokio::test]
async fn a_forwarded_address_is_believed_only_from_a_trusted_proxy() {
    let headers = "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n";
    assert_eq!(get(&toy().await, "/address", headers).await.body, b"127.0.0.1");
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let toy = start(Limits::default(), Settings { trusted_proxies, ..settings() }).await;
    assert_eq!(get(&toy, "/address", headers).await.body, b"1.2.3.4");
}

#[tokio::test]
async fn a_route_may_allow_larger_bodies() {
    let toy = toy().await;
    let send = async |path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: toy\r\nContent-Length: 4194304\r\n\r\n");
        speak(toy.addr, &[head.as_bytes(), &vec![b'x'; 4 << 20]].concat(), 1).await.remove(0)
    };
    assert_eq!(send("/large").await.body, b"4194304");
    assert_eq!(send("/raw").await.code(), "body_too_large");
    assert_eq!(send("/axum-bytes").await.code(), "body_too_large");
}

#[tokio::test]
async fn a_panic_and_an_unplanned_error_are_500_without_a_word_of_the_cause() {
    let toy = toy().await;
    for path in ["/panic", "/broken"] {
        let answer = get(&toy, path, "Accept-Language: en\r\n").await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "internal"));
        let body = String::from_utf8(answer.body.clone()).unwrap();
        assert!(body.contains("Something went wrong") && !body.contains("cause"), "{body}");
        assert!(body.contains(answer.header("trace-id")));
    }
    assert_eq!(get(&toy, "/list", "").await.status, 200);
}

#[tokio::test]
async fn what_takes_too_long_or_is_too_much_is_503_with_a_time_to_come_back() {
    let settings =
        Settings { total_timeout: Duration::from_millis(300), in_flight_max: 1, ..settings() };
    let toy = start(Limits::default(), settings).await;
    let (slow, shed) = tokio::join!(get(&toy, "/slow", ""), async {
        let mut answer = get(&toy, "/list", "").await;
        while answer.status == 200 {
            answer = get(&toy, "/list", "").await;
        }
        answer
    });
    assert_eq!((slow.status, slow.code().as_str()), (503, "timed_out"));
    assert_eq!((shed.status, shed.code().as_str()), (503, "overloaded"));
    assert_eq!(shed.header("retry-after"), "1");
}

#[tokio::test]
async fn those_who_go_first_find_room_where_others_are_turned_away() {
    let settings = Settings {
        total_timeout: Duration::from_secs(1),
        in_flight_max: 4,
        goes_first: |path| path == "/list",
        ..settings()
    };
    let toy = start(Limits::default(), settings).await;
    let slow = || get(&toy, "/slow", "");
    let ((shed, first), ..) = tokio::join!(
        async {
            let mut answer = get(&toy, "/named/a", "").await;
            while answer.status == 200 {
                answer = get(&toy, "/named/a", "").await;
            }
            (answer, get(&toy, "/list", "").await)
        },
        slow(),
        slow(),
        slow(),
    );
    assert_eq!((shed.status, shed.code().as_str()), (503, "overloaded"));
    assert_eq!(first.status, 200);
}

#[tokio::test]
async fn every_answer_bears_the_security_headers() {
    let toy = toy().await;
    let data = get(&toy, "/list", "X-Request-Id: mine\r\nTrace-Id: mine\r\n").await;
    assert_eq!(data.header("x-content-type-options"), "nosniff");
    assert_eq!(data.header("cache-control"), "no-store");
    assert_eq!(data.header("referrer-policy"), "no-referrer");
    assert!(data.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(uuid::Uuid::parse_str(data.header("trace-id")).is_ok());
    let page = get(&toy, "/page", "").await;
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
}

#[tokio::test]
async fn metrics_count_by_pattern_and_never_by_address() {
    let toy = toy().await;
    get(&toy, "/named/13800138000", "").await;
    get(&toy, "/nowhere/13800138000", "").await;
    let text = toy.metrics.text().unwrap();
    assert!(text.contains(r#"method="GET",route="/named/{name}",status="2xx"} 1"#), "{text}");
    assert!(text.contains(r#"method="GET",route="unmatched",status="4xx"} 1"#), "{text}");
    assert!(text.contains("fitgate_http_requests_in_flight 0") && !text.contains("138001"));
}

#[tokio::test]
async fn a_stop_lets_requests_end_and_closes_idle_connections() {
    let toy = toy().await;
    let mut idle = TcpStream::connect(toy.addr).await.unwrap();
    idle.write_all(b"GET /list HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
    idle.read_exact(&mut [0; 12]).await.unwrap();
    let mut busy = TcpStream::connect(toy.addr).await.unwrap();
    busy.write_all(b"GET /until-stop HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
    wait_for(&toy, "fitgate_http_requests_in_flight 1").await;
    toy.stop.cancel();
    let (received, _) = until_closed(&mut busy).await;
    assert!(received.starts_with(b"HTTP/1.1 200") && received.ends_with(b"done"));
    until_closed(&mut idle).await;
    timeout(PATIENCE, toy.served).await.expect("it ends").unwrap().unwrap();
    assert!(TcpStream::connect(toy.addr).await.is_err());
}

#[tokio::test]
async fn what_does_not_end_by_the_deadline_is_cut_off() {
    let toy = hasty_toy().await;
    let mut stuck = TcpStream::connect(toy.addr).await.unwrap();
    stuck.write_all(b"GET /slow HTTP/1.1\r\nHost: toy\r\n\r\n").await.unwrap();
    wait_for(&toy, "fitgate_http_requests_in_flight 1").await;
    toy.stop.cancel();
    timeout(PATIENCE, toy.served).await.expect("it ends").unwrap().unwrap();
    assert!(until_closed(&mut stuck).await.0.is_empty());
}

async fn wait_for(toy: &Toy, line: &str) {
    let there = async {
        while !toy.metrics.text().unwrap().contains(line) {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, there).await.expect("the metric says so");
}
