//! Who is in a group: members ask, leaders let them in, and everybody leaves when they like.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

use super::{
    Group, MESSAGE, State, load, rules,
    tables::{MEMBERS, MemberRow, count, execute, rows},
};
use crate::base::{
    error::{Code, Error},
    ids::MemberId,
    keys::Keys,
    outbox::{self, Note},
};

/// How somebody stands to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Outside,
    /// Has asked and nobody has answered.
    Asked,
    In,
    Leader,
}

/// Somebody in a group, as the others see them.
#[derive(Clone, Debug)]
pub struct Fellow {
    pub member: Uuid,
    /// Masked.
    pub name: String,
    pub is_leader: bool,
    /// `None` of somebody who asks to be let in.
    pub joined_at: Option<DateTime<Utc>>,
    pub asked_at: DateTime<Utc>,
}

/// A group that the member may see, and how they stand to it: active ones, and their own whatever
/// became of them. Refuses (404) the rest.
pub async fn standing(
    db: &impl ConnectionTrait,
    id: Uuid,
    member: MemberId,
) -> Result<(Group, Standing), Error> {
    let group = load(db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    let sql = format!("{MEMBERS} WHERE i.group_id = $1 AND i.member_id = $2");
    let found: Vec<MemberRow> = rows(db, &sql, vec![id.into(), member.0.into()]).await?;
    let standing = match found.first().map(|row| (row.state.as_str(), row.is_leader)) {
        Some(("in", true)) => Standing::Leader,
        Some(("in", false)) => Standing::In,
        Some(("asked", _)) => Standing::Asked,
        Some(_) | None => Standing::Outside,
    };
    if group.state != State::Active && standing != Standing::Leader {
        return Err(Error::NotFound(Code::NotFound));
    }
    Ok((group, standing))
}

/// The same, of an active group that the member leads. Refuses (403) everybody else.
pub(super) async fn led(
    db: &impl ConnectionTrait,
    id: Uuid,
    member: MemberId,
) -> Result<Group, Error> {
    let (group, standing) = standing(db, id, member).await?;
    match (group.state, standing) {
        (State::Active, Standing::Leader) => Ok(group),
        (State::Active, _) => Err(Error::Forbidden(Code::LeaderRequired)),
        (State::Proposed | State::Refused | State::Closed, _) => {
            Err(Error::Conflict(Code::GroupNotActive))
        }
    }
}

/// A member asks to be let in; once more changes nothing.
pub async fn ask(
    tx: &DatabaseTransaction,
    id: Uuid,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Standing, Error> {
    let (group, standing) = standing(tx, id, member).await?;
    if standing != Standing::Outside {
        return Ok(standing);
    }
    if group.members >= rules::MEMBERS_MAX {
        return Err(Error::Conflict(Code::GroupFull));
    }
    let sql = "INSERT INTO group_members (group_id, member_id, state, is_leader, asked_at) \
               VALUES ($1, $2, 'asked', FALSE, $3) ON CONFLICT (group_id, member_id) DO UPDATE \
               SET state = 'asked', is_leader = FALSE, asked_at = excluded.asked_at, \
               joined_at = NULL, left_at = NULL WHERE group_members.state NOT IN ('in', 'asked')";
    execute(tx, sql, vec![id.into(), member.0.into(), now.into()]).await?;
    Ok(Standing::Asked)
}

/// A leader lets somebody in or not, makes a member a leader or not, or sends a member away. The
/// one who asked is told.
pub async fn decide_on(
    tx: &DatabaseTransaction,
    keys: &Keys,
    (id, leader): (Uuid, MemberId),
    (member, decision): (MemberId, Decision),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let group = led(tx, id, leader).await?;
    let (sql, said) = match decision {
        Decision::LetIn => {
            hold(tx, id).await?;
            if counted(tx, id, "state = 'in'").await? >= rules::MEMBERS_MAX {
                return Err(Error::Conflict(Code::GroupFull));
            }
            ("SET state = 'in', joined_at = $3 WHERE state = 'asked'", Some("已通过"))
        }
        Decision::Refuse => {
            ("SET state = 'refused', left_at = $3 WHERE state = 'asked'", Some("未通过"))
        }
        Decision::Remove if member == leader => return Err(Error::Conflict(Code::LastLeader)),
        Decision::Remove => {
            ("SET state = 'left', is_leader = FALSE, left_at = $3 WHERE state = 'in'", None)
        }
        Decision::MakeLeader => {
            hold(tx, id).await?;
            if counted(tx, id, "is_leader").await? >= rules::LEADERS_MAX {
                return Err(Error::Conflict(Code::TooManyItems));
            }
            ("SET is_leader = TRUE, joined_at = COALESCE(joined_at, $3) WHERE state = 'in'", None)
        }
    };
    let sql = format!("UPDATE group_members {sql} AND group_id = $1 AND member_id = $2");
    if execute(tx, &sql, vec![id.into(), member.0.into(), now.into()]).await? == 0 {
        return Err(Error::NotFound(Code::NotFound));
    }
    if let Some(said) = said {
        outbox::put(tx, keys, answer(&group, member, said, now), now).await?;
    }
    Ok(())
}

/// What a leader decides about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupDecision)]
pub enum Decision {
    LetIn,
    Refuse,
    Remove,
    MakeLeader,
}

/// Locks a group, so that of two leaders one counts after the other.
async fn hold(tx: &DatabaseTransaction, id: Uuid) -> Result<(), Error> {
    execute(tx, "UPDATE social_groups SET state = state WHERE id = $1", vec![id.into()]).await?;
    Ok(())
}

async fn counted(tx: &DatabaseTransaction, id: Uuid, which: &str) -> Result<i64, Error> {
    let sql = format!("SELECT COUNT(*) AS n FROM group_members WHERE group_id = $1 AND {which}");
    Ok(count(tx, &sql, vec![id.into()]).await?)
}

fn answer(group: &Group, member: MemberId, said: &str, now: DateTime<Utc>) -> Note {
    Note {
        member,
        kind: MESSAGE,
        name: format!("group:{}:{member}:{}", group.id, now.timestamp_millis()),
        session: None,
        page: format!("pages/group/index?id={}", group.id),
        fields: vec![("thing1", outbox::thing(&group.name)), ("phrase2", said.to_owned())],
        not_before: now,
        valid_until: None,
    }
}

/// A member leaves, or asks no more. The last leader stays while there are others: somebody has to
/// answer who asks.
pub async fn leave(
    tx: &DatabaseTransaction,
    id: Uuid,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (_, standing) = standing(tx, id, member).await?;
    if standing == Standing::Leader {
        hold(tx, id).await?;
        let others = counted(tx, id, "state = 'in'").await? > 1;
        if others && counted(tx, id, "is_leader").await? <= 1 {
            return Err(Error::Conflict(Code::LastLeader));
        }
    }
    let sql = "UPDATE group_members SET state = 'left', is_leader = FALSE, left_at = $3 \
               WHERE group_id = $1 AND member_id = $2 AND state IN ('in', 'asked')";
    execute(tx, sql, vec![id.into(), member.0.into(), now.into()]).await?;
    Ok(())
}

/// Who is in a group, by name masked: its members see them, and its leaders who asks as well. In the
/// order of ids, behind `after`.
pub async fn fellows(
    db: &impl ConnectionTrait,
    id: Uuid,
    member: MemberId,
    after: Option<Uuid>,
    limit: u64,
) -> Result<Vec<Fellow>, Error> {
    let (_, standing) = standing(db, id, member).await?;
    let states = match standing {
        Standing::Leader => "'in', 'asked'",
        Standing::In => "'in'",
        Standing::Asked | Standing::Outside => return Err(Error::Forbidden(Code::Forbidden)),
    };
    let sql = format!(
        "{MEMBERS} WHERE i.group_id = $1 AND i.member_id > $2 AND i.state IN ({states}) \
         ORDER BY i.member_id LIMIT $3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![id.into(), after.unwrap_or(Uuid::nil()).into(), limit.into()];
    let found: Vec<MemberRow> = rows(db, &sql, values).await?;
    Ok(found.into_iter().map(fellow).collect())
}

fn fellow(row: MemberRow) -> Fellow {
    Fellow {
        member: row.member_id,
        name: row.name,
        is_leader: row.is_leader,
        joined_at: row.joined_at,
        asked_at: row.asked_at,
    }
}
