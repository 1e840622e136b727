//! Stays and disputes for staff, below `/api/v1/staff`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /members/{id}/sessions` | a member's stays, with why each minute counts |
//! | `POST /sessions/{id}/corrections` | corrects a stay, or asks for it where that takes two |
//! | `POST /sessions/{id}/corrections/preview` | what a correction would do |
//! | `GET /disputes` | what members say is not right |
//! | `POST /disputes/{id}/answer` | answers one |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::own_json::StayJson;
use crate::{
    base::{
        clock::Given,
        db,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{MemberId, SessionId},
        page::{Page, Paging},
        state::State,
    },
    members,
    minutes::{
        Corrected, Correction, Effect, correct,
        disputes::answers::{self, Dispute, Outcome},
        own,
    },
    staff::StaffCaller,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list_stays))
        .routes(routes!(correct_stay))
        .routes(routes!(preview))
        .routes(routes!(list_disputes))
        .routes(routes!(answer))
}

/// A member's stays, the newest first. The member can read that they were looked at.
#[utoipa::path(get, path = "/api/v1/staff/members/{id}/sessions", tag = "staff: minutes",
    params(("id" = MemberId, Path), Paging), responses(
    (status = 200, body = Page<StayJson>),
    (status = 403, description = "`leave_required`: a child, seen only with leave"),
    (status = 404, description = "Nobody in the caller's division")))]
async fn list_stays(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<StayJson>>, Error> {
    let (cursors, name, now) =
        (state.keys.cursors(), format!("staff: stays of {id}"), state.clock.now());
    let list = cursors.list(&name);
    let (limit, before) = (paging.limit, list.key_if_any(paging.cursor.as_deref())?);
    let tx = db::begin(&state.db).await?;
    members::look_at(&tx, &state.keys, &by, id, now).await?;
    tx.commit().await?;
    let stays = own::stays(&state.db, id, before, limit.rows_to_read(), now).await?;
    let key = |stay: &own::Stay| (stay.row.entered_at, SessionId(stay.row.id));
    Ok(Json(Page::cut(stays, limit, &list, key, StayJson::from)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCorrection)]
struct CorrectionBody {
    /// When they came.
    entered_at: Given,
    /// When they left.
    left_at: Given,
    /// Why, in 1 to 200 characters; kept beside the stay and in the audit chain.
    reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CorrectionTimes)]
struct TimesBody {
    entered_at: Given,
    left_at: Given,
}

/// What came of a correction.
#[derive(Serialize, ToSchema)]
#[schema(as = CorrectionResult)]
struct CorrectedJson {
    /// The request that waits for somebody else; null where the correction is done.
    request_id: Option<Uuid>,
    /// What was done, or will be once it is approved.
    effect: Effect,
}

/// Corrects a stay by new rows of the ledger. What changes more than 60 minutes, or was corrected
/// before by one person alone, waits for a second person.
#[utoipa::path(
    post,
    path = "/api/v1/staff/sessions/{id}/corrections",
    tag = "staff: minutes",
    params(
        ("id" = SessionId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = CorrectionBody,
    responses(
        (status = 200, description = "Corrected", body = CorrectedJson),
        (status = 202, description = "Waits for a second person", body = CorrectedJson),
        (status = 404, description = "No stay at the caller's venues"),
        (status = 409, description = "`correction_overlaps`"),
        (status = 422, description = "`bad_time`, `day_too_long`, `reason_length`"),
    ),
)]
async fn correct_stay(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(session): Path<SessionId>,
    Command { stamp, body: Json(body) }: Command<Json<CorrectionBody>>,
) -> Result<Answer, Error> {
    let (entered_at, left_at) = (body.entered_at.0, body.left_at.0);
    let correction = Correction { session, entered_at, left_at };
    corrected(&state, &by, stamp, &correction, &body.reason).await
}

async fn corrected(
    state: &State,
    by: &StaffCaller,
    stamp: Stamp,
    correction: &Correction,
    reason: &str,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let look = async || correct::preview(db, keys, by, correction, now).await;
    stamp
        .once_after(db, &by.actor(), now, look, async |tx, seen| {
            let Corrected { effect, needs_second } = seen;
            if needs_second {
                let request_id = Some(correct::ask(tx, by, correction, reason, now).await?);
                return Ok((StatusCode::ACCEPTED, CorrectedJson { request_id, effect }));
            }
            let done = correct::correct(tx, keys, by, correction, reason, now).await?;
            if done.needs_second {
                // Somebody else changed the stay between the look and the deed.
                return Err(Error::Conflict(Code::Conflict));
            }
            Ok((StatusCode::OK, CorrectedJson { request_id: None, effect: done.effect }))
        })
        .await
}

/// What a correction would do.
#[derive(Serialize, ToSchema)]
#[schema(as = CorrectionPreview)]
struct PreviewJson {
    effect: Effect,
    /// Whether it would wait for a second person.
    needs_second: bool,
}

/// Shows what a correction would do; nothing is changed.
#[utoipa::path(
    post,
    path = "/api/v1/staff/sessions/{id}/corrections/preview",
    tag = "staff: minutes",
    params(("id" = SessionId, Path)),
    request_body = TimesBody,
    responses(
        (status = 200, description = "What it would do", body = PreviewJson),
        (status = 404, description = "No stay at the caller's venues"),
        (status = 409, description = "`correction_overlaps`"),
        (status = 422, description = "`bad_time`, `day_too_long`"),
    ),
)]
async fn preview(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(session): Path<SessionId>,
    Json(body): Json<TimesBody>,
) -> Result<Json<PreviewJson>, Error> {
    let (entered_at, left_at) = (body.entered_at.0, body.left_at.0);
    let correction = Correction { session, entered_at, left_at };
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let Corrected { effect, needs_second } =
        correct::preview(db, keys, &by, &correction, now).await?;
    Ok(Json(PreviewJson { effect, needs_second }))
}

/// A dispute for staff.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffDispute)]
struct DisputeJson {
    id: Uuid,
    session_id: Uuid,
    member_id: Uuid,
    venue_id: Uuid,
    /// What the member says.
    text: String,
    created_at: DateTime<Utc>,
}

impl From<Dispute> for DisputeJson {
    fn from(dispute: Dispute) -> Self {
        let Dispute { id, session, member, venue, text, created_at, .. } = dispute;
        Self { id, session_id: session, member_id: member, venue_id: venue, text, created_at }
    }
}

/// What members say is not right about stays at the caller's venues, the oldest first.
#[utoipa::path(get, path = "/api/v1/staff/disputes", tag = "staff: minutes", params(Paging),
    responses((status = 200, body = Page<DisputeJson>)))]
async fn list_disputes(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DisputeJson>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("disputes");
    let (after, now) = (list.key_if_any(paging.cursor.as_deref())?, state.clock.now());
    let tx = db::begin(&state.db).await?;
    let rows = paging.limit.rows_to_read();
    let rows = answers::waiting(&tx, &state.keys, &by, after, rows, now).await?;
    tx.commit().await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |dispute| dispute.id, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DisputeAnswer)]
struct AnswerBody {
    outcome: Outcome,
    /// For the member to read, in 1 to 500 characters.
    answer: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = DisputeAnswered)]
struct AnsweredJson {
    id: Uuid,
}

/// Answers a dispute; the member can read it.
#[utoipa::path(
    post,
    path = "/api/v1/staff/disputes/{id}/answer",
    tag = "staff: minutes",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = AnswerBody,
    responses(
        (status = 200, description = "Answered", body = AnsweredJson),
        (status = 404, description = "None at the caller's venues"),
        (status = 409, description = "`request_decided`: answered before"),
    ),
)]
async fn answer(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<AnswerBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            answers::answer(tx, &by, id, (body.outcome, &body.answer), now).await?;
            Ok((StatusCode::OK, AnsweredJson { id }))
        })
        .await
}
