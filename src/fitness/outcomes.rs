//! The closed loop in figures: what changed from one test of a person to the next, how much they
//! exercised between, and whether somebody had given them a plan. One person a row: whoever shows
//! this hides small groups.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Outcome, opened, rules};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
        keys::Keys,
    },
    minutes,
};

/// Tests that one question reads; a county's of a quarter are fewer.
const TESTS_MAX: usize = 20_000;
/// Two tests closer to each other than this are one.
const DAYS_BETWEEN_MIN: i64 = 28;

/// A person's way from one test to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loop {
    pub home: DivisionCode,
    /// At the later test.
    pub age: i32,
    /// Whether a plan was made after the earlier one and began before the later.
    pub planned: bool,
    /// Whole minutes a week that doors measured between the two.
    pub minutes_per_week: i64,
    /// Hundredths of a point by one's own age and sex, over the items that both scored.
    pub change: i64,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    member_id: MemberId,
    home: DivisionCode,
    tested_on: NaiveDate,
    result_ct: String,
}

/// The loops of people at home in a division that closed with a test from `from` to `to`; the
/// last test of each in that time, and the newest one at least four weeks before it.
pub async fn loops(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    division: &DivisionCode,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<Loop>, Error> {
    let mut loops = Vec::new();
    let rows = rows(conn, division, (from, to)).await?;
    for one in rows.chunk_by(|a, b| a.member_id == b.member_id) {
        // Newest first.
        let Some(later) = one.first() else { continue };
        let apart = |row: &&Row| (later.tested_on - row.tested_on).num_days() >= DAYS_BETWEEN_MIN;
        let Some(earlier) = one.iter().find(apart) else { continue };
        let after: Outcome = opened(keys, later.id, &later.result_ct)?;
        let before: Outcome = opened(keys, earlier.id, &earlier.result_ct)?;
        let Some(change) = rules::change(&before, &after) else { continue };
        let (member, days) = (later.member_id, (earlier.tested_on, later.tested_on));
        let weeks_days = (days.1 - days.0).num_days().max(1);
        let minutes = minutes::attended(conn, member, days.0, days.1).await?;
        loops.push(Loop {
            home: later.home.clone(),
            age: after.age,
            planned: had_plan(conn, member, days).await?,
            minutes_per_week: minutes * 7 / weeks_days,
            change,
        });
    }
    Ok(loops)
}

async fn rows(
    conn: &impl ConnectionTrait,
    division: &DivisionCode,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Vec<Row>, Error> {
    let sql = "SELECT t.id, t.member_id, m.home_community AS home, t.tested_on, t.result_ct \
               FROM fitness_tests t JOIN members m ON m.id = t.member_id \
               WHERE t.member_id IN (SELECT n.member_id FROM fitness_tests n \
               WHERE n.tested_on >= $1 AND n.tested_on <= $2) AND t.tested_on <= $2 \
               AND m.home_community >= $3 AND m.home_community <= $4 \
               ORDER BY t.member_id, t.tested_on DESC, t.id DESC LIMIT $5";
    let [first, last] = division.bounds();
    let limit = i64::try_from(TESTS_MAX + 1).unwrap_or(i64::MAX);
    let values: [Value; 5] = [from.into(), to.into(), first, last, limit.into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    let rows = Row::find_by_statement(statement).all(conn).await?;
    if rows.len() > TESTS_MAX {
        return Err(Error::invalid("/division", Code::RangeTooLarge));
    }
    Ok(rows)
}

async fn had_plan(
    conn: &impl ConnectionTrait,
    member: MemberId,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<bool, Error> {
    let sql = "SELECT 1 AS one FROM fitness_plans WHERE member_id = $1 AND starts_on >= $2 \
               AND starts_on < $3 LIMIT 1";
    let values: [Value; 3] = [member.0.into(), from.into(), to.into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    Ok(conn.query_one_raw(statement).await?.is_some())
}
