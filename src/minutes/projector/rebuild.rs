//! Writes the counters anew under a new generation, which beats everything that lies there, while
//! live changes go on: they are written under the new generation too, and the newer one stays.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::{BATCH, Trouble, current, current::Subject};
use crate::base::{
    clock::Clock,
    counters::Counters,
    ids::{MemberId, VenueId},
};

/// Longer than any piece of work takes; a replica that died holds up the others for so long.
const LEASE: TimeDelta = TimeDelta::seconds(15);

/// Begins a new generation and writes everything current under it: the venue-days, member-days
/// and people of yesterday and today, and who is inside. Gives the generation once every shard is
/// marked as complete; `None` if another replica is rebuilding, or a shard was emptied meanwhile:
/// try again later.
pub async fn rebuild(
    db: &DatabaseConnection,
    counters: &Counters,
    clock: &Clock,
) -> Result<Option<i64>, Trouble> {
    let holder = Uuid::now_v7().to_string();
    if !lease(db, &holder, clock.now()).await? {
        return Ok(None);
    }
    let outcome = anew(db, counters, clock, &holder).await;
    // Also after a failure: by a clock that stands still, a lease never runs out.
    release(db, &holder).await?;
    outcome
}

async fn anew(
    db: &DatabaseConnection,
    counters: &Counters,
    clock: &Clock,
    holder: &str,
) -> Result<Option<i64>, Trouble> {
    let generation = begin(db, counters).await?;
    tracing::info!(generation, "the counters are written anew");
    let complete = write(db, counters, clock, generation, holder).await?;
    tracing::info!(generation, complete, "the counters are written");
    Ok(complete.then_some(generation))
}

/// A generation above SQL's and above every shard's: SQL itself may have been restored.
async fn begin(db: &DatabaseConnection, counters: &Counters) -> Result<i64, Trouble> {
    let newest = counters.newest_generation().await?.unwrap_or_default();
    let generation = super::generation(db).await?.max(newest) + 1;
    // The store first: once SQL says so, other replicas write under the new generation too, which
    // empties what readers must no longer take for whole.
    counters.begin(generation).await?;
    execute(
        db,
        "UPDATE revisions SET n = $1 WHERE name = 'counter_generation' AND n < $1",
        [generation.into()],
    )
    .await?;
    Ok(generation)
}

async fn write(
    db: &DatabaseConnection,
    counters: &Counters,
    clock: &Clock,
    generation: i64,
    holder: &str,
) -> Result<bool, Trouble> {
    let mut current = Current::at(db, clock.now()).await?;
    while let Some(piece) = current.next(db).await? {
        if !lease(db, holder, clock.now()).await? {
            return Ok(false);
        }
        current::project(db, counters, generation, &piece, clock.now()).await?;
    }
    Ok(counters.mark(generation).await?)
}

/// Everything that the counters must hold, piece by piece: a city's people never lie in memory all
/// at once. What changes meanwhile is carried over as it always is.
pub struct Current {
    venue_days: Vec<(VenueId, NaiveDate)>,
    /// Found, not given yet.
    waiting: Vec<Subject>,
    /// Up to whom those inside were looked for; nothing at the end.
    looked_at: Option<Uuid>,
}

impl Current {
    pub async fn at(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<Self, DbErr> {
        let mut venue_days = Vec::new();
        let sql = "SELECT venue_id FROM venue_days WHERE business_day = $1";
        for day in current_days(now) {
            for row in rows(db, sql, [day.into()]).await? {
                venue_days.push((VenueId(row.try_get("", "venue_id")?), day));
            }
        }
        Ok(Self { venue_days, waiting: Vec::new(), looked_at: Some(Uuid::nil()) })
    }

    /// The next subjects, at most [`BATCH`]; nothing once all were given.
    pub async fn next(
        &mut self,
        db: &DatabaseConnection,
    ) -> Result<Option<BTreeSet<Subject>>, DbErr> {
        while self.waiting.is_empty() {
            if let Some((venue, day)) = self.venue_days.pop() {
                self.waiting = of_a_day(db, venue, day).await?;
            } else if let Some(member) = self.looked_at {
                self.waiting = inside_after(db, member).await?;
                self.looked_at = self.waiting.last().and_then(|subject| match subject {
                    Subject::Presence(member, _) => Some(member.0),
                    _ => None,
                });
            } else {
                return Ok(None);
            }
        }
        let rest = self.waiting.len().saturating_sub(BATCH);
        Ok(Some(self.waiting.split_off(rest).into_iter().collect()))
    }
}

/// A venue's day and those who came on it.
async fn of_a_day(
    db: &DatabaseConnection,
    venue: VenueId,
    day: NaiveDate,
) -> Result<Vec<Subject>, DbErr> {
    // By venue, since that is how sessions of a day are found without reading all.
    let sql = "SELECT DISTINCT member_id FROM sessions WHERE venue_id = $1 AND business_day = $2";
    let mut subjects = vec![Subject::VenueDay(venue, day)];
    for row in rows(db, sql, [venue.0.into(), day.into()]).await? {
        let member = MemberId(row.try_get("", "member_id")?);
        subjects.push(Subject::MemberDay(member, day));
        subjects.push(Subject::People(member, day));
    }
    Ok(subjects)
}

/// The next who are inside, in the order of their ids.
async fn inside_after(db: &DatabaseConnection, member: Uuid) -> Result<Vec<Subject>, DbErr> {
    let sql = format!(
        "SELECT member_id, open_venue FROM timelines WHERE limit_at IS NOT NULL \
         AND open_venue IS NOT NULL AND member_id > $1 ORDER BY member_id LIMIT {BATCH}"
    );
    let subject = |row: QueryResult| {
        let member = MemberId(row.try_get("", "member_id")?);
        Ok(Subject::Presence(member, VenueId(row.try_get("", "open_venue")?)))
    };
    rows(db, &sql, [member.into()]).await?.into_iter().map(subject).collect()
}

/// Today and yesterday, whatever the zone and the hour at which days begin: UTC's date and its
/// neighbours.
pub fn current_days(now: DateTime<Utc>) -> impl Iterator<Item = NaiveDate> {
    let today = now.date_naive();
    [today - Days::new(1), today, today + Days::new(1)].into_iter()
}

/// Takes or renews the right to rebuild; false while another replica has it.
async fn lease(db: &DatabaseConnection, holder: &str, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let sql = "INSERT INTO leases (name, holder, until) VALUES ('counters', $1, $2) \
               ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
               WHERE leases.holder = excluded.holder OR leases.until < $3";
    execute(db, sql, [holder.into(), (now + LEASE).into(), now.into()]).await.map(|n| n == 1)
}

async fn release(db: &DatabaseConnection, holder: &str) -> Result<(), DbErr> {
    let sql = "DELETE FROM leases WHERE name = 'counters' AND holder = $1";
    execute(db, sql, [holder.into()]).await.map(|_| ())
}

async fn execute<const N: usize>(
    db: &DatabaseConnection,
    sql: &str,
    values: [Value; N],
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

pub async fn rows<const N: usize>(
    db: &DatabaseConnection,
    sql: &str,
    values: [Value; N],
) -> Result<Vec<QueryResult>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    db.query_all_raw(statement).await
}
