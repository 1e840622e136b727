//! A request from a member of staff: the extractor behind every `/api/v1/staff` route.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    browser::Presented,
    rules::{self, Function, Role},
};
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
    /// When they last gave both factors.
    confirmed_at: DateTime<Utc>,
}

/// How long somebody counts as having just given both factors.
const FRESH: TimeDelta = TimeDelta::minutes(10);

impl StaffCaller {
    pub(super) fn new(
        id: StaffId,
        role: Role,
        division: DivisionCode,
        session: String,
        confirmed_at: DateTime<Utc>,
    ) -> Self {
        Self { id, role, division, session, confirmed_at }
    }

    /// Somebody who signed in elsewhere.
    #[cfg(test)]
    pub fn for_tests(role: Role, division: DivisionCode) -> Self {
        Self::new(StaffId::new(), role, division, String::new(), DateTime::default())
    }

    /// Refuses (401) who gave both factors a while ago: somebody else may sit there now.
    pub fn require_fresh(&self, now: DateTime<Utc>) -> Result<(), Error> {
        if now - self.confirmed_at > FRESH {
            return Err(Error::Unauthenticated(Code::ConfirmationRequired));
        }
        Ok(())
    }

    /// Whether the caller may keep the account of a `target` over `at`.
    pub(super) fn require_keeping(&self, target: Role, at: &DivisionCode) -> Result<(), Error> {
        rules::check_keeping(self.role, &self.division, target, at)
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
        let presented = Presented::of(&parts.method, &parts.headers)?;
        super::find_session(&state.db, &presented.token, state.clock.now())
            .await?
            .ok_or(Error::Unauthenticated(Code::SessionEnded))
    }
}
