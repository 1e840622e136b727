//! The bearer token of a request, read in one way for every kind of caller.

use axum::http::{HeaderMap, header};

use crate::base::error::{Code, Error};

/// The one bearer token of a request; refuses none (401) and two (400).
pub fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::Unauthenticated(Code::Unauthenticated))?;
    if values.next().is_some() {
        return Err(Error::Malformed(Code::DuplicateHeader));
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        return Ok(token);
    }
    Err(Error::Unauthenticated(Code::Unauthenticated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<String, Error> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn exactly_one_bearer_token_is_taken() {
        assert_eq!(read(&["Bearer abc"]).unwrap(), "abc");
        assert_eq!(read(&["bearer abc"]).unwrap(), "abc");
        for values in [&[][..], &["abc"], &["Basic abc"], &["Bearer "], &["Bearer"]] {
            assert!(matches!(read(values), Err(Error::Unauthenticated(_))), "{values:?}");
        }
        let twice = read(&["Bearer a", "Bearer b"]);
        assert!(matches!(twice, Err(Error::Malformed(Code::DuplicateHeader))));
    }
}
