//! Meet-ups of a group at venues, and what its members did there together.

use std::collections::HashMap;

use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, SqlErr};
use uuid::Uuid;

use super::{
    membership::{Standing, led, standing},
    rules::{self, Reach, Together},
    tables::{MEETUPS, MeetupRow, REACHES, ReachRow, count, execute, rows},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{MemberId, VenueId},
    },
    venues,
};

/// Meet-ups of a month that are looked at: two a day.
const MEETUPS_MAX: i64 = 62;

/// A meet-up that a leader calls.
#[derive(Clone, Copy, Debug)]
pub struct NewMeetup {
    pub venue: VenueId,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
}

/// A meet-up as it is shown.
#[derive(Clone, Debug)]
pub struct Meetup {
    pub id: Uuid,
    pub venue: (Uuid, String),
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub is_cancelled: bool,
}

impl From<MeetupRow> for Meetup {
    fn from(row: MeetupRow) -> Self {
        Self {
            id: row.id,
            venue: (row.venue_id, row.venue),
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            is_cancelled: row.cancelled_at.is_some(),
        }
    }
}

/// A leader calls a meet-up. Refuses (422) times that cannot be and unknown venues, and (409) a
/// second one that begins at the same time.
pub async fn call(
    tx: &DatabaseTransaction,
    id: Uuid,
    by: MemberId,
    new: NewMeetup,
    now: DateTime<Utc>,
) -> Result<Meetup, Error> {
    led(tx, id, by).await?;
    rules::check_meetup(new.starts_at, new.ends_at, now)?;
    let unknown = || Error::invalid("/venue_id", Code::UnknownVenue);
    let venue = venues::load(tx, new.venue).await?.ok_or_else(unknown)?;
    let ahead = "SELECT COUNT(*) AS n FROM group_meetups \
                 WHERE group_id = $1 AND starts_at > $2 AND cancelled_at IS NULL";
    if count(tx, ahead, vec![id.into(), now.into()]).await? >= rules::MEETUPS_AHEAD_MAX {
        return Err(Error::Conflict(Code::TooManyItems));
    }
    let day = venue.business_day(new.starts_at);
    let meetup = Meetup {
        id: Uuid::now_v7(),
        venue: (venue.id.0, venue.name.clone()),
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        is_cancelled: false,
    };
    let sql = "INSERT INTO group_meetups (id, group_id, venue_id, starts_at, ends_at, day_before, \
               business_day, created_at, settle_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = vec![
        meetup.id.into(),
        id.into(),
        venue.id.0.into(),
        new.starts_at.into(),
        new.ends_at.into(),
        day.pred_opt().unwrap_or(day).into(),
        venue.business_day(new.ends_at).into(),
        now.into(),
        rules::settled_first(new.ends_at).into(),
    ];
    execute(tx, sql, values).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::Conflict),
        _ => error.into(),
    })?;
    Ok(meetup)
}

/// A leader calls a meet-up off; once it has begun it cannot be undone (409).
pub async fn cancel(
    tx: &DatabaseTransaction,
    (id, meetup): (Uuid, Uuid),
    by: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    led(tx, id, by).await?;
    let sql = format!("{MEETUPS} WHERE u.id = $1 AND u.group_id = $2");
    let found: Vec<MeetupRow> = rows(tx, &sql, vec![meetup.into(), id.into()]).await?;
    let row = found.first().ok_or(Error::NotFound(Code::NotFound))?;
    if row.starts_at <= now {
        return Err(Error::Conflict(Code::Conflict));
    }
    let sql = "UPDATE group_meetups SET cancelled_at = $2, settle_at = NULL \
               WHERE id = $1 AND cancelled_at IS NULL";
    execute(tx, sql, vec![meetup.into(), now.into()]).await?;
    Ok(())
}

/// The meet-ups of a group that are not over, the next first, to somebody who may see the group.
pub async fn meetups(
    db: &impl ConnectionTrait,
    id: Uuid,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Vec<Meetup>, Error> {
    standing(db, id, member).await?;
    ahead(db, id, now).await
}

/// The same; whoever asks has been judged.
pub async fn ahead(
    db: &impl ConnectionTrait,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Meetup>, Error> {
    let sql = format!(
        "{MEETUPS} WHERE u.group_id = $1 AND u.starts_at > $2 AND u.ends_at > $3 \
         ORDER BY u.starts_at LIMIT $4"
    );
    // The longest began so long ago, which bounds what the index has to show.
    let began = now - chrono::TimeDelta::hours(6);
    let values = vec![id.into(), began.into(), now.into(), rules::MEETUPS_AHEAD_MAX.into()];
    let found: Vec<MeetupRow> = rows(db, &sql, values).await?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// A group's month.
#[derive(Clone, Debug)]
pub struct Score {
    pub minutes: i64,
    /// Each meet-up with its minutes and people.
    pub meetups: Vec<(Meetup, i64, i64)>,
    /// Rank, masked name and minutes of those who want to be seen in rankings.
    pub ranking: Vec<(usize, Uuid, String, i64)>,
}

#[derive(FromQueryResult)]
struct Seen {
    id: Uuid,
    name: String,
}

/// Those of a group who want to be seen in rankings and whose minutes may be counted.
const SEEN: &str = "SELECT i.member_id AS id, m.name_masked AS name FROM group_members i \
     JOIN member_settings s ON s.member_id = i.member_id AND s.in_ranks \
     JOIN members m ON m.id = i.member_id AND m.status = 'active' WHERE i.group_id = $1 \
     AND EXISTS (SELECT 1 FROM consents k WHERE k.member_id = i.member_id \
     AND k.purpose = 'minutes_statistics' AND k.granted AND k.at = (SELECT MAX(l.at) \
     FROM consents l WHERE l.member_id = i.member_id AND l.purpose = 'minutes_statistics'))";

/// What a group's members did together in the month that begins on `month`; its members see it.
pub async fn score(
    db: &impl ConnectionTrait,
    id: Uuid,
    member: MemberId,
    month: NaiveDate,
) -> Result<Score, Error> {
    match standing(db, id, member).await?.1 {
        Standing::Leader | Standing::In => together(db, id, month).await,
        Standing::Asked | Standing::Outside => Err(Error::Forbidden(Code::Forbidden)),
    }
}

/// The same; whoever asks has been judged.
pub async fn together(
    db: &impl ConnectionTrait,
    id: Uuid,
    month: NaiveDate,
) -> Result<Score, Error> {
    let (from, to) = bounds(month)?;
    let span = || vec![id.into(), from.into(), to.into()];
    let reaches: Vec<ReachRow> = rows(db, REACHES, span()).await?;
    let reaches: Vec<Reach> = reaches.into_iter().map(reach).collect();
    let sum = rules::together(&reaches);
    let sql = format!(
        "{MEETUPS} WHERE u.group_id = $1 AND u.starts_at >= $2 AND u.starts_at < $3 \
         ORDER BY u.starts_at LIMIT {MEETUPS_MAX}"
    );
    let met: Vec<MeetupRow> = rows(db, &sql, span()).await?;
    let seen: Vec<Seen> = rows(db, SEEN, vec![id.into()]).await?;
    let names: HashMap<Uuid, String> = seen.into_iter().map(|one| (one.id, one.name)).collect();
    Ok(told(met, &sum, &names))
}

fn told(met: Vec<MeetupRow>, sum: &Together, names: &HashMap<Uuid, String>) -> Score {
    let of = |id: &Uuid| sum.meetups.get(id).copied().unwrap_or_default();
    let ranked = rules::ranking(&sum.members, |id| names.contains_key(id));
    Score {
        minutes: sum.minutes,
        meetups: met
            .into_iter()
            .map(|row| {
                let (minutes, people) = of(&row.id);
                (row.into(), minutes, people)
            })
            .collect(),
        ranking: ranked
            .into_iter()
            .map(|(rank, id, n)| (rank, id, names.get(&id).cloned().unwrap_or_default(), n))
            .collect(),
    }
}

/// The first instant of a month and of the next, by the local calendar. Refuses (422) a day that
/// begins none.
fn bounds(month: NaiveDate) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
    let bad = || Error::invalid("/month", Code::BadTime);
    let next = month.checked_add_months(Months::new(1)).ok_or_else(bad)?;
    let start = |day: NaiveDate| {
        let local = Shanghai.from_local_datetime(&day.and_time(chrono::NaiveTime::MIN));
        local.earliest().map(|at| at.to_utc()).ok_or_else(bad)
    };
    if month.day() != 1 {
        return Err(bad());
    }
    Ok((start(month)?, start(next)?))
}

pub(super) fn reach(row: ReachRow) -> Reach {
    Reach {
        member: row.member_id,
        meetup: row.meetup,
        starts_at: row.starts_at,
        ends_at: row.ends_at,
        entered_at: row.entered_at,
        left_at: row.left_at,
        credited: row.credited,
    }
}
