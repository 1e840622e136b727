//! Terminals over HTTP. What they report of people is in `gateways::native`.
//!
//! | path | who |
//! | --- | --- |
//! | POST `/api/v1/terminal/heartbeat` | a signed terminal, with a nonce |
//! | GET `/api/v1/terminal/roster`, POST `/api/v1/terminal/roster/receipts` | a signed terminal |
//! | GET `/api/v1/terminal/roster/photos/{handle}` | a signed terminal |
//! | GET, POST `/api/v1/staff/terminals` | staff of the place's division |
//! | GET `/api/v1/staff/terminal-ledger` | how each stands |
//! | POST `/api/v1/staff/terminals/{id}/keys` | a second key |
//! | DELETE `/api/v1/staff/terminals/{id}/keys/{key}` | ends a key at once |
//! | POST `/api/v1/staff/terminals/{id}/place` | moves it from a future business day on |
//! | DELETE `/api/v1/staff/terminals/{id}` | ends its use |
//! | GET `/api/v1/staff/unclaimed-terminals` | vendors' terminals that nobody has claimed |
//! | POST `/api/v1/staff/terminals/claims` | claims one for a venue, a direction, a zone |
//! | POST `/api/v1/staff/terminals/{id}/path-token` | another path token |
//! | PUT `/api/v1/staff/terminals/{id}/access` | where it takes commands, and as whom |
//! | PUT `/api/v1/staff/terminals/{id}/names` | whether it shows masked names |
//! | GET, POST `/api/v1/staff/terminals/{id}/commands` | what it is told to do |
//! | GET `/api/v1/staff/terminals/{id}/notices`, `/roster` | what it says, whom it holds |
//! | GET `/api/v1/terminal/commands`, POST `…/{id}/result` | a signed terminal |

mod claiming;
mod device;
mod json;
mod ledger;
mod orders;
mod photos;

pub use claiming::Release;

use axum::{Extension, extract::State as Part, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use json::{IssuedKeyJson, PlaceBody, TerminalBody, TerminalCreated, TerminalJson};

use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::{TerminalId, TerminalKeyId, VenueId},
        page::{Page, Paging},
        state::State,
    },
    staff::{Function, StaffCaller},
    terminals::{self, Caches},
    venues,
};

/// Needs [`Caches`] as an extension. `release` records what a terminal sent before it was claimed.
pub fn routes(release: Release) -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(claiming::claim))
        .layer(Extension(release))
        .routes(routes!(claiming::list_unclaimed))
        .routes(routes!(claiming::rotate_path_token))
        .routes(routes!(claiming::revoke))
        .routes(routes!(claiming::set_access))
        .routes(routes!(claiming::set_names))
        .routes(routes!(claiming::list_notices))
        .routes(routes!(claiming::show_roster_state))
        .routes(routes!(orders::order, orders::list_commands))
        .routes(routes!(orders::take_commands))
        .routes(routes!(orders::take_result))
        .routes(routes!(device::heartbeat))
        .routes(routes!(device::show_roster))
        .routes(routes!(device::take_receipts))
        .routes(routes!(photos::show_photo))
        .routes(routes!(list, add))
        .routes(routes!(ledger::show_ledger))
        .routes(routes!(rotate_key))
        .routes(routes!(revoke_key))
        .routes(routes!(move_to))
}

/// The terminals of this caller's division, with clocks, queues, holes and keys.
#[utoipa::path(get, path = "/api/v1/staff/terminals", tag = "staff: terminals", params(Paging),
    responses((status = 200, body = Page<TerminalJson>)))]
async fn list(
    Part(state): Part<State>,
    caller: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TerminalJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("terminals");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let limit = paging.limit;
    let rows = terminals::terminals(&state.db, &caller.division, after, limit.rows() + 1).await?;
    let now = state.clock.now();
    let key = |view: &terminals::TerminalView| view.terminal.id;
    Ok(Json(Page::cut(rows, limit, &list, key, |view| TerminalJson::new(&view, now))))
}

/// Registers a native terminal. Its key is shown this once.
#[utoipa::path(post, path = "/api/v1/staff/terminals", tag = "staff: terminals",
    request_body = TerminalBody, responses((status = 201, body = TerminalCreated)))]
async fn add(
    Part(state): Part<State>,
    caller: StaffCaller,
    Json(body): Json<TerminalBody>,
) -> Result<(StatusCode, Json<TerminalCreated>), Error> {
    require_venue(&state, &caller, body.venue()).await?;
    let (new, by, now) = (body.parse()?, caller.actor(), state.clock.now());
    let (id, key) = terminals::add(&state.db, &state.keys, new, &by, now).await?;
    Ok((StatusCode::CREATED, Json(TerminalCreated::new(id, &key))))
}

/// Gives a terminal a second key, shown this once. The old one dies a week after the new one was
/// first used.
#[utoipa::path(post, path = "/api/v1/staff/terminals/{id}/keys", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), responses((status = 201, body = IssuedKeyJson)))]
async fn rotate_key(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
) -> Result<(StatusCode, Json<IssuedKeyJson>), Error> {
    require_terminal(&state, &caller, id).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    let key = terminals::rotate_key(&state.db, &state.keys, id, &by, now).await?;
    Ok((StatusCode::CREATED, Json(IssuedKeyJson::new(&key))))
}

/// Ends a key at once; other replicas notice within fifteen seconds.
#[utoipa::path(delete, path = "/api/v1/staff/terminals/{id}/keys/{key}",
    tag = "staff: terminals", params(("id" = TerminalId, Path), ("key" = TerminalKeyId, Path)),
    responses((status = 204)))]
async fn revoke_key(
    Part(state): Part<State>,
    Extension(caches): Extension<Caches>,
    caller: StaffCaller,
    Path((id, key)): Path<(TerminalId, TerminalKeyId)>,
) -> Result<StatusCode, Error> {
    require_terminal(&state, &caller, id).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    terminals::revoke_key(&state.db, &caches, id, key, &by, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Moves a terminal from a future business day on.
#[utoipa::path(post, path = "/api/v1/staff/terminals/{id}/place", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), request_body = PlaceBody, responses((status = 204)))]
async fn move_to(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
    Json(body): Json<PlaceBody>,
) -> Result<StatusCode, Error> {
    require_terminal(&state, &caller, id).await?;
    require_venue(&state, &caller, body.venue()).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    terminals::move_to(&state.db, id, body.parse(), &by, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A terminal of another division is as good as none.
async fn require_terminal(
    state: &State,
    caller: &StaffCaller,
    id: TerminalId,
) -> Result<(), Error> {
    let community = terminals::community(&state.db, id, state.clock.now()).await?;
    caller.require(Function::ManageTerminals, &community)
}

async fn require_venue(state: &State, caller: &StaffCaller, id: VenueId) -> Result<(), Error> {
    let unknown = || Error::invalid("/venue_id", Code::UnknownVenue);
    let venue = venues::load(&state.db, id).await?.ok_or_else(unknown)?;
    caller.require(Function::ManageTerminals, &venue.community)
}
