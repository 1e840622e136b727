//! Commands of terminals: staff order them, native terminals fetch them and say what became of
//! them. How a vendor's terminal is told is its gateway's matter.

use axum::{extract::State as Part, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::require_terminal;
use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::{self, Json},
            query::{Path, Query},
            scan::Bounds,
        },
        ids::TerminalId,
        page::{Page, Paging},
        state::State,
    },
    staff::StaffCaller,
    terminals::{
        caller::SignedBody,
        commands::{self, CommandResult, CommandView, Order, Which},
        roster,
    },
};

/// Longest time that a door is opened for.
const OPEN_SECONDS_MAX: u8 = 60;
const OPEN_SECONDS: u8 = 5;
/// Commands of one answer to a native terminal.
const COMMANDS_MAX: u64 = 20;

/// What a terminal is to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderBody {
    kind: OrderWord,
    /// How long to open the door, 1 to 60; 5 when absent.
    seconds: Option<u8>,
    /// Which records to send again: from here …
    from: Option<DateTime<Utc>>,
    /// … to here.
    to: Option<DateTime<Utc>>,
    /// Whether it is to ask us; true when absent.
    on: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OrderWord {
    OpenDoor,
    Restart,
    QueryRecords,
    SyncTime,
    /// Asks us before it opens (`on`), or goes by what it holds: what it does anyway while it does
    /// not reach us.
    ServerDecides,
    /// Forgets what we believe the terminal holds, so that everybody is sent to it again.
    RefillRoster,
}

impl OrderBody {
    /// `None`: nothing for the device itself.
    fn parse(&self) -> Result<Option<Order>, Error> {
        let missing = |field| Error::invalid(field, Code::Required);
        Ok(Some(match self.kind {
            OrderWord::OpenDoor => match self.seconds.unwrap_or(OPEN_SECONDS) {
                seconds @ 1..=OPEN_SECONDS_MAX => Order::OpenDoor { seconds },
                _ => return Err(Error::invalid("/seconds", Code::OutOfRange)),
            },
            OrderWord::Restart => Order::Restart,
            OrderWord::SyncTime => Order::SyncTime,
            OrderWord::QueryRecords => {
                let from = self.from.ok_or_else(|| missing("/from"))?;
                let to = self.to.ok_or_else(|| missing("/to"))?;
                if to < from {
                    return Err(Error::invalid("/to", Code::OutOfRange));
                }
                Order::QueryRecords { from, to }
            }
            OrderWord::ServerDecides => Order::ServerDecides { on: self.on.unwrap_or(true) },
            OrderWord::RefillRoster => return Ok(None),
        }))
    }
}

/// An order that was queued.
#[derive(Serialize, ToSchema)]
pub struct Ordered {
    /// Null where nothing has to be told to the device itself.
    id: Option<Uuid>,
}

/// Tells a terminal to do something; the device fetches it, and its result is kept.
#[utoipa::path(post, path = "/api/v1/staff/terminals/{id}/commands", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), request_body = OrderBody,
    responses((status = 201, body = Ordered)))]
pub async fn order(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
    Json(body): Json<OrderBody>,
) -> Result<(StatusCode, Json<Ordered>), Error> {
    require_terminal(&state, &caller, id).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    let id = match body.parse()? {
        Some(order) => Some(commands::order(&state.db, id, &order, &by, now).await?),
        None => roster::refill(&state.db, id).await.map(|()| None)?,
    };
    Ok((StatusCode::CREATED, Json(Ordered { id })))
}

/// A command and what became of it.
#[derive(Serialize, ToSchema)]
pub struct CommandJson {
    id: Uuid,
    kind: String,
    /// `queued`, `sent`, `done`, `failed` or `expired`.
    status: String,
    ordered_by: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    sent_at: Option<DateTime<Utc>>,
    attempts: i32,
    finished_at: Option<DateTime<Utc>>,
    /// The device's own number for what became of it.
    result_code: Option<i64>,
    detail: Option<String>,
}

impl CommandJson {
    fn new(row: CommandView, now: DateTime<Utc>) -> Self {
        // A job marks what came too late; until it has run, the clock says so.
        let is_late = ["queued", "sent"].contains(&row.status.as_str()) && row.expires_at <= now;
        Self {
            id: row.id,
            kind: row.kind,
            status: if is_late { "expired".to_owned() } else { row.status },
            ordered_by: row.created_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
            sent_at: row.sent_at,
            attempts: row.attempts,
            finished_at: row.finished_at,
            result_code: row.result_code,
            detail: row.detail,
        }
    }
}

/// What a terminal was told to do, newest first.
#[utoipa::path(get, path = "/api/v1/staff/terminals/{id}/commands", tag = "staff: terminals",
    params(("id" = TerminalId, Path), Paging), responses((status = 200, body = Page<CommandJson>)))]
pub async fn list_commands(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<CommandJson>>, Error> {
    require_terminal(&state, &caller, id).await?;
    let cursors = state.keys.cursors();
    let list = cursors.list("terminal_commands");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let rows = commands::of(&state.db, id, before, paging.limit.rows_to_read()).await?;
    let now = state.clock.now();
    let shown = |row| CommandJson::new(row, now);
    Ok(Json(Page::cut(rows, paging.limit, &list, |row| row.number, shown)))
}

/// What a native terminal is to do.
#[derive(Serialize, ToSchema)]
pub struct NativeCommands {
    items: Vec<NativeCommand>,
}

#[derive(Serialize, ToSchema)]
struct NativeCommand {
    id: Uuid,
    /// `open_door`, `restart`, `query_records` or `sync_time`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<DateTime<Utc>>,
}

impl NativeCommand {
    fn new(id: Uuid, order: &Order) -> Option<Self> {
        let plain = |kind| Self { id, kind, seconds: None, from: None, to: None };
        match order {
            Order::OpenDoor { seconds } => {
                Some(Self { seconds: Some(*seconds), ..plain("open_door") })
            }
            Order::Restart => Some(plain("restart")),
            Order::SyncTime => Some(plain("sync_time")),
            Order::QueryRecords { from, to } => {
                Some(Self { from: Some(*from), to: Some(*to), ..plain("query_records") })
            }
            // Native terminals fetch their roster whole.
            Order::HoldPerson { .. }
            | Order::RemovePerson { .. }
            | Order::ListPersons
            | Order::ServerDecides { .. } => None,
        }
    }
}

/// What the terminal is to do now, oldest first. What it fetched is on its way until it says what
/// became of it.
#[utoipa::path(get, path = "/api/v1/terminal/commands", tag = "terminal",
    responses((status = 200, body = NativeCommands)))]
pub async fn take_commands(
    Part(state): Part<State>,
    signed: SignedBody,
) -> Result<Json<NativeCommands>, Error> {
    let (terminal, now) = (signed.caller.id, signed.received_at);
    let taken = commands::take(&state.db, terminal, COMMANDS_MAX, now).await?;
    let items = taken.iter().filter_map(|c| NativeCommand::new(c.id, &c.order)).collect();
    Ok(Json(NativeCommands { items }))
}

/// What became of a command.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultBody {
    result: ResultWord,
    /// In the device's words, for staff.
    detail: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ResultWord {
    Done,
    Failed,
}

/// Takes what became of a command; saying it again changes nothing.
#[utoipa::path(post, path = "/api/v1/terminal/commands/{id}/result", tag = "terminal",
    params(("id" = Uuid, Path)), request_body = ResultBody, responses((status = 204)))]
pub async fn take_result(
    Part(state): Part<State>,
    Path(id): Path<Uuid>,
    signed: SignedBody,
) -> Result<StatusCode, Error> {
    let body: ResultBody = json::parse(&signed.body, &Bounds::default())?;
    let done = matches!(body.result, ResultWord::Done);
    let result = CommandResult { done, code: None, detail: body.detail };
    let (terminal, now) = (signed.caller.id, signed.received_at);
    commands::settle(&state.db, terminal, Which::Id(id), result, now).await?;
    Ok(StatusCode::NO_CONTENT)
}
