//! Accounts of staff over HTTP: keeping others', and proving and changing one's own.

use std::sync::Arc;

use axum::{Extension, extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            peer::ClientAddr,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::{DivisionCode, StaffId},
        page::{Page, Paging},
        state::State,
    },
    staff::{
        self, Account, Attempts, Change, Enrolling, Enrolment, Invitation, Password, Proof, Role,
        StaffCaller, StaffName,
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, invite))
        .routes(routes!(change))
        .routes(routes!(renew))
        .routes(routes!(enrol))
        .routes(routes!(confirm))
        .routes(routes!(change_password))
}

/// Somebody who works here.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffAccount)]
struct AccountBody {
    id: Uuid,
    name: String,
    role: String,
    division: String,
    /// `invited`: no password yet; `active`; `disabled`.
    status: String,
    created_at: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
}

impl From<Account> for AccountBody {
    fn from(account: Account) -> Self {
        let Account { id, name, role, division, status, created_at, last_seen_at } = account;
        Self { id, name, role, division, status, created_at, last_seen_at }
    }
}

/// The accounts within the caller's division.
#[utoipa::path(get, path = "/api/v1/staff/accounts", tag = "staff", params(Paging),
    responses((status = 200, body = Page<AccountBody>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AccountBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("staff accounts");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = staff::accounts(&state.db, &by, after, paging.limit.rows_to_read()).await?;
    let key = |account: &Account| (account.division.clone(), account.id);
    Ok(Json(Page::cut(rows, paging.limit, &list, key, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffInvitation)]
struct InviteBody {
    #[schema(value_type = String, example = "desk-2")]
    name: StaffName,
    /// One that ranks below the caller's own.
    role: Role,
    #[schema(example = "330499001001")]
    division: DivisionCode,
}

/// A code to enrol with.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffEnrolment)]
struct EnrolmentBody {
    id: StaffId,
    /// Shown once, good once, for a day.
    code: String,
    expires_at: DateTime<Utc>,
}

impl From<Enrolment> for EnrolmentBody {
    fn from(Enrolment { id, code, expires_at }: Enrolment) -> Self {
        Self { id, code, expires_at }
    }
}

/// Invites somebody. It takes no `Idempotency-Key`, because stored answers would hold the code; a
/// name is taken once.
#[utoipa::path(
    post,
    path = "/api/v1/staff/accounts",
    tag = "staff",
    request_body = InviteBody,
    responses(
        (status = 201, description = "Invited", body = EnrolmentBody),
        (status = 403, description = "The role does not rank below the caller's"),
        (status = 404, description = "Not in the caller's division"),
        (status = 409, description = "`staff_name_taken`"),
    ),
)]
async fn invite(
    Of(state): Of<State>,
    by: StaffCaller,
    Json(body): Json<InviteBody>,
) -> Result<(StatusCode, Json<EnrolmentBody>), Error> {
    let InviteBody { name, role, division } = body;
    let (new, now) = (Invitation { name, role, division }, state.clock.now());
    let enrolment = staff::invite(&state.db, &state.keys, &by, new, now).await?;
    Ok((StatusCode::CREATED, Json(enrolment.into())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffChange)]
struct ChangeBody {
    role: Option<Role>,
    division: Option<DivisionCode>,
    /// `false` ends its use and its sessions at once.
    enabled: Option<bool>,
}

/// Changes an account, at once also for sessions that run.
#[utoipa::path(
    patch,
    path = "/api/v1/staff/accounts/{id}",
    tag = "staff",
    params(
        ("id" = StaffId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "Changed", body = AccountBody),
        (status = 403, description = "`own_account`, or it does not rank below the caller's"),
        (status = 404, description = "None in the caller's division"),
    ),
)]
async fn change(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<StaffId>,
    Command { stamp, body: Json(body) }: Command<Json<ChangeBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let change =
                Change { role: body.role, division: body.division, is_enabled: body.enabled };
            let account = staff::change(tx, &by, id, &change, now).await?;
            Ok((StatusCode::OK, AccountBody::from(account)))
        })
        .await
}

/// Gives an account a new code: what it signed in with is worth nothing any more.
#[utoipa::path(
    post,
    path = "/api/v1/staff/accounts/{id}/enrolment",
    tag = "staff",
    params(("id" = StaffId, Path)),
    responses(
        (status = 201, description = "The code, shown once", body = EnrolmentBody),
        (status = 403, description = "`own_account`, or it does not rank below the caller's"),
        (status = 404, description = "None in the caller's division"),
    ),
)]
async fn renew(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<StaffId>,
) -> Result<(StatusCode, Json<EnrolmentBody>), Error> {
    let enrolment = staff::renew(&state.db, &by, id, state.clock.now()).await?;
    Ok((StatusCode::CREATED, Json(enrolment.into())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffEnrolling)]
struct EnrolBody {
    name: String,
    /// What the invitation said.
    code: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// The second factor, shown once.
#[derive(Serialize, ToSchema)]
#[schema(as = SecondFactor)]
struct FactorBody {
    /// Base32, for an authenticator app.
    totp_secret: String,
    /// What a QR code for the app holds.
    totp_url: String,
}

/// Sets the password of an invited account and makes its second factor.
#[utoipa::path(
    post,
    path = "/api/v1/staff/enrolments",
    tag = "staff",
    request_body = EnrolBody,
    responses(
        (status = 201, description = "Enrolled; sign in now", body = FactorBody),
        (status = 401, description = "`enrolment_failed`: name or code is wrong, used or old"),
        (status = 422, description = "`password_weak`"),
        (status = 429, description = "`sign_in_locked`: five failures within 15 minutes"),
    ),
)]
async fn enrol(
    Of(state): Of<State>,
    Extension(attempts): Extension<Arc<Attempts>>,
    from: Option<Extension<ClientAddr>>,
    Json(body): Json<EnrolBody>,
) -> Result<(StatusCode, Json<FactorBody>), Error> {
    let EnrolBody { name, code, password } = body;
    let from = from.map(|Extension(ClientAddr(address))| address);
    let asked = Enrolling { attempts: &attempts, name, code, password, from };
    let staff = staff::enrol(&state.db, &state.keys, asked, state.clock.now()).await?;
    let body = FactorBody { totp_secret: staff.totp_secret, totp_url: staff.totp_url };
    Ok((StatusCode::CREATED, Json(body)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffConfirmation)]
struct ConfirmBody {
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// Six digits of the authenticator app; each is taken once.
    #[schema(example = "123456")]
    code: String,
}

/// Gives both factors again: for ten minutes the session may show numbers and export rows.
#[utoipa::path(
    post,
    path = "/api/v1/staff/sessions/current/confirmation",
    tag = "staff",
    request_body = ConfirmBody,
    responses(
        (status = 204, description = "Confirmed"),
        (status = 401, description = "`confirmation_failed`"),
        (status = 429, description = "`sign_in_locked`: five failures within 15 minutes"),
    ),
)]
async fn confirm(
    Of(state): Of<State>,
    Extension(attempts): Extension<Arc<Attempts>>,
    (from, by): (Option<Extension<ClientAddr>>, StaffCaller),
    Json(ConfirmBody { password, code }): Json<ConfirmBody>,
) -> Result<StatusCode, Error> {
    let from = from.map(|Extension(ClientAddr(address))| address);
    let proof = Proof { attempts: &attempts, password, code, from };
    staff::confirm(&state.db, &state.keys, &by, proof, state.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPassword)]
struct PasswordBody {
    #[schema(value_type = String, format = Password)]
    password: Password,
    code: String,
    #[schema(value_type = String, format = Password)]
    new_password: Password,
}

/// Takes another password of one's own; every other session of the account ends.
#[utoipa::path(
    put,
    path = "/api/v1/staff/password",
    tag = "staff",
    request_body = PasswordBody,
    responses(
        (status = 204, description = "Changed"),
        (status = 401, description = "`confirmation_failed`"),
        (status = 422, description = "`password_weak`"),
        (status = 429, description = "`sign_in_locked`: five failures within 15 minutes"),
    ),
)]
async fn change_password(
    Of(state): Of<State>,
    Extension(attempts): Extension<Arc<Attempts>>,
    (from, by): (Option<Extension<ClientAddr>>, StaffCaller),
    Json(PasswordBody { password, code, new_password }): Json<PasswordBody>,
) -> Result<StatusCode, Error> {
    let from = from.map(|Extension(ClientAddr(address))| address);
    let proof = Proof { attempts: &attempts, password, code, from };
    let (db, keys, now) = (&state.db, &state.keys, state.clock.now());
    staff::change_password(db, keys, &by, proof, new_password, now).await?;
    Ok(StatusCode::NO_CONTENT)
}
