//! What members say about their own stays: when they left, where nobody saw it; and that something
//! is not right, for staff to look into.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, SqlErr, Statement,
};
use uuid::Uuid;

use super::{
    own::latest_end,
    statement::{self, DECLARED_WITHIN, NewFact},
    tables::{session, session_dispute},
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

/// Longest text of a dispute.
const DISPUTE_CHARACTERS_MAX: usize = 500;

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

/// The member says when they left. Refuses (409) a stay whose end was seen or corrected, and one
/// that ended more than 48 hours ago; (422) a time outside the stay.
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
    check_declarable(&stay, venue, now)?;
    let next = next_entry(tx, &stay).await?;
    if !(stay.entered_at..=latest_end(venue, stay.entered_at, next, now)).contains(&left_at) {
        return Err(Error::invalid("/at", Code::OutsideStay));
    }
    if now - left_at > DECLARED_WITHIN {
        return Err(Error::Conflict(Code::DeclaredTooLate));
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

async fn own_session(
    tx: &DatabaseTransaction,
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

fn check_declarable(stay: &session::Model, venue: &Venue, now: DateTime<Utc>) -> Result<(), Error> {
    let provenance = stay.provenance.as_deref().and_then(Provenance::parse);
    match provenance {
        None | Some(Provenance::Estimated | Provenance::SelfDeclared) => {}
        Some(Provenance::Measured | Provenance::Corrected) => {
            return Err(Error::Conflict(Code::EndIsKnown));
        }
    }
    let ended = venue.estimated_end(stay.entered_at);
    let late = now - ended > DECLARED_WITHIN;
    if late { Err(Error::Conflict(Code::DeclaredTooLate)) } else { Ok(()) }
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

/// The member says that something about a stay is not right. Refuses (409) while an earlier
/// dispute about it is open.
pub async fn dispute(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    id: SessionId,
    text: &str,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let text = text.trim();
    if !(1..=DISPUTE_CHARACTERS_MAX).contains(&text.chars().count()) {
        return Err(Error::invalid("/text", Code::TextLength));
    }
    own_session(tx, member, id).await?;
    let dispute = Uuid::now_v7();
    let row = session_dispute::Model {
        id: dispute,
        session_id: id.0,
        member_id: member.0,
        text_ct: keys.seal("session_disputes", "text_ct", &dispute.to_string(), text.as_bytes()),
        created_at: now,
        resolved_at: None,
        resolution: None,
        by_actor: None,
        outcome: None,
    };
    let insert = session_dispute::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::DisputeOpen),
        _ => error.into(),
    })?;
    Ok(dispute)
}

/// What a forgotten member said goes with them; that they said when they left stays, since minutes
/// rest on it.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    session_dispute::Entity::delete_many()
        .filter(session_dispute::Column::MemberId.eq(member.0))
        .exec(tx)
        .await
        .map(drop)
}

/// Holds back whoever is about to record something of the member: those who wait for the lock
/// read anew, and those who read already are outrun.
pub async fn hold(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    let sql = "UPDATE timelines SET version = version + 1 WHERE member_id = $1";
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), sql, [member.0.into()]);
    tx.execute_raw(statement).await.map(drop)
}
