//! Signing in and out, and the accounts of staff, below `/api/v1/staff`:
//!
//! | path | does |
//! | --- | --- |
//! | `POST /sessions` | signs in with password and one-time code |
//! | `POST /browser-sessions` | the same for a browser, which gets a cookie |
//! | `GET /sessions/current` | who one is, and what one may do |
//! | `DELETE /sessions/current` | signs out |
//! | `POST /sessions/current/confirmation` | gives both factors again, for exports and unmasking |
//! | `PUT /password` | takes another password of one's own |
//! | `GET /accounts`, `POST /accounts` | who works here; invites somebody with a one-time code |
//! | `PATCH /accounts/{id}` | role, division, or the end of an account's use |
//! | `POST /accounts/{id}/enrolment` | gives an account a new code to enrol with |
//! | `GET /audit`, `GET /audit/heads` | who did what; the ends of the chains day by day |
//! | `POST /enrolments` | sets the password of an invited account, makes its second factor |
//!
//! And the console itself: `GET /staff` and its files below `/staff/page`.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State as Of,
    http::{HeaderName, HeaderValue, StatusCode, header},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Attempts, Password, Role, SignIn, SignedIn, StaffCaller};
use crate::base::{
    error::Error,
    http::{json::Json, peer::ClientAddr},
    ids::{DivisionCode, StaffId},
    state::State,
};

mod accounts;
mod audit;
mod browser;
mod page;

/// Failed attempts are remembered as long as the router lives.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .merge(accounts::routes())
        .merge(audit::routes())
        .merge(browser::routes())
        .merge(page::routes())
        .layer(Extension(Arc::new(Attempts::default())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    #[schema(example = "desk-1")]
    name: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// Six digits of the authenticator app; each is taken once.
    #[schema(example = "123456")]
    code: String,
}

#[derive(Serialize, ToSchema)]
struct SessionBody {
    /// Send it as `Authorization: Bearer …`. It ends after 30 minutes without use.
    token: String,
    expires_at: DateTime<Utc>,
    staff: StaffBody,
}

#[derive(Serialize, ToSchema)]
struct StaffBody {
    id: StaffId,
    name: String,
    role: Role,
    division: DivisionCode,
}

impl From<SignedIn> for SessionBody {
    fn from(signed_in: SignedIn) -> Self {
        let (token, expires_at) = (signed_in.token.clone(), signed_in.expires_at);
        Self { token, expires_at, staff: signed_in.into() }
    }
}

impl From<SignedIn> for StaffBody {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { id, name, role, division, .. } = signed_in;
        Self { id, name, role, division }
    }
}

/// Signs in with name, password and one-time code.
#[utoipa::path(
    post,
    path = "/api/v1/staff/sessions",
    tag = "staff",
    request_body = SignInBody,
    responses(
        (status = 201, description = "Signed in", body = SessionBody),
        (status = 401, description = "`sign_in_failed`: name, password or code is wrong"),
        (status = 429, description = "`sign_in_locked`: five failures within 15 minutes"),
    ),
)]
async fn sign_in(
    Of(state): Of<State>,
    Extension(attempts): Extension<Arc<Attempts>>,
    from: Option<Extension<ClientAddr>>,
    Json(body): Json<SignInBody>,
) -> Result<(StatusCode, Json<SessionBody>), Error> {
    let SignInBody { name, password, code } = body;
    let asked = SignIn { name, password, code };
    let from = from.map(|Extension(ClientAddr(address))| address);
    let now = state.clock.now();
    let signed_in = super::sign_in(&state.db, &state.keys, &attempts, asked, from, now).await?;
    Ok((StatusCode::CREATED, Json(signed_in.into())))
}

/// Signs out: the token is worth nothing any more, and a browser forgets its cookie.
#[utoipa::path(
    delete,
    path = "/api/v1/staff/sessions/current",
    tag = "staff",
    responses((status = 204, description = "Signed out"), (status = 401, description = "No session")),
)]
async fn sign_out(Of(state): Of<State>, caller: StaffCaller) -> Result<SignedOut, Error> {
    super::sign_out(&state.db, &caller, state.clock.now()).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, super::browser::forgotten()?)]))
}

type SignedOut = (StatusCode, [(HeaderName, HeaderValue); 1]);

#[cfg(test)]
mod tests {
    #[test]
    fn every_path_is_routed_and_described() {
        let (_, document) = super::routes().split_for_parts();
        let paths: Vec<_> = document.paths.paths.keys().map(String::as_str).collect();
        let expected = [
            "/api/v1/staff/accounts",
            "/api/v1/staff/accounts/{id}",
            "/api/v1/staff/accounts/{id}/enrolment",
            "/api/v1/staff/audit",
            "/api/v1/staff/audit/heads",
            "/api/v1/staff/browser-sessions",
            "/api/v1/staff/enrolments",
            "/api/v1/staff/password",
            "/api/v1/staff/sessions",
            "/api/v1/staff/sessions/current",
            "/api/v1/staff/sessions/current/confirmation",
            "/staff",
            "/staff/page/{file}",
        ];
        assert_eq!(paths, expected);
    }
}
