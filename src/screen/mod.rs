//! The big screen: one document a division, its stream and its page. It only reads; the figures
//! come from the counters, or from SQL while those are lost, and the document says which.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use rand::RngCore;
use sea_orm::{ConnectionTrait, DbErr};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::base::ids::DivisionCode;

mod assemble;
mod board;
mod caller;
mod document;
mod figures;
mod hub;
mod life;
mod map;
mod map_faults;
mod maps;
mod page;
mod past;
mod people;
mod places;
mod ready;
mod routes;
mod stream;
mod tables;
mod tokens;

#[cfg(test)]
mod tests;

pub use hub::Hub;
pub use map::BYTES_MAX as MAP_BYTES_MAX;
pub use maps::{MapFile, MapTaken, remove_map, set_map};
pub use ready::{ROUTE as POLLED, ready};
pub use routes::{routes, staff_routes};
pub use tokens::{Label, hang, listed, take_down};

/// Random bytes of a screen token: far beyond what can be guessed.
const TOKEN_BYTES: usize = 32;

/// The SHA-256 of a screen token: all that is kept of it.
type TokenHash = [u8; 32];

/// A token that was just made.
#[derive(Debug)]
pub struct Added {
    /// What it is revoked by.
    pub id: Uuid,
    pub token: String,
}

/// Makes a read-only token for the screens of `division` and all that it covers. The token is
/// given once and cannot be found again: only its hash is stored.
pub async fn add(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    label: &str,
    now: DateTime<Utc>,
) -> Result<Added, DbErr> {
    let mut bytes = [0; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let id = Uuid::now_v7();
    let row = tables::Model {
        token_hash: hex::encode(hash(&token)),
        id,
        division: division.clone(),
        label: label.to_owned(),
        created_at: now,
        revoked_at: None,
    };
    tables::insert(db, row).await?;
    Ok(Added { id, token })
}

/// A token as the operator sees it: what it is for, never what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSeen {
    pub id: Uuid,
    pub division: DivisionCode,
    pub label: String,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Every token for screens within `division`, revoked ones too, by division and age; there are as
/// many as an operator added by hand.
pub async fn list(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<Vec<TokenSeen>, DbErr> {
    let rows = tables::within(db, division).await?;
    Ok(rows.into_iter().map(TokenSeen::from).collect())
}

impl From<tables::Model> for TokenSeen {
    fn from(row: tables::Model) -> Self {
        let tables::Model { id, division, label, created_at, revoked_at, .. } = row;
        Self { id, division, label, created_at, revoked_at }
    }
}

/// Ends a token. Servers that know it ask again within seconds and answer 401 from then on; open
/// streams end. False if there is no such token; one that was revoked before stays so.
pub async fn revoke(
    db: &impl ConnectionTrait,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    tables::revoke(db, id, now).await
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
