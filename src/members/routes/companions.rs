//! Companions of children. Every command but the making of a code takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /api/v1/me/dependants/{id}/companion-code` | a code for whoever is to bring the child |
//! | `GET /api/v1/me/dependants/{id}/companions` | who may bring the child |
//! | `DELETE /api/v1/me/dependants/{id}/companions/{companion_id}` | ends it, by the guardian |
//! | `GET, POST /api/v1/me/accompanied` | the children whom the caller may bring; takes a code |
//! | `DELETE /api/v1/me/accompanied/{id}` | ends it, by the companion |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::own_bodies::Registered;
use crate::{
    base::{
        db,
        error::Error,
        http::{json::Json, query::Path},
        idempotency::{Answer, Command, Stamp},
        ids::MemberId,
        state::State,
    },
    members::{self, Beside, Resident, acting_for},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(invite))
        .routes(routes!(list))
        .routes(routes!(remove))
        .routes(routes!(list_children, accompany))
        .routes(routes!(step_back))
}

#[derive(Serialize, ToSchema)]
#[schema(as = CompanionCode)]
struct CodeBody {
    /// Shown once; good once, for 24 hours.
    code: String,
    expires_at: DateTime<Utc>,
}

/// Somebody beside a child, or the child.
#[derive(Serialize, ToSchema)]
#[schema(as = Companion)]
struct BesideBody {
    id: MemberId,
    #[schema(example = "张*")]
    name: String,
    since: DateTime<Utc>,
}

impl From<Beside> for BesideBody {
    fn from(Beside { id, name_masked, since }: Beside) -> Self {
        Self { id, name: name_masked, since }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Companions)]
struct BesidesBody {
    items: Vec<BesideBody>,
}

impl From<Vec<Beside>> for BesidesBody {
    fn from(people: Vec<Beside>) -> Self {
        Self { items: people.into_iter().map(Into::into).collect() }
    }
}

/// Gives the guardian a code for whoever is to bring the child. It takes no `Idempotency-Key`,
/// because stored answers would hold the code: asking again makes another one, and the one before
/// is void.
#[utoipa::path(
    post,
    path = "/api/v1/me/dependants/{id}/companion-code",
    tag = "residents",
    params(("id" = MemberId, Path)),
    responses(
        (status = 201, description = "The code, shown once", body = CodeBody),
        (status = 404, description = "No child of the caller's"),
        (status = 422, description = "`too_many_items`: five companions a child"),
    ),
)]
async fn invite(
    Of(state): Of<State>,
    by: Resident,
    Path(child): Path<MemberId>,
) -> Result<(StatusCode, Json<CodeBody>), Error> {
    let tx = db::begin(&state.db).await?;
    let now = state.clock.now();
    let invited = members::invite_companion(&tx, &state.keys, by.id, child, now).await?;
    tx.commit().await?;
    let (code, expires_at) = invited;
    Ok((StatusCode::CREATED, Json(CodeBody { code, expires_at })))
}

/// Who may bring the guardian's child.
#[utoipa::path(get, path = "/api/v1/me/dependants/{id}/companions", tag = "residents",
    params(("id" = MemberId, Path)), responses(
        (status = 200, body = BesidesBody),
        (status = 404, description = "No child of the caller's"),
    ))]
async fn list(
    Of(state): Of<State>,
    by: Resident,
    Path(child): Path<MemberId>,
) -> Result<Json<BesidesBody>, Error> {
    let now = state.clock.now();
    Ok(Json(members::companions(&state.db, &state.keys, by.id, child, now).await?.into()))
}

/// Somebody brings the guardian's child no more.
#[utoipa::path(
    delete,
    path = "/api/v1/me/dependants/{id}/companions/{companion_id}",
    tag = "residents",
    params(
        ("id" = MemberId, Path),
        ("companion_id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, description = "Ended", body = Registered),
        (status = 404, description = "No child of the caller's"),
    ),
)]
async fn remove(
    Of(state): Of<State>,
    by: Resident,
    Path((child, companion)): Path<(MemberId, MemberId)>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            acting_for(tx, &state.keys, by.id, Some(child), now).await?;
            members::part(tx, by.id, child, companion, now).await?;
            Ok((StatusCode::OK, Registered { id: companion }))
        })
        .await
}

/// The children whom the caller may bring: whose code they may show (`GET /api/v1/me/code`).
#[utoipa::path(get, path = "/api/v1/me/accompanied", tag = "residents",
    responses((status = 200, body = BesidesBody)))]
async fn list_children(Of(state): Of<State>, by: Resident) -> Result<Json<BesidesBody>, Error> {
    let now = state.clock.now();
    Ok(Json(members::accompanied(&state.db, &state.keys, by.id, now).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Accompanying)]
struct AccompanyBody {
    /// Of the guardian.
    code: String,
}

/// Takes a guardian's code: from now on the caller may bring the child.
#[utoipa::path(
    post,
    path = "/api/v1/me/accompanied",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = AccompanyBody,
    responses(
        (status = 201, description = "The child, masked", body = BesideBody),
        (status = 403, description = "`member_not_verified`"),
        (status = 404, description = "`companion_code_invalid`: none, used, run out, or one's own"),
        (status = 422, description = "`guardian_unfit`: no adult; `too_many_items`"),
    ),
)]
async fn accompany(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<AccompanyBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let child = members::accompany(tx, &state.keys, by.id, &body.code, now).await?;
            Ok((StatusCode::CREATED, BesideBody::from(child)))
        })
        .await
}

/// The caller brings a child no more.
#[utoipa::path(
    delete,
    path = "/api/v1/me/accompanied/{id}",
    tag = "residents",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses((status = 200, description = "Ended", body = Registered)),
)]
async fn step_back(
    Of(state): Of<State>,
    by: Resident,
    Path(child): Path<MemberId>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            members::part(tx, by.id, child, by.id, now).await?;
            Ok((StatusCode::OK, Registered { id: child }))
        })
        .await
}
