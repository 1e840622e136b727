//! Who may ask for a roll call while the database is away: whoever was let in to ask for one a
//! little before it went.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Extension, extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, Utc};

use crate::{
    base::{error::Error, keys::token_hash, state::State},
    staff::{self, Presented, StaffCaller},
};

/// People remembered; more are not on duty at once.
const KNOWN_MAX: usize = 1_000;

/// Whom this process has let in, by the hashes of their tokens, and when.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<HashMap<String, LetIn>>>);

type LetIn = (StaffCaller, DateTime<Utc>);

impl Known {
    fn remember(&self, token: String, caller: &StaffCaller, now: DateTime<Utc>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, at)| now < *at + staff::IDLE);
        if known.len() < KNOWN_MAX {
            known.insert(token, (caller.clone(), now));
        }
    }

    fn find(&self, token: &str, now: DateTime<Utc>) -> Option<StaffCaller> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (caller, at) = known.get(token)?;
        (now < *at + staff::IDLE).then(|| caller.clone())
    }
}

/// Somebody of staff, known to the database or, while it is away, to this process. Ending a
/// session takes effect when the database is back, or when the session would be idle for too long.
#[derive(Clone, Debug)]
pub struct OnDuty(pub StaffCaller);

impl FromRequestParts<State> for OnDuty {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let now = state.clock.now();
        let token = token_hash(&Presented::of(&parts.method, &parts.headers)?.token);
        let known = Extension::<Known>::from_request_parts(parts, state).await;
        let Extension(known) = known.map_err(|error| Error::internal(anyhow::anyhow!(error)))?;
        match StaffCaller::from_request_parts(parts, state).await {
            Ok(caller) => {
                known.remember(token, &caller, now);
                Ok(Self(caller))
            }
            Err(Error::Unavailable(code, seconds)) => {
                known.find(&token, now).map(Self).ok_or(Error::Unavailable(code, seconds))
            }
            Err(refused) => {
                // Who is refused now is not let in later.
                known.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&token);
                Err(refused)
            }
        }
    }
}
