//! A resident's own minutes: by day and month, stay by stay with the ledger rows that each minute
//! rests on, and days in a row.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, Statement,
};
use uuid::Uuid;

use super::{
    statement::{Declarable, declarable},
    tables::minute_entry,
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{MemberId, SessionId, VenueId},
    },
    venues::{self, Venue},
};

/// Days that one question may cover: a leap year.
const DAYS_MAX: i64 = 366;
/// Days looked at for the longest streak: more than ten years.
const STREAK_DAYS_MAX: i64 = 4000;

/// Visits and minutes of a time, by provenance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct Sum {
    pub visits: i64,
    pub measured: i64,
    pub self_declared: i64,
    pub estimated: i64,
    pub corrected: i64,
}

impl Sum {
    pub fn total(&self) -> i64 {
        self.measured + self.self_declared + self.estimated + self.corrected
    }

    fn add(&mut self, other: &Self) {
        self.visits += other.visits;
        self.measured += other.measured;
        self.self_declared += other.self_declared;
        self.estimated += other.estimated;
        self.corrected += other.corrected;
    }
}

/// One business day with anything in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub day: NaiveDate,
    pub sum: Sum,
}

/// From one business day to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    from: NaiveDate,
    to: NaiveDate,
}

impl Span {
    /// # Errors
    /// 422 when it ends before it begins, or is longer than a year.
    pub fn new(from: NaiveDate, to: NaiveDate) -> Result<Self, Error> {
        let days = (to - from).num_days() + 1;
        if days < 1 {
            return Err(Error::invalid("", Code::BadTime));
        }
        if days > DAYS_MAX {
            return Err(Error::invalid("", Code::RangeTooLarge));
        }
        Ok(Self { from, to })
    }
}

const DAYS: &str = "SELECT business_day, visits, minutes_measured AS measured, \
     minutes_self_declared AS self_declared, minutes_estimated AS estimated, \
     minutes_corrected AS corrected FROM member_days \
     WHERE member_id = $1 AND business_day >= $2 AND business_day <= $3 ORDER BY business_day";

/// The member's days in a span, those on which anything was.
pub async fn days(
    db: &impl ConnectionTrait,
    member: MemberId,
    span: Span,
) -> Result<Vec<Day>, DbErr> {
    let values = [member.0.into(), span.from.into(), span.to.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), DAYS, values);
    let rows = db.query_all_raw(statement).await?;
    rows.iter()
        .map(|row| {
            let sum = Sum::from_query_result(row, "")?;
            Ok(Day { day: row.try_get("", "business_day")?, sum })
        })
        .collect()
}

/// What days come to.
pub fn sum(days: &[Day]) -> Sum {
    let mut sum = Sum::default();
    for day in days {
        sum.add(&day.sum);
    }
    sum
}

/// One stay with what it rests on.
#[derive(Clone, Debug)]
pub struct Stay {
    pub row: StayRow,
    /// Oldest first: what was credited, taken back, and why.
    pub ledger: Vec<minute_entry::Model>,
    /// What the member may say of its end; none when it is not theirs to say.
    pub declarable: Option<Declarable>,
}

#[derive(Clone, Debug, FromQueryResult)]
pub struct StayRow {
    pub id: Uuid,
    pub venue_id: Uuid,
    pub venue_name: String,
    pub business_day: NaiveDate,
    pub entered_at: DateTime<Utc>,
    pub left_at: Option<DateTime<Utc>>,
    pub minutes: i32,
    pub provenance: Option<String>,
    pub ended_by: Option<String>,
    pub credited: bool,
    pub rule_version: i32,
    /// When the member's next stay began.
    pub next_entry: Option<DateTime<Utc>>,
    /// A dispute that is not resolved.
    pub disputed: i32,
}

const STAYS: &str = "SELECT s.id AS id, s.venue_id AS venue_id, v.name AS venue_name, \
     s.business_day AS business_day, s.entered_at AS entered_at, s.left_at AS left_at, \
     s.minutes AS minutes, s.provenance AS provenance, s.ended_by AS ended_by, \
     s.credited AS credited, s.rule_version AS rule_version, \
     (SELECT MIN(n.entered_at) FROM sessions n WHERE n.member_id = s.member_id AND NOT n.void \
     AND n.entered_at > s.entered_at) AS next_entry, \
     CASE WHEN EXISTS (SELECT 1 FROM session_disputes d WHERE d.session_id = s.id \
     AND d.resolved_at IS NULL) THEN 1 ELSE 0 END AS disputed \
     FROM sessions s JOIN venues v ON v.id = s.venue_id \
     WHERE s.member_id = $1 AND NOT s.void AND (s.entered_at, s.id) < ($2, $3) \
     ORDER BY s.entered_at DESC, s.id DESC LIMIT $4";

/// Where a page of stays ends: the next begins before it.
pub type StayKey = (DateTime<Utc>, SessionId);

/// At most `limit` stays of a member, the newest first, before a key.
pub async fn stays(
    db: &impl ConnectionTrait,
    member: MemberId,
    before: Option<StayKey>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Stay>, Error> {
    let (at, id) = before.unwrap_or((now + TimeDelta::days(1), SessionId(Uuid::max())));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = [member.0.into(), at.into(), id.0.into(), limit.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), STAYS, values);
    let rows = StayRow::find_by_statement(statement).all(db).await?;
    let mut ledger = ledger_of(db, member, &rows).await?;
    let venues = venues::load_world(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| Stay {
            ledger: ledger.remove(&row.id).unwrap_or_default(),
            declarable: venues
                .get(&VenueId(row.venue_id))
                .and_then(|venue| declarable_of(&row, venue, now)),
            row,
        })
        .collect())
}

async fn ledger_of(
    db: &impl ConnectionTrait,
    member: MemberId,
    stays: &[StayRow],
) -> Result<HashMap<Uuid, Vec<minute_entry::Model>>, DbErr> {
    let ids = stays.iter().map(|stay| stay.id);
    let rows = minute_entry::Entity::find()
        .filter(minute_entry::Column::MemberId.eq(member.0))
        .filter(minute_entry::Column::SessionId.is_in(ids))
        .order_by_asc(minute_entry::Column::RecordedAt)
        .order_by_asc(minute_entry::Column::Id)
        .all(db)
        .await?;
    let mut of: HashMap<Uuid, Vec<minute_entry::Model>> = HashMap::new();
    for row in rows {
        if let Some(session) = row.session_id {
            of.entry(session).or_default().push(row);
        }
    }
    Ok(of)
}

/// What is its member's to say of a stay's end: only where nobody saw it.
fn declarable_of(row: &StayRow, venue: &Venue, now: DateTime<Utc>) -> Option<Declarable> {
    match row.provenance.as_deref() {
        None | Some("estimated" | "self_declared") => {
            declarable(venue, row.entered_at, row.next_entry, now)
        }
        Some(_) => None,
    }
}

/// Days in a row with minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// Up to today, or up to yesterday while today may still come.
    pub current: u32,
    pub longest: u32,
    pub active_today: bool,
    pub last_day: Option<NaiveDate>,
}

const ACTIVE_DAYS: &str = "SELECT business_day FROM member_days WHERE member_id = $1 AND \
     minutes_measured + minutes_self_declared + minutes_estimated + minutes_corrected > 0 \
     ORDER BY business_day DESC LIMIT $2";

/// The member's streak as of `today`.
pub async fn streak(
    db: &impl ConnectionTrait,
    member: MemberId,
    today: NaiveDate,
) -> Result<Streak, DbErr> {
    let values = [member.0.into(), STREAK_DAYS_MAX.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), ACTIVE_DAYS, values);
    let rows = db.query_all_raw(statement).await?;
    let days: Result<Vec<NaiveDate>, DbErr> =
        rows.iter().map(|row| row.try_get("", "business_day")).collect();
    Ok(streak_of(&days?, today))
}

/// The streak of days with minutes, the newest first.
fn streak_of(days: &[NaiveDate], today: NaiveDate) -> Streak {
    let (mut current, mut longest, mut run) = (0, 0, 0_u32);
    let mut before: Option<NaiveDate> = None;
    for day in days {
        let follows = before.is_some_and(|before| before.pred_opt() == Some(*day));
        run = if follows { run + 1 } else { 1 };
        longest = longest.max(run);
        let reaches_now = days.first().is_some_and(|newest| (today - *newest).num_days() <= 1);
        if reaches_now && i64::from(run) == (days[0] - *day).num_days() + 1 {
            current = run;
        }
        before = Some(*day);
    }
    let last_day = days.first().copied();
    Streak { current, longest, active_today: last_day == Some(today), last_day }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, n).unwrap()
    }

    #[test]
    fn a_streak_goes_on_until_a_day_is_over_without_minutes() {
        let of = |days: &[u32], today| {
            let days: Vec<NaiveDate> = days.iter().map(|n| day(*n)).collect();
            let streak = streak_of(&days, day(today));
            (streak.current, streak.longest, streak.active_today)
        };
        assert_eq!(of(&[], 23), (0, 0, false));
        assert_eq!(of(&[23], 23), (1, 1, true));
        assert_eq!(of(&[22, 21], 23), (2, 2, false), "today may still come");
        assert_eq!(of(&[21, 20, 19], 23), (0, 3, false));
        assert_eq!(of(&[23, 22, 20, 19, 18], 23), (2, 3, true));
    }

    #[test]
    fn a_span_is_a_year_at_most_and_runs_forwards() {
        assert!(Span::new(day(1), day(1)).is_ok());
        assert!(Span::new(day(2), day(1)).is_err());
        let year = day(1) + TimeDelta::days(365);
        assert!(Span::new(day(1), year).is_ok());
        assert!(Span::new(day(1), year + TimeDelta::days(1)).is_err());
    }
}
