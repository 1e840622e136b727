//! Signing up and withdrawing, alone or in teams. Whoever changes places holds the activity's row
//! first, so everything that happens to one activity happens one after the other, on every server;
//! and the table itself refuses more places than there are.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, SqlErr};
use uuid::Uuid;

use super::{
    Activity, load, offers,
    rules::{self, Place, Places},
    tables::{SIGN_UPS, SignUpRow, execute, rows},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
        keys::{Keys, new_token, token_hash},
    },
    members::{self, Status},
    staff::StaffCaller,
};

/// Characters of the code by which mates join a team.
const CODE_CHARS: usize = 8;

/// With whom somebody signs up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeamWish {
    Alone,
    /// Founds a team.
    Found,
    /// Joins the team whose code this is.
    Join(String),
}

/// Somebody's place in an activity.
#[derive(Clone, Debug)]
pub struct SignUp {
    pub id: Uuid,
    pub activity: Uuid,
    pub member: Uuid,
    /// Masked.
    pub name: String,
    /// The team's number.
    pub team: Option<i32>,
    pub is_captain: bool,
    pub state: Place,
    /// Until when an offer is to be confirmed.
    pub offered_until: Option<DateTime<Utc>>,
    pub attended_at: Option<DateTime<Utc>>,
    pub attended_by: Option<String>,
    pub place: Option<i32>,
    pub result: Option<String>,
}

impl TryFrom<SignUpRow> for SignUp {
    type Error = Error;
    fn try_from(row: SignUpRow) -> Result<Self, Error> {
        let unknown = || Error::internal(anyhow::anyhow!("a sign-up has an unknown state"));
        Ok(Self {
            id: row.id,
            activity: row.activity_id,
            member: row.member_id,
            name: row.name,
            team: row.team,
            is_captain: row.role == CAPTAIN,
            state: Place::from_text(&row.state).ok_or_else(unknown)?,
            offered_until: row.offered_until,
            attended_at: row.attended_at,
            attended_by: row.attended_by,
            place: row.place,
            result: row.result,
        })
    }
}

const ALONE: &str = "alone";
const CAPTAIN: &str = "captain";
pub(super) const MATE: &str = "mate";

/// Signs a member up: gives a place, or one on the waiting list, and to who founds a team the code
/// for its mates. Refuses (403) who is not of an age for it, and (409) what is closed or full, and
/// whoever has signed up already.
pub async fn sign_up(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: Uuid,
    member: MemberId,
    wish: TeamWish,
    now: DateTime<Utc>,
) -> Result<(SignUp, Option<String>), Error> {
    let activity = hold(tx, id, "signed = signed + 1").await?;
    if activity.cancelled.is_some() || now >= activity.times.sign_up_until {
        return Err(Error::Conflict(Code::ActivityClosed));
    }
    require_fit(tx, keys, &activity, member).await?;
    let seat = match (activity.limits.team_max, wish) {
        (None, TeamWish::Alone) => Seat { role: ALONE, ..Seat::default() },
        (Some(_), TeamWish::Found) => found_team(tx, &activity).await?,
        (Some(max), TeamWish::Join(code)) => {
            let Team { id: team, state, offered_until } = join_team(tx, id, &code, max).await?;
            let state = Place::from_text(&state).ok_or(Error::NotFound(Code::NotFound))?;
            let seat = Seat { role: MATE, team: Some(team), code: None, offered_until };
            return insert(tx, &activity, member, (seat, state), now).await;
        }
        (None, TeamWish::Found | TeamWish::Join(_)) | (Some(_), TeamWish::Alone) => {
            return Err(Error::invalid("/team", Code::InvalidValue));
        }
    };
    let mut places = activity.places();
    let state = places.sign_up().ok_or(Error::Conflict(Code::ActivityFull))?;
    keep(tx, id, places).await?;
    insert(tx, &activity, member, (seat, state), now).await
}

/// How somebody comes.
#[derive(Default)]
struct Seat {
    role: &'static str,
    team: Option<Uuid>,
    code: Option<String>,
    /// Where the team that is joined has an offer: it stands and falls with it.
    offered_until: Option<DateTime<Utc>>,
}

/// Locks an activity by changing it, and reads it as it is then.
pub(super) async fn hold(
    tx: &DatabaseTransaction,
    id: Uuid,
    change: &str,
) -> Result<Activity, Error> {
    execute(tx, &format!("UPDATE activities SET {change} WHERE id = $1"), vec![id.into()]).await?;
    load(tx, id).await?.ok_or(Error::NotFound(Code::NotFound))
}

async fn require_fit(
    tx: &DatabaseTransaction,
    keys: &Keys,
    activity: &Activity,
    member: MemberId,
) -> Result<(), Error> {
    let facts = members::facts_for(tx, keys, &[member]).await?;
    let facts = facts.get(&member).ok_or(Error::NotFound(Code::NotFound))?;
    if facts.status != Status::Active {
        return Err(Error::Forbidden(Code::Forbidden));
    }
    let day = members::local_day(activity.times.starts_at);
    if !rules::is_of_age(activity.limits, facts.birth, day) {
        return Err(Error::Forbidden(Code::AgeUnsuitable));
    }
    Ok(())
}

async fn found_team(tx: &DatabaseTransaction, activity: &Activity) -> Result<Seat, Error> {
    let (id, code) = (Uuid::now_v7(), new_token().chars().take(CODE_CHARS).collect::<String>());
    let sql = "INSERT INTO activity_teams (id, activity_id, n, code_hash, size) \
               VALUES ($1, $2, $3, $4, 1)";
    // Nobody else holds this number: it grows with each who signs up.
    let values =
        vec![id.into(), activity.id.into(), activity.signed.into(), token_hash(&code).into()];
    execute(tx, sql, values).await?;
    Ok(Seat { role: CAPTAIN, team: Some(id), code: Some(code), offered_until: None })
}

#[derive(FromQueryResult)]
struct Team {
    id: Uuid,
    state: String,
    offered_until: Option<DateTime<Utc>>,
}

async fn join_team(
    tx: &DatabaseTransaction,
    activity: Uuid,
    code: &str,
    max: i32,
) -> Result<Team, Error> {
    let wrong = || Error::invalid("/team/code", Code::TeamCodeInvalid);
    let sql = "SELECT t.id AS id, u.state AS state, u.offered_until FROM activity_teams t \
               JOIN activity_sign_ups u ON u.team_id = t.id AND u.role = 'captain' \
               AND u.state <> 'withdrawn' WHERE t.activity_id = $1 AND t.code_hash = $2";
    let found: Vec<Team> = rows(tx, sql, vec![activity.into(), token_hash(code).into()]).await?;
    let team = found.into_iter().next().ok_or_else(wrong)?;
    let sql = "UPDATE activity_teams SET size = size + 1 WHERE id = $1 AND size < $2";
    match execute(tx, sql, vec![team.id.into(), max.into()]).await? {
        0 => Err(Error::Conflict(Code::TeamFull)),
        _ => Ok(team),
    }
}

async fn insert(
    tx: &DatabaseTransaction,
    activity: &Activity,
    member: MemberId,
    (seat, state): (Seat, Place),
    now: DateTime<Utc>,
) -> Result<(SignUp, Option<String>), Error> {
    let id = Uuid::now_v7();
    let sql = "INSERT INTO activity_sign_ups (id, activity_id, member_id, team_id, role, state, \
               n, signed_at, offered_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let values = vec![
        id.into(),
        activity.id.into(),
        member.0.into(),
        seat.team.into(),
        seat.role.into(),
        state.as_str().into(),
        activity.signed.into(),
        now.into(),
        seat.offered_until.into(),
    ];
    execute(tx, sql, values).await.map_err(|error| match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::AlreadySignedUp),
        _ => error.into(),
    })?;
    let made = one(tx, "u.id = $1", vec![id.into()]).await?;
    Ok((made.ok_or(Error::NotFound(Code::NotFound))?.try_into()?, seat.code))
}

pub(super) async fn one(
    db: &impl ConnectionTrait,
    which: &str,
    values: Vec<sea_orm::Value>,
) -> Result<Option<SignUpRow>, Error> {
    let found: Vec<SignUpRow> = rows(db, &format!("{SIGN_UPS} WHERE {which}"), values).await?;
    Ok(found.into_iter().next())
}

pub(super) async fn keep(tx: &DatabaseTransaction, id: Uuid, places: Places) -> Result<(), Error> {
    let sql = "UPDATE activities SET taken = $2, waiting = $3 WHERE id = $1";
    execute(tx, sql, vec![id.into(), places.taken.into(), places.waiting.into()]).await?;
    Ok(())
}

/// A member withdraws before it begins; the first who waits is offered the place and told. A captain's team
/// goes on under its next member.
pub async fn withdraw(
    tx: &DatabaseTransaction,
    keys: &Keys,
    id: Uuid,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let activity = hold(tx, id, "signed = signed").await?;
    if now >= activity.times.starts_at {
        return Err(Error::Conflict(Code::ActivityClosed));
    }
    let which = "u.activity_id = $1 AND u.member_id = $2 AND u.state <> 'withdrawn'";
    let row = one(tx, which, vec![id.into(), member.0.into()]).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    let Some(freed) = step_back(tx, &row).await? else { return Ok(()) };
    let mut places = activity.places();
    if places.withdraw(freed) {
        offers::offer(tx, keys, &activity, now).await?;
    }
    keep(tx, id, places).await
}

/// Marks a sign-up withdrawn; answers the place that is free now, if one is.
async fn step_back(tx: &DatabaseTransaction, row: &SignUpRow) -> Result<Option<Place>, Error> {
    let sql = "UPDATE activity_sign_ups SET state = 'withdrawn' WHERE id = $1";
    execute(tx, sql, vec![row.id.into()]).await?;
    let state = Place::from_text(&row.state);
    let Some(team) = row.team_id else { return Ok(state) };
    let sql = "UPDATE activity_teams SET size = size - 1 WHERE id = $1";
    execute(tx, sql, vec![team.into()]).await?;
    let which = "u.team_id = $1 AND u.state <> 'withdrawn' ORDER BY u.n LIMIT 1";
    let Some(next) = one(tx, which, vec![team.into()]).await? else { return Ok(state) };
    if row.role == CAPTAIN {
        let sql = "UPDATE activity_sign_ups SET role = 'captain' WHERE id = $1";
        execute(tx, sql, vec![next.id.into()]).await?;
    }
    Ok(None)
}

/// Gives back every place of a member in what lies ahead; who waits moves up by the job.
pub(super) async fn give_back_all(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = format!(
        "{SIGN_UPS} JOIN activities a ON a.id = u.activity_id AND a.starts_at > $2 \
         WHERE u.member_id = $1 AND u.state <> 'withdrawn' ORDER BY u.activity_id"
    );
    let ahead: Vec<SignUpRow> = rows(tx, &sql, vec![member.0.into(), now.into()]).await?;
    for row in ahead {
        let activity = hold(tx, row.activity_id, "signed = signed").await?;
        let mut places = activity.places();
        match step_back(tx, &row).await? {
            Some(Place::In | Place::Offered) => places.taken -= 1,
            Some(Place::Waiting) => places.waiting -= 1,
            Some(Place::Withdrawn) | None => continue,
        }
        keep(tx, row.activity_id, places).await?;
    }
    Ok(())
}

/// How a member stands to an activity, if they signed up.
pub async fn mine(
    db: &impl ConnectionTrait,
    id: Uuid,
    member: MemberId,
) -> Result<Option<SignUp>, Error> {
    let which = "u.activity_id = $1 AND u.member_id = $2 AND u.state <> 'withdrawn'";
    one(db, which, vec![id.into(), member.0.into()]).await?.map(SignUp::try_from).transpose()
}

/// A member's own, the newest first, behind `before`.
pub async fn own(
    db: &impl ConnectionTrait,
    member: MemberId,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<SignUp>, Error> {
    let sql =
        format!("{SIGN_UPS} WHERE u.member_id = $1 AND u.id < $2 ORDER BY u.id DESC LIMIT $3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![member.0.into(), before.unwrap_or(Uuid::max()).into(), limit.into()];
    let found: Vec<SignUpRow> = rows(db, &sql, values).await?;
    found.into_iter().map(SignUp::try_from).collect()
}

/// Who signed up for an activity of the caller's division, in the order of signing up.
pub async fn of_activity(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
    after: Option<i32>,
    limit: u64,
) -> Result<Vec<(i32, SignUp)>, Error> {
    super::kept(db, by, id).await?;
    let sql = format!(
        "{SIGN_UPS} WHERE u.activity_id = $1 AND u.n > $2 AND u.state <> 'withdrawn' \
         ORDER BY u.n LIMIT $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<SignUpRow> =
        rows(db, &sql, vec![id.into(), after.unwrap_or(0).into(), limit.into()]).await?;
    found.into_iter().map(|row| Ok((row.n, row.try_into()?))).collect()
}

/// Everybody who has a place or waits for one.
pub(super) async fn still_there(
    tx: &DatabaseTransaction,
    id: Uuid,
) -> Result<Vec<MemberId>, Error> {
    let sql = format!("{SIGN_UPS} WHERE u.activity_id = $1 AND u.state <> 'withdrawn'");
    let found: Vec<SignUpRow> = rows(tx, &sql, vec![id.into()]).await?;
    Ok(found.into_iter().map(|row| MemberId(row.member_id)).collect())
}
