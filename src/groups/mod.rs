//! Groups (社群): clubs of members with leaders, which staff approve before anybody else reads what
//! they say of themselves. And partners: who wants to be found by sport and hour.
//!
//! Minutes together are not kept: they are what the stays say that are kept anyway, so a stay that
//! is corrected later counts as corrected.

mod meetups;
mod membership;
mod partners;
mod routes;
mod rules;
mod tables;
mod together;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use meetups::{Meetup, NewMeetup, Score, ahead, call, cancel, meetups, score, together};
pub use membership::{Decision, Fellow, Standing, ask, decide_on, fellows, leave, standing};
pub use partners::{Hour, Offer, invite, offer, offers, partners, take_back};
pub use routes::{resident_routes, routes};
pub use together::{Met, group_ranking, met, settle};

use self::tables::{GROUPS, GroupRow, count, execute, rows};
use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
    },
    members,
    staff::{
        Function, StaffCaller,
        audit::{self, Deed},
        requests,
    },
    venues::terms::{Kind as Sport, Name},
};

const CHAIN: &str = "groups";
/// What the settings know the template of these messages by.
const MESSAGE: &str = "group";

/// Where a group is in its life; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupState)]
pub enum State {
    /// Waits for staff; its founder alone sees it.
    Proposed,
    Active,
    Refused,
    Closed,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Active => "active",
            Self::Refused => "refused",
            Self::Closed => "closed",
        }
    }

    fn from_text(text: &str) -> Result<Self, Error> {
        [Self::Proposed, Self::Active, Self::Refused, Self::Closed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("a group has an unknown state")))
    }
}

/// A group as it is shown.
#[derive(Clone, Debug)]
pub struct Group {
    pub id: Uuid,
    pub community: DivisionCode,
    pub name: String,
    pub sport: String,
    pub about: String,
    pub state: State,
    pub members: i64,
    pub created_at: DateTime<Utc>,
    /// Why staff refused or closed it.
    pub reason: Option<String>,
}

impl TryFrom<GroupRow> for Group {
    type Error = Error;
    fn try_from(row: GroupRow) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            community: row.community,
            name: row.name,
            sport: row.sport,
            about: row.about,
            state: State::from_text(&row.state)?,
            members: row.members,
            created_at: row.created_at,
            reason: row.reason,
        })
    }
}

/// A group that somebody wants to found in their home community.
#[derive(Clone, Debug)]
pub struct NewGroup {
    pub name: Name,
    pub sport: Sport,
    pub about: String,
}

/// Founds a group, of which the member is the first leader; it waits for staff. Refuses (409) while
/// three of the member's wait already.
pub async fn found(
    tx: &DatabaseTransaction,
    by: MemberId,
    new: NewGroup,
    now: DateTime<Utc>,
) -> Result<Group, Error> {
    let about = rules::about(&new.about)?;
    let community = members::home_of(tx, by).await?;
    let sql = "SELECT COUNT(*) AS n FROM group_members i JOIN social_groups g ON g.id = i.group_id \
               WHERE i.member_id = $1 AND i.is_leader AND g.state = 'proposed'";
    if count(tx, sql, vec![by.0.into()]).await? >= rules::PROPOSED_MAX {
        return Err(Error::Conflict(Code::TooManyItems));
    }
    let (id, name, sport) = (Uuid::now_v7(), new.name.into_string(), new.sport.into_string());
    let sql = "INSERT INTO social_groups (id, community, name, sport, about, state, created_at) \
               VALUES ($1, $2, $3, $4, $5, 'proposed', $6)";
    let values = vec![
        id.into(),
        community.as_str().into(),
        name.clone().into(),
        sport.clone().into(),
        about.clone().into(),
        now.into(),
    ];
    execute(tx, sql, values).await?;
    let sql = "INSERT INTO group_members (group_id, member_id, state, is_leader, asked_at, \
               joined_at) VALUES ($1, $2, 'in', TRUE, $3, $3)";
    execute(tx, sql, vec![id.into(), by.0.into(), now.into()]).await?;
    let state = State::Proposed;
    Ok(Group {
        id,
        community,
        name,
        sport,
        about,
        state,
        members: 1,
        created_at: now,
        reason: None,
    })
}

/// A group, if it is; whoever may see it is the caller's to say.
pub async fn load(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Group>, Error> {
    let found: Vec<GroupRow> =
        rows(db, &format!("{GROUPS} WHERE g.id = $1"), vec![id.into()]).await?;
    found.into_iter().next().map(Group::try_from).transpose()
}

/// A group of the caller's division; 404 elsewhere.
pub async fn overseen(
    db: &impl ConnectionTrait,
    by: &StaffCaller,
    id: Uuid,
) -> Result<Group, Error> {
    let group = load(db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeePlaces, &group.community)?;
    Ok(group)
}

/// Which groups a list shows.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub division: DivisionCode,
    pub state: State,
    pub sport: Option<Sport>,
}

/// Groups of a division in one state, by id behind `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    wanted: Wanted,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Group>, Error> {
    let [first, last] = wanted.division.bounds();
    let sql = format!(
        "{GROUPS} WHERE g.community >= $1 AND g.community <= $2 AND g.state = $3 AND g.id > $4 \
         AND ($5 = '' OR g.sport = $5) ORDER BY g.id LIMIT $6"
    );
    let values = vec![
        first,
        last,
        wanted.state.as_str().into(),
        after.unwrap_or(Uuid::nil()).into(),
        wanted.sport.map(Sport::into_string).unwrap_or_default().into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let found: Vec<GroupRow> = rows(db, &sql, values).await?;
    found.into_iter().map(Group::try_from).collect()
}

/// The groups that a member leads or is in, or asks to be let in.
pub async fn own(db: &impl ConnectionTrait, member: MemberId) -> Result<Vec<Group>, Error> {
    let sql = format!(
        "{GROUPS} JOIN group_members o ON o.group_id = g.id AND o.member_id = $1 \
         AND o.state IN ('in', 'asked') ORDER BY g.id LIMIT 200"
    );
    let found: Vec<GroupRow> = rows(db, &sql, vec![member.0.into()]).await?;
    found.into_iter().map(Group::try_from).collect()
}

/// Staff approve a group or refuse it, with a reason; one that is active is closed by refusing it.
/// Refuses (404) groups elsewhere and (409) what was decided before.
pub async fn decide(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: Uuid,
    (approve, reason): (bool, &str),
    now: DateTime<Utc>,
) -> Result<Group, Error> {
    let group = load(tx, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::OrganiseCommunity, &group.community)?;
    let reason = requests::reason(reason)?;
    let state = match (group.state, approve) {
        (State::Proposed, true) => State::Active,
        (State::Proposed, false) => State::Refused,
        (State::Active, false) => State::Closed,
        (State::Active | State::Refused | State::Closed, _) => {
            return Err(Error::Conflict(Code::RequestDecided));
        }
    };
    let sql = "UPDATE social_groups SET state = $2, decided_at = $3, decided_by = $4, reason = $5 \
               WHERE id = $1 AND state = $6";
    let values = vec![
        id.into(),
        state.as_str().into(),
        now.into(),
        by.actor().into(),
        reason.into(),
        group.state.as_str().into(),
    ];
    if execute(tx, sql, values).await? == 0 {
        return Err(Error::Conflict(Code::RequestDecided));
    }
    let (actor, object) = (by.actor(), format!("group:{id}"));
    let deed = Deed {
        actor: &actor,
        act: "group_decided",
        object: &object,
        before: Some(group.state.as_str()),
        after: Some(state.as_str()),
        reason: Some(reason),
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(Group { state, reason: Some(reason.to_owned()), ..group })
}

/// How many groups of a division are active.
pub async fn count_active(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<i64, DbErr> {
    let sql = "SELECT COUNT(*) AS n FROM social_groups \
               WHERE community >= $1 AND community <= $2 AND state = 'active'";
    count(db, sql, division.bounds().into()).await
}

/// What somebody's other registration was in, and offered, is theirs, where they have not the same.
pub async fn join(
    tx: &DatabaseTransaction,
    (kept, gone): (MemberId, MemberId),
) -> Result<(), DbErr> {
    for sql in [
        "UPDATE group_members SET member_id = $1 WHERE member_id = $2 AND group_id NOT IN \
         (SELECT o.group_id FROM group_members o WHERE o.member_id = $1)",
        "UPDATE partner_offers SET member_id = $1 WHERE member_id = $2 AND NOT EXISTS \
         (SELECT 1 FROM partner_offers o WHERE o.member_id = $1 \
         AND o.sport = partner_offers.sport AND o.weekday = partner_offers.weekday \
         AND o.hour = partner_offers.hour)",
    ] {
        execute(tx, sql, vec![kept.0.into(), gone.0.into()]).await?;
    }
    together::join(tx, (kept, gone)).await
}

/// Somebody who is forgotten is in no group and looks for nobody. What was counted of them together
/// with others stays in the sums, under an id that names nobody.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    for sql in [
        "DELETE FROM group_members WHERE member_id = $1",
        "DELETE FROM partner_offers WHERE member_id = $1",
    ] {
        execute(tx, sql, vec![member.0.into()]).await?;
    }
    Ok(())
}
