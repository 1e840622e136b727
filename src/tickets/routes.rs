//! Tickets over HTTP. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | POST `/api/v1/venues/{id}/reports` | a resident says what is wrong there |
//! | GET `/api/v1/me/reports` | what one has reported, and what became of it |
//! | POST `/api/v1/me/reports/{id}/confirmation` | whether it is fixed indeed |
//! | GET `/api/v1/staff/tickets`, `/tickets/{id}` | what is open, the oldest first; one with all of it |
//! | POST `/api/v1/staff/tickets/{id}/steps` | triage, assign, progress, fix, reopen, dismiss |
//! | GET `/api/v1/staff/ticket-notices`, POST `…/{id}/seen` | 预警单、督办单、进度单 to a division |

mod json;

use axum::{extract::State as Of, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::json::{NoticeJson, OwnReportJson, StepBody, TicketJson, TicketLine};
use super::{Kind, NewTicket, State as TicketState};
use crate::{
    base::{
        db,
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{VenueId, ZoneId},
        page::{Limit, Page, Paging},
        state::State,
    },
    members::{Resident, said},
    staff::StaffCaller,
};

/// What residents do.
pub fn resident_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(report)).routes(routes!(list_own)).routes(routes!(confirm))
}

/// What staff do.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(take_step))
        .routes(routes!(list_notices))
        .routes(routes!(see))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReport)]
struct ReportBody {
    kind: Kind,
    /// The zone, where it is about one.
    zone_id: Option<ZoneId>,
    /// What is wrong, in 1 to 500 characters.
    text: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReportTaken)]
struct ReportTakenJson {
    id: Uuid,
    state: TicketState,
}

/// Says that something is wrong at a venue. Staff read what WeChat has judged: a text that it
/// cannot judge now is held until it can, and the report stands without it.
#[utoipa::path(
    post,
    path = "/api/v1/venues/{id}/reports",
    tag = "residents",
    params(
        ("id" = VenueId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ReportBody,
    responses(
        (status = 201, description = "Taken", body = ReportTakenJson),
        (status = 404, description = "No such venue"),
        (status = 409, description = "`too_many_reports`"),
        (status = 422, description = "`text_length`, `text_not_allowed`, `unknown_zone`"),
    ),
)]
async fn report(
    Of(state): Of<State>,
    by: Resident,
    Path(venue): Path<VenueId>,
    Command { stamp, body: Json(body) }: Command<Json<ReportBody>>,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let judge = async || said::judge(db, keys, &state.wechat, by.id, &body.text).await;
    stamp
        .once_after(db, &by.actor(), now, judge, async |tx, text| {
            let new = NewTicket { venue, zone: body.zone_id, kind: body.kind, text };
            let id = super::report(tx, keys, by.id, &new, now).await?;
            Ok((StatusCode::CREATED, ReportTakenJson { id, state: TicketState::Reported }))
        })
        .await
}

/// What the resident has reported, the newest first.
#[utoipa::path(get, path = "/api/v1/me/reports", tag = "residents", params(Paging),
    responses((status = 200, body = Page<OwnReportJson>)))]
async fn list_own(
    Of(state): Of<State>,
    by: Resident,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<OwnReportJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("own reports");
    let (limit, before) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let rows = super::own(&state.db, &state.keys, by.id, before, limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, limit, &list, |view| view.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReportConfirmation)]
struct ConfirmationBody {
    /// False: it is not, and staff have it to do again.
    fixed: bool,
}

/// Says whether what staff call fixed is fixed. Who says nothing for a week agrees.
#[utoipa::path(
    post,
    path = "/api/v1/me/reports/{id}/confirmation",
    tag = "residents",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ConfirmationBody,
    responses(
        (status = 200, description = "Taken", body = ReportTakenJson),
        (status = 404, description = "No report of the caller's"),
        (status = 409, description = "`ticket_step`: staff have not said that it is fixed"),
    ),
)]
async fn confirm(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<ConfirmationBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let state = super::confirm(tx, &state.keys, by.id, id, body.fixed, now).await?;
            Ok((StatusCode::OK, ReportTakenJson { id, state }))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TicketsQuery {
    /// One state alone; all open ones when absent.
    #[param(inline)]
    state: Option<TicketState>,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, of the same state.
    cursor: Option<String>,
}

/// Tickets of the caller's division of which something is still to come, the oldest first; those
/// that are confirmed or dismissed by their state, the newest first.
#[utoipa::path(get, path = "/api/v1/staff/tickets", tag = "staff: work", params(TicketsQuery),
    responses((status = 200, body = Page<TicketLine>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(query): Query<TicketsQuery>,
) -> Result<Json<Page<TicketLine>>, Error> {
    let name = format!("tickets {}", query.state.map_or("", TicketState::as_str));
    let cursors = state.keys.cursors();
    let list = cursors.list(&name);
    let (limit, after) = (query.limit, list.key_if_any(query.cursor.as_deref())?);
    let rows = super::open(&state.db, &by, query.state, after, limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, limit, &list, |view| view.id, Into::into)))
}

/// One ticket with what was written, done and told. That it was read is written down for whoever
/// reported it.
#[utoipa::path(get, path = "/api/v1/staff/tickets/{id}", tag = "staff: work",
    params(("id" = Uuid, Path)), responses((status = 200, body = TicketJson)))]
async fn show(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<Json<TicketJson>, Error> {
    let tx = db::begin(&state.db).await?;
    let view = super::view(&tx, &state.keys, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    Ok(Json(view.into()))
}

/// Does something about a ticket. A ticket about safety may close its zone or the venue: doors
/// refuse with `venue_closed` from now on, until it is fixed, dismissed, or `closes` says `nothing`.
#[utoipa::path(
    post,
    path = "/api/v1/staff/tickets/{id}/steps",
    tag = "staff: work",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = StepBody,
    responses(
        (status = 200, description = "Done", body = ReportTakenJson),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`ticket_step`"),
        (status = 422, description = "`text_length`; `required`: who has it to do"),
    ),
)]
async fn take_step(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<StepBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let state = super::act(tx, &state.keys, &by, id, &body.into(), now).await?;
            Ok((StatusCode::OK, ReportTakenJson { id, state }))
        })
        .await
}

/// Notices to the caller's division that nobody has seen yet, the oldest first.
#[utoipa::path(get, path = "/api/v1/staff/ticket-notices", tag = "staff: work", params(Paging),
    responses((status = 200, body = Page<NoticeJson>)))]
async fn list_notices(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NoticeJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("ticket notices");
    let (limit, after) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let rows = super::told(&state.db, &by, after, limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, limit, &list, |told| told.id, Into::into)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = TicketNoticeSeen)]
struct SeenJson {
    id: Uuid,
}

/// Says that a notice was seen; it is listed no more.
#[utoipa::path(post, path = "/api/v1/staff/ticket-notices/{id}/seen", tag = "staff: work",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    responses((status = 200, body = SeenJson)))]
async fn see(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::see(tx, &by, id, now).await?;
            Ok((StatusCode::OK, SeenJson { id }))
        })
        .await
}
