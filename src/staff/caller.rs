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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    fn code(text: &str) -> DivisionCode {
        text.parse().unwrap()
    }

    #[test]
    fn both_factors_are_fresh_for_ten_minutes() {
        let given = from_millis(1_795_420_800_000);
        let (id, session) = (StaffId::new(), String::new());
        let caller = StaffCaller::new(id, Role::City, code("3304"), session, given);
        assert!(caller.require_fresh(given).is_ok());
        let ten = given + TimeDelta::minutes(10);
        assert!(caller.require_fresh(ten).is_ok());
        let stale = caller.require_fresh(ten + TimeDelta::milliseconds(1));
        assert!(matches!(stale, Err(Error::Unauthenticated(Code::ConfirmationRequired))));
    }

    #[test]
    fn a_caller_may_do_what_their_role_may_in_their_division() {
        let caller = StaffCaller::for_tests(Role::District, code("330499"));
        let (inside, elsewhere) = (code("330499001001"), code("330498001001"));
        assert!(caller.require(Function::ReadAudit, &inside).is_ok());
        let missing = caller.require(Function::ManageWebhooks, &inside);
        assert!(matches!(missing, Err(Error::Forbidden(Code::Forbidden))));
        let unknown = caller.require(Function::ReadAudit, &elsewhere);
        assert!(matches!(unknown, Err(Error::NotFound(Code::NotFound))));
        assert!(caller.require_keeping(Role::Community, &inside).is_ok());
        assert!(caller.require_keeping(Role::District, &inside).is_err());
        assert!(caller.require_keeping(Role::Community, &elsewhere).is_err());
    }

    #[test]
    fn rows_name_a_caller_by_their_id_and_nothing_else() {
        let caller = StaffCaller::for_tests(Role::Venue, code("330499001001"));
        assert_eq!(caller.actor(), format!("staff:{}", caller.id));
    }
}
