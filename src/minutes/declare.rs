//! What members say about their own stays: when they left, where nobody saw it.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, Statement,
};

use super::{
    statement::{self, NewFact, declarable},
    tables::session,
    timeline::{FactKind, Provenance, Venues},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{MemberId, SessionId, VenueId},
        keys::Keys,
    },
    venues::{self, Venue},
};

/// The venues of a member's history.
pub(super) struct World(std::collections::HashMap<VenueId, std::sync::Arc<Venue>>);

impl Venues for World {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.get(&id).map(std::sync::Arc::as_ref)
    }
}

impl World {
    /// The venues as they are on record.
    pub(super) async fn load(db: &impl ConnectionTrait) -> Result<Self, Error> {
        Ok(Self(venues::load_world(db).await?))
    }
}

/// The member says when they left. Refuses (409) a stay whose end was seen or corrected, and an end
/// more than 48 hours ago; (422) a time outside the stay.
pub async fn declare_left(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    id: SessionId,
    left_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    // Before anything is read, as every writer does.
    statement::lock(tx, member).await?;
    let stay = own_session(tx, member, id).await?;
    let world = World::load(tx).await?;
    let venue = world.venue(VenueId(stay.venue_id)).ok_or(Error::NotFound(Code::NotFound))?;
    check_unseen(&stay)?;
    let next = next_entry(tx, &stay).await?;
    let too_late = Error::Conflict(Code::DeclaredTooLate);
    let Some(ends) = declarable(venue, stay.entered_at, next, now) else { return Err(too_late) };
    if !(stay.entered_at..=ends.latest).contains(&left_at) {
        return Err(Error::invalid("/at", Code::OutsideStay));
    }
    if left_at < ends.earliest {
        return Err(too_late);
    }
    let fact = NewFact {
        member,
        session: id,
        kind: FactKind::Declared,
        entered_at: None,
        left_at,
        reason: String::new(),
        by_actor: format!("member:{member}"),
        approved_by: None,
    };
    statement::state_fact(tx, keys, &world, &fact, now).await.map_err(|error| match error {
        // Of a stay whose beginning was cut: the fold goes by the entry itself.
        Error::Invalid(_) => Error::invalid("/at", Code::OutsideStay),
        other => other,
    })
}

pub(super) async fn own_session(
    tx: &impl ConnectionTrait,
    member: MemberId,
    id: SessionId,
) -> Result<session::Model, Error> {
    session::Entity::find_by_id(id.0)
        .filter(session::Column::MemberId.eq(member.0))
        .filter(session::Column::Void.eq(false))
        .one(tx)
        .await?
        .ok_or(Error::NotFound(Code::NotFound))
}

fn check_unseen(stay: &session::Model) -> Result<(), Error> {
    match stay.provenance.as_deref().and_then(Provenance::parse) {
        None | Some(Provenance::Estimated | Provenance::SelfDeclared) => Ok(()),
        Some(Provenance::Measured | Provenance::Corrected) => {
            Err(Error::Conflict(Code::EndIsKnown))
        }
    }
}

/// When the member's next stay began, whose beginning ends this one.
async fn next_entry(
    tx: &DatabaseTransaction,
    stay: &session::Model,
) -> Result<Option<DateTime<Utc>>, DbErr> {
    let next = session::Entity::find()
        .filter(session::Column::MemberId.eq(stay.member_id))
        .filter(session::Column::Void.eq(false))
        .filter(session::Column::EnteredAt.gt(stay.entered_at))
        .order_by_asc(session::Column::EnteredAt)
        .one(tx)
        .await?;
    Ok(next.map(|next| next.entered_at))
}

/// Holds back whoever is about to record something of the member: those who wait for the lock
/// read anew, and those who read already are outrun.
pub async fn hold(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    let sql = "UPDATE timelines SET version = version + 1 WHERE member_id = $1";
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), sql, [member.0.into()]);
    tx.execute_raw(statement).await.map(drop)
}
