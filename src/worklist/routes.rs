//! What waits for staff, below `/api/v1/staff`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /work` | what looks wrong, kind by kind |
//! | `POST /work-items/{kind}/{id}/preview` | what an answer would do |
//! | `POST /work-items/{kind}/{id}/answer` | makes an event of a record, or puts an item aside |
//! | `GET /requests` | what somebody else has asked for and nobody has decided |
//! | `POST /requests/{id}/decision` | approves or refuses it |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Action, Answer as WorkAnswer, Answered, Item, Kind};
use crate::{
    base::{
        clock::Given,
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::{DivisionCode, MemberId},
        page::{Limit, Page, Paging},
        state::State,
    },
    minutes::Effect,
    staff::{
        StaffCaller,
        requests::{self, Matter, Request},
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list_requests))
        .routes(routes!(decide))
        .routes(routes!(list))
        .routes(routes!(preview))
        .routes(routes!(answer))
}

/// Something that waits for a second person.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffRequest)]
struct RequestBody {
    id: Uuid,
    matter: Matter,
    /// `member:<id>`, `session:<id>` …
    object: String,
    member_id: Option<MemberId>,
    division: DivisionCode,
    reason: String,
    asked_by: String,
    asked_at: DateTime<Utc>,
    /// What is asked for, by matter: `what`, the corrected times, the columns, the address.
    details: serde_json::Value,
}

impl From<Request> for RequestBody {
    fn from(request: Request) -> Self {
        Self {
            id: request.id,
            matter: request.matter,
            object: request.object,
            member_id: request.member,
            division: request.division,
            reason: request.reason,
            asked_by: request.asked_by,
            asked_at: request.asked_at,
            details: serde_json::from_str(&request.payload).unwrap_or_default(),
        }
    }
}

/// What somebody of the staff has asked for within the caller's division and nobody has decided.
#[utoipa::path(get, path = "/api/v1/staff/requests", tag = "staff: work", params(Paging),
    responses((status = 200, body = Page<RequestBody>)))]
async fn list_requests(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RequestBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("staff requests");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = requests::waiting(&state.db, &by, after, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |request| request.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Decision)]
struct DecisionBody {
    approve: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Decided)]
struct DecidedBody {
    id: Uuid,
    /// What an approved correction has done.
    effect: Option<Effect>,
}

/// Decides a request of somebody else. An approved correction is done at once.
#[utoipa::path(
    post,
    path = "/api/v1/staff/requests/{id}/decision",
    tag = "staff: work",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = DecisionBody,
    responses(
        (status = 200, description = "Decided", body = DecidedBody),
        (status = 403, description = "`own_request`, or the caller's role does not include it"),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`request_decided`, `correction_overlaps`"),
    ),
)]
async fn decide(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<DecisionBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let effect = super::decide(tx, &state.keys, &by, id, body.approve, now).await?;
            Ok((StatusCode::OK, DecidedBody { id, effect }))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WorkQuery {
    /// One kind alone; all of them when absent.
    #[param(inline)]
    kind: Option<Kind>,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, of the same kind.
    cursor: Option<String>,
}

/// Something that looks wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkItem)]
struct ItemBody {
    kind: Kind,
    /// Null for a device that nobody has claimed.
    id: Option<Uuid>,
    /// Since when.
    at: Option<DateTime<Utc>>,
    venue_id: Option<Uuid>,
    terminal_id: Option<Uuid>,
    member_id: Option<Uuid>,
    /// A reason, a way in, a serial number or a count, by kind; of a device, protocol and serial.
    detail: Option<String>,
    /// What can be done: `accept`, `reject` and `declare_lost` by an answer; `claim`, `command` and
    /// `revoke_terminal` at the terminals' routes; `correct` at the sessions'; `ticket` at the
    /// tickets'.
    actions: Vec<&'static str>,
}

impl From<Item> for ItemBody {
    fn from(item: Item) -> Self {
        Self {
            kind: item.kind,
            id: item.id,
            at: item.at,
            venue_id: item.venue,
            terminal_id: item.terminal,
            member_id: item.member,
            detail: item.detail,
            actions: item.kind.actions().to_vec(),
        }
    }
}

/// What looks wrong within the caller's division, kind by kind.
#[utoipa::path(get, path = "/api/v1/staff/work", tag = "staff: work", params(WorkQuery),
    responses((status = 200, body = Page<ItemBody>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(query): Query<WorkQuery>,
) -> Result<Json<Page<ItemBody>>, Error> {
    let WorkQuery { kind, limit, cursor } = query;
    let (cursors, name) = (state.keys.cursors(), format!("work {}", kind.map_or("", Kind::as_str)));
    let list = cursors.list(&name);
    let (after, now) = (list.key_if_any(cursor.as_deref())?, state.clock.now());
    let items = super::list(&state.db, &by, kind, after, limit.rows() + 1, now).await?;
    Ok(Json(Page::cut(items, limit, &list, Item::place, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WorkAnswer)]
struct AnswerBody {
    action: Action,
    /// Who it was; whoever holds what was shown, when absent. Records only.
    member_id: Option<MemberId>,
    /// When it was; as the terminal says, when absent. Records only.
    occurred_at: Option<Given>,
    /// Why, in 1 to 200 characters; enters the audit chain.
    reason: String,
}

impl AnswerBody {
    fn into_answer(self, (kind, id): (Kind, Uuid)) -> WorkAnswer {
        let Self { action, member_id, occurred_at, reason } = self;
        let occurred_at = occurred_at.map(|at| at.0);
        WorkAnswer { kind, id, action, member: member_id, occurred_at, reason }
    }
}

/// What an answer did, or would do.
#[derive(Serialize, ToSchema)]
#[schema(as = WorkAnswered)]
struct AnsweredBody {
    /// The entry event that came of a record; in a preview, of no meaning.
    event_id: Option<Uuid>,
    member_id: Option<MemberId>,
    effect: Option<Effect>,
    /// How many missing records are waited for no more.
    records_given_up: Option<i64>,
}

impl From<Answered> for AnsweredBody {
    fn from(Answered { event, member, effect, given_up }: Answered) -> Self {
        Self { event_id: event, member_id: member, effect, records_given_up: given_up }
    }
}

/// Shows what an answer would do; nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/staff/work-items/{kind}/{id}/preview",
    tag = "staff: work",
    params(("kind" = Kind, Path), ("id" = Uuid, Path)),
    request_body = AnswerBody,
    responses(
        (status = 200, description = "What it would do", body = AnsweredBody),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`request_decided`, `record_unreadable`, `record_taken`"),
        (status = 422, description = "`required`: the person or the time; `bad_time`"),
    ),
)]
async fn preview(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(item): Path<(Kind, Uuid)>,
    Json(body): Json<AnswerBody>,
) -> Result<Json<AnsweredBody>, Error> {
    let (wanted, now) = (body.into_answer(item), state.clock.now());
    let answered = super::preview(&state.db, &state.keys, &by, &wanted, now).await?;
    Ok(Json(answered.into()))
}

/// Answers an item: a record becomes an event of a person at a time, or the item is put aside. The
/// state of a terminal comes back after a day.
#[utoipa::path(
    post,
    path = "/api/v1/staff/work-items/{kind}/{id}/answer",
    tag = "staff: work",
    params(
        ("kind" = Kind, Path),
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = AnswerBody,
    responses(
        (status = 200, description = "Answered", body = AnsweredBody),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`request_decided`, `record_unreadable`, `record_taken`"),
        (status = 422, description = "`required`: the person or the time; `bad_time`"),
    ),
)]
async fn answer(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(item): Path<(Kind, Uuid)>,
    Command { stamp, body: Json(body) }: Command<Json<AnswerBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let answered =
                super::answer(tx, &state.keys, &by, &body.into_answer(item), now).await?;
            Ok((StatusCode::OK, AnsweredBody::from(answered)))
        })
        .await
}
