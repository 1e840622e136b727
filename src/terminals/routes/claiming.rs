//! Vendors' terminals for staff: which ones nobody has claimed, claiming them for a door, path
//! tokens, how they are reached, what they say of themselves, and the end of their use.

use std::{net::SocketAddr, sync::Arc};

use axum::{Extension, extract::State as Part, http::StatusCode};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{json::DirectionWord, require_terminal, require_venue};
use crate::{
    base::{
        config::Mode,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::{TerminalId, VenueId, ZoneId},
        page::{Page, Paging},
        state::State,
    },
    staff::{Function, StaffCaller},
    terminals::{
        self, Claimed, Family, Names, NewClaim, NewPlace, Serial,
        access::{self, Access},
        claims::UnclaimedView,
        notices::{self, NoticeView},
    },
};

/// Records what a terminal sent before it was claimed: its protocol is known to a domain above
/// this one, so the frame hands the way in. Gives how many records it took out of quarantine.
pub type Release =
    Arc<dyn Fn(Family, String, String) -> BoxFuture<'static, Result<u64, Error>> + Send + Sync>;

/// A terminal that sends but is nobody's yet.
#[derive(Serialize, ToSchema)]
pub struct UnclaimedJson {
    protocol: String,
    serial: String,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    /// Records of it that wait in quarantine.
    records: i32,
}

impl From<UnclaimedView> for UnclaimedJson {
    fn from(row: UnclaimedView) -> Self {
        Self {
            protocol: row.family,
            serial: row.serial,
            first_seen_at: row.first_seen_at,
            last_seen_at: row.last_seen_at,
            records: row.records,
        }
    }
}

/// The terminals that send but are nobody's yet. They stand nowhere, so whoever manages terminals
/// anywhere sees them all.
#[utoipa::path(get, path = "/api/v1/staff/unclaimed-terminals", tag = "staff: terminals",
    params(Paging), responses((status = 200, body = Page<UnclaimedJson>)))]
pub async fn list_unclaimed(
    Part(state): Part<State>,
    caller: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<UnclaimedJson>>, Error> {
    caller.require(Function::ManageTerminals, &caller.division)?;
    let cursors = state.keys.cursors();
    let list = cursors.list("unclaimed_terminals");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = terminals::unclaimed(&state.db, after, paging.limit.rows_to_read()).await?;
    let key = |row: &UnclaimedView| (row.family.clone(), row.serial.clone());
    Ok(Json(Page::cut(rows, paging.limit, &list, key, UnclaimedJson::from)))
}

/// A vendor's terminal and where it stands.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    protocol: Family,
    serial: String,
    venue_id: VenueId,
    zone_id: Option<ZoneId>,
    direction: DirectionWord,
    /// A business day, which may be past; the venue's opening day when absent.
    valid_from: Option<NaiveDate>,
    /// An IANA name; the venue's when absent.
    time_zone: Option<String>,
    /// Whether we tell it who may enter. When absent, true for devices that fetch it; those that
    /// are called (Hikvision, Dahua, Uniubi, HQ) need an address besides.
    keeps_roster: Option<bool>,
}

impl ClaimBody {
    fn parse(self) -> Result<NewClaim, Error> {
        let serial = Serial::parse(&self.serial);
        let zone = self.time_zone.as_deref().map(str::parse).transpose();
        Ok(NewClaim {
            family: self.protocol,
            serial: serial.map_err(|code| Error::invalid("/serial", code))?,
            place: NewPlace {
                venue: self.venue_id,
                zone: self.zone_id,
                doorway: self.direction.into(),
                valid_from: self.valid_from,
            },
            time_zone: zone.map_err(|_| Error::invalid("/time_zone", Code::BadTimeZone))?,
            keeps_roster: self.keeps_roster.unwrap_or(self.protocol.fetches_roster()),
        })
    }
}

/// A claimed terminal.
#[derive(Serialize, ToSchema)]
pub struct ClaimedJson {
    id: TerminalId,
    /// To stand in the path that the device posts to, shown this once; null where a protocol's
    /// path is fixed.
    path_token: Option<String>,
    /// Records that had waited for this in quarantine and have now been judged.
    released: u64,
}

/// Claims a vendor's terminal for a venue, a door direction and a zone. What it sent before is
/// recorded now, as far as the rules allow.
#[utoipa::path(post, path = "/api/v1/staff/terminals/claims", tag = "staff: terminals",
    request_body = ClaimBody, responses((status = 201, body = ClaimedJson)))]
pub async fn claim(
    Part(state): Part<State>,
    Extension(release): Extension<Release>,
    caller: StaffCaller,
    Json(body): Json<ClaimBody>,
) -> Result<(StatusCode, Json<ClaimedJson>), Error> {
    require_venue(&state, &caller, body.venue_id).await?;
    let (new, by, now) = (body.parse()?, caller.actor(), state.clock.now());
    let (family, serial) = (new.family, new.serial.to_string());
    let Claimed { id, path_token } = terminals::claim(&state.db, new, &by, now).await?;
    let released = release(family, serial, by).await?;
    let path_token = path_token.map(|token| token.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(ClaimedJson { id, path_token, released })))
}

/// A path token, this once.
#[derive(Serialize, ToSchema)]
pub struct PathTokenJson {
    path_token: String,
}

/// Gives a terminal another path token, shown this once; the old one works for another week.
#[utoipa::path(post, path = "/api/v1/staff/terminals/{id}/path-token", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), responses((status = 201, body = PathTokenJson)))]
pub async fn rotate_path_token(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
) -> Result<(StatusCode, Json<PathTokenJson>), Error> {
    require_terminal(&state, &caller, id).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    let token = terminals::rotate_path_token(&state.db, id, &by, now).await?;
    let path_token = token.expose_secret().to_owned();
    Ok((StatusCode::CREATED, Json(PathTokenJson { path_token })))
}

/// Where a terminal takes commands, and as whom.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessBody {
    /// `192.168.1.64:80`, in a network that this server reaches.
    #[schema(example = "192.168.1.64:80")]
    address: String,
    user: String,
    /// Sealed when stored, and shown to nobody.
    password: String,
    /// Fetch its events as a stream (`alertStream` of Hikvision, `snapManager` of Dahua), where it
    /// cannot post them to us. False when absent.
    stream: Option<bool>,
}

/// Longest name and password that devices take.
const LOGIN_CHARS_MAX: usize = 32;

impl AccessBody {
    fn parse(self, is_production: bool) -> Result<Access, Error> {
        let bad = || Error::invalid("/address", Code::BadAddress);
        let address: SocketAddr = self.address.parse().map_err(|_| bad())?;
        if !access::is_callable(address.ip(), is_production) || address.port() == 0 {
            return Err(bad());
        }
        for (pointer, text) in [("/user", &self.user), ("/password", &self.password)] {
            let fits = (1..=LOGIN_CHARS_MAX).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
            if !fits {
                return Err(Error::invalid(pointer, Code::InvalidValue));
            }
        }
        let streams = self.stream.unwrap_or(false);
        Ok(Access { address, user: self.user, password: self.password.into(), streams })
    }
}

/// Sets where a terminal takes commands. A login that it refused before is tried afresh.
#[utoipa::path(put, path = "/api/v1/staff/terminals/{id}/access", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), request_body = AccessBody, responses((status = 204)))]
pub async fn set_access(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
    Json(body): Json<AccessBody>,
) -> Result<StatusCode, Error> {
    require_terminal(&state, &caller, id).await?;
    let access = body.parse(state.config.data.mode == Mode::Production)?;
    let (by, now) = (caller.actor(), state.clock.now());
    access::set(&state.db, &state.keys, id, &access, &by, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether names go to a terminal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamesBody {
    /// `none` (as it is at first), `utf8`, or `gbk` for `ZKTeco` firmware that reads it.
    names: Names,
}

/// Says whether a terminal shows names, masked as on screens. Everybody is told to it anew, with
/// their names or without.
#[utoipa::path(put, path = "/api/v1/staff/terminals/{id}/names", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), request_body = NamesBody, responses((status = 204)))]
pub async fn set_names(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
    Json(body): Json<NamesBody>,
) -> Result<StatusCode, Error> {
    require_terminal(&state, &caller, id).await?;
    let (by, now) = (caller.actor(), state.clock.now());
    terminals::set_names(&state.db, id, body.names, &by, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a terminal's use at once. What it still sends waits in quarantine.
#[utoipa::path(delete, path = "/api/v1/staff/terminals/{id}", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), responses((status = 204)))]
pub async fn revoke(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
) -> Result<StatusCode, Error> {
    require_terminal(&state, &caller, id).await?;
    terminals::revoke(&state.db, id, &caller.actor(), state.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Something a terminal said of itself, or that was noticed about it.
#[derive(Serialize, ToSchema)]
pub struct NoticeJson {
    id: Uuid,
    /// `alarm` or `notice`.
    kind: String,
    /// A word, or the vendor's number.
    code: String,
    detail: Option<String>,
    device_time: Option<DateTime<Utc>>,
    received_at: DateTime<Utc>,
}

impl From<NoticeView> for NoticeJson {
    fn from(row: NoticeView) -> Self {
        Self {
            id: row.id,
            kind: row.kind,
            code: row.code,
            detail: row.detail,
            device_time: row.device_time,
            received_at: row.received_at,
        }
    }
}

/// What a terminal said beside entries, newest first: restarts, tampering, forced doors.
#[utoipa::path(get, path = "/api/v1/staff/terminals/{id}/notices", tag = "staff: terminals",
    params(("id" = TerminalId, Path), Paging), responses((status = 200, body = Page<NoticeJson>)))]
pub async fn list_notices(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NoticeJson>>, Error> {
    require_terminal(&state, &caller, id).await?;
    let cursors = state.keys.cursors();
    let list = cursors.list("terminal_notices");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let rows = notices::of(&state.db, id, before, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |row| row.id, NoticeJson::from)))
}

/// How many persons a terminal holds, awaits or refuses.
#[derive(Serialize, ToSchema)]
pub struct RosterStateJson {
    items: Vec<RosterCountJson>,
}

#[derive(Serialize, ToSchema)]
struct RosterCountJson {
    /// `sent`, `held`, `refused`, `leaving`, `stuck`; of native terminals what they answered last.
    state: String,
    persons: i64,
}

/// How a terminal's roster stands.
#[utoipa::path(get, path = "/api/v1/staff/terminals/{id}/roster", tag = "staff: terminals",
    params(("id" = TerminalId, Path)), responses((status = 200, body = RosterStateJson)))]
pub async fn show_roster_state(
    Part(state): Part<State>,
    caller: StaffCaller,
    Path(id): Path<TerminalId>,
) -> Result<Json<RosterStateJson>, Error> {
    require_terminal(&state, &caller, id).await?;
    let counts = terminals::roster::counts(&state.db, id).await?.into_iter();
    let items = counts.map(|c| RosterCountJson { state: c.state, persons: c.persons }).collect();
    Ok(Json(RosterStateJson { items }))
}
