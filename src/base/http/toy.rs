//! A toy router behind the real edge and the real accept loop: what the tests of the edge stand
//! on.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::from_fn,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    body,
    edge::{Settings, edge},
    json::Json,
    peer::ClientAddr,
    query::{Path, Query},
    serve::{Limits, serve},
};
use crate::base::{
    error::{Code, Error},
    metrics::Metrics,
    page::{Cursors, Limit},
};

/// A server that ends with the test.
pub struct Toy {
    pub addr: SocketAddr,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
    pub served: JoinHandle<anyhow::Result<()>>,
}

/// Bounds so short that a test of them is quick.
pub fn short_limits() -> Limits {
    Limits {
        connections_max: 16,
        head_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(400),
        stall_timeout: Duration::from_millis(300),
        stop_deadline: Duration::from_millis(500),
        ..Limits::default()
    }
}

/// The product's own, for the host `toy`.
pub fn settings() -> Settings {
    Settings { hosts: vec!["toy".into(), "127.0.0.1".into()], ..Settings::default() }
}

pub fn short_settings() -> Settings {
    Settings { body_timeout: Duration::from_millis(300), ..settings() }
}

pub async fn start(limits: Limits, settings: Settings) -> Toy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let metrics = Arc::new(Metrics::new());
    let stop = CancellationToken::new();
    let router = edge(routes(stop.clone()), settings, Arc::clone(&metrics));
    let served = tokio::spawn(serve(listener, router, limits, stop.clone()));
    Toy { addr, metrics, stop, served }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only whether it can be read matters")]
struct Form {
    name: String,
    minutes: Option<u16>,
    items: Option<Vec<i64>>,
    free: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
    name: Option<String>,
}

/// The bytes of a body whose form is the handler's affair: signed requests and vendors'
/// protocols. JSON bodies are read by `json::Json`.
struct Raw(bytes::Bytes);

impl<S: Send + Sync> axum::extract::FromRequest<S> for Raw {
    type Rejection = super::problem::Problem;

    async fn from_request(
        request: axum::extract::Request,
        _: &S,
    ) -> Result<Self, super::problem::Problem> {
        body::read(request.into_body()).await.map(Self)
    }
}

#[derive(Serialize)]
struct Found {
    rows: usize,
    name: Option<String>,
}

fn routes(stop: CancellationToken) -> Router {
    Router::new()
        .route("/forms", post(async |Json(_): Json<Form>| "read"))
        .route("/raw", post(async |Raw(bytes): Raw| bytes.len().to_string()))
        .route("/axum-bytes", post(async |bytes: axum::body::Bytes| bytes.len().to_string()))
        .route(
            "/large",
            post(async |Raw(bytes): Raw| bytes.len().to_string())
                .layer(from_fn(|request, next| body::allow(8 << 20, request, next))),
        )
        .route("/list", get(list))
        .route("/things/{id}", get(async |Path(id): Path<uuid::Uuid>| id.to_string()))
        .route("/named/{name}", get(async |Path(name): Path<String>| name))
        .route("/panic", get(panics))
        .route("/broken", get(async || Error::internal(anyhow::anyhow!("secret cause"))))
        .route("/slow", get(async || std::future::pending::<()>().await))
        .route("/page", get(async || axum::response::Html("<p>")))
        .route("/huge", get(async || vec![b'x'; 64 << 20]))
        .route("/address", get(address))
        .route(
            "/until-stop",
            get(async move || {
                stop.cancelled().await;
                "done"
            }),
        )
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

async fn address(axum::Extension(ClientAddr(address)): axum::Extension<ClientAddr>) -> String {
    address.to_string()
}

async fn list(Query(filter): Query<Filter>) -> Result<Json<Found>, Error> {
    let cursors = Cursors::new(b"toy");
    let _: Option<u32> = cursors.list("toy").key_if_any(filter.cursor.as_deref())?;
    if filter.name.as_deref() == Some("unknown") {
        return Err(Error::NotFound(Code::NotFound));
    }
    Ok(Json(Found { rows: filter.limit.rows(), name: filter.name }))
}
