//! What staff do about groups, over HTTP.

use axum::{extract::State as Of, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    GroupBody,
    meetups::{MeetupBody, MonthQuery, ScoreBody},
};
use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        page::{Limit, Page},
        state::State,
    },
    groups::{self, State as GroupState, Wanted},
    staff::{Function, StaffCaller},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(decide))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GroupsQuery {
    #[param(inline)]
    state: GroupState,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, of the same state.
    cursor: Option<String>,
}

/// Groups of the caller's division in one state.
#[utoipa::path(get, path = "/api/v1/staff/groups", tag = "staff: community", params(GroupsQuery),
    responses((status = 200, body = Page<GroupBody>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(query): Query<GroupsQuery>,
) -> Result<Json<Page<GroupBody>>, Error> {
    by.require(Function::SeePlaces, &by.division)?;
    let cursors = state.keys.cursors();
    let list = cursors.list("staff groups");
    let after = list.key_if_any(query.cursor.as_deref())?;
    let wanted = Wanted { division: by.division, state: query.state, sport: None };
    let found = groups::list(&state.db, wanted, after, query.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(found, query.limit, &list, |group| group.id, Into::into)))
}

/// A group with what it does.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupOverseen)]
struct OverseenBody {
    group: GroupBody,
    /// Those that are not over, the next first.
    meetups: Vec<MeetupBody>,
    month: ScoreBody,
}

/// One group of the caller's division: when it meets, and what its members did together in a month.
/// Only those are named who want to be seen in rankings.
#[utoipa::path(get, path = "/api/v1/staff/groups/{id}", tag = "staff: community",
    params(("id" = Uuid, Path), MonthQuery),
    responses(
        (status = 200, body = OverseenBody),
        (status = 404, description = "None in the caller's division"),
        (status = 422, description = "`bad_time`: no first day of a month"),
    ))]
async fn show(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Query(query): Query<MonthQuery>,
) -> Result<Json<OverseenBody>, Error> {
    let group = groups::overseen(&state.db, &by, id).await?.into();
    let ahead = groups::ahead(&state.db, id, state.clock.now()).await?;
    let together = groups::together(&state.db, id, query.month).await?;
    let month = ScoreBody::new(query.month, together);
    let meetups = ahead.into_iter().map(Into::into).collect();
    Ok(Json(OverseenBody { group, meetups, month }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupApproval)]
struct ApprovalBody {
    /// `false` refuses a group that waits and closes one that is active.
    approve: bool,
    /// Why, in 1 to 200 characters; the leaders read it, and it enters the audit chain.
    reason: String,
}

/// Approves a group, refuses it, or closes it.
#[utoipa::path(
    post,
    path = "/api/v1/staff/groups/{id}/decision",
    tag = "staff: community",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ApprovalBody,
    responses(
        (status = 200, description = "Decided", body = GroupBody),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`request_decided`"),
    ),
)]
async fn decide(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<ApprovalBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let said = (body.approve, body.reason.as_str());
            let group = groups::decide(tx, &by, id, said, now).await?;
            Ok((StatusCode::OK, GroupBody::from(group)))
        })
        .await
}
