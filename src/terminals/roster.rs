//! Whom a vendor's terminal holds against whom it should hold: the differences become orders,
//! removals first. And what terminals answer about single persons.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::Set,
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, EntityTrait as _, FromQueryResult,
    IntoActiveModel as _, QueryFilter as _, QuerySelect as _, Statement,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{
    Caches, VendorTerminal,
    commands::{self, Order},
    faces, pins,
    rules::{Family, pins::is_short_number},
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
    let (wanted, _) = everybody(db, known.family, now).await?;
    let tx = db::begin(db).await?;
    let terminal = known.terminal.id;
    let mut rows = terminal_roster::Entity::find()
        .filter(terminal_roster::Column::TerminalId.eq(terminal))
        .all(&tx)
        .await?;
    // Not the database's order, which may be that of a language.
    rows.sort_unstable_by(|one, other| one.handle.cmp(&other.handle));
    let (orders, unsettled) = differences(&wanted, &rows, now);
    if orders.is_empty() && !unsettled {
        note_version(&tx, known, version).await?;
    }
    let taken = commands::queue(&tx, terminal, &orders, "job:roster", now).await?.len();
    let mut coming = Vec::new();
    for order in &orders[..taken] {
        note(&tx, terminal, &wanted, order, now).await?;
        if let Order::HoldPerson { handle } = order {
            coming.extend(wanted.get(handle).map(|member| (handle.clone(), *member)));
        }
    }
    if known.family.takes_pins() {
        pins::give(&tx, terminal, &coming, now).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Notes that the terminal holds this version, unless somebody has meanwhile wanted it told anew.
async fn note_version(
    tx: &impl ConnectionTrait,
    known: &VendorTerminal,
    version: String,
) -> Result<(), Error> {
    use terminal_link::{Column, Entity};
    let as_it_was = match known.roster_version() {
        Some(before) => Column::RosterVersion.eq(before),
        None => Column::RosterVersion.is_null(),
    };
    Entity::update_many()
        .col_expr(Column::RosterVersion, Expr::value(version))
        .filter(Column::TerminalId.eq(known.terminal.id))
        .filter(Column::Names.eq(known.names().as_str()))
        .filter(as_it_was)
        .exec(tx)
        .await?;
    Ok(())
}

/// Persons by the handle that stands for them on devices.
pub(super) type Persons = BTreeMap<String, MemberId>;

/// Everybody whom terminals of a family can hold, and everybody whom they must forget, by handle.
/// No name and no document goes with it.
pub(super) async fn everybody(
    db: &impl ConnectionTrait,
    family: Family,
    now: DateTime<Utc>,
) -> Result<(Persons, Persons), Error> {
    let (mut wanted, mut withdrawn) = (Persons::new(), Persons::new());
    let mut after = None;
    loop {
        let rows = members::page(db, after.take(), PAGE, now).await?;
        after = rows.last().map(members::RosterRow::key);
        for row in rows.into_iter().filter(|r| r.kind == "face" && can_stand(family, &r.handle)) {
            let persons = if row.holds() { &mut wanted } else { &mut withdrawn };
            persons.insert(row.handle.clone(), row.member());
        }
        if after.is_none() {
            return Ok((wanted, withdrawn));
        }
    }
}

/// Whether devices of a family can be told of a handle: as it is, as a number made of it, or under
/// a number of the terminal's own.
fn can_stand(family: Family, handle: &str) -> bool {
    let is_short = |handle: &str| {
        (1..=32).contains(&handle.len()) && handle.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match family {
        Family::Hikvision | Family::Uniubi | Family::Hq => is_short(handle),
        Family::Dahua => is_short_number(handle) || is_of_face(handle),
        Family::ZktecoAcc | Family::ZktecoAtt | Family::Fcard => true,
    }
}

/// The random handle of a photo that was taken here.
fn is_of_face(handle: &str) -> bool {
    handle.len() == 32 && handle.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// At most a piece of orders, removals first; and whether earlier ones are not settled yet.
fn differences(
    wanted: &Persons,
    rows: &[terminal_roster::Model],
    now: DateTime<Utc>,
) -> (Vec<Order>, bool) {
    let is_there = |of: &str| {
        let found = rows.binary_search_by(|r| r.handle.as_str().cmp(of));
        found.is_ok_and(|at| rows[at].state != "renew")
    };
    let waits = |row: &terminal_roster::Model| match row.state.as_str() {
        "leaving" => true,
        "stuck" => now - row.changed_at < STUCK_FOR,
        _ => false,
    };
    let leaving = rows.iter().filter(|row| !waits(row) && !wanted.contains_key(&row.handle));
    let leaving = leaving.map(|row| Order::RemovePerson { handle: row.handle.clone() });
    let coming = wanted.keys().filter(|handle| !is_there(handle));
    let coming = coming.map(|handle| Order::HoldPerson { handle: handle.clone() });
    let unsettled = rows.iter().any(|row| ["sent", "leaving"].contains(&row.state.as_str()));
    (leaving.chain(coming).take(PIECE).collect(), unsettled)
}

/// Notes that an order is on its way.
async fn note(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    wanted: &Persons,
    order: &Order,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_roster::{Column, Entity, Model};
    let (handle, state) = match order {
        Order::HoldPerson { handle } => (handle, "sent"),
        Order::RemovePerson { handle } => (handle, "leaving"),
        Order::OpenDoor { .. }
        | Order::Restart
        | Order::QueryRecords { .. }
        | Order::SyncTime
        | Order::ListPersons
        | Order::ServerDecides { .. } => return Ok(()),
    };
    let member = wanted.get(handle).copied();
    let row = Model {
        terminal_id: terminal,
        handle: handle.clone(),
        member_id: member.unwrap_or(MemberId(Uuid::nil())),
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
            let row = Entity::find_by_id((terminal, handle.clone())).one(tx).await?;
            if let Some(row) = row {
                faces::receive(tx, terminal, (row.member_id, handle), "removed", now).await?;
            }
            Entity::delete_by_id((terminal, handle.clone())).exec(tx).await?;
            return Ok(());
        }
        // It is told again with a later change of the roster.
        Order::RemovePerson { handle } => (handle, "stuck"),
        Order::OpenDoor { .. }
        | Order::Restart
        | Order::QueryRecords { .. }
        | Order::SyncTime
        | Order::ListPersons
        | Order::ServerDecides { .. } => return Ok(()),
    };
    // Locked, so that nobody wants it told anew between this look and what is noted.
    let found = Entity::find_by_id((terminal, handle.clone())).lock_exclusive();
    let Some(row) = found.one(tx).await? else { return Ok(()) };
    if row.state == "renew" {
        // It answered to what it was told before; it is told anew.
        return Ok(());
    }
    let receipt = if state == "held" { "added" } else { "failed" };
    if state != "stuck" {
        faces::receive(tx, terminal, (row.member_id, handle), receipt, now).await?;
    }
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
    Ok(row.is_some_and(|row| ["sent", "held", "renew"].contains(&row.state.as_str())))
}

/// The handle of a face that begins so, where exactly one does.
pub async fn handle_of(
    db: &impl ConnectionTrait,
    beginning: &str,
) -> Result<Option<String>, Error> {
    Ok(members::face_beginning(db, beginning).await?)
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
