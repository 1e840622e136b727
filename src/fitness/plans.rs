//! Plans: what an instructor advised after a test, and how far it was followed, by the minutes that
//! doors measured.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    require_consent,
    tables::{plans, tests},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
        keys::Keys,
    },
    members, minutes,
    staff::{Function, StaffCaller},
};

const TABLE: &str = "fitness_plans";
const TEXT_CHARS_MAX: usize = 1000;
/// Minutes of exercise a week that a plan may ask for.
const WEEKLY_MINUTES: std::ops::RangeInclusive<i32> = 10..=2000;
/// How long a plan may run.
const LASTS_MAX: TimeDelta = TimeDelta::days(366);

/// A plan that somebody is to follow.
#[derive(Clone, Debug)]
pub struct NewPlan {
    pub member: MemberId,
    pub test: Uuid,
    pub text: String,
    pub weekly_minutes: i32,
    /// Business days, both included.
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
}

/// What is sealed of a plan.
#[derive(Serialize, Deserialize)]
struct Sealed {
    text: String,
    weekly_minutes: i32,
}

/// A plan as it is shown.
#[derive(Clone, Debug)]
pub struct Plan {
    pub id: Uuid,
    pub test: Uuid,
    pub text: String,
    pub weekly_minutes: i32,
    pub starts_on: NaiveDate,
    pub ends_on: NaiveDate,
}

/// How far a plan was followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it asked for up to today, in whole minutes.
    pub minutes_planned: i64,
    /// Measured and corrected ones since it began.
    pub minutes_attended: i64,
}

/// Makes a plan after a test: 404 elsewhere and for a test of somebody else, 403 without consent,
/// 422 for days and minutes that cannot be.
pub async fn make_plan(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    new: &NewPlan,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    by.require(Function::KeepFitness, &members::home_of(tx, new.member).await?)?;
    require_consent(tx, new.member).await?;
    let found = tests::Entity::find_by_id(new.test).one(tx).await?;
    found.filter(|test| test.member_id == new.member).ok_or(Error::NotFound(Code::NotFound))?;
    let text = new.text.trim();
    if !(1..=TEXT_CHARS_MAX).contains(&text.chars().count()) {
        return Err(Error::invalid("/text", Code::TextLength));
    }
    if !WEEKLY_MINUTES.contains(&new.weekly_minutes) {
        return Err(Error::invalid("/weekly_minutes", Code::OutOfRange));
    }
    if new.ends_on < new.starts_on || new.ends_on - new.starts_on > LASTS_MAX {
        return Err(Error::invalid("/ends_on", Code::OutOfRange));
    }
    let id = Uuid::now_v7();
    let sealed = Sealed { text: text.to_owned(), weekly_minutes: new.weekly_minutes };
    let plain = serde_json::to_vec(&sealed).map_err(Error::internal)?;
    let row = plans::Model {
        id,
        member_id: new.member,
        test_id: new.test,
        plan_ct: keys.seal(TABLE, "plan_ct", &id.to_string(), &plain),
        starts_on: new.starts_on,
        ends_on: new.ends_on,
        by_actor: by.actor(),
        created_at: now,
    };
    plans::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    members::note_shown(tx, by, new.member, now).await?;
    Ok(id)
}

/// The plan that somebody was given last, and how far it was followed up to `today`.
pub async fn current_plan(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    today: NaiveDate,
) -> Result<Option<(Plan, Progress)>, Error> {
    let row = plans::Entity::find()
        .filter(plans::COLUMN.member_id.eq(member))
        .order_by_desc(plans::Column::StartsOn)
        .order_by_desc(plans::Column::Id)
        .one(conn)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let opened = keys.open(TABLE, "plan_ct", &row.id.to_string(), &row.plan_ct)?;
    let sealed: Sealed = serde_json::from_slice(&opened)
        .map_err(|_| anyhow::anyhow!("plan {} is no plan", row.id))?;
    let until = today.min(row.ends_on);
    let days = ((until - row.starts_on).num_days() + 1).max(0);
    let minutes_planned = days * i64::from(sealed.weekly_minutes) / 7;
    let minutes_attended = minutes::attended(conn, member, row.starts_on, until).await?;
    let Sealed { text, weekly_minutes } = sealed;
    let plans::Model { id, test_id: test, starts_on, ends_on, .. } = row;
    let plan = Plan { id, test, text, weekly_minutes, starts_on, ends_on };
    Ok(Some((plan, Progress { minutes_planned, minutes_attended })))
}
