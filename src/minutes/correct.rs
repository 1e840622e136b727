//! Staff correct a stay: both times, for a reason. What changes more than an hour, and a second
//! correction that nobody else has looked at, waits for a second person.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Statement,
};
use serde::{Deserialize, Serialize};

use super::{
    declare::World,
    effect::{Effect, Moment},
    statement::{self, DAY_MINUTES, NewFact},
    tables::{session, session_fact},
    timeline::FactKind,
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, MemberId, SessionId},
        keys::Keys,
    },
    staff::{
        Function, StaffCaller, audit,
        requests::{self, Matter, NewRequest, Request},
    },
};

/// Minutes by which one person alone may change a stay.
const ALONE_MAX: i32 = 60;
/// The audit chain of what is done to stays.
pub(super) const CHAIN: &str = "minutes";

/// What a stay should have been.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Correction {
    pub session: SessionId,
    pub entered_at: DateTime<Utc>,
    pub left_at: DateTime<Utc>,
}

/// What came of a correction.
pub struct Corrected {
    pub effect: Effect,
    /// Somebody else has to approve it.
    pub needs_second: bool,
}

/// A stay that staff may correct.
struct Known {
    stay: session::Model,
    community: DivisionCode,
}

/// A stay at a venue where the caller may correct; 404 elsewhere, and for void ones without a
/// person's doing.
async fn known(
    conn: &impl ConnectionTrait,
    by: &StaffCaller,
    id: SessionId,
) -> Result<Known, Error> {
    let stay = session::Entity::find_by_id(id.0).one(conn).await?;
    let stay = stay.ok_or(Error::NotFound(Code::NotFound))?;
    let community = stay.community.parse::<DivisionCode>().map_err(Error::internal)?;
    by.require(Function::CorrectSessions, &community)?;
    Ok(Known { stay, community })
}

/// Enters a correction in the transaction of its command, by reversal and new rows only. Whoever
/// only wants to see it rolls back. `approved_by`: who else has looked at it.
pub async fn correct(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    correction: &Correction,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<Corrected, Error> {
    let reason = requests::reason(reason)?;
    let Known { stay, .. } = known(tx, by, correction.session).await?;
    enter(tx, keys, &stay, correction, (reason, &by.actor(), None), now).await
}

/// Enters a correction that somebody else asked for and the caller has approved.
pub async fn decided(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<Effect, Error> {
    let correction: Correction = serde_json::from_str(&request.payload).map_err(Error::internal)?;
    let Known { stay, .. } = known(tx, by, correction.session).await?;
    let who = (request.reason.as_str(), request.asked_by.as_str(), Some(by.actor()));
    Ok(enter(tx, keys, &stay, &correction, who, now).await?.effect)
}

/// Why, who asked, who approved.
type Who<'a> = (&'a str, &'a str, Option<String>);

async fn enter(
    tx: &DatabaseTransaction,
    keys: &Keys,
    stay: &session::Model,
    correction: &Correction,
    (reason, asked_by, approved_by): Who<'_>,
    now: DateTime<Utc>,
) -> Result<Corrected, Error> {
    let member = MemberId(stay.member_id);
    // Before anything is read, as every writer does.
    statement::lock(tx, member).await?;
    let world = World::load(tx).await?;
    let before = Moment::of(tx, &[member]).await?;
    let looked_at = alone_before(tx, correction.session).await? == 0;
    let fact = NewFact {
        member,
        session: correction.session,
        kind: FactKind::Corrected,
        entered_at: Some(correction.entered_at),
        left_at: correction.left_at,
        reason: reason.to_owned(),
        by_actor: asked_by.to_owned(),
        approved_by: approved_by.clone(),
    };
    statement::state_fact(tx, keys, &world, &fact, now).await?;
    let after = session::Entity::find_by_id(correction.session.0).one(tx).await?;
    let minutes = |stay: &session::Model| if stay.void { 0 } else { stay.minutes };
    let change = after.as_ref().map_or(0, minutes) - minutes(stay);
    // What was not credited may have lasted long all the same.
    let lasted = (correction.left_at - correction.entered_at).num_minutes();
    let unseen = !stay.credited && lasted > i64::from(ALONE_MAX);
    let is_large = change.abs() > ALONE_MAX || unseen;
    let effect = before.until(Moment::of(tx, &[member]).await?);
    let is_more = effect.minutes_after > effect.minutes_before;
    if is_more && minutes_of_day(tx, correction.session).await? > DAY_MINUTES {
        return Err(Error::invalid("/left_at", Code::DayTooLong));
    }
    let actor = approved_by.as_deref().unwrap_or(asked_by);
    let object = format!("session:{}", correction.session);
    let state =
        |stay: &session::Model| format!("{} {:?} {}", stay.entered_at, stay.left_at, stay.minutes);
    let (stood, stands) = (state(stay), after.as_ref().map(state));
    let deed = audit::Deed {
        actor,
        act: "session_corrected",
        object: &object,
        before: Some(&stood),
        after: stands.as_deref(),
        reason: Some(reason),
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(Corrected { effect, needs_second: is_large || !looked_at })
}

/// Minutes of all stays of the person on the business day of this one.
async fn minutes_of_day(tx: &DatabaseTransaction, id: SessionId) -> Result<i64, DbErr> {
    let sql = "SELECT COALESCE(SUM(other.minutes), 0) AS n FROM sessions stay JOIN sessions other \
               ON other.member_id = stay.member_id AND other.business_day = stay.business_day \
               WHERE stay.id = $1 AND NOT other.void";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [id.0.into()]);
    let row = tx.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| row.try_get("", "n"))
}

/// Corrections of the stay that nobody but their author has seen: many small ones are a large one.
async fn alone_before(tx: &DatabaseTransaction, id: SessionId) -> Result<u64, Error> {
    let alone = session_fact::Entity::find()
        .filter(session_fact::Column::SessionId.eq(id.0))
        .filter(session_fact::Column::Kind.eq("corrected"))
        .filter(session_fact::Column::ApprovedBy.is_null())
        .count(tx)
        .await?;
    Ok(alone)
}

/// What a correction would do, without doing it.
pub async fn preview(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    correction: &Correction,
    now: DateTime<Utc>,
) -> Result<Corrected, Error> {
    let tx = crate::base::db::begin(db).await?;
    let corrected = correct(&tx, keys, by, correction, "preview", now).await?;
    tx.rollback().await?;
    Ok(corrected)
}

/// Asks somebody else to approve a correction.
pub async fn ask(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    correction: &Correction,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<uuid::Uuid, Error> {
    let reason = requests::reason(reason)?;
    let Known { stay, community } = known(tx, by, correction.session).await?;
    let new = NewRequest {
        matter: Matter::Correction,
        object: format!("session:{}", correction.session),
        member: Some(MemberId(stay.member_id)),
        division: community,
        payload: serde_json::to_string(correction).map_err(Error::internal)?,
        reason: reason.to_owned(),
    };
    requests::ask(tx, by, new, now).await
}
