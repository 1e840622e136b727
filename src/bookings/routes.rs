//! Coaches, courts and bookings over HTTP. Residents below `/api/v1`; what staff do is in `staff`.
//! Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /coaches`, `/coaches/{id}/slots` | coaches of a division; what one offers |
//! | `GET /courts?venue_id=`, `/courts/{id}/slots` | courts of a venue; what one offers |
//! | `POST /bookings`, `/bookings/{id}/confirmation` | holds a seat for minutes; confirms it |
//! | `DELETE /bookings/{id}`, `POST /bookings/{id}/rating` | cancels; rates what was attended |
//! | `POST, DELETE /slots/{id}/waiters` | waits for a seat, or no longer |
//! | `GET /me/bookings` | one's own, the latest first |

mod json;
mod own;
mod staff;

use axum::extract::State as Of;
use chrono::TimeDelta;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::json::{CoachJson, CourtJson, CourtsJson, SlotJson};
use super::{
    courts,
    reading::{self, Place, Whose},
};
use crate::{
    base::{
        clock::Given,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::{DivisionCode, InstructorId, VenueId, ZoneId},
        page::{Limit, Page},
        state::State,
    },
    instructors::{self, Filter},
    members::{Resident, local_day},
    venues::terms,
};

/// What residents call.
pub fn resident_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(coaches))
        .routes(routes!(coach_slots))
        .routes(routes!(court_list))
        .routes(routes!(court_slots))
        .merge(own::routes())
}

/// What staff call.
pub fn routes() -> OpenApiRouter<State> {
    staff::routes()
}

/// The longest period of one list.
const PERIOD_MAX: TimeDelta = TimeDelta::days(31);
/// Unless told otherwise.
const PERIOD_USUAL: TimeDelta = TimeDelta::days(14);

/// From when until when slots begin, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeriodQuery {
    /// Now when absent.
    #[param(value_type = Option<DateTime<Utc>>)]
    from: Option<Given>,
    /// Two weeks after `from` when absent; at most 31 days after it.
    #[param(value_type = Option<DateTime<Utc>>)]
    to: Option<Given>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

impl PeriodQuery {
    async fn page(self, state: &State, whose: Whose) -> Result<Json<Page<SlotJson>>, Error> {
        let now = state.clock.now();
        let from = self.from.map_or(now, |from| from.0);
        let to = self.to.map_or(from + PERIOD_USUAL, |to| to.0);
        if to - from > PERIOD_MAX {
            return Err(Error::invalid("/to", Code::RangeTooLarge));
        }
        let (cursors, name) = (state.keys.cursors(), format!("slots {whose:?} {to}"));
        let list = cursors.list(&name);
        let after: Option<Place> = list.key_if_any(self.cursor.as_deref())?;
        let rows = self.limit.rows_to_read();
        let rows = reading::slots(&state.db, whose, (from, to), after, rows, now).await?;
        Ok(Json(Page::cut(rows, self.limit, &list, |slot| (slot.starts_at, slot.id), Into::into)))
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CoachQuery {
    /// Where they are at home; anywhere when absent.
    division: Option<DivisionCode>,
    /// What they teach, such as `badminton`.
    sport: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// Coaches who are certified today, with how they were rated within a year.
#[utoipa::path(get, path = "/api/v1/coaches", tag = "residents: bookings", params(CoachQuery),
    responses((status = 200, body = Page<CoachJson>)))]
async fn coaches(
    Of(state): Of<State>,
    _: Resident,
    Query(query): Query<CoachQuery>,
) -> Result<Json<Page<CoachJson>>, Error> {
    let now = state.clock.now();
    let sport = query.sport.map(|sport| terms::Kind::parse(&sport).map(terms::Kind::into_string));
    let sport = sport.transpose().map_err(|code| Error::invalid("/sport", code))?;
    let name = format!("coaches {:?} {sport:?}", query.division);
    let coaches_on = Some(local_day(now));
    let filter = Filter { division: query.division, sport, coaches_on, staff: None };
    let cursors = state.keys.cursors();
    let list = cursors.list(&name);
    let after = list.key_if_any(query.cursor.as_deref())?;
    let rows = query.limit.rows_to_read();
    let rows = instructors::list(&state.db, &filter, after, rows).await?;
    let ids: Vec<InstructorId> = rows.iter().map(|one| one.id).collect();
    let rated = reading::ratings(&state.db, &ids, now).await?;
    let coach = |one| CoachJson::new(one, &rated);
    Ok(Json(Page::cut(rows, query.limit, &list, |one| one.id, coach)))
}

/// What a coach offers.
#[utoipa::path(get, path = "/api/v1/coaches/{id}/slots", tag = "residents: bookings",
    params(("id" = InstructorId, Path), PeriodQuery),
    responses((status = 200, body = Page<SlotJson>), (status = 404, description = "No such coach")))]
async fn coach_slots(
    Of(state): Of<State>,
    _: Resident,
    Path(id): Path<InstructorId>,
    Query(period): Query<PeriodQuery>,
) -> Result<Json<Page<SlotJson>>, Error> {
    instructors::find(&state.db, id).await?;
    period.page(&state, Whose::Resource(id.0)).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CourtQuery {
    venue_id: VenueId,
}

/// The courts and tables of a venue that can be booked, whole or by parts.
#[utoipa::path(get, path = "/api/v1/courts", tag = "residents: bookings", params(CourtQuery),
    responses((status = 200, body = CourtsJson)))]
async fn court_list(
    Of(state): Of<State>,
    _: Resident,
    Query(query): Query<CourtQuery>,
) -> Result<Json<CourtsJson>, Error> {
    let courts = courts::of_venue(&state.db, query.venue_id).await?;
    Ok(Json(CourtsJson { items: courts.into_iter().map(CourtJson::from).collect() }))
}

/// What a court offers, its parts and the whole of it.
#[utoipa::path(get, path = "/api/v1/courts/{id}/slots", tag = "residents: bookings",
    params(("id" = ZoneId, Path), PeriodQuery),
    responses((status = 200, body = Page<SlotJson>), (status = 404, description = "No such court")))]
async fn court_slots(
    Of(state): Of<State>,
    _: Resident,
    Path(id): Path<ZoneId>,
    Query(period): Query<PeriodQuery>,
) -> Result<Json<Page<SlotJson>>, Error> {
    courts::find(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    period.page(&state, Whose::Resource(id.0)).await
}
