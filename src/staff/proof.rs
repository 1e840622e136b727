//! Giving both factors again: before numbers are shown or many rows leave, and to change one's own
//! password. Failures count as those of a sign-in do.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    sea_query::Expr,
};

use super::{
    Attempts, Password, SignIn, StaffCaller, factors_match, locked_for, note, note_failure,
    tables::{staff, staff_sessions},
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::StaffId,
    keys::Keys,
};

/// Both factors of somebody who is signed in, and where they come from.
pub struct Proof<'a> {
    pub attempts: &'a Attempts,
    pub password: Password,
    /// Six digits of the authenticator app; each is taken once.
    pub code: String,
    pub from: Option<IpAddr>,
}

/// Takes both factors of the caller once more; for ten minutes the session counts as fresh.
/// Refuses (401) a wrong one, and (429) who failed too often.
pub async fn confirm(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    proof: Proof<'_>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = proved(db, keys, by, proof, now).await?;
    staff_sessions::Entity::update_many()
        .col_expr(staff_sessions::Column::ConfirmedAt, Expr::value(now))
        .filter(staff_sessions::COLUMN.token_hash.eq(by.session()))
        .exec(&tx)
        .await?;
    note(&tx, &by.actor(), "confirmed", Some(by.id), None, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes another password for the caller, and ends every other session of theirs.
pub async fn change_password(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    proof: Proof<'_>,
    new: Password,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = load(db, by.id).await?;
    new.check_strength(&row.name).map_err(|code| Error::invalid("/new_password", code))?;
    let hash = new.hash().await?;
    let tx = proved(db, keys, by, proof, now).await?;
    staff::Entity::update_many()
        .col_expr(staff::Column::PasswordHash, Expr::value(hash))
        .filter(staff::COLUMN.id.eq(by.id))
        .exec(&tx)
        .await?;
    end_sessions(&tx, by.id, Some(by.session()), now).await?;
    note(&tx, &by.actor(), "password_changed", Some(by.id), None, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Ends the sessions of an account, but for one.
pub(super) async fn end_sessions(
    tx: &DatabaseTransaction,
    id: StaffId,
    but: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut ended = staff_sessions::Entity::update_many()
        .col_expr(staff_sessions::Column::RevokedAt, Expr::value(now))
        .filter(staff_sessions::COLUMN.staff_id.eq(id))
        .filter(staff_sessions::COLUMN.revoked_at.is_null());
    if let Some(but) = but {
        ended = ended.filter(staff_sessions::COLUMN.token_hash.ne(but));
    }
    ended.exec(tx).await?;
    Ok(())
}

async fn load(db: &DatabaseConnection, id: StaffId) -> Result<staff::Model, Error> {
    let row = staff::Entity::find_by_id(id).one(db).await?;
    row.ok_or(Error::Unauthenticated(Code::SessionEnded))
}

/// A transaction in which the code's step has been used up.
async fn proved(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    proof: Proof<'_>,
    now: DateTime<Utc>,
) -> Result<DatabaseTransaction, Error> {
    let row = load(db, by.id).await?;
    let Proof { attempts, password, code, from } = proof;
    let locked = |seconds| Error::TooMany(Code::SignInLocked, seconds);
    attempts.count(&row.name, from, now).map_err(locked)?;
    if let Some(seconds) = locked_for(&row, now) {
        return Err(locked(seconds));
    }
    let asked = SignIn { name: row.name.clone(), password, code };
    if let Some((row, step)) = factors_match(keys, Some(&row), asked, now).await? {
        let tx = db::begin(db).await?;
        let used = staff::Entity::update_many()
            .col_expr(staff::Column::TotpLastStep, Expr::value(step))
            .filter(staff::COLUMN.id.eq(row.id))
            .filter(staff::COLUMN.totp_last_step.lt(step))
            .exec(&tx)
            .await?;
        if used.rows_affected == 1 {
            attempts.forgive(&row.name, from);
            return Ok(tx);
        }
    }
    note_failure(db, Some(by.id), now).await?;
    Err(Error::Unauthenticated(Code::ConfirmationFailed))
}
