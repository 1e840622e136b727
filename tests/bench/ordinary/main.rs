//! The ordinary way, to be compared with: one transaction a request, entities found, inserted and
//! updated one after the other, then Redis. It decides with the same inputs and writes the same
//! rows as the product does for a live entry, on the same tables.
//!
//! It is kept kind to itself: the terminals' keys are in memory, Redis takes one round trip, and
//! opening hours, approvals and events that come late are not looked at.

mod day;
mod entry;
mod ledger;
mod places;
mod signed;
mod stay;
mod sums;
mod tables;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use clap::Parser;
use fitgate::Clock;
use redis::aio::ConnectionManager;
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

/// As many as the product holds for requests.
const CONNECTIONS_MAX: u32 = 16;

#[derive(Parser)]
#[command(about = "The ordinary way to take entries, for comparison")]
struct Settings {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    database_url: String,
    #[arg(long)]
    redis_url: String,
    /// The file that `demo --credentials` writes: terminals with their keys.
    #[arg(long)]
    credentials: PathBuf,
}

/// What every request works with.
#[derive(Clone)]
pub struct Server {
    db: DatabaseConnection,
    redis: ConnectionManager,
    keys: Arc<signed::Keys>,
    clock: Clock,
    /// Transactions that were tried again: deadlocks and two who met at a unique index.
    retries: Arc<AtomicU64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let mut options = ConnectOptions::new(&settings.database_url);
    options.max_connections(CONNECTIONS_MAX).sqlx_logging(false);
    let server = Server {
        db: Database::connect(options).await?,
        redis: redis::Client::open(settings.redis_url)?.get_connection_manager().await?,
        keys: Arc::new(signed::Keys::read(&settings.credentials)?),
        clock: Clock::system(),
        retries: Arc::default(),
    };
    let app = Router::new()
        .route("/api/v1/terminal/decisions", post(decide))
        .route("/retries", get(retries))
        .with_state(server);
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn retries(State(server): State<Server>) -> String {
    server.retries.load(Ordering::Relaxed).to_string()
}

async fn decide(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<entry::Answer>, StatusCode> {
    let now = server.clock.now();
    let terminal = server.keys.verify(&headers, &body, now).ok_or(StatusCode::UNAUTHORIZED)?;
    let report = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let answer = entry::take(&server, terminal, &report, now).await;
    answer.map(Json).map_err(|error| {
        eprintln!("{error}");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}
