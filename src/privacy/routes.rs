//! A resident's own data as a whole.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /api/v1/me/export` | everything that is kept of the resident |
//! | `POST /api/v1/me/export-link` | makes a link to it, good once, for another device |
//! | `GET /api/v1/exports/{token}` | follows such a link |
//! | `DELETE /api/v1/me` | forgets the resident |
//! | `GET /api/v1/staff/impact-facts` | what an assessment of the impact on privacy rests on |
//! | `POST /api/v1/staff/members/{id}/join`, `…/join/preview` | joins two registrations of one person |

use axum::{
    extract::State as Of,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{impact::Facts, links};
use crate::{
    base::{
        db,
        error::{Code, Error},
        http::{json::Json, query::Path},
        idempotency::{Answer, Command},
        ids::MemberId,
        state::State,
    },
    members::Resident,
    minutes::Effect,
    staff::{Function, StaffCaller},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(make_link))
        .routes(routes!(follow_link))
        .routes(routes!(forget))
}

/// What staff do to everything of a person.
pub fn staff_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(join))
        .routes(routes!(preview_join))
        .routes(routes!(impact_facts))
}

/// Digits of a division from which on somebody does not speak for the operator.
const CITY_DIGITS: usize = 4;

/// What an assessment of the impact on privacy rests on, counted now: whose data are kept, of
/// which kinds and for how long, who else handles them, and how many faces are stored.
#[utoipa::path(get, path = "/api/v1/staff/impact-facts", tag = "staff: audit", responses(
    (status = 200, body = Facts),
    (status = 403, description = "Less than a city, or the caller's role does not include it"),
))]
async fn impact_facts(Of(state): Of<State>, by: StaffCaller) -> Result<Json<Facts>, Error> {
    by.require(Function::ReadAudit, &by.division)?;
    if by.division.as_str().len() > CITY_DIGITS {
        return Err(Error::Forbidden(Code::Forbidden));
    }
    let State { db, keys, config, clock, .. } = &state;
    Ok(Json(super::impact::facts(db, keys, config, clock.now()).await?))
}

/// Everything that is kept of the resident, table by table.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "residents", responses(
    (status = 200, description = "Tables by name, each with its rows", body = serde_json::Value),
    (status = 401, description = "No session, or `fresh_login_required`: signed in more than ten minutes ago"),
))]
async fn export(Of(state): Of<State>, caller: Resident) -> Result<Response, Error> {
    let now = state.clock.now();
    caller.require_fresh(now)?;
    Ok(file(super::export(&state.db, &state.keys, caller.id, now).await?))
}

/// A document to be kept by whoever asked, and by nobody on the way.
fn file(all: serde_json::Value) -> Response {
    let headers = [
        (header::CONTENT_DISPOSITION, "attachment; filename=\"fitgate-export.json\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Json(all)).into_response()
}

/// A link to an export.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportLink)]
struct LinkBody {
    /// Below this server's address; shown once, good once.
    #[schema(example = "/api/v1/exports/…")]
    path: String,
    expires_at: DateTime<Utc>,
}

/// Makes a link under which the resident downloads the export on another device: good once, for 24
/// hours, and without signing in. It takes no `Idempotency-Key`, because stored answers would hold
/// the link: asking again makes another one, and the one before is void.
#[utoipa::path(
    post,
    path = "/api/v1/me/export-link",
    tag = "residents",
    responses(
        (status = 201, description = "The link, shown once", body = LinkBody),
        (status = 401, description = "No session, or `fresh_login_required`: signed in more than ten minutes ago"),
    ),
)]
async fn make_link(
    Of(state): Of<State>,
    caller: Resident,
) -> Result<(StatusCode, Json<LinkBody>), Error> {
    let now = state.clock.now();
    caller.require_fresh(now)?;
    let tx = db::begin(&state.db).await?;
    let links::Link { token, expires_at } = links::make(&tx, caller.id, now).await?;
    tx.commit().await?;
    let path = format!("/api/v1/exports/{token}");
    Ok((StatusCode::CREATED, Json(LinkBody { path, expires_at })))
}

/// Everything that is kept of whoever made the link.
#[utoipa::path(
    get,
    path = "/api/v1/exports/{token}",
    tag = "residents",
    params(("token" = String, Path)),
    responses(
        (status = 200, description = "Tables by name, each with its rows", body = serde_json::Value),
        (status = 404, description = "`export_link_spent`: used, run out, or none"),
    ),
)]
async fn follow_link(Of(state): Of<State>, Path(token): Path<String>) -> Result<Response, Error> {
    Ok(file(links::follow(&state.db, &state.keys, &token, state.clock.now()).await?))
}

/// Forgets the resident: name, document, phone, face and credentials are destroyed, every session
/// ends. Minutes stay in the venue's figures under an id that names nobody. It needs no
/// `Idempotency-Key`: doing it again finds nobody.
#[utoipa::path(
    delete,
    path = "/api/v1/me",
    tag = "residents",
    responses((status = 204, description = "Forgotten"), (status = 401, description = "No session")),
)]
async fn forget(Of(state): Of<State>, caller: Resident) -> Result<StatusCode, Error> {
    let tx = db::begin(&state.db).await?;
    let now = state.clock.now();
    super::erase(&tx, caller.id, &caller.actor(), now).await?;
    tx.commit().await?;
    if let Some(file) = state.config.erasures()
        && let Err(error) = super::erasures::note(file, caller.id, now)
    {
        tracing::warn!(error = %format!("{error:#}"), "the list is written again within a minute");
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Joining)]
struct JoinBody {
    /// The other registration of the same person, which is given up.
    other_id: MemberId,
    /// Why, in 1 to 200 characters; enters the audit chain.
    reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JoiningPreview)]
struct OtherBody {
    other_id: MemberId,
}

/// What joining did, or would do.
#[derive(Serialize, ToSchema)]
#[schema(as = Joined)]
struct JoinedBody {
    member_id: MemberId,
    effect: Effect,
}

/// Joins two registrations of one person: stays that overlap count once, ways in and children go
/// over, and what is left of the other is forgotten.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/join",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = JoinBody,
    responses(
        (status = 200, description = "Joined", body = JoinedBody),
        (status = 404, description = "One of them is not in the caller's division"),
        (status = 409, description = "`correction_overlaps`: corrected stays of both overlap"),
        (status = 422, description = "`reason_length`, or one and the same member"),
    ),
)]
async fn join(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<JoinBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let both = (id, body.other_id);
            let effect = super::join(tx, &state.keys, &by, both, &body.reason, now).await?;
            Ok((StatusCode::OK, JoinedBody { member_id: id, effect }))
        })
        .await
}

/// Shows what joining two registrations would do; nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/join/preview",
    tag = "members",
    params(("id" = MemberId, Path)),
    request_body = OtherBody,
    responses(
        (status = 200, description = "What it would do", body = JoinedBody),
        (status = 404, description = "One of them is not in the caller's division"),
        (status = 409, description = "`correction_overlaps`"),
    ),
)]
async fn preview_join(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Json(body): Json<OtherBody>,
) -> Result<Json<JoinedBody>, Error> {
    let (both, now) = ((id, body.other_id), state.clock.now());
    let effect = super::preview_join(&state.db, &state.keys, &by, both, now).await?;
    Ok(Json(JoinedBody { member_id: id, effect }))
}
