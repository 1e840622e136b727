//! The rules of a venue as they stand, for whoever is about to change some of them: a new version
//! replaces all of the old one.

use axum::extract::State as Part;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{
        error::{Code, Error},
        http::{json::Json, query::Path},
        ids::{Method, VenueId},
        state::State,
    },
    staff::{Function, StaffCaller},
    venues::{self, Pairing, Passback, Rules},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_rules))
}

/// The newest version of a venue's rules; it may begin on a day to come.
#[derive(Serialize, ToSchema)]
#[schema(as = StandingRules)]
struct StandingBody {
    version: i32,
    valid_from: NaiveDate,
    /// As the route takes them that adopts new ones.
    rules: NumbersBody,
}

#[derive(Serialize, ToSchema)]
#[schema(as = StandingRulesNumbers)]
struct NumbersBody {
    pairing: Pairing,
    /// Seconds.
    repeat_window_s: i32,
    /// Minutes.
    usual_stay_min: i32,
    /// Minutes.
    longest_stay_min: i32,
    passback: Passback,
    /// Years of age.
    guardian_under: Option<i32>,
    prerequisites: Vec<String>,
    ways_in: Vec<Method>,
    /// People.
    capacity_soft: Option<i32>,
    /// People.
    capacity: Option<i32>,
    /// An IANA name.
    time_zone: String,
    /// Minutes after midnight.
    day_starts_at: i32,
}

impl From<Rules> for StandingBody {
    fn from(rules: Rules) -> Self {
        let numbers = NumbersBody {
            pairing: rules.pairing,
            repeat_window_s: rules.repeat_window_s,
            usual_stay_min: rules.usual_stay_min,
            longest_stay_min: rules.longest_stay_min,
            passback: rules.passback,
            guardian_under: rules.guardian_under,
            prerequisites: rules.prerequisites,
            ways_in: rules.ways_in,
            capacity_soft: rules.capacity_soft,
            capacity: rules.capacity,
            time_zone: rules.time_zone.name().to_owned(),
            day_starts_at: rules.day_starts_at,
        };
        Self { version: rules.version, valid_from: rules.valid_from, rules: numbers }
    }
}

/// The newest rules of a venue, whole.
#[utoipa::path(get, path = "/api/v1/staff/venues/{id}/rules", tag = "staff: places",
    params(("id" = VenueId, Path)), responses(
    (status = 200, body = StandingBody),
    (status = 404, description = "None in the caller's division")))]
async fn show_rules(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
) -> Result<Json<StandingBody>, Error> {
    let venue = venues::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeePlaces, &venue.community)?;
    let newest = venue.rules.into_iter().next_back().ok_or(Error::NotFound(Code::NotFound))?;
    Ok(Json(newest.into()))
}
