//! What waits for staff, below `/api/v1/staff`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /requests` | what somebody else has asked for and nobody has decided |
//! | `POST /requests/{id}/decision` | approves or refuses it |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Begun, Command},
        ids::{DivisionCode, MemberId},
        page::{Page, Paging},
        state::State,
    },
    minutes::Effect,
    staff::{
        StaffCaller,
        requests::{self, Matter, Request},
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list_requests)).routes(routes!(decide))
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
    /// What is asked for, by matter: `what`, or the corrected times.
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
    let run = match stamp.begin(&state.db, &by.actor(), now).await? {
        Begun::Replayed(answer) => return Ok(answer),
        Begun::Fresh(run) => run,
    };
    let effect = super::decide(&run.tx, &state.keys, &by, id, body.approve, now).await?;
    run.finish(StatusCode::OK, &DecidedBody { id, effect }).await
}
