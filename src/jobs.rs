//! All that time starts: a table of jobs, leased so that one replica runs each.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    base::{
        clock::Clock, config::Config, db, idempotency, keys::Keys, metrics::Metrics,
        wechat_api::Wechat,
    },
    entries::{KEYS_KEPT, world::Worlds},
    members, minutes, staff, terminals, wechat,
};

/// What jobs work with.
#[derive(Clone)]
pub struct Context {
    pub db: DatabaseConnection,
    pub clock: Clock,
    pub keys: Arc<Keys>,
    pub worlds: Worlds,
    pub wechat: Wechat,
    pub config: Arc<Config>,
    pub metrics: Arc<Metrics>,
    /// Woken after a job changed minutes, so that the projector follows at once.
    pub committed: Arc<tokio::sync::Notify>,
}

/// How long a lease outlives its job's period, so that a slow run is not started twice.
const LEASE_SLACK: TimeDelta = TimeDelta::seconds(60);

/// The jobs: a name, how often, what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    /// Credits sessions whose limit has passed.
    Close,
    /// Makes days final, and what came late restated.
    Days,
    /// Marks terminals that have been silent for seven days.
    Lost,
    /// Counts terminals by what is wrong with them.
    Terminals,
    /// Asks people whose exit is missing when they left, and sends what waits.
    Messages,
    /// Makes the months ahead.
    Partitions,
    /// Enters the digests of changed days into the audit chain.
    Anchor,
    /// Removes what has outlived its use: nonces, idempotency answers, event keys after 400 days.
    Retention,
}

const JOBS: [(Job, &str, Duration); 8] = [
    (Job::Close, "close", Duration::from_secs(5)),
    (Job::Days, "days", Duration::from_secs(20)),
    (Job::Lost, "lost", Duration::from_hours(1)),
    (Job::Terminals, "terminals", Duration::from_secs(30)),
    (Job::Messages, "messages", Duration::from_secs(5)),
    (Job::Partitions, "partitions", Duration::from_hours(6)),
    (Job::Anchor, "anchor", Duration::from_hours(24)),
    (Job::Retention, "retention", Duration::from_hours(1)),
];

/// Starts every job; each runs until `stop`.
pub fn start(context: &Context, stop: &CancellationToken, tasks: &TaskTracker) {
    let holder = Uuid::now_v7().to_string();
    for (job, name, every) in JOBS {
        let (context, stop, holder) = (context.clone(), stop.clone(), holder.clone());
        tasks.spawn(async move {
            loop {
                if let Err(error) = run_leased(&context, job, name, every, &holder).await {
                    tracing::warn!(job = name, %error, "a job failed; it runs again next time");
                }
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(every) => {}
                }
            }
        });
    }
}

async fn run_leased(
    context: &Context,
    job: Job,
    name: &str,
    every: Duration,
    holder: &str,
) -> anyhow::Result<()> {
    let now = context.clock.now();
    let until = now + TimeDelta::from_std(every)? + LEASE_SLACK;
    if lease(&context.db, name, holder, now, until).await? {
        run(context, job).await?;
    }
    Ok(())
}

/// Takes or renews a lease; `false` when another replica holds it.
async fn lease(
    db: &DatabaseConnection,
    name: &str,
    holder: &str,
    now: chrono::DateTime<chrono::Utc>,
    until: chrono::DateTime<chrono::Utc>,
) -> Result<bool, sea_orm::DbErr> {
    let statement = Statement::from_sql_and_values(
        db.get_database_backend(),
        "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
         WHERE leases.holder = excluded.holder OR leases.until < $4",
        [name.into(), holder.into(), until.into(), now.into()],
    );
    Ok(db.execute_raw(statement).await?.rows_affected() == 1)
}

async fn run(context: &Context, job: Job) -> anyhow::Result<()> {
    let Context { db, clock, keys, worlds, committed, .. } = context;
    let now = clock.now();
    match job {
        Job::Close => {
            let world = worlds.current(db).await?;
            if minutes::close_due(db, keys, &*world, now).await? > 0 {
                committed.notify_one();
            }
        }
        Job::Days => {
            let world = worlds.current(db).await?;
            minutes::days::settle(db, &world.venues, now).await?;
        }
        Job::Lost => terminals::mark_lost(db, now).await?,
        Job::Terminals => count_troubles(context, now).await?,
        Job::Messages => send_messages(context, now).await?,
        Job::Partitions => db::ensure_partitions(db, now.date_naive()).await?,
        Job::Anchor => minutes::days::anchor(db, now).await?,
        Job::Retention => {
            retain(db, now).await?;
            count_faces(context).await?;
        }
    }
    Ok(())
}

async fn send_messages(
    context: &Context,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), crate::base::error::Error> {
    let Context { db, keys, wechat, config, .. } = context;
    if let Some(template) = config.wechat.left_template() {
        wechat::note_missing_exits(db, keys, template, now).await?;
    }
    wechat::deliver(db, keys, wechat, now).await.map(drop)
}

/// Sums of the terminals' ledger: how many are in which trouble.
async fn count_troubles(
    context: &Context,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), crate::base::error::Error> {
    let standings = terminals::ledger::standings(&context.db, now).await?;
    let metrics = &context.metrics;
    for trouble in terminals::Trouble::ALL {
        let count = standings.iter().filter(|one| one.troubles().contains(&trouble)).count();
        let gauge = metrics.terminals_in_trouble.with_label_values(&[trouble.as_str()]);
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    metrics.missing_records.set(standings.iter().map(|one| one.missing_records).sum());
    Ok(())
}

/// Faces are counted, and operators told before the law asks for more.
async fn count_faces(context: &Context) -> Result<(), crate::base::error::Error> {
    let persons = members::persons_with_faces(&context.db).await?;
    context.metrics.faces.set(persons);
    if let Some(alarm) = members::faces_alarm(persons) {
        tracing::warn!(persons, alarm, "many faces are stored");
    }
    Ok(())
}

async fn retain(db: &DatabaseConnection, now: chrono::DateTime<chrono::Utc>) -> anyhow::Result<()> {
    idempotency::sweep(db, now).await?;
    staff::sweep_sessions(db, now).await?;
    members::sweep_tokens(db, now).await?;
    members::sweep_credentials(db, now).await?;
    wechat::sweep(db, now).await?;
    terminals::commands::expire(db, now).await?;
    let pieces = [
        ("DELETE FROM terminal_nonces WHERE expires_at < $1", now),
        ("DELETE FROM event_keys WHERE received_at < $1", now - KEYS_KEPT),
        ("DELETE FROM terminal_notices WHERE received_at < $1", now - KEYS_KEPT),
        ("DELETE FROM terminal_commands WHERE created_at < $1", now - KEYS_KEPT),
        ("DELETE FROM unclaimed_terminals WHERE last_seen_at < $1", now - KEYS_KEPT),
    ];
    for (sql, before) in pieces {
        let statement =
            Statement::from_sql_and_values(db.get_database_backend(), sql, [before.into()]);
        db.execute_raw(statement).await?;
    }
    Ok(())
}
