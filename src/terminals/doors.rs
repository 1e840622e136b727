//! All doors of a venue at once, for when everybody must get out.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use super::{
    commands::{self, Order},
    rules::Family,
};
use crate::base::{
    error::Error,
    ids::{TerminalId, VenueId},
};

/// How long one order holds a door open, as long as terminals take it; who needs more repeats it.
const OPEN_SECONDS: u8 = 60;

/// A door that was told to open, or that somebody has to open by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub terminal: TerminalId,
    pub serial: String,
    /// False where the terminal's protocol knows no such order, where it has to be called and we do
    /// not know where, or too many wait there already.
    pub ordered: bool,
}

#[derive(FromQueryResult)]
struct Row {
    id: TerminalId,
    serial: String,
    family: String,
    address: Option<String>,
}

/// Orders every terminal that stands at the venue now to open its door.
pub async fn open_all(
    tx: &impl ConnectionTrait,
    venue: VenueId,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Told>, Error> {
    let sql = "SELECT t.id, t.serial, t.family, l.address FROM terminal_places p \
               JOIN terminals t ON t.id = p.terminal_id \
               LEFT JOIN terminal_links l ON l.terminal_id = t.id \
               WHERE p.venue_id = $1 AND p.valid_from <= $2 AND t.status = 'active' \
               AND NOT EXISTS (SELECT 1 FROM terminal_places n WHERE n.terminal_id = p.terminal_id \
                               AND n.valid_from > p.valid_from AND n.valid_from <= $2) \
               ORDER BY t.id";
    let values = [venue.0.into(), now.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let order = Order::OpenDoor { seconds: OPEN_SECONDS };
    let mut told = Vec::new();
    for row in Row::find_by_statement(statement).all(tx).await? {
        let is_reached = row.address.is_some() || Family::called(&row.family).is_none();
        let ordered = is_reached
            && order.is_possible(&row.family)
            && !commands::queue(tx, row.id, std::slice::from_ref(&order), by, now)
                .await?
                .is_empty();
        told.push(Told { terminal: row.id, serial: row.serial, ordered });
    }
    Ok(told)
}
