//! What a terminal itself asks and tells: heartbeat, roster, receipts.

use axum::{Extension, extract::State as Part, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::json::RecordId;
use crate::{
    base::{
        clock::Given,
        error::{Code, Error},
        http::{
            json::{self, Json},
            query::Query,
            scan::Bounds,
        },
        ids::MemberId,
        page::{Limit, Page},
        state::State,
    },
    members::roster::{self, RosterRow},
    terminals::{self, Caches, Door, Heartbeat, caller::SignedBody, roster::Receipt},
};

const FIRMWARE_CHARS_MAX: usize = 64;
/// More than any terminal holds; larger counts are a fault of the device.
const COUNT_MAX: i32 = 10_000_000;
/// Receipts of one request.
const RECEIPTS_MAX: usize = 500;
/// How long a roster may be held without asking again: somebody may have withdrawn meanwhile.
const HELD_FOR: TimeDelta = TimeDelta::days(7);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeartbeatBody {
    /// The terminal's own clock now, RFC 3339.
    clock: Given,
    /// Records that it has not seen acknowledged.
    queue_length: i32,
    firmware: Option<String>,
    door: Option<DoorWord>,
    /// Faces that it holds.
    faces: Option<i32>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DoorWord {
    Open,
    Closed,
    Unknown,
}

impl HeartbeatBody {
    fn parse(self) -> Result<Heartbeat, Error> {
        for (pointer, count) in [("/queue_length", Some(self.queue_length)), ("/faces", self.faces)]
        {
            if count.is_some_and(|count| !(0..=COUNT_MAX).contains(&count)) {
                return Err(Error::invalid(pointer, Code::OutOfRange));
            }
        }
        if self.firmware.as_ref().is_some_and(|text| text.chars().count() > FIRMWARE_CHARS_MAX) {
            return Err(Error::invalid("/firmware", Code::InvalidValue));
        }
        Ok(Heartbeat {
            clock: self.clock.0,
            queue_length: self.queue_length,
            firmware: self.firmware,
            door: self.door.map(|word| match word {
                DoorWord::Open => Door::Open,
                DoorWord::Closed => Door::Closed,
                DoorWord::Unknown => Door::Unknown,
            }),
            faces: self.faces,
        })
    }
}

#[derive(Serialize, ToSchema)]
pub struct HeartbeatAnswer {
    server_time: DateTime<Utc>,
    /// Pull the roster when this is not the version that the terminal holds.
    roster_version: String,
    ack_through: Option<RecordId>,
    /// Where a hole is known: send again from here.
    resend_from: Option<RecordId>,
}

/// Tells that a terminal lives, and its clock, queue and state.
#[utoipa::path(post, path = "/api/v1/terminal/heartbeat", tag = "terminal",
    request_body = HeartbeatBody, responses((status = 200, body = HeartbeatAnswer)))]
pub async fn heartbeat(
    Part(state): Part<State>,
    Extension(caches): Extension<Caches>,
    signed: SignedBody,
) -> Result<Json<HeartbeatAnswer>, Error> {
    let SignedBody { caller, body, received_at } = signed;
    let beat = json::parse::<HeartbeatBody>(&body, &Bounds::default())?.parse()?;
    let nonce = caller.nonce()?;
    let progress = terminals::heartbeat(&state.db, caller.id, nonce, beat, received_at).await?;
    Ok(Json(HeartbeatAnswer {
        server_time: received_at,
        roster_version: caches.roster_version(&state.db, received_at).await?,
        ack_through: progress.ack_through().map(RecordId::from),
        resend_from: progress.resend_from().map(RecordId::from),
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RosterQuery {
    /// The version that the terminal holds: nothing is sent if it is the current one.
    since: Option<String>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

/// A page of what the terminal is to hold: removals come before everything else.
#[derive(Serialize, ToSchema)]
pub struct RosterJson {
    version: String,
    /// Handles to remove.
    removals: Vec<HandleJson>,
    members: Vec<GrantJson>,
    /// Ask with it for the next page. Only after the last one the terminal holds `version`.
    next_cursor: Option<String>,
    /// A terminal that could not ask again by then deletes every face that it holds.
    hold_until: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
struct HandleJson {
    /// `face` or `card`.
    kind: String,
    handle: String,
}

#[derive(Serialize, ToSchema)]
struct GrantJson {
    member: MemberId,
    #[serde(flatten)]
    handle: HandleJson,
    valid_from: DateTime<Utc>,
    valid_to: Option<DateTime<Utc>>,
}

/// What the terminal is to hold of members: opaque ids, handles, windows.
#[utoipa::path(get, path = "/api/v1/terminal/roster", tag = "terminal", params(RosterQuery),
    responses((status = 200, body = RosterJson)))]
pub async fn show_roster(
    Part(state): Part<State>,
    Extension(caches): Extension<Caches>,
    Query(query): Query<RosterQuery>,
    signed: SignedBody,
) -> Result<Json<RosterJson>, Error> {
    let now = signed.received_at;
    let version = caches.roster_version(&state.db, now).await?;
    let cursors = state.keys.cursors();
    let list = cursors.list("roster");
    let after = list.key_if_any(query.cursor.as_deref())?;
    if after.is_none() && query.since.as_ref() == Some(&version) {
        return Ok(Json(RosterJson::new(version, Page { items: vec![], next_cursor: None }, now)));
    }
    let rows = roster::page(&state.db, after, query.limit.rows_to_read(), now).await?;
    let page = Page::cut(rows, query.limit, &list, RosterRow::key, |row| row);
    Ok(Json(RosterJson::new(version, page, now)))
}

impl RosterJson {
    fn new(version: String, page: Page<RosterRow>, now: DateTime<Utc>) -> Self {
        let (held, removed): (Vec<_>, Vec<_>) = page.items.into_iter().partition(RosterRow::holds);
        let grant = |row: RosterRow| GrantJson {
            member: row.member(),
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            handle: HandleJson { kind: row.kind, handle: row.handle },
        };
        let removal = |row: RosterRow| HandleJson { kind: row.kind, handle: row.handle };
        Self {
            version,
            removals: removed.into_iter().map(removal).collect(),
            members: held.into_iter().map(grant).collect(),
            next_cursor: page.next_cursor,
            hold_until: now + HELD_FOR,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptsBody {
    receipts: Vec<ReceiptBody>,
}

/// What became of one handle on the terminal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReceiptBody {
    member: MemberId,
    /// Which one; without it the receipt speaks of all handles of the member that the roster has,
    /// and `removed` says that nothing of the member is left.
    handle: Option<String>,
    result: ReceiptWord,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReceiptWord {
    Added,
    Removed,
    /// The picture has no face that the device can use.
    NoFace,
    /// The device takes it for somebody else's.
    Similar,
    Full,
    Failed,
}

/// Takes what became of the handles of a roster; the newest word on each handle and each member is
/// kept, as proof of what the terminal holds and what it deleted.
#[utoipa::path(post, path = "/api/v1/terminal/roster/receipts", tag = "terminal",
    request_body = ReceiptsBody, responses((status = 204)))]
pub async fn take_receipts(
    Part(state): Part<State>,
    signed: SignedBody,
) -> Result<StatusCode, Error> {
    let body: ReceiptsBody = json::parse(&signed.body, &Bounds::default())?;
    if body.receipts.len() > RECEIPTS_MAX {
        return Err(Error::invalid("/receipts", Code::TooManyItems));
    }
    let (terminal, now) = (signed.caller.id, signed.received_at);
    let (of_handles, whole): (Vec<_>, Vec<_>) =
        body.receipts.into_iter().partition(|receipt| receipt.handle.is_some());
    let receipt = |body: ReceiptBody| Receipt { member: body.member, result: body.result.as_str() };
    let whole = whole.into_iter().map(receipt).collect();
    terminals::roster::receive(&state.db, terminal, whole, now).await?;
    for ReceiptBody { member, handle, result } in of_handles {
        let of = (member, handle.as_deref().unwrap_or_default());
        terminals::faces::receive(&state.db, terminal, of, result.as_str(), now).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl ReceiptWord {
    fn as_str(self) -> &'static str {
        match self {
            ReceiptWord::Added => "added",
            ReceiptWord::Removed => "removed",
            ReceiptWord::NoFace => "no_face",
            ReceiptWord::Similar => "similar",
            ReceiptWord::Full => "full",
            ReceiptWord::Failed => "failed",
        }
    }
}
