//! Free places go to who waits: offered for half an hour, as seats of slots are, confirmed, or
//! passed on. And teams that are too small when sign-up ends make room.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, DatabaseTransaction, FromQueryResult};
use uuid::Uuid;

use super::{
    Activity, SignUp, message,
    rules::{self, Place},
    sign_ups::{hold, keep, one},
    tables::{SIGN_UPS, SignUpRow, execute, rows},
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::MemberId,
    keys::Keys,
    outbox,
};

/// Activities, or teams, that one run of the job looks at.
const AT_ONCE: i64 = 20;

/// Confirms an offer, for the whole team where it is a team's; once more is no error. Refuses (404)
/// who has not signed up, and (409) whoever waits still and what has run out.
pub async fn confirm(
    tx: &DatabaseTransaction,
    id: Uuid,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<SignUp, Error> {
    let activity = hold(tx, id, "signed = signed").await?;
    let which = "u.activity_id = $1 AND u.member_id = $2 AND u.state <> 'withdrawn'";
    let row = one(tx, which, vec![id.into(), member.0.into()]).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    if Place::from_text(&row.state) == Some(Place::In) {
        return row.try_into();
    }
    let is_offered = row.offered_until.is_some_and(|until| now < until);
    if !is_offered || activity.cancelled.is_some() {
        return Err(Error::Conflict(Code::HoldEnded));
    }
    let sql = "UPDATE activity_sign_ups SET state = 'in', offered_until = NULL \
               WHERE activity_id = $1 AND state = 'offered' AND (id = $2 OR team_id = $3)";
    execute(tx, sql, vec![id.into(), row.id.into(), row.team_id.into()]).await?;
    let made = one(tx, "u.id = $1", vec![row.id.into()]).await?;
    made.ok_or(Error::NotFound(Code::NotFound))?.try_into()
}

/// Offers a place to the first who waits, with their team, and tells them until when it is theirs.
pub(super) async fn offer(
    tx: &DatabaseTransaction,
    keys: &Keys,
    activity: &Activity,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let which = "u.activity_id = $1 AND u.state = 'waiting' AND u.role <> 'mate' \
                 ORDER BY u.n LIMIT 1";
    let Some(first) = one(tx, which, vec![activity.id.into()]).await? else { return Ok(()) };
    let which = "u.activity_id = $1 AND u.state = 'waiting' AND (u.id = $2 OR u.team_id = $3)";
    let sql = format!("{SIGN_UPS} WHERE {which}");
    let values = vec![activity.id.into(), first.id.into(), first.team_id.into()];
    let together: Vec<SignUpRow> = rows(tx, &sql, values).await?;
    let until = rules::offered_until(now, activity.times.starts_at);
    let local = until.with_timezone(&chrono_tz::Asia::Shanghai).format("%H:%M");
    let said = format!("有名额了，请在{local}前确认");
    for row in together {
        let sql =
            "UPDATE activity_sign_ups SET state = 'offered', offered_until = $2 WHERE id = $1";
        execute(tx, sql, vec![row.id.into(), until.into()]).await?;
        let what = format!("offer:{}", row.id);
        let told = message(activity, MemberId(row.member_id), (&what, &said), now);
        outbox::put(tx, keys, told, now).await?;
    }
    Ok(())
}

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

/// Takes back what nobody confirmed in time, and offers what is free to who waits; a job runs it.
pub(super) async fn fill(
    db: &DatabaseConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    dissolve(db, keys, now).await?;
    let sql = "SELECT a.id AS id FROM activities a WHERE a.ends_at > $1 \
               AND a.cancelled_at IS NULL AND ((a.starts_at > $1 AND a.waiting > 0 \
               AND a.taken < a.capacity) OR EXISTS (SELECT 1 FROM activity_sign_ups u \
               WHERE u.activity_id = a.id AND u.state = 'offered' AND u.offered_until <= $1)) \
               ORDER BY a.id LIMIT $2";
    let due: Vec<Found> = rows(db, sql, vec![now.into(), AT_ONCE.into()]).await?;
    for Found { id } in due {
        let tx = db::begin(db).await?;
        let activity = hold(&tx, id, "signed = signed").await?;
        let mut places = activity.places();
        places.taken -= run_out(&tx, id, now).await?;
        while now < activity.times.starts_at && places.offers() {
            offer(&tx, keys, &activity, now).await?;
        }
        keep(&tx, id, places).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Withdraws what was offered and has run out; answers how many places that frees.
async fn run_out(tx: &DatabaseTransaction, id: Uuid, now: DateTime<Utc>) -> Result<i32, Error> {
    let which = "u.activity_id = $1 AND u.state = 'offered' AND u.offered_until <= $2";
    let sql = format!("{SIGN_UPS} WHERE {which}");
    let late: Vec<SignUpRow> = rows(tx, &sql, vec![id.into(), now.into()]).await?;
    let sql = "UPDATE activity_sign_ups SET state = 'withdrawn' WHERE activity_id = $1 \
               AND state = 'offered' AND offered_until <= $2";
    execute(tx, sql, vec![id.into(), now.into()]).await?;
    let first = |row: &&SignUpRow| row.role != super::sign_ups::MATE;
    let freed = late.iter().filter(first).count();
    for team in late.iter().filter(first).filter_map(|row| row.team_id) {
        empty(tx, team).await?;
    }
    i32::try_from(freed).map_err(Error::internal)
}

/// Nobody is in the team any more, and its code leads nowhere.
async fn empty(tx: &DatabaseTransaction, team: Uuid) -> Result<(), Error> {
    execute(tx, "UPDATE activity_teams SET size = 0 WHERE id = $1", vec![team.into()]).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Small {
    id: Uuid,
    activity_id: Uuid,
}

/// Withdraws teams that have too few when sign-up is over, and tells them.
async fn dissolve(db: &DatabaseConnection, keys: &Keys, now: DateTime<Utc>) -> Result<(), Error> {
    let sql = "SELECT t.id AS id, t.activity_id AS activity_id FROM activities a \
               JOIN activity_teams t ON t.activity_id = a.id AND t.size > 0 \
               AND t.size < a.team_min WHERE a.ends_at > $1 AND a.sign_up_until <= $1 \
               AND a.cancelled_at IS NULL AND a.held_at IS NULL ORDER BY t.id LIMIT $2";
    let small: Vec<Small> = rows(db, sql, vec![now.into(), AT_ONCE.into()]).await?;
    for Small { id, activity_id } in small {
        let tx = db::begin(db).await?;
        let activity = hold(&tx, activity_id, "signed = signed").await?;
        let sql = format!("{SIGN_UPS} WHERE u.team_id = $1 AND u.state <> 'withdrawn'");
        let members: Vec<SignUpRow> = rows(&tx, &sql, vec![id.into()]).await?;
        let mut places = activity.places();
        match members.first().and_then(|row| Place::from_text(&row.state)) {
            Some(Place::In | Place::Offered) => places.taken -= 1,
            Some(Place::Waiting) => places.waiting -= 1,
            Some(Place::Withdrawn) | None => {}
        }
        let sql = "UPDATE activity_sign_ups SET state = 'withdrawn' WHERE team_id = $1";
        execute(&tx, sql, vec![id.into()]).await?;
        empty(&tx, id).await?;
        for row in members {
            let what = format!("small:{}", row.id);
            let said = (what.as_str(), "队伍人数不足，报名已取消");
            let told = message(&activity, MemberId(row.member_id), said, now);
            outbox::put(&tx, keys, told, now).await?;
        }
        keep(&tx, activity_id, places).await?;
        tx.commit().await?;
    }
    Ok(())
}
