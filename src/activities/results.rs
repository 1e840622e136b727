//! Results and places, entered by staff, read by residents under masked names.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use super::{
    kept, load, note, rules,
    tables::{SIGN_UPS, SignUpRow, execute, rows},
};
use crate::{
    base::error::{Code, Error},
    staff::StaffCaller,
};

/// Results that are entered or listed at once.
const AT_ONCE: usize = 200;
const PLACE_MAX: i32 = 10_000;

/// What came of it for somebody who had a place, or for their team.
#[derive(Clone, Debug)]
pub struct NewResult {
    pub sign_up: Uuid,
    /// 1 is the first; equals share one.
    pub place: Option<i32>,
    /// A time, a score.
    pub result: Option<String>,
}

/// Enters results once it has begun; again replaces what was entered. A team's is its captain's.
/// Refuses (404) sign-ups that have no place in this activity, and (409) before it began.
pub async fn record(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    new: &[NewResult],
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let activity = kept(tx, by, id).await?;
    if activity.cancelled.is_some() || now < activity.times.starts_at {
        return Err(Error::Conflict(Code::ActivityClosed));
    }
    if !(1..=AT_ONCE).contains(&new.len()) {
        return Err(Error::invalid("/results", Code::OutOfRange));
    }
    for (n, one) in new.iter().enumerate() {
        if one.place.is_some_and(|place| !(1..=PLACE_MAX).contains(&place)) {
            return Err(Error::invalid(format!("/results/{n}/place"), Code::OutOfRange));
        }
        let result = one.result.as_deref().map(rules::result).transpose();
        let result = result.map_err(|code| Error::invalid(format!("/results/{n}/result"), code))?;
        let sql = "UPDATE activity_sign_ups SET place = $3, result = $4 WHERE activity_id = $1 \
                   AND state = 'in' AND (id = $2 OR team_id = (SELECT t.team_id \
                   FROM activity_sign_ups t WHERE t.id = $5 AND t.activity_id = $6))";
        let values = vec![
            id.into(),
            one.sign_up.into(),
            one.place.into(),
            result.into(),
            one.sign_up.into(),
            id.into(),
        ];
        if execute(tx, sql, values).await? == 0 {
            return Err(Error::NotFound(Code::NotFound));
        }
    }
    note(tx, by, ("activity_results", id), None, now).await?;
    Ok(new.len())
}

/// A line of a ranking.
#[derive(Clone, Debug)]
pub struct Ranked {
    pub place: i32,
    pub name: String,
    /// The team's number, if teams came; the name is its captain's.
    pub team: Option<i32>,
    pub result: Option<String>,
}

/// The places of an activity, the first first.
pub async fn results(db: &impl ConnectionTrait, id: Uuid) -> Result<Vec<Ranked>, Error> {
    load(db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let sql = format!(
        "{SIGN_UPS} WHERE u.activity_id = $1 AND u.state = 'in' AND u.role <> 'mate' \
         AND u.place IS NOT NULL ORDER BY u.place, u.n LIMIT {AT_ONCE}"
    );
    let found: Vec<SignUpRow> = rows(db, &sql, vec![id.into()]).await?;
    let ranked = found.into_iter().filter_map(|row| {
        let SignUpRow { place, name, team, result, .. } = row;
        Some(Ranked { place: place?, name, team, result })
    });
    Ok(ranked.collect())
}
