//! What belongs to a person in every domain at once: showing it all, joining what was registered
//! twice, and forgetting them.
//!
//! Sessions and ledger rows stay under an id that names nobody, so that the venue's figures stay
//! as they were.

pub mod erasures;
mod export;
pub mod impact;
pub mod incident;
mod joining;
mod links;
mod reseal;
mod retention;
mod routes;
mod rules;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;

pub use export::export;
pub use joining::{join, preview as preview_join};
pub use reseal::{Resealed, reseal};
pub use retention::retain;
pub use routes::{routes, staff_routes};

use crate::{
    activities,
    base::{error::Error, ids::MemberId, outbox},
    bookings, entries, fitness, groups, honours, instructors, members, minutes, tickets,
};

/// Destroys what links a member's id to a person, whole or not at all. Refuses (404) who is
/// forgotten already.
pub async fn erase(
    tx: &DatabaseTransaction,
    id: MemberId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    minutes::hold(tx, id).await?;
    bookings::erase(tx, id, now).await?;
    instructors::erase(tx, id).await?;
    entries::erase(tx, id).await?;
    minutes::erase(tx, id).await?;
    outbox::erase(tx, id).await?;
    groups::erase(tx, id).await?;
    activities::erase(tx, id, now).await?;
    fitness::erase(tx, id).await?;
    honours::erase(tx, id).await?;
    tickets::erase(tx, id).await?;
    links::erase(tx, id).await?;
    members::erase(tx, id, actor, now).await
}
