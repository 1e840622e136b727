//! What members say about their own stays: when they left, where nobody saw it; and that something
//! is not right, for staff to look into.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, SqlErr, Statement,
};
use uuid::Uuid;

use super::{
    own::{DECLARED_WITHIN, latest_end},
    posting::Posting,
    standing::Standing,
    tables::{session, session_dispute, session_fact},
    timeline::{Provenance, Timeline, Venues},
};
use crate::{
    base::{
        db::bulk::{self, Kind, Lookup},
        error::{Code, Error},
        ids::{MemberId, SessionId, VenueId},
        keys::Keys,
    },
    venues::{self, Venue},
};

/// Longest text of a dispute.
const DISPUTE_CHARACTERS_MAX: usize = 500;

const TIMELINE: Lookup = Lookup {
    select: "t.member_id AS member_id, t.version AS version, t.state AS state",
    from: "timelines t",
    on: "t.member_id = q.k1",
    keys: &[Kind::Uuid],
    lock: Some("t"),
};

/// The venues of a member's history.
struct World(std::collections::HashMap<VenueId, std::sync::Arc<Venue>>);

impl Venues for World {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.get(&id).map(std::sync::Arc::as_ref)
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
    let (version, timeline) = locked_timeline(tx, member).await?;
    let stay = own_session(tx, member, id).await?;
    let world = World(venues::load_world(tx).await?);
    let venue = world.venue(VenueId(stay.venue_id)).ok_or(Error::NotFound(Code::NotFound))?;
    check_declarable(&stay, venue, now)?;
    let next = next_entry(tx, &stay).await?;
    if !(stay.entered_at..=latest_end(venue, stay.entered_at, next, now)).contains(&left_at) {
        return Err(Error::invalid("/at", Code::OutsideStay));
    }
    add_fact(tx, member, id, left_at, now).await?;
    let opened_at = opened_at(tx, member, id).await?;
    let mut posting = Posting::new(keys, &world, now, "declared");
    let mut standing = Standing::new(member, version, timeline);
    standing.hear_fact(tx, &world, opened_at, now, &mut posting).await?;
    standing.finish(&world, now, &mut posting);
    let writes = posting.finish(tx).await?;
    bulk::write_all(tx, writes).await?;
    Ok(())
}

/// The member's timeline, locked before anything else as every writer does.
async fn locked_timeline(
    tx: &DatabaseTransaction,
    member: MemberId,
) -> Result<(i64, Timeline), Error> {
    let rows = bulk::find(tx, &TIMELINE, vec![vec![member.0.into()]]).await?;
    let row = rows.first().ok_or(Error::NotFound(Code::NotFound))?;
    let state: String = row.try_get("", "state")?;
    let timeline = serde_json::from_str(&state).map_err(Error::internal)?;
    Ok((row.try_get("", "version")?, timeline))
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

async fn add_fact(
    tx: &DatabaseTransaction,
    member: MemberId,
    id: SessionId,
    left_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let newest = session_fact::Entity::find()
        .filter(session_fact::Column::SessionId.eq(id.0))
        .order_by_desc(session_fact::Column::N)
        .one(tx)
        .await?;
    let row = session_fact::Model {
        session_id: id.0,
        n: newest.map_or(1, |fact| fact.n + 1),
        member_id: member.0,
        kind: "declared".to_owned(),
        entered_at: None,
        left_at,
        reason: String::new(),
        by_actor: format!("member:{member}"),
        approved_by: None,
        at: now,
    };
    session_fact::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// When the opening event of a session happened; the session itself may have been cut.
async fn opened_at(
    tx: &DatabaseTransaction,
    member: MemberId,
    id: SessionId,
) -> Result<DateTime<Utc>, Error> {
    let sql = "SELECT occurred_at FROM entry_events WHERE id = $1 AND member_id = $2";
    let values = [id.0.into(), member.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let row = tx.query_one_raw(statement).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("session {id} has no opening event"))?;
    Ok(row.try_get("", "occurred_at")?)
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
