//! Somebody who registered twice, with two documents say, becomes one member again: stays, ways in
//! and children of both are one's, and what is left of the other is forgotten.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, DatabaseTransaction};

use crate::{
    activities,
    base::{db, error::Error, ids::MemberId, keys::Keys},
    bookings, fitness, groups, honours, instructors, members, minutes,
    staff::StaffCaller,
    tickets,
};

/// Joins `gone` to `kept`, whole or not at all, and tells what comes of it. Refuses (404) whoever
/// is not in the caller's division, and (409) corrected stays of both that overlap.
pub async fn join(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    (kept, gone): (MemberId, MemberId),
    reason: &str,
    now: DateTime<Utc>,
) -> Result<minutes::Effect, Error> {
    // Timelines first, as every writer locks them.
    let mut both = [kept, gone];
    both.sort();
    for id in both {
        minutes::hold(tx, id).await?;
    }
    members::join(tx, by, (kept, gone), reason, now).await?;
    let effect = minutes::join(tx, keys, (kept, gone), now).await?;
    instructors::join(tx, (kept, gone)).await?;
    bookings::join(tx, (kept, gone)).await?;
    groups::join(tx, (kept, gone)).await?;
    activities::join(tx, (kept, gone)).await?;
    fitness::join(tx, kept, gone).await?;
    honours::join(tx, kept, gone).await?;
    tickets::join(tx, kept, gone).await?;
    super::erase(tx, gone, &by.actor(), now).await?;
    Ok(effect)
}

/// What joining would do; nothing is changed.
pub async fn preview(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    both: (MemberId, MemberId),
    now: DateTime<Utc>,
) -> Result<minutes::Effect, Error> {
    let tx = db::begin(db).await?;
    let effect = join(&tx, keys, by, both, "preview", now).await?;
    tx.rollback().await?;
    Ok(effect)
}
