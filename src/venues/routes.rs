//! Places over HTTP: for residents to find, for staff to keep.
//!
//! | path | who |
//! | --- | --- |
//! | GET `/api/v1/venues`, `/api/v1/venues/{id}` | anyone: what hangs at the door anyway |
//! | GET, POST `/api/v1/staff/divisions` | staff of a covering division |
//! | GET `/api/v1/staff/communities/{code}` | "2+X": what a community has and lacks |
//! | GET, POST `/api/v1/staff/venues` | |
//! | GET, POST `/api/v1/staff/calendar`; PUT `/api/v1/staff/venues/{id}/holiday-hours` | special days |
//! | GET `/api/v1/staff/venues/{id}/rules` | the newest rules, whole |
//! | POST `/api/v1/staff/venues/{id}/rules`, `/hours`, `/exceptions`, `/zones` | new versions, zones |

mod calendar;
mod divisions;
mod json;
mod near;
mod shown;
mod standing;

use axum::{
    Extension,
    extract::State as Part,
    http::{HeaderMap, StatusCode, header},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use divisions::{CommunityJson, DivisionBody, DivisionJson};
use json::{
    AdoptBody, Adopted, CoordinatesWord, ExceptionBody, HoursBody, VenueBody, VenueCreated,
    ZoneBody, ZoneCreated,
};
pub use near::{Admission, LookAround, Surroundings, UsualHour};
use near::{OpenWord, Point, Within};
use shown::VenueJson;

use crate::{
    base::{
        error::{Code, Error},
        http::{
            bearer::bearer,
            json::Json,
            query::{Path, Query},
        },
        ids::{DivisionCode, VenueId},
        page::{Limit, Page, Paging},
        state::State,
    },
    staff::{Function, StaffCaller},
    venues,
};

/// `look_around` knows what goes on in venues, and whom they admit.
pub fn routes(look_around: LookAround) -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list_venues))
        .layer(Extension(look_around))
        .routes(routes!(show_venue))
        .routes(routes!(list_divisions, add_division))
        .routes(routes!(show_community))
        .routes(routes!(list_staff_venues, add_venue))
        .routes(routes!(adopt_rules))
        .routes(routes!(set_hours))
        .routes(routes!(add_exception))
        .routes(routes!(add_zone))
        .merge(calendar::routes())
        .merge(standing::routes())
}

/// Which venues a list shows.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VenueFilter {
    /// Only venues that this code covers.
    division: Option<DivisionCode>,
    /// `lat,lng`: only venues within a walk of it, the nearest first and all on one page.
    #[param(value_type = Option<String>, example = "30.7,121.0")]
    near: Option<Point>,
    /// In which system `near` is given; the mini-program's map speaks GCJ-02.
    #[serde(default)]
    coordinates: CoordinatesWord,
    /// With `near`: at most so many minutes on foot, 1 to 60; 10 when absent.
    #[serde(default)]
    #[param(inline)]
    within_minutes: Within,
    /// With `near`: only venues with a zone of this kind.
    zone: Option<String>,
    /// With `near`: only venues that are open.
    #[param(inline)]
    open: Option<OpenWord>,
    /// Most items wanted, 1 to 200; 50 when absent.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The venues that are not retired, with hours, zones and whether they are open now. With `near`,
/// the circle around somebody: minutes on foot, who is inside, how busy it usually is, and, for a
/// resident who is signed in, whether they may enter.
#[utoipa::path(get, path = "/api/v1/venues", tag = "venues", params(VenueFilter),
    responses((status = 200, body = Page<VenueJson>)))]
async fn list_venues(
    Part(state): Part<State>,
    Extension(look_around): Extension<LookAround>,
    headers: HeaderMap,
    Query(filter): Query<VenueFilter>,
) -> Result<Json<Page<VenueJson>>, Error> {
    if let Some(point) = filter.near {
        let token = token(&headers)?;
        return near::near(&state, &filter, point, token, &look_around).await.map(Json);
    }
    let paging = Paging { limit: filter.limit, cursor: filter.cursor };
    page_of_venues(&state, filter.division.as_ref(), &paging).await.map(Json)
}

/// One venue.
#[utoipa::path(get, path = "/api/v1/venues/{id}", tag = "venues",
    params(("id" = VenueId, Path)), responses((status = 200, body = VenueJson)))]
async fn show_venue(
    Part(state): Part<State>,
    Path(id): Path<VenueId>,
) -> Result<Json<VenueJson>, Error> {
    let venue = venues::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let zones = venues::zones(&state.db, &[id]).await?.remove(&id).unwrap_or_default();
    Ok(Json(VenueJson::new(&venue, zones, state.clock.now())))
}

/// The divisions that this caller's covers.
#[utoipa::path(get, path = "/api/v1/staff/divisions", tag = "staff: places", params(Paging),
    responses((status = 200, body = Page<DivisionJson>)))]
async fn list_divisions(
    Part(state): Part<State>,
    caller: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DivisionJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("divisions");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let (limit, covering) = (paging.limit, &caller.division);
    let rows = venues::divisions(&state.db, covering, after, limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, limit, &list, |row| row.code.clone(), DivisionJson::from)))
}

/// Registers a division.
#[utoipa::path(post, path = "/api/v1/staff/divisions", tag = "staff: places",
    request_body = DivisionBody, responses((status = 201)))]
async fn add_division(
    Part(state): Part<State>,
    caller: StaffCaller,
    Json(body): Json<DivisionBody>,
) -> Result<StatusCode, Error> {
    caller.require(Function::ManageDivisions, body.code())?;
    let (by, now) = (caller.actor(), state.clock.now());
    venues::add_division(&state.db, body.parse()?, &by, now).await?;
    Ok(StatusCode::CREATED)
}

/// What a community has and lacks of "2+X".
#[utoipa::path(get, path = "/api/v1/staff/communities/{code}", tag = "staff: places",
    params(("code" = DivisionCode, Path)), responses((status = 200, body = CommunityJson)))]
async fn show_community(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(code): Path<DivisionCode>,
) -> Result<Json<CommunityJson>, Error> {
    caller.require(Function::SeePlaces, &code)?;
    venues::community(&state.db, &code).await.map(|view| Json(view.into()))
}

/// The venues of this caller's division.
#[utoipa::path(get, path = "/api/v1/staff/venues", tag = "staff: places", params(Paging),
    responses((status = 200, body = Page<VenueJson>)))]
async fn list_staff_venues(
    Part(state): Part<State>,
    caller: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<VenueJson>>, Error> {
    page_of_venues(&state, Some(&caller.division), &paging).await.map(Json)
}

/// Adds a venue with its first rules and hours, in force from its opening day.
#[utoipa::path(post, path = "/api/v1/staff/venues", tag = "staff: places",
    request_body = VenueBody, responses((status = 201, body = VenueCreated)))]
async fn add_venue(
    Part(state): Part<State>,
    caller: StaffCaller,
    Json(body): Json<VenueBody>,
) -> Result<(StatusCode, Json<VenueCreated>), Error> {
    caller.require(Function::ManageVenues, body.community())?;
    let (new, by, now) = (body.parse()?, caller.actor(), state.clock.now());
    let id = venues::add_venue(&state.db, new, &by, now).await?;
    Ok((StatusCode::CREATED, Json(VenueCreated { id })))
}

/// Adopts new rules from a future business day on.
#[utoipa::path(post, path = "/api/v1/staff/venues/{id}/rules", tag = "staff: places",
    params(("id" = VenueId, Path)), request_body = AdoptBody,
    responses((status = 201, body = Adopted)))]
async fn adopt_rules(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<VenueId>,
    Json(body): Json<AdoptBody>,
) -> Result<(StatusCode, Json<Adopted>), Error> {
    require_venue(&state, &caller, id).await?;
    let (terms, by) = (body.rules.parse("/rules")?, caller.actor());
    let now = state.clock.now();
    let version = venues::adopt_rules(&state.db, id, &terms, body.valid_from, &by, now).await?;
    Ok((StatusCode::CREATED, Json(Adopted { version })))
}

/// Sets the week's hours from a future business day on.
#[utoipa::path(post, path = "/api/v1/staff/venues/{id}/hours", tag = "staff: places",
    params(("id" = VenueId, Path)), request_body = HoursBody,
    responses((status = 201, body = Adopted)))]
async fn set_hours(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<VenueId>,
    Json(body): Json<HoursBody>,
) -> Result<(StatusCode, Json<Adopted>), Error> {
    require_venue(&state, &caller, id).await?;
    let (valid_from, by, now) = (body.valid_from, caller.actor(), state.clock.now());
    let (week, reason) = body.parse()?;
    let version = venues::set_hours(&state.db, id, &week, valid_from, reason, &by, now).await?;
    Ok((StatusCode::CREATED, Json(Adopted { version })))
}

/// Gives one future day its own hours, or closes it.
#[utoipa::path(post, path = "/api/v1/staff/venues/{id}/exceptions", tag = "staff: places",
    params(("id" = VenueId, Path)), request_body = ExceptionBody,
    responses((status = 201, body = Adopted)))]
async fn add_exception(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<VenueId>,
    Json(body): Json<ExceptionBody>,
) -> Result<(StatusCode, Json<Adopted>), Error> {
    require_venue(&state, &caller, id).await?;
    let (new, by, now) = (body.parse()?, caller.actor(), state.clock.now());
    let version = venues::add_exception(&state.db, id, new, &by, now).await?;
    Ok((StatusCode::CREATED, Json(Adopted { version })))
}

/// Adds a zone.
#[utoipa::path(post, path = "/api/v1/staff/venues/{id}/zones", tag = "staff: places",
    params(("id" = VenueId, Path)), request_body = ZoneBody,
    responses((status = 201, body = ZoneCreated)))]
async fn add_zone(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<VenueId>,
    Json(body): Json<ZoneBody>,
) -> Result<(StatusCode, Json<ZoneCreated>), Error> {
    require_venue(&state, &caller, id).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    let id = venues::add_zone(&state.db, id, body.parse()?, &by, now).await?;
    Ok((StatusCode::CREATED, Json(ZoneCreated { id })))
}

/// Anybody may look around; who comes with a token means it.
fn token(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let given = headers.contains_key(header::AUTHORIZATION);
    given.then(|| bearer(headers).map(str::to_owned)).transpose()
}

async fn page_of_venues(
    state: &State,
    scope: Option<&DivisionCode>,
    paging: &Paging,
) -> Result<Page<VenueJson>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("venues");
    let (limit, after) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let rows = venues::venues(&state.db, scope, after, limit.rows_to_read()).await?;
    let ids: Vec<VenueId> = rows.iter().map(|venue| venue.id).collect();
    let mut zones = venues::zones(&state.db, &ids).await?;
    let now = state.clock.now();
    let page = Page::cut(rows, limit, &list, |venue| venue.id, |venue| venue);
    let items = page.items.iter();
    let items = items
        .map(|venue| VenueJson::new(venue, zones.remove(&venue.id).unwrap_or_default(), now))
        .collect();
    Ok(Page { items, next_cursor: page.next_cursor })
}

/// A venue of another division is as good as none.
async fn require_venue(state: &State, caller: &StaffCaller, id: VenueId) -> Result<(), Error> {
    let venue = venues::load(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    caller.require(Function::ManageVenues, &venue.community)
}
