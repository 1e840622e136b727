//! What was published of a business day, each time that it was: nothing that somebody may have
//! read changes without a new number, and each number says what made it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{execute, query};
use crate::{
    base::ids::{DivisionCode, TerminalId, VenueId},
    venues::Venue,
    webhooks::{self, Event, Kind},
};

/// Revisions that one answer tells; a day has few.
const TOLD_MAX: u64 = 200;
/// No stay reaches further past its day.
const REACH: TimeDelta = TimeDelta::hours(24);

/// A venue, or all venues of a division.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Venue(VenueId),
    Division(DivisionCode),
}

impl Scope {
    /// The key of its rows.
    pub fn key(&self) -> String {
        match self {
            Self::Venue(id) => format!("venue:{id}"),
            Self::Division(code) => code.to_string(),
        }
    }
}

/// Why a day says something else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[schema(as = DayCause)]
pub enum Cause {
    /// A terminal delivered records after the day was published.
    LateRecords { terminal_id: TerminalId, serial: String, records: i64 },
    /// Staff corrected stays.
    Corrected { sessions: i64 },
    /// Residents said when they left.
    Declared { sessions: i64 },
    /// Staff counted heads, and people who were presumed inside were not there.
    Absent { sessions: i64 },
    /// A venue's day was published anew, as this number.
    VenueRestated { venue_id: VenueId, version: i32 },
    /// Minutes of an older platform, accounts of one person that were joined, and the like.
    OtherEntries,
}

/// What a day said.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Revision {
    pub n: i32,
    pub at: DateTime<Utc>,
    /// `final` or `restated`.
    pub state: String,
    pub visits: i64,
    pub people: i64,
    pub minutes_measured: i64,
    pub minutes_self_declared: i64,
    pub minutes_estimated: i64,
    pub minutes_corrected: i64,
    /// JSON of [`Cause`]s; none for the first.
    causes: String,
}

impl Revision {
    /// # Errors
    /// When no version of this program wrote the row.
    pub fn causes(&self) -> Result<Vec<Cause>, serde_json::Error> {
        serde_json::from_str(&self.causes)
    }

    fn says(&self) -> (&str, [i64; 6]) {
        let figures = [
            self.visits,
            self.people,
            self.minutes_measured,
            self.minutes_self_declared,
            self.minutes_estimated,
            self.minutes_corrected,
        ];
        (&self.state, figures)
    }
}

const COLUMNS: &str = "n, at, state, visits, people, minutes_measured, minutes_self_declared, \
     minutes_estimated, minutes_corrected, causes";

/// The revisions of a day, newest first.
pub async fn of<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    day: NaiveDate,
) -> Result<Vec<Revision>, DbErr> {
    let sql = format!(
        "SELECT {COLUMNS} FROM day_revisions WHERE scope = $1 AND business_day = $2 \
         ORDER BY n DESC LIMIT {TOLD_MAX}"
    );
    let values = [scope.key().into(), day.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Revision::find_by_statement(statement).all(db).await
}

/// Publishes a venue's day as it stands in `venue_days`; `late` if it, or its community's day, was
/// published before.
pub(super) async fn publish_venue<C: ConnectionTrait>(
    tx: &C,
    venue: &Venue,
    day: NaiveDate,
    late: bool,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let scope = Scope::Venue(venue.id);
    let sql = "SELECT * FROM venue_days WHERE venue_id = $1 AND business_day = $2";
    let rows = query(tx, sql, [venue.id.0.into(), day.into()]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    let (mut last, mut causes) = (None, Vec::new());
    if late {
        last = newest(tx, &scope, day).await?;
        let since = match &last {
            Some(last) => Some(last.at),
            // A venue whose first visits of the day came when its community's day was out.
            None => newest(tx, &Scope::Division(venue.community.clone()), day).await?.map(|r| r.at),
        };
        if let Some(since) = since {
            causes = changes(tx, venue, day, since).await?;
        }
    }
    publish(tx, &scope, Some(venue.id), &venue.community, day, (last, row), &causes, now).await
}

/// Publishes a division's day, as `row` of `division_days` says it.
pub(super) async fn publish_division<C: ConnectionTrait>(
    tx: &C,
    division: &DivisionCode,
    day: NaiveDate,
    row: &QueryResult,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let scope = Scope::Division(division.clone());
    let last = newest(tx, &scope, day).await?;
    let mut causes = Vec::new();
    if let Some(last) = &last {
        let sql = "SELECT venue_id, MAX(n) AS n FROM day_revisions WHERE business_day = $1 \
                   AND division BETWEEN $2 AND $3 AND venue_id IS NOT NULL AND at > $4 \
                   GROUP BY venue_id ORDER BY venue_id";
        let [first, end] = division.bounds();
        for row in query(tx, sql, [day.into(), first, end, last.at.into()]).await? {
            causes.push(Cause::VenueRestated {
                venue_id: VenueId(row.try_get("", "venue_id")?),
                version: row.try_get("", "n")?,
            });
        }
    }
    publish(tx, &scope, None, division, day, (last, row), &causes, now).await
}

#[expect(clippy::too_many_arguments, reason = "a row of a table, written in one place")]
async fn publish<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    venue: Option<VenueId>,
    division: &DivisionCode,
    day: NaiveDate,
    (last, row): (Option<Revision>, &QueryResult),
    causes: &[Cause],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let causes = serde_json::to_string(causes).map_err(|error| DbErr::Json(error.to_string()))?;
    let fresh = Revision {
        n: last.as_ref().map_or(1, |last| last.n + 1),
        at: now,
        state: row.try_get("", "state")?,
        visits: row.try_get("", "visits")?,
        people: row.try_get("", "people")?,
        minutes_measured: row.try_get("", "minutes_measured")?,
        minutes_self_declared: row.try_get("", "minutes_self_declared")?,
        minutes_estimated: row.try_get("", "minutes_estimated")?,
        minutes_corrected: row.try_get("", "minutes_corrected")?,
        causes,
    };
    if last.is_some_and(|last| last.says() == fresh.says()) {
        return Ok(());
    }
    if venue.is_none() {
        tell(tx, division, day, &fresh, now).await?;
    }
    let sql = "INSERT INTO day_revisions (scope, business_day, n, venue_id, division, at, state, \
               visits, people, minutes_measured, minutes_self_declared, minutes_estimated, \
               minutes_corrected, causes) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let values: [Value; 14] = [
        scope.key().into(),
        day.into(),
        fresh.n.into(),
        venue.map(|id| id.0).into(),
        division.as_str().into(),
        fresh.at.into(),
        fresh.state.into(),
        fresh.visits.into(),
        fresh.people.into(),
        fresh.minutes_measured.into(),
        fresh.minutes_self_declared.into(),
        fresh.minutes_estimated.into(),
        fresh.minutes_corrected.into(),
        fresh.causes.into(),
    ];
    execute(tx, sql, values).await.map(drop)
}

/// Says that a division's day was published, to be asked for where figures are proven.
async fn tell<C: ConnectionTrait>(
    tx: &C,
    division: &DivisionCode,
    day: NaiveDate,
    fresh: &Revision,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let kind = if fresh.n == 1 { Kind::DayFinal } else { Kind::DayRestated };
    let data = json!({ "division": division, "business_day": day, "revision": fresh.n });
    webhooks::tell(tx, &Event { kind, division: Some(division), data }, now).await
}

async fn newest<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    day: NaiveDate,
) -> Result<Option<Revision>, DbErr> {
    Ok(of(db, scope, day).await?.into_iter().next())
}

/// What of a venue's day is newer than `since`: records that happened before and came after,
/// also at other venues, where they ended a stay at this one; and what people stated.
async fn changes<C: ConnectionTrait>(
    tx: &C,
    venue: &Venue,
    day: NaiveDate,
    since: DateTime<Utc>,
) -> Result<Vec<Cause>, DbErr> {
    let begins = venue.business_day_end(day.pred_opt().unwrap_or(day));
    let ends = (venue.business_day_end(day) + REACH).min(since);
    let sql = "SELECT e.terminal_id, e.serial, COUNT(DISTINCT e.id) AS records \
               FROM sessions s JOIN entry_events e ON e.member_id = s.member_id \
               AND e.occurred_at >= $3 AND e.occurred_at < $4 \
               WHERE s.venue_id = $1 AND s.business_day = $2 AND e.received_at > $5 \
               AND e.decision <> 'refused' GROUP BY e.terminal_id, e.serial ORDER BY e.serial";
    let stay: [Value; 2] = [venue.id.0.into(), day.into()];
    let [id, of_day] = stay.clone();
    let mut causes = Vec::new();
    for row in query(tx, sql, [id, of_day, begins.into(), ends.into(), since.into()]).await? {
        causes.push(Cause::LateRecords {
            terminal_id: TerminalId(row.try_get("", "terminal_id")?),
            serial: row.try_get("", "serial")?,
            records: row.try_get("", "records")?,
        });
    }
    let sql = "SELECT f.kind, COUNT(DISTINCT f.session_id) AS sessions \
               FROM sessions s JOIN session_facts f ON f.session_id = s.id \
               WHERE s.venue_id = $1 AND s.business_day = $2 AND f.at > $3 \
               GROUP BY f.kind ORDER BY f.kind";
    let [id, of_day] = stay;
    for row in query(tx, sql, [id, of_day, since.into()]).await? {
        let sessions = row.try_get("", "sessions")?;
        let kind: String = row.try_get("", "kind")?;
        causes.push(match kind.as_str() {
            "corrected" => Cause::Corrected { sessions },
            "absent" => Cause::Absent { sessions },
            _ => Cause::Declared { sessions },
        });
    }
    if causes.is_empty() {
        causes.push(Cause::OtherEntries);
    }
    Ok(causes)
}
