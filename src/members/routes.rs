//! Members at the desk, below `/api/v1/staff`. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /members` | registers somebody whose document was seen |
//! | `GET /members/{id}` | shows a member, masked |
//! | `POST /members/{id}/consents` | records a grant or a withdrawal |
//! | `POST /members/{id}/guardian` | names a minor's guardian |
//! | `POST /members/{id}/credentials` | adds a face or card number, a QR or desk code |
//! | `PUT /members/{id}/approvals` | permits something that venues ask for |
//! | `POST /members/{id}/recovery-code` | gives who lost their account a code to come back with |
//! | `POST /members/{id}/view-requests`, `GET /view-requests`, `POST /view-requests/{id}/approve` | leave to see a child |
//! | `POST /members/search` and what `care` has | finds members, suspends, verifies, lends codes, unmasks |
//! | `POST /member-exports`, `GET /member-exports/{id}` | rows of a division as a file |
//! | `POST /members/import` | takes members and past minutes over from a CSV or NDJSON file |

use axum::{
    Extension,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRequest, Request, State as Of},
    http::{StatusCode, header},
    middleware::from_fn,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::bodies::{
    ApprovalBody, ConsentBody, CredentialBody, GuardianBody, MemberBody, NewMemberBody, ReportBody,
};
use super::{CarryOver, Channel, Charset, FaceDoors, Format, Upload, import};
use crate::{
    base::{
        db,
        documents::Document,
        error::{Code, Error},
        http::{body, json::Json, problem::Problem, query::Path},
        idempotency::{Answer, Command},
        ids::MemberId,
        state::State,
    },
    staff::{Function, StaffCaller},
};

mod bodies;
mod bulk;
mod care;
mod checks;
mod companions;
mod faces;
mod own;
mod own_bodies;
mod proofs;
mod views;

/// What residents do for themselves.
/// `face_doors` knows what terminals hold, which belong to a domain above this one.
pub fn resident_routes(face_doors: FaceDoors) -> OpenApiRouter<State> {
    own::routes()
        .merge(checks::routes())
        .merge(companions::routes())
        .merge(proofs::routes())
        .merge(faces::routes(face_doors))
        .merge(views::routes())
}

/// Where a member's face is, for the desk.
pub fn desk_face_routes(face_doors: FaceDoors) -> OpenApiRouter<State> {
    faces::desk_routes(face_doors)
}

/// `carry_over` writes past minutes, which belong to a domain above this one.
pub fn routes(carry_over: CarryOver) -> OpenApiRouter<State> {
    let import = OpenApiRouter::new()
        .routes(routes!(import_file))
        .layer(Extension(carry_over))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(|request, next| body::allow(import::BYTES_MAX, request, next)));
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(show))
        .routes(routes!(record_consent))
        .routes(routes!(set_guardian))
        .routes(routes!(add_credential))
        .routes(routes!(approve))
        .merge(import)
        .merge(care::routes())
        .merge(bulk::routes())
        .merge(proofs::desk_routes())
        .merge(views::desk_routes())
}

/// Registers somebody whose document staff has seen.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members",
    tag = "members",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = NewMemberBody,
    responses(
        (status = 201, description = "Registered", body = MemberBody),
        (status = 403, description = "`guardian_required`: under 14 without a guardian"),
        (status = 404, description = "The community is not in the caller's division"),
        (status = 409, description = "`id_already_registered`, `phone_already_registered`, `consent_outdated`"),
        (status = 422, description = "A field is not acceptable"),
    ),
)]
async fn register(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<NewMemberBody>>,
) -> Result<Answer, Error> {
    by.require(Function::RegisterMembers, &body.home_community)?;
    let now = state.clock.now();
    let (new, actor) = (body.into_new(), by.actor());
    let done = stamp.once(&state.db, &actor, now, async |tx| {
        let id = super::register(tx, &state.keys, &new, Channel::Desk, &actor, now).await?;
        Ok((StatusCode::CREATED, after(&state, tx, &by, id, now).await?))
    });
    noted(&state, &actor, &new.document, done.await).await
}

/// A document that is shown twice is logged, by itself since the command has come to nothing.
async fn noted(
    state: &State,
    actor: &str,
    document: &Document,
    done: Result<Answer, Error>,
) -> Result<Answer, Error> {
    if matches!(done, Err(Error::Conflict(Code::IdAlreadyRegistered))) {
        let now = state.clock.now();
        super::note_duplicate(&state.db, &state.keys, document, actor, now).await?;
    }
    done
}

/// A member, masked. The member can read that it was looked at; a child under 14 is shown only with
/// leave (see `view-requests`).
#[utoipa::path(
    get,
    path = "/api/v1/staff/members/{id}",
    tag = "members",
    params(("id" = MemberId, Path)),
    responses(
        (status = 200, description = "The member", body = MemberBody),
        (status = 403, description = "`leave_required`: a child, seen only with leave"),
        (status = 404, description = "Nobody in the caller's division"),
    ),
)]
async fn show(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
) -> Result<Json<MemberBody>, Error> {
    let tx = db::begin(&state.db).await?;
    let profile = super::look_at(&tx, &state.keys, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    Ok(Json(profile.into()))
}

/// Records that a member agreed to something, or no longer does.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/consents",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ConsentBody,
    responses(
        (status = 201, description = "Recorded", body = MemberBody),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 409, description = "`consent_outdated`: the text has changed"),
        (status = 422, description = "`consent_order`: dated in the future, or before the last record"),
    ),
)]
async fn record_consent(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<ConsentBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::record_consent(tx, &by, id, &body.into(), now).await?;
            Ok((StatusCode::CREATED, after(&state, tx, &by, id, now).await?))
        })
        .await
}

/// Names the guardian of a minor.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/guardian",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = GuardianBody,
    responses(
        (status = 200, description = "Named", body = MemberBody),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 422, description = "`guardian_unfit`: no registered adult, or the ward is no minor"),
    ),
)]
async fn set_guardian(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<GuardianBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::set_guardian(tx, &state.keys, &by, id, body.guardian_id, now).await?;
            Ok((StatusCode::OK, after(&state, tx, &by, id, now).await?))
        })
        .await
}

/// Adds what doors know a member by.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/credentials",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = CredentialBody,
    responses(
        (status = 201, description = "Added", body = MemberBody),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 409, description = "`credential_taken`"),
        (status = 422, description = "A field is not acceptable"),
    ),
)]
async fn add_credential(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<CredentialBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::add_credential(tx, &by, id, body.into(), now).await?;
            Ok((StatusCode::CREATED, after(&state, tx, &by, id, now).await?))
        })
        .await
}

/// Permits a member something that venues ask for, or changes until when.
#[utoipa::path(
    put,
    path = "/api/v1/staff/members/{id}/approvals",
    tag = "members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ApprovalBody,
    responses(
        (status = 200, description = "Permitted", body = MemberBody),
        (status = 403, description = "The caller's role does not include it"),
        (status = 404, description = "Nobody in the caller's division"),
        (status = 422, description = "A field is not acceptable"),
    ),
)]
async fn approve(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<ApprovalBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::approve(tx, &by, id, body.into(), now).await?;
            Ok((StatusCode::OK, after(&state, tx, &by, id, now).await?))
        })
        .await
}

/// Takes over a file of members, dated consents and past minutes, whole or not at all.
///
/// CSV columns: `document_type`, `document_number`, `document_issued_by`, `name`, `birth_date`,
/// `sex`, `phone`, `home_community`, `registered_at`, `guardian_document_type`,
/// `guardian_document_number`, `guardian_document_issued_by`, a column a purpose of consent with
/// the day or instant of it, `consent_text_version`, `venue`, `day`, `minutes`. A row without a
/// name adds minutes to a member of an earlier row or one registered before. The content type may
/// name `charset=gb18030`. NDJSON lines hold
/// `document`, `name`, …, `guardian`, `consents` and `minutes` as objects and lists.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/import",
    tag = "members",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body(content((String = "text/csv"), (String = "application/x-ndjson"))),
    responses(
        (status = 201, description = "Taken over", body = ReportBody),
        (status = 400, description = "Not in the character set that the content type names"),
        (status = 403, description = "The caller's role does not include it"),
        (status = 415, description = "Neither CSV in UTF-8 or GB18030 nor NDJSON in UTF-8"),
        (status = 422, description = "Nothing was taken; `errors` points to `/{row}/{field}`, rows from 1"),
    ),
)]
async fn import_file(
    Of(state): Of<State>,
    by: StaffCaller,
    Extension(carry_over): Extension<CarryOver>,
    Command { stamp, body: File { format, charset, bytes } }: Command<File>,
) -> Result<Answer, Error> {
    by.require(Function::ImportMembers, &by.division)?;
    let (now, actor) = (state.clock.now(), by.actor());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let upload =
                Upload { bytes: &bytes, format, charset, within: &by.division, actor: &actor };
            let report = super::import(tx, &state.keys, &upload, &carry_over, now).await?;
            Ok((StatusCode::CREATED, ReportBody::from(report)))
        })
        .await
}

/// A file with the format that its content type names.
struct File {
    format: Format,
    charset: Charset,
    bytes: Bytes,
}

impl FromRequest<State> for File {
    type Rejection = Response;

    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        let named = request.headers().get(header::CONTENT_TYPE).and_then(|name| name.to_str().ok());
        let (format, charset) =
            Format::of_content_type(named.unwrap_or_default()).map_err(|code| {
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code).into_response()
            })?;
        let bytes =
            Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { format, charset, bytes })
    }
}

/// Every change answers with the member as it stands then.
async fn after(
    state: &State,
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<MemberBody, Error> {
    Ok(super::look_after(tx, &state.keys, by, id, now).await?.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    #[test]
    fn every_path_is_routed_and_described() {
        let carry_over: super::CarryOver = Arc::new(|_, _| Box::pin(async { Ok(Vec::new()) }));
        let (_, document) = super::routes(carry_over).split_for_parts();
        let paths: Vec<_> = document.paths.paths.keys().map(String::as_str).collect();
        let expected = [
            "/api/v1/staff/member-exports",
            "/api/v1/staff/member-exports/{id}",
            "/api/v1/staff/members",
            "/api/v1/staff/members/import",
            "/api/v1/staff/members/search",
            "/api/v1/staff/members/{id}",
            "/api/v1/staff/members/{id}/approvals",
            "/api/v1/staff/members/{id}/consents",
            "/api/v1/staff/members/{id}/credentials",
            "/api/v1/staff/members/{id}/desk-code",
            "/api/v1/staff/members/{id}/guardian",
            "/api/v1/staff/members/{id}/recovery-code",
            "/api/v1/staff/members/{id}/reinstatement",
            "/api/v1/staff/members/{id}/suspension",
            "/api/v1/staff/members/{id}/unmaskings",
            "/api/v1/staff/members/{id}/verification",
            "/api/v1/staff/members/{id}/view-requests",
            "/api/v1/staff/unmaskings/{id}",
            "/api/v1/staff/view-requests",
            "/api/v1/staff/view-requests/{id}/approve",
        ];
        assert_eq!(paths, expected);
    }
}
