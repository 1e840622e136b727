//! What a late event changes: the run of a member's events around it is folded again as a set.
//!
//! Two events further apart than the longest stay of any venue cannot touch one another, so the
//! run ends at the first such gap on either side, however long the member's history is. A
//! correction ties its opener to the times that it gives, so a run that meets either holds both.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryResult, Statement,
};
use uuid::Uuid;

use super::{
    posting::{Posting, session_row},
    tables::{session, session_fact},
    timeline::{self, Effect, Event, Fact, FactKind, Session, Timeline, Venues},
};
use crate::base::{
    db::bulk::{self, Kind, Lookup},
    ids::{Direction, EventId, MemberId, VenueId},
};

/// Events read at once while looking for the run's ends.
const PAGE: u64 = 100;

/// What came of folding a run again.
pub struct Refolded {
    /// Effects of the fresh events.
    pub effects: Vec<(EventId, Effect)>,
    /// Stored events that have another effect now.
    pub changed: Vec<(Event, Effect)>,
    /// The state after the newest event; absent when the run does not reach the member's newest
    /// event, whose state then stands.
    pub timeline: Option<Timeline>,
}

/// A stored event and the effect it has in SQL.
pub(super) struct Stored {
    pub event: Event,
    pub effect: String,
}

/// What [`stored`] reads of `entry_events`.
pub(super) const EVENT_COLUMNS: &str =
    "id, occurred_at, direction, venue_id, serial, epoch, seq, credited, effect";

/// Folds the run around `fresh` and `instants` again and posts what differs from SQL.
pub async fn refold<C: ConnectionTrait>(
    tx: &C,
    venues: &dyn Venues,
    member: MemberId,
    fresh: &[Event],
    instants: &[DateTime<Utc>],
    now: DateTime<Utc>,
    posting: &mut Posting<'_>,
) -> Result<Refolded, DbErr> {
    let facts = facts(tx, member).await?;
    let around = fresh.iter().map(|event| event.occurred_at).chain(instants.iter().copied());
    let spans = spans(tx, &facts).await?;
    let (stored, newest) = run_around(tx, venues, member, around, &spans).await?;
    let events: Vec<Event> =
        stored.iter().map(|s| s.event.clone()).chain(fresh.iter().cloned()).collect();
    let folded = timeline::fold(&venues, &events, &facts, now);
    let mut before = sessions(tx, &events).await?;
    // Only those of the run: a stay that ended in this group may have begun long before it.
    let in_run: BTreeSet<Uuid> = events.iter().map(|event| event.id.0).collect();
    for row in posting.sessions_of(member).into_iter().filter(|row| in_run.contains(&row.id)) {
        before.insert(row.id, row);
    }
    post(venues, member, &folded.sessions, before, posting);
    let effects: BTreeMap<EventId, Effect> = folded.effects.iter().copied().collect();
    let mut changed = Vec::new();
    for Stored { event, effect } in stored {
        // A live check in the middle of a group folds once more what was folded before it.
        let stood = posting.effect_of(event.id).map_or(effect, |effect| effect.as_str().to_owned());
        if let Some(now) = effects.get(&event.id).filter(|now| now.as_str() != stood) {
            posting.effect(event.id, event.occurred_at, *now);
            changed.push((event, *now));
        }
    }
    let fresh = fresh.iter().filter_map(|e| Some((e.id, *effects.get(&e.id)?))).collect();
    Ok(Refolded { effects: fresh, changed, timeline: newest.then_some(folded.timeline) })
}

/// Posts the sessions of a run that was folded again; what `before` has beside them is given up.
pub(super) fn post(
    venues: &dyn Venues,
    member: MemberId,
    sessions: &[Session],
    mut before: BTreeMap<Uuid, session::Model>,
    posting: &mut Posting<'_>,
) {
    for session in sessions {
        let Some(venue) = venues.venue(session.venue) else { continue };
        posting.session(before.remove(&session.id.0), session_row(member, session, venue));
    }
    for (_, row) in before {
        let void = session::Model {
            void: true,
            minutes: 0,
            left_at: row.left_at.or(Some(row.entered_at)),
            ..row.clone()
        };
        posting.session(Some(row), void);
    }
}

/// From when until when.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// What each correction ties together: when its opener was, and the times that it gives. Also of
/// corrections that newer ones replaced, because what they had cut may have to be whole again.
async fn spans<C: ConnectionTrait>(tx: &C, facts: &[Fact]) -> Result<Vec<Span>, DbErr> {
    let corrections = || facts.iter().filter(|fact| fact.kind == FactKind::Corrected);
    let openers: BTreeSet<Uuid> = corrections().map(|fact| fact.opener.0).collect();
    let keys = openers.into_iter().map(|id| vec![id.into()]).collect();
    let mut opened: BTreeMap<Uuid, DateTime<Utc>> = BTreeMap::new();
    for row in bulk::find(tx, &OPENERS, keys).await? {
        opened.insert(row.try_get("", "id")?, row.try_get("", "occurred_at")?);
    }
    let span = |fact: &Fact| {
        let opened = opened.get(&fact.opener.0).copied();
        let times = [opened, fact.entered_at, Some(fact.left_at)].into_iter().flatten();
        Some((times.clone().min()?, times.max()?))
    };
    Ok(corrections().filter_map(span).collect())
}

/// The stored events of the run around some instants, widened until every span that it meets lies
/// within it, and whether it reaches the newest event.
async fn run_around<C: ConnectionTrait>(
    tx: &C,
    venues: &dyn Venues,
    member: MemberId,
    around: impl Iterator<Item = DateTime<Utc>> + Clone,
    spans: &[Span],
) -> Result<(Vec<Stored>, bool), DbErr> {
    let mut first = around.clone().min().unwrap_or(DateTime::<Utc>::MAX_UTC);
    let mut last = around.max().unwrap_or(first);
    loop {
        let (start, mut stored) = before(tx, venues, member, first).await?;
        let (end, after, newest) = from(tx, venues, member, first, last).await?;
        stored.extend(after);
        (first, last) = (start, end);
        for (from, to) in spans {
            // The last stay of the run may last as long as any, and be cut there.
            if *from <= last + venues.longest_stay() && *to >= first {
                (first, last) = (first.min(*from), last.max(*to));
            }
        }
        if (first, last) == (start, end) {
            return Ok((stored, newest));
        }
    }
}

/// Stored events before `first` back to the run's start, and that start.
async fn before<C: ConnectionTrait>(
    tx: &C,
    venues: &dyn Venues,
    member: MemberId,
    first: DateTime<Utc>,
) -> Result<(DateTime<Utc>, Vec<Stored>), DbErr> {
    let (mut start, mut found) = (first, Vec::new());
    let mut cursor = (first, Uuid::nil());
    loop {
        let page = page(tx, member, BACKWARDS, cursor).await?;
        let full = page.len() as u64 == PAGE;
        for stored in page {
            if start - stored.event.occurred_at > venues.longest_stay() {
                return Ok((start, found));
            }
            start = stored.event.occurred_at;
            cursor = (start, stored.event.id.0);
            found.push(stored);
        }
        if !full {
            return Ok((start, found));
        }
    }
}

/// Stored events from `first` through `last` to the run's end, that end, and whether nothing
/// comes after it.
async fn from<C: ConnectionTrait>(
    tx: &C,
    venues: &dyn Venues,
    member: MemberId,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> Result<(DateTime<Utc>, Vec<Stored>, bool), DbErr> {
    let (mut end, mut found) = (last, Vec::new());
    let mut cursor = (first, Uuid::nil());
    loop {
        let page = page(tx, member, FORWARDS, cursor).await?;
        let full = page.len() as u64 == PAGE;
        for stored in page {
            let at = stored.event.occurred_at;
            if at - end > venues.longest_stay() {
                return Ok((end, found, false));
            }
            end = end.max(at);
            cursor = (at, stored.event.id.0);
            found.push(stored);
        }
        if !full {
            return Ok((end, found, true));
        }
    }
}

/// Behind a cursor of time and id; the nil id comes before all others of its instant.
const BACKWARDS: &str = "(occurred_at, id) < ($2, $3) ORDER BY occurred_at DESC, id DESC";
const FORWARDS: &str = "(occurred_at, id) > ($2, $3) ORDER BY occurred_at, id";

async fn page<C: ConnectionTrait>(
    tx: &C,
    member: MemberId,
    behind: &str,
    (at, id): (DateTime<Utc>, Uuid),
) -> Result<Vec<Stored>, DbErr> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM entry_events \
         WHERE member_id = $1 AND decision <> 'refused' AND {behind} LIMIT {PAGE}"
    );
    let values = [member.0.into(), at.into(), id.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.query_all_raw(statement).await?.iter().map(stored).collect()
}

pub(super) fn stored(row: &QueryResult) -> Result<Stored, DbErr> {
    let direction: String = row.try_get("", "direction")?;
    let serial: String = row.try_get("", "serial")?;
    let event = Event {
        id: EventId(row.try_get("", "id")?),
        occurred_at: row.try_get("", "occurred_at")?,
        direction: if direction == "out" { Direction::Out } else { Direction::In },
        venue: VenueId(row.try_get("", "venue_id")?),
        serial: serial.into(),
        epoch: row.try_get("", "epoch")?,
        seq: row.try_get("", "seq")?,
        credited: row.try_get("", "credited")?,
    };
    Ok(Stored { event, effect: row.try_get("", "effect")? })
}

/// A stored event of the member that counts, by its id.
pub(super) async fn event<C: ConnectionTrait>(
    tx: &C,
    member: MemberId,
    id: EventId,
) -> Result<Option<Event>, DbErr> {
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM entry_events \
         WHERE id = $1 AND member_id = $2 AND decision <> 'refused'"
    );
    let values = [id.0.into(), member.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let found = tx.query_one_raw(statement).await?;
    found.map(|row| Ok(stored(&row)?.event)).transpose()
}

/// All facts of the member's sessions; most members have none.
pub(super) async fn facts<C: ConnectionTrait>(
    tx: &C,
    member: MemberId,
) -> Result<Vec<Fact>, DbErr> {
    let rows = session_fact::Entity::find()
        .filter(session_fact::Column::MemberId.eq(member.0))
        .all(tx)
        .await?;
    Ok(rows.iter().map(fact).collect())
}

pub(super) fn fact(row: &session_fact::Model) -> Fact {
    Fact {
        opener: EventId(row.session_id),
        n: row.n,
        kind: match row.kind.as_str() {
            "corrected" => FactKind::Corrected,
            "absent" => FactKind::Absent,
            _ => FactKind::Declared,
        },
        entered_at: row.entered_at,
        left_at: row.left_at,
    }
}

const OPENERS: Lookup = Lookup {
    select: "e.id AS id, e.occurred_at AS occurred_at",
    from: "entry_events e",
    on: "e.id = q.k1",
    keys: &[Kind::Uuid],
    lock: None,
};

const SESSIONS: Lookup = Lookup {
    select: "s.*",
    from: "sessions s",
    on: "s.id = q.k1",
    keys: &[Kind::Uuid],
    lock: None,
};

/// The sessions that SQL has by these openers.
async fn sessions<C: ConnectionTrait>(
    tx: &C,
    openers: &[Event],
) -> Result<BTreeMap<Uuid, session::Model>, DbErr> {
    use sea_orm::FromQueryResult;
    let keys = openers.iter().map(|e| vec![e.id.0.into()]).collect();
    let rows = bulk::find(tx, &SESSIONS, keys).await?;
    rows.iter().map(|row| session::Model::from_query_result(row, "").map(|m| (m.id, m))).collect()
}
