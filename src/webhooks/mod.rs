//! Telling others what happens: city staff subscribe an address to kinds of events, and it is told
//! of each by a signed message (Standard Webhooks). Messages name no person and hold no figures;
//! who wants those asks the API with an account.
//!
//! A message is a row that is written in the transaction of what it tells, and a job sends it. It
//! may arrive twice, under the same `webhook-id`; it is given up after ten attempts in four days.

mod outbox;
mod routes;
mod rules;
mod tables;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    FromQueryResult, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, Statement, Value,
    sea_query::Expr,
};
use uuid::Uuid;

use outbox::send_again;
pub use outbox::{Event, Sender, deliver, sweep, tell};
pub use routes::routes;
pub use rules::Kind;

use self::{
    rules::{check_url, kinds_text, new_secret},
    tables::{deliveries, webhooks},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::DivisionCode,
        keys::Keys,
    },
    staff::{
        Function, StaffCaller, audit,
        requests::{self, Matter, NewRequest, Request},
    },
};

const CHAIN: &str = "webhooks";
/// Waits for a second person of the city.
const WAITING: &str = "waiting";
const ACTIVE: &str = "active";
/// Failed for so long that nobody tries any more, until staff say so.
const DISABLED: &str = "disabled";
const ENDED: &str = "ended";
/// Addresses that may be subscribed at once: each is called on its own.
const SUBSCRIBED_MAX: u64 = 50;
/// How long the secret before the newest one still signs too.
const OLD_SECRET_LIFE: TimeDelta = TimeDelta::hours(24);

/// An address that shall be told.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Events of this division and below it are told.
    pub division: DivisionCode,
    pub url: String,
    pub kinds: Vec<Kind>,
    pub reason: String,
}

/// What to know of the rules for addresses: whether any may be called, and which hosts alone.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// For trying out: plain HTTP, any port and private addresses too.
    pub anywhere: bool,
    /// Host names; any public one when empty.
    pub hosts: Vec<String>,
}

/// A subscription and the secret with which its messages are signed, shown once.
pub struct Subscribed {
    pub id: Uuid,
    /// `whsec_` and base64 of the key.
    pub secret: String,
    /// The request that somebody else of the city has to approve first; none for a new secret.
    pub request: Option<Uuid>,
}

/// Subscribes an address; it is told nothing before somebody else of the city has approved it.
/// Refuses (401) who has not just given both factors, (422) an address that must not be called,
/// and (409) one too many.
pub async fn subscribe(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    new: NewWebhook,
    reach: &Reach,
    now: DateTime<Utc>,
) -> Result<Subscribed, Error> {
    by.require(Function::ManageWebhooks, &new.division)?;
    by.require_fresh(now)?;
    let reason = requests::reason(&new.reason)?.to_owned();
    let url = check_url(&new.url, reach).map_err(|code| Error::invalid("/url", code))?;
    let kinds = kinds_text(&new.kinds).ok_or_else(|| Error::invalid("/kinds", Code::NoItems))?;
    let there = webhooks::Entity::find().filter(webhooks::COLUMN.status.ne(ENDED));
    if there.count(tx).await? >= SUBSCRIBED_MAX {
        return Err(Error::Conflict(Code::TooManyWebhooks));
    }
    let (id, secret) = (Uuid::now_v7(), new_secret());
    let payload = serde_json::json!({ "url": url, "kinds": new.kinds });
    let row = webhooks::Model {
        id,
        division: new.division.clone(),
        url,
        kinds,
        status: WAITING.to_owned(),
        secret_ct: seal(keys, "secret_ct", id, &secret),
        old_secret_ct: None,
        old_secret_until: None,
        by_actor: by.actor(),
        created_at: now,
        failing_since: None,
        ended_at: None,
    };
    webhooks::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    let asked = NewRequest {
        matter: Matter::Webhook,
        object: format!("webhook:{id}"),
        member: None,
        division: new.division,
        payload: payload.to_string(),
        reason,
    };
    let request = Some(requests::ask(tx, by, asked, now).await?);
    Ok(Subscribed { id, secret, request })
}

/// Begins to tell what was approved, or ends what was refused. Whoever decides runs the city too.
pub async fn decided(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    request: &Request,
    approves: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    by.require(Function::ManageWebhooks, &request.division)?;
    let id = request.object.strip_prefix("webhook:").and_then(|id| id.parse().ok());
    let id: Uuid = id.ok_or(Error::NotFound(Code::NotFound))?;
    let (status, ended_at) = if approves { (ACTIVE, None) } else { (ENDED, Some(now)) };
    webhooks::Entity::update_many()
        .col_expr(webhooks::Column::Status, Expr::value(status))
        .col_expr(webhooks::Column::EndedAt, Expr::value(ended_at))
        .filter(webhooks::COLUMN.id.eq(id))
        .filter(webhooks::COLUMN.status.eq(WAITING))
        .exec(tx)
        .await?;
    Ok(())
}

/// A subscription as staff see it.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub id: Uuid,
    pub division: DivisionCode,
    pub url: String,
    pub kinds: Vec<Kind>,
    /// `waiting`, `active`, `disabled` or `ended`.
    pub status: String,
    pub created_at: DateTime<Utc>,
    /// Since when no message has been taken.
    pub failing_since: Option<DateTime<Utc>>,
}

impl From<webhooks::Model> for Webhook {
    fn from(row: webhooks::Model) -> Self {
        let kinds = row.kinds.split_whitespace().filter_map(Kind::from_text).collect();
        Self {
            id: row.id,
            division: row.division,
            url: row.url,
            kinds,
            status: row.status,
            created_at: row.created_at,
            failing_since: row.failing_since,
        }
    }
}

/// The subscriptions within the caller's division, by id, behind `after`.
pub async fn list(
    db: &DatabaseConnection,
    by: &StaffCaller,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Webhook>, Error> {
    by.require(Function::ManageWebhooks, &by.division)?;
    let [first, last] = by.division.bounds();
    let sql = "SELECT * FROM webhooks WHERE id > $1 AND division >= $2 AND division <= $3 \
               ORDER BY id LIMIT $4";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 4] = [after.unwrap_or(Uuid::nil()).into(), first, last, rows.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let found = webhooks::Model::find_by_statement(statement).all(db).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// The subscription, if the caller keeps it; 404 outside their division and after its end.
pub async fn find(
    conn: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
) -> Result<Webhook, Error> {
    Ok(kept(conn, by, id).await?.into())
}

async fn kept(
    conn: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
) -> Result<webhooks::Model, Error> {
    let row = webhooks::Entity::find_by_id(id).one(conn).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ManageWebhooks, &row.division)?;
    if row.status == ENDED { Err(Error::NotFound(Code::NotFound)) } else { Ok(row) }
}

/// Ends a subscription: nothing more is sent, and what waited never will be.
pub async fn end(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    kept(tx, by, id).await?;
    webhooks::Entity::update_many()
        .col_expr(webhooks::Column::Status, Expr::value(ENDED))
        .col_expr(webhooks::Column::EndedAt, Expr::value(now))
        .col_expr(webhooks::Column::SecretCt, Expr::value(""))
        .col_expr(webhooks::Column::OldSecretCt, Expr::value(None::<String>))
        .filter(webhooks::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    outbox::give_up_all(tx, id, now).await?;
    note(tx, &by.actor(), "webhook_ended", id, now).await?;
    Ok(())
}

/// Makes another secret; for a day messages are signed with both, so that the receiver can change.
pub async fn rotate(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Subscribed, Error> {
    let row = kept(tx, by, id).await?;
    by.require_fresh(now)?;
    let old = open(keys, "secret_ct", id, &row.secret_ct)?;
    let secret = new_secret();
    webhooks::Entity::update_many()
        .col_expr(webhooks::Column::SecretCt, Expr::value(seal(keys, "secret_ct", id, &secret)))
        .col_expr(
            webhooks::Column::OldSecretCt,
            Expr::value(Some(seal(keys, "old_secret_ct", id, &old))),
        )
        .col_expr(webhooks::Column::OldSecretUntil, Expr::value(Some(now + OLD_SECRET_LIFE)))
        .filter(webhooks::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    note(tx, &by.actor(), "webhook_secret_rotated", id, now).await?;
    Ok(Subscribed { id, secret, request: None })
}

/// Tells a subscription again that was disabled; refuses (409) one that is not.
pub async fn resume(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Webhook, Error> {
    kept(tx, by, id).await?;
    let resumed = webhooks::Entity::update_many()
        .col_expr(webhooks::Column::Status, Expr::value(ACTIVE))
        .col_expr(webhooks::Column::FailingSince, Expr::value(None::<DateTime<Utc>>))
        .filter(webhooks::COLUMN.id.eq(id))
        .filter(webhooks::COLUMN.status.eq(DISABLED))
        .exec(tx)
        .await?;
    if resumed.rows_affected == 0 {
        return Err(Error::Conflict(Code::Conflict));
    }
    note(tx, &by.actor(), "webhook_resumed", id, now).await?;
    find(tx, by, id).await
}

/// Sends a message that tells nothing, to see whether it arrives; refuses (409) unless the
/// subscription is active.
pub async fn ping(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let row = kept(tx, by, id).await?;
    if row.status != ACTIVE {
        return Err(Error::Conflict(Code::Conflict));
    }
    let event = outbox::ping(tx, id, now).await?;
    note(tx, &by.actor(), "webhook_pinged", id, now).await?;
    Ok(event)
}

/// What became of a message.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Delivery {
    pub event_id: Uuid,
    pub kind: String,
    /// `pending`, `delivered` or `given_up`.
    pub state: String,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    /// Of the last attempt: an HTTP status, or `timeout`, `unreachable`, `forbidden_address`.
    pub outcome: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// What was and will be sent to a subscription, the newest first, behind `before`.
pub async fn sent(
    db: &DatabaseConnection,
    by: &StaffCaller,
    id: Uuid,
    before: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Delivery>, Error> {
    let row = webhooks::Entity::find_by_id(id).one(db).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ManageWebhooks, &row.division)?;
    let sql = "SELECT * FROM webhook_deliveries WHERE webhook_id = $1 AND event_id < $2 \
               ORDER BY event_id DESC LIMIT $3";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 3] = [id.into(), before.unwrap_or(Uuid::max()).into(), rows.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Delivery::find_by_statement(statement).all(db).await?)
}

fn seal(keys: &Keys, column: &str, id: Uuid, secret: &str) -> String {
    keys.seal("webhooks", column, &id.to_string(), secret.as_bytes())
}

fn open(keys: &Keys, column: &str, id: Uuid, sealed: &str) -> Result<String, Error> {
    let plain = keys.open("webhooks", column, &id.to_string(), sealed)?;
    String::from_utf8(plain).map_err(Error::internal)
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let object = format!("webhook:{id}");
    let deed = audit::Deed { actor, act, object: &object, before: None, after: None, reason: None };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}
