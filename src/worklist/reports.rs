//! What residents reported of venues and nobody has fixed yet.

use sea_orm::DatabaseConnection;
use uuid::Uuid;

use super::{Item, Kind, Look, Place};
use crate::{base::error::Error, tickets};

/// Tickets that wait for staff, the oldest first.
pub(super) async fn items(
    db: &DatabaseConnection,
    look: &Look<'_>,
    rows: usize,
) -> Result<Vec<Item>, Error> {
    let limit = u64::try_from(rows).unwrap_or(u64::MAX);
    let found = tickets::waiting(db, look.division, look.after.id, limit).await?;
    let kind = Kind::Ticket;
    let item = |ticket: tickets::View| {
        let id: Uuid = ticket.id;
        Item {
            kind,
            id: Some(id),
            at: Some(ticket.reported_at),
            venue: Some(ticket.venue.0),
            terminal: None,
            member: None,
            detail: Some(format!("{} {}", ticket.kind, ticket.state)),
            place: Place { kind: kind.place(), at: None, id: Some(id), text: None },
        }
    };
    Ok(found.into_iter().map(item).collect())
}
