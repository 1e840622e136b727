//! A request from a native terminal: its signature is checked over the very bytes that the handler
//! then reads. A refusal says its own code and our time, so that a device with a lost clock can
//! set it.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, OriginalUri, Request},
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::DatabaseConnection;
use secrecy::ExposeSecret as _;

use super::{
    Caches,
    keys::{self, KnownKey},
    signature::{self, Envelope, Scheme},
};
use crate::base::{
    error::{Code, Error},
    http::body,
    ids::{TerminalId, TerminalKeyId},
    keys::Keys,
    state::State,
};

#[cfg(test)]
mod tests;

/// Seconds by which a request's timestamp may differ from our time.
const SKEW_MAX_S: i64 = 300;
const NONCE_BYTES_MAX: usize = 64;

/// Our time in Unix seconds, and its signature by the terminal's key.
const TIME: HeaderName = HeaderName::from_static("fitgate-time");
const TIME_SIGNATURE: HeaderName = HeaderName::from_static("fitgate-time-signature");

/// The terminal that signed a request.
#[derive(Clone, Debug)]
pub struct TerminalCaller {
    pub id: TerminalId,
    /// In which local times that it reports are meant.
    pub time_zone: Tz,
    nonce: String,
}

impl TerminalCaller {
    /// The request's nonce, 1 to 64 characters.
    ///
    /// # Errors
    /// `Unauthenticated` when there is none.
    pub fn nonce(&self) -> Result<&str, Error> {
        if (1..=NONCE_BYTES_MAX).contains(&self.nonce.len()) {
            Ok(&self.nonce)
        } else {
            Err(Error::Unauthenticated(Code::NonceRequired))
        }
    }
}

/// A body whose bytes the terminal signed. As an extractor it needs [`Caches`] as an extension.
#[derive(Clone, Debug)]
pub struct SignedBody {
    pub caller: TerminalCaller,
    pub body: Bytes,
    /// When the request was read.
    pub received_at: DateTime<Utc>,
}

impl FromRequest<State> for SignedBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &State) -> Result<Self, Response> {
        let (parts, unread) = request.into_parts();
        let body = body::read(unread).await.map_err(IntoResponse::into_response)?;
        let now = state.clock.now();
        let caches = parts.extensions.get::<Caches>().cloned();
        let caches = caches.ok_or_else(|| {
            Error::internal(anyhow::anyhow!("terminals::Caches is no extension")).into_response()
        })?;
        let caller = check(&state.db, &state.keys, &caches, &parts, &body, now)
            .await
            .map_err(|refusal| refusal.into_response_at(now))?;
        Ok(Self { caller, body, received_at: now })
    }
}

/// Why a request is not taken, and the signature of our time for whoever signed it.
struct Refusal {
    error: Error,
    time_signature: Option<String>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, time_signature: None }
    }
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Error::Unauthenticated(code).into()
    }
}

impl Refusal {
    fn into_response_at(self, now: DateTime<Utc>) -> Response {
        let mut response = self.error.into_response();
        let headers = response.headers_mut();
        headers.insert(TIME, HeaderValue::from(now.timestamp()));
        if let Some(text) = self.time_signature.and_then(|text| text.parse().ok()) {
            headers.insert(TIME_SIGNATURE, text);
        }
        response
    }
}

async fn check(
    db: &DatabaseConnection,
    keys: &Keys,
    caches: &Caches,
    parts: &Parts,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<TerminalCaller, Refusal> {
    let signed = Signed::read(parts)?;
    let envelope = signed.envelope;
    let id: TerminalKeyId = envelope.key.parse().map_err(|_| Code::UnknownKey)?;
    let terminal: TerminalId = envelope.terminal.parse().map_err(|_| Code::UnknownKey)?;
    let key = caches.key(db, keys, id, now).await?;
    let key = key.filter(|key| key.terminal == terminal).ok_or(Code::UnknownKey)?;
    judge(&key, &signed, body, now)?;
    if !key.activated {
        keys::activate(db, terminal, id, now).await?;
        caches.forget(id).await;
    }
    let nonce = envelope.nonce.to_owned();
    Ok(TerminalCaller { id: terminal, time_zone: key.time_zone, nonce })
}

/// Whether this key signs this request now. The signature comes first: only who holds the key
/// learns what else is wrong.
fn judge(
    key: &Arc<KnownKey>,
    signed: &Signed,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let secret: &[u8] = key.secret.expose_secret();
    let scheme = signature::verify(secret, &signed.envelope, body, signed.signature);
    let scheme: Scheme = scheme.ok_or(Code::BadSignature)?;
    if key.revoked || key.expires_at.is_some_and(|until| until <= now) {
        return Err(Code::KeyRevoked.into());
    }
    let now_s = now.timestamp();
    if now_s.abs_diff(signed.timestamp_s) > SKEW_MAX_S.unsigned_abs() {
        let time_signature = signature::sign_time(scheme, secret, &signed.envelope, now_s);
        let error = Error::Unauthenticated(Code::ClockSkew);
        return Err(Refusal { error, time_signature: Some(time_signature) });
    }
    Ok(())
}

/// What a request says of itself.
struct Signed<'a> {
    envelope: Envelope<'a>,
    timestamp_s: i64,
    signature: &'a str,
}

impl<'a> Signed<'a> {
    fn read(parts: &'a Parts) -> Result<Self, Code> {
        let headers = &parts.headers;
        let timestamp = one(headers, "fitgate-timestamp")?;
        // As it was sent: a nested router sees less of it.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Ok(Self {
            envelope: Envelope {
                method: parts.method.as_str(),
                path_and_query: uri.path_and_query().map_or("/", |path| path.as_str()),
                terminal: one(headers, "fitgate-terminal")?,
                key: one(headers, "fitgate-key")?,
                timestamp,
                nonce: at_most_one(headers, "fitgate-nonce")?.unwrap_or_default(),
            },
            timestamp_s: timestamp.parse().map_err(|_| Code::MissingHeader)?,
            signature: one(headers, "fitgate-signature")?,
        })
    }
}

fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Code> {
    at_most_one(headers, name)?.ok_or(Code::MissingHeader)
}

/// A header sent twice would be read differently by those on the way.
fn at_most_one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Code> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Code::MissingHeader);
    }
    value.to_str().map(Some).map_err(|_| Code::MissingHeader)
}
