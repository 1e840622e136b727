//! What is wrong with devices as they stand: nobody's, silent, lost, with gaps, with rosters that
//! differ, with faces that should be gone.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{DatabaseConnection, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Item, Kind, Look, Place, answers};
use crate::{
    base::{error::Error, ids::TerminalId},
    terminals::{self, Trouble, ledger},
};

/// How long a terminal may take to delete a withdrawn face: what it was granted runs out then.
const DELETED_WITHIN: TimeDelta = TimeDelta::days(7);

/// Terminals of a kind of trouble, by id. How many rows are read depends on how many terminals
/// there are.
pub(super) async fn terminals(
    db: &DatabaseConnection,
    kind: Kind,
    look: &Look<'_>,
    rows: usize,
) -> Result<Vec<Item>, Error> {
    /// Terminals looked at at once.
    const PIECE: usize = 200;
    let mut items = Vec::new();
    let mut after = look.after.id.map(TerminalId);
    while items.len() < rows {
        let lines = ledger::lines(db, look.division, after, PIECE, look.now).await?;
        let Some(last) = lines.last() else { break };
        after = Some(last.terminal.terminal.id);
        let ids: Vec<Uuid> = lines.iter().map(|line| line.terminal.terminal.id.0).collect();
        let answered = answers::answered(db, kind, &ids, look.now).await?;
        let is_last = lines.len() < PIECE;
        let wrong = lines.iter().filter_map(|line| item(kind, line, look.now));
        items.extend(wrong.filter(|item| item.id.is_none_or(|id| !answered.contains(&id))));
        if is_last {
            break;
        }
    }
    items.truncate(rows);
    Ok(items)
}

fn item(kind: Kind, line: &ledger::Line, now: DateTime<Utc>) -> Option<Item> {
    let (view, standing) = (&line.terminal, &line.standing);
    let troubles = standing.troubles();
    let detail = match kind {
        Kind::LostTerminal => view.lost_at.map(|_| view.terminal.serial.to_string()),
        Kind::SilentTerminal => (view.lost_at.is_none() && troubles.contains(&Trouble::Silent))
            .then(|| view.terminal.serial.to_string()),
        Kind::Gap => (standing.missing_records > 0).then(|| standing.missing_records.to_string()),
        Kind::RosterMismatch => {
            (standing.roster_mismatch > 0).then(|| standing.roster_mismatch.to_string())
        }
        Kind::Conflict
        | Kind::UndatedRecord
        | Kind::UnknownFace
        | Kind::QuarantinedRecord
        | Kind::QuarantinedDevice
        | Kind::FaceDeletionOverdue
        | Kind::LongStay
        | Kind::OrphanExit
        | Kind::LowScore
        | Kind::AbsurdClock
        | Kind::Ticket => None,
    }?;
    let id = view.terminal.id.0;
    let at = if kind == Kind::LostTerminal { view.lost_at } else { view.last_seen_at };
    Some(Item {
        kind,
        id: Some(id),
        at,
        venue: view.terminal.place_at(now).map(|place| place.venue.0),
        terminal: Some(id),
        member: None,
        detail: Some(detail),
        place: Place { kind: kind.place(), at: None, id: Some(id), text: None },
    })
}

/// Devices that nobody has claimed. They stand nowhere, so whoever sees the list sees them all.
pub(super) async fn devices(
    db: &DatabaseConnection,
    look: &Look<'_>,
    rows: usize,
) -> Result<Vec<Item>, Error> {
    let text = look.after.text.as_deref().and_then(|text| text.split_once(' '));
    let after = text.map(|(family, serial)| (family.to_owned(), serial.to_owned()));
    let limit = u64::try_from(rows).unwrap_or(u64::MAX);
    let found = terminals::unclaimed(db, after, limit).await?;
    let item = |device: terminals::UnclaimedView| {
        let name = format!("{} {}", device.family, device.serial);
        let kind = Kind::QuarantinedDevice;
        Item {
            kind,
            id: None,
            at: Some(device.first_seen_at),
            venue: None,
            terminal: None,
            member: None,
            detail: Some(name.clone()),
            place: Place { kind: kind.place(), at: None, id: None, text: Some(name) },
        }
    };
    Ok(found.into_iter().map(item).collect())
}

/// Withdrawn faces that terminals of the division have not told to be deleted. Handles are kept
/// thirty days after they were withdrawn, and only these are looked at.
const OVERDUE: &str = "SELECT t.id AS terminal, p.venue_id AS venue, MIN(c.valid_to) AS at, \
     COUNT(*) AS faces FROM credentials c \
     JOIN handle_receipts h ON h.member_id = c.member_id AND h.handle = c.handle \
     JOIN terminals t ON t.id = h.terminal_id AND t.status = 'active' \
     JOIN terminal_places p ON p.terminal_id = t.id AND p.valid_from = (SELECT MAX(o.valid_from) \
     FROM terminal_places o WHERE o.terminal_id = t.id AND o.valid_from <= $1) \
     JOIN venues v ON v.id = p.venue_id \
     WHERE c.status IN ('erased', 'withdrawn') AND c.kind = 'face' AND c.valid_to < $2 \
     AND h.result <> 'removed' AND v.community >= $3 AND v.community <= $4 AND t.id > $5 \
     GROUP BY t.id, p.venue_id ORDER BY t.id LIMIT $6";

#[derive(FromQueryResult)]
struct Overdue {
    terminal: Uuid,
    venue: Uuid,
    at: DateTime<Utc>,
    faces: i64,
}

pub(super) async fn faces(
    db: &DatabaseConnection,
    look: &Look<'_>,
    rows: usize,
) -> Result<Vec<Item>, Error> {
    let [first, last] = look.division.bounds();
    let values: [Value; 6] = [
        look.now.into(),
        (look.now - DELETED_WITHIN).into(),
        first,
        last,
        look.after.id.unwrap_or(Uuid::nil()).into(),
        i64::try_from(rows).unwrap_or(i64::MAX).into(),
    ];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), OVERDUE, values);
    let found = Overdue::find_by_statement(statement).all(db).await?;
    let kind = Kind::FaceDeletionOverdue;
    let item = |row: Overdue| Item {
        kind,
        id: Some(row.terminal),
        at: Some(row.at),
        venue: Some(row.venue),
        terminal: Some(row.terminal),
        member: None,
        detail: Some(row.faces.to_string()),
        place: Place { kind: kind.place(), at: None, id: Some(row.terminal), text: None },
    };
    Ok(found.into_iter().map(item).collect())
}
