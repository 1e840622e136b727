//! What groups did together, kept as rows that are only added: some time after a meet-up, and again
//! while late events and corrections may come, whatever the stays say by then is written as a
//! difference. Rankings of groups and a year's honours are sums of these rows.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, FromQueryResult, Value,
};
use uuid::Uuid;

use super::{
    State,
    meetups::reach,
    rules::{self, Reach},
    tables::{REACHES, ReachRow, execute, rows},
};
use crate::base::{
    db,
    error::Error,
    ids::{DivisionCode, MemberId},
};

/// Meet-ups that one run of the job looks at.
const AT_ONCE: i64 = 50;

#[derive(FromQueryResult)]
struct Over {
    id: Uuid,
    group_id: Uuid,
    community: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    business_day: NaiveDate,
    settle_at: DateTime<Utc>,
}

/// Counts the meet-ups whose time has come; a job runs it.
pub async fn settle(db: &DatabaseConnection, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "SELECT u.id, u.group_id, g.community, u.starts_at, u.ends_at, u.business_day, \
               u.settle_at FROM group_meetups u JOIN social_groups g ON g.id = u.group_id \
               WHERE u.settle_at <= $1 AND u.cancelled_at IS NULL ORDER BY u.settle_at LIMIT $2";
    let due: Vec<Over> = rows(db, sql, vec![now.into(), AT_ONCE.into()]).await?;
    for meetup in due {
        let tx = db::begin(db).await?;
        // Whoever moves it on counts it; the row stays theirs until they are done.
        let sql = "UPDATE group_meetups SET settle_at = $2 WHERE id = $1 AND settle_at = $3";
        let next = rules::settled_next(meetup.ends_at, now);
        let values = vec![meetup.id.into(), next.into(), meetup.settle_at.into()];
        if execute(&tx, sql, values).await? > 0 {
            count(&tx, &meetup, now).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Had {
    member_id: Uuid,
    minutes: i64,
}

/// Adds what differs from what was counted before, of those who were in the group then. Who has been
/// forgotten since is not among them: what was counted of them stays.
async fn count(tx: &DatabaseTransaction, meetup: &Over, now: DateTime<Utc>) -> Result<(), Error> {
    let from = meetup.starts_at;
    let span = vec![
        meetup.group_id.into(),
        from.into(),
        // A group begins one meet-up at a time.
        (from + TimeDelta::milliseconds(1)).into(),
    ];
    let reaches: Vec<ReachRow> = rows(tx, REACHES, span).await?;
    let reaches: Vec<Reach> = reaches.into_iter().map(reach).collect();
    let is = rules::together(&reaches).members;
    let sql = "SELECT i.member_id, CAST(COALESCE((SELECT SUM(t.minutes) FROM group_minutes t \
               WHERE t.meetup_id = $3 AND t.member_id = i.member_id), 0) AS BIGINT) AS minutes \
               FROM group_members i WHERE i.group_id = $1 AND i.joined_at <= $2 \
               AND (i.left_at IS NULL OR i.left_at > $2) ORDER BY i.member_id";
    let values = vec![meetup.group_id.into(), from.into(), meetup.id.into()];
    let had: Vec<Had> = rows(tx, sql, values).await?;
    for Had { member_id, minutes } in had {
        let more = is.get(&member_id).copied().unwrap_or_default() - minutes;
        if more == 0 {
            continue;
        }
        let sql = "INSERT INTO group_minutes (id, meetup_id, group_id, community, member_id, \
                   business_day, minutes, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let values: Vec<Value> = vec![
            Uuid::now_v7().into(),
            meetup.id.into(),
            meetup.group_id.into(),
            meetup.community.as_str().into(),
            member_id.into(),
            meetup.business_day.into(),
            i32::try_from(more).map_err(Error::internal)?.into(),
            now.into(),
        ];
        execute(tx, sql, values).await?;
    }
    Ok(())
}

/// What a group came to in a time.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Met {
    pub group_id: Uuid,
    pub name: String,
    /// Where it is in its life now.
    pub state: String,
    pub minutes: i64,
    pub people: i64,
}

/// The groups of a division by what they did together on the business days from `from` to `to`, as
/// far as it was counted up to `as_of`; the first so many. A group of which fewer than three came
/// is left out: its sum would tell of one of them.
pub async fn met(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    (from, to): (NaiveDate, NaiveDate),
    as_of: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Met>, DbErr> {
    let sql = format!(
        "SELECT t.group_id, g.name, g.state, \
         CAST(SUM(t.minutes) AS BIGINT) AS minutes, COUNT(*) AS people \
         FROM (SELECT group_id, member_id, SUM(minutes) AS minutes FROM group_minutes \
         WHERE community >= $1 AND community <= $2 AND business_day >= $3 AND business_day <= $4 \
         AND recorded_at <= $5 GROUP BY group_id, member_id HAVING SUM(minutes) > 0) t \
         JOIN social_groups g ON g.id = t.group_id GROUP BY t.group_id, g.name, g.state \
         HAVING COUNT(*) >= {} ORDER BY 4 DESC, t.group_id LIMIT {limit}",
        rules::PEOPLE_MIN
    );
    let [first, last] = division.bounds();
    rows(db, &sql, vec![first, last, from.into(), to.into(), as_of.into()]).await
}

/// Active groups of a division in the month that begins on `month`, with their rank: equals share
/// one. Refuses (422) a day that begins no month.
pub async fn group_ranking(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    month: NaiveDate,
    now: DateTime<Utc>,
) -> Result<Vec<(usize, Met)>, Error> {
    let last = rules::last_of_month(month)?;
    let mut all = met(db, division, (month, last), now, rules::GROUPS_MAX).await?;
    all.retain(|one| one.state == State::Active.as_str());
    let minutes: BTreeMap<Uuid, i64> = all.iter().map(|one| (one.group_id, one.minutes)).collect();
    let ranked = rules::ranking(&minutes, |_| true);
    let mut by_id: BTreeMap<Uuid, Met> = all.into_iter().map(|one| (one.group_id, one)).collect();
    Ok(ranked.into_iter().filter_map(|(n, id, _)| Some((n, by_id.remove(&id)?))).collect())
}

/// What was counted of `gone` is `kept`'s.
pub async fn join(
    tx: &DatabaseTransaction,
    (kept, gone): (MemberId, MemberId),
) -> Result<(), DbErr> {
    let sql = "UPDATE group_minutes SET member_id = $1 WHERE member_id = $2";
    execute(tx, sql, vec![kept.0.into(), gone.0.into()]).await.map(drop)
}
