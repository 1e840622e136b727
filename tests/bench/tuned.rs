//! The hand-tuned ceiling behind a door: axum, the terminals' signatures, a bounded queue and one
//! writer in natural groups, as the product has them, but nothing is decided or read. A group of so
//! many entries is the ceiling's own statement (`ceiling/full.sql`), which picks people and places itself.
//!
//! What the product loses to this is its own; what this loses to the ceiling without a door is paid
//! by whoever serves HTTP on the same two cores as PostgreSQL and the load.

#[path = "ordinary/signed.rs"]
mod signed;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use clap::Parser;
use fitgate::Clock;
use rand::Rng;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use tokio::sync::{mpsc, oneshot};

/// Entries that one group may have, as the product's.
const GROUP_MAX: usize = 512;
/// People of the ceiling's tables (`ceiling/full_people.sql`).
const PEOPLE: i32 = 50_000;

#[derive(Parser)]
#[command(about = "The hand-tuned row set behind HTTP, for comparison")]
struct Settings {
    #[arg(long)]
    listen: SocketAddr,
    #[arg(long)]
    database_url: String,
    /// `ceiling/full.sql`
    #[arg(long)]
    statement: PathBuf,
    /// The file that `demo --credentials` writes: terminals with their keys.
    #[arg(long)]
    credentials: PathBuf,
    /// Entries that may wait; more are told to come back.
    #[arg(long, default_value_t = 4096)]
    waiting: usize,
}

type Reply = oneshot::Sender<()>;

#[derive(Clone)]
struct Server {
    keys: Arc<signed::Keys>,
    clock: Clock,
    queue: mpsc::Sender<Reply>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let mut options = ConnectOptions::new(&settings.database_url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await?;
    let sql = one_statement(&std::fs::read_to_string(&settings.statement)?);
    let (queue, waiting) = mpsc::channel(settings.waiting);
    tokio::spawn(write(db, sql, waiting));
    let server = Server {
        keys: Arc::new(signed::Keys::read(&settings.credentials)?),
        clock: Clock::system(),
        queue,
    };
    let app = Router::new().route("/api/v1/terminal/decisions", post(take)).with_state(server);
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

/// pgbench's script as one statement: $1 entries, from person $2 on.
fn one_statement(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with("--") && !line.starts_with('\\'));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.replace(":start", "$2").replace(":n)", "$1)")
}

async fn take(
    State(server): State<Server>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<&'static str, StatusCode> {
    let verified = server.keys.verify(&headers, &body, server.clock.now());
    verified.ok_or(StatusCode::UNAUTHORIZED)?;
    let (reply, written) = oneshot::channel();
    server.queue.try_send(reply).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    written.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(r#"{"decision":"granted","result":"accepted"}"#)
}

/// Writes what waits, again and again: the previous commit is the window.
async fn write(db: DatabaseConnection, sql: String, mut waiting: mpsc::Receiver<Reply>) {
    let backend = db.get_database_backend();
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
        let entries = i32::try_from(group.len()).unwrap_or(i32::MAX);
        let from = rand::rng().random_range(0..PEOPLE);
        let values = [entries.into(), from.into()];
        match db.execute_raw(Statement::from_sql_and_values(backend, &sql, values)).await {
            Ok(_) => {
                for reply in group.drain(..) {
                    // Whoever stopped waiting need not be told.
                    let _ = reply.send(());
                }
            }
            // Whoever waits is told by the end of their reply.
            Err(error) => {
                eprintln!("{error}");
                group.clear();
            }
        }
    }
}
