//! The listener for operations: metrics, liveness, readiness. On its own address, since none of
//! it is for the public.

use std::{fmt::Write, sync::Arc, time::Duration};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::{BoxFuture, join_all};
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use super::{json::Json, problem::Problem};
use crate::base::{
    error::{Code, Error, Fault},
    fence::Fence,
    metrics::Metrics,
};

/// What must hold before traffic is sent here.
#[derive(Clone, Default)]
pub struct Readiness(Vec<(&'static str, Check)>);

type Check = Arc<dyn Fn() -> BoxFuture<'static, bool> + Send + Sync>;

/// How long one check may take; a check that hangs has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

impl Readiness {
    /// A server is ready when SQL answers, on the connections of doors (`hot`) too, and it is not
    /// `leaving`, and no other database has taken over. Counters may be lost: doors must open.
    pub fn of_server(
        db: DatabaseConnection,
        hot: DatabaseConnection,
        leaving: CancellationToken,
        fence: Fence,
    ) -> Self {
        let answers = |db: DatabaseConnection| {
            move || {
                let db = db.clone();
                async move { db.ping().await.is_ok() }
            }
        };
        Self::default()
            .with("database", answers(db))
            .with("recorder", answers(hot))
            .with("primary", move || std::future::ready(!fence.is_behind()))
            .with("serving", move || std::future::ready(!leaving.is_cancelled()))
    }

    /// Adds a check under a name in `snake_case`, shown when it fails.
    pub fn with<F>(
        mut self,
        name: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.0.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// The names of the checks that fail now.
    pub async fn failing(&self) -> Vec<&'static str> {
        let checks = self.0.iter().map(async |(name, check)| {
            let is_well = tokio::time::timeout(CHECK_TIMEOUT, check()).await.unwrap_or(false);
            (!is_well).then_some(*name)
        });
        join_all(checks).await.into_iter().flatten().collect()
    }
}

/// The routes of the operations listener; `edge` goes on them as on any others.
pub fn ops(metrics: Arc<Metrics>, readiness: Readiness) -> Router {
    Router::new()
        .route("/metrics", get(move || std::future::ready(exposition(&metrics))))
        .route("/livez", get(async || Json(serde_json::json!({ "status": "alive" }))))
        .route("/readyz", get(move || ready(readiness.clone())))
}

/// Seconds after which to ask again.
const READY_RETRY_S: u32 = 2;

async fn ready(readiness: Readiness) -> Response {
    let failing = readiness.failing().await;
    if failing.is_empty() {
        return Json(serde_json::json!({ "status": "ready" })).into_response();
    }
    let fault = |name| Fault { pointer: format!("/{name}"), code: Code::NotReady };
    let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, Code::NotReady);
    problem.errors = failing.into_iter().map(fault).collect();
    problem.retry_after(READY_RETRY_S).into_response()
}

fn exposition(metrics: &Metrics) -> Response {
    match metrics.text() {
        Ok(text) => {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, text + &process()).into_response()
        }
        Err(error) => Error::internal(error).into_response(),
    }
}

/// The process as the kernel sees it, under the names that dashboards expect; a figure that
/// cannot be read is left out.
fn process() -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, kind: &str, value: Option<f64>| {
        if let Some(value) = value {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        }
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let open =
        std::fs::read_dir("/proc/self/fd").ok().and_then(|all| u32::try_from(all.count()).ok());
    gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        "gauge",
        resident_kib(&status).map(|kib| kib * 1024.0),
    );
    gauge(
        "process_cpu_seconds_total",
        "User and system CPU time spent in seconds.",
        "counter",
        cpu_ticks(&stat).map(|ticks| ticks / TICKS_PER_SECOND),
    );
    gauge("process_open_fds", "Open file descriptors.", "gauge", open.map(f64::from));
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    gauge("process_max_fds", "Most file descriptors that may be open.", "gauge", fds_max(&limits));
    text
}

/// The unit of times in /proc, fixed by the kernel's interface whatever its inner clock.
const TICKS_PER_SECOND: f64 = 100.0;

fn resident_kib(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// User plus system time. The program's name stands in parentheses and may hold spaces.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(ticks(11)? + ticks(12)?)
}

fn fds_max(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::base::http::edge::{Settings, edge};

    async fn get(readiness: Readiness, path: &str) -> (StatusCode, String) {
        let metrics = Arc::new(Metrics::new());
        let router = edge(ops(Arc::clone(&metrics), readiness), Settings::default(), metrics);
        let request = Request::get(path).header(header::HOST, "localhost");
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn readiness_names_the_checks_that_fail() {
        let well = Readiness::default().with("database", async || true);
        assert_eq!(get(well.clone(), "/readyz").await.0, 200);
        let ill = well.with("migrations", async || false);
        let (status, body) = get(ill.clone(), "/readyz").await;
        assert_eq!(status, 503);
        assert!(body.contains("not_ready") && body.contains("/migrations"), "{body}");
        assert!(!body.contains("database"));
        assert_eq!(get(ill, "/livez").await.0, 200);
    }

    #[tokio::test]
    async fn a_check_that_hangs_has_failed() {
        let hanging = Readiness::default().with("database", std::future::pending::<bool>);
        assert_eq!(get(hanging, "/readyz").await.0, 503);
    }

    #[tokio::test]
    async fn metrics_tell_of_the_process() {
        let (status, text) = get(Readiness::default(), "/metrics").await;
        assert_eq!(status, 200);
        for name in [
            "process_resident_memory_bytes",
            "process_cpu_seconds_total",
            "process_open_fds",
            "process_max_fds",
            "fitgate_http_requests_in_flight",
        ] {
            assert!(text.contains(&format!("\n{name} ")), "{name} is missing: {text}");
        }
    }
}
