//! Keys of terminals: made here, shown once, stored sealed. Two are valid while one replaces the
//! other; the new one is active from its first use, and the old one dies a week later.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rand::RngCore as _;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, DatabaseConnection,
    EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
    QuerySelect as _, sea_query::Expr,
};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

use super::{
    ACTIVE, Caches, audited,
    signature::SECRET_BYTES,
    tables::{terminal, terminal_key},
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::{TerminalId, TerminalKeyId},
    keys::Keys,
};

/// How long an old key lives on after the new one was first used.
const OVERLAP: TimeDelta = TimeDelta::days(7);
/// Keys of a terminal that are valid at a time.
const VALID_KEYS_MAX: u64 = 2;
/// Where the secret is sealed: the ciphertext opens nowhere else.
const TABLE: &str = "terminal_keys";
const COLUMN: &str = "secret_ct";

/// A key as it is shown once, to be carried to the terminal.
pub struct IssuedKey {
    pub id: TerminalKeyId,
    /// base64url of 32 bytes.
    pub secret: SecretString,
}

impl fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key as requests are checked with it.
pub(super) struct KnownKey {
    pub terminal: TerminalId,
    /// In which local times that the terminal reports are meant.
    pub time_zone: Tz,
    pub secret: SecretBox<[u8; SECRET_BYTES]>,
    pub activated: bool,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked: bool,
}

pub(super) async fn issue(
    tx: &impl ConnectionTrait,
    keys: &Keys,
    terminal: TerminalId,
    now: DateTime<Utc>,
) -> Result<IssuedKey, Error> {
    let id = TerminalKeyId::new();
    let secret = SecretBox::init_with_mut(|bytes: &mut [u8; SECRET_BYTES]| {
        rand::rng().fill_bytes(bytes);
    });
    let row = terminal_key::Model {
        id,
        terminal_id: terminal,
        secret_ct: keys.seal(TABLE, COLUMN, &id.to_string(), secret.expose_secret()),
        created_at: now,
        activated_at: None,
        expires_at: None,
        revoked_at: None,
    };
    row.into_active_model().insert(tx).await?;
    Ok(IssuedKey { id, secret: BASE64.encode(secret.expose_secret()).into() })
}

/// Gives a terminal a second key.
///
/// # Errors
/// `NotFound` without such a terminal; `Conflict` when two keys are valid already.
pub async fn rotate_key(
    db: &DatabaseConnection,
    keys: &Keys,
    terminal: TerminalId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<IssuedKey, Error> {
    let tx = db::begin(db).await?;
    let row = terminal::Entity::find_by_id(terminal).lock_exclusive().one(&tx).await?;
    row.ok_or(Error::NotFound(Code::NotFound))?;
    let valid = terminal_key::Entity::find()
        .filter(terminal_key::Column::TerminalId.eq(terminal))
        .filter(terminal_key::Column::RevokedAt.is_null())
        .filter(
            Condition::any()
                .add(terminal_key::Column::ExpiresAt.is_null())
                .add(terminal_key::Column::ExpiresAt.gt(now)),
        )
        .count(&tx)
        .await?;
    if valid >= VALID_KEYS_MAX {
        return Err(Error::Conflict(Code::KeyRotating));
    }
    let issued = issue(&tx, keys, terminal, now).await?;
    audited(tx, by, "terminal_key_issued", terminal, now).await?;
    Ok(issued)
}

/// Ends a key: this process notices at once, every other within fifteen seconds. Doing it again changes
/// nothing.
///
/// # Errors
/// `NotFound` when the terminal has no such key.
pub async fn revoke_key(
    db: &DatabaseConnection,
    caches: &Caches,
    terminal: TerminalId,
    key: TerminalKeyId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let row = terminal_key::Entity::find_by_id(key)
        .filter(terminal_key::Column::TerminalId.eq(terminal))
        .one(&tx)
        .await?;
    row.ok_or(Error::NotFound(Code::NotFound))?;
    let revoked = terminal_key::Entity::update_many()
        .col_expr(terminal_key::Column::RevokedAt, Expr::value(now))
        .filter(terminal_key::Column::Id.eq(key))
        .filter(terminal_key::Column::RevokedAt.is_null())
        .exec(&tx)
        .await?;
    if revoked.rows_affected > 0 {
        audited(tx, by, "terminal_key_revoked", terminal, now).await?;
    }
    caches.forget(key).await;
    Ok(())
}

/// Reads and opens a key; nothing unless its terminal is in use.
pub(super) async fn find(
    db: &impl ConnectionTrait,
    keys: &Keys,
    id: TerminalKeyId,
) -> Result<Option<KnownKey>, Error> {
    let Some(row) = terminal_key::Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    let terminal = terminal::Entity::find_by_id(row.terminal_id).one(db).await?;
    let Some(terminal) = terminal.filter(|terminal| terminal.status == ACTIVE) else {
        return Ok(None);
    };
    let opened = keys.open(TABLE, COLUMN, &id.to_string(), &row.secret_ct)?;
    let bytes: [u8; SECRET_BYTES] = opened
        .try_into()
        .map_err(|_| anyhow::anyhow!("a terminal's key is not {SECRET_BYTES} bytes"))?;
    Ok(Some(KnownKey {
        terminal: row.terminal_id,
        time_zone: terminal.time_zone.parse().map_err(Error::internal)?,
        secret: SecretBox::new(Box::new(bytes)),
        activated: row.activated_at.is_some(),
        expires_at: row.expires_at,
        revoked: row.revoked_at.is_some(),
    }))
}

/// Notes a key's first use, and lets the terminal's older keys die in a week.
pub(super) async fn activate(
    db: &DatabaseConnection,
    terminal: TerminalId,
    key: TerminalKeyId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_key::Column;
    let tx = db::begin(db).await?;
    let first = terminal_key::Entity::update_many()
        .col_expr(Column::ActivatedAt, Expr::value(now))
        .filter(Column::Id.eq(key))
        .filter(Column::ActivatedAt.is_null())
        .exec(&tx)
        .await?;
    if first.rows_affected > 0 {
        terminal_key::Entity::update_many()
            .col_expr(Column::ExpiresAt, Expr::value(now + OVERLAP))
            .filter(Column::TerminalId.eq(terminal))
            .filter(Column::Id.lt(key))
            .filter(Column::ExpiresAt.is_null())
            .exec(&tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}
