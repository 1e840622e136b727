//! Honours of a year, by rules with versions, from what is only ever added: the ledger of minutes,
//! what groups did together, proven service and the steps of tickets. The instant up to which rows were read stands beside what came of
//! them, so that anybody can work it out again. And exercise points, which are off unless the
//! operator wants them.

mod candidates;
pub mod points;
mod routes;
mod rules;
mod verify;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, FromQueryResult, Statement,
    Value,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use routes::{open_routes, resident_routes, routes};
pub use rules::Kind;
pub use verify::verify;

use self::{
    candidates::{Scope, candidates},
    rules::{Candidate, Year, placed},
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
    },
    groups,
    staff::audit::{self, Deed},
};

/// The audit chain of honours and points.
const CHAIN: &str = "honours";
const JOB: &str = "job:honours";
/// A transaction that recorded something is over after so long.
const WRITTEN_WITHIN: TimeDelta = TimeDelta::minutes(1);
/// Digits of the divisions for which honours are given: counties and districts.
const COUNTY_DIGITS: usize = 6;

/// An honour as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Honour {
    pub kind: Kind,
    /// 1 is the first.
    pub place: i32,
    /// A community's code, a group's name, a masked name, or who of the staff (`staff:<id>`).
    pub subject: String,
    pub figure: i64,
    pub beside: i64,
}

/// What was decided of a year in a division.
#[derive(Clone, Debug)]
pub struct Decided {
    pub rules: i32,
    /// Rows that came later were not looked at.
    pub as_of: DateTime<Utc>,
    pub digest: String,
    pub honours: Vec<Honour>,
}

/// Decides last year's honours in every county that has venues, once; a job runs it.
pub async fn decide_due(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(year) = Year::settled(now) else { return Ok(()) };
    let sql = "SELECT DISTINCT SUBSTR(v.community, 1, 6) AS county FROM venues v \
               WHERE NOT EXISTS (SELECT 1 FROM honour_years h \
               WHERE h.division = SUBSTR(v.community, 1, 6) AND h.year = $1 AND h.rules = $2) \
               ORDER BY 1";
    let values = [year.year.into(), rules::HONOURS.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    for row in db.query_all_raw(statement).await? {
        let county: String = row.try_get("", "county")?;
        let county: DivisionCode = county.parse().map_err(Error::internal)?;
        decide(db, &county, year, JOB, now).await?;
    }
    Ok(())
}

/// Decides a year's honours in a division, from what is recorded up to now. Refuses (409) what was
/// decided by these rules before.
async fn decide(
    db: &DatabaseConnection,
    division: &DivisionCode,
    year: Year,
    by: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    debug_assert_eq!(division.as_str().len(), COUNTY_DIGITS);
    // What is being written this very moment counts as late.
    let as_of = now - WRITTEN_WITHIN;
    let scope = Scope { division, year, as_of };
    let mut all: Vec<(Kind, Vec<Candidate>)> = Vec::new();
    for kind in Kind::ALL {
        all.push((kind, placed(candidates(db, kind, &scope).await?)));
    }
    let digest = digest(&all);
    let tx = db::begin(db).await?;
    let id = Uuid::now_v7();
    let sql = "INSERT INTO honour_years (id, division, year, rules, as_of, digest, by_actor) \
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let values: [Value; 7] = [
        id.into(),
        division.as_str().into(),
        year.year.into(),
        rules::HONOURS.into(),
        as_of.into(),
        digest.as_str().into(),
        by.into(),
    ];
    if execute(&tx, sql, values).await? == 0 {
        return Err(Error::Conflict(Code::Conflict));
    }
    for (kind, candidates) in &all {
        for (place, one) in (1..).zip(candidates) {
            insert(&tx, id, (*kind, place), one).await?;
        }
    }
    let object = format!("honours:{division}:{}", year.year);
    let after = Some(digest.as_str());
    let deed = Deed {
        actor: by,
        act: "honours_decided",
        object: &object,
        before: None,
        after,
        reason: None,
    };
    audit::append(&tx, CHAIN, &deed, now).await?;
    tx.commit().await?;
    Ok(())
}

async fn insert(
    tx: &DatabaseTransaction,
    year: Uuid,
    (kind, place): (Kind, i32),
    one: &Candidate,
) -> Result<(), Error> {
    let sql = "INSERT INTO honours (year_id, kind, place, subject, member_id, figure, beside) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    // A person is named by their row alone, so that they can be forgotten.
    let (subject, member) = match kind {
        Kind::VitalityStar | Kind::InstructorStar => {
            ("", Some(one.subject.parse::<Uuid>().map_err(Error::internal)?))
        }
        Kind::ActiveCommunity | Kind::ActiveGroup | Kind::ServiceStar => {
            (one.subject.as_str(), None)
        }
    };
    let values: [Value; 7] = [
        year.into(),
        kind.as_str().into(),
        place.into(),
        subject.into(),
        member.into(),
        one.figure.into(),
        one.beside.into(),
    ];
    execute(tx, sql, values).await.map(drop).map_err(Error::from)
}

/// SHA-256 over a line an honour: kind, place, subject and figures, joined by `|`.
fn digest(all: &[(Kind, Vec<Candidate>)]) -> String {
    let mut hash = Sha256::new();
    for (kind, candidates) in all {
        for (place, one) in (1..).zip(candidates) {
            let Candidate { subject, figure, beside } = one;
            let place: i32 = place;
            hash.update(format!("{}|{place}|{subject}|{figure}|{beside}\n", kind.as_str()));
        }
    }
    hex::encode(hash.finalize())
}

#[derive(FromQueryResult)]
struct YearRow {
    id: Uuid,
    rules: i32,
    as_of: DateTime<Utc>,
    digest: String,
}

#[derive(FromQueryResult)]
struct HonourRow {
    kind: String,
    place: i32,
    subject: String,
    member_id: Option<Uuid>,
    name: Option<String>,
    figure: i64,
    beside: i64,
}

/// What was decided of a year in a division by the newest rules; nothing before it is decided. Who
/// does not want to be seen any more, or is forgotten, is left out, and so is a group that is none
/// any more.
pub async fn of_year(
    conn: &impl ConnectionTrait,
    division: &DivisionCode,
    year: i32,
) -> Result<Option<Decided>, Error> {
    let Some(head) = head(conn, division, year).await? else { return Ok(None) };
    let mut honours = Vec::new();
    for row in rows(conn, head.id).await? {
        let Some(kind) = Kind::from_text(&row.kind) else { continue };
        let HonourRow { place, subject, name, figure, beside, .. } = row;
        let subject = match kind {
            Kind::ActiveGroup => group_name(conn, &subject).await?,
            Kind::VitalityStar | Kind::InstructorStar => name,
            Kind::ActiveCommunity | Kind::ServiceStar => Some(subject),
        };
        honours.extend(subject.map(|subject| Honour { kind, place, subject, figure, beside }));
    }
    let YearRow { rules, as_of, digest, .. } = head;
    Ok(Some(Decided { rules, as_of, digest, honours }))
}

/// What an active group is called; none of another.
async fn group_name(conn: &impl ConnectionTrait, id: &str) -> Result<Option<String>, Error> {
    let group = groups::load(conn, id.parse().map_err(Error::internal)?).await?;
    Ok(group.filter(|group| group.state == groups::State::Active).map(|group| group.name))
}

async fn head(
    conn: &impl ConnectionTrait,
    division: &DivisionCode,
    year: i32,
) -> Result<Option<YearRow>, DbErr> {
    let sql = "SELECT id, rules, as_of, digest FROM honour_years \
               WHERE division = $1 AND year = $2 ORDER BY rules DESC LIMIT 1";
    let values: [Value; 2] = [division.as_str().into(), year.into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    YearRow::find_by_statement(statement).one(conn).await
}

async fn rows(conn: &impl ConnectionTrait, year: Uuid) -> Result<Vec<HonourRow>, DbErr> {
    let sql = "SELECT h.kind, h.place, h.subject, h.member_id, h.figure, h.beside, \
               (SELECT m.name_masked FROM members m JOIN member_settings s ON s.member_id = m.id \
               AND s.in_ranks WHERE m.id = h.member_id AND m.status = 'active') AS name \
               FROM honours h WHERE h.year_id = $1 ORDER BY h.kind, h.place";
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, [year.into()]);
    HonourRow::find_by_statement(statement).all(conn).await
}

async fn execute<const N: usize>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

/// Who is forgotten is honoured and owns points no more.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    for table in ["honours", "point_entries", "point_accounts"] {
        let sql = format!("DELETE FROM {table} WHERE member_id = $1");
        execute(tx, &sql, [member.0.into()]).await?;
    }
    Ok(())
}

/// Honours and points of `gone` are `kept`'s.
pub async fn join(tx: &DatabaseTransaction, kept: MemberId, gone: MemberId) -> Result<(), DbErr> {
    for table in ["honours", "point_entries"] {
        let sql = format!("UPDATE {table} SET member_id = $1 WHERE member_id = $2");
        execute(tx, &sql, [kept.0.into(), gone.0.into()]).await?;
    }
    points::hand_over(tx, kept, gone).await
}
