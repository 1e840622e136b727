//! Addresses that are told what happens, below `/api/v1/staff`:
//!
//! | path | does |
//! | --- | --- |
//! | `GET /webhooks`, `POST /webhooks` | who is told what; subscribes an address, which another person approves |
//! | `DELETE /webhooks/{id}` | ends a subscription |
//! | `POST /webhooks/{id}/secret` | another secret; the one before signs too for a day |
//! | `POST /webhooks/{id}/resumption` | tells an address again that was disabled |
//! | `POST /webhooks/{id}/pings` | sends a message that tells nothing |
//! | `GET /webhooks/{id}/deliveries` | what was and will be sent, and what came of it |
//! | `POST /webhooks/{id}/redeliveries` | sends a message once more |
//!
//! Messages are `POST`s of `{"type", "timestamp", "data"}` with the headers `webhook-id`,
//! `webhook-timestamp` and `webhook-signature` of Standard Webhooks.

use std::sync::Arc;

use axum::{Extension, extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Delivery, Kind, NewWebhook, Reach, Subscribed, Webhook};
use crate::{
    base::{
        db,
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::DivisionCode,
        page::{Page, Paging},
        state::State,
    },
    staff::StaffCaller,
};

/// `reach` says which addresses may be called.
pub fn routes(reach: Reach) -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, subscribe))
        .routes(routes!(end))
        .routes(routes!(rotate))
        .routes(routes!(resume))
        .routes(routes!(ping))
        .routes(routes!(deliveries))
        .routes(routes!(send_again))
        .layer(Extension(Arc::new(reach)))
}

/// An address that is told what happens.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
struct WebhookBody {
    id: Uuid,
    division: DivisionCode,
    url: String,
    kinds: Vec<Kind>,
    /// `waiting` for a second person, `active`, `disabled` after five days without success, or
    /// `ended`.
    status: String,
    created_at: DateTime<Utc>,
    /// Since when no message has been taken.
    failing_since: Option<DateTime<Utc>>,
}

impl From<Webhook> for WebhookBody {
    fn from(hook: Webhook) -> Self {
        let Webhook { id, division, url, kinds, status, created_at, failing_since } = hook;
        Self { id, division, url, kinds, status, created_at, failing_since }
    }
}

/// The subscriptions within the caller's division.
#[utoipa::path(get, path = "/api/v1/staff/webhooks", tag = "staff: webhooks", params(Paging),
    responses((status = 200, body = Page<WebhookBody>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<WebhookBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("webhooks");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = super::list(&state.db, &by, after, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |hook| hook.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWebhook)]
struct NewBody {
    /// The caller's own when absent; events of it and below it are told.
    division: Option<DivisionCode>,
    /// https at port 443 of a public host.
    #[schema(example = "https://hooks.example.cn/fitgate")]
    url: String,
    kinds: Vec<Kind>,
    /// Why, in 1 to 200 characters; whoever approves reads it.
    reason: String,
}

/// A secret, shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookSecret)]
struct SecretBody {
    id: Uuid,
    /// Sign and compare with the bytes after `whsec_`, in base64.
    #[schema(example = "whsec_…")]
    secret: String,
    /// What somebody else of the city approves at `/requests/{id}/decision`; null for another
    /// secret of what runs already.
    request_id: Option<Uuid>,
}

impl From<Subscribed> for SecretBody {
    fn from(Subscribed { id, secret, request }: Subscribed) -> Self {
        Self { id, secret, request_id: request }
    }
}

/// Subscribes an address, which is told nothing before somebody else of the city has approved it.
/// It takes no `Idempotency-Key`, because stored answers would hold the secret.
#[utoipa::path(post, path = "/api/v1/staff/webhooks", tag = "staff: webhooks",
    request_body = NewBody, responses(
        (status = 201, description = "Subscribed, and waits for approval", body = SecretBody),
        (status = 401, description = "`confirmation_required`: give both factors again"),
        (status = 404, description = "The division is not the caller's"),
        (status = 409, description = "`too_many_webhooks`"),
        (status = 422, description = "`url_forbidden`, `no_items`, `reason_length`"),
    ))]
async fn subscribe(
    Of(state): Of<State>,
    by: StaffCaller,
    Extension(reach): Extension<Arc<Reach>>,
    Json(body): Json<NewBody>,
) -> Result<(StatusCode, Json<SecretBody>), Error> {
    let NewBody { division, url, kinds, reason } = body;
    let division = division.unwrap_or_else(|| by.division.clone());
    let new = NewWebhook { division, url, kinds, reason };
    let (tx, now) = (db::begin(&state.db).await?, state.clock.now());
    let made = super::subscribe(&tx, &state.keys, &by, new, &reach, now).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Ends a subscription: nothing more is sent.
#[utoipa::path(delete, path = "/api/v1/staff/webhooks/{id}", tag = "staff: webhooks",
    params(("id" = Uuid, Path)), responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn end(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    let tx = db::begin(&state.db).await?;
    super::end(&tx, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes another secret. For a day messages carry both signatures. It takes no `Idempotency-Key`,
/// because stored answers would hold the secret.
#[utoipa::path(post, path = "/api/v1/staff/webhooks/{id}/secret", tag = "staff: webhooks",
    params(("id" = Uuid, Path)), responses(
        (status = 201, description = "The secret, shown once", body = SecretBody),
        (status = 401, description = "`confirmation_required`: give both factors again"),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn rotate(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<SecretBody>), Error> {
    let tx = db::begin(&state.db).await?;
    let made = super::rotate(&tx, &state.keys, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Tells an address again that was disabled; what was given up meanwhile is not told any more.
#[utoipa::path(post, path = "/api/v1/staff/webhooks/{id}/resumption", tag = "staff: webhooks",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, description = "Told again", body = WebhookBody),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`conflict`: not disabled"),
    ))]
async fn resume(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let hook = super::resume(tx, &by, id, now).await?;
            Ok((StatusCode::OK, WebhookBody::from(hook)))
        })
        .await
}

/// A message that tells nothing.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookPing)]
struct PingBody {
    event_id: Uuid,
}

/// Sends a message that tells nothing, to see whether it arrives.
#[utoipa::path(post, path = "/api/v1/staff/webhooks/{id}/pings", tag = "staff: webhooks",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 201, description = "Waits to be sent", body = PingBody),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`conflict`: not active"),
    ))]
async fn ping(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let event_id = super::ping(tx, &by, id, now).await?;
            Ok((StatusCode::CREATED, PingBody { event_id }))
        })
        .await
}

/// A message to an address.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
struct DeliveryBody {
    /// Its `webhook-id`.
    event_id: Uuid,
    /// One of the kinds, or `ping`.
    kind: String,
    /// `pending`, `delivered` or `given_up`.
    state: String,
    attempts: i32,
    /// When it is sent next, while it is pending.
    due_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    /// Of the last attempt: an HTTP status, or `timeout`, `unreachable`, `forbidden_address`.
    outcome: Option<String>,
    ended_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for DeliveryBody {
    fn from(row: Delivery) -> Self {
        let Delivery { event_id, kind, state, attempts, due_at, created_at, outcome, ended_at } =
            row;
        Self { event_id, kind, state, attempts, due_at, created_at, outcome, ended_at }
    }
}

/// What was and will be sent to an address, the newest first; ended messages are kept for 90 days.
#[utoipa::path(get, path = "/api/v1/staff/webhooks/{id}/deliveries", tag = "staff: webhooks",
    params(("id" = Uuid, Path), Paging), responses(
        (status = 200, body = Page<DeliveryBody>),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn deliveries(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DeliveryBody>>, Error> {
    let (cursors, name) = (state.keys.cursors(), format!("webhook {id}"));
    let list = cursors.list(&name);
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let rows = super::sent(&state.db, &by, id, before, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |row| row.event_id, Into::into)))
}

/// Which message.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookRedelivery)]
struct AgainBody {
    /// Its `webhook-id`.
    event_id: Uuid,
}

/// Sends a message once more, whatever became of it: as it was, under the same `webhook-id`.
#[utoipa::path(post, path = "/api/v1/staff/webhooks/{id}/redeliveries", tag = "staff: webhooks",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = AgainBody, responses(
        (status = 201, description = "Waits to be sent", body = DeliveryBody),
        (status = 404, description = "None in the caller's division, or kept no longer"),
        (status = 409, description = "`conflict`: not active"),
    ))]
async fn send_again(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<AgainBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let again = super::send_again(tx, &by, id, body.event_id, now).await?;
            Ok((StatusCode::CREATED, DeliveryBody::from(again)))
        })
        .await
}
