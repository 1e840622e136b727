//! Room for the hot connections. Where PostgreSQL has none left to give, as when its limit is lower
//! than what all servers may hold, the others would keep theirs, idle, while every door waits for
//! one: so some of them are given back.

use std::time::Duration;

use futures_util::future::join_all;
use sea_orm::DatabaseConnection;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::is_postgres;

/// How often it is looked at.
const LOOKS_EVERY: Duration = Duration::from_secs(2);
/// As many as the recorder, the projector and the fence use at once.
const HOT_MIN: usize = 3;
/// How long they may take to answer. Longer than a statement in front of it, and shorter than a
/// connection is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Keeps room for the connections of `hot` beside those of `db`, until `stop`.
pub async fn keep(db: DatabaseConnection, hot: DatabaseConnection, stop: CancellationToken) {
    if !is_postgres(&db) {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOKS_EVERY) => {}
        }
        if lacks(&hot, HOT_MIN).await {
            let given_back = give_back(&db, HOT_MIN).await;
            if given_back > 0 {
                tracing::warn!(given_back, "connections were given back, so that doors have some");
            }
        }
    }
}

/// Asks so many at once, which opens them where they are missing; true where one is waited for in
/// vain. Errors come of a database that is away, where room is of no use.
async fn lacks(hot: &DatabaseConnection, many: usize) -> bool {
    timeout(PATIENCE, join_all((0..many).map(|_| hot.ping()))).await.is_err()
}

/// Closes connections that nobody uses, at most so many.
async fn give_back(db: &DatabaseConnection, many: usize) -> usize {
    let idle = std::iter::from_fn(|| db.get_postgres_connection_pool().try_acquire());
    let closing = idle.take(many).map(|connection| timeout(PATIENCE, connection.close()));
    join_all(closing).await.len()
}
