//! A quarantined record that staff have looked at: given a person or a date it becomes an entry
//! event, folded as one that came late; or it is put aside.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, QueryResult, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    NewEntry, Outcome,
    judge::oldest_month,
    rows::{EventRow, Rows, method},
    rules::{Timing, classify_time},
    world::{World, Worlds},
};
use crate::{
    base::{
        db::bulk,
        error::{Code, Error},
        ids::{Direction, EventId, MemberId, Method, TerminalId, VenueId},
        keys::Keys,
    },
    members::{self, Purpose, Status},
    minutes::{self, timeline},
    terminals::Terminal,
};

/// What a record says, in one form whatever the protocol, without what it shows at a door when it
/// is looked at again: kept sealed beside the raw bytes.
#[derive(Serialize, Deserialize)]
struct Said {
    epoch: i64,
    seq: i64,
    vendor_key: Option<String>,
    device_time: DateTime<Utc>,
    received_at: DateTime<Utc>,
    direction: Direction,
    method: Method,
    credential: String,
    held_as: Method,
    score: Option<f64>,
}

/// What is kept of a record that could be read; nothing of one that could not.
pub(super) fn said(entry: &NewEntry) -> String {
    if entry.flaw.is_some() {
        return String::new();
    }
    let said = Said {
        epoch: entry.epoch,
        seq: entry.seq,
        vendor_key: entry.vendor_key.as_deref().map(str::to_owned),
        device_time: entry.device_time,
        received_at: entry.received_at,
        direction: entry.direction,
        method: entry.method,
        credential: entry.credential.clone(),
        held_as: entry.held_as,
        score: entry.score,
    };
    serde_json::to_string(&said).unwrap_or_default()
}

/// The same under the id of its row; nothing stays nothing.
pub(super) fn sealed(keys: &Keys, id: Uuid, said: &str) -> String {
    if said.is_empty() {
        return String::new();
    }
    keys.seal("quarantine", "record_ct", &id.to_string(), said.as_bytes())
}

/// What staff know that the record does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// Who it was; whoever holds what was shown, if absent.
    pub member: Option<MemberId>,
    /// When it was; as the terminal says, if absent.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// An event that came of a record.
#[derive(Clone, Debug)]
pub struct Accepted {
    pub event: EventId,
    pub member: MemberId,
    /// What it did to the member's minutes.
    pub effect: minutes::Effect,
}

/// An event on its way.
#[derive(Clone, Copy)]
struct Coming {
    event: EventId,
    member: MemberId,
    venue: VenueId,
    occurred_at: DateTime<Utc>,
}

/// A record that waits.
struct Waiting {
    terminal: TerminalId,
    record_id: String,
    said: Said,
}

/// Makes an event of a quarantined record, and folds it. Refuses (409) what was answered before,
/// could not be read or contradicts an event; (422) without a person, a time or a place.
pub async fn accept(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: Uuid,
    given: Given,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Accepted, Error> {
    let Waiting { terminal, record_id, said } = waiting(tx, keys, id).await?;
    let world = Worlds::default().reload(tx).await?;
    let terminal = world.terminals.get(&terminal).ok_or(Error::Conflict(Code::Conflict))?;
    let occurred_at = occurred(tx, terminal, &said, given.occurred_at, now).await?;
    let (member, credited) = person(tx, keys, &said, given.member, occurred_at).await?;
    let place = terminal.place_at(occurred_at);
    let venue = place.map(|place| place.venue).filter(|venue| world.venues.contains_key(venue));
    let venue = venue.ok_or_else(|| Error::invalid("/occurred_at", Code::UnknownVenue))?;
    let coming = Coming { event: EventId::new(), member, venue, occurred_at };
    let before = minutes::Moment::of(tx, &[member]).await?;
    take_key(tx, terminal.id, &record_id, &coming).await?;
    enter(tx, keys, (&world, terminal), &said, &coming, credited, now).await?;
    resolve(tx, id, "accepted", by, now).await?;
    let effect = before.until(minutes::Moment::of(tx, &[member]).await?);
    Ok(Accepted { event: coming.event, member, effect })
}

/// Puts a record aside; refuses (409) what was answered before.
pub async fn reject(
    tx: &DatabaseTransaction,
    id: Uuid,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    resolve(tx, id, "rejected", by, now).await
}

async fn resolve(
    tx: &DatabaseTransaction,
    id: Uuid,
    resolution: &str,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "UPDATE quarantine SET resolved_at = $2, resolution = $3, by_actor = $4 \
               WHERE id = $1 AND resolved_at IS NULL";
    let values = [id.into(), now.into(), resolution.into(), by.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    match tx.execute_raw(statement).await?.rows_affected() {
        0 => Err(Error::Conflict(Code::RequestDecided)),
        _ => Ok(()),
    }
}

async fn waiting(tx: &DatabaseTransaction, keys: &Keys, id: Uuid) -> Result<Waiting, Error> {
    let sql = "SELECT terminal_id, record_id, record_ct FROM quarantine \
               WHERE id = $1 AND resolved_at IS NULL";
    let row = one(tx, sql, [id.into()]).await?.ok_or(Error::Conflict(Code::RequestDecided))?;
    let terminal: Option<Uuid> = row.try_get("", "terminal_id")?;
    let record_id: Option<String> = row.try_get("", "record_id")?;
    let sealed: String = row.try_get("", "record_ct")?;
    let (Some(terminal), Some(record_id)) = (terminal, record_id) else {
        return Err(Error::Conflict(Code::RecordUnreadable));
    };
    if sealed.is_empty() {
        return Err(Error::Conflict(Code::RecordUnreadable));
    }
    let plain = keys.open("quarantine", "record_ct", &id.to_string(), &sealed)?;
    let said = serde_json::from_slice(&plain).map_err(Error::internal)?;
    Ok(Waiting { terminal: TerminalId(terminal), record_id, said })
}

async fn one<const N: usize>(
    tx: &DatabaseTransaction,
    sql: &str,
    values: [sea_orm::Value; N],
) -> Result<Option<QueryResult>, Error> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    Ok(tx.query_one_raw(statement).await?)
}

/// When it happened: as staff say, or as the terminal does, if that can be.
async fn occurred(
    tx: &DatabaseTransaction,
    terminal: &Terminal,
    said: &Said,
    given: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Error> {
    let at = if let Some(at) = given {
        at
    } else {
        let sql = "SELECT clock_offset_ms FROM terminals WHERE id = $1";
        let row = one(tx, sql, [terminal.id.0.into()]).await?;
        let offset = row.map_or(Ok(0), |row| row.try_get("", "clock_offset_ms"))?;
        match classify_time(said.device_time, offset, said.received_at, false) {
            Timing::Known { occurred_at, .. } => occurred_at,
            Timing::Absurd => return Err(Error::invalid("/occurred_at", Code::Required)),
        }
    };
    let fits = at <= said.received_at.min(now) && at.date_naive() >= oldest_month(now);
    if fits { Ok(at) } else { Err(Error::invalid("/occurred_at", Code::BadTime)) }
}

/// Who it was, and whether their minutes count.
async fn person(
    tx: &DatabaseTransaction,
    keys: &Keys,
    said: &Said,
    given: Option<MemberId>,
    at: DateTime<Utc>,
) -> Result<(MemberId, bool), Error> {
    let required = || Error::invalid("/member_id", Code::Required);
    let member = match given {
        Some(member) => member,
        None => holder(tx, said, at).await?.ok_or_else(required)?,
    };
    let facts = members::facts_for(tx, keys, &[member]).await?;
    let facts = facts.get(&member).filter(|facts| facts.status != Status::Erased);
    let facts = facts.ok_or_else(|| Error::invalid("/member_id", Code::NotFound))?;
    Ok((member, facts.consents_to(Purpose::MinutesStatistics, at)))
}

async fn holder(
    tx: &DatabaseTransaction,
    said: &Said,
    at: DateTime<Utc>,
) -> Result<Option<MemberId>, Error> {
    let sql = "SELECT member_id FROM credentials WHERE kind = $1 AND handle = $2 \
               AND status = 'active' AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3)";
    let values = [method(said.held_as).into(), said.credential.clone().into(), at.into()];
    let row = one(tx, sql, values).await?;
    row.map(|row| Ok(MemberId(row.try_get("", "member_id")?))).transpose()
}

/// The record's key names its event now; one that names another already is a contradiction.
async fn take_key(
    tx: &DatabaseTransaction,
    terminal: TerminalId,
    record_id: &str,
    coming: &Coming,
) -> Result<(), Error> {
    let sql = "UPDATE event_keys SET event_id = $3, occurred_at = $4 \
               WHERE terminal_id = $1 AND record_id = $2 AND event_id IS NULL";
    let (event, at) = (coming.event.0, coming.occurred_at);
    let values = [terminal.0.into(), record_id.into(), event.into(), at.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    match tx.execute_raw(statement).await?.rows_affected() {
        0 => Err(Error::Conflict(Code::RecordTaken)),
        _ => Ok(()),
    }
}

async fn enter(
    tx: &DatabaseTransaction,
    keys: &Keys,
    (world, terminal): (&World, &Terminal),
    said: &Said,
    coming: &Coming,
    credited: bool,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Coming { event, member, venue, occurred_at } = *coming;
    let folded = timeline::Event {
        id: event,
        occurred_at,
        direction: said.direction,
        venue,
        serial: terminal.serial.clone(),
        epoch: said.epoch,
        seq: said.seq,
        credited,
    };
    let effect = minutes::admit(tx, keys, world, member, folded, now).await?;
    let entry = NewEntry {
        terminal: terminal.id,
        epoch: said.epoch,
        seq: said.seq,
        vendor_key: said.vendor_key.as_deref().map(Into::into),
        device_time: said.device_time,
        received_at: said.received_at,
        direction: said.direction,
        method: said.method,
        credential: said.credential.clone(),
        held_as: said.held_as,
        score: said.score,
        outcome: Outcome::Unknown,
        body_hash: [0; 32],
        raw: String::new(),
        flaw: None,
    };
    let mut rows = Rows::default();
    rows.event(&EventRow {
        id: event,
        occurred_at,
        venue,
        member: Some(member),
        entry: &entry,
        serial: &terminal.serial,
        offset_s: 0,
        clock_flag: None,
        mode: "replayed",
        decision: "recorded",
        reason: None,
        either_way: false,
        credited,
    });
    rows.effects(|_| effect);
    bulk::write_all(tx, rows.writes()).await?;
    Ok(())
}
