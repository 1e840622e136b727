//! Queries and path parameters, read strictly: a name once, valid UTF-8, nothing unknown (types
//! deny unknown fields), and no value repeated in the refusal.

use axum::{
    extract::{FromRequestParts, rejection::PathRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::base::error::{Code, Error};

/// The query's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// The path's parameters.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        check(parts.uri.query().unwrap_or_default())?;
        let read = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        read.map(|query| Self(query.0)).map_err(|rejection| sort(&rejection.body_text()).into())
    }
}

/// A type that is read from a query may name its own code (see [`Code::from_wire`]); that is a
/// field that was understood (422), except for a page cursor. All else is malformed.
fn sort(said: &str) -> Error {
    match said.rsplit(": ").next().and_then(Code::from_wire) {
        Some(Code::BadCursor) => Error::Malformed(Code::BadCursor),
        Some(code) => Error::invalid("", code),
        None => Error::Malformed(Code::BadParameter),
    }
}

/// Parameters of one query; no form has as many.
const PARAMETERS_MAX: usize = 64;

fn check(query: &str) -> Result<(), Error> {
    let mut names = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name).ok_or(Error::Malformed(Code::InvalidUtf8))?;
        decode(value).ok_or(Error::Malformed(Code::InvalidUtf8))?;
        if names.contains(&name) {
            return Err(Error::Malformed(Code::DuplicateParameter));
        }
        names.push(name);
        if names.len() > PARAMETERS_MAX {
            return Err(Error::Malformed(Code::BadParameter));
        }
    }
    Ok(())
}

/// Percent-decoded text; nothing if it is no UTF-8, holds NUL or a broken escape.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let byte = match first {
            b'+' => b' ',
            b'%' => {
                let digits = rest.split_off(..2)?;
                let digit = |at: usize| char::from(digits[at]).to_digit(16);
                u8::try_from(digit(0)? * 16 + digit(1)?).ok()?
            }
            other => *other,
        };
        if byte == 0 {
            return None;
        }
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if decode(&parts.uri.path().replace('+', "%2B")).is_none() {
            return Err(Error::Malformed(Code::InvalidUtf8).into());
        }
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(path) => Ok(Self(path.0)),
            // Nothing bears a name that is not even a name.
            Err(PathRejection::FailedToDeserializePathParams(_)) => {
                Err(Error::NotFound(Code::NotFound).into())
            }
            Err(other) => Err(Error::internal(anyhow::anyhow!("path parameters: {other}")).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded_strictly() {
        assert!(check("").is_ok() && check("a=1&b=%E5%BC%A0+x&c").is_ok());
        for bad in ["a=%ff", "a=%00", "a=%", "a=%1", "a=%zz", "%c3=1", "a=%+1"] {
            assert!(matches!(check(bad), Err(Error::Malformed(Code::InvalidUtf8))), "{bad}");
        }
        for bad in ["a=1&a=2", "a=1&b=2&%61=3", "a&a"] {
            assert!(matches!(check(bad), Err(Error::Malformed(Code::DuplicateParameter))), "{bad}");
        }
    }
}
