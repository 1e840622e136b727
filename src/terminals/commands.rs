//! What terminals are told to do: ordered by staff or by the roster, handed out when the device
//! asks, tracked until it says what became of it. An order that comes too late is not carried out.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait,
    DatabaseConnection, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::Expr,
};
use uuid::Uuid;

pub use super::rules::Order;
use super::{
    audited, roster,
    tables::{
        gateways::terminal_command::{self, Column, Entity},
        terminal,
    },
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::TerminalId,
};

/// Orders of one terminal that may wait; a roster is handed over in pieces of this.
pub const WAITING_MAX: u64 = 200;
/// A device that has said nothing for so long is told again what may be told twice.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(60);
/// Times that an order is handed out before it is given up.
const ATTEMPTS_MAX: i32 = 5;
const DETAIL_CHARS_MAX: usize = 200;

/// An order on its way to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    pub id: Uuid,
    /// Counts the terminal's commands.
    pub number: i64,
    pub order: Order,
    /// Steps of it that the device has done already, where it takes one at a time.
    pub steps_done: i64,
}

/// What a device said of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResult {
    pub done: bool,
    /// The device's own number for it.
    pub code: Option<i64>,
    pub detail: Option<String>,
}

/// A command as staff see it.
pub type CommandView = terminal_command::Model;

/// Queues an order of staff, in the audit chain.
///
/// # Errors
/// `NotFound` without such a terminal; `Conflict` when its protocol knows no such thing or too many
/// wait already.
pub async fn order(
    db: &DatabaseConnection,
    terminal: TerminalId,
    order: &Order,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let tx = db::begin(db).await?;
    let row = terminal::Entity::find_by_id(terminal).one(&tx).await?;
    let family = row.ok_or(Error::NotFound(Code::NotFound))?.family;
    if !order.is_possible(&family) {
        return Err(Error::Conflict(Code::CommandImpossible));
    }
    let ids = queue(&tx, terminal, std::slice::from_ref(order), by, now).await?;
    let id = ids.first().copied().ok_or(Error::Conflict(Code::TooManyCommands))?;
    audited(tx, by, &format!("terminal_ordered_{}", order.kind()), terminal, now).await?;
    Ok(id)
}

/// Queues orders as far as there is room; gives the ids of those that were taken.
pub(super) async fn queue(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    orders: &[Order],
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    // The terminal's row is the lock of its numbers.
    let row = terminal::Entity::find_by_id(terminal).lock_exclusive().one(tx).await?;
    row.ok_or(Error::NotFound(Code::NotFound))?;
    let newest = Entity::find()
        .filter(Column::TerminalId.eq(terminal))
        .order_by_desc(Column::Number)
        .one(tx)
        .await?
        .map_or(0, |row| row.number);
    let waiting = waiting(tx, terminal, now, WAITING_MAX).await?.len();
    let room = usize::try_from(WAITING_MAX).unwrap_or_default().saturating_sub(waiting);
    let mut ids = Vec::new();
    for (number, order) in (newest + 1..).zip(orders.iter().take(room)) {
        let id = Uuid::now_v7();
        let row = terminal_command::Model {
            id,
            terminal_id: terminal,
            number,
            kind: order.kind().to_owned(),
            parameters: serde_json::to_string(order).map_err(Error::internal)?,
            status: "queued".to_owned(),
            created_at: now,
            created_by: by.to_owned(),
            expires_at: now + order.lifetime(),
            sent_at: None,
            attempts: 0,
            finished_at: None,
            result_code: None,
            detail: None,
        };
        Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        ids.push(id);
    }
    Ok(ids)
}

/// Orders a terminal whose clock is off to set it, if its protocol knows how.
pub(super) async fn set_clock(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    family: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if Order::SyncTime.is_possible(family) {
        queue(tx, terminal, &[Order::SyncTime], "job:clock", now).await?;
    }
    Ok(())
}

async fn waiting(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<terminal_command::Model>, Error> {
    let rows = Entity::find()
        .filter(Column::TerminalId.eq(terminal))
        .filter(Column::Status.is_in(["queued", "sent"]))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_asc(Column::Number)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows)
}

/// The next commands for a device that asks, oldest first, at most `limit`; they are noted as sent.
/// One that was handed out and not answered is handed out again where that does no harm.
pub async fn take(
    db: &DatabaseConnection,
    terminal: TerminalId,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Command>, Error> {
    take_of(db, terminal, &KINDS, limit, now).await
}

/// Every kind of order.
pub const KINDS: [&str; 8] = [
    "open_door",
    "restart",
    "query_records",
    "sync_time",
    "hold_person",
    "remove_person",
    "list_persons",
    "server_decides",
];

/// How many commands of each kind wait for a device that asks for one kind after another.
pub async fn counts(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    now: DateTime<Utc>,
) -> Result<HashMap<String, usize>, Error> {
    let mut counts = HashMap::new();
    let due = Entity::find().filter(Column::TerminalId.eq(terminal)).filter(is_due(now));
    let due = due.filter(Column::ExpiresAt.gt(now)).limit(WAITING_MAX).all(db).await?;
    for row in due {
        *counts.entry(row.kind).or_default() += 1;
    }
    Ok(counts)
}

/// As [`take`], of these kinds only.
pub async fn take_of(
    db: &DatabaseConnection,
    terminal: TerminalId,
    kinds: &[&str],
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Command>, Error> {
    let query = Entity::find()
        .filter(Column::TerminalId.eq(terminal))
        .filter(is_due(now))
        .filter(Column::Kind.is_in(kinds.iter().copied()))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_asc(Column::Number)
        .limit(limit);
    // Devices ask every few seconds, and mostly for nothing.
    if query.clone().one(db).await?.is_none() {
        return Ok(Vec::new());
    }
    let tx = db::begin(db).await?;
    let mut commands = Vec::new();
    for row in query.lock_exclusive().all(&tx).await? {
        commands.push(command(&row)?);
        let attempts = row.attempts + 1;
        let mut row = row.into_active_model();
        row.status = Set("sent".to_owned());
        row.sent_at = Set(Some(now));
        row.attempts = Set(attempts);
        row.update(&tx).await?;
    }
    tx.commit().await?;
    Ok(commands)
}

/// Not handed out yet, or long ago, and no harm is done by handing it out again.
pub(super) fn is_due(now: DateTime<Utc>) -> Condition {
    Condition::any().add(Column::Status.eq("queued")).add(
        Condition::all()
            .add(Column::Status.eq("sent"))
            .add(Column::SentAt.lt(now - AGAIN_AFTER))
            .add(Column::Attempts.lt(ATTEMPTS_MAX))
            .add(Column::Kind.is_in(Order::REPEATABLE)),
    )
}

/// Puts a command back that a device did not hear: it is told when the device answers again.
pub async fn put_back(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    number: i64,
) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value("queued"))
        .filter(Column::TerminalId.eq(terminal))
        .filter(Column::Number.eq(number))
        .filter(Column::Status.eq("sent"))
        .exec(db)
        .await?;
    Ok(())
}

/// Whether commands wait that a device has not failed to hear several times already.
pub async fn press(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let unheard = |row: &CommandView| row.status == "queued" && row.attempts < ATTEMPTS_MAX;
    Ok(waiting(db, terminal, now, WAITING_MAX).await?.iter().any(unheard))
}

/// A command by its number, however it stands.
pub async fn by_number(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    number: i64,
) -> Result<Option<Command>, Error> {
    let query = Entity::find().filter(Column::TerminalId.eq(terminal));
    let Some(row) = query.filter(Column::Number.eq(number)).one(db).await? else { return Ok(None) };
    command(&row).map(Some)
}

fn command(row: &terminal_command::Model) -> Result<Command, Error> {
    let order = serde_json::from_str(&row.parameters).map_err(Error::internal)?;
    let steps_done = row.result_code.unwrap_or(0);
    Ok(Command { id: row.id, number: row.number, order, steps_done })
}

/// A command that a device has fetched and said nothing of yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    pub number: i64,
    pub order: Order,
    pub at: DateTime<Utc>,
}

/// The commands of a kind that a device has fetched and not answered, oldest first.
pub async fn fetched(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    kind: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Fetched>, Error> {
    let rows = Entity::find()
        .filter(Column::TerminalId.eq(terminal))
        .filter(Column::Status.eq("sent"))
        .filter(Column::Kind.eq(kind))
        .filter(Column::ExpiresAt.gt(now))
        .order_by_asc(Column::Number)
        .limit(WAITING_MAX)
        .all(db)
        .await?;
    let mut all = Vec::new();
    for row in rows {
        let order = serde_json::from_str(&row.parameters).map_err(Error::internal)?;
        all.push(Fetched { number: row.number, order, at: row.sent_at.unwrap_or(row.created_at) });
    }
    Ok(all)
}

/// Notes that a device has done so many steps of a command; the next one is fetched like a command.
pub async fn advance(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    number: i64,
    steps_done: i64,
) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value("queued"))
        .col_expr(Column::ResultCode, Expr::value(steps_done))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::TerminalId.eq(terminal))
        .filter(Column::Number.eq(number))
        .filter(Column::Status.eq("sent"))
        .exec(db)
        .await?;
    Ok(())
}

/// Which command a result is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Id(Uuid),
    Number(i64),
}

/// Notes what became of a command; what is settled already stays as it is, but for what was held
/// well and turns out not to have been.
///
/// # Errors
/// `NotFound` when the terminal was never told such a thing.
pub async fn settle(
    db: &DatabaseConnection,
    terminal: TerminalId,
    which: Which,
    result: CommandResult,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let query = Entity::find().filter(Column::TerminalId.eq(terminal));
    let query = match which {
        Which::Id(id) => query.filter(Column::Id.eq(id)),
        Which::Number(number) => query.filter(Column::Number.eq(number)),
    };
    let row = query.lock_exclusive().one(&tx).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let order: Order = serde_json::from_str(&row.parameters).map_err(Error::internal)?;
    let taken_back = row.status == "done" && !result.done && row.kind == "hold_person";
    if ["done", "failed"].contains(&row.status.as_str()) && !taken_back {
        return Ok(());
    }
    let mut row = row.into_active_model();
    row.status = Set(if result.done { "done" } else { "failed" }.to_owned());
    row.finished_at = Set(Some(now));
    row.result_code = Set(result.code);
    row.detail = Set(result.detail.map(|text| text.chars().take(DETAIL_CHARS_MAX).collect()));
    row.update(&tx).await?;
    roster::settled(&tx, terminal, &order, result.done, result.code, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Marks what came too late; a job.
pub async fn expire(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Status, Expr::value("expired"))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .filter(Column::Status.is_in(["queued", "sent"]))
        .filter(Column::ExpiresAt.lte(now))
        .exec(db)
        .await?;
    Ok(())
}

/// At most `limit` commands of a terminal, newest first, before number `before`.
pub async fn of(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<CommandView>, Error> {
    let mut query = Entity::find().filter(Column::TerminalId.eq(terminal));
    if let Some(before) = before {
        query = query.filter(Column::Number.lt(before));
    }
    Ok(query.order_by_desc(Column::Number).limit(limit).all(db).await?)
}
