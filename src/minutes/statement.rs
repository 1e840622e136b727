//! What members and staff state about a stay: a row of its own, never changed, and an input of the
//! fold. Whoever may state what is the caller's affair; what a statement may say is judged here.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, DatabaseTransaction, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _,
};

use super::{
    posting::Posting,
    refold,
    standing::Standing,
    tables::{session, session_fact},
    timeline::{Event, Fact, FactKind, Timeline, Venues},
};
use crate::base::{
    db::bulk::{self, Kind, Lookup},
    error::{Code, Error},
    ids::{EventId, MemberId, SessionId},
    keys::Keys,
};
use crate::venues::Venue;

/// What a correction may make of a person's day: no day has more.
pub(super) const DAY_MINUTES: i64 = 1440;
/// How long after they left somebody may still declare it.
const DECLARED_WITHIN: TimeDelta = TimeDelta::hours(48);

/// Which ends of a stay its member may declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declarable {
    /// The first and the last end that are taken now.
    pub earliest: DateTime<Utc>,
    pub latest: DateTime<Utc>,
    /// Until when the last end of all is taken, and none after it.
    pub until: DateTime<Utc>,
}

/// The one rule of what may be declared, for who asks and who says: an end between the entry and the
/// stay's limit, or the `next` stay if that began before; in the past, but no more than 48 hours.
/// None when no end is left.
pub fn declarable(
    venue: &Venue,
    entered: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Option<Declarable> {
    let limit = venue.limit(entered);
    let last = next.map_or(limit, |next| limit.min(next));
    let (earliest, latest) = (entered.max(now - DECLARED_WITHIN), last.min(now));
    let until = last + DECLARED_WITHIN;
    (earliest <= latest).then_some(Declarable { earliest, latest, until })
}

/// A statement about a stay.
#[derive(Clone, Debug)]
pub struct NewFact {
    pub member: MemberId,
    pub session: SessionId,
    pub kind: FactKind,
    /// When they came; only corrections say so, and all of them do.
    pub entered_at: Option<DateTime<Utc>>,
    pub left_at: DateTime<Utc>,
    pub reason: String,
    pub by_actor: String,
    pub approved_by: Option<String>,
}

/// Enters a statement in the transaction of its command, and folds what it touches again. The
/// counters follow when the caller wakes the projector after the commit, or a second later.
///
/// Refuses a stay that this member does not have (404), times that cannot be (422), and a
/// correction that overlaps with another one (409).
pub async fn state_fact(
    tx: &DatabaseTransaction,
    keys: &Keys,
    venues: &dyn Venues,
    fact: &NewFact,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut standing = lock(tx, fact.member).await?;
    let opener = opener(tx, fact).await?;
    let facts = refold::facts(tx, fact.member).await?;
    match fact.kind {
        FactKind::Declared => check_declaration(tx, venues, fact, &opener, now).await?,
        FactKind::Corrected => check_correction(fact, &facts, now)?,
        // Whoever counts heads chooses among the open stays.
        FactKind::Absent => {}
    }
    let of_session = facts.iter().filter(|other| other.opener == opener.id);
    let n = of_session.map(|other| other.n).max().unwrap_or(0) + 1;
    let row = row(fact, n, now).into_active_model().reset_all();
    session_fact::Entity::insert(row).exec_without_returning(tx).await?;
    let mut posting = Posting::new(keys, venues, now, "fact");
    let instants: Vec<DateTime<Utc>> =
        [Some(opener.occurred_at), fact.entered_at, Some(fact.left_at)]
            .into_iter()
            .flatten()
            .collect();
    standing.reconsider(tx, venues, &instants, now, &mut posting).await?;
    standing.finish(venues, now, &mut posting);
    let writes = posting.finish(tx).await?;
    bulk::write_all(tx, writes).await?;
    Ok(())
}

const LOCKED: Lookup = Lookup {
    select: "t.version AS version, t.state AS state",
    from: "timelines t",
    on: "t.member_id = q.k1",
    keys: &[Kind::Uuid],
    lock: Some("t"),
};

/// The member, locked before anything of theirs is read.
pub(super) async fn lock(tx: &DatabaseTransaction, member: MemberId) -> Result<Standing, Error> {
    let found = bulk::find(tx, &LOCKED, vec![vec![member.0.into()]]).await?;
    let row = found.first().ok_or(Error::NotFound(Code::NotFound))?;
    let state: String = row.try_get("", "state")?;
    let timeline: Timeline = serde_json::from_str(&state).map_err(Error::internal)?;
    Ok(Standing::new(member, row.try_get("", "version")?, timeline))
}

/// The event that opened the stay, if the stay is this member's.
async fn opener(tx: &DatabaseTransaction, fact: &NewFact) -> Result<Event, Error> {
    let known = session::Entity::find_by_id(fact.session.0)
        .filter(session::Column::MemberId.eq(fact.member.0))
        .count(tx)
        .await?;
    let event = match known {
        0 => None,
        _ => refold::event(tx, fact.member, EventId(fact.session.0)).await?,
    };
    event.ok_or(Error::NotFound(Code::NotFound))
}

/// Between the entry and the end of what the fold allows: the limit, or the next entry.
async fn check_declaration(
    tx: &DatabaseTransaction,
    venues: &dyn Venues,
    fact: &NewFact,
    opener: &Event,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let refusal = || Error::invalid("/left_at", Code::BadTime);
    let venue = venues.venue(opener.venue).ok_or_else(refusal)?;
    let (entered, left) = (opener.occurred_at, fact.left_at);
    let ends = declarable(venue, entered, None, now).ok_or_else(refusal)?;
    if !(ends.earliest..=ends.latest).contains(&left) {
        return Err(refusal());
    }
    let between = session::Entity::find()
        .filter(session::Column::MemberId.eq(fact.member.0))
        .filter(session::Column::Id.ne(fact.session.0))
        .filter(session::Column::EnteredAt.gt(entered))
        .filter(session::Column::EnteredAt.lt(left))
        .filter(session::Column::Void.eq(false))
        .count(tx)
        .await?;
    if between > 0 { Err(refusal()) } else { Ok(()) }
}

/// Both times, in order, in the past, within a day, and apart from every other corrected stay.
fn check_correction(fact: &NewFact, facts: &[Fact], now: DateTime<Utc>) -> Result<(), Error> {
    let entered = fact.entered_at.ok_or_else(|| Error::invalid("/entered_at", Code::Required))?;
    if fact.left_at < entered || fact.left_at > now {
        return Err(Error::invalid("/left_at", Code::BadTime));
    }
    if (fact.left_at - entered).num_minutes() > DAY_MINUTES {
        return Err(Error::invalid("/left_at", Code::DayTooLong));
    }
    let newest = |other: &Fact| {
        !facts.iter().any(|newer| {
            newer.kind == other.kind && newer.opener == other.opener && newer.n > other.n
        })
    };
    let overlaps = facts.iter().any(|other| {
        other.kind == FactKind::Corrected
            && other.opener.0 != fact.session.0
            && newest(other)
            && other.entered_at.is_some_and(|from| from < fact.left_at)
            && entered < other.left_at
    });
    if overlaps { Err(Error::Conflict(Code::CorrectionOverlaps)) } else { Ok(()) }
}

fn row(fact: &NewFact, n: i32, now: DateTime<Utc>) -> session_fact::Model {
    let kind = match fact.kind {
        FactKind::Declared => "declared",
        FactKind::Corrected => "corrected",
        FactKind::Absent => "absent",
    };
    session_fact::Model {
        session_id: fact.session.0,
        n,
        member_id: fact.member.0,
        kind: kind.to_owned(),
        entered_at: fact.entered_at.filter(|_| fact.kind == FactKind::Corrected),
        left_at: fact.left_at,
        reason: fact.reason.clone(),
        by_actor: fact.by_actor.clone(),
        approved_by: fact.approved_by.clone(),
        at: now,
    }
}

#[cfg(test)]
mod tests;
