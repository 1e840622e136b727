//! Groups over HTTP. Every command takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | GET, POST `/api/v1/groups` | active groups of a division; founds one |
//! | GET `/api/v1/me/groups` | one's own, also those that wait |
//! | GET `/api/v1/groups/{id}` | one of them |
//! | POST, DELETE `/api/v1/groups/{id}/membership` | asks to be let in; leaves |
//! | GET `/api/v1/groups/{id}/members`, POST `…/{member_id}/decision` | who is in; leaders decide |
//! | GET, POST `/api/v1/groups/{id}/meetups`, DELETE `…/{meetup_id}` | when the group meets |
//! | GET `/api/v1/groups/{id}/minutes` | minutes together and who stands where |
//! | GET `/api/v1/groups/ranking` | groups of a division by their minutes together |
//! | GET, POST `/api/v1/me/partner-offers`, DELETE `…/{id}` | when one plays |
//! | GET `/api/v1/me/partner-offers/{id}/partners` | who plays then too |
//! | POST `/api/v1/partner-offers/{id}/invitation` | invites one of them |
//! | GET `/api/v1/staff/groups`, `…/{id}` | staff see them; one with its meet-ups and a month |
//! | POST `/api/v1/staff/groups/{id}/decision` | staff approve, refuse, close |

mod meetups;
mod partners;
mod ranking;
mod staff;

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{Decision, Fellow, Group, NewGroup, Standing, State as GroupState, Wanted};
use crate::{
    base::{
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::{DivisionCode, MemberId},
        page::{Limit, Page, Paging},
        state::State,
    },
    members::Resident,
    venues::terms::{Kind as Sport, Name},
};

/// What residents do.
pub fn resident_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, found))
        .routes(routes!(list_own))
        .routes(routes!(show))
        .routes(routes!(ask, leave))
        .routes(routes!(list_fellows))
        .routes(routes!(decide_on))
        .merge(meetups::routes())
        .merge(partners::routes())
        .merge(ranking::routes())
}

/// What staff do.
pub fn routes() -> OpenApiRouter<State> {
    staff::routes()
}

/// A group.
#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
struct GroupBody {
    id: Uuid,
    community: DivisionCode,
    #[schema(example = "晨跑团")]
    name: String,
    #[schema(example = "running")]
    sport: String,
    about: String,
    state: GroupState,
    members: i64,
    created_at: DateTime<Utc>,
    /// Why staff approved, refused or closed it; for its leaders and staff.
    reason: Option<String>,
}

impl From<Group> for GroupBody {
    fn from(group: Group) -> Self {
        Self {
            id: group.id,
            community: group.community,
            name: group.name,
            sport: group.sport,
            about: group.about,
            state: group.state,
            members: group.members,
            created_at: group.created_at,
            reason: group.reason,
        }
    }
}

/// What everybody sees of an active group.
fn public(group: Group) -> GroupBody {
    GroupBody { reason: None, ..group.into() }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GroupQuery {
    division: DivisionCode,
    sport: Option<String>,
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before, of the same division and sport.
    cursor: Option<String>,
}

/// The active groups of a division.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(GroupQuery),
    responses((status = 200, body = Page<GroupBody>)))]
async fn list(
    Of(state): Of<State>,
    _: Resident,
    Query(query): Query<GroupQuery>,
) -> Result<Json<Page<GroupBody>>, Error> {
    let sport = query.sport.as_deref().map(Sport::parse).transpose();
    let sport = sport.map_err(|code| Error::invalid("/sport", code))?;
    let wanted = Wanted { division: query.division, state: GroupState::Active, sport };
    let cursors = state.keys.cursors();
    let list = cursors.list("groups");
    let after = list.key_if_any(query.cursor.as_deref())?;
    let found = super::list(&state.db, wanted, after, query.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(found, query.limit, &list, |group| group.id, public)))
}

#[derive(Serialize, ToSchema)]
#[schema(as = OwnGroups)]
struct OwnGroupsBody {
    items: Vec<GroupBody>,
}

/// The groups that the resident founded, is in, or asks to be let in to.
#[utoipa::path(get, path = "/api/v1/me/groups", tag = "groups",
    responses((status = 200, body = OwnGroupsBody)))]
async fn list_own(Of(state): Of<State>, by: Resident) -> Result<Json<OwnGroupsBody>, Error> {
    let own = super::own(&state.db, by.id).await?;
    Ok(Json(OwnGroupsBody { items: own.into_iter().map(Into::into).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGroup)]
struct NewGroupBody {
    #[schema(example = "晨跑团")]
    name: String,
    /// Lower-case letters, digits and underscores.
    #[schema(example = "running")]
    sport: String,
    /// At most 500 characters.
    #[serde(default)]
    about: String,
}

impl NewGroupBody {
    fn into_group(self) -> Result<NewGroup, Error> {
        let name = Name::parse(&self.name).map_err(|code| Error::invalid("/name", code))?;
        let sport = Sport::parse(&self.sport).map_err(|code| Error::invalid("/sport", code))?;
        Ok(NewGroup { name, sport, about: self.about })
    }
}

/// Founds a group in the resident's home community. Nobody else sees it before staff approve it.
#[utoipa::path(
    post,
    path = "/api/v1/groups",
    tag = "groups",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = NewGroupBody,
    responses(
        (status = 201, description = "Waits for staff", body = GroupBody),
        (status = 409, description = "`too_many_items`: three of the resident's wait already"),
        (status = 422, description = "`bad_name`, `bad_kind`, `text_length`"),
    ),
)]
async fn found(
    Of(state): Of<State>,
    by: Resident,
    Command { stamp, body: Json(body) }: Command<Json<NewGroupBody>>,
) -> Result<Answer, Error> {
    let (new, now) = (body.into_group()?, state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let group = super::found(tx, by.id, new, now).await?;
            Ok((StatusCode::CREATED, GroupBody::from(group)))
        })
        .await
}

/// A group and how the resident stands to it.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupAndStanding)]
struct StandingBody {
    group: GroupBody,
    standing: StandingWord,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupStanding)]
enum StandingWord {
    Outside,
    Asked,
    In,
    Leader,
}

impl From<Standing> for StandingWord {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Outside => Self::Outside,
            Standing::Asked => Self::Asked,
            Standing::In => Self::In,
            Standing::Leader => Self::Leader,
        }
    }
}

/// One group.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = StandingBody),
        (status = 404, description = "None that the resident may see"),
    ))]
async fn show(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
) -> Result<Json<StandingBody>, Error> {
    let (group, standing) = super::standing(&state.db, id, by.id).await?;
    let group = if standing == Standing::Leader { group.into() } else { public(group) };
    Ok(Json(StandingBody { group, standing: standing.into() }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
struct MembershipBody {
    standing: StandingWord,
}

/// Asks the group's leaders to be let in; who asked or is in already stays so.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{id}/membership",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, body = MembershipBody),
        (status = 404, description = "None that the resident may see"),
        (status = 409, description = "`group_full`"),
    ),
)]
async fn ask(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let standing = super::ask(tx, id, by.id, now).await?.into();
            Ok((StatusCode::OK, MembershipBody { standing }))
        })
        .await
}

/// Leaves a group, or asks no more.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{id}/membership",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, body = MembershipBody),
        (status = 404, description = "None that the resident may see"),
        (status = 409, description = "`last_leader`: make somebody else a leader first"),
    ),
)]
async fn leave(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::leave(tx, id, by.id, now).await?;
            Ok((StatusCode::OK, MembershipBody { standing: StandingWord::Outside }))
        })
        .await
}

/// Somebody in a group, or who asks to be let in.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupMember)]
struct FellowBody {
    member_id: Uuid,
    #[schema(example = "张*")]
    name: String,
    is_leader: bool,
    /// Null of somebody who asks to be let in.
    joined_at: Option<DateTime<Utc>>,
    asked_at: DateTime<Utc>,
}

impl From<Fellow> for FellowBody {
    fn from(fellow: Fellow) -> Self {
        let Fellow { member, name, is_leader, joined_at, asked_at } = fellow;
        Self { member_id: member, name, is_leader, joined_at, asked_at }
    }
}

/// Who is in a group, for its members; leaders see who asks as well.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups",
    params(("id" = Uuid, Path), Paging),
    responses(
        (status = 200, body = Page<FellowBody>),
        (status = 403, description = "Not in the group"),
        (status = 404, description = "None that the resident may see"),
    ))]
async fn list_fellows(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<FellowBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("group members");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = paging.limit.rows_to_read();
    let found = super::fellows(&state.db, id, by.id, after, rows).await?;
    Ok(Json(Page::cut(found, paging.limit, &list, |fellow| fellow.member, Into::into)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GroupMemberDecision)]
struct DecisionBody {
    decision: Decision,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GroupMemberDecided)]
struct DecidedBody {
    member_id: MemberId,
}

/// A leader lets somebody in, refuses, sends a member away, or makes one a leader.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{id}/members/{member_id}/decision",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("member_id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = DecisionBody,
    responses(
        (status = 200, body = DecidedBody),
        (status = 403, description = "`leader_required`"),
        (status = 404, description = "Nobody there who asks or is in"),
        (status = 409, description = "`group_full`, `last_leader`, `too_many_items`"),
    ),
)]
async fn decide_on(
    Of(state): Of<State>,
    by: Resident,
    Path((id, member)): Path<(Uuid, MemberId)>,
    Command { stamp, body: Json(body) }: Command<Json<DecisionBody>>,
) -> Result<Answer, Error> {
    let (now, whom) = (state.clock.now(), (member, body.decision));
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            super::decide_on(tx, &state.keys, (id, by.id), whom, now).await?;
            Ok((StatusCode::OK, DecidedBody { member_id: member }))
        })
        .await
}
