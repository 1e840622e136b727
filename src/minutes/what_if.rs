//! What a period would have been under other rules: everybody who came is folded twice, by the
//! rules as they are and as they might be, and nothing of theirs is written.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait as _,
    QueryFilter as _, Statement, Value,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    refold::{self, EVENT_COLUMNS},
    tables::session_fact,
    timeline::{Event, Fact, Session, Venues, fold},
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{SessionId, VenueId},
    },
    venues::{self, LONGEST_STAY_MAX, Numbers, Venue},
};

/// Days of one question.
pub const DAYS_MAX: i64 = 92;
/// Visits of one question: some seconds of work. More are tried in the background, by a trial.
const VISITS_MAX: i64 = 50_000;
/// Members folded at once.
const PIECE: usize = 200;

/// What is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    pub venues: BTreeSet<VenueId>,
    /// Business days, both included.
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub numbers: Numbers,
}

/// Visits and minutes by provenance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    pub visits: i64,
    pub minutes: [i64; 4],
}

impl Sums {
    fn add(&mut self, session: &Session) {
        self.visits += 1;
        if let Some(provenance) = session.provenance {
            self.minutes[provenance as usize] += i64::from(session.minutes);
        }
    }
}

/// A day under both rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both {
    pub before: Sums,
    pub after: Sums,
}

/// What would be different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub days: BTreeMap<NaiveDate, Both>,
    /// Stays that would end otherwise, or exist under one of the rules only.
    pub sessions_changed: usize,
    /// Stays of the period whose events no longer name anybody, which cannot be folded again.
    pub not_replayed: i64,
}

/// The venues with all their versions.
struct World(HashMap<VenueId, Arc<Venue>>);

impl Venues for World {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.get(&id).map(Arc::as_ref)
    }
}

impl World {
    /// The same with other numbers at some venues, at all times.
    fn with(&self, ask: &Ask) -> Result<Self, Error> {
        let mut venues = self.0.clone();
        for id in &ask.venues {
            let Some(venue) = venues.get_mut(id) else { continue };
            let changed = venue.rules.iter().map(|rules| ask.numbers.in_place_of(rules));
            let rules = changed.collect::<Result<Vec<_>, _>>()?;
            *venue = Arc::new(Venue { rules, ..Venue::clone(venue) });
        }
        Ok(Self(venues))
    }
}

/// Folds the period under both rules. Reads one moment and writes nothing.
///
/// # Errors
/// `Invalid` when there is too much to fold, or the numbers do not go with a venue's others.
pub async fn ask(
    db: &DatabaseConnection,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<Difference, Error> {
    let tx = db::snapshot(db).await?;
    let worlds = Worlds::load(&tx, ask).await?;
    if visits(&tx, ask).await? > VISITS_MAX {
        return Err(Error::invalid("/to", Code::RangeTooLarge));
    }
    let mut difference = Difference::default();
    let mut folded = 0;
    let mut after = Uuid::nil();
    loop {
        let piece = members(&tx, ask, after).await?;
        let Some(last) = piece.last() else { break };
        after = *last;
        folded += worlds.compare(&tx, ask, &piece, now, &mut difference).await?;
    }
    difference.not_replayed = (recorded(&tx, ask).await? - folded).max(0);
    tx.rollback().await?;
    Ok(difference)
}

/// The venues by the rules as they are and as they might be.
pub(super) struct Worlds {
    before: World,
    after: World,
}

impl Worlds {
    /// # Errors
    /// `Invalid` when the numbers do not go with a venue's others.
    pub(super) async fn load(db: &impl ConnectionTrait, ask: &Ask) -> Result<Self, Error> {
        let before = World(venues::load_world(db).await?);
        let after = before.with(ask)?;
        Ok(Self { before, after })
    }

    /// Adds a piece's stays; gives how many of the period there are by the rules as they are.
    pub(super) async fn compare(
        &self,
        db: &impl ConnectionTrait,
        ask: &Ask,
        piece: &[Uuid],
        now: DateTime<Utc>,
        difference: &mut Difference,
    ) -> Result<i64, DbErr> {
        let mut facts = facts(db, piece).await?;
        let mut folded = 0;
        for (member, events) in events(db, ask, piece).await? {
            let facts = facts.remove(&member).unwrap_or_default();
            let before = fold(&self.before, &events, &facts, now).sessions;
            let after = fold(&self.after, &events, &facts, now).sessions;
            folded += compare(&self.before, ask, &before, &after, difference);
        }
        Ok(folded)
    }
}

/// Adds one member's stays; gives how many of the period there are by the rules as they are.
fn compare(
    world: &World,
    ask: &Ask,
    before: &[Session],
    after: &[Session],
    difference: &mut Difference,
) -> i64 {
    let among = |sessions: &[Session]| -> BTreeMap<SessionId, (NaiveDate, Session)> {
        let counted = sessions.iter().filter(|s| !s.void && ask.venues.contains(&s.venue));
        let dated = counted.filter_map(|session| {
            let day = world.venue(session.venue)?.business_day(session.entered_at);
            (ask.from..=ask.to).contains(&day).then(|| (session.id, (day, session.clone())))
        });
        dated.collect()
    };
    let (before, after) = (among(before), among(after));
    for (day, session) in before.values() {
        difference.days.entry(*day).or_default().before.add(session);
    }
    for (day, session) in after.values() {
        difference.days.entry(*day).or_default().after.add(session);
    }
    let ids: BTreeSet<&SessionId> = before.keys().chain(after.keys()).collect();
    let changed = ids.iter().filter(|id| before.get(**id) != after.get(**id)).count();
    difference.sessions_changed += changed;
    i64::try_from(before.len()).unwrap_or(i64::MAX)
}

/// `$1`, `$2` and so on for the venues, then the two days; and their values.
fn scope(ask: &Ask) -> (String, Vec<Value>) {
    let marks: Vec<String> = (1..=ask.venues.len()).map(|n| format!("${n}")).collect();
    let n = ask.venues.len();
    let sql = format!(
        "venue_id IN ({}) AND business_day BETWEEN ${} AND ${}",
        marks.join(", "),
        n + 1,
        n + 2
    );
    let mut values: Vec<Value> = ask.venues.iter().map(|id| id.0.into()).collect();
    values.extend([ask.from.into(), ask.to.into()]);
    (sql, values)
}

async fn visits(db: &impl ConnectionTrait, ask: &Ask) -> Result<i64, DbErr> {
    let (scope, values) = scope(ask);
    let sql = format!(
        "SELECT CAST(COALESCE(SUM(visits), 0) AS BIGINT) AS n FROM venue_days WHERE {scope}"
    );
    number(db, &sql, values).await
}

/// Stays of the period that are on record.
pub(super) async fn recorded(db: &impl ConnectionTrait, ask: &Ask) -> Result<i64, DbErr> {
    let (scope, values) = scope(ask);
    let sql = format!("SELECT COUNT(*) AS n FROM sessions WHERE {scope} AND NOT void");
    number(db, &sql, values).await
}

async fn number(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<i64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_one_raw(statement).await?.map_or(Ok(0), |row| row.try_get("", "n"))
}

/// How many people have a stay in the period.
pub(super) async fn people(db: &impl ConnectionTrait, ask: &Ask) -> Result<i64, DbErr> {
    let (scope, values) = scope(ask);
    let sql = format!("SELECT COUNT(DISTINCT member_id) AS n FROM sessions WHERE {scope}");
    number(db, &sql, values).await
}

/// The next people with a stay in the period, also one that is void and might not be, behind
/// `after`.
pub(super) async fn members(
    db: &impl ConnectionTrait,
    ask: &Ask,
    after: Uuid,
) -> Result<Vec<Uuid>, DbErr> {
    let (scope, mut values) = scope(ask);
    values.push(after.into());
    let sql = format!(
        "SELECT DISTINCT member_id FROM sessions WHERE {scope} AND member_id > ${} \
         ORDER BY member_id LIMIT {PIECE}",
        values.len()
    );
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, values);
    let rows = db.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get("", "member_id")).collect()
}

/// The events of some members in the period, and as far around it as a stay can reach.
async fn events(
    db: &impl ConnectionTrait,
    ask: &Ask,
    members: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<Event>>, DbErr> {
    let marks: Vec<String> = (3..3 + members.len()).map(|n| format!("${n}")).collect();
    let sql = format!(
        "SELECT member_id, {EVENT_COLUMNS} FROM entry_events \
         WHERE member_id IN ({}) AND occurred_at >= $1 AND occurred_at < $2 \
         AND decision <> 'refused'",
        marks.join(", ")
    );
    // A day of slack for business days and zones on either side.
    let around = LONGEST_STAY_MAX + TimeDelta::days(1);
    let from = ask.from.and_time(NaiveTime::MIN).and_utc() - around;
    let to = ask.to.and_time(NaiveTime::MIN).and_utc() + TimeDelta::days(1) + around;
    let mut values: Vec<Value> = vec![from.into(), to.into()];
    values.extend(members.iter().map(|id| Value::from(*id)));
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, values);
    let mut events: BTreeMap<Uuid, Vec<Event>> = BTreeMap::new();
    for row in db.query_all_raw(statement).await? {
        let member = row.try_get("", "member_id")?;
        events.entry(member).or_default().push(refold::stored(&row)?.event);
    }
    Ok(events)
}

async fn facts(
    db: &impl ConnectionTrait,
    members: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Fact>>, DbErr> {
    let rows = session_fact::Entity::find()
        .filter(session_fact::Column::MemberId.is_in(members.iter().copied()))
        .all(db)
        .await?;
    let mut facts: HashMap<Uuid, Vec<Fact>> = HashMap::new();
    for row in rows {
        facts.entry(row.member_id).or_default().push(refold::fact(&row));
    }
    Ok(facts)
}
