//! Holidays and swapped workdays over HTTP: a year comes as a CSV file.

use axum::{
    extract::{FromRequest, Request, State as Part},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::json::{at, opening};
use crate::{
    base::{
        error::{Code, Error},
        http::{
            body,
            json::Json,
            problem::Problem,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::{DivisionCode, VenueId},
        state::State,
    },
    staff::{Function, StaffCaller},
    venues::calendar::{self, CalendarDay, DayKind},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show_calendar, import_calendar))
        .routes(routes!(set_holiday_hours))
}

/// Whose calendar.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CalendarQuery {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = CalendarDay)]
struct DayJson {
    day: NaiveDate,
    kind: DayKind,
    name: String,
    /// As which weekday a swapped workday counts; 1 is Monday.
    as_weekday: Option<u8>,
}

impl From<CalendarDay> for DayJson {
    fn from(special: CalendarDay) -> Self {
        let CalendarDay { day, kind, name, as_weekday } = special;
        Self { day, kind, name, as_weekday }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Calendar)]
struct CalendarJson {
    items: Vec<DayJson>,
}

/// The special days that hold in a division, its own and those of divisions around it.
#[utoipa::path(get, path = "/api/v1/staff/calendar", tag = "staff: places",
    params(CalendarQuery), responses((status = 200, body = CalendarJson)))]
async fn show_calendar(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(query): Query<CalendarQuery>,
) -> Result<Json<CalendarJson>, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(Function::SeePlaces, &division)?;
    let days = calendar::nearest(&state.db, &division).await?;
    Ok(Json(CalendarJson { items: days.into_values().map(DayJson::from).collect() }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = CalendarImported)]
struct ImportedJson {
    /// Days that are new or other than before.
    days: usize,
    /// Venues' days ahead whose hours follow from them.
    hours: usize,
}

/// Takes a year's holidays and swapped workdays for a division. CSV columns: `day`, `kind`
/// (`holiday`, `workday` or `ordinary`), `name`, `as_weekday` (of a workday, 1 is Monday).
#[utoipa::path(post, path = "/api/v1/staff/calendar", tag = "staff: places",
    params(CalendarQuery,
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body(content((String = "text/csv"))), responses(
        (status = 201, body = ImportedJson),
        (status = 415, description = "No CSV"),
        (status = 422, description = "Nothing was taken; `errors` points to `/{row}/{field}`, rows from 1"),
    ))]
async fn import_calendar(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(query): Query<CalendarQuery>,
    Command { stamp, body: Csv(text) }: Command<Csv>,
) -> Result<Answer, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(Function::ManageVenues, &division)?;
    let (days, actor, now) = (calendar::parse(&text)?, by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let done = calendar::import(tx, &division, &days, &actor, now).await?;
            let calendar::Imported { days, hours } = done;
            Ok((StatusCode::CREATED, ImportedJson { days, hours }))
        })
        .await
}

/// A body of CSV in UTF-8.
struct Csv(String);

impl FromRequest<State> for Csv {
    type Rejection = Response;

    async fn from_request(request: Request, _: &State) -> Result<Self, Response> {
        let named = request.headers().get(header::CONTENT_TYPE).and_then(|name| name.to_str().ok());
        let kind = named.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("text/csv") {
            let refused = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Err(Problem::new(refused, Code::CalendarFormat).into_response());
        }
        let bytes = body::read(request.into_body()).await.map_err(Problem::into_response)?;
        let text = String::from_utf8(bytes.into());
        text.map(Self).map_err(|_| Error::Malformed(Code::InvalidUtf8).into_response())
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HolidayHours)]
struct HolidayHoursBody {
    /// `HH:MM`; closed on holidays when both are absent.
    opens: Option<String>,
    closes: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = HolidayHoursSet)]
struct HoursSetJson {
    /// Days ahead that follow.
    hours: usize,
}

/// Sets what a venue opens on holidays. Days to which staff gave hours of their own keep them.
#[utoipa::path(put, path = "/api/v1/staff/venues/{id}/holiday-hours", tag = "staff: places",
    params(("id" = VenueId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = HolidayHoursBody, responses((status = 200, body = HoursSetJson)))]
async fn set_holiday_hours(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
    Command { stamp, body: Json(body) }: Command<Json<HolidayHoursBody>>,
) -> Result<Answer, Error> {
    super::require_venue(&state, &by, id).await?;
    let hours = at("/opens", opening(body.opens.as_deref(), body.closes.as_deref()))?;
    let (actor, now) = (by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let hours = calendar::set_holiday_hours(tx, id, hours, &actor, now).await?;
            Ok((StatusCode::OK, HoursSetJson { hours }))
        })
        .await
}
