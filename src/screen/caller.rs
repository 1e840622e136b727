//! A request from a screen: a read-only token that covers the division asked for.

use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderMap, HeaderValue, header, request::Parts},
};

use super::{Hub, TokenHash, hash};
use crate::base::{
    error::{Code, Error},
    ids::DivisionCode,
};

/// Longer than any token that we make.
const TOKEN_BYTES_MAX: usize = 128;

/// A screen that may see `division`.
pub struct Viewer {
    pub division: DivisionCode,
    pub token: TokenHash,
}

impl FromRequestParts<Hub> for Viewer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, hub: &Hub) -> Result<Self, Error> {
        let token =
            bearer(&parts.headers).ok_or(Error::Unauthenticated(Code::ScreenTokenInvalid))?;
        let token = hash(token);
        let own = hub.division_of(&token).await?;
        let own = own.ok_or(Error::Unauthenticated(Code::ScreenTokenInvalid))?;
        let Path(asked) = Path::<String>::from_request_parts(parts, hub)
            .await
            .map_err(|_unreadable| Error::NotFound(Code::NotFound))?;
        // Outside the token's division nothing is known to exist.
        match asked.parse::<DivisionCode>() {
            Ok(division) if own.covers(&division) => Ok(Self { division, token }),
            Ok(_) | Err(_) => Err(Error::NotFound(Code::NotFound)),
        }
    }
}

/// The token that the caller shows.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX;
    (fits && !token.is_empty()).then_some(token)
}

/// The versions that the caller has already: `If-None-Match`, kept without copying.
pub struct Known(Option<HeaderValue>);

impl<S: Sync> FromRequestParts<S> for Known {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts.headers.get(header::IF_NONE_MATCH)))
    }
}

impl Known {
    pub fn of(header: Option<&HeaderValue>) -> Self {
        Self(header.cloned())
    }

    /// Whether the caller has `etag`, compared weakly, as RFC 9110 says.
    pub fn has(&self, etag: &HeaderValue) -> bool {
        let Some(known) = &self.0 else { return false };
        if known == etag {
            return true;
        }
        let opaque = |tag: &[u8]| tag.strip_prefix(b"W/").unwrap_or(tag).to_vec();
        let etag = opaque(etag.as_bytes());
        known.as_bytes().split(|byte| *byte == b',').any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || opaque(tag) == etag
        })
    }
}
