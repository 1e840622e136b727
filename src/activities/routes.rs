//! Activities over HTTP. Every command but the making of a certificate's link takes an
//! `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | GET `/api/v1/activities`, `/api/v1/activities/{id}` | what lies ahead in a division; one of them |
//! | POST, DELETE `/api/v1/activities/{id}/sign-up` | signs up, alone or in a team; withdraws |
//! | POST `/api/v1/activities/{id}/sign-up/confirmation` | confirms a place that was offered |
//! | GET `/api/v1/activities/{id}/results` | places, under masked names |
//! | GET `/api/v1/me/activities` | where one has signed up |
//! | POST `/api/v1/me/activities/{id}/certificate` | a link to the certificate |
//! | GET `/api/v1/certificates/{token}` | the certificate as a page |
//! | GET, POST `/api/v1/staff/activities`, GET `…/{id}` | staff: all of them, one; publishes one |
//! | POST `/api/v1/staff/activities/{id}/cancellation`, `/attendance`, `/results` | staff |
//! | GET `/api/v1/staff/activities/{id}/sign-ups` | staff: who signed up |

mod bodies;
mod staff;

use axum::{
    extract::State as Of,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::bodies::{ActivityBody, RankedBody, SignUpBody};
use super::{Activity, Ahead, TeamWish, certificate::POLICY};
use crate::{
    base::{
        db,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::DivisionCode,
        page::{Limit, Page, Paging},
        state::State,
    },
    members::Resident,
};

/// What residents do.
pub fn resident_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(sign_up, withdraw))
        .routes(routes!(confirm))
        .routes(routes!(list_results))
        .routes(routes!(list_own))
        .routes(routes!(make_certificate))
        .routes(routes!(show_certificate))
}

/// What staff do.
pub fn routes() -> OpenApiRouter<State> {
    staff::routes()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ActivityQuery {
    division: DivisionCode,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, of the same division.
    cursor: Option<String>,
}

/// What is not over in a division, the next first.
#[utoipa::path(get, path = "/api/v1/activities", tag = "activities", params(ActivityQuery),
    responses((status = 200, body = Page<ActivityBody>)))]
async fn list(
    Of(state): Of<State>,
    _: Resident,
    Query(query): Query<ActivityQuery>,
) -> Result<Json<Page<ActivityBody>>, Error> {
    let (cursors, now) = (state.keys.cursors(), state.clock.now());
    let list = cursors.list("activities");
    let after: Option<Ahead> = list.key_if_any(query.cursor.as_deref())?;
    let rows = query.limit.rows_to_read();
    let found = super::ahead(&state.db, &query.division, after, rows, now).await?;
    let place = |activity: &Activity| (activity.times.starts_at, activity.id);
    Ok(Json(Page::cut(found, query.limit, &list, place, Into::into)))
}

/// An activity, and whether the resident has signed up.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivityAndOwn)]
struct OneBody {
    activity: ActivityBody,
    own: Option<SignUpBody>,
}

/// One activity.
#[utoipa::path(get, path = "/api/v1/activities/{id}", tag = "activities",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = OneBody), (status = 404, description = "There is none")))]
async fn show(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
) -> Result<Json<OneBody>, Error> {
    let activity = super::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let own = super::mine(&state.db, id, by.id).await?.map(Into::into);
    Ok(Json(OneBody { activity: activity.into(), own }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActivitySignUpWish)]
struct WishBody {
    /// Where teams come: found one, or join one by its code.
    team: Option<TeamBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActivityTeamWish)]
struct TeamBody {
    /// The code of the team to join; absent to found one.
    code: Option<String>,
}

impl From<WishBody> for TeamWish {
    fn from(body: WishBody) -> Self {
        match body.team {
            None => Self::Alone,
            Some(TeamBody { code: None }) => Self::Found,
            Some(TeamBody { code: Some(code) }) => Self::Join(code),
        }
    }
}

/// A place, or one on the waiting list.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivitySignedUp)]
struct SignedUpBody {
    sign_up: SignUpBody,
    /// For the captain alone: by it mates join the team.
    team_code: Option<String>,
}

/// Signs the resident up: there is a place, or one on the waiting list, whose first is offered the
/// place of whoever withdraws.
#[utoipa::path(
    post,
    path = "/api/v1/activities/{id}/sign-up",
    tag = "activities",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = WishBody,
    responses(
        (status = 201, body = SignedUpBody),
        (status = 403, description = "`age_unsuitable`"),
        (status = 404, description = "There is none"),
        (status = 409, description = "`activity_closed`, `activity_full`, `already_signed_up`, `team_full`"),
        (status = 422, description = "`invalid_value`: teams come, or none; `team_code_invalid`"),
    ),
)]
async fn sign_up(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<WishBody>>,
) -> Result<Answer, Error> {
    let (wish, now) = (body.into(), state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let (made, team_code) = super::sign_up(tx, &state.keys, id, by.id, wish, now).await?;
            Ok((StatusCode::CREATED, SignedUpBody { sign_up: made.into(), team_code }))
        })
        .await
}

/// Confirms a place that was offered, for the whole team where it is a team's; good for half an hour.
#[utoipa::path(
    post,
    path = "/api/v1/activities/{id}/sign-up/confirmation",
    tag = "activities",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, body = SignUpBody),
        (status = 404, description = "Not signed up"),
        (status = 409, description = "`hold_ended`: run out, or nothing was offered yet"),
    ),
)]
async fn confirm(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let sign_up = super::confirm(tx, id, by.id, now).await?;
            Ok((StatusCode::OK, SignUpBody::from(sign_up)))
        })
        .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActivityWithdrawn)]
struct WithdrawnBody {
    activity_id: Uuid,
}

/// Withdraws before it begins. A team goes on under its next member.
#[utoipa::path(
    delete,
    path = "/api/v1/activities/{id}/sign-up",
    tag = "activities",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, body = WithdrawnBody),
        (status = 404, description = "Not signed up"),
        (status = 409, description = "`activity_closed`: it has begun"),
    ),
)]
async fn withdraw(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::withdraw(tx, &state.keys, id, by.id, now).await?;
            Ok((StatusCode::OK, WithdrawnBody { activity_id: id }))
        })
        .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActivityResults)]
struct ResultsBody {
    items: Vec<RankedBody>,
}

/// The places of an activity, the first first.
#[utoipa::path(get, path = "/api/v1/activities/{id}/results", tag = "activities",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = ResultsBody), (status = 404, description = "There is none")))]
async fn list_results(
    Of(state): Of<State>,
    _: Resident,
    Path(id): Path<Uuid>,
) -> Result<Json<ResultsBody>, Error> {
    let found = super::results(&state.db, id).await?;
    Ok(Json(ResultsBody { items: found.into_iter().map(Into::into).collect() }))
}

/// Where the resident has signed up, the newest first; also what is over.
#[utoipa::path(get, path = "/api/v1/me/activities", tag = "activities", params(Paging),
    responses((status = 200, body = Page<SignUpBody>)))]
async fn list_own(
    Of(state): Of<State>,
    by: Resident,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<SignUpBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("own activities");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let found = super::own(&state.db, by.id, before, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(found, paging.limit, &list, |one| one.id, Into::into)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = CertificateLink)]
struct LinkBody {
    /// The page's path, told once.
    path: String,
    until: DateTime<Utc>,
}

/// A link to the certificate of an activity that the resident attended; good for 30 days, and the one
/// before is void. It takes no `Idempotency-Key`, because stored answers would hold the link.
#[utoipa::path(
    post,
    path = "/api/v1/me/activities/{id}/certificate",
    tag = "activities",
    params(("id" = Uuid, Path)),
    responses(
        (status = 201, description = "The link, shown once", body = LinkBody),
        (status = 404, description = "Not attended"),
    ),
)]
async fn make_certificate(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<LinkBody>), Error> {
    let tx = db::begin(&state.db).await?;
    let made = super::make_certificate(&tx, id, by.id, state.clock.now()).await?;
    tx.commit().await?;
    let path = format!("/api/v1/certificates/{}", made.token);
    Ok((StatusCode::CREATED, Json(LinkBody { path, until: made.until })))
}

/// A certificate as a page to be shown or printed.
#[utoipa::path(get, path = "/api/v1/certificates/{token}", tag = "activities",
    params(("token" = String, Path)),
    responses(
        (status = 200, description = "The page", body = String, content_type = "text/html"),
        (status = 404, description = "`certificate_unknown`: run out, or none"),
    ))]
async fn show_certificate(
    Of(state): Of<State>,
    Path(token): Path<String>,
) -> Result<Response, Error> {
    let page = super::read_certificate(&state.db, &state.keys, &token, state.clock.now()).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, page).into_response())
}
