//! Whom devices hold that fetch their orders: once a day they are told to list it, and what they send
//! piece by piece is compared with the roster when it is whole.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, Condition, DatabaseConnection,
    EntityTrait as _, FromQueryResult, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Statement, Value, sea_query::OnConflict,
};

use super::{
    VendorTerminal,
    commands::{self, Order},
    comparison::{self, AGAIN_AFTER, EVERY},
    ledger, pins,
    rules::Family,
    tables::gateways::{
        terminal_link,
        terminal_listing::{Column, Entity, Model},
        terminal_roster,
    },
};
use crate::base::{db, error::Error, ids::TerminalId};

/// Terminals that are asked in one round.
const TERMINALS_MAX: i64 = 20;
/// How long the pieces of a list that never became whole are kept.
const KEPT: TimeDelta = TimeDelta::days(1);
/// Persons of one probe of a device that tells of single persons only; more where some were lost.
const PROBE: u64 = 20;
const PROBE_WHERE_SOME_WERE_LOST: u64 = 500;

#[derive(FromQueryResult)]
struct Due {
    id: TerminalId,
}

/// Tells devices that fetch their orders to list whom they hold, where it is time for it: those
/// that have been told of everybody, a day after they were claimed and every day since, and within
/// the hour where something differed.
pub async fn ask_those_due(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "SELECT t.id FROM terminals t JOIN terminal_links l ON l.terminal_id = t.id \
               LEFT JOIN terminal_ledgers d ON d.terminal_id = t.id \
               WHERE t.status = 'active' AND t.family IN ($1, $2, $6) AND l.keeps_roster \
               AND l.address IS NULL \
               AND l.roster_version IS NOT NULL AND t.created_at < $3 AND t.last_seen_at >= $4 \
               AND (d.roster_asked_at IS NULL OR d.roster_asked_at < $4) \
               AND (d.roster_compared_at IS NULL OR d.roster_compared_at < $3 \
               OR COALESCE(d.roster_missing, 0) + COALESCE(d.roster_extra, 0) > 0) \
               ORDER BY t.id LIMIT $5";
    let values: [Value; 6] = [
        Family::ZktecoAcc.as_str().into(),
        Family::Fcard.as_str().into(),
        (now - EVERY).into(),
        (now - AGAIN_AFTER).into(),
        TERMINALS_MAX.into(),
        Family::Uniubi.as_str().into(),
    ];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    for due in Due::find_by_statement(statement).all(db).await? {
        let tx = db::begin(db).await?;
        commands::queue(&tx, due.id, &[Order::ListPersons], "job:comparison", now).await?;
        ledger::asked(&tx, due.id, now).await?;
        tx.commit().await?;
    }
    Entity::delete_many().filter(Column::At.lt(now - KEPT)).exec(db).await?;
    Ok(())
}

/// Keeps a piece of a list, under the number of the command that asked for it.
pub async fn keep(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    number: i64,
    said: BTreeSet<String>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let terminal_id = known.terminal.id;
    let row = |pin| Model { terminal_id, number, pin, at: now }.into_active_model();
    let there = OnConflict::columns([Column::TerminalId, Column::Number, Column::Pin])
        .do_nothing()
        .to_owned();
    let tx = db::begin(db).await?;
    for pin in said {
        let insert = Entity::insert(row(pin)).on_conflict(there.clone());
        insert.exec_without_returning(&tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Compares a list that is whole now.
pub async fn compare(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    number: i64,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let of_terminal = Column::TerminalId.eq(known.terminal.id);
    let pieces = Condition::all().add(of_terminal).add(Column::Number.eq(number));
    let rows = Entity::find().filter(pieces.clone()).all(db).await?;
    let handles = pins::all(db, known.terminal.id).await?;
    let handle = |row: Model| handles.get(&row.pin).cloned().unwrap_or(row.pin);
    let listed: BTreeSet<String> = rows.into_iter().map(handle).collect();
    comparison::compare(db, known, &listed, now).await?;
    Entity::delete_many().filter(pieces).exec(db).await?;
    Ok(())
}

/// Some of the persons that a device should hold, by their numbers: what it says of each tells
/// whether it is blank. The ledger begins to count anew.
pub async fn probe(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let terminal = known.terminal.id;
    let many = ledger::some_were_lost(db, terminal).await?;
    let limit = if many { PROBE_WHERE_SOME_WERE_LOST } else { PROBE };
    let held = terminal_roster::Entity::find()
        .filter(terminal_roster::Column::TerminalId.eq(terminal))
        .filter(terminal_roster::Column::State.eq("held"))
        // Whoever was looked at last comes last.
        .order_by_asc(terminal_roster::Column::ChangedAt)
        .order_by_asc(terminal_roster::Column::Handle)
        .limit(limit)
        .all(db)
        .await?;
    let mut said = Vec::new();
    for row in held {
        said.extend(pins::number(db, known, &row.handle).await?);
    }
    let tx = db::begin(db).await?;
    ledger::compared(&tx, terminal, (0, 0), now).await?;
    tx.commit().await?;
    Ok(said)
}

/// Takes what a device says of one person: it is written again where it holds them no more.
pub async fn told(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    handle: &str,
    is_there: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let terminal = known.terminal.id;
    let tx = db::begin(db).await?;
    let key = (terminal, handle.to_owned());
    let row = terminal_roster::Entity::find_by_id(key).lock_exclusive().one(&tx).await?;
    let Some(row) = row.filter(|row| row.state == "held") else { return Ok(()) };
    if is_there {
        let mut row = row.into_active_model();
        row.changed_at = Set(now);
        row.update(&tx).await?;
    } else {
        terminal_roster::Entity::delete_by_id((terminal, row.handle)).exec(&tx).await?;
        ledger::lost_one(&tx, terminal, now).await?;
        if let Some(link) = terminal_link::Entity::find_by_id(terminal).one(&tx).await? {
            let mut link = link.into_active_model();
            link.roster_version = Set(None);
            link.update(&tx).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
