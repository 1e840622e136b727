//! Heads counted at a venue: the truth beside what doors have seen. Where more are presumed inside
//! than there are, exits were missed: as many stays are ended as there are people too many, those
//! first whose time had run out. So the doors, the screens and the roll call begin at the count, and
//! what the doors had lost until then is on record as drift.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{
    CHAIN,
    present::{self, Stay},
    rules::Count,
};
use crate::{
    base::{
        error::Error,
        ids::{MemberId, SessionId, VenueId},
        keys::Keys,
    },
    minutes,
    staff::audit::{self, Deed},
    venues::Venue,
};

/// Stays that one count ends: a transaction of some seconds. Of more, heads are counted again.
const ENDED_MAX: usize = 200;

/// A count as it was noted.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Heads {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub counted: i32,
    pub presumed: i32,
    /// Stays that were ended by it.
    pub ended: i32,
    pub by_actor: String,
}

impl Heads {
    pub fn count(&self) -> Count {
        Count { counted: self.counted.into(), presumed: self.presumed.into() }
    }
}

/// Notes that so many people are inside now, beside how many were presumed to be, and ends the
/// stays of those who are not there.
pub async fn note(
    tx: &DatabaseTransaction,
    keys: &Keys,
    venue: &Venue,
    counted: i32,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Heads, Error> {
    let stays = present::stays_at(tx, venue.id, now).await?;
    let presumed = i32::try_from(stays.len()).unwrap_or(i32::MAX);
    let gone = absent(venue, stays, counted);
    let ended = minutes::end_absent(tx, keys, &gone, by, now).await?;
    let ended = i32::try_from(ended).unwrap_or(i32::MAX);
    let id = Uuid::now_v7();
    let row = Heads { id, at: now, counted, presumed, ended, by_actor: by.to_owned() };
    let sql = "INSERT INTO occupancy_counts (id, venue_id, at, counted, presumed, by_actor, ended) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values: [Value; 7] = [
        id.into(),
        venue.id.0.into(),
        now.into(),
        counted.into(),
        presumed.into(),
        by.into(),
        ended.into(),
    ];
    tx.execute_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let (object, after) = (format!("venue:{}", venue.id), format!("{counted} of {presumed}"));
    let deed = Deed {
        actor: by,
        act: "heads_counted",
        object: &object,
        before: None,
        after: Some(&after),
        reason: None,
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(row)
}

/// Who of those presumed inside is most likely not there, where there are fewer heads: whose usual
/// time ended first.
fn absent(venue: &Venue, mut stays: Vec<Stay>, counted: i32) -> Vec<(MemberId, SessionId)> {
    let there = usize::try_from(counted).unwrap_or_default();
    let too_many = stays.len().saturating_sub(there).min(ENDED_MAX);
    stays.sort_by_key(|stay| (venue.estimated_end(stay.entered_at), stay.entered_at, stay.id));
    stays.truncate(too_many);
    stays.iter().map(|stay| (stay.member_id, stay.id)).collect()
}

/// At most `limit` counts of a venue before an instant, newest first.
pub async fn list(
    db: &impl ConnectionTrait,
    venue: VenueId,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Heads>, DbErr> {
    let sql = format!(
        "SELECT id, at, counted, presumed, ended, by_actor FROM occupancy_counts \
         WHERE venue_id = $1 AND at < $2 ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    let values = [venue.0.into(), before.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), &sql, values);
    Heads::find_by_statement(statement).all(db).await
}

/// The newest count of the business day that `now` is in: a night makes every count old.
pub async fn newest(
    db: &impl ConnectionTrait,
    venue: &Venue,
    now: DateTime<Utc>,
) -> Result<Option<Heads>, DbErr> {
    let today: NaiveDate = venue.business_day(now);
    let until = now + chrono::TimeDelta::milliseconds(1);
    let newest = list(db, venue.id, until, 1).await?.pop();
    Ok(newest.filter(|count| venue.business_day(count.at) == today))
}

/// How many are inside by a count and by who came since.
pub fn inside(count: &Heads, stays: &[Stay]) -> i64 {
    let since = stays.iter().filter(|stay| stay.entered_at > count.at).count();
    let (still, since) = (stays.len() - since, since);
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    count.count().inside(number(still), number(since))
}
