//! Minutes over HTTP: what terminals and operations may ask.
//!
//! | path | what |
//! | --- | --- |
//! | GET `/api/v1/terminal/sessions` | a signed terminal: what its records have become |
//! | GET `/counters/verify` | operations: whether the counters in this process still equal SQL |

use axum::{Json as PlainJson, Router, extract::State as Part, routing::get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{projector, tally};
use crate::{
    base::{error::Error, http::json::Json, state::State},
    terminals::SignedBody,
};

mod own;
mod own_json;

/// What residents see and say of their own minutes.
pub fn resident_routes() -> OpenApiRouter<State> {
    own::routes()
}

/// Needs `terminals::Caches` as an extension.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_tally))
}

/// On the operations' own listener; counters in Redis are compared by the command itself.
pub fn operations() -> Router<State> {
    Router::new().route("/counters/verify", get(verify))
}

/// The sessions that a terminal's records opened, without void and open ones.
#[derive(Serialize, ToSchema)]
#[schema(as = TerminalTally)]
struct TallyJson {
    sessions: FiguresJson,
    minutes: FiguresJson,
}

/// Something by provenance.
#[derive(Serialize, ToSchema)]
#[schema(as = ByProvenance)]
struct FiguresJson {
    total: i64,
    measured: i64,
    self_declared: i64,
    estimated: i64,
    corrected: i64,
}

impl From<tally::Figures> for FiguresJson {
    fn from(figures: tally::Figures) -> Self {
        let tally::Figures { total, measured, self_declared, estimated, corrected } = figures;
        Self { total, measured, self_declared, estimated, corrected }
    }
}

/// What this terminal's records of the last 400 days have become.
#[utoipa::path(get, path = "/api/v1/terminal/sessions", tag = "terminal",
    responses((status = 200, body = TallyJson)))]
async fn show_tally(
    Part(state): Part<State>,
    signed: SignedBody,
) -> Result<Json<TallyJson>, Error> {
    let tally = tally::of_terminal(&state.db, signed.caller.id).await?;
    Ok(Json(TallyJson { sessions: tally.sessions.into(), minutes: tally.minutes.into() }))
}

/// The differences, one line each; none when all is well.
async fn verify(Part(state): Part<State>) -> Result<PlainJson<Vec<String>>, Error> {
    let differences = projector::verify(&state.db, &state.counters, state.clock.now()).await;
    let differences = differences.map_err(Error::internal)?;
    Ok(PlainJson(differences.iter().map(ToString::to_string).collect()))
}
