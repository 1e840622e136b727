//! Proving who one is. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /api/v1/me/verification` | asks the register, or begins at WeChat |
//! | `POST /api/v1/me/verification/photo` | asks the register about name, number and a photo |
//! | `POST /api/v1/me/verification/{id}/finish` | what came of it at WeChat |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::faces::{Upload, read};
use crate::{
    base::{
        error::{Code, Error},
        http::{json::Json, query::Path},
        idempotency::{Answer, Command, Stamp},
        ids::{MemberId, VerificationId},
        state::State,
    },
    members::{self, Check, CheckOutcome, ProofMethod, Resident, acting_for},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(begin_check))
        .routes(routes!(check_photo))
        .routes(routes!(finish_check))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVerification)]
struct CheckBody {
    method: ProofMethod,
    /// A child of the caller's, whom only the register can verify.
    dependant_id: Option<MemberId>,
}

/// A check of who somebody is.
#[derive(Serialize, ToSchema)]
#[schema(as = VerificationCheck)]
pub struct CheckView {
    id: VerificationId,
    method: ProofMethod,
    outcome: CheckOutcome,
    /// For `wx.requestFacialVerify`.
    verify_id: Option<String>,
    expires_at: DateTime<Utc>,
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        let Check { id, method, outcome, verify_id, expires_at } = check;
        Self { id, method, outcome, verify_id, expires_at }
    }
}

/// Asks the register whether name and number belong together, or begins a face verification.
#[utoipa::path(
    post,
    path = "/api/v1/me/verification",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = CheckBody,
    responses(
        (status = 201, description = "`match`, `mismatch`, `no_record`, or `pending` at WeChat", body = CheckView),
        (status = 403, description = "`consent_required`"),
        (status = 409, description = "`desk_required`: only the desk can judge this document"),
        (status = 429, description = "Too many checks today"),
        (status = 503, description = "`realname_unavailable`, `wechat_unavailable`: nobody can tell now"),
    ),
)]
async fn begin_check(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<CheckBody>>,
) -> Result<Answer, Error> {
    match (body.method, body.dependant_id) {
        (ProofMethod::Registry, whose) => by_registry(&state, stamp, &by, whose).await,
        (ProofMethod::WechatFace, None) => by_face(&state, stamp, &by).await,
        (ProofMethod::WechatFace, Some(_)) => Err(Error::Conflict(Code::DeskRequired)),
        // The photo has a path of its own.
        (ProofMethod::RegistryPhoto, _) => Err(Error::invalid("/method", Code::InvalidValue)),
    }
}

async fn by_registry(
    state: &State,
    stamp: Stamp,
    by: &Resident,
    whose: Option<MemberId>,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let ask = async || {
        let id = acting_for(db, keys, by.id, whose, now).await?;
        let subject = members::subject(db, keys, id, now).await?;
        let outcome = members::ask_registry(&*state.realname, &subject).await?;
        Ok((subject, outcome))
    };
    stamp
        .once_after(db, &by.actor(), now, ask, async |tx, (subject, outcome)| {
            let check =
                members::record_registry(tx, &subject, ProofMethod::Registry, outcome, now).await?;
            Ok((StatusCode::CREATED, CheckView::from(check)))
        })
        .await
}

async fn by_face(state: &State, stamp: Stamp, by: &Resident) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let ask = async || {
        let subject = members::subject(db, keys, by.id, now).await?;
        let begun = members::begin_face(db, keys, &state.wechat, &subject, by.account, now).await?;
        Ok((subject, begun))
    };
    stamp
        .once_after(db, &by.actor(), now, ask, async |tx, (subject, begun)| {
            let check = members::record_begun(tx, &subject, by.account, begun, now).await?;
            Ok((StatusCode::CREATED, CheckView::from(check)))
        })
        .await
}

/// Asks the register whether name, number and the face on a photo belong together. The photo is
/// for this alone and kept nowhere.
#[utoipa::path(
    post,
    path = "/api/v1/me/verification/photo",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body(content = Vec<u8>, content_type = "image/jpeg"),
    responses(
        (status = 201, description = "`match`, `mismatch` or `no_record`", body = CheckView),
        (status = 403, description = "`consent_required`, `face_check_consent_required`"),
        (status = 409, description = "`desk_required`: only the desk can judge this document"),
        (status = 413, description = "Larger than 2 MB"),
        (status = 415, description = "Not `image/jpeg`"),
        (status = 422, description = "`photo_format`, `photo_size`"),
        (status = 429, description = "Too many checks today"),
        (status = 503, description = "`realname_unavailable`: nobody can tell now"),
    ),
)]
async fn check_photo(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Upload(bytes) }: Command<Upload>,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let ask = async || {
        members::require_face_check(db, by.id).await?;
        let subject = members::subject(db, keys, by.id, now).await?;
        let photo = read(bytes).await?;
        let outcome = members::ask_about_photo(&*state.realname, &subject, &photo).await?;
        Ok((subject, outcome))
    };
    stamp
        .once_after(db, &by.actor(), now, ask, async |tx, (subject, outcome)| {
            let method = ProofMethod::RegistryPhoto;
            let check = members::record_registry(tx, &subject, method, outcome, now).await?;
            Ok((StatusCode::CREATED, CheckView::from(check)))
        })
        .await
}

/// What came of a face verification: that the mini-program calls it finished says nothing.
#[utoipa::path(
    post,
    path = "/api/v1/me/verification/{id}/finish",
    tag = "residents",
    params(
        ("id" = VerificationId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, description = "`match`, `mismatch` or `not_done`", body = CheckView),
        (status = 404, description = "None of the caller's that is under way"),
        (status = 503, description = "`wechat_unavailable`"),
    ),
)]
async fn finish_check(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<VerificationId>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let ask = async || {
        let running = members::running(db, keys, by.id, id, now).await?;
        let outcome = members::ask_wechat(db, keys, &state.wechat, &running).await?;
        Ok((running, outcome))
    };
    stamp
        .once_after(db, &by.actor(), now, ask, async |tx, (running, outcome)| {
            let check = members::record_outcome(tx, &running, outcome, now).await?;
            Ok((StatusCode::OK, CheckView::from(check)))
        })
        .await
}
