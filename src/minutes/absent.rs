//! Stays of people who were presumed inside and were not there when somebody counted heads.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseTransaction, EntityTrait as _};

use super::{
    declare::World,
    statement::{self, NewFact},
    tables::session,
    timeline::FactKind,
};
use crate::base::{
    error::Error,
    ids::{MemberId, SessionId},
    keys::Keys,
};

/// Ends those of these stays that are still open, by estimate and at `now` at the latest; gives how
/// many. An exit that comes late still says when they left, and so may they.
pub async fn end_absent(
    tx: &DatabaseTransaction,
    keys: &Keys,
    stays: &[(MemberId, SessionId)],
    by: &str,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let mut stays = stays.to_vec();
    stays.sort_unstable();
    // All people before anything else, in the order of every writer.
    for (member, _) in &stays {
        statement::lock(tx, *member).await?;
    }
    let world = World::load(tx).await?;
    let mut ended = 0;
    for (member, session) in stays {
        let stay = session::Entity::find_by_id(session.0).one(tx).await?;
        if stay.is_none_or(|stay| stay.left_at.is_some() || stay.void) {
            continue;
        }
        let fact = NewFact {
            member,
            session,
            kind: FactKind::Absent,
            entered_at: None,
            left_at: now,
            reason: String::new(),
            by_actor: by.to_owned(),
            approved_by: None,
        };
        match statement::state_fact(tx, keys, &world, &fact, now).await {
            Ok(()) => ended += 1,
            // Whoever was forgotten meanwhile has no events that could be folded again.
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ended)
}
