//! Minutes over HTTP: what terminals, staff and operations may ask.
//!
//! | path | what |
//! | --- | --- |
//! | GET `/api/v1/terminal/sessions` | a signed terminal: what its records have become |
//! | GET `/api/v1/staff/venues/{id}/ways-in` | staff: by which ways people came in |
//! | `/api/v1/staff/sessions/…`, `…/disputes`, `…/members/{id}/sessions` | staff: corrections, disputes, a member's stays |
//! | GET `/api/v1/staff/days`, `/days/{day}` | staff: business days with state, version, revisions |
//! | POST `/api/v1/staff/rules/what-if`, `/adoptions` | staff: other numbers in rules, tried and adopted |
//! | GET, POST `/api/v1/staff/rules/trials`, GET `…/{id}` | staff: the same on long periods, in the background |
//! | GET `/counters/verify` | operations: whether the counters that this server reads equal SQL, by its clock |

use axum::{Json as PlainJson, Router, extract::State as Part, routing::get};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{projector, tally};
use crate::{
    base::{error::Error, http::json::Json, state::State},
    terminals::SignedBody,
};

mod days;
mod own;
mod own_json;
mod staff;
mod trials;
mod ways;
mod what_if;

/// What residents see and say of their own minutes.
pub fn resident_routes() -> OpenApiRouter<State> {
    own::routes()
}

/// Needs `terminals::Caches` as an extension.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show_tally))
        .merge(ways::routes())
        .merge(staff::routes())
        .merge(days::routes())
        .merge(what_if::routes())
        .merge(trials::routes())
}

/// On the operations' own listener.
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

/// What the counters were compared with, and how it went.
#[derive(Serialize)]
struct VerifiedJson {
    compared: u64,
    not_zero: u64,
    /// One line each; none when all is well.
    differences: Vec<String>,
}

impl From<projector::Verified> for VerifiedJson {
    fn from(verified: projector::Verified) -> Self {
        let projector::Verified { differences, compared, not_zero } = verified;
        let differences = differences.iter().map(ToString::to_string).collect();
        Self { compared, not_zero, differences }
    }
}

/// Compares the counters with SQL at the server's own time.
async fn verify(Part(state): Part<State>) -> Result<PlainJson<VerifiedJson>, Error> {
    let verified = projector::verify(&state.db, &state.counters, state.clock.now()).await;
    Ok(PlainJson(verified.map_err(Error::internal)?.into()))
}
