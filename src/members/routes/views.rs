//! Who of the staff looked at whom, and leave to see a child.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /api/v1/me/views` | tells a resident who of the staff saw their data |
//! | `POST /api/v1/staff/members/{id}/view-requests` | asks for leave to see a child |
//! | `GET /api/v1/staff/view-requests` | the requests that nobody has answered |
//! | `POST /api/v1/staff/view-requests/{id}/approve` | gives leave that somebody else asked for |

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
        idempotency::{Answer, Command, Stamp},
        ids::MemberId,
        page::{Page, Paging},
        state::State,
    },
    members::{self, Resident, View, ViewRequest},
    staff::StaffCaller,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list_views))
}

pub fn desk_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(ask))
        .routes(routes!(list_requests))
        .routes(routes!(approve))
}

/// Somebody of the staff saw the resident's data.
#[derive(Serialize, ToSchema)]
#[schema(as = View)]
struct ViewBody {
    /// What they are, not who.
    role: String,
    division: String,
    /// `shown`: looked; `changed`: saw it while changing something; `unmasked`: saw a name or number
    /// in the clear, for a reason; `exported`: it left as a row of a file.
    act: String,
    at: DateTime<Utc>,
}

impl From<View> for ViewBody {
    fn from(View { role, division, act, at, .. }: View) -> Self {
        Self { role, division, act, at }
    }
}

/// Who of the staff saw the resident's data, the newest first.
#[utoipa::path(get, path = "/api/v1/me/views", tag = "residents", params(Paging),
    responses((status = 200, body = Page<ViewBody>)))]
async fn list_views(
    Of(state): Of<State>,
    by: Resident,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ViewBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("own views");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = members::views_of(&state.db, by.id, after, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |view| (view.at, view.id), Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewViewRequest)]
struct ReasonBody {
    /// Why, in at most 200 characters.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ViewRequestMade)]
struct MadeBody {
    id: Uuid,
}

/// Asks for leave to see a child under 14.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/view-requests",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ReasonBody,
    responses(
        (status = 201, description = "Asked; somebody else has to approve", body = MadeBody),
        (status = 404, description = "Nobody in the caller's division"),
    ),
)]
async fn ask(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<ReasonBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = members::ask_leave(tx, &by, id, &body.reason, now).await?;
            Ok((StatusCode::CREATED, MadeBody { id }))
        })
        .await
}

/// A request that nobody has answered.
#[derive(Serialize, ToSchema)]
#[schema(as = ViewRequest)]
struct RequestBody {
    id: Uuid,
    member_id: Uuid,
    asked_by: String,
    reason: String,
    asked_at: DateTime<Utc>,
}

impl From<ViewRequest> for RequestBody {
    fn from(ViewRequest { id, member_id, asked_by, reason, asked_at }: ViewRequest) -> Self {
        Self { id, member_id, asked_by, reason, asked_at }
    }
}

/// The requests to see a child within the caller's division that nobody has answered.
#[utoipa::path(get, path = "/api/v1/staff/view-requests", tag = "members", params(Paging),
    responses((status = 200, body = Page<RequestBody>)))]
async fn list_requests(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<RequestBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("view requests");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = members::open_requests(&state.db, &by, after, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |request| request.id, Into::into)))
}

/// Gives leave to see a child, for a day, to whoever asked.
#[utoipa::path(
    post,
    path = "/api/v1/staff/view-requests/{id}/approve",
    tag = "members",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, description = "Given", body = MadeBody),
        (status = 403, description = "`own_request`, or the caller's role does not include it"),
        (status = 404, description = "None in the caller's division"),
    ),
)]
async fn approve(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            members::give_leave(tx, &by, id, now).await?;
            Ok((StatusCode::OK, MadeBody { id }))
        })
        .await
}
