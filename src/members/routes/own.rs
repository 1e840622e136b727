//! Residents about themselves. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `GET /api/v1/consent-texts` | the texts that are signed today, for anybody |
//! | `POST /api/v1/members` | registers whoever signed in |
//! | `GET, PATCH /api/v1/me` | shows what is kept, changes phone, home, choices |
//! | `GET, POST, DELETE /api/v1/me/consents` | how each consent stands; one answer at a time |
//! | `GET /api/v1/me/code` | the code that opens doors without a face |

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::own_bodies::{
    AgreementBody, AgreementsBody, AnswerBody, ChangeBody, CodeBody, CodeQuery, OwnBody,
    Registered, RegistrationBody, WithdrawQuery,
};
use crate::{
    base::{
        error::{Code, Error},
        http::{json::Json, query::Query},
        idempotency::{Answer, Command, Stamp},
        ids::MemberId,
        state::State,
        text::Phone,
        wechat_api::{OneTimeCode, Refusal},
    },
    members::{self, Change, NewConsent, Resident, Visitor, acting_for},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show_texts))
        .routes(routes!(register))
        .routes(routes!(show, change))
        .routes(routes!(show_consents, answer_consent, withdraw_consent))
        .routes(routes!(show_code))
}

/// The consents' texts as they are signed today.
#[utoipa::path(get, path = "/api/v1/consent-texts", tag = "residents",
    responses((status = 200, body = AgreementsBody)))]
async fn show_texts() -> Json<AgreementsBody> {
    Json(AgreementsBody::from(members::texts()))
}

/// Registers whoever signed in. Consents about faces are given by themselves afterwards.
#[utoipa::path(
    post,
    path = "/api/v1/members",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = RegistrationBody,
    responses(
        (status = 201, description = "Registered, not verified yet", body = Registered),
        (status = 403, description = "`guardian_required`: under 14, a guardian registers the child"),
        (status = 409, description = "`id_already_registered` (see recovery), `phone_already_registered`, `account_taken`, `consent_outdated`"),
        (status = 422, description = "A field is not acceptable"),
    ),
)]
async fn register(
    Of(state): Of<State>,
    by: Visitor,
    Command { stamp, body: Json(mut body) }: Command<Json<RegistrationBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let (document, code) = (body.document.clone(), body.phone_code.take());
    let key = by.key();
    let ask = async || phone(&state, code.as_ref()).await;
    let done = stamp.once_after(&state.db, &key, now, ask, async |tx, phone| {
        let new = body.into_new(phone);
        let id = members::register_self(tx, &state.keys, &new, &by, now).await?;
        Ok((StatusCode::CREATED, Registered { id }))
    });
    super::noted(&state, &by.actor(), &document, done.await).await
}

/// The number behind a code of the phone button. A bad code is a field of this form: who signed in
/// stays so.
pub(super) async fn phone(
    state: &State,
    code: Option<&OneTimeCode>,
) -> Result<Option<Phone>, Error> {
    let Some(code) = code else { return Ok(None) };
    let refused = |code| Error::invalid("/phone_code", code);
    match state.wechat.phone(code).await {
        Ok(phone) => Ok(Some(phone)),
        Err(Refusal::CodeInvalid) => Err(refused(Code::WechatCodeInvalid)),
        Err(Refusal::CodeUsed) => Err(refused(Code::WechatCodeUsed)),
        Err(other) => Err(other.into()),
    }
}

/// What is kept of the resident.
#[utoipa::path(get, path = "/api/v1/me", tag = "residents", responses(
    (status = 200, body = OwnBody),
    (status = 403, description = "`registration_required`: signed in, but not registered"),
))]
async fn show(Of(state): Of<State>, by: Resident) -> Result<Json<OwnBody>, Error> {
    let own = members::own(&state.db, &state.keys, by.id).await?;
    Ok(Json(own.into()))
}

/// Changes phone, home community and choices. Name and document are changed at the desk.
#[utoipa::path(
    patch,
    path = "/api/v1/me",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "Changed", body = Registered),
        (status = 409, description = "`phone_already_registered`"),
        (status = 422, description = "`immutable_field`, or a field is not acceptable"),
    ),
)]
async fn change(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<ChangeBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let ask = async || changes(&state, body).await;
    stamp
        .once_after(&state.db, &by.actor(), now, ask, async |tx, change| {
            members::change(tx, &state.keys, by.id, &change, now).await?;
            Ok((StatusCode::OK, Registered { id: by.id }))
        })
        .await
}

async fn changes(state: &State, body: ChangeBody) -> Result<Change, Error> {
    body.check()?;
    let phone = phone(state, body.phone_code.as_ref()).await?;
    Ok(Change { phone, home_community: body.home_community, in_ranks: body.in_ranks })
}

/// How each consent stands, with today's text, and whether the mini-program may ask.
#[utoipa::path(get, path = "/api/v1/me/consents", tag = "residents",
    responses((status = 200, body = AgreementsBody)))]
async fn show_consents(Of(state): Of<State>, by: Resident) -> Result<Json<AgreementsBody>, Error> {
    let agreements = members::agreements(&state.db, by.id, state.clock.now()).await?;
    Ok(Json(agreements.into()))
}

/// Gives or refuses one consent, one's own or a child's.
#[utoipa::path(
    post,
    path = "/api/v1/me/consents",
    tag = "residents",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = AnswerBody,
    responses(
        (status = 201, description = "Recorded", body = AgreementBody),
        (status = 404, description = "No child of the caller's"),
        (status = 409, description = "`consent_outdated`: the text has changed"),
    ),
)]
async fn answer_consent(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<AnswerBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = acting_for(tx, &state.keys, by.id, body.dependant_id, now).await?;
            Ok((StatusCode::CREATED, record(tx, &by, id, body.into(), now).await?))
        })
        .await
}

/// Withdraws one consent; as easy as giving it.
#[utoipa::path(
    delete,
    path = "/api/v1/me/consents",
    tag = "residents",
    params(
        WithdrawQuery,
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, description = "Withdrawn", body = AgreementBody),
        (status = 404, description = "No child of the caller's"),
    ),
)]
async fn withdraw_consent(
    Of(state): Of<State>,
    by: Resident,
    Query(query): Query<WithdrawQuery>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = acting_for(tx, &state.keys, by.id, query.dependant_id, now).await?;
            Ok((StatusCode::OK, record(tx, &by, id, query.into(), now).await?))
        })
        .await
}

/// Records an answer and gives the purpose as it stands then.
async fn record(
    tx: &DatabaseTransaction,
    by: &Resident,
    id: MemberId,
    consent: NewConsent,
    now: DateTime<Utc>,
) -> Result<AgreementBody, Error> {
    members::agree(tx, id, &consent, &by.actor(), now).await?;
    let stands = members::agreements(tx, id, now).await?;
    let one = stands.into_iter().find(|one| one.purpose == consent.purpose);
    Ok(one.ok_or_else(|| anyhow::anyhow!("a purpose that is none"))?.into())
}

/// The code that opens doors without a face, one's own, a child's, or that of a child whom one may
/// bring; good for half a minute.
#[utoipa::path(get, path = "/api/v1/me/code", tag = "residents", params(CodeQuery), responses(
    (status = 200, body = CodeBody),
    (status = 404, description = "No child of the caller's, nor one whom they may bring"),
))]
async fn show_code(
    Of(state): Of<State>,
    by: Resident,
    Query(query): Query<CodeQuery>,
) -> Result<Json<CodeBody>, Error> {
    let now = state.clock.now();
    let id = members::showing_for(&state.db, &state.keys, by.id, query.dependant_id, now).await?;
    Ok(Json(members::door_code(&state.keys, id, now).into()))
}
