//! All that time starts: a table of jobs, leased so that one replica runs each.

use std::{path::Path, sync::Arc, time::Duration};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    activities,
    base::{
        certificates,
        clock::Clock,
        config::{Config, FacesKept},
        db,
        fence::Fence,
        idempotency,
        keys::Keys,
        lease,
        metrics::Metrics,
        outbox,
        wechat_api::Wechat,
    },
    bookings,
    entries::{KEYS_KEPT, mark, world::Worlds},
    fitness, groups, honours, members, minutes, notices, open_data, privacy, safety, staff,
    terminals, tickets, webhooks, wechat,
};

/// What jobs work with.
#[derive(Clone)]
pub struct Context {
    pub db: DatabaseConnection,
    pub clock: Clock,
    pub keys: Arc<Keys>,
    pub worlds: Worlds,
    pub wechat: Wechat,
    pub webhooks: webhooks::Sender,
    pub config: Arc<Config>,
    pub metrics: Arc<Metrics>,
    /// Woken after a job changed minutes, so that the projector follows at once.
    pub committed: Arc<tokio::sync::Notify>,
    pub fence: Fence,
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
    /// Asks people whose exit is missing when they left, has texts judged that wait for it, and sends
    /// what waits.
    Messages,
    /// Tells subscribed addresses what happened.
    Webhooks,
    /// Notes who came to activities, offers free places to who waits, and takes back what nobody
    /// confirmed.
    Activities,
    /// Publishes what changed of open data, where there is any.
    OpenData,
    /// Makes the months ahead.
    Partitions,
    /// Enters the digests of changed days into the audit chain.
    Anchor,
    /// Removes what has outlived its use: nonces, idempotency answers, event keys after 400 days.
    Retention,
    /// Clears what is kept of people no longer than a class of data may be.
    Forget,
    /// Deletes photos that terminals have, where they are only relayed.
    Relay,
    /// Tells doors of venues that are being evacuated to stay open.
    Evacuations,
    /// Holds and offers that run out, slots that are called off, and who came.
    Bookings,
    /// Tells whoever is to be told that a report of a resident is late.
    Tickets,
    /// Counts what groups did together at their meet-ups.
    Groups,
    /// Decides last year's honours, two weeks after its end.
    Honours,
    /// Deletes health data of those who withdrew their consent.
    Withdrawn,
    /// Folds on where somebody tries other rules on a long period.
    Trials,
    /// Seals anew what older keys sealed, where `keys rotate` left something.
    Reseal,
}

const JOBS: [(Job, &str, Duration); 21] = [
    (Job::Close, "close", Duration::from_secs(5)),
    (Job::Days, "days", Duration::from_secs(20)),
    (Job::Lost, "lost", Duration::from_hours(1)),
    (Job::Terminals, "terminals", Duration::from_secs(30)),
    (Job::Messages, "messages", Duration::from_secs(5)),
    (Job::Webhooks, "webhooks", Duration::from_secs(2)),
    (Job::Activities, "activities", Duration::from_secs(5)),
    (Job::OpenData, "open_data", Duration::from_secs(5)),
    (Job::Partitions, "partitions", Duration::from_hours(6)),
    (Job::Anchor, "anchor", Duration::from_hours(24)),
    (Job::Retention, "retention", Duration::from_hours(1)),
    (Job::Forget, "forget", Duration::from_hours(24)),
    (Job::Relay, "relay", Duration::from_mins(1)),
    (Job::Evacuations, "evacuations", Duration::from_secs(10)),
    (Job::Bookings, "bookings", Duration::from_secs(5)),
    (Job::Tickets, "tickets", Duration::from_secs(5)),
    (Job::Groups, "groups", Duration::from_secs(5)),
    (Job::Honours, "honours", Duration::from_hours(6)),
    (Job::Withdrawn, "withdrawn", Duration::from_secs(5)),
    (Job::Trials, "rule_trials", Duration::from_secs(1)),
    (Job::Reseal, "reseal", Duration::from_hours(1)),
];

/// Between two steps of sealing anew, for everybody else.
const RESEAL_PAUSE: Duration = Duration::from_millis(20);
/// How often each process looks for keys that were added, marks how far its SQLite file has come,
/// copies the roll calls, and goes through the list of erasures:
/// work that no other process does for it.
const KEYS_EVERY: Duration = Duration::from_secs(2);
const MARK_EVERY: Duration = Duration::from_secs(2);
const ROLL_CALL_EVERY: Duration = Duration::from_secs(5);
const ERASURES_EVERY: Duration = Duration::from_mins(1);

/// Starts what each process does for itself; it runs until `stop`.
pub fn start_own(context: &Context, stop: &CancellationToken, tasks: &TaskTracker) {
    let keys = context.keys.clone();
    tasks.spawn(every(KEYS_EVERY, stop.clone(), move || {
        let keys = keys.clone();
        async move { keys.refresh().map(drop) }
    }));
    if let Some(file) = context.config.data.database_file() {
        let db = context.db.clone();
        tasks.spawn(every(MARK_EVERY, stop.clone(), move || {
            let (db, file) = (db.clone(), file.clone());
            async move { mark::write(&db, &file).await }
        }));
    }
    if let Some(file) = context.config.roll_call().map(Path::to_owned) {
        let context = context.clone();
        tasks.spawn(every(ROLL_CALL_EVERY, stop.clone(), move || {
            let (context, file) = (context.clone(), file.clone());
            async move {
                let world = context.worlds.current(&context.db).await?;
                let Context { db, keys, clock, .. } = &context;
                safety::copy::write(db, keys, &world.venues, &file, clock.now()).await
            }
        }));
    }
    let (files, metrics) = (context.config.certificates(), context.metrics.clone());
    tasks.spawn(certificates::watch(files, metrics, stop.clone()));
    let Some(file) = context.config.erasures().map(Path::to_owned) else { return };
    let (db, clock) = (context.db.clone(), context.clock.clone());
    tasks.spawn(every(ERASURES_EVERY, stop.clone(), move || {
        let (db, clock, file) = (db.clone(), clock.clone(), file.clone());
        async move { privacy::erasures::apply(&db, &file, clock.now()).await.map(drop) }
    }));
}

async fn every<F: Future<Output = anyhow::Result<()>>>(
    period: Duration,
    stop: CancellationToken,
    work: impl Fn() -> F,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        if let Err(error) = work().await {
            tracing::warn!(error = %format!("{error:#}"), "a task failed; it runs again next time");
        }
    }
}

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
    // Where another database has taken over, its servers do the same, and messages would go twice.
    if context.fence.is_behind() {
        return Ok(());
    }
    let now = context.clock.now();
    let until = now + TimeDelta::from_std(every)? + LEASE_SLACK;
    if lease::take(&context.db, name, holder, now, until).await? {
        run(context, job).await?;
    }
    Ok(())
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
        Job::Webhooks => {
            webhooks::deliver(db, keys, &context.webhooks, clock).await?;
        }
        Job::Activities => activities::settle(db, keys, now).await?,
        Job::OpenData => {
            if let Some(settings) = context.config.open_data() {
                open_data::publish(db, &settings, now).await?;
            }
        }
        Job::Partitions => db::ensure_partitions(db, now.date_naive()).await?,
        Job::Anchor => {
            minutes::days::anchor(db, now).await?;
            staff::audit::keep_heads(db, context.config.audit_heads(), now).await?;
        }
        Job::Retention => {
            retain(db, now).await?;
            context.metrics.faces.set(privacy::impact::count_faces(db, now).await?);
        }
        Job::Forget => privacy::retain(db, now).await?,
        Job::Relay => {
            if context.config.faces == FacesKept::RelayOnly {
                terminals::faces::forget_relayed(db, now).await?;
            }
        }
        Job::Evacuations => safety::keep_open(db, now).await?,
        Job::Bookings => {
            let world = worlds.current(db).await?;
            bookings::tend(db, keys, &world.venues, world.revision, now).await?;
        }
        Job::Tickets => tickets::escalate(db, keys, now).await?,
        Job::Groups => groups::settle(db, now).await?,
        Job::Honours => honours::decide_due(db, now).await?,
        Job::Withdrawn => fitness::forget_withdrawn(db).await?,
        Job::Trials => minutes::trials::go_on(db, now).await?,
        Job::Reseal => {
            privacy::reseal(db, keys, clock, RESEAL_PAUSE).await?;
        }
    }
    Ok(())
}

async fn send_messages(
    context: &Context,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), crate::base::error::Error> {
    let Context { db, keys, wechat, config, .. } = context;
    if config.wechat.left_template().is_some() {
        wechat::note_missing_exits(db, keys, now).await?;
    }
    minutes::disputes::judge_held(db, keys, wechat, now).await?;
    tickets::judge_held(db, keys, wechat, now).await?;
    notices::tell(db, keys, now).await?;
    let openid_of = |member| {
        let (db, keys) = (db.clone(), keys.clone());
        async move { members::openid_of(&db, &keys, member).await }
    };
    outbox::deliver(db, keys, wechat, &config.wechat, openid_of, now).await.map(drop)
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

async fn retain(db: &DatabaseConnection, now: chrono::DateTime<chrono::Utc>) -> anyhow::Result<()> {
    idempotency::sweep(db, now).await?;
    staff::sweep_sessions(db, now).await?;
    staff::sweep_enrolments(db, now).await?;
    members::sweep_tokens(db, now).await?;
    members::sweep_credentials(db, now).await?;
    wechat::sweep(db, now).await?;
    webhooks::sweep(db, now).await?;
    outbox::sweep(db, now).await?;
    terminals::commands::expire(db, now).await?;
    let pieces = [
        ("DELETE FROM terminal_nonces WHERE expires_at < $1", now),
        ("DELETE FROM rule_trials WHERE asked_at < $1", now - minutes::trials::KEPT),
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
