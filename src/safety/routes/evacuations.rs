//! Evacuations over HTTP.

use axum::{extract::State as Part, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{LOOK_AFTER, require_venue};
use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{DivisionCode, TerminalId, VenueId},
        state::State,
    },
    safety::evacuations::{self, Evacuation},
    staff::StaffCaller,
    terminals::doors::Told,
    venues::terms::Name,
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEvacuation)]
pub struct EvacuationBody {
    /// What happened, in 1 to 60 characters.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DoorTold)]
pub struct DoorJson {
    terminal_id: TerminalId,
    serial: String,
    /// False: open this one by hand, its protocol knows no such order.
    ordered: bool,
}

impl From<Told> for DoorJson {
    fn from(told: Told) -> Self {
        let Told { terminal, serial, ordered } = told;
        Self { terminal_id: terminal, serial, ordered }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = EvacuationBegun)]
pub struct BegunJson {
    id: Uuid,
    /// How many are presumed inside; the roll call names them.
    presumed: i32,
    doors: Vec<DoorJson>,
}

/// Tells all doors of a venue to open, and again every half minute until it is ended, at most for
/// four hours.
#[utoipa::path(post, path = "/api/v1/staff/venues/{id}/evacuations", tag = "staff: safety",
    params(("id" = VenueId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = EvacuationBody, responses(
        (status = 201, body = BegunJson),
        (status = 409, description = "`evacuation_going`"),
    ))]
pub async fn begin(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
    Command { stamp, body: Json(body) }: Command<Json<EvacuationBody>>,
) -> Result<Answer, Error> {
    require_venue(&state, &by, id).await?;
    let reason = Name::parse(&body.reason).map_err(|code| Error::invalid("/reason", code))?;
    let (actor, now) = (by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let begun = evacuations::begin(tx, id, &reason.into_string(), &actor, now).await?;
            let (id, presumed, told) = begun;
            let doors = told.into_iter().map(DoorJson::from).collect();
            Ok((StatusCode::CREATED, BegunJson { id, presumed, doors }))
        })
        .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = EvacuationEnded)]
pub struct EndedJson {
    id: Uuid,
}

/// Ends an evacuation; ending it twice is no error.
#[utoipa::path(post, path = "/api/v1/staff/evacuations/{id}/end", tag = "staff: safety",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses((status = 200, body = EndedJson)))]
pub async fn end(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let found = evacuations::find(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(LOOK_AFTER, &found.community)?;
    let (actor, now) = (by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            evacuations::end(tx, &found, &actor, now).await?;
            Ok((StatusCode::OK, EndedJson { id }))
        })
        .await
}

/// Where to look.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GoingQuery {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Evacuation)]
pub struct EvacuationJson {
    id: Uuid,
    venue_id: VenueId,
    reason: String,
    presumed: i32,
    started_at: DateTime<Utc>,
}

impl From<Evacuation> for EvacuationJson {
    fn from(evacuation: Evacuation) -> Self {
        let Evacuation { id, venue_id, reason, presumed, started_at, .. } = evacuation;
        Self { id, venue_id, reason, presumed, started_at }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = EvacuationsGoing)]
pub struct GoingJson {
    items: Vec<EvacuationJson>,
}

/// The evacuations that are going on, one a venue at most.
#[utoipa::path(get, path = "/api/v1/staff/evacuations", tag = "staff: safety",
    params(GoingQuery), responses((status = 200, body = GoingJson)))]
pub async fn list(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(query): Query<GoingQuery>,
) -> Result<Json<GoingJson>, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(LOOK_AFTER, &division)?;
    let going = evacuations::going(&state.db, &division).await?;
    Ok(Json(GoingJson { items: going.into_iter().map(EvacuationJson::from).collect() }))
}
