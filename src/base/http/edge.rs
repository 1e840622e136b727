//! The middleware that stands before every route, put on by one function. From the outside:
//! trace id, log, metrics, rendering of refusals · panics · checks of the head, overload, total
//! time · body bounds and decoding.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{self, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use hyper::body::Incoming;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};
use tower_http::{catch_panic::CatchPanicLayer, decompression::RequestDecompressionLayer};
use tracing::Instrument;
use uuid::Uuid;

use super::{
    body,
    peer::{self, Network, Peer},
    problem::{self, Problem},
};
use crate::base::{
    error::Code,
    fence::{self, Fence},
    metrics::{Metrics, method_label},
};

/// What the edge lets in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Host names (without port) that are ours; empty: any.
    pub hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed; empty: nobody's.
    pub trusted_proxies: Vec<Network>,
    /// Bytes of a body unless its route allows another number, as sent and as unpacked.
    pub body_bytes_max: usize,
    /// From the first attempt to read a body to its end.
    pub body_timeout: Duration,
    /// From a request's head to the head of its answer; streams run on behind it.
    pub total_timeout: Duration,
    /// Requests being handled at once; further ones get 503 at once.
    pub in_flight_max: usize,
    /// Whether requests of a path go first: all else may take three quarters of the room at most.
    pub goes_first: fn(&str) -> bool,
    /// While it says that the database was left behind, nothing but reading is let in.
    pub fence: Fence,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            body_bytes_max: 2 * 1024 * 1024,
            body_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_secs(30),
            in_flight_max: 4096,
            goes_first: |_| true,
            fence: Fence::default(),
        }
    }
}

/// What the log, the answer's `Trace-Id` and a problem's `trace_id` share. Ours alone: one that
/// a caller sends is ignored, since it would let callers write into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub Uuid);

struct Edge {
    settings: Settings,
    metrics: Arc<Metrics>,
    room: Semaphore,
    /// The part of the room that is open to all.
    common: Semaphore,
}

impl Edge {
    /// Room for a request of `path`, if there is any.
    fn enter(&self, path: &str) -> Option<(SemaphorePermit<'_>, Option<SemaphorePermit<'_>>)> {
        let goes_first = (self.settings.goes_first)(path);
        let common = if goes_first { None } else { Some(self.common.try_acquire().ok()?) };
        Some((self.room.try_acquire().ok()?, common))
    }
}

/// `router` with everything that must stand before it.
pub fn edge(router: Router, settings: Settings, metrics: Arc<Metrics>) -> Router {
    let (bytes_max, body_timeout) = (settings.body_bytes_max, settings.body_timeout);
    let room = Semaphore::new(settings.in_flight_max);
    let common = Semaphore::new((settings.in_flight_max * 3).div_ceil(4));
    let edge = Arc::new(Edge { settings, metrics, room, common });
    router
        .layer(from_fn(body::bound_unpacked))
        .layer(RequestDecompressionLayer::new().gzip(true))
        .layer(from_fn(move |request, next| {
            body::bound_sent(bytes_max, body_timeout, request, next)
        }))
        .layer(from_fn_with_state(Arc::clone(&edge), admit))
        .layer(CatchPanicLayer::custom(on_panic))
        .layer(from_fn_with_state(edge, observe))
}

/// Answers to GET requests that are given before any router is asked, or nothing.
pub type Ready = Arc<dyn Fn(&http::Request<Incoming>) -> Option<Response> + Send + Sync>;

/// What `ready` gives for an address and headers (200 or 304), with what every answer bears. Such
/// requests are counted under `route`, not written down one by one: they are most of all, and all alike.
pub fn ahead(
    settings: Settings,
    metrics: &Metrics,
    route: &str,
    ready: impl Fn(&Uri, &HeaderMap) -> Option<Response> + Send + Sync + 'static,
) -> Ready {
    let polled = metrics.http.of_route(route);
    Arc::new(move |request| {
        let begun = Instant::now();
        if request.method() != Method::GET || check(&settings, request).is_err() {
            return None;
        }
        let mut response = ready(request.uri(), request.headers())?;
        complete(&mut response, Uuid::now_v7());
        polled.record(response.status(), begun.elapsed());
        Some(response)
    })
}

/// Seconds after which a caller turned away for overload should come back.
const OVERLOAD_RETRY_S: u32 = 1;

/// What some route or other takes; which one, only its own refusal can tell.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// Checks the head, refuses what is too much, and bounds the time.
async fn admit(State(edge): State<Arc<Edge>>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::TRACE | Method::CONNECT) {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed);
        return ([(header::ALLOW, METHODS)], problem).into_response();
    }
    if let Err(problem) = check(&edge.settings, &request) {
        return problem.into_response();
    }
    let Some(_permits) = edge.enter(request.uri().path()) else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::Overloaded)
            .retry_after(OVERLOAD_RETRY_S)
            .into_response();
    };
    let changes = !request.method().is_safe();
    let is_fenced = || changes && edge.settings.fence.is_behind();
    if is_fenced() {
        return behind();
    }
    match tokio::time::timeout(edge.settings.total_timeout, next.run(request)).await {
        // What was done meanwhile was done where it will be lost.
        Ok(_) if is_fenced() => behind(),
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::TimedOut)
            .retry_after(OVERLOAD_RETRY_S)
            .into_response(),
    }
}

fn behind() -> Response {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::DatabaseBehind)
        .retry_after(fence::RETRY_AFTER_S)
        .into_response()
}

/// Longest path and query; a page cursor and every filter together stay below it.
const URI_BYTES_MAX: usize = 8 * 1024;

fn check<B>(settings: &Settings, request: &http::Request<B>) -> Result<(), Problem> {
    let headers = request.headers();
    let bad_request = |code| Problem::new(StatusCode::BAD_REQUEST, code);
    let uri_bytes = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    if uri_bytes > URI_BYTES_MAX {
        return Err(Problem::new(StatusCode::URI_TOO_LONG, Code::UriTooLong));
    }
    let host = only(headers, &header::HOST).ok().flatten().and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| bad_request(Code::BadHost))?;
    if !is_ours(&settings.hosts, host) {
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, Code::BadHost));
    }
    for name in [header::AUTHORIZATION, header::CONTENT_TYPE] {
        only(headers, &name).map_err(bad_request)?;
    }
    if !body::can_be_unpacked(headers) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::EncodingUnsupported));
    }
    Ok(())
}

/// The header's one value, if it stands there at all; to stand there twice is refused.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Code> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(Code::DuplicateHeader) } else { Ok(first) }
}

fn is_ours(hosts: &[String], host: &str) -> bool {
    // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let is_plain = !name.is_empty() && !name.contains(['/', '@', ' ', ',']);
    is_plain && (hosts.is_empty() || hosts.iter().any(|ours| ours.eq_ignore_ascii_case(name)))
}

/// The payload may hold what a caller sent, so it is not written down; the panic hook of the
/// process tells where it happened.
fn on_panic(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    Problem::from(crate::base::error::Error::internal(anyhow::anyhow!("a handler panicked")))
        .into_response()
}

/// The outermost: names the request, measures it, and finishes the answer.
async fn observe(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let trace_id = Uuid::now_v7();
    let language = problem::language(request.headers());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    if let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() {
        let client = peer::client(peer.ip(), request.headers(), &edge.settings.trusted_proxies);
        request.extensions_mut().insert(client);
    }
    request.extensions_mut().insert(TraceId(trace_id));
    let begun = Instant::now();
    let in_flight = edge.metrics.http.begin();
    let span = tracing::info_span!("request", %trace_id);
    let response = next.run(request).instrument(span).await;
    drop(in_flight);
    let mut response = problem::finish(response, language, trace_id);
    complete(&mut response, trace_id);

    // The route's pattern, never the address: that may hold ids, and the query more than that. Nor a
    // method that is none.
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let (status, took) = (response.status(), begun.elapsed());
    edge.metrics.http.record(&method, route, status, took);
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let method = method_label(&method);
    tracing::info!(
        target: "access", %trace_id, %method, route, status = status.as_u16(), duration_us,
    );
    response
}

/// A page may load from here and nowhere else.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     object-src 'none'",
);
/// Data is no page; should a browser show it as one, nothing of it runs.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Puts on the headers that every answer bears, unless its handler said otherwise. Word that nothing
/// changed leaves those of the kept answer as they are (RFC 9110, 15.4.5).
fn complete(response: &mut Response, trace_id: Uuid) {
    let is_kept = response.status() == StatusCode::NOT_MODIFIED;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let trace_id =
        HeaderValue::from_str(trace_id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    headers.insert(
        HeaderName::from_static("trace-id"),
        trace_id.expect("a UUID is made of hex digits and dashes"),
    );
    if is_kept {
        return;
    }
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}
