//! How vendors' terminals and we reach one another: found by serial number or path token, heard
//! from at an address, measured by their clocks, and believed to have nothing left to send.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, Condition, ConnectionTrait,
    DatabaseConnection, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
};

use super::{
    ACTIVE, commands, find, ledger,
    notices::{self, NewNotice, NoticeKind},
    rules::{ClockOffset, Family, Names, Terminal, is_off, offset_step, watermark_step},
    tables::{gateways::terminal_link, terminal},
};
use crate::base::{db, error::Error, ids::TerminalId, keys::token_hash};

/// What a contact says is written at most so often, unless it says something new.
const CONTACT_EVERY: TimeDelta = TimeDelta::seconds(10);
/// A device that polls and has sent nothing old for so long has nothing left: all of them try
/// again within a few minutes.
pub(super) const NOTHING_LEFT_AFTER: TimeDelta = TimeDelta::minutes(10);

/// A vendor's terminal in use.
#[derive(Clone, Debug)]
pub struct VendorTerminal {
    pub terminal: Terminal,
    pub family: Family,
    /// Milliseconds by which its clock is ahead.
    pub clock_offset_ms: i64,
    link: terminal_link::Model,
    last_seen_at: Option<DateTime<Utc>>,
    clock_offset_seen_ms: Option<i64>,
}

impl VendorTerminal {
    /// Whether it must prove itself by the path that it posts to.
    pub fn has_path_token(&self) -> bool {
        self.link.path_token_hash.is_some()
    }

    pub fn keeps_roster(&self) -> bool {
        self.link.keeps_roster
    }

    /// Whether names go to it, and how they are written there.
    pub fn names(&self) -> Names {
        Names::parse(&self.link.names)
    }

    /// Whether it is called at an address of its own.
    pub fn is_called(&self) -> bool {
        self.link.address.is_some()
    }

    pub(super) fn roster_version(&self) -> Option<&str> {
        self.link.roster_version.as_deref()
    }
}

/// The terminal in use with this serial number.
pub async fn by_serial(
    db: &impl ConnectionTrait,
    family: Family,
    serial: &str,
) -> Result<Option<VendorTerminal>, Error> {
    let row = terminal::Entity::find()
        .filter(terminal::Column::Family.eq(family.as_str()))
        .filter(terminal::Column::Serial.eq(serial))
        .filter(terminal::Column::Status.eq(ACTIVE))
        .one(db)
        .await?;
    match row {
        Some(row) => load(db, family, row).await,
        None => Ok(None),
    }
}

/// The terminal in use with this id.
pub async fn by_id(
    db: &impl ConnectionTrait,
    family: Family,
    id: TerminalId,
) -> Result<Option<VendorTerminal>, Error> {
    let row = terminal::Entity::find_by_id(id)
        .filter(terminal::Column::Family.eq(family.as_str()))
        .filter(terminal::Column::Status.eq(ACTIVE))
        .one(db)
        .await?;
    match row {
        Some(row) => load(db, family, row).await,
        None => Ok(None),
    }
}

/// The terminal in use to whose path this token belongs.
pub async fn by_path_token(
    db: &impl ConnectionTrait,
    family: Family,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<VendorTerminal>, Error> {
    use terminal_link::Column;
    let hash = token_hash(token);
    let old = Condition::all()
        .add(Column::OldPathTokenHash.eq(hash.as_str()))
        .add(Column::OldPathTokenUntil.gt(now));
    let link = terminal_link::Entity::find()
        .filter(Condition::any().add(Column::PathTokenHash.eq(hash.as_str())).add(old))
        .one(db)
        .await?;
    match link {
        Some(link) => by_id(db, family, link.terminal_id).await,
        None => Ok(None),
    }
}

async fn load(
    db: &impl ConnectionTrait,
    family: Family,
    row: terminal::Model,
) -> Result<Option<VendorTerminal>, Error> {
    let Some(link) = terminal_link::Entity::find_by_id(row.id).one(db).await? else {
        return Ok(None);
    };
    Ok(Some(VendorTerminal {
        terminal: find::load_one(db, row.id).await?,
        family,
        clock_offset_ms: row.clock_offset_ms,
        link,
        last_seen_at: row.last_seen_at,
        clock_offset_seen_ms: row.clock_offset_seen_ms,
    }))
}

/// What one request of a device tells beside its records.
#[derive(Clone, Debug, Default)]
pub struct Contact {
    pub address: Option<IpAddr>,
    /// Its own clock when it sent this.
    pub clock: Option<DateTime<Utc>>,
    pub firmware: Option<String>,
    pub faces: Option<i32>,
    /// It sent records that it had kept for a while.
    pub backlog: bool,
}

impl Contact {
    /// Whether it says what is not known yet.
    fn is_news(&self, known: &VendorTerminal, now: DateTime<Utc>) -> bool {
        let heard = known.last_seen_at.is_some_and(|at| now - at < CONTACT_EVERY && at <= now);
        let moved = self.address.is_some_and(|a| known.link.peer_address != Some(a.to_string()));
        let draining = known.link.backlog_at.is_some_and(|at| now - at < CONTACT_EVERY);
        let drifted = self.clock.is_some_and(|clock| {
            let before = known.offset();
            offset_step(before, clock, now) != before
        });
        !heard || moved || drifted || (self.backlog && !draining) || self.firmware.is_some()
    }
}

impl VendorTerminal {
    fn offset(&self) -> ClockOffset {
        ClockOffset { adopted_ms: self.clock_offset_ms, seen_ms: self.clock_offset_seen_ms }
    }
}

/// Takes a contact in: when the terminal was last seen and from where, how far its clock is off,
/// and up to when everything has arrived.
pub async fn contact(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    contact: Contact,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !contact.is_news(known, now) {
        return Ok(());
    }
    let tx = db::begin(db).await?;
    let id = known.terminal.id;
    let Some(row) = terminal::Entity::find_by_id(id).one(&tx).await? else { return Ok(()) };
    let Some(link) = terminal_link::Entity::find_by_id(id).one(&tx).await? else { return Ok(()) };
    let mut offset =
        ClockOffset { adopted_ms: row.clock_offset_ms, seen_ms: row.clock_offset_seen_ms };
    if let Some(clock) = contact.clock {
        offset = offset_step(offset, clock, now);
    }
    // Whoever comes back after a while may have a backlog that it has not begun to send.
    let returned = row.last_seen_at.is_none_or(|at| now - at > NOTHING_LEFT_AFTER);
    let backlog_at = if contact.backlog || returned { Some(now) } else { link.backlog_at };
    let draining = backlog_at.is_some_and(|at| now - at < NOTHING_LEFT_AFTER);
    let as_of = now - NOTHING_LEFT_AFTER;
    let watermark =
        watermark_step(row.watermark_at, i32::from(draining), as_of, ClockOffset::default(), now);
    ledger::heard(&tx, id, row.last_seen_at, now).await?;
    if offset.adopted_ms != row.clock_offset_ms && is_off(offset.adopted_ms) {
        commands::set_clock(&tx, id, &row.family, now).await?;
    }
    let mut changed = row.into_active_model();
    changed.clock_offset_ms = Set(offset.adopted_ms);
    changed.clock_offset_seen_ms = Set(offset.seen_ms);
    changed.watermark_at = Set(watermark);
    changed.last_seen_at = Set(Some(now));
    changed.lost_at = Set(None);
    if let Some(firmware) = contact.firmware {
        changed.firmware = Set(Some(firmware));
    }
    if let Some(faces) = contact.faces {
        changed.faces = Set(Some(faces));
    }
    changed.update(&tx).await?;
    let address = contact.address.map(|address| address.to_string());
    if let Some(address) = address.as_deref().filter(|a| link.peer_address.as_deref() != Some(a)) {
        look_around(&tx, known, address, now).await?;
    }
    let mut changed = link.into_active_model();
    changed.backlog_at = Set(backlog_at);
    if address.is_some() {
        changed.peer_address = Set(address);
    }
    changed.update(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// A terminal that is heard from where only another venue's terminals are heard stands at the
/// wrong venue, as far as the network can tell: an alarm, not a refusal.
async fn look_around(
    tx: &impl ConnectionTrait,
    known: &VendorTerminal,
    address: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    use terminal_link::Column;
    /// Enough to see whose network it is.
    const NEIGHBOURS_MAX: usize = 20;
    let neighbours = terminal_link::Entity::find()
        .filter(Column::PeerAddress.eq(address))
        .filter(Column::TerminalId.ne(known.terminal.id))
        .all(tx)
        .await?;
    let mut venues = Vec::new();
    for link in neighbours.iter().take(NEIGHBOURS_MAX) {
        let neighbour = find::load_one(tx, link.terminal_id).await?;
        venues.extend(neighbour.place_at(now).map(|place| place.venue));
    }
    let own = known.terminal.place_at(now).map(|place| place.venue);
    if venues.is_empty() || own.is_some_and(|own| venues.contains(&own)) {
        return Ok(());
    }
    alarm(tx, known.terminal.id, "wrong_venue", now).await
}

/// Raises an alarm about a terminal; the same one at most once an hour.
pub async fn alarm(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    code: &'static str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tracing::warn!(%terminal, code, "a terminal raises an alarm");
    let notice = NewNotice {
        key: format!("{code}:{}", now.format("%Y-%m-%dT%H")),
        device_time: None,
        kind: NoticeKind::Alarm,
        code: code.to_owned(),
        detail: None,
    };
    notices::note(tx, terminal, vec![notice], now).await
}
