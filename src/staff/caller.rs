//! A request from a member of staff: the extractor behind every `/api/v1/staff` route.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

use super::rules::{self, Function, Role};
use crate::base::{
    error::{Code, Error},
    ids::{DivisionCode, StaffId},
    state::State,
};

/// Somebody of staff with a live session. As an extractor it refuses with 401.
#[derive(Clone, Debug)]
pub struct StaffCaller {
    pub id: StaffId,
    pub role: Role,
    pub division: DivisionCode,
    /// The hash of the token they came with.
    session: String,
}

impl StaffCaller {
    pub(super) fn new(id: StaffId, role: Role, division: DivisionCode, session: String) -> Self {
        Self { id, role, division, session }
    }

    /// Somebody who signed in elsewhere.
    #[cfg(test)]
    pub fn for_tests(role: Role, division: DivisionCode) -> Self {
        Self::new(StaffId::new(), role, division, String::new())
    }

    /// Whether the caller may do `function` at `at`: 404 outside the own division, 403 inside it.
    pub fn require(&self, function: Function, at: &DivisionCode) -> Result<(), Error> {
        rules::check(self.role, &self.division, function, at)
    }

    /// How audit rows and `by` columns name the caller: `staff:<id>`.
    pub fn actor(&self) -> String {
        super::actor(self.id)
    }

    pub(super) fn session(&self) -> &str {
        &self.session
    }
}

impl FromRequestParts<State> for StaffCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let token = bearer(&parts.headers)?;
        super::find_session(&state.db, token, state.clock.now())
            .await?
            .ok_or(Error::Unauthenticated(Code::SessionEnded))
    }
}

/// The one bearer token of a request.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
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
