//! What waits for somebody of the staff: requests that need a second person, and everything that
//! looks wrong and that somebody can set right.
//!
//! Nothing is kept of most items: they are what SQL says now, looked up by indexes that hold only
//! what is open or lately happened, so that the list costs the same after years. What somebody has
//! answered without changing anything is noted, and listed no more.

mod answers;
mod doors;
mod records;
mod reports;
mod requests;
mod routes;
mod rules;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use answers::{Action, Answer, Answered, answer, preview};
pub use requests::decide;
pub use routes::routes;
pub use rules::Kind;

use crate::{
    base::error::Error,
    staff::{Function, StaffCaller},
};

/// How long what happened stays on the list if nobody looks at it.
const WINDOW: TimeDelta = TimeDelta::days(30);

/// Something that looks wrong.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: Kind,
    /// What it is known by among its kind; of a device that nobody has claimed, nothing.
    pub id: Option<Uuid>,
    /// Since when.
    pub at: Option<DateTime<Utc>>,
    pub venue: Option<Uuid>,
    pub terminal: Option<Uuid>,
    pub member: Option<Uuid>,
    /// More of it, in words of the kind: a reason, a serial number, a count.
    pub detail: Option<String>,
    /// Where a page after this item begins.
    place: Place,
}

/// A place in the list: a kind, and behind which of its items.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Place {
    kind: usize,
    at: Option<DateTime<Utc>>,
    id: Option<Uuid>,
    text: Option<String>,
}

impl Item {
    /// Where a page after this item begins.
    pub fn place(&self) -> Place {
        self.place.clone()
    }
}

/// What waits within the caller's division, kind by kind in the order of [`Kind::ALL`], behind
/// `after`; of one kind alone if `kind` says so.
pub async fn list(
    db: &DatabaseConnection,
    by: &StaffCaller,
    kind: Option<Kind>,
    after: Option<Place>,
    rows: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Item>, Error> {
    by.require(Function::SeeWork, &by.division)?;
    let mut items = Vec::new();
    let mut after = after.unwrap_or_default();
    while items.len() < rows
        && let Some(current) = Kind::ALL.get(after.kind).copied()
    {
        if kind.is_none_or(|kind| kind == current) {
            let look = Look { division: &by.division, after: &after, now };
            items.extend(of_kind(db, current, &look, rows - items.len()).await?);
        }
        after = Place { kind: after.kind + 1, ..Place::default() };
    }
    items.truncate(rows);
    Ok(items)
}

/// What part of a kind is looked at.
struct Look<'a> {
    division: &'a crate::base::ids::DivisionCode,
    after: &'a Place,
    now: DateTime<Utc>,
}

async fn of_kind(
    db: &DatabaseConnection,
    kind: Kind,
    look: &Look<'_>,
    rows: usize,
) -> Result<Vec<Item>, Error> {
    match kind {
        Kind::Conflict
        | Kind::UndatedRecord
        | Kind::UnknownFace
        | Kind::QuarantinedRecord
        | Kind::OrphanExit
        | Kind::LowScore
        | Kind::AbsurdClock
        | Kind::LongStay => records::items(db, kind, look, rows).await,
        Kind::QuarantinedDevice => doors::devices(db, look, rows).await,
        Kind::LostTerminal | Kind::SilentTerminal | Kind::Gap | Kind::RosterMismatch => {
            doors::terminals(db, kind, look, rows).await
        }
        Kind::FaceDeletionOverdue => doors::faces(db, look, rows).await,
        Kind::Ticket => reports::items(db, look, rows).await,
    }
}
