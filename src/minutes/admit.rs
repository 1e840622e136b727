//! One more event of a member, which staff gave a person or a date: folded as one that came late.

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;

use super::{
    posting::Posting,
    statement,
    timeline::{Effect, Event, Venues},
};
use crate::base::{db::bulk, error::Error, ids::MemberId, keys::Keys};

/// Folds an event that SQL does not have yet, and writes what follows from it; gives its effect.
/// The caller writes the event itself, in the same transaction.
pub async fn admit(
    tx: &DatabaseTransaction,
    keys: &Keys,
    venues: &dyn Venues,
    member: MemberId,
    event: Event,
    now: DateTime<Utc>,
) -> Result<Option<Effect>, Error> {
    let mut standing = statement::lock(tx, member).await?;
    let mut posting = Posting::new(keys, venues, now, "fold");
    let id = event.id;
    let mut effect = standing.take(venues, event, &mut posting);
    if effect.is_none() {
        let caught_up = standing.catch_up(tx, venues, now, &mut posting).await?;
        effect = caught_up.effects.into_iter().find(|(of, _)| *of == id).map(|(_, effect)| effect);
    }
    standing.finish(venues, now, &mut posting);
    let writes = posting.finish(tx).await?;
    bulk::write_all(tx, writes).await?;
    Ok(effect)
}
