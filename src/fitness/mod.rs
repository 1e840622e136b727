//! Fitness tests (体质测试): entered by staff or sent by a device, scored by a standard that is loaded
//! as data, shown to the person as history and trend with advice in plain words; plans of
//! instructors, and whether they were followed until the next test.
//!
//! All of it is health data: kept only while the person agrees to just that, sealed, deleted when
//! they withdraw. A standard that nobody has compared with the official text gives no grades.

mod guidance;
mod loading;
pub mod outcomes;
mod plans;
mod routes;
mod rules;
mod standard;
mod tables;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Statement, Value,
};
use uuid::Uuid;

pub use guidance::{Advice, NO_DIAGNOSIS, Need, advice, name_of};
pub use loading::{Loaded, StandardView, compared, load, standards};
pub use plans::{NewPlan, Plan, Progress, current_plan, make_plan};
pub use routes::{resident_routes, routes};
pub use rules::{AGAIN_AFTER, Move, Outcome, Scored, Trend, trends};
pub use standard::{Grade, Milli};

use self::{
    loading::in_force,
    tables::{plans as plan_rows, standards as standard_rows, tests},
};
use crate::{
    base::{
        documents::{Sex, age_on},
        error::{Code, Error},
        ids::{DivisionCode, MemberId, TerminalId, VenueId},
        keys::Keys,
    },
    members::{self, Purpose, local_day},
};

const TABLE: &str = "fitness_tests";
/// Tests of one person that a trend looks back on: two a year for a long life.
const HISTORY_MAX: u64 = 100;
/// A test entered late is of this age at most; an older one is history that nobody can vouch for.
const PAST_MAX: TimeDelta = TimeDelta::days(3 * 366);
/// A device's clock may be ahead by so much.
const FUTURE_MAX: TimeDelta = TimeDelta::minutes(5);

/// What was measured of somebody, and where.
#[derive(Clone, Debug)]
pub struct NewTest {
    pub member: MemberId,
    pub community: DivisionCode,
    pub venue: Option<VenueId>,
    pub tested_at: DateTime<Utc>,
    /// Items of the standard, values in thousandths of their units.
    pub measured: Vec<(String, Milli)>,
    /// A device and the name that it gave the test.
    pub record: Option<(TerminalId, String)>,
}

/// What became of a new test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entered {
    Taken(Uuid),
    /// The device sent it before.
    Known,
}

/// Enters a test. Refuses (403) without the person's consent, (409) while no standard is loaded,
/// and (422) a time, an age or items that cannot be.
pub async fn enter(
    tx: &DatabaseTransaction,
    keys: &Keys,
    new: NewTest,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Entered, Error> {
    require_consent(tx, new.member).await?;
    if !(now - PAST_MAX..=now + FUTURE_MAX).contains(&new.tested_at) {
        return Err(Error::invalid("/tested_at", Code::BadTime));
    }
    let (standard_id, standard) = in_force(tx).await?;
    let day = local_day(new.tested_at);
    let (age, sex) = of_age(tx, keys, new.member, day).await?;
    let outcome = rules::outcome(&standard, sex, age, &new.measured);
    let outcome = outcome.ok_or_else(|| Error::invalid("/items", Code::FitnessItems))?;
    let id = Uuid::now_v7();
    let plain = serde_json::to_vec(&outcome).map_err(Error::internal)?;
    let (terminal, record) = new.record.unzip();
    // What a device sends again meets its own name, and nothing is written.
    let sql = "INSERT INTO fitness_tests (id, member_id, division, venue_id, standard_id, \
               tested_at, tested_on, result_ct, terminal_id, record_key, by_actor, created_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING";
    let values: [Value; 12] = [
        id.into(),
        new.member.0.into(),
        new.community.as_str().into(),
        new.venue.map(|venue| venue.0).into(),
        standard_id.into(),
        new.tested_at.into(),
        day.into(),
        keys.seal(TABLE, "result_ct", &id.to_string(), &plain).into(),
        terminal.map(|terminal| terminal.0).into(),
        record.into(),
        actor.into(),
        now.into(),
    ];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let written = tx.execute_raw(statement).await?.rows_affected();
    Ok(if written == 1 { Entered::Taken(id) } else { Entered::Known })
}

/// Age and sex on the day of a test; refuses (422) children, and people of whom either is unknown.
async fn of_age(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    day: NaiveDate,
) -> Result<(i32, Sex), Error> {
    let born = members::born(tx, keys, member).await?;
    let age = born.birth.map(|birth| age_on(birth, day)).filter(|age| *age >= rules::AGE_MIN);
    age.zip(born.sex).ok_or_else(|| Error::invalid("", Code::FitnessAge))
}

/// Refuses (403) while a person has not agreed to health data being kept.
pub async fn require_consent(conn: &impl ConnectionTrait, member: MemberId) -> Result<(), Error> {
    if members::agrees(conn, member, Purpose::HealthData).await? {
        Ok(())
    } else {
        Err(Error::Forbidden(Code::HealthConsentRequired))
    }
}

/// A test as it is shown.
#[derive(Clone, Debug)]
pub struct Test {
    pub id: Uuid,
    pub tested_at: DateTime<Utc>,
    pub tested_on: NaiveDate,
    pub venue: Option<VenueId>,
    /// Name and version of what it was scored by.
    pub standard: (String, i32),
    /// Whether that was compared with the official text; if not, scores are provisional.
    pub compared: bool,
    pub by_device: bool,
    pub outcome: Outcome,
}

/// A person's tests, the newest first; none without their consent.
pub async fn history(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
) -> Result<Vec<Test>, Error> {
    if !members::agrees(conn, member, Purpose::HealthData).await? {
        return Ok(Vec::new());
    }
    let rows = tests::Entity::find()
        .filter(tests::COLUMN.member_id.eq(member))
        .order_by_desc(tests::Column::TestedAt)
        .limit(HISTORY_MAX)
        .all(conn)
        .await?;
    let mut history = Vec::with_capacity(rows.len());
    let mut known: Vec<standard_rows::Model> = Vec::new();
    for row in rows {
        if !known.iter().any(|one| one.id == row.standard_id) {
            let found = standard_rows::Entity::find_by_id(row.standard_id).one(conn).await?;
            known.extend(found);
        }
        let of = known.iter().find(|one| one.id == row.standard_id);
        let of = of.ok_or_else(|| anyhow::anyhow!("test {} is of no standard", row.id))?;
        history.push(Test {
            id: row.id,
            tested_at: row.tested_at,
            tested_on: row.tested_on,
            venue: row.venue_id,
            standard: (of.name.clone(), of.version),
            compared: of.compared_at.is_some(),
            by_device: row.terminal_id.is_some(),
            outcome: opened(keys, row.id, &row.result_ct)?,
        });
    }
    Ok(history)
}

fn opened(keys: &Keys, id: Uuid, sealed: &str) -> Result<Outcome, Error> {
    let plain = keys.open(TABLE, "result_ct", &id.to_string(), sealed)?;
    // The cause would quote the bytes.
    serde_json::from_slice(&plain).map_err(|_| anyhow::anyhow!("test {id} is no result").into())
}

/// The tests of `history` as trends want them.
pub fn oldest_first(history: &[Test]) -> Vec<(NaiveDate, Outcome)> {
    history.iter().rev().map(|test| (test.tested_on, test.outcome.clone())).collect()
}

/// Deletes what people withdrew their consent to; a job runs it. What they agreed to anew since
/// stays.
pub async fn forget_withdrawn(db: &DatabaseConnection) -> Result<(), DbErr> {
    for table in [TABLE, "fitness_plans"] {
        let of = format!(
            "SELECT t.id FROM consents c JOIN {table} t ON t.member_id = c.member_id \
             AND t.created_at <= c.at WHERE c.purpose = 'health_data' AND NOT c.granted"
        );
        let run = |sql: String| Statement::from_string(db.get_database_backend(), sql);
        // A look takes no turn from those who write.
        if db.query_one_raw(run(format!("{of} LIMIT 1"))).await?.is_none() {
            continue;
        }
        let sql = format!("DELETE FROM {table} WHERE id IN ({of})");
        let gone = db.execute_raw(run(sql)).await?.rows_affected();
        tracing::info!(table, gone, "health data was deleted as consent was withdrawn");
    }
    Ok(())
}

/// All of it goes with the person.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    plan_rows::Entity::delete_many()
        .filter(plan_rows::COLUMN.member_id.eq(member))
        .exec(tx)
        .await?;
    tests::Entity::delete_many().filter(tests::COLUMN.member_id.eq(member)).exec(tx).await?;
    Ok(())
}

/// Tests and plans of `gone` are `kept`'s, if `kept` agrees to having any; else they go with `gone`.
pub async fn join(tx: &DatabaseTransaction, kept: MemberId, gone: MemberId) -> Result<(), Error> {
    if !members::agrees(tx, kept, Purpose::HealthData).await? {
        return Ok(());
    }
    for table in [TABLE, "fitness_plans"] {
        let sql = format!("UPDATE {table} SET member_id = $1 WHERE member_id = $2");
        let values = [kept.0.into(), gone.0.into()];
        let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
        tx.execute_raw(statement).await?;
    }
    Ok(())
}
