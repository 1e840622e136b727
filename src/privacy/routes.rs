//! A resident's own data as a whole, below `/api/v1/me`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /export` | everything that is kept of the resident |
//! | `DELETE /` | forgets the resident |

use axum::{
    extract::State as Of,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{db, error::Error, http::json::Json, state::State},
    members::Resident,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(forget))
}

/// Everything that is kept of the resident, table by table.
#[utoipa::path(get, path = "/api/v1/me/export", tag = "residents", responses(
    (status = 200, description = "Tables by name, each with its rows", body = serde_json::Value),
    (status = 401, description = "No session, or `fresh_login_required`: signed in more than ten minutes ago"),
))]
async fn export(Of(state): Of<State>, caller: Resident) -> Result<Response, Error> {
    let now = state.clock.now();
    caller.require_fresh(now)?;
    let all = super::export(&state.db, &state.keys, caller.id, now).await?;
    let named = [(header::CONTENT_DISPOSITION, "attachment; filename=\"fitgate-export.json\"")];
    Ok((named, Json(all)).into_response())
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
