//! Children, and coming back. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET, POST /api/v1/me/dependants` | the guardian's children |
//! | `POST /api/v1/members/recovery` | comes back with a code of the desk, or begins at WeChat |
//! | `POST /api/v1/members/recovery/{id}/finish` | comes back by one's face |
//! | `POST /api/v1/staff/members/{id}/recovery-code` | the desk's code, shown once |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    bodies::MemberBody,
    checks::CheckView,
    own_bodies::{DependantBody, Registered},
};
use crate::{
    base::{
        db,
        documents::{Document, RawDocument},
        error::{Code, Error},
        http::{json::Json, query::Path},
        idempotency::{Answer, Command, Stamp},
        ids::{MemberId, VerificationId},
        state::State,
        text::PersonName,
    },
    members::{self, Claim, Resident, Visitor},
    staff::StaffCaller,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show_dependants, add_dependant))
        .routes(routes!(begin_recovery))
        .routes(routes!(finish_recovery))
}

/// What the desk does for who lost their account.
pub fn desk_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(issue_code))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Dependants)]
struct DependantsView {
    items: Vec<MemberBody>,
}

/// The caller's children.
#[utoipa::path(get, path = "/api/v1/me/dependants", tag = "residents",
    responses((status = 200, body = DependantsView)))]
async fn show_dependants(
    Of(state): Of<State>,
    by: Resident,
) -> Result<Json<DependantsView>, Error> {
    let wards = members::wards(&state.db, &state.keys, by.id).await?;
    Ok(Json(DependantsView { items: wards.into_iter().map(Into::into).collect() }))
}

/// Registers a child of the caller's, whose own name is verified.
#[utoipa::path(
    post,
    path = "/api/v1/me/dependants",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = DependantBody,
    responses(
        (status = 201, description = "Registered, not verified yet", body = Registered),
        (status = 403, description = "`member_not_verified`"),
        (status = 409, description = "`id_already_registered`"),
        (status = 422, description = "`guardian_unfit`, `dependant_exists`, or a field is not acceptable"),
    ),
)]
async fn add_dependant(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<DependantBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let new = body.into_new(members::home_of(&state.db, by.id).await?);
    let (db, keys, actor) = (&state.db, &state.keys, by.actor());
    let done = stamp.once(db, &actor, now, async |tx| {
        let id = members::register_ward(tx, keys, by.id, &new, now).await?;
        Ok((StatusCode::CREATED, Registered { id }))
    });
    match done.await {
        Ok(answer) => Ok(answer),
        Err(refused) => {
            Err(members::refusal_for_guardian(db, keys, by.id, &new, refused, now).await?)
        }
    }
}

/// With a code of the desk, or by one's face.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recovery)]
struct RecoveryBody {
    /// Of the desk; alone.
    desk_code: Option<String>,
    /// By one's face: the name and document that are registered.
    #[schema(value_type = Option<String>, example = "张三")]
    name: Option<PersonName>,
    #[schema(value_type = Option<RawDocument>)]
    document: Option<Document>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RecoveryClaim)]
struct ClaimBody {
    #[schema(value_type = String, example = "张三")]
    name: PersonName,
    #[schema(value_type = RawDocument)]
    document: Document,
}

/// How a recovery goes on, or ended.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryState)]
struct RecoveryView {
    /// The check that goes on at WeChat.
    check: Option<CheckView>,
    /// Who the caller is from now on.
    member_id: Option<MemberId>,
}

/// Comes back with a code of the desk, or begins a face verification. The answer to the second
/// does not tell whether anybody is registered.
#[utoipa::path(
    post,
    path = "/api/v1/members/recovery",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = RecoveryBody,
    responses(
        (status = 201, description = "Recovered by the code, or begun at WeChat", body = RecoveryView),
        (status = 401, description = "`recovery_failed`: the code is wrong or has run out"),
        (status = 409, description = "`account_taken`, `desk_required`"),
        (status = 503, description = "`wechat_unavailable`"),
    ),
)]
async fn begin_recovery(
    Of(state): Of<State>,
    by: Visitor,
    Command { stamp, body: Json(body) }: Command<Json<RecoveryBody>>,
) -> Result<Answer, Error> {
    match (body.desk_code, body.name, body.document) {
        (Some(code), None, None) => with_code(&state, stamp, &by, &code).await,
        (None, Some(name), Some(document)) => {
            with_face(&state, stamp, &by, &Claim { name, document }).await
        }
        _ => Err(Error::invalid("", Code::Required)),
    }
}

async fn with_code(state: &State, stamp: Stamp, by: &Visitor, code: &str) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.key(), now, async |tx| {
            let member_id = Some(members::recover_with_code(tx, by, code, now).await?);
            Ok((StatusCode::CREATED, RecoveryView { check: None, member_id }))
        })
        .await
}

async fn with_face(
    state: &State,
    stamp: Stamp,
    by: &Visitor,
    claim: &Claim,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let ask = async || members::begin_recovery(db, keys, &state.wechat, by, claim, now).await;
    stamp
        .once_after(db, &by.key(), now, ask, async |tx, begun| {
            let check = members::record_recovery(tx, keys, by, claim, begun, now).await?;
            let view = RecoveryView { check: Some(check.into()), member_id: None };
            Ok((StatusCode::CREATED, view))
        })
        .await
}

/// Comes back by one's face: the registration is the caller's, and the account before is out.
#[utoipa::path(
    post,
    path = "/api/v1/members/recovery/{id}/finish",
    tag = "residents",
    params(
        ("id" = VerificationId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ClaimBody,
    responses(
        (status = 200, description = "`member_id` is null unless it worked", body = RecoveryView),
        (status = 404, description = "None of the caller's that is under way"),
        (status = 503, description = "`wechat_unavailable`"),
    ),
)]
async fn finish_recovery(
    Of(state): Of<State>,
    by: Visitor,
    Path(id): Path<VerificationId>,
    Command { stamp, body: Json(body) }: Command<Json<ClaimBody>>,
) -> Result<Answer, Error> {
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    let claim = Claim { name: body.name, document: body.document };
    let ask = async || {
        let recovering = members::recovering(db, keys, &by, id, claim, now).await?;
        let outcome = members::ask_recovery(db, keys, &state.wechat, &recovering).await?;
        Ok((recovering, outcome))
    };
    stamp
        .once_after(db, &by.key(), now, ask, async |tx, (recovering, outcome)| {
            let member_id = members::record_recovered(tx, keys, &recovering, outcome, now).await?;
            Ok((StatusCode::OK, RecoveryView { check: None, member_id }))
        })
        .await
}

/// A code of the desk.
#[derive(Serialize, ToSchema)]
struct RecoveryCode {
    /// Shown once; good once, for ten minutes.
    code: String,
    expires_at: DateTime<Utc>,
}

/// Gives a member whom the desk has seen with their document a code to come back with. It takes no
/// `Idempotency-Key`, because stored answers would hold the code: asking again makes another one,
/// and the one before is void.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/recovery-code",
    tag = "members",
    params(("id" = MemberId, Path)),
    responses(
        (status = 201, description = "The code, shown once", body = RecoveryCode),
        (status = 404, description = "Nobody in the caller's division"),
    ),
)]
async fn issue_code(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
) -> Result<(StatusCode, Json<RecoveryCode>), Error> {
    let tx = db::begin(&state.db).await?;
    let issued = members::issue_recovery_code(&tx, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    let (code, expires_at) = issued;
    Ok((StatusCode::CREATED, Json(RecoveryCode { code, expires_at })))
}
