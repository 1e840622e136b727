//! Which number a device knows a face by, where it takes short numbers only: one of the terminal's
//! own, given once and to nobody else ever after, since the device may hold it still and may send
//! records under it months later.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::{
    VendorTerminal,
    rules::pins::{next, own, stands_for_itself},
    tables::gateways::terminal_pin::{Column, Entity, Model},
};
use crate::base::{
    error::{Code, Error},
    ids::{MemberId, TerminalId},
};

/// Gives numbers to those persons who have none yet at this terminal. The terminal's row must be
/// locked: it is the lock of these numbers too.
///
/// # Errors
/// `Conflict` when the terminal's hundred million are used up.
pub(super) async fn give(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    persons: &[(String, MemberId)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let long = persons.iter().filter(|(handle, _)| !stands_for_itself(handle));
    let mut fresh: Vec<_> = long.cloned().collect();
    let handles = fresh.iter().map(|(handle, _)| handle.clone()).collect();
    let known = given(tx, terminal, handles).await?;
    fresh.retain(|(handle, _)| !known.contains_key(handle));
    if fresh.is_empty() {
        return Ok(());
    }
    let highest = Entity::find().filter(Column::TerminalId.eq(terminal));
    let mut highest = highest.order_by_desc(Column::Pin).one(tx).await?.map(|row| row.pin);
    for (handle, member_id) in fresh {
        let pin = next(highest).ok_or(Error::Conflict(Code::TooManyCommands))?;
        highest = Some(pin);
        let row = Model { terminal_id: terminal, pin, handle, member_id, given_at: now };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    }
    Ok(())
}

async fn given(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    handles: Vec<String>,
) -> Result<HashMap<String, i64>, Error> {
    let rows = Entity::find()
        .filter(Column::TerminalId.eq(terminal))
        .filter(Column::Handle.is_in(handles))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.handle, row.pin)).collect())
}

/// Under which number a terminal's device knows a handle: the handle itself, or the number that was
/// given to it; none where none was.
pub async fn number(
    db: &impl ConnectionTrait,
    known: &VendorTerminal,
    handle: &str,
) -> Result<Option<String>, Error> {
    if !known.family.takes_pins() || stands_for_itself(handle) {
        return Ok(Some(handle.to_owned()));
    }
    let mut found = given(db, known.terminal.id, vec![handle.to_owned()]).await?;
    Ok(found.remove(handle).map(|pin| pin.to_string()))
}

/// The handle behind a number that a terminal's device says; none where the number is nobody's of
/// ours, and stands for itself.
pub async fn handle_of(
    db: &impl ConnectionTrait,
    known: &VendorTerminal,
    said: &str,
) -> Result<Option<String>, Error> {
    let Some(pin) = own(said).filter(|_| known.family.takes_pins()) else { return Ok(None) };
    let row = Entity::find_by_id((known.terminal.id, pin)).one(db).await?;
    Ok(row.map(|row| row.handle))
}

/// All numbers of a terminal, and the handles behind them.
pub(super) async fn all(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
) -> Result<HashMap<String, String>, Error> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::Pin, Column::Handle])
        .filter(Column::TerminalId.eq(terminal))
        .into_tuple::<(i64, String)>()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(pin, handle)| (pin.to_string(), handle)).collect())
}
