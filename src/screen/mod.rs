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
mod page;
mod past;
mod people;
mod places;
mod routes;
mod stream;
mod tables;

#[cfg(test)]
mod tests;

pub use hub::Hub;
pub use routes::routes;

/// Random bytes of a screen token: far beyond what can be guessed.
const TOKEN_BYTES: usize = 32;

/// The SHA-256 of a screen token: all that is kept of it.
type TokenHash = [u8; 32];

/// Makes a read-only token for the screens of `division` and all that it covers. The token is
/// given once and cannot be found again: only its hash is stored.
pub async fn add(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    label: &str,
    now: DateTime<Utc>,
) -> Result<String, DbErr> {
    let mut bytes = [0; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let token = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let row = tables::Model {
        token_hash: hex::encode(hash(&token)),
        id: Uuid::now_v7(),
        division: division.clone(),
        label: label.to_owned(),
        created_at: now,
        revoked_at: None,
    };
    tables::insert(db, row).await?;
    Ok(token)
}

/// Revokes the live tokens that `division` has under `label`; tells how many those were. Screens
/// that hold one are told within seconds.
pub async fn revoke(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    label: &str,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    tables::revoke(db, division, label, now).await
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
