//! What lately happened and looks wrong: records in quarantine, and events and stays of their own
//! indexes. Each page is read behind a time and an id.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{DatabaseConnection, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Item, Kind, Look, Place, WINDOW, answers};
use crate::base::error::Error;

/// A stay that is open for so long is looked at.
const LONG: TimeDelta = TimeDelta::hours(3);

/// `$1` `$2` the place behind which, `$3` since when, `$4` `$5` the communities, `$6` how many.
const QUARANTINED: &str = "SELECT q.id AS id, q.received_at AS at, q.venue_id AS venue, \
     q.terminal_id AS terminal, CAST(NULL AS uuid) AS member, q.reason AS detail FROM quarantine q \
     JOIN venues v ON v.id = q.venue_id WHERE q.resolved_at IS NULL AND q.terminal_id IS NOT NULL \
     AND (q.received_at, q.id) > ($1, $2) AND q.received_at >= $3 \
     AND v.community >= $4 AND v.community <= $5 AND {which} ORDER BY q.received_at, q.id LIMIT $6";

const EVENTS: &str = "SELECT e.id AS id, e.occurred_at AS at, e.venue_id AS venue, \
     e.terminal_id AS terminal, e.member_id AS member, e.method AS detail FROM entry_events e \
     JOIN venues v ON v.id = e.venue_id WHERE {which} AND (e.occurred_at, e.id) > ($1, $2) \
     AND e.occurred_at >= $3 AND v.community >= $4 AND v.community <= $5 \
     ORDER BY e.occurred_at, e.id LIMIT $6";

const STAYS: &str = "SELECT s.id AS id, s.entered_at AS at, s.venue_id AS venue, \
     CAST(NULL AS uuid) AS terminal, s.member_id AS member, CAST(NULL AS text) AS detail FROM sessions s WHERE s.left_at IS NULL AND NOT s.void \
     AND (s.entered_at, s.id) > ($1, $2) AND s.entered_at <= $3 AND s.community >= $4 \
     AND s.community <= $5 ORDER BY s.entered_at, s.id LIMIT $6";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    at: DateTime<Utc>,
    venue: Option<Uuid>,
    terminal: Option<Uuid>,
    member: Option<Uuid>,
    detail: Option<String>,
}

/// Items of a kind that is read from rows of its own, without those that somebody has answered.
pub(super) async fn items(
    db: &DatabaseConnection,
    kind: Kind,
    look: &Look<'_>,
    rows: usize,
) -> Result<Vec<Item>, Error> {
    let mut items: Vec<Item> = Vec::new();
    let mut place = look.after.clone();
    // Answered ones take up places of a page; another one is looked at then.
    while items.len() < rows {
        let page = page(db, kind, look, &place, rows).await?;
        let Some(last) = page.last() else { break };
        place = Place { kind: kind.place(), at: Some(last.at), id: Some(last.id), text: None };
        let is_last = page.len() < rows;
        let ids: Vec<Uuid> = page.iter().map(|row| row.id).collect();
        let answered = if kind.is_record() {
            Vec::new()
        } else {
            answers::answered(db, kind, &ids, look.now).await?
        };
        let open = page.into_iter().filter(|row| !answered.contains(&row.id));
        items.extend(open.map(|row| item(kind, row)));
        if is_last {
            break;
        }
    }
    items.truncate(rows);
    Ok(items)
}

async fn page(
    db: &DatabaseConnection,
    kind: Kind,
    look: &Look<'_>,
    place: &Place,
    rows: usize,
) -> Result<Vec<Row>, Error> {
    let since = if kind == Kind::LongStay { look.now - LONG } else { look.now - WINDOW };
    let [first, last] = look.division.bounds();
    let values: [Value; 6] = [
        place.at.unwrap_or(DateTime::<Utc>::UNIX_EPOCH).into(),
        place.id.unwrap_or(Uuid::nil()).into(),
        since.into(),
        first,
        last,
        i64::try_from(rows).unwrap_or(i64::MAX).into(),
    ];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql(kind), values);
    Ok(Row::find_by_statement(statement).all(db).await?)
}

fn sql(kind: Kind) -> String {
    let (rows, which) = match kind {
        Kind::Conflict => (QUARANTINED, "q.reason = 'conflict'"),
        Kind::UndatedRecord => (QUARANTINED, "q.reason = 'time_suspect'"),
        Kind::UnknownFace => (QUARANTINED, "q.reason = 'unknown_credential'"),
        Kind::OrphanExit => (EVENTS, "e.effect = 'orphan'"),
        Kind::LowScore => (EVENTS, "e.score < 0.6"),
        Kind::AbsurdClock => (EVENTS, "e.clock_flag = 'absurd_time'"),
        Kind::LongStay => (STAYS, ""),
        Kind::QuarantinedRecord
        | Kind::QuarantinedDevice
        | Kind::FaceDeletionOverdue
        | Kind::LostTerminal
        | Kind::SilentTerminal
        | Kind::Gap
        | Kind::RosterMismatch
        | Kind::Ticket => {
            (QUARANTINED, "q.reason NOT IN ('conflict', 'time_suspect', 'unknown_credential')")
        }
    };
    rows.replace("{which}", which)
}

fn item(kind: Kind, row: Row) -> Item {
    let place = Place { kind: kind.place(), at: Some(row.at), id: Some(row.id), text: None };
    let Row { id, at, venue, terminal, member, detail } = row;
    Item { kind, id: Some(id), at: Some(at), venue, terminal, member, detail, place }
}
