//! A request from the mini-program: somebody who signed in, registered or not.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, TimeDelta, Utc};

use super::accounts;
use crate::base::{
    error::{Code, Error},
    http::bearer::bearer,
    ids::{AccountId, MemberId},
    state::State,
};

/// Somebody who signed in and may not be registered yet. As an extractor it refuses with 401.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// None for a token that the operator gave.
    pub account: Option<AccountId>,
    pub member: Option<MemberId>,
    /// The hash of the token they came with.
    pub(super) session: String,
    /// When they signed in.
    pub(super) since: DateTime<Utc>,
}

impl Visitor {
    /// Under what the caller's commands are known again: the same before and after registering.
    pub fn key(&self) -> String {
        match (self.account, self.member) {
            (Some(account), _) => format!("account:{account}"),
            (None, Some(member)) => format!("member:{member}"),
            (None, None) => "anonymous".to_owned(),
        }
    }

    /// How audit rows and `by` columns name the caller.
    pub fn actor(&self) -> String {
        match (self.member, self.account) {
            (Some(member), _) => format!("member:{member}"),
            (None, Some(account)) => format!("account:{account}"),
            (None, None) => "anonymous".to_owned(),
        }
    }
}

/// A registered member, suspended or not. As an extractor it refuses with 401 who has no good
/// token, and with 403 who has not registered.
#[derive(Clone, Debug)]
pub struct Resident {
    pub id: MemberId,
    pub account: Option<AccountId>,
    /// When they signed in.
    since: DateTime<Utc>,
}

/// How long somebody counts as having just signed in.
const FRESH: TimeDelta = TimeDelta::minutes(10);

impl Resident {
    /// Refuses (401) who signed in a while ago: a telephone may have changed hands since.
    pub fn require_fresh(&self, now: DateTime<Utc>) -> Result<(), Error> {
        if now - self.since > FRESH {
            return Err(Error::Unauthenticated(Code::FreshLoginRequired));
        }
        Ok(())
    }

    /// How audit rows and `by` columns name the caller: `member:<id>`.
    pub fn actor(&self) -> String {
        format!("member:{}", self.id)
    }
}

impl FromRequestParts<State> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let token = bearer(&parts.headers)?;
        accounts::find_visitor(&state.db, token, state.clock.now())
            .await?
            .ok_or(Error::Unauthenticated(Code::SessionEnded))
    }
}

impl FromRequestParts<State> for Resident {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let visitor = Visitor::from_request_parts(parts, state).await?;
        let id = visitor.member.ok_or(Error::Forbidden(Code::RegistrationRequired))?;
        if !accounts::is_registered(&state.db, id).await? {
            return Err(Error::Unauthenticated(Code::SessionEnded));
        }
        Ok(Self { id, account: visitor.account, since: visitor.since })
    }
}
