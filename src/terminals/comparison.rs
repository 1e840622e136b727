//! Whom a device says that it holds against whom it should: what it has lost is written again, who
//! has left is deleted again, and the ledger says by how many it differed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseConnection,
    EntityTrait as _, IntoActiveModel as _, QueryFilter as _, sea_query::OnConflict,
};

use super::{
    VendorTerminal, ledger, roster,
    tables::gateways::{terminal_ledger, terminal_link, terminal_roster},
};
use crate::base::{db, error::Error, ids::MemberId};

/// Once a day, so that it falls into every part of it; sooner where something differed.
pub(super) const EVERY: TimeDelta = TimeDelta::hours(20);
pub(super) const AGAIN_AFTER: TimeDelta = TimeDelta::hours(1);

/// Whether it is time to ask a device whom it holds.
pub async fn is_due(
    db: &impl ConnectionTrait,
    known: &VendorTerminal,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let row = terminal_ledger::Entity::find_by_id(known.terminal.id).one(db).await?;
    let Some(row) = row else { return Ok(true) };
    let differed = row.roster_missing.unwrap_or(0) + row.roster_extra.unwrap_or(0) > 0;
    let every = if differed { AGAIN_AFTER } else { EVERY };
    Ok(row.roster_compared_at.is_none_or(|at| now - at >= every))
}

/// Compares what a device listed with what it should hold. Persons whom we never told it of are
/// counted, and left to the venue: somebody there may have put them in.
pub async fn compare(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    listed: &BTreeSet<String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (wanted, withdrawn) = roster::everybody(db, known.family, now).await?;
    let terminal = known.terminal.id;
    let tx = db::begin(db).await?;
    let rows = terminal_roster::Entity::find()
        .filter(terminal_roster::Column::TerminalId.eq(terminal))
        .all(&tx)
        .await?;
    let lost = rows.iter().filter(|row| row.state == "held" && !listed.contains(&row.handle));
    let lost: Vec<String> = lost.map(|row| row.handle.clone()).collect();
    let is_known = |handle: &String| rows.iter().any(|row| row.handle == *handle);
    let stays = listed.iter().filter(|handle| withdrawn.contains_key(*handle));
    let stays: Vec<&String> = stays.filter(|handle| !is_known(handle)).collect();
    let extra = listed.iter().filter(|handle| !wanted.contains_key(*handle)).count();
    terminal_roster::Entity::delete_many()
        .filter(terminal_roster::Column::TerminalId.eq(terminal))
        .filter(terminal_roster::Column::Handle.is_in(lost.clone()))
        .exec(&tx)
        .await?;
    for handle in &stays {
        held(&tx, known, handle, withdrawn[*handle], now).await?;
    }
    ledger::compared(&tx, terminal, (lost.len(), extra), now).await?;
    if !lost.is_empty() || !stays.is_empty() {
        let link = terminal_link::Entity::find_by_id(terminal).one(&tx).await?;
        if let Some(link) = link {
            let mut link = link.into_active_model();
            link.roster_version = Set(None);
            link.update(&tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Notes that a device holds somebody, so that it is told to forget them.
async fn held(
    tx: &impl ConnectionTrait,
    known: &VendorTerminal,
    handle: &str,
    member_id: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_roster::{Column, Entity, Model};
    let row = Model {
        terminal_id: known.terminal.id,
        handle: handle.to_owned(),
        member_id,
        state: "held".to_owned(),
        result_code: None,
        changed_at: now,
    };
    let there = OnConflict::columns([Column::TerminalId, Column::Handle]).do_nothing().to_owned();
    Entity::insert(row.into_active_model()).on_conflict(there).exec_without_returning(tx).await?;
    Ok(())
}
