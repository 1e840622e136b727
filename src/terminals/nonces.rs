//! Nonces of signed requests that have an effect and no record id: each works once. In SQL, so
//! that it works once on all replicas together. A job removes those that have expired.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use super::tables::terminal_nonce::{Column, Entity, Model};
use crate::base::{
    error::{Code, Error},
    ids::TerminalId,
};

/// Longer than the window of timestamps in both directions, so a replay meets one or the other.
const KEPT: TimeDelta = TimeDelta::minutes(10);

/// Uses a nonce up, in the transaction of what it guards.
///
/// # Errors
/// `Unauthenticated` when it was used before.
pub(super) async fn spend(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    nonce: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = Model { terminal_id: terminal, nonce: nonce.to_owned(), expires_at: now + KEPT };
    let spent = Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([Column::TerminalId, Column::Nonce])
                .update_column(Column::ExpiresAt)
                .action_and_where(Expr::col((Entity, Column::ExpiresAt)).lte(now))
                .to_owned(),
        )
        .exec_without_returning(tx)
        .await?;
    if spent == 0 { Err(Error::Unauthenticated(Code::NonceReused)) } else { Ok(()) }
}
