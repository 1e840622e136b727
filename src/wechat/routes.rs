//! Signing in through WeChat, and what its platform tells us, below `/api/v1/wechat`.
//!
//! | path | does |
//! | --- | --- |
//! | `POST /sessions` | signs in with a code of `wx.login` |
//! | `DELETE /sessions/current` | signs out |
//! | `GET /events` | proves to the platform that this address is ours |
//! | `POST /events` | takes a push: a revocation, the closing of an account |

use axum::{
    Extension,
    body::Bytes,
    extract::State as Of,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Erase, take_push};
use crate::{
    base::{
        error::{Code, Error},
        http::{json::Json, query::Query},
        ids::MemberId,
        state::State,
        wechat_api::{Envelope, Gate, OneTimeCode},
    },
    members::{self, Visitor},
};

/// `erase` destroys what links a member to a person, which is a matter of all domains.
pub fn routes(erase: Erase) -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(prove_address, take_event))
        .layer(Extension(erase))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WechatSignIn)]
struct SignInBody {
    /// Of `wx.login`; good once, for five minutes.
    #[schema(value_type = String, example = "0716AVll20uHk94SLDml27etM946AVlq")]
    code: OneTimeCode,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ResidentSession)]
struct SessionBody {
    /// Send it as `Authorization: Bearer …`.
    token: String,
    expires_at: DateTime<Utc>,
    /// Whether somebody registered with this WeChat account.
    registered: bool,
    member_id: Option<MemberId>,
}

/// Signs in with a code of `wx.login`.
#[utoipa::path(
    post,
    path = "/api/v1/wechat/sessions",
    tag = "residents",
    request_body = SignInBody,
    responses(
        (status = 201, description = "Signed in", body = SessionBody),
        (status = 401, description = "`wechat_code_invalid`, `wechat_code_used`"),
        (status = 403, description = "`wechat_risk`"),
        (status = 503, description = "`wechat_unavailable`"),
    ),
)]
async fn sign_in(
    Of(state): Of<State>,
    Json(body): Json<SignInBody>,
) -> Result<(StatusCode, Json<SessionBody>), Error> {
    let openid = state.wechat.openid(&body.code).await?;
    let signed_in = members::sign_in(&state.db, &state.keys, &openid, state.clock.now()).await?;
    let members::SignedIn { token, expires_at, member } = signed_in;
    let registered = member.is_some();
    let body = SessionBody { token, expires_at, registered, member_id: member };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Signs out: the token is worth nothing any more.
#[utoipa::path(
    delete,
    path = "/api/v1/wechat/sessions/current",
    tag = "residents",
    responses((status = 204, description = "Signed out"), (status = 401, description = "No session")),
)]
async fn sign_out(Of(state): Of<State>, caller: Visitor) -> Result<StatusCode, Error> {
    members::sign_out(&state.db, &caller, state.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the platform writes into the query of its calls; it may add more.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    signature: Option<String>,
    msg_signature: Option<String>,
    timestamp: String,
    nonce: String,
    echostr: Option<String>,
}

impl EventQuery {
    fn envelope(&self, signature: Option<&String>) -> Result<Envelope, Error> {
        let signature = signature.ok_or(Error::Unauthenticated(Code::BadSignature))?.clone();
        let (timestamp, nonce) = (self.timestamp.clone(), self.nonce.clone());
        Ok(Envelope { signature, timestamp, nonce })
    }
}

/// Proves to the platform that this address is ours: its text comes back as it is.
#[utoipa::path(
    get,
    path = "/api/v1/wechat/events",
    tag = "residents",
    params(EventQuery),
    responses(
        (status = 200, description = "`echostr`", body = String, content_type = "text/plain"),
        (status = 401, description = "`bad_signature`, `clock_skew`"),
        (status = 503, description = "`wechat_unavailable`: pushes are not set up"),
    ),
)]
async fn prove_address(
    Of(state): Of<State>,
    Query(query): Query<EventQuery>,
) -> Result<Response, Error> {
    let envelope = query.envelope(query.signature.as_ref())?;
    gate(&state)?.admits(&envelope, state.clock.now())?;
    Ok(query.echostr.unwrap_or_default().into_response())
}

/// Takes a push of the platform; the same push has one effect however often it comes.
#[utoipa::path(
    post,
    path = "/api/v1/wechat/events",
    tag = "residents",
    params(EventQuery),
    request_body(content = String, content_type = "application/json"),
    responses(
        (status = 200, description = "`success`", body = String, content_type = "text/plain"),
        (status = 401, description = "`bad_signature`, `clock_skew`"),
        (status = 503, description = "`wechat_unavailable`: pushes are not set up"),
    ),
)]
async fn take_event(
    Of(state): Of<State>,
    Extension(erase): Extension<Erase>,
    Query(query): Query<EventQuery>,
    body: Bytes,
) -> Result<&'static str, Error> {
    let now = state.clock.now();
    let envelope = query.envelope(query.msg_signature.as_ref())?;
    let delivery = gate(&state)?.open(&envelope, &body, now)?;
    take_push(&state.db, &state.keys, delivery, &erase, now).await?;
    Ok("success")
}

/// Seconds after which the platform may try an address that is not set up.
const NOT_SET_UP_RETRY_S: u32 = 3600;

fn gate(state: &State) -> Result<&Gate, Error> {
    state.wechat.gate().ok_or(Error::Unavailable(Code::WechatUnavailable, NOT_SET_UP_RETRY_S))
}
