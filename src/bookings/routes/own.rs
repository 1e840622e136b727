//! A resident's own bookings, and those of their children.

use axum::{extract::State as Of, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::json::{BookedJson, BookingJson};
use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{BookingId, MemberId, SlotId},
        page::{Limit, Page},
        state::State,
    },
    bookings::{holding, reading, waiting},
    members::{Resident, acting_for},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(hold))
        .routes(routes!(confirm))
        .routes(routes!(cancel))
        .routes(routes!(rate))
        .routes(routes!(wait, leave))
        .routes(routes!(list))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBooking)]
struct HoldBody {
    slot_id: SlotId,
    /// A child of the caller's, for whom it is; the caller when absent.
    dependant_id: Option<MemberId>,
}

/// Holds a seat while the caller decides, for five minutes. One person has at most four bookings to
/// come, two on one day and two undecided, up to 14 days ahead; after three absences within 90 days
/// nobody books for 14 days.
#[utoipa::path(post, path = "/api/v1/bookings", tag = "residents: bookings",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = HoldBody, responses(
        (status = 201, description = "Held until `held_until`", body = BookingJson),
        (status = 403, description = "`member_not_verified`, `booking_paused`"),
        (status = 404, description = "No such slot, or no child of the caller's"),
        (status = 409, description = "`slot_taken`, `slot_over`, `already_booked`, `booking_quota`, \
            `booking_overlaps`"),
    ))]
async fn hold(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<HoldBody>>,
) -> Result<Answer, Error> {
    let (now, actor) = (state.clock.now(), by.actor());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let whom = acting_for(tx, &state.keys, by.id, body.dependant_id, now).await?;
            let held = holding::hold(tx, &state.keys, (whom, &actor), body.slot_id, now).await?;
            Ok((StatusCode::CREATED, BookingJson::from(held)))
        })
        .await
}

/// Confirms a hold, or a seat that was offered to who waited.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/confirmation", tag = "residents: bookings",
    params(("id" = BookingId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, body = BookingJson),
        (status = 404, description = "No booking of the caller's"),
        (status = 409, description = "`hold_ended`, `booking_overlaps`"),
    ))]
async fn confirm(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<BookingId>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let done = holding::confirm(tx, &state.keys, by.id, id, now).await?;
            Ok((StatusCode::OK, BookingJson::from(done)))
        })
        .await
}

/// Cancels a booking; twice is no error. Later than two hours before the beginning it counts like an
/// absence.
#[utoipa::path(delete, path = "/api/v1/bookings/{id}", tag = "residents: bookings",
    params(("id" = BookingId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, body = BookingJson),
        (status = 404, description = "No booking of the caller's"),
        (status = 409, description = "`booking_over`"),
    ))]
async fn cancel(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<BookingId>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let done = holding::cancel(tx, &state.keys, by.id, id, now).await?;
            Ok((StatusCode::OK, BookingJson::from(done)))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRating)]
struct RatingBody {
    /// 1 to 5.
    stars: i16,
}

/// Rates what was attended, once, within 14 days.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/rating", tag = "residents: bookings",
    params(("id" = BookingId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = RatingBody, responses(
        (status = 201, body = BookingJson),
        (status = 404, description = "No booking of the caller's"),
        (status = 409, description = "`rating_not_open`"),
    ))]
async fn rate(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<BookingId>,
    Command { stamp, body: Json(body) }: Command<Json<RatingBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let done = holding::rate(tx, &state.keys, by.id, (id, body.stars), now).await?;
            Ok((StatusCode::CREATED, BookingJson::from(done)))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhomQuery {
    /// A child of the caller's; the caller when absent.
    dependant_id: Option<MemberId>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Waiting)]
struct WaitingJson {
    slot_id: SlotId,
    /// The place among those who wait, from 1; null for who waits no longer.
    place: Option<u64>,
}

/// Waits for a seat of a slot that is taken. Whoever waits longest is offered what becomes free, and
/// has half an hour to confirm it.
#[utoipa::path(post, path = "/api/v1/slots/{id}/waiters", tag = "residents: bookings",
    params(("id" = SlotId, Path), WhomQuery,
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 201, body = WaitingJson),
        (status = 403, description = "`member_not_verified`, `booking_paused`"),
        (status = 404, description = "No such slot, or no child of the caller's"),
        (status = 409, description = "`slot_free`, `slot_over`, `already_booked`, `booking_quota`, \
            `booking_overlaps`"),
    ))]
async fn wait(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<SlotId>,
    Query(query): Query<WhomQuery>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let whom = acting_for(tx, &state.keys, by.id, query.dependant_id, now).await?;
            let place = waiting::join(tx, &state.keys, whom, id, now).await?;
            Ok((StatusCode::CREATED, WaitingJson { slot_id: id, place: Some(place) }))
        })
        .await
}

/// Waits no longer.
#[utoipa::path(delete, path = "/api/v1/slots/{id}/waiters", tag = "residents: bookings",
    params(("id" = SlotId, Path), WhomQuery,
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses(
        (status = 200, body = WaitingJson),
        (status = 404, description = "Nobody waits there whom the caller speaks for"),
    ))]
async fn leave(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<SlotId>,
    Query(query): Query<WhomQuery>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let whom = acting_for(tx, &state.keys, by.id, query.dependant_id, now).await?;
            waiting::leave(tx, whom, id, now).await?;
            Ok((StatusCode::OK, WaitingJson { slot_id: id, place: None }))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct OwnQuery {
    /// A child of the caller's; the caller when absent.
    dependant_id: Option<MemberId>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// One's own bookings, those that begin last first.
#[utoipa::path(get, path = "/api/v1/me/bookings", tag = "residents: bookings", params(OwnQuery),
    responses((status = 200, body = Page<BookedJson>)))]
async fn list(
    Of(state): Of<State>,
    by: Resident,
    Query(query): Query<OwnQuery>,
) -> Result<Json<Page<BookedJson>>, Error> {
    let now = state.clock.now();
    let whom = acting_for(&state.db, &state.keys, by.id, query.dependant_id, now).await?;
    let (cursors, name) = (state.keys.cursors(), format!("bookings {whom}"));
    let list = cursors.list(&name);
    let before = list.key_if_any(query.cursor.as_deref())?;
    let rows = query.limit.rows_to_read();
    let rows = reading::of_member(&state.db, whom, before, rows).await?;
    Ok(Json(Page::cut(rows, query.limit, &list, |one| (one.starts_at, one.id), Into::into)))
}
