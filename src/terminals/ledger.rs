//! The ledger of terminals: of each, its newest record, what is missing, what waits, how far its
//! clock is off, whom its roster lacks, and whether it is silent for longer than usual.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, ConnectionTrait, DatabaseConnection,
    EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QuerySelect as _, Statement,
    sea_query::OnConflict,
};

use super::{
    ACTIVE, NATIVE, TerminalView, VendorTerminal, find,
    links::NOTHING_LEFT_AFTER,
    roster,
    rules::{Numbers, Progress, Standing, USUAL_PAUSE_AT_FIRST_S, usual_pause_step},
    tables::{
        gateways::{
            terminal_ledger::{self, Column, Entity},
            terminal_link,
        },
        terminal,
    },
};
use crate::base::{
    db,
    error::Error,
    ids::{DivisionCode, TerminalId},
};

/// A record that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// Its running number, where its protocol has one, and that of the record before, where known.
    pub number: Option<(i64, Option<i64>)>,
    /// The device's own time of it.
    pub at: DateTime<Utc>,
}

/// Takes in that these records of a vendor's terminal are in SQL. Telling it twice changes nothing.
pub async fn took(
    db: &DatabaseConnection,
    known: &VendorTerminal,
    came: &[Came],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(newest) = came.iter().map(|one| one.at).max() else { return Ok(()) };
    let tx = db::begin(db).await?;
    let row = locked(&tx, known.terminal.id).await?;
    let mut numbers = Numbers {
        base: row.base,
        since: row.since,
        newest_at: row.newest_at,
        progress: Progress::parse(row.epoch, row.highest, &row.gaps),
    };
    for one in came {
        if let Some((number, follows)) = one.number {
            numbers.absorb(number, follows, one.at, now);
        }
    }
    let newest = newest.checked_sub_signed(TimeDelta::milliseconds(known.clock_offset_ms));
    let newest = newest.unwrap_or(now).min(now);
    let last_record_at = row.last_record_at.max(Some(newest));
    let mut row = row.into_active_model();
    row.epoch = Set(numbers.progress.epoch);
    row.base = Set(numbers.base);
    row.highest = Set(numbers.progress.highest_seq);
    row.gaps = Set(numbers.progress.gaps_text());
    row.since = Set(numbers.since);
    row.newest_at = Set(numbers.newest_at);
    row.last_record_at = Set(last_record_at);
    row.update(&tx).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes in that a terminal was heard after a pause, so that longer ones are noticed.
pub(super) async fn heard(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    last_seen_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(before) = last_seen_at else { return Ok(()) };
    let row = locked(tx, terminal).await?;
    let usual = usual_pause_step(row.usual_pause_s, (now - before).num_seconds());
    if usual == row.usual_pause_s {
        return Ok(());
    }
    let mut row = row.into_active_model();
    row.usual_pause_s = Set(usual);
    row.update(tx).await?;
    Ok(())
}

/// Notes how the roster that a device listed compares with ours.
pub async fn compared(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    (missing, extra): (usize, usize),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut row = locked(tx, terminal).await?.into_active_model();
    row.roster_missing = Set(Some(i32::try_from(missing).unwrap_or(i32::MAX)));
    row.roster_extra = Set(Some(i32::try_from(extra).unwrap_or(i32::MAX)));
    row.roster_compared_at = Set(Some(now));
    row.update(tx).await?;
    Ok(())
}

/// Notes that a device was told to list whom it holds.
pub(super) async fn asked(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut row = locked(tx, terminal).await?.into_active_model();
    row.roster_asked_at = Set(Some(now));
    row.update(tx).await?;
    Ok(())
}

/// Whether a device lacked somebody when it was last looked at.
pub(super) async fn some_were_lost(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
) -> Result<bool, Error> {
    let row = Entity::find_by_id(terminal).one(db).await?;
    Ok(row.and_then(|row| row.roster_missing).unwrap_or(0) > 0)
}

/// Counts one more person whom a device lacks.
pub(super) async fn lost_one(
    tx: &impl ConnectionTrait,
    terminal: TerminalId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let row = locked(tx, terminal).await?;
    let missing = usize::try_from(row.roster_missing.unwrap_or(0)).unwrap_or(0);
    let extra = usize::try_from(row.roster_extra.unwrap_or(0)).unwrap_or(0);
    compared(tx, terminal, (missing + 1, extra), now).await
}

/// When the newest record of a vendor's terminal happened.
pub async fn last_record_at(
    db: &impl ConnectionTrait,
    terminal: TerminalId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let row = Entity::find_by_id(terminal).one(db).await?;
    Ok(row.and_then(|row| row.last_record_at))
}

/// The terminal's row, made if need be, for this transaction alone.
async fn locked(
    tx: &impl ConnectionTrait,
    terminal_id: TerminalId,
) -> Result<terminal_ledger::Model, Error> {
    let find = || Entity::find_by_id(terminal_id).lock_exclusive();
    if let Some(row) = find().one(tx).await? {
        return Ok(row);
    }
    let fresh = fresh(terminal_id);
    let there = OnConflict::column(Column::TerminalId).do_nothing().to_owned();
    let insert = Entity::insert(fresh.clone().into_active_model()).on_conflict(there);
    insert.exec_without_returning(tx).await?;
    Ok(find().one(tx).await?.unwrap_or(fresh))
}

fn fresh(terminal_id: TerminalId) -> terminal_ledger::Model {
    terminal_ledger::Model {
        terminal_id,
        epoch: 0,
        base: 0,
        highest: 0,
        gaps: "[]".to_owned(),
        since: None,
        newest_at: None,
        last_record_at: None,
        usual_pause_s: USUAL_PAUSE_AT_FIRST_S,
        roster_missing: None,
        roster_extra: None,
        roster_compared_at: None,
        roster_asked_at: None,
    }
}

/// A line of the ledger.
#[derive(Clone, Debug)]
pub struct Line {
    pub terminal: TerminalView,
    /// When its newest record happened, by our clock.
    pub last_record_at: Option<DateTime<Utc>>,
    /// When it last listed whom it holds, and that was compared with the roster.
    pub roster_compared_at: Option<DateTime<Utc>>,
    pub standing: Standing,
}

impl Line {
    /// What people call it: what stands on the device.
    pub fn sentences(&self) -> (String, String) {
        self.standing.sentences(&self.terminal.terminal.serial)
    }
}

/// At most `limit` lines of terminals in use that stand, last stood or will stand in `scope`, by
/// id, after `after`.
pub async fn lines(
    db: &impl ConnectionTrait,
    scope: &DivisionCode,
    after: Option<TerminalId>,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Line>, Error> {
    let in_use = |views: Vec<TerminalView>| views.into_iter().filter(|view| view.is_in_use);
    let mut found = Vec::new();
    let mut after = after;
    // Those that are no longer in use take up places of a page; another one is looked at then.
    while found.len() < limit {
        let views = find::terminals(db, scope, after, limit).await?;
        let Some(last) = views.last() else { break };
        after = Some(last.terminal.id);
        found.extend(in_use(views));
    }
    found.truncate(limit);
    let natives = native_records(db, &found).await?;
    let mut lines = drawn_up(db, found, now).await?;
    for line in &mut lines {
        let at = natives.get(&line.terminal.terminal.id).copied();
        line.last_record_at = line.last_record_at.or(at);
    }
    Ok(lines)
}

/// How all terminals in use stand.
pub async fn standings(
    db: &impl ConnectionTrait,
    now: DateTime<Utc>,
) -> Result<Vec<Standing>, Error> {
    let all = find::load_terminals(db).await?.into_values().collect();
    let views = find::views(db, all).await?;
    let in_use = views.into_iter().filter(|view| view.is_in_use).collect();
    Ok(drawn_up(db, in_use, now).await?.into_iter().map(|line| line.standing).collect())
}

async fn drawn_up(
    db: &impl ConnectionTrait,
    views: Vec<TerminalView>,
    now: DateTime<Utc>,
) -> Result<Vec<Line>, Error> {
    /// Ids of one query: both databases take as many.
    const PIECE: usize = 500;
    let mut lines = Vec::with_capacity(views.len());
    for piece in views.chunks(PIECE) {
        let ids: Vec<TerminalId> = piece.iter().map(|view| view.terminal.id).collect();
        let rows = Entity::find().filter(Column::TerminalId.is_in(ids.clone())).all(db).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.terminal_id, row)).collect();
        let draining = draining(db, &ids, now).await?;
        let mismatches = roster::mismatches(db, &ids).await?;
        for view in piece {
            let id = view.terminal.id;
            let row = rows.remove(&id).unwrap_or_else(|| fresh(id));
            let known = Known {
                draining: draining.contains(&id),
                refused: mismatches.get(&id).copied().unwrap_or_default(),
            };
            lines.push(line(view.clone(), &row, &known, now));
        }
    }
    Ok(lines)
}

/// What other tables know of a terminal.
struct Known {
    draining: bool,
    /// Persons whom it did not take, or would not forget.
    refused: i64,
}

fn line(
    view: TerminalView,
    row: &terminal_ledger::Model,
    known: &Known,
    now: DateTime<Utc>,
) -> Line {
    let is_native = *view.terminal.family == *NATIVE;
    let missing_records = if is_native {
        view.progress.missing()
    } else {
        Progress::parse(row.epoch, row.highest, &row.gaps).missing()
    };
    let listed = |count: Option<i32>| i64::from(count.unwrap_or_default());
    let standing = Standing {
        missing_records,
        clock_offset_ms: view.clock_offset_ms,
        silent_s: view.last_seen_at.map(|at| (now - at).num_seconds().max(0)),
        usual_pause_s: i64::from(row.usual_pause_s),
        waiting_records: view.queue_length.map_or(0, i64::from).max(0),
        catching_up: known.draining,
        roster_mismatch: known.refused.max(listed(row.roster_missing) + listed(row.roster_extra)),
    };
    Line {
        last_record_at: row.last_record_at,
        roster_compared_at: row.roster_compared_at,
        terminal: view,
        standing,
    }
}

/// Those of `ids` that send, or have just sent, what they had kept for a while.
async fn draining(
    db: &impl ConnectionTrait,
    ids: &[TerminalId],
    now: DateTime<Utc>,
) -> Result<Vec<TerminalId>, Error> {
    let rows = terminal_link::Entity::find()
        .filter(terminal_link::Column::TerminalId.is_in(ids.iter().copied()))
        .filter(terminal_link::Column::BacklogAt.gt(now - NOTHING_LEFT_AFTER))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.terminal_id).collect())
}

/// When the record with a native terminal's highest number happened. The key of a record says so,
/// and its row is found by its primary key.
async fn native_records(
    db: &impl ConnectionTrait,
    views: &[TerminalView],
) -> Result<HashMap<TerminalId, DateTime<Utc>>, Error> {
    let mut found = HashMap::new();
    for view in views {
        let (id, progress) = (view.terminal.id, &view.progress);
        if *view.terminal.family != *NATIVE || progress.highest_seq == 0 {
            continue;
        }
        let key = format!("{}:{}", progress.epoch, progress.highest_seq);
        let sql = "SELECT occurred_at, received_at FROM event_keys \
                   WHERE terminal_id = $1 AND record_id = $2";
        let values = [id.0.into(), key.into()];
        let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
        if let Some(row) = db.query_one_raw(statement).await? {
            let occurred: Option<DateTime<Utc>> = row.try_get("", "occurred_at")?;
            let at = match occurred {
                Some(at) => at,
                None => row.try_get("", "received_at")?,
            };
            found.insert(id, at);
        }
    }
    Ok(found)
}

/// Whether a stored status is that of a terminal in use.
pub(super) fn is_in_use(row: &terminal::Model) -> bool {
    row.status == ACTIVE
}
