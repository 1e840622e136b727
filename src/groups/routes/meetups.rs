//! When groups meet, and what came of it, over HTTP.

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    base::{
        clock::Given,
        error::Error,
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command, Stamp},
        ids::VenueId,
        state::State,
    },
    groups::{self, Meetup, NewMeetup, Score},
    members::Resident,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, call))
        .routes(routes!(cancel))
        .routes(routes!(show_minutes))
}

/// When and where a group meets.
#[derive(Serialize, ToSchema)]
#[schema(as = Meetup)]
pub struct MeetupBody {
    id: Uuid,
    venue_id: Uuid,
    venue: String,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    cancelled: bool,
}

impl From<Meetup> for MeetupBody {
    fn from(meetup: Meetup) -> Self {
        let (venue_id, venue) = meetup.venue;
        let Meetup { id, starts_at, ends_at, is_cancelled: cancelled, .. } = meetup;
        Self { id, venue_id, venue, starts_at, ends_at, cancelled }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Meetups)]
struct MeetupsBody {
    items: Vec<MeetupBody>,
}

/// The meet-ups of a group that are not over, the next first.
#[utoipa::path(get, path = "/api/v1/groups/{id}/meetups", tag = "groups",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = MeetupsBody),
        (status = 404, description = "None that the resident may see"),
    ))]
async fn list(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
) -> Result<Json<MeetupsBody>, Error> {
    let found = groups::meetups(&state.db, id, by.id, state.clock.now()).await?;
    Ok(Json(MeetupsBody { items: found.into_iter().map(Into::into).collect() }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMeetup)]
struct NewMeetupBody {
    venue_id: VenueId,
    /// Within 90 days.
    starts_at: Given,
    /// A quarter of an hour to six hours later.
    ends_at: Given,
}

/// A leader calls a meet-up at a venue.
#[utoipa::path(
    post,
    path = "/api/v1/groups/{id}/meetups",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = NewMeetupBody,
    responses(
        (status = 201, body = MeetupBody),
        (status = 403, description = "`leader_required`"),
        (status = 404, description = "None that the resident may see"),
        (status = 409, description = "`conflict`: one begins then already; `group_not_active`"),
        (status = 422, description = "`bad_time`, `unknown_venue`"),
    ),
)]
async fn call(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<NewMeetupBody>>,
) -> Result<Answer, Error> {
    let NewMeetupBody { venue_id: venue, starts_at, ends_at } = body;
    let new = NewMeetup { venue, starts_at: starts_at.0, ends_at: ends_at.0 };
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let meetup = groups::call(tx, id, by.id, new, now).await?;
            Ok((StatusCode::CREATED, MeetupBody::from(meetup)))
        })
        .await
}

#[derive(Serialize, ToSchema)]
#[schema(as = MeetupCancelled)]
struct CancelledBody {
    id: Uuid,
}

/// A leader calls a meet-up off that has not begun.
#[utoipa::path(
    delete,
    path = "/api/v1/groups/{id}/meetups/{meetup_id}",
    tag = "groups",
    params(
        ("id" = Uuid, Path),
        ("meetup_id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    responses(
        (status = 200, body = CancelledBody),
        (status = 403, description = "`leader_required`"),
        (status = 404, description = "No such meet-up"),
        (status = 409, description = "`conflict`: it has begun"),
    ),
)]
async fn cancel(
    Of(state): Of<State>,
    by: Resident,
    Path(which): Path<(Uuid, Uuid)>,
    stamp: Stamp,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            groups::cancel(tx, which, by.id, now).await?;
            Ok((StatusCode::OK, CancelledBody { id: which.1 }))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MonthQuery {
    /// The first day of a month.
    pub month: NaiveDate,
}

/// A group's month.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupMinutes)]
pub struct ScoreBody {
    month: NaiveDate,
    /// Minutes of members' stays during meet-ups at their venues.
    minutes: i64,
    meetups: Vec<ScoredBody>,
    /// Those who want to be seen in rankings, most minutes first.
    ranking: Vec<RankedBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GroupMinutesMeetup)]
struct ScoredBody {
    meetup: MeetupBody,
    minutes: i64,
    people: i64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GroupMinutesRanked)]
struct RankedBody {
    rank: usize,
    member_id: Uuid,
    #[schema(example = "张*")]
    name: String,
    minutes: i64,
}

impl ScoreBody {
    pub fn new(month: NaiveDate, score: Score) -> Self {
        let meetups = score.meetups.into_iter();
        let ranking = score.ranking.into_iter();
        Self {
            month,
            minutes: score.minutes,
            meetups: meetups
                .map(|(meetup, minutes, people)| ScoredBody {
                    meetup: meetup.into(),
                    minutes,
                    people,
                })
                .collect(),
            ranking: ranking
                .map(|(rank, member_id, name, minutes)| RankedBody {
                    rank,
                    member_id,
                    name,
                    minutes,
                })
                .collect(),
        }
    }
}

/// What a group's members did together in a month; for its members.
#[utoipa::path(get, path = "/api/v1/groups/{id}/minutes", tag = "groups",
    params(("id" = Uuid, Path), MonthQuery),
    responses(
        (status = 200, body = ScoreBody),
        (status = 403, description = "Not in the group"),
        (status = 404, description = "None that the resident may see"),
        (status = 422, description = "`bad_time`: no first day of a month"),
    ))]
async fn show_minutes(
    Of(state): Of<State>,
    by: Resident,
    Path(id): Path<Uuid>,
    Query(query): Query<MonthQuery>,
) -> Result<Json<ScoreBody>, Error> {
    let score = groups::score(&state.db, id, by.id, query.month).await?;
    Ok(Json(ScoreBody::new(query.month, score)))
}
