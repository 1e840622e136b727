//! The terminal's side against a server that is faked at the wire.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, Uri},
    response::IntoResponse,
    routing::post,
};

use super::*;

/// What the fake server saw: the path, the headers and the body of each request.
type Seen = Arc<Mutex<Vec<(Uri, HeaderMap, Bytes)>>>;

/// A server that answers 503 to the first `refusals` requests, then an empty batch answer.
async fn server(refusals: usize) -> (String, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let answer = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let mut log = log.lock().expect("nobody panics here");
        log.push((uri, headers, body));
        if log.len() <= refusals {
            let busy = r#"{"code":"overloaded"}"#;
            return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")], busy).into_response();
        }
        r#"{"items":[],"ack_through":{"epoch":1,"seq":9},"resend_from":null}"#.into_response()
    };
    let router = Router::new().route("/api/v1/terminal/events", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { serve(listener, router).await });
    (format!("http://{address}/"), seen)
}

/// `axum::serve` is not among our features; this is enough for a few requests.
async fn serve(listener: tokio::net::TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(hyper_util::rt::TokioIo::new(stream), service),
        );
    }
}

fn terminal(base_url: &str) -> Terminal {
    // The TLS provider is installed by the commands; plain HTTP needs one too.
    drop(rustls::crypto::ring::default_provider().install_default());
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(5))
        .build()
        .expect("a client");
    let at = "2026-11-23T08:00:00Z".parse().expect("an instant");
    let who = Identity { id: "T1", key_id: "K1", key: "AAECAwQFBgc" };
    Terminal::new(client, base_url, &who, Clock::fixed(at)).expect("a terminal")
}

#[test]
fn the_signature_is_the_one_that_the_protocol_defines() {
    let signature = terminal("http://localhost").signature(
        &Method::POST,
        "/api/v1/terminal/events",
        b"{\"events\":[]}",
        "1795420800",
        "n1",
    );
    // From an independent calculation with Python's hmac and hashlib.
    assert_eq!(signature, "0e11ed0416e473fadb976a942122475694ff3b509b3660f426c13e0fb62bb06b");
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_a_fresh_nonce() {
    let (base_url, seen) = server(2).await;
    let answer = terminal(&base_url).send_batch(&[]).await.expect("the third answer");
    assert_eq!(answer.ack_through, Some(RecordId { epoch: 1, seq: 9 }));
    let seen = seen.lock().expect("nobody panics here");
    let nonces: std::collections::HashSet<_> =
        seen.iter().map(|(_, headers, _)| headers["fitgate-nonce"].clone()).collect();
    assert_eq!((seen.len(), nonces.len()), (3, 3));
    let (uri, headers, body) = &seen[0];
    assert_eq!(uri.path(), "/api/v1/terminal/events");
    assert_eq!(headers["fitgate-terminal"], "T1");
    assert_eq!(headers["fitgate-timestamp"], "1795420800");
    assert!(headers["fitgate-signature"].to_str().is_ok_and(|s| s.len() == 3 + 64));
    assert_eq!(&body[..], b"{\"events\":[]}");
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let gone = terminal(&format!("http://{address}")).giving_up_after(Duration::ZERO);
    assert!(gone.send_batch(&[]).await.is_err());
}

#[tokio::test]
async fn a_refusal_is_final_and_names_its_code_only() {
    let (base_url, _) = server(0).await;
    let error = terminal(&base_url).heartbeat(0, 0).await.expect_err("there is no such route");
    assert!(error.to_string().contains("404"), "{error}");
}

#[test]
fn a_fast_clock_shows_a_later_time_in_the_towns_zone() {
    let fast = terminal("http://localhost").running_fast(TimeDelta::minutes(4));
    let at = "2026-11-23T16:30:00Z".parse().expect("an instant");
    assert_eq!(fast.device_time(at), "2026-11-24T00:34:00.000+08:00");
}
