//! Messages in SQL until their receivers have taken them. A message that was sent as the server
//! died may be sent twice; none is lost before its last attempt.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    ExprTrait as _, FromQueryResult as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Statement, Value, sea_query::Expr,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    ACTIVE, CHAIN, DISABLED, Delivery, Kind, Reach, check_url, deliveries, kept, note, open,
    rules::{DISABLED_AFTER, PING, signature, wait_after},
    webhooks,
};
use crate::{
    base::{
        clock::Clock,
        db,
        error::{Code, Error},
        http::outward::{self, Outcome},
        ids::DivisionCode,
        keys::Keys,
    },
    staff::{
        StaffCaller,
        audit::{self, Deed},
    },
};

const PENDING: &str = "pending";
const DELIVERED: &str = "delivered";
const GIVEN_UP: &str = "given_up";
/// Messages that one address is sent by one run of the job.
const AT_ONCE: u64 = 20;
/// Nobody else takes a message within this time after somebody began to send it.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// How long ended messages are kept, for those who ask what was sent.
const KEPT: TimeDelta = TimeDelta::days(90);
/// What a receiver answers that wants no more messages.
const GONE: u16 = 410;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub kind: Kind,
    /// Where; everybody is told what concerns the whole deployment.
    pub division: Option<&'a DivisionCode>,
    /// Ids, codes and days: nothing of a person, and no figure.
    pub data: serde_json::Value,
}

/// Writes a message for each address that is subscribed to the event, in the transaction of what
/// happened. Where nobody is, nothing is written.
pub async fn tell(
    tx: &impl ConnectionTrait,
    event: &Event<'_>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO webhook_deliveries \
               (webhook_id, event_id, kind, body, state, attempts, due_at, created_at) \
               SELECT w.id, $1, $2, $3, 'pending', 0, $4, $4 FROM webhooks w \
               WHERE w.status = 'active' AND w.kinds LIKE $5 AND ($6 OR $7 LIKE w.division || '%')";
    let kind = event.kind.as_str();
    let values: [Value; 7] = [
        Uuid::now_v7().into(),
        kind.into(),
        body(kind, &event.data, now).into(),
        now.into(),
        format!("% {kind} %").into(),
        event.division.is_none().into(),
        event.division.map_or("", DivisionCode::as_str).into(),
    ];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await.map(drop)
}

/// What is sent, as it will be signed.
fn body(kind: &str, data: &serde_json::Value, at: DateTime<Utc>) -> String {
    json!({ "type": kind, "timestamp": at, "data": data }).to_string()
}

/// Writes a message to one address that tells nothing.
pub(super) async fn ping(
    tx: &DatabaseTransaction,
    webhook: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid, DbErr> {
    let row = deliveries::Model {
        webhook_id: webhook,
        event_id: Uuid::now_v7(),
        kind: PING.to_owned(),
        body: body(PING, &json!({}), now),
        state: PENDING.to_owned(),
        attempts: 0,
        due_at: now,
        created_at: now,
        outcome: None,
        ended_at: None,
    };
    let event = row.event_id;
    deliveries::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(event)
}

/// Sends a message once more, whatever became of it, under the same `webhook-id`: one that ended
/// begins anew with its first attempt, one that waits is due at once. Refuses (404) a message that
/// is kept no longer, and (409) unless the subscription is active.
pub async fn send_again(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    event: Uuid,
    now: DateTime<Utc>,
) -> Result<Delivery, Error> {
    if kept(tx, by, id).await?.status != ACTIVE {
        return Err(Error::Conflict(Code::Conflict));
    }
    let sql = "UPDATE webhook_deliveries SET state = 'pending', due_at = $3, ended_at = NULL, \
               attempts = CASE WHEN state = 'pending' THEN attempts ELSE 0 END \
               WHERE webhook_id = $1 AND event_id = $2 RETURNING *";
    let values: [Value; 3] = [id.into(), event.into(), now.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let again = Delivery::find_by_statement(statement).one(tx).await?;
    let again = again.ok_or(Error::NotFound(Code::NotFound))?;
    let object = format!("webhook:{id}");
    let after = event.to_string();
    let deed = Deed {
        actor: &by.actor(),
        act: "webhook_message_sent_again",
        object: &object,
        before: None,
        after: Some(&after),
        reason: None,
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(again)
}

/// What of an address waits is not sent any more.
pub(super) async fn give_up_all(
    tx: &impl ConnectionTrait,
    webhook: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    deliveries::Entity::update_many()
        .col_expr(deliveries::Column::State, Expr::value(GIVEN_UP))
        .col_expr(deliveries::Column::EndedAt, Expr::value(now))
        .filter(deliveries::COLUMN.webhook_id.eq(webhook))
        .filter(deliveries::COLUMN.state.eq(PENDING))
        .exec(tx)
        .await
        .map(drop)
}

/// Who calls the addresses.
#[derive(Clone)]
pub struct Sender {
    client: reqwest::Client,
    reach: Arc<Reach>,
}

impl Sender {
    pub fn new(reach: Reach) -> anyhow::Result<Self> {
        Ok(Self { client: outward::client(reach.anywhere)?, reach: Arc::new(reach) })
    }

    /// One attempt: an HTTP status, or why there is none.
    async fn post(&self, url: &str, headers: [(&str, String); 3], body: String) -> Outcome {
        // What may be called may have changed since somebody subscribed it.
        if check_url(url, &self.reach).is_err() {
            return Outcome::Forbidden;
        }
        let mut request = self.client.post(url).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        Outcome::of(request.body(body).send().await)
    }
}

/// Sends what is due: to every address on its own, so that none waits for another. Answers how
/// many messages were taken.
pub async fn deliver(
    db: &DatabaseConnection,
    keys: &Keys,
    sender: &Sender,
    clock: &Clock,
) -> Result<usize, Error> {
    let sql = "SELECT * FROM webhooks w WHERE w.status = 'active' AND EXISTS (SELECT 1 \
               FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'pending' \
               AND d.due_at <= $1) ORDER BY w.id";
    let values = [clock.now().into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let due = webhooks::Model::find_by_statement(statement).all(db).await?;
    let runs = due.iter().map(|hook| deliver_to(db, keys, sender, hook, clock));
    let mut taken = 0;
    for run in join_all(runs).await {
        taken += run?;
    }
    Ok(taken)
}

/// Sends what is due to one address, the oldest first, until one is not taken.
async fn deliver_to(
    db: &DatabaseConnection,
    keys: &Keys,
    sender: &Sender,
    hook: &webhooks::Model,
    clock: &Clock,
) -> Result<usize, Error> {
    let due = deliveries::Entity::find()
        .filter(deliveries::COLUMN.webhook_id.eq(hook.id))
        .filter(deliveries::COLUMN.state.eq(PENDING))
        .filter(deliveries::COLUMN.due_at.lte(clock.now()))
        .order_by_asc(deliveries::Column::DueAt)
        .limit(AT_ONCE)
        .all(db)
        .await?;
    let mut taken = 0;
    for row in due {
        if !claim(db, &row, clock.now()).await? {
            continue;
        }
        let headers = headers(keys, hook, &row, clock.now())?;
        let outcome = sender.post(&hook.url, headers, row.body.clone()).await;
        settle(db, hook, &row, outcome, clock.now()).await?;
        if !outcome.is_success() {
            break;
        }
        taken += 1;
    }
    Ok(taken)
}

/// Takes a message for this run: of two replicas one gets it.
async fn claim(
    db: &DatabaseConnection,
    row: &deliveries::Model,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let claimed = this(row)
        .col_expr(deliveries::Column::DueAt, Expr::value(now + CLAIM))
        .col_expr(deliveries::Column::Attempts, Expr::col(deliveries::Column::Attempts).add(1))
        .filter(deliveries::COLUMN.state.eq(PENDING))
        .filter(deliveries::COLUMN.attempts.eq(row.attempts))
        .exec(db)
        .await?;
    Ok(claimed.rows_affected == 1)
}

fn this(row: &deliveries::Model) -> sea_orm::UpdateMany<deliveries::Entity> {
    deliveries::Entity::update_many()
        .filter(deliveries::COLUMN.webhook_id.eq(row.webhook_id))
        .filter(deliveries::COLUMN.event_id.eq(row.event_id))
}

/// Id, time and signatures: by the secret, and by the one before it while it still counts.
fn headers(
    keys: &Keys,
    hook: &webhooks::Model,
    row: &deliveries::Model,
    now: DateTime<Utc>,
) -> Result<[(&'static str, String); 3], Error> {
    let mut secrets = vec![open(keys, "secret_ct", hook.id, &hook.secret_ct)?];
    if let Some(old) = &hook.old_secret_ct
        && hook.old_secret_until.is_some_and(|until| now < until)
    {
        secrets.push(open(keys, "old_secret_ct", hook.id, old)?);
    }
    let at_s = now.timestamp();
    let signed = |secret: &String| signature(secret, &row.event_id.to_string(), at_s, &row.body);
    let signatures: Vec<String> = secrets.iter().filter_map(signed).collect();
    Ok([
        ("webhook-id", row.event_id.to_string()),
        ("webhook-timestamp", at_s.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ])
}

async fn settle(
    db: &DatabaseConnection,
    hook: &webhooks::Model,
    row: &deliveries::Model,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let said = this(row).col_expr(deliveries::Column::Outcome, Expr::value(outcome.to_string()));
    let said = match wait_after(row.attempts + 1) {
        _ if outcome.is_success() => ended(said, DELIVERED, now),
        None => ended(said, GIVEN_UP, now),
        Some(wait) => said.col_expr(deliveries::Column::DueAt, Expr::value(now + wait)),
    };
    said.filter(deliveries::COLUMN.state.eq(PENDING)).exec(&tx).await?;
    let failing_since = hook.failing_since.unwrap_or(now);
    let gives_up = outcome == Outcome::Status(GONE) || now - failing_since >= DISABLED_AFTER;
    if outcome.is_success() {
        if hook.failing_since.is_some() {
            set_failing(&tx, hook.id, None).await?;
        }
    } else if gives_up {
        disable(&tx, hook.id, now).await?;
    } else if hook.failing_since.is_none() {
        set_failing(&tx, hook.id, Some(now)).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn ended(
    update: sea_orm::UpdateMany<deliveries::Entity>,
    state: &str,
    now: DateTime<Utc>,
) -> sea_orm::UpdateMany<deliveries::Entity> {
    update
        .col_expr(deliveries::Column::State, Expr::value(state))
        .col_expr(deliveries::Column::EndedAt, Expr::value(now))
}

async fn set_failing(
    tx: &DatabaseTransaction,
    id: Uuid,
    since: Option<DateTime<Utc>>,
) -> Result<(), DbErr> {
    webhooks::Entity::update_many()
        .col_expr(webhooks::Column::FailingSince, Expr::value(since))
        .filter(webhooks::COLUMN.id.eq(id))
        .exec(tx)
        .await
        .map(drop)
}

async fn disable(tx: &DatabaseTransaction, id: Uuid, now: DateTime<Utc>) -> Result<(), DbErr> {
    let disabled = webhooks::Entity::update_many()
        .col_expr(webhooks::Column::Status, Expr::value(DISABLED))
        .filter(webhooks::COLUMN.id.eq(id))
        .filter(webhooks::COLUMN.status.eq(ACTIVE))
        .exec(tx)
        .await?;
    if disabled.rows_affected > 0 {
        give_up_all(tx, id, now).await?;
        note(tx, "job:webhooks", "webhook_disabled", id, now).await?;
        tracing::warn!(webhook = %id, "a webhook has failed for days and is called no more");
    }
    Ok(())
}

/// Deletes messages that ended long ago; a job runs it.
pub async fn sweep(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    deliveries::Entity::delete_many()
        .filter(deliveries::COLUMN.ended_at.lt(now - KEPT))
        .exec(db)
        .await
        .map(drop)
}
