//! Activities (赛事活动): competitions, classes, lectures and outings, with sign-up, attendance,
//! results and certificates. An activity whose end is past and that somebody attended was held.

mod attendance;
mod certificate;
mod offers;
mod results;
mod routes;
mod rules;
mod sign_ups;
mod tables;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, Value};
use uuid::Uuid;

pub use attendance::{Proof, attend, settle};
pub use certificate::{make_certificate, read_certificate};
pub use offers::confirm;
pub use results::{NewResult, Ranked, record, results};
pub use routes::{resident_routes, routes};
pub use rules::{Kind, Limits, Place, Times};
pub use sign_ups::{SignUp, TeamWish, mine, of_activity, own, sign_up, withdraw};

use self::{
    rules::Places,
    tables::{ACTIVITIES, ActivityRow, execute, rows},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, MemberId, VenueId},
        keys::Keys,
        outbox::{self, Note},
    },
    members,
    staff::{
        Function, StaffCaller,
        audit::{self, Deed},
        requests,
    },
    venues::{self, terms::Name},
};

const CHAIN: &str = "activities";
/// What the settings know the template of these messages by.
const MESSAGE: &str = "activity";

/// An activity as it is shown.
#[derive(Clone, Debug)]
pub struct Activity {
    pub id: Uuid,
    pub division: DivisionCode,
    pub venue: Option<(Uuid, String)>,
    /// Where it is, if at no venue.
    pub place: Option<String>,
    pub kind: Kind,
    pub title: String,
    pub about: String,
    pub times: Times,
    pub limits: Limits,
    pub taken: i32,
    pub waiting: i32,
    pub signed: i32,
    pub cancelled: Option<(DateTime<Utc>, String)>,
    pub held_at: Option<DateTime<Utc>>,
}

impl TryFrom<ActivityRow> for Activity {
    type Error = Error;
    fn try_from(row: ActivityRow) -> Result<Self, Error> {
        let unknown = || Error::internal(anyhow::anyhow!("an activity has an unknown kind"));
        Ok(Self {
            id: row.id,
            kind: Kind::from_text(&row.kind).ok_or_else(unknown)?,
            venue: row.venue_id.zip(row.venue),
            division: row.division,
            place: row.place,
            title: row.title,
            about: row.about,
            times: Times {
                starts_at: row.starts_at,
                ends_at: row.ends_at,
                sign_up_until: row.sign_up_until,
            },
            limits: Limits {
                capacity: row.capacity,
                age_min: row.age_min,
                age_max: row.age_max,
                team_min: row.team_min,
                team_max: row.team_max,
            },
            taken: row.taken,
            waiting: row.waiting,
            signed: row.signed,
            cancelled: row.cancelled_at.zip(row.cancelled_reason),
            held_at: row.held_at,
        })
    }
}

impl Activity {
    fn places(&self) -> Places {
        let capacity = self.limits.capacity;
        Places { capacity, taken: self.taken, waiting: self.waiting }
    }
}

/// An activity that is to be published.
#[derive(Clone, Debug)]
pub struct NewActivity {
    /// At a venue, or for a division somewhere else.
    pub venue: Option<VenueId>,
    pub division: Option<DivisionCode>,
    pub place: Option<Name>,
    pub kind: Kind,
    pub title: String,
    pub about: String,
    pub times: Times,
    pub limits: Limits,
}

/// Publishes an activity. Refuses (404) what is outside the caller's division, and (422) what
/// cannot be.
pub async fn publish(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    new: NewActivity,
    now: DateTime<Utc>,
) -> Result<Activity, Error> {
    let id = Uuid::now_v7();
    let (division, venue) = match (new.venue, new.division) {
        (Some(venue), None) => {
            let venue = venues::load(tx, venue).await?.ok_or(Error::NotFound(Code::NotFound))?;
            (venue.community.clone(), Some(venue))
        }
        (None, Some(division)) => (division, None),
        (Some(_), Some(_)) => return Err(Error::invalid("/division", Code::InvalidValue)),
        (None, None) => return Err(Error::invalid("/division", Code::Required)),
    };
    by.require(Function::OrganiseCommunity, &division)?;
    if venue.is_none() && new.place.is_none() {
        return Err(Error::invalid("/place", Code::Required));
    }
    let (title, about) = rules::texts(&new.title, &new.about)?;
    rules::check_times(new.times, now)?;
    rules::check_limits(new.limits)?;
    let Times { starts_at, ends_at, sign_up_until } = new.times;
    let day_of = |at: DateTime<Utc>| match &venue {
        Some(venue) => venue.business_day(at),
        None => members::local_day(at),
    };
    let first_day = day_of(starts_at);
    let sql = "INSERT INTO activities (id, division, venue_id, kind, title, about, place, \
               starts_at, ends_at, first_day, last_day, sign_up_until, capacity, taken, waiting, \
               signed, age_min, age_max, team_min, team_max, created_by, created_at) VALUES \
               ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, 0, $14, $15, $16, \
               $17, $18, $19)";
    let values: Vec<Value> = vec![
        id.into(),
        division.as_str().into(),
        venue.as_ref().map(|venue| venue.id.0).into(),
        new.kind.as_str().into(),
        title.into(),
        about.into(),
        new.place.map(Name::into_string).into(),
        starts_at.into(),
        ends_at.into(),
        first_day.pred_opt().unwrap_or(first_day).into(),
        day_of(ends_at).into(),
        sign_up_until.into(),
        new.limits.capacity.into(),
        new.limits.age_min.into(),
        new.limits.age_max.into(),
        new.limits.team_min.into(),
        new.limits.team_max.into(),
        by.actor().into(),
        now.into(),
    ];
    execute(tx, sql, values).await?;
    note(tx, by, ("activity_published", id), None, now).await?;
    load(tx, id).await?.ok_or(Error::NotFound(Code::NotFound))
}

/// An activity, if it is.
pub async fn load(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Activity>, Error> {
    let sql = format!("{ACTIVITIES} WHERE a.id = $1");
    let found: Vec<ActivityRow> = rows(db, &sql, vec![id.into()]).await?;
    found.into_iter().next().map(Activity::try_from).transpose()
}

/// One of the caller's division; 404 elsewhere.
pub(super) async fn kept(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
) -> Result<Activity, Error> {
    let activity = load(db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::OrganiseCommunity, &activity.division)?;
    Ok(activity)
}

/// One of the caller's division, to look at; 404 elsewhere.
pub async fn overseen(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
) -> Result<Activity, Error> {
    let activity = load(db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeePlaces, &activity.division)?;
    Ok(activity)
}

/// Where a list of what lies ahead goes on.
pub type Ahead = (DateTime<Utc>, Uuid);

/// What is not over in a division, the next first, behind `after`.
pub async fn ahead(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    after: Option<Ahead>,
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Activity>, Error> {
    let [first, last] = division.bounds();
    let (at, id) = after.unwrap_or((DateTime::UNIX_EPOCH, Uuid::nil()));
    let sql = format!(
        "{ACTIVITIES} WHERE a.ends_at > $1 AND a.division >= $2 AND a.division <= $3 \
         AND (a.starts_at > $4 OR (a.starts_at = $5 AND a.id > $6)) \
         ORDER BY a.starts_at, a.id LIMIT $7"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![now.into(), first, last, at.into(), at.into(), id.into(), limit.into()];
    let found: Vec<ActivityRow> = rows(db, &sql, values).await?;
    found.into_iter().map(Activity::try_from).collect()
}

/// Every activity of the caller's division, the newest first, behind `before`.
pub async fn all(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Activity>, Error> {
    by.require(Function::SeePlaces, &by.division)?;
    let [first, last] = by.division.bounds();
    let sql = format!(
        "{ACTIVITIES} WHERE a.division >= $1 AND a.division <= $2 AND a.id < $3 \
         ORDER BY a.id DESC LIMIT $4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![first, last, before.unwrap_or(Uuid::max()).into(), limit.into()];
    let found: Vec<ActivityRow> = rows(db, &sql, values).await?;
    found.into_iter().map(Activity::try_from).collect()
}

/// Calls an activity off that is not over; everybody who signed up is told. Refuses (409) one that
/// was called off or is over.
pub async fn cancel(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    (id, reason): (Uuid, &str),
    now: DateTime<Utc>,
) -> Result<Activity, Error> {
    let activity = kept(tx, by, id).await?;
    let reason = requests::reason(reason)?;
    let sql = "UPDATE activities SET cancelled_at = $2, cancelled_reason = $3 \
               WHERE id = $1 AND cancelled_at IS NULL AND ends_at > $4";
    let values = vec![id.into(), now.into(), reason.into(), now.into()];
    if execute(tx, sql, values).await? == 0 {
        return Err(Error::Conflict(Code::ActivityClosed));
    }
    for member in sign_ups::still_there(tx, id).await? {
        let told = message(&activity, member, ("cancelled", "活动已取消"), now);
        outbox::put(tx, keys, told, now).await?;
    }
    note(tx, by, ("activity_cancelled", id), Some(reason), now).await?;
    Ok(Activity { cancelled: Some((now, reason.to_owned())), ..activity })
}

async fn note(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    (act, id): (&str, Uuid),
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (actor, object) = (by.actor(), format!("activity:{id}"));
    let deed = Deed { actor: &actor, act, object: &object, before: None, after: None, reason };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}

/// What somebody is told about an activity: once for each `what`.
fn message(
    activity: &Activity,
    member: MemberId,
    (what, said): (&str, &str),
    now: DateTime<Utc>,
) -> Note {
    let starts = activity.times.starts_at.with_timezone(&chrono_tz::Asia::Shanghai);
    Note {
        member,
        kind: MESSAGE,
        name: format!("activity:{}:{member}:{what}", activity.id),
        session: None,
        page: format!("pages/activity/index?id={}", activity.id),
        fields: vec![
            ("thing1", outbox::thing(&activity.title)),
            ("time2", starts.format("%Y年%-m月%-d日 %H:%M").to_string()),
            ("thing3", said.to_owned()),
        ],
        not_before: now,
        valid_until: Some(activity.times.ends_at),
    }
}

#[derive(sea_orm::FromQueryResult)]
struct Count {
    n: i64,
}

/// How many activities were held in a division.
pub async fn count_held(db: &impl ConnectionTrait, division: &DivisionCode) -> Result<i64, DbErr> {
    let sql = "SELECT COUNT(*) AS n FROM activities \
               WHERE division >= $1 AND division <= $2 AND held_at IS NOT NULL";
    let found: Vec<Count> = rows(db, sql, division.bounds().into()).await?;
    Ok(found.first().map_or(0, |row| row.n))
}

/// What somebody's other registration signed up for is theirs, where they have not themselves.
pub async fn join(
    tx: &DatabaseTransaction,
    (kept, gone): (MemberId, MemberId),
) -> Result<(), DbErr> {
    let sql = "UPDATE activity_sign_ups SET member_id = $1 WHERE member_id = $2 \
               AND (state = 'withdrawn' OR activity_id NOT IN (SELECT o.activity_id \
               FROM activity_sign_ups o WHERE o.member_id = $1 AND o.state <> 'withdrawn'))";
    execute(tx, sql, vec![kept.0.into(), gone.0.into()]).await.map(drop)
}

/// Somebody who is forgotten gives back places of what lies ahead; what was attended stays under an
/// id that names nobody, since results and counts rest on it.
pub async fn erase(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    sign_ups::give_back_all(tx, member, now).await?;
    let sql = "UPDATE activity_sign_ups SET certificate_hash = NULL, certificate_until = NULL \
               WHERE member_id = $1 AND certificate_hash IS NOT NULL";
    execute(tx, sql, vec![member.0.into()]).await?;
    Ok(())
}
