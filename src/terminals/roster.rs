//! Whom a vendor's terminal holds against whom it should hold: the differences become orders,
//! removals first. And what terminals answer about single persons.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseConnection,
    EntityTrait as _, FromQueryResult, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Statement, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{
    Caches, VendorTerminal,
    commands::{self, Order},
    tables::gateways::{roster_receipt, terminal_link, terminal_roster},
};
use crate::{
    base::{
        db,
        error::Error,
        ids::{MemberId, TerminalId},
    },
    members::roster as members,
};

/// Persons whose orders are queued at once; the next ones when these are settled.
const PIECE: usize = 50;
/// Rows of the roster that are read at once.
const PAGE: u64 = 1_000;
/// How long a person whom a device would not forget is left alone before it is told again.
const STUCK_FOR: TimeDelta = TimeDelta::hours(1);
/// Receipts that leave nothing to do.
const SETTLED: [&str; 2] = ["added", "removed"];
/// Digits that every device of every family takes for a person's number.
const HANDLE_DIGITS_MAX: usize = 9;

/// Queues what the terminal lacks and what it must forget, if its roster is out of date and it has
/// nothing else to do.
pub async fn keep_up(
    db: &DatabaseConnection,
    caches: &Caches,
    known: &VendorTerminal,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !known.keeps_roster() {
        return Ok(());
    }
    let version = caches.roster_version(db, now).await?;
    if known.roster_version() == Some(version.as_str()) {
        return Ok(());
    }
    let wanted = wanted(db, now).await?;
    let tx = db::begin(db).await?;
    let terminal = known.terminal.id;
    let rows = terminal_roster::Entity::find()
        .filter(terminal_roster::Column::TerminalId.eq(terminal))
        .order_by_asc(terminal_roster::Column::Handle)
        .all(&tx)
        .await?;
    let (orders, unsettled) = differences(&wanted, &rows, now);
    if orders.is_empty() && !unsettled {
        let link = terminal_link::Entity::find_by_id(terminal).one(&tx).await?;
        if let Some(link) = link {
            let mut link = link.into_active_model();
            link.roster_version = Set(Some(version));
            link.update(&tx).await?;
        }
    }
    let taken = commands::queue(&tx, terminal, &orders, "job:roster", now).await?.len();
    for order in &orders[..taken] {
        note(&tx, terminal, &wanted, order, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// A person whom terminals hold.
struct Wanted {
    handle: String,
    member: MemberId,
}

/// Everybody whom terminals of vendors can hold, by handle: faces under a number without a leading
/// zero. No name and no document goes with it.
async fn wanted(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<Wanted>, Error> {
    let mut wanted = Vec::new();
    let mut after = None;
    loop {
        let rows = members::page(db, after.take(), PAGE, now).await?;
        after = rows.last().map(members::RosterRow::key);
        let held = rows.into_iter().filter(|row| row.holds() && is_number(&row.handle));
        let faces = held.filter(|row| row.kind == "face");
        wanted.extend(faces.map(|row| Wanted { member: row.member(), handle: row.handle }));
        if after.is_none() {
            break;
        }
    }
    wanted.sort_by(|a, b| a.handle.cmp(&b.handle));
    Ok(wanted)
}

fn is_number(handle: &str) -> bool {
    (1..=HANDLE_DIGITS_MAX).contains(&handle.len())
        && handle.bytes().all(|byte| byte.is_ascii_digit())
        && !handle.starts_with('0')
}

/// At most a piece of orders, removals first; and whether earlier ones are not settled yet.
fn differences(
    wanted: &[Wanted],
    rows: &[terminal_roster::Model],
    now: DateTime<Utc>,
) -> (Vec<Order>, bool) {
    let is_wanted = |of: &str| wanted.binary_search_by(|w| w.handle.as_str().cmp(of)).is_ok();
    let is_there = |of: &str| rows.binary_search_by(|r| r.handle.as_str().cmp(of)).is_ok();
    let waits = |row: &terminal_roster::Model| match row.state.as_str() {
        "leaving" => true,
        "stuck" => now - row.changed_at < STUCK_FOR,
        _ => false,
    };
    let leaving = rows.iter().filter(|row| !waits(row) && !is_wanted(&row.handle));
    let leaving = leaving.map(|row| Order::RemovePerson { handle: row.handle.clone() });
    let coming = wanted.iter().filter(|wanted| !is_there(&wanted.handle));
    let coming = coming.map(|wanted| Order::HoldPerson { handle: wanted.handle.clone() });
    let unsettled = rows.iter().any(|row| ["sent", "leaving"].contains(&row.state.as_str()));
    (leaving.chain(coming).take(PIECE).collect(), unsettled)
}

/// Notes that an order is on its way.
async fn note(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    wanted: &[Wanted],
    order: &Order,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_roster::{Column, Entity, Model};
    let (handle, state) = match order {
        Order::HoldPerson { handle } => (handle, "sent"),
        Order::RemovePerson { handle } => (handle, "leaving"),
        Order::OpenDoor { .. } | Order::Restart | Order::QueryRecords { .. } | Order::SyncTime => {
            return Ok(());
        }
    };
    let member = wanted.iter().find(|wanted| wanted.handle == *handle);
    let row = Model {
        terminal_id: terminal,
        handle: handle.clone(),
        member_id: member.map_or(MemberId(Uuid::nil()), |wanted| wanted.member),
        state: state.to_owned(),
        result_code: None,
        changed_at: now,
    };
    let known = OnConflict::columns([Column::TerminalId, Column::Handle])
        .update_columns([Column::State, Column::ResultCode, Column::ChangedAt])
        .to_owned();
    Entity::insert(row.into_active_model()).on_conflict(known).exec_without_returning(tx).await?;
    Ok(())
}

/// Notes what a device made of a person.
pub(super) async fn settled(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    order: &Order,
    done: bool,
    code: Option<i64>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_roster::Entity;
    let (handle, state) = match order {
        Order::HoldPerson { handle } if done => (handle, "held"),
        Order::HoldPerson { handle } => (handle, "refused"),
        Order::RemovePerson { handle } if done => {
            Entity::delete_by_id((terminal, handle.clone())).exec(tx).await?;
            return Ok(());
        }
        // It is told again with a later change of the roster.
        Order::RemovePerson { handle } => (handle, "stuck"),
        Order::OpenDoor { .. } | Order::Restart | Order::QueryRecords { .. } | Order::SyncTime => {
            return Ok(());
        }
    };
    let Some(row) = Entity::find_by_id((terminal, handle.clone())).one(tx).await? else {
        return Ok(());
    };
    let mut row = row.into_active_model();
    row.state = Set(state.to_owned());
    row.result_code = Set(code);
    row.changed_at = Set(now);
    row.update(tx).await?;
    Ok(())
}

/// Whether the terminal is to hold the person under this number.
pub async fn holds(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    handle: &str,
) -> Result<bool, Error> {
    let row = terminal_roster::Entity::find_by_id((terminal, handle.to_owned())).one(db).await?;
    Ok(row.is_some_and(|row| ["sent", "held"].contains(&row.state.as_str())))
}

/// Forgets whom the terminal holds, so that a blank device is filled again from zero.
pub async fn refill(tx: &impl ConnectionTrait, terminal: TerminalId) -> Result<(), Error> {
    terminal_roster::Entity::delete_many()
        .filter(terminal_roster::Column::TerminalId.eq(terminal))
        .exec(tx)
        .await?;
    let link = terminal_link::Entity::find_by_id(terminal).one(tx).await?;
    if let Some(link) = link {
        let mut link = link.into_active_model();
        link.roster_version = Set(None);
        link.update(tx).await?;
    }
    Ok(())
}

/// What a native terminal made of one member's handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub member: MemberId,
    pub result: &'static str,
}

/// Keeps the newest receipt of each member.
pub async fn receive(
    db: &DatabaseConnection,
    terminal: TerminalId,
    mut receipts: Vec<Receipt>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use roster_receipt::{Column, Entity, Model};
    receipts.sort_by_key(|receipt| receipt.member);
    let tx = db::begin(db).await?;
    for receipt in receipts {
        let row = Model {
            terminal_id: terminal,
            member_id: receipt.member,
            result: receipt.result.to_owned(),
            at: now,
        };
        let known = OnConflict::columns([Column::TerminalId, Column::MemberId])
            .update_columns([Column::Result, Column::At])
            .to_owned();
        let insert = Entity::insert(row.into_active_model()).on_conflict(known);
        insert.exec_without_returning(&tx).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// How a terminal's roster stands: how many persons in each state.
#[derive(Clone, Debug, FromQueryResult, PartialEq, Eq)]
pub struct RosterCount {
    pub state: String,
    pub persons: i64,
}

/// Counts the persons of a terminal by state, a native one's by their receipts.
pub async fn counts(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
) -> Result<Vec<RosterCount>, Error> {
    let sql = "SELECT state, COUNT(*) AS persons FROM terminal_roster WHERE terminal_id = $1 \
               GROUP BY state UNION ALL SELECT result AS state, COUNT(*) AS persons \
               FROM roster_receipts WHERE terminal_id = $1 GROUP BY result ORDER BY 1";
    let values = [terminal.0.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(RosterCount::find_by_statement(statement).all(db).await?)
}

/// Persons of each terminal whom it did not take or would not forget; a native one's by receipts.
pub(super) async fn mismatches(
    db: &impl ConnectionTrait,
    terminals: &[TerminalId],
) -> Result<HashMap<TerminalId, i64>, Error> {
    let mut found = HashMap::new();
    let held = terminal_roster::Entity::find()
        .select_only()
        .column(terminal_roster::Column::TerminalId)
        .column_as(terminal_roster::Column::Handle.count(), "persons")
        .filter(terminal_roster::Column::TerminalId.is_in(terminals.iter().copied()))
        .filter(terminal_roster::Column::State.is_in(["refused", "stuck"]))
        .group_by(terminal_roster::Column::TerminalId)
        .into_tuple::<(TerminalId, i64)>()
        .all(db)
        .await?;
    let received = roster_receipt::Entity::find()
        .select_only()
        .column(roster_receipt::Column::TerminalId)
        .column_as(roster_receipt::Column::MemberId.count(), "persons")
        .filter(roster_receipt::Column::TerminalId.is_in(terminals.iter().copied()))
        .filter(roster_receipt::Column::Result.is_not_in(SETTLED))
        .group_by(roster_receipt::Column::TerminalId)
        .into_tuple::<(TerminalId, i64)>()
        .all(db)
        .await?;
    for (terminal, persons) in held.into_iter().chain(received) {
        *found.entry(terminal).or_default() += persons;
    }
    Ok(found)
}
