//! Sessions of browsers over HTTP: signing in sets a cookie, and the page asks who it is.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State as Of,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{SignInBody, StaffBody};
use crate::{
    base::{
        error::Error,
        http::{json::Json, peer::ClientAddr},
        state::State,
    },
    staff::{
        self, Attempts, Function, Role, SignIn, StaffCaller,
        browser::{self, Presented},
    },
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(sign_in)).routes(routes!(current))
}

/// Who somebody is and what their page may offer.
#[derive(Serialize, ToSchema)]
#[schema(as = StaffSession)]
struct CurrentBody {
    staff: StaffBody,
    /// What the role includes, within the division. The server asks again at every call.
    functions: Vec<Function>,
    /// Send it as `Fitgate-Csrf` with whatever changes something; none without a cookie.
    csrf: Option<String>,
}

impl CurrentBody {
    fn new(staff: StaffBody, csrf: Option<String>) -> Self {
        let functions = functions_of(staff.role);
        Self { staff, functions, csrf }
    }
}

fn functions_of(role: Role) -> Vec<Function> {
    Function::ALL.into_iter().filter(|function| role.includes(*function)).collect()
}

/// Signs a browser in: the token goes into a cookie that no script can read.
#[utoipa::path(
    post,
    path = "/api/v1/staff/browser-sessions",
    tag = "staff",
    request_body = SignInBody,
    responses(
        (status = 201, description = "Signed in", body = CurrentBody, headers(
            ("Set-Cookie" = String, description = "`HttpOnly; Secure; SameSite=Strict`"),
        )),
        (status = 401, description = "`sign_in_failed`: name, password or code is wrong"),
        (status = 429, description = "`sign_in_locked`: five failures within 15 minutes"),
    ),
)]
async fn sign_in(
    Of(state): Of<State>,
    Extension(attempts): Extension<Arc<Attempts>>,
    from: Option<Extension<ClientAddr>>,
    Json(SignInBody { name, password, code }): Json<SignInBody>,
) -> Result<Response, Error> {
    let asked = SignIn { name, password, code };
    let (from, now) = (from.map(|Extension(ClientAddr(address))| address), state.clock.now());
    let signed_in = staff::sign_in(&state.db, &state.keys, &attempts, asked, from, now).await?;
    let cookie = [(header::SET_COOKIE, browser::kept(&signed_in.token)?)];
    let csrf = Some(browser::csrf(&signed_in.token));
    let body = CurrentBody::new(StaffBody::from(signed_in), csrf);
    Ok((StatusCode::CREATED, cookie, Json(body)).into_response())
}

/// Whose session this is, and what they may do.
#[utoipa::path(
    get,
    path = "/api/v1/staff/sessions/current",
    tag = "staff",
    responses(
        (status = 200, body = CurrentBody),
        (status = 401, description = "No session, or one that has ended"),
    ),
)]
async fn current(
    Of(state): Of<State>,
    presented: Presented,
    by: StaffCaller,
) -> Result<Json<CurrentBody>, Error> {
    let name = staff::name_of(&state.db, &by).await?;
    let staff = StaffBody { id: by.id, name, role: by.role, division: by.division };
    Ok(Json(CurrentBody::new(staff, presented.csrf())))
}
