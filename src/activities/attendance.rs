//! Who came: by the code on their telephone, which staff read, by hand, or by a stay at the venue
//! while the activity went on.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{DatabaseConnection, DatabaseTransaction};
use uuid::Uuid;

use super::{
    kept, offers, sign_ups,
    tables::{SEEN_AT_DOORS, SeenAtDoor, execute, rows},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
        keys::Keys,
    },
    members,
    staff::StaffCaller,
};

/// How long before the beginning people are let in.
const EARLY: TimeDelta = TimeDelta::hours(1);
/// How long after the end records of doors may arrive, and staff may note who came.
const LATE: TimeDelta = TimeDelta::days(3);

/// How it is known that somebody came.
#[derive(Clone, Debug)]
pub enum Proof {
    /// The rotating code of `GET /me/code`, just read.
    Code(String),
    /// Staff know them.
    Member(MemberId),
}

/// Notes that somebody with a place came; once more changes nothing. Refuses (404) whoever has no
/// place, (422) a code that is none or has run out, and (409) out of time.
pub async fn attend(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    (id, proof): (Uuid, Proof),
    now: DateTime<Utc>,
) -> Result<sign_ups::SignUp, Error> {
    let activity = kept(tx, by, id).await?;
    let times = activity.times;
    let is_time = (times.starts_at - EARLY..=times.ends_at + LATE).contains(&now);
    if activity.cancelled.is_some() || !is_time {
        return Err(Error::Conflict(Code::ActivityClosed));
    }
    let (member, way) = match proof {
        Proof::Member(member) => (member, "staff"),
        Proof::Code(text) => {
            let read = members::read_code(keys, &text);
            let good = read.filter(|code| (code.from..=code.until).contains(&now));
            let good = good.ok_or_else(|| Error::invalid("/code", Code::InvalidValue))?;
            (good.member, "qr")
        }
    };
    let sql = "UPDATE activity_sign_ups SET attended_at = $3, attended_by = $4 \
               WHERE activity_id = $1 AND member_id = $2 AND state = 'in' AND attended_at IS NULL";
    execute(tx, sql, vec![id.into(), member.0.into(), now.into(), way.into()]).await?;
    let sign_up = sign_ups::mine(tx, id, member).await?;
    sign_up.filter(|one| one.attended_at.is_some()).ok_or(Error::NotFound(Code::NotFound))
}

/// Notes who was seen at the doors, counts as held what is over and was attended, and offers free
/// places to who waits; a job runs it.
pub async fn settle(db: &DatabaseConnection, keys: &Keys, now: DateTime<Utc>) -> Result<(), Error> {
    offers::fill(db, keys, now).await?;
    let values = vec![(now - LATE).into(), now.into()];
    let seen: Vec<SeenAtDoor> = rows(db, SEEN_AT_DOORS, values).await?;
    for SeenAtDoor { id, at } in seen {
        let sql = "UPDATE activity_sign_ups SET attended_at = $2, attended_by = 'door' \
                   WHERE id = $1 AND state = 'in' AND attended_at IS NULL";
        execute(db, sql, vec![id.into(), at.into()]).await?;
    }
    let sql = "UPDATE activities SET held_at = ends_at WHERE ends_at <= $1 AND ends_at > $2 \
               AND held_at IS NULL AND cancelled_at IS NULL AND EXISTS (SELECT 1 \
               FROM activity_sign_ups u WHERE u.activity_id = activities.id AND u.state = 'in' \
               AND u.attended_at IS NOT NULL)";
    // A day longer than anybody can be noted.
    let since = now - LATE - TimeDelta::days(1);
    execute(db, sql, vec![now.into(), since.into()]).await?;
    Ok(())
}
