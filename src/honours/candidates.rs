//! Who and what may be honoured of a year, from rows that are only added: the ledger of minutes,
//! what groups did together, the service of instructors that doors proved, and the steps of tickets.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, Statement, Value};
use uuid::Uuid;

use super::rules::{self, Candidate, Kind, Year};
use crate::{
    base::{
        error::Error,
        ids::{DivisionCode, MemberId},
    },
    groups, instructors, tickets,
};

/// What rows are looked at.
pub struct Scope<'a> {
    pub division: &'a DivisionCode,
    pub year: Year,
    pub as_of: DateTime<Utc>,
}

/// Groups that are looked at, far more than have a place.
const GROUPS_MAX: usize = 10 * rules::PLACES;

/// Measured and corrected minutes of a year in the ledger, up to an instant. `$1` `$2` the days,
/// `$3` `$4` between which instants rows were recorded.
const LEDGER: &str = "minute_entries e WHERE e.business_day >= $1 AND e.business_day <= $2 \
     AND e.recorded_at >= $3 AND e.recorded_at < $4 \
     AND e.provenance IN ('measured', 'corrected')";

/// Who wants to be seen, may be counted and is at home in `$5` to `$6`.
const SEEN: &str = "JOIN member_settings s ON s.member_id = d.member_id AND s.in_ranks \
     JOIN members m ON m.id = d.member_id AND m.status = 'active' \
     AND m.home_community >= $5 AND m.home_community <= $6 \
     WHERE EXISTS (SELECT 1 FROM consents k WHERE k.member_id = d.member_id \
     AND k.purpose = 'minutes_statistics' AND k.granted AND k.at = (SELECT MAX(l.at) \
     FROM consents l WHERE l.member_id = d.member_id AND l.purpose = 'minutes_statistics'))";

/// Everybody of a kind; of people, those who want to be seen now.
pub async fn candidates(
    db: &DatabaseConnection,
    kind: Kind,
    scope: &Scope<'_>,
) -> Result<Vec<Candidate>, Error> {
    match kind {
        Kind::ActiveCommunity => communities(db, scope).await,
        Kind::ActiveGroup => meeting(db, scope).await,
        Kind::InstructorStar => teaching(db, scope, None).await,
        Kind::VitalityStar => people(db, scope, SEEN, None).await,
        Kind::ServiceStar => {
            let Some(year) = scope.year.instants() else { return Ok(Vec::new()) };
            let served = tickets::served(db, scope.division, year, scope.as_of).await?;
            let candidate = |one: tickets::Served| Candidate {
                subject: one.actor,
                figure: one.in_time,
                beside: -one.late,
            };
            Ok(served.into_iter().map(candidate).collect())
        }
    }
}

/// The figures of one person who was honoured, whether they want to be seen now or not.
pub async fn of_person(
    db: &DatabaseConnection,
    kind: Kind,
    scope: &Scope<'_>,
    member: Uuid,
) -> Result<Option<Candidate>, Error> {
    let found = match kind {
        Kind::VitalityStar => people(db, scope, "WHERE d.member_id = $5", Some(member)).await?,
        Kind::InstructorStar => teaching(db, scope, Some(MemberId(member))).await?,
        Kind::ActiveCommunity | Kind::ActiveGroup | Kind::ServiceStar => Vec::new(),
    };
    Ok(found.into_iter().next())
}

async fn communities(db: &DatabaseConnection, scope: &Scope<'_>) -> Result<Vec<Candidate>, Error> {
    let sql = format!(
        "SELECT e.community AS subject, CAST(SUM(e.minutes) AS BIGINT) AS figure, \
         COUNT(DISTINCT e.member_id) AS beside FROM {LEDGER} \
         AND e.community >= $5 AND e.community <= $6 GROUP BY e.community"
    );
    let mut values = ledger_values(scope);
    values.extend(scope.division.bounds());
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    let rows = rows.iter().map(|row| {
        Ok(Candidate {
            subject: row.try_get("", "subject")?,
            figure: row.try_get("", "figure")?,
            beside: row.try_get("", "beside")?,
        })
    });
    Ok(rows.collect::<Result<_, DbErr>>()?)
}

/// Groups by minutes together; also those that are closed since, for they were there.
async fn meeting(db: &DatabaseConnection, scope: &Scope<'_>) -> Result<Vec<Candidate>, Error> {
    let days = (scope.year.first, scope.year.last);
    let met = groups::met(db, scope.division, days, scope.as_of, GROUPS_MAX).await?;
    let candidate = |one: groups::Met| Candidate {
        subject: one.group_id.to_string(),
        figure: one.minutes,
        beside: one.people,
    };
    Ok(met.into_iter().map(candidate).collect())
}

/// Instructors by minutes of service.
async fn teaching(
    db: &DatabaseConnection,
    scope: &Scope<'_>,
    only: Option<MemberId>,
) -> Result<Vec<Candidate>, Error> {
    let days = (scope.year.first, scope.year.last);
    let served = instructors::most_served(db, scope.division, days, scope.as_of, only).await?;
    let candidate = |one: instructors::Serving| Candidate {
        subject: one.member.to_string(),
        figure: one.minutes,
        beside: one.learners,
    };
    Ok(served.into_iter().map(candidate).collect())
}

/// People by active days; `who` says which, and may name one more value.
async fn people(
    db: &DatabaseConnection,
    scope: &Scope<'_>,
    who: &str,
    only: Option<Uuid>,
) -> Result<Vec<Candidate>, Error> {
    let sql = format!(
        "SELECT d.member_id AS member, COUNT(*) AS figure, CAST(SUM(d.minutes) AS BIGINT) AS beside \
         FROM (SELECT e.member_id, e.business_day, SUM(e.minutes) AS minutes FROM {LEDGER} \
         GROUP BY e.member_id, e.business_day HAVING SUM(e.minutes) >= {}) d {who} \
         GROUP BY d.member_id ORDER BY figure DESC, beside DESC, d.member_id LIMIT {}",
        rules::ACTIVE_DAY_MIN,
        rules::PLACES
    );
    let mut values = ledger_values(scope);
    match only {
        Some(member) => values.push(member.into()),
        None => values.extend(scope.division.bounds()),
    }
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    let rows = rows.iter().map(|row| {
        let member: Uuid = row.try_get("", "member")?;
        let (figure, beside) = (row.try_get("", "figure")?, row.try_get("", "beside")?);
        Ok(Candidate { subject: member.to_string(), figure, beside })
    });
    Ok(rows.collect::<Result<_, DbErr>>()?)
}

fn ledger_values(scope: &Scope<'_>) -> Vec<Value> {
    let Scope { year, as_of, .. } = scope;
    // Nothing of a year is recorded before it; a day of slack for zones.
    let begins = year.first.and_time(chrono::NaiveTime::MIN).and_utc() - TimeDelta::days(1);
    vec![year.first.into(), year.last.into(), begins.into(), (*as_of).into()]
}
