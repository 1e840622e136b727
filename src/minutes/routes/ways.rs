//! `GET /api/v1/staff/venues/{id}/ways-in`: by which ways people came in.

use axum::extract::State as Part;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::VenueId,
        state::State,
    },
    minutes::ways,
    staff::{Function, StaffCaller},
    venues,
};

/// Days that one question may cover, and those that it does unless it says so.
const DAYS_MAX: i64 = 366;
const DAYS: i64 = 30;

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_ways))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaysQuery {
    /// How many days back from now, 1 to 366; 30 when absent.
    days: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WaysIn)]
struct WaysBody {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    items: Vec<WayBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = WayIn)]
struct WayBody {
    /// `face`, `qr`, `card`, `code` or `manual`.
    method: String,
    entries: i64,
    /// Its share of all entries, in thousandths.
    per_mille: i64,
}

/// By which ways people came into a venue.
#[utoipa::path(get, path = "/api/v1/staff/venues/{id}/ways-in", tag = "staff: venues",
    params(("id" = VenueId, Path), WaysQuery), responses(
        (status = 200, body = WaysBody),
        (status = 404, description = "No venue in the caller's division"),
    ))]
async fn show_ways(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
    Query(query): Query<WaysQuery>,
) -> Result<Json<WaysBody>, Error> {
    let days = query.days.unwrap_or(DAYS);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Error::invalid("/days", Code::OutOfRange));
    }
    let venue = venues::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeePlaces, &venue.community)?;
    let to = state.clock.now();
    let from = to - TimeDelta::days(days);
    let ways = ways::counted(&state.db, id, from, to).await?;
    Ok(Json(WaysBody::new(from, to, ways)))
}

impl WaysBody {
    fn new(from: DateTime<Utc>, to: DateTime<Utc>, ways: Vec<ways::Way>) -> Self {
        let all = ways.iter().map(|way| way.entries).sum();
        let item = |ways::Way { method, entries }| WayBody {
            per_mille: ways::per_mille(entries, all),
            method,
            entries,
        };
        Self { from, to, items: ways.into_iter().map(item).collect() }
    }
}
