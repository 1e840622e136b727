//! Reading terminals: for the recorder's world, for answers to terminals, for staff.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::{
    ledger,
    rules::{Doorway, Place, Progress, Terminal},
    tables::{terminal, terminal_key, terminal_place},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, TerminalId, TerminalKeyId},
    },
    venues,
};

/// All terminals with their places. They change together with `venues::revision`.
pub async fn load_terminals(
    db: &impl ConnectionTrait,
) -> Result<HashMap<TerminalId, Arc<Terminal>>, Error> {
    let rows = terminal::Entity::find().all(db).await?;
    let places = terminal_place::Entity::find()
        .order_by_asc(terminal_place::Column::ValidFrom)
        .all(db)
        .await?;
    let terminals = assemble(rows, places).map_err(Error::internal)?;
    Ok(terminals.into_iter().map(|terminal| (terminal.id, Arc::new(terminal))).collect())
}

pub(super) async fn load_one(db: &impl ConnectionTrait, id: TerminalId) -> Result<Terminal, Error> {
    let row = terminal::Entity::find_by_id(id).all(db).await?;
    let places = terminal_place::Entity::find()
        .filter(terminal_place::Column::TerminalId.eq(id))
        .order_by_asc(terminal_place::Column::ValidFrom)
        .all(db)
        .await?;
    let terminal = assemble(row, places).map_err(Error::internal)?.pop();
    terminal.ok_or(Error::NotFound(Code::NotFound))
}

fn assemble(
    rows: Vec<terminal::Model>,
    places: Vec<terminal_place::Model>,
) -> anyhow::Result<Vec<Terminal>> {
    let mut of: HashMap<TerminalId, Vec<Place>> = HashMap::new();
    for row in places {
        let doorway = Doorway::parse(&row.direction);
        of.entry(row.terminal_id).or_default().push(Place {
            valid_from: row.valid_from,
            venue: row.venue_id,
            zone: row.zone_id,
            doorway: doorway.ok_or_else(|| anyhow::anyhow!("an unknown terminal direction"))?,
        });
    }
    rows.into_iter()
        .map(|row| {
            Ok(Terminal {
                places: of.remove(&row.id).unwrap_or_default(),
                id: row.id,
                serial: row.serial.into(),
                family: row.family.into(),
                time_zone: row.time_zone.parse()?,
            })
        })
        .collect()
}

/// The community where a terminal stands at `at`; where it stands first, before that.
///
/// # Errors
/// `NotFound` without such a terminal.
pub async fn community(
    db: &impl ConnectionTrait,
    id: TerminalId,
    at: DateTime<Utc>,
) -> Result<DivisionCode, Error> {
    let terminal = load_one(db, id).await?;
    let missing = || Error::NotFound(Code::NotFound);
    let place = terminal.place_at(at).or(terminal.places.first()).ok_or_else(missing)?;
    Ok(venues::load(db, place.venue).await?.ok_or_else(missing)?.community)
}

/// One terminal's record numbers.
///
/// # Errors
/// `NotFound` without such a terminal.
pub async fn progress(db: &impl ConnectionTrait, id: TerminalId) -> Result<Progress, Error> {
    let row = terminal::Entity::find_by_id(id).one(db).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    Ok(Progress::parse(row.epoch, row.highest_seq, &row.gaps))
}

/// A terminal as staff see it.
#[derive(Clone, Debug)]
pub struct TerminalView {
    pub terminal: Arc<Terminal>,
    pub is_in_use: bool,
    pub clock_offset_ms: i64,
    pub last_seen_at: Option<DateTime<Utc>>,
    pub lost_at: Option<DateTime<Utc>>,
    pub watermark_at: Option<DateTime<Utc>>,
    pub queue_length: Option<i32>,
    pub faces: Option<i32>,
    pub firmware: Option<String>,
    pub progress: Progress,
    /// Oldest first.
    pub keys: Vec<KeyView>,
}

/// A key as staff see it: everything but the secret.
#[derive(Clone, Debug)]
pub struct KeyView {
    pub id: TerminalKeyId,
    pub created_at: DateTime<Utc>,
    pub activated_at: Option<DateTime<Utc>>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// At most `limit` terminals that stand, last stood or will stand in `scope`, by id, after `after`.
pub async fn terminals(
    db: &impl ConnectionTrait,
    scope: &DivisionCode,
    after: Option<TerminalId>,
    limit: usize,
) -> Result<Vec<TerminalView>, Error> {
    let world = venues::load_world(db).await?;
    let covered =
        |place: &Place| world.get(&place.venue).is_some_and(|v| scope.covers(&v.community));
    let mut found: Vec<Arc<Terminal>> = load_terminals(db)
        .await?
        .into_values()
        .filter(|t| after.is_none_or(|after| t.id > after) && t.places.last().is_some_and(covered))
        .collect();
    found.sort_by_key(|terminal| terminal.id);
    found.truncate(limit);
    views(db, found).await
}

pub(super) async fn views(
    db: &impl ConnectionTrait,
    found: Vec<Arc<Terminal>>,
) -> Result<Vec<TerminalView>, Error> {
    let ids = || found.iter().map(|terminal| terminal.id);
    let rows = terminal::Entity::find().filter(terminal::Column::Id.is_in(ids())).all(db).await?;
    let mut rows: HashMap<TerminalId, terminal::Model> =
        rows.into_iter().map(|row| (row.id, row)).collect();
    let mut keys: HashMap<TerminalId, Vec<KeyView>> = HashMap::new();
    let key_rows = terminal_key::Entity::find()
        .filter(terminal_key::Column::TerminalId.is_in(ids()))
        .order_by_asc(terminal_key::Column::Id)
        .all(db)
        .await?;
    for row in key_rows {
        keys.entry(row.terminal_id).or_default().push(key_view(&row));
    }
    let known = found.into_iter().filter_map(|t| rows.remove(&t.id).map(|row| (t, row)));
    Ok(known.map(|(t, row)| view(keys.remove(&t.id).unwrap_or_default(), t, row)).collect())
}

fn view(keys: Vec<KeyView>, terminal: Arc<Terminal>, row: terminal::Model) -> TerminalView {
    TerminalView {
        progress: Progress::parse(row.epoch, row.highest_seq, &row.gaps),
        is_in_use: ledger::is_in_use(&row),
        terminal,
        clock_offset_ms: row.clock_offset_ms,
        last_seen_at: row.last_seen_at,
        lost_at: row.lost_at,
        watermark_at: row.watermark_at,
        queue_length: row.queue_length,
        faces: row.faces,
        firmware: row.firmware,
        keys,
    }
}

fn key_view(row: &terminal_key::Model) -> KeyView {
    KeyView {
        id: row.id,
        created_at: row.created_at,
        activated_at: row.activated_at,
        expires_at: row.expires_at,
        revoked_at: row.revoked_at,
    }
}
