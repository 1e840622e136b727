//! Metrics in our own registry. Labels are few and bounded: routes by their pattern, never ids.

use std::{collections::HashMap, time::Duration};

use axum::http::{Method, StatusCode};
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// The counters and histograms of a process.
pub struct Metrics {
    registry: Registry,
    pub http: Http,
    /// Persons whose face a terminal or this server holds.
    pub faces: IntGauge,
    /// Terminals in use by what is wrong with them.
    pub terminals_in_trouble: IntGaugeVec,
    /// Records of all terminals whose running numbers were skipped.
    pub missing_records: IntGauge,
    /// When the certificates of files that are watched run out, in seconds of the epoch.
    pub certificates: IntGaugeVec,
    /// Seconds that each build of a screen's document took.
    pub screen_builds: Histogram,
    /// Events of each group that the recorder took from its queue.
    pub group_events: Histogram,
}

impl Metrics {
    /// A registry of its own, so that tests of one process do not count into one another.
    pub fn new() -> Self {
        let registry = Registry::new_custom(Some("fitgate".into()), Some(HashMap::new()))
            .expect("the prefix is a valid metric name");
        let http = Http::new(&registry);
        let faces = IntGauge::new("faces_persons", "Persons whose face is stored anywhere.");
        let faces = registered(&registry, faces);
        let in_trouble = IntGaugeVec::new(
            Opts::new("terminals_in_trouble", "Terminals in use by what is wrong with them."),
            &["trouble"],
        );
        let missing = IntGauge::new(
            "terminals_missing_records",
            "Records of all terminals whose running numbers were skipped.",
        );
        let certificates = IntGaugeVec::new(
            Opts::new(
                "certificate_expires_timestamp_seconds",
                "When the first certificate of a watched file runs out; 0 if it cannot be read.",
            ),
            &["file"],
        );
        let builds = HistogramOpts::new(
            "screen_build_seconds",
            "From the first read of a screen's document until it is handed out.",
        );
        let builds = Histogram::with_opts(builds.buckets(DURATION_BUCKETS_S.to_vec()));
        let screen_builds = registered(&registry, builds);
        let groups =
            HistogramOpts::new("recorder_group_events", "Events of each group of the recorder.");
        let groups = Histogram::with_opts(groups.buckets(GROUP_BUCKETS.to_vec()));
        Self {
            terminals_in_trouble: registered(&registry, in_trouble),
            missing_records: registered(&registry, missing),
            certificates: registered(&registry, certificates),
            group_events: registered(&registry, groups),
            registry,
            http,
            faces,
            screen_builds,
        }
    }

    /// Where domains register what they count; every name gets the prefix `fitgate_`.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All metrics in the Prometheus text format.
    pub fn text(&self) -> anyhow::Result<String> {
        let mut bytes = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut bytes)?;
        Ok(String::from_utf8(bytes)?)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Requests by method, route pattern and status class.
pub struct Http {
    requests: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGauge,
}

/// Upper bounds in seconds: doors wait for 50 ms, people for a second.
const DURATION_BUCKETS_S: [f64; 11] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Upper bounds in events; a group takes 512 and what its last submission has beyond.
const GROUP_BUCKETS: [f64; 6] = [1.0, 8.0, 32.0, 64.0, 128.0, 512.0];

impl Http {
    fn new(registry: &Registry) -> Self {
        let requests = IntCounterVec::new(
            Opts::new("http_requests_total", "Answered requests."),
            &["method", "route", "status"],
        );
        let duration = HistogramVec::new(
            HistogramOpts::new(
                "http_request_duration_seconds",
                "From a request's head to the head of its answer.",
            )
            .buckets(DURATION_BUCKETS_S.to_vec()),
            &["method", "route"],
        );
        let in_flight = IntGauge::new("http_requests_in_flight", "Requests being handled.");
        Self {
            requests: registered(registry, requests),
            duration: registered(registry, duration),
            in_flight: registered(registry, in_flight),
        }
    }

    /// Counts a request as being handled until the value is dropped, also if it is cut off.
    pub fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// See [`OfRoute`].
    pub fn of_route(&self, route: &str) -> OfRoute {
        let method = method_label(&Method::GET);
        let requests =
            |status| self.requests.with_label_values(&[method, route, status_label(status)]);
        OfRoute {
            ok: requests(StatusCode::OK),
            not_modified: requests(StatusCode::NOT_MODIFIED),
            duration: self.duration.with_label_values(&[method, route]),
        }
    }

    pub fn record(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let (method, status) = (method_label(method), status_label(status));
        self.requests.with_label_values(&[method, route, status]).inc();
        self.duration.with_label_values(&[method, route]).observe(took.as_secs_f64());
    }
}

/// What is recorded of the GET requests of one route, its labels looked up once: for answers of which
/// looking them up each time would be a part.
pub struct OfRoute {
    ok: IntCounter,
    not_modified: IntCounter,
    duration: Histogram,
}

impl OfRoute {
    /// Answered 304, or else 200.
    pub fn record(&self, status: StatusCode, took: Duration) {
        let requests =
            if status == StatusCode::NOT_MODIFIED { &self.not_modified } else { &self.ok };
        requests.inc();
        self.duration.observe(took.as_secs_f64());
    }
}

pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A metric that is made and registered, at the start of the process.
pub fn registered<M>(registry: &Registry, made: prometheus::Result<M>) -> M
where
    M: prometheus::core::Collector + Clone + 'static,
{
    let metric = made.expect("names and labels are constants, checked by every test that starts");
    registry
        .register(Box::new(metric.clone()))
        .expect("a name is registered once, since one constructor registers it");
    metric
}

/// Methods are the caller's text: a label, and a word of the log, only if known.
pub fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

fn status_label(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
