//! Heartbeats: what a terminal says of itself, and what follows from its silence.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait as _, Condition, DatabaseConnection,
    DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, sea_query::Expr,
};

use super::{
    audited, find, ledger, nonces,
    rules::{ClockOffset, Progress, offset_step, watermark_step},
    tables::terminal::{Column, Entity},
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::TerminalId,
    },
    webhooks::{self, Event, Kind},
};

/// A terminal that says nothing for so long is lost and holds no day open.
const LOST_AFTER: TimeDelta = TimeDelta::days(7);

/// What a terminal says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// Its own clock when it sent this.
    pub clock: DateTime<Utc>,
    /// Records that it has not seen acknowledged.
    pub queue_length: i32,
    pub firmware: Option<String>,
    pub door: Option<Door>,
    /// Faces that it holds.
    pub faces: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Open,
    Closed,
    Unknown,
}

/// Takes a heartbeat in: clock offset, watermark, when it was last seen. Answers what is known of
/// its record numbers.
///
/// # Errors
/// `Unauthenticated` when the nonce was used before.
pub async fn heartbeat(
    db: &DatabaseConnection,
    terminal: TerminalId,
    nonce: &str,
    beat: Heartbeat,
    received_at: DateTime<Utc>,
) -> Result<Progress, Error> {
    let tx = db::begin(db).await?;
    nonces::spend(&tx, terminal, nonce, received_at).await?;
    let row = Entity::find_by_id(terminal).lock_exclusive().one(&tx).await?;
    let row = row.ok_or(Error::Unauthenticated(Code::UnknownKey))?;
    let progress = Progress::parse(row.epoch, row.highest_seq, &row.gaps);
    let before = ClockOffset { adopted_ms: row.clock_offset_ms, seen_ms: row.clock_offset_seen_ms };
    let offset = offset_step(before, beat.clock, received_at);
    let watermark =
        watermark_step(row.watermark_at, beat.queue_length, beat.clock, offset, received_at);
    ledger::heard(&tx, terminal, row.last_seen_at, received_at).await?;
    let mut row = row.into_active_model();
    row.clock_offset_ms = Set(offset.adopted_ms);
    row.clock_offset_seen_ms = Set(offset.seen_ms);
    row.watermark_at = Set(watermark);
    row.last_seen_at = Set(Some(received_at));
    row.lost_at = Set(None);
    row.queue_length = Set(Some(beat.queue_length));
    if let Some(faces) = beat.faces {
        row.faces = Set(Some(faces));
    }
    if let Some(firmware) = beat.firmware {
        row.firmware = Set(Some(firmware));
    }
    row.update(&tx).await?;
    tx.commit().await?;
    Ok(progress)
}

/// Marks terminals that have been silent for a week as lost, each in the audit chain.
pub async fn mark_lost(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    let since = now - LOST_AFTER;
    let never_seen = Condition::all().add(Column::LastSeenAt.is_null());
    let silent = Condition::any()
        .add(Column::LastSeenAt.lt(since))
        .add(never_seen.add(Column::CreatedAt.lt(since)));
    let silent = Condition::all().add(Column::LostAt.is_null()).add(silent);
    let rows = Entity::find().filter(silent.clone()).order_by_asc(Column::Id).all(db).await?;
    for row in rows {
        let tx = db::begin(db).await?;
        let marked = Entity::update_many()
            .col_expr(Column::LostAt, Expr::value(now))
            .filter(Column::Id.eq(row.id))
            .filter(silent.clone())
            .exec(&tx)
            .await?;
        if marked.rows_affected > 0 {
            tell_lost(&tx, row.id, now).await?;
            audited(tx, "job:lost", "terminal_lost", row.id, now).await?;
        }
    }
    Ok(())
}

async fn tell_lost(
    tx: &DatabaseTransaction,
    id: TerminalId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let community = match find::community(tx, id, now).await {
        Ok(community) => community,
        // It stood nowhere yet, so it is nobody's loss.
        Err(Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let data = serde_json::json!({ "terminal_id": id });
    let event = Event { kind: Kind::TerminalLost, division: Some(&community), data };
    webhooks::tell(tx, &event, now).await?;
    Ok(())
}
