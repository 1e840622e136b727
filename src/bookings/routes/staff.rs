//! What staff do: courts, slots, and who booked them.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /api/v1/staff/courts` | makes a zone bookable, whole or by parts |
//! | `GET, POST /api/v1/staff/slots` | slots of a venue; publishes single and repeating ones |
//! | `DELETE /api/v1/staff/slots/{id}`, `/slot-series/{id}` | calls off a slot, or what is to come of a series |
//! | `GET /api/v1/staff/slots/{id}/bookings` | who booked a slot |
//! | `POST /api/v1/staff/members/{id}/booking-pardon` | forgives somebody's absences |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    PeriodQuery,
    json::{BookedJson, SlotJson},
};
use crate::{
    base::{
        clock::Given,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{InstructorId, MemberId, SlotId, VenueId, ZoneId},
        page::{Limit, Page, Paging},
        state::State,
    },
    bookings::{
        courts::{self, NewCourt},
        pardon,
        publishing::{self, LEARNERS_MAX, NewSlot, Published, Repeat, Resource},
        reading::{self, Whose},
    },
    staff::{Function, StaffCaller, requests},
    venues::{self, terms},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(add_court))
        .routes(routes!(list, publish))
        .routes(routes!(call_off))
        .routes(routes!(call_off_series))
        .routes(routes!(booked))
        .routes(routes!(forgive))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCourt)]
struct CourtBody {
    venue_id: VenueId,
    zone_id: ZoneId,
    /// Such as `badminton` or `table_tennis`.
    sport: String,
    /// In how many parts it can be booked, 1 to 12; it never changes.
    #[serde(default = "whole")]
    parts: i16,
}

fn whole() -> i16 {
    1
}

#[derive(Serialize, ToSchema)]
#[schema(as = CourtAdded)]
struct CourtAddedJson {
    id: ZoneId,
}

/// Makes a zone bookable.
#[utoipa::path(post, path = "/api/v1/staff/courts", tag = "staff: bookings",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = CourtBody, responses(
        (status = 201, body = CourtAddedJson),
        (status = 404, description = "No such zone in the caller's division"),
        (status = 409, description = "`court_exists`"),
    ))]
async fn add_court(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<CourtBody>>,
) -> Result<Answer, Error> {
    let sport = terms::Kind::parse(&body.sport).map_err(|code| Error::invalid("/sport", code))?;
    let (now, zone) = (state.clock.now(), body.zone_id);
    let new = NewCourt { venue: body.venue_id, zone, sport, parts: body.parts };
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            courts::add(tx, &by, new, now).await?;
            Ok((StatusCode::CREATED, CourtAddedJson { id: zone }))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct VenueQuery {
    venue_id: VenueId,
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

/// The slots of a venue, those that were called off too.
#[utoipa::path(get, path = "/api/v1/staff/slots", tag = "staff: bookings", params(VenueQuery),
    responses((status = 200, body = Page<SlotJson>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(query): Query<VenueQuery>,
) -> Result<Json<Page<SlotJson>>, Error> {
    let VenueQuery { venue_id, from, to, limit, cursor } = query;
    let venue = venues::load(&state.db, venue_id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeePlaces, &venue.community)?;
    PeriodQuery { from, to, limit, cursor }.page(&state, Whose::Venue(venue_id)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSlot)]
struct SlotBody {
    venue_id: VenueId,
    /// Whose hours: a coach's, or a court's by `zone_id`; exactly one of the two.
    instructor_id: Option<InstructorId>,
    zone_id: Option<ZoneId>,
    /// The part of a court, from 1; 0 is the whole.
    #[serde(default)]
    part: i16,
    /// On a quarter of an hour.
    #[schema(value_type = DateTime<Utc>)]
    starts_at: Given,
    #[schema(value_type = DateTime<Utc>)]
    ends_at: Given,
    /// Learners of a coach, 1 to 30; a court is booked by one.
    #[serde(default = "alone")]
    capacity: i32,
    /// Shown only.
    price_cents: Option<i32>,
    sport: Option<String>,
    repeat: Option<RepeatBody>,
}

fn alone() -> i32 {
    1
}

/// The same local hours again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SlotRepeat)]
struct RepeatBody {
    /// 1 is Monday, 7 Sunday.
    weekdays: Vec<u8>,
    /// The last day, at most 92 days ahead.
    until: NaiveDate,
}

/// The highest price that is shown, in cents.
const PRICE_MAX: i32 = 10_000_000;

impl SlotBody {
    fn into_new(self) -> Result<NewSlot, Error> {
        let resource = match (self.instructor_id, self.zone_id) {
            (Some(coach), None) => Resource::Coach(coach),
            (None, Some(zone)) => Resource::Court(zone, self.part),
            (None, None) => return Err(Error::invalid("/instructor_id", Code::Required)),
            (Some(_), Some(_)) => return Err(Error::invalid("/zone_id", Code::InvalidValue)),
        };
        let most = if self.instructor_id.is_some() { LEARNERS_MAX } else { 1 };
        if !(1..=most).contains(&self.capacity) {
            return Err(Error::invalid("/capacity", Code::OutOfRange));
        }
        if self.price_cents.is_some_and(|cents| !(0..=PRICE_MAX).contains(&cents)) {
            return Err(Error::invalid("/price_cents", Code::OutOfRange));
        }
        let sport = self.sport.as_deref().map(terms::Kind::parse).transpose();
        let sport = sport.map_err(|code| Error::invalid("/sport", code))?;
        Ok(NewSlot {
            resource,
            venue: self.venue_id,
            starts_at: self.starts_at.0,
            ends_at: self.ends_at.0,
            capacity: self.capacity,
            price_cents: self.price_cents,
            sport,
            repeat: self.repeat.map(RepeatBody::into_repeat).transpose()?,
        })
    }
}

impl RepeatBody {
    fn into_repeat(self) -> Result<Repeat, Error> {
        let Self { weekdays, until } = self;
        let fits =
            (1..=7).contains(&weekdays.len()) && weekdays.iter().all(|n| (1..=7).contains(n));
        let repeat = fits.then_some(Repeat { weekdays, until });
        repeat.ok_or_else(|| Error::invalid("/repeat/weekdays", Code::OutOfRange))
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = SlotsPublished)]
struct PublishedJson {
    series_id: Option<Uuid>,
    slots: Vec<SlotId>,
    /// Repetitions that were left out: the venue is closed then, the coach not certified any more,
    /// or the hours are published already.
    skipped: Vec<DateTime<Utc>>,
}

impl From<Published> for PublishedJson {
    fn from(Published { series, slots, skipped }: Published) -> Self {
        Self { series_id: series, slots, skipped }
    }
}

/// Publishes hours of a coach or a court, once or every week. An instructor publishes their own.
#[utoipa::path(post, path = "/api/v1/staff/slots", tag = "staff: bookings",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = SlotBody, responses(
        (status = 201, body = PublishedJson),
        (status = 404, description = "None in the caller's division, or another instructor"),
        (status = 409, description = "`not_a_coach`, `slot_exists`"),
        (status = 422, description = "`slot_quarter`, `outside_hours`, or a field is not acceptable"),
    ))]
async fn publish(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<SlotBody>>,
) -> Result<Answer, Error> {
    let (now, new) = (state.clock.now(), body.into_new()?);
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let published = publishing::publish(tx, &by, new, now).await?;
            Ok((StatusCode::CREATED, PublishedJson::from(published)))
        })
        .await
}

/// Why something is called off.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhyQuery {
    /// In 1 to 200 characters; residents read it.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SlotsCalledOff)]
struct CalledOffJson {
    slots: Vec<SlotId>,
}

/// Calls a slot off; whoever booked it is told, and not blamed.
#[utoipa::path(delete, path = "/api/v1/staff/slots/{id}", tag = "staff: bookings",
    params(("id" = SlotId, Path), WhyQuery,
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, body = CalledOffJson),
        (status = 404, description = "None in the caller's division, or another instructor's"),
        (status = 409, description = "`slot_over`"),
    ))]
async fn call_off(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<SlotId>,
    Query(why): Query<WhyQuery>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let (now, actor) = (state.clock.now(), by.actor());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            publishing::required(tx, &by, id).await?;
            let reason = requests::reason(&why.reason)?;
            publishing::call_off(tx, &state.keys, id, reason, &actor, now).await?;
            Ok((StatusCode::OK, CalledOffJson { slots: vec![id] }))
        })
        .await
}

/// Calls off what is to come of a series.
#[utoipa::path(delete, path = "/api/v1/staff/slot-series/{id}", tag = "staff: bookings",
    params(("id" = Uuid, Path), WhyQuery,
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, body = CalledOffJson),
        (status = 404, description = "Nothing to come in the caller's division"),
    ))]
async fn call_off_series(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Query(why): Query<WhyQuery>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let (now, keys) = (state.clock.now(), &state.keys);
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let reason = requests::reason(&why.reason)?;
            let slots = publishing::call_off_series(tx, keys, &by, id, reason, now).await?;
            Ok((StatusCode::OK, CalledOffJson { slots }))
        })
        .await
}

/// Who booked a slot, names masked; also those who cancelled.
#[utoipa::path(get, path = "/api/v1/staff/slots/{id}/bookings", tag = "staff: bookings",
    params(("id" = SlotId, Path), Paging), responses(
        (status = 200, body = Page<BookedJson>),
        (status = 404, description = "None in the caller's division, or another instructor's"),
    ))]
async fn booked(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<SlotId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<BookedJson>>, Error> {
    publishing::required(&state.db, &by, id).await?;
    let (cursors, name) = (state.keys.cursors(), format!("bookings of {id}"));
    let list = cursors.list(&name);
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = reading::of_slot(&state.db, id, after, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |one| one.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BookingPardon)]
struct PardonBody {
    /// Why, in 1 to 200 characters; enters the audit chain.
    reason: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = BookingPardoned)]
struct PardonedJson {
    member_id: MemberId,
}

/// Forgives somebody's absences up to now: they may book again.
#[utoipa::path(post, path = "/api/v1/staff/members/{id}/booking-pardon", tag = "staff: bookings",
    params(("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = PardonBody, responses(
        (status = 200, body = PardonedJson),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn forgive(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<PardonBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let reason = requests::reason(&body.reason)?;
            pardon(tx, &by, id, reason, now).await?;
            Ok((StatusCode::OK, PardonedJson { member_id: id }))
        })
        .await
}
