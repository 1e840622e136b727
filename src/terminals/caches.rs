//! What a process remembers of terminals for a few seconds: their keys, so that a signed request
//! costs no query, and the version of the roster. One value a process, shared by its clones.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use sea_orm::ConnectionTrait;

use super::keys::{self, KnownKey};
use crate::{
    base::{error::Error, ids::TerminalKeyId, keys::Keys},
    members::roster,
};

/// A revocation holds everywhere after this long.
const KEY_SECONDS: i64 = 10;
/// Keys remembered, and as many ids that are none.
const KEYS_MAX: u64 = 20_000;
/// A change of the roster is noticed after this long.
const ROSTER_SECONDS: i64 = 30;

/// Cheap to clone.
#[derive(Clone)]
pub struct Caches {
    keys: Cache<TerminalKeyId, Arc<Remembered>>,
    roster: Arc<Mutex<Option<RosterVersion>>>,
}

/// When it was read, and what it was.
type RosterVersion = (DateTime<Utc>, String);

struct Remembered {
    read_at: DateTime<Utc>,
    /// `None`: there is no such key. That is remembered too, or guesses would reach SQL.
    key: Option<Arc<KnownKey>>,
}

impl Default for Caches {
    fn default() -> Self {
        let keys = Cache::builder()
            .max_capacity(KEYS_MAX)
            .time_to_live(Duration::from_secs(KEY_SECONDS.unsigned_abs()))
            .build();
        Self { keys, roster: Arc::default() }
    }
}

impl Caches {
    /// A key as it was at most ten seconds ago. Of many requests that miss it, one asks SQL.
    pub(super) async fn key(
        &self,
        db: &impl ConnectionTrait,
        keys: &Keys,
        id: TerminalKeyId,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<KnownKey>>, Error> {
        if let Some(known) = self.keys.get(&id).await {
            if is_fresh(known.read_at, now, KEY_SECONDS) {
                return Ok(known.key.clone());
            }
            self.keys.invalidate(&id).await;
        }
        let read = async {
            let key = keys::find(db, keys, id).await?.map(Arc::new);
            Ok::<_, Error>(Arc::new(Remembered { read_at: now, key }))
        };
        let known = self.keys.try_get_with(id, read).await.map_err(|error| again(&error))?;
        Ok(known.key.clone())
    }

    /// Forgets a key that has just changed, so that this process notices at once.
    pub(super) async fn forget(&self, id: TerminalKeyId) {
        self.keys.invalidate(&id).await;
    }

    /// The roster's version as it was at most half a minute ago.
    pub(super) async fn roster_version(
        &self,
        db: &impl ConnectionTrait,
        now: DateTime<Utc>,
    ) -> Result<String, Error> {
        let remembered = self.roster.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, version)) = remembered
            && is_fresh(read_at, now, ROSTER_SECONDS)
        {
            return Ok(version);
        }
        let version = roster::version(db, now).await?;
        *self.roster.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, version.clone()));
        Ok(version)
    }
}

/// By the clock that everything else goes by; one that was set back makes everything stale.
fn is_fresh(read_at: DateTime<Utc>, now: DateTime<Utc>, seconds: i64) -> bool {
    (TimeDelta::zero()..TimeDelta::seconds(seconds)).contains(&(now - read_at))
}

/// The same refusal for everyone who waited for the one query.
fn again(error: &Error) -> Error {
    match error {
        Error::Unavailable(code, seconds) => Error::Unavailable(*code, *seconds),
        other => Error::Internal(anyhow::anyhow!("a terminal's key cannot be read: {other:?}")),
    }
}
