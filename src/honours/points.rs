//! Exercise points: a ledger of its own that only grows, from minutes that doors measured. Points
//! of a day follow what the day's minutes are said to be: a change is one more row. They are spent
//! at partner venues, to whose staff the person shows the code that opens doors.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, FromQueryResult, Statement, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{CHAIN, execute, rules};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, MemberId, VenueId},
        keys::Keys,
    },
    members::{self, local_day},
    staff::{
        StaffCaller,
        audit::{self, Deed},
    },
};

/// Days on which points still follow the minutes.
const FOLLOWED: TimeDelta = TimeDelta::days(366);
/// The most that is spent at once.
const SPENT_MAX: i32 = 10_000;

/// A row of the ledger.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Entry {
    pub id: Uuid,
    /// Below zero where they were spent, or where minutes turned out to be fewer.
    pub points: i32,
    /// `minutes`, `spent` or `given_back`.
    pub cause: String,
    pub business_day: Option<NaiveDate>,
    pub venue_id: Option<Uuid>,
    pub at: DateTime<Utc>,
}

/// Brings a member's points up to the minutes of the days that are over; gives the balance.
pub async fn settle(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    hold(tx, member).await?;
    let today = local_day(now);
    let from = today - FOLLOWED;
    let sql = "SELECT business_day, minutes_measured AS n FROM member_days \
               WHERE member_id = $1 AND business_day >= $2 AND business_day < $3";
    let minutes = by_day(tx, sql, member, (from, today)).await?;
    let sql = "SELECT business_day, CAST(SUM(points) AS BIGINT) AS n FROM point_entries \
               WHERE member_id = $1 AND cause = 'minutes' AND business_day >= $2 \
               AND business_day < $3 GROUP BY business_day";
    let given = by_day(tx, sql, member, (from, today)).await?;
    for (day, more) in rules::owed(&minutes, &given) {
        let points = i32::try_from(more).map_err(Error::internal)?;
        let entry = NewEntry { points, cause: "minutes", day: Some(day), ..NewEntry::default() };
        append(tx, member, &entry, "rule", now).await?;
    }
    balance(tx, member).await
}

/// Takes the member's account for this transaction, made if there is none yet.
async fn hold(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    let sql = "INSERT INTO point_accounts (member_id, balance, version) VALUES ($1, 0, 1) \
               ON CONFLICT (member_id) DO UPDATE SET version = point_accounts.version + 1";
    execute(tx, sql, [member.0.into()]).await.map(drop)
}

async fn balance(conn: &impl ConnectionTrait, member: MemberId) -> Result<i64, Error> {
    let sql = "SELECT balance FROM point_accounts WHERE member_id = $1";
    let statement =
        Statement::from_sql_and_values(conn.get_database_backend(), sql, [member.0.into()]);
    let row = conn.query_one_raw(statement).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "balance"))?)
}

async fn by_day(
    tx: &DatabaseTransaction,
    sql: &str,
    member: MemberId,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<BTreeMap<NaiveDate, i64>, DbErr> {
    let values: [Value; 3] = [member.0.into(), from.into(), to.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let rows = tx.query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get("", "business_day")?, row.try_get("", "n")?))).collect()
}

/// What a new row says beside whose it is.
#[derive(Default)]
struct NewEntry {
    points: i32,
    cause: &'static str,
    day: Option<NaiveDate>,
    venue: Option<VenueId>,
    reference: Option<Uuid>,
}

/// Adds a row and its points to the balance. None where what it refers to was referred to before.
async fn append(
    tx: &DatabaseTransaction,
    member: MemberId,
    new: &NewEntry,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, DbErr> {
    let id = Uuid::now_v7();
    let sql = "INSERT INTO point_entries (id, member_id, points, cause, business_day, venue_id, \
               reference, rules, by_actor, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
               ON CONFLICT DO NOTHING";
    let values: [Value; 10] = [
        id.into(),
        member.0.into(),
        new.points.into(),
        new.cause.into(),
        new.day.into(),
        new.venue.map(|venue| venue.0).into(),
        new.reference.into(),
        rules::POINTS.into(),
        by.into(),
        now.into(),
    ];
    if execute(tx, sql, values).await? == 0 {
        return Ok(None);
    }
    let sql = "UPDATE point_accounts SET balance = balance + $2 WHERE member_id = $1";
    execute(tx, sql, [member.0.into(), i64::from(new.points).into()]).await?;
    Ok(Some(id))
}

/// A member's rows, the newest first, behind `before`.
pub async fn entries(
    conn: &impl ConnectionTrait,
    member: MemberId,
    before: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Entry>, DbErr> {
    let sql = "SELECT id, points, cause, business_day, venue_id, at FROM point_entries \
               WHERE member_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 3] = [member.0.into(), before.unwrap_or(Uuid::max()).into(), rows.into()];
    let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, values);
    Entry::find_by_statement(statement).all(conn).await
}

/// Makes a venue one where points are taken, or no more; saying so twice changes nothing.
pub async fn set_partner(
    tx: &DatabaseTransaction,
    venue: VenueId,
    is_partner: bool,
    by: &StaffCaller,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let actor = by.actor();
    let changed = if is_partner {
        let sql = "INSERT INTO point_partners (id, venue_id, since, by_actor) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
        let values: [Value; 4] =
            [Uuid::now_v7().into(), venue.0.into(), now.into(), actor.as_str().into()];
        execute(tx, sql, values).await?
    } else {
        let sql = "UPDATE point_partners SET until = $2 WHERE venue_id = $1 AND until IS NULL";
        execute(tx, sql, [venue.0.into(), now.into()]).await?
    };
    if changed > 0 {
        let act = if is_partner { "points_partner_added" } else { "points_partner_ended" };
        note(tx, &actor, act, &format!("venue:{venue}"), now).await?;
    }
    Ok(())
}

/// What a member spends at a venue.
#[derive(Clone, Debug)]
pub struct Spending {
    pub venue: VenueId,
    /// What the member shows: good for half a minute.
    pub code: String,
    pub points: i32,
}

/// Spends points of whoever shows the code; gives the row and what is left. Refuses (409) a venue
/// that takes no points, more than there are, and a code that was spent with before; (422) a code
/// that is none.
pub async fn spend(
    tx: &DatabaseTransaction,
    keys: &Keys,
    spending: &Spending,
    by: &StaffCaller,
    now: DateTime<Utc>,
) -> Result<(Uuid, i64), Error> {
    if !(1..=SPENT_MAX).contains(&spending.points) {
        return Err(Error::invalid("/points", Code::OutOfRange));
    }
    let sql = "SELECT 1 AS one FROM point_partners WHERE venue_id = $1 AND until IS NULL";
    let values = [spending.venue.0.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    if tx.query_one_raw(statement).await?.is_none() {
        return Err(Error::Conflict(Code::PartnerRequired));
    }
    let code = members::read_code(keys, &spending.code);
    let code = code.filter(|code| code.from <= now && now < code.until);
    let code = code.ok_or_else(|| Error::invalid("/code", Code::MemberCodeInvalid))?;
    // Of somebody who is forgotten, a code may be good still.
    members::home_of(tx, code.member).await?;
    let left = settle(tx, code.member, now).await? - i64::from(spending.points);
    if left < 0 {
        return Err(Error::Conflict(Code::PointsShort));
    }
    let entry = NewEntry {
        points: -spending.points,
        cause: "spent",
        venue: Some(spending.venue),
        reference: Some(name_of(&spending.code)),
        ..NewEntry::default()
    };
    let actor = by.actor();
    let id = append(tx, code.member, &entry, &actor, now).await?;
    let id = id.ok_or(Error::Conflict(Code::MemberCodeUsed))?;
    note(tx, &actor, "points_spent", &format!("points:{id}"), now).await?;
    Ok((id, left))
}

/// What a code is kept as. References are unique, so whoever photographs a code, or presses twice,
/// spends with it once at most.
fn name_of(code: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(code)[..16]);
    Uuid::from_bytes(bytes)
}

/// Gives back what was spent by mistake, once: a row of its own. `may` says whether the caller may
/// where it was spent.
pub async fn give_back(
    tx: &DatabaseTransaction,
    id: Uuid,
    by: &StaffCaller,
    may: impl FnOnce(&DivisionCode) -> Result<(), Error>,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let sql = "SELECT p.member_id, p.points, p.venue_id, v.community FROM point_entries p \
               JOIN venues v ON v.id = p.venue_id WHERE p.id = $1 AND p.cause = 'spent'";
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [id.into()]);
    let row = tx.query_one_raw(statement).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let community: DivisionCode = row.try_get("", "community")?;
    may(&community)?;
    let (member, points): (Uuid, i32) = (row.try_get("", "member_id")?, row.try_get("", "points")?);
    hold(tx, MemberId(member)).await?;
    let entry = NewEntry {
        points: -points,
        cause: "given_back",
        venue: Some(VenueId(row.try_get("", "venue_id")?)),
        reference: Some(id),
        ..NewEntry::default()
    };
    let actor = by.actor();
    let back = append(tx, MemberId(member), &entry, &actor, now).await?;
    let back = back.ok_or(Error::Conflict(Code::RequestDecided))?;
    note(tx, &actor, "points_given_back", &format!("points:{id}"), now).await?;
    Ok(back)
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    object: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let deed = Deed { actor, act, object, before: None, after: None, reason: None };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

/// The account of `gone` goes over to `kept`, whose rows are its already.
pub(super) async fn hand_over(
    tx: &DatabaseTransaction,
    kept: MemberId,
    gone: MemberId,
) -> Result<(), DbErr> {
    let sql = "INSERT INTO point_accounts (member_id, balance, version) \
               SELECT $1, balance, 1 FROM point_accounts WHERE member_id = $2 \
               ON CONFLICT (member_id) DO UPDATE SET \
               balance = point_accounts.balance + excluded.balance, \
               version = point_accounts.version + 1";
    execute(tx, sql, [kept.0.into(), gone.0.into()]).await?;
    execute(tx, "DELETE FROM point_accounts WHERE member_id = $1", [gone.0.into()]).await.map(drop)
}
