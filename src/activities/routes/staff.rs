//! What staff do about activities, over HTTP.

use axum::{extract::State as Of, http::StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::bodies::{ActivityBody, SignUpBody};
use crate::{
    activities::{self, Kind, Limits, NewActivity, NewResult, Proof, Times},
    base::{
        clock::Given,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::{DivisionCode, MemberId, VenueId},
        page::{Page, Paging},
        state::State,
    },
    staff::StaffCaller,
    venues::terms::Name,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, publish))
        .routes(routes!(show))
        .routes(routes!(cancel))
        .routes(routes!(list_sign_ups))
        .routes(routes!(attend))
        .routes(routes!(record))
}

/// Every activity of the caller's division, the newest first.
#[utoipa::path(get, path = "/api/v1/staff/activities", tag = "staff: community", params(Paging),
    responses((status = 200, body = Page<ActivityBody>)))]
async fn list(
    Of(state): Of<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ActivityBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("staff activities");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let found = activities::all(&state.db, &by, before, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(found, paging.limit, &list, |one| one.id, Into::into)))
}

/// One activity of the caller's division.
#[utoipa::path(get, path = "/api/v1/staff/activities/{id}", tag = "staff: community",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = ActivityBody),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn show(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<Json<ActivityBody>, Error> {
    Ok(Json(activities::overseen(&state.db, &by, id).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewActivity)]
struct NewActivityBody {
    /// At this venue; or name a division and a place.
    venue_id: Option<VenueId>,
    division: Option<DivisionCode>,
    place: Option<String>,
    kind: Kind,
    /// 1 to 40 characters.
    #[schema(example = "社区羽毛球赛")]
    title: String,
    /// At most 2000 characters.
    #[serde(default)]
    about: String,
    starts_at: Given,
    /// Within three days.
    ends_at: Given,
    /// When it begins, if absent.
    sign_up_until: Option<Given>,
    /// Places, of people or of teams; 1000 people at most.
    capacity: i32,
    age_min: Option<i32>,
    age_max: Option<i32>,
    /// People that a team needs when sign-up ends, or it is withdrawn.
    team_min: Option<i32>,
    /// 2 to 30 people of a team; absent where everybody comes alone.
    team_max: Option<i32>,
}

impl NewActivityBody {
    fn into_activity(self) -> Result<NewActivity, Error> {
        let place = self.place.as_deref().map(Name::parse).transpose();
        let (starts_at, capacity) = (self.starts_at.0, self.capacity);
        let sign_up_until = self.sign_up_until.map_or(starts_at, |at| at.0);
        let Self { age_min, age_max, team_min, team_max, .. } = self;
        Ok(NewActivity {
            venue: self.venue_id,
            division: self.division,
            place: place.map_err(|code| Error::invalid("/place", code))?,
            kind: self.kind,
            title: self.title,
            about: self.about,
            times: Times { starts_at, ends_at: self.ends_at.0, sign_up_until },
            limits: Limits { capacity, age_min, age_max, team_min, team_max },
        })
    }
}

/// Publishes an activity, for residents to sign up.
#[utoipa::path(
    post,
    path = "/api/v1/staff/activities",
    tag = "staff: community",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = NewActivityBody,
    responses(
        (status = 201, body = ActivityBody),
        (status = 404, description = "No such venue or division of the caller's"),
        (status = 422, description = "`bad_time`, `bad_name`, `out_of_range`, `required`"),
    ),
)]
async fn publish(
    Of(state): Of<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<NewActivityBody>>,
) -> Result<Answer, Error> {
    let (new, now) = (body.into_activity()?, state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let made = activities::publish(tx, &by, new, now).await?;
            Ok((StatusCode::CREATED, ActivityBody::from(made)))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActivityCancellation)]
struct CancellationBody {
    /// Why, in 1 to 200 characters; residents read it.
    reason: String,
}

/// Calls an activity off; everybody who signed up is told.
#[utoipa::path(
    post,
    path = "/api/v1/staff/activities/{id}/cancellation",
    tag = "staff: community",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = CancellationBody,
    responses(
        (status = 200, body = ActivityBody),
        (status = 404, description = "None in the caller's division"),
        (status = 409, description = "`activity_closed`: called off before, or over"),
    ),
)]
async fn cancel(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<CancellationBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let why = (id, body.reason.as_str());
            let gone = activities::cancel(tx, &state.keys, &by, why, now).await?;
            Ok((StatusCode::OK, ActivityBody::from(gone)))
        })
        .await
}

/// Who signed up, in the order of signing up.
#[utoipa::path(get, path = "/api/v1/staff/activities/{id}/sign-ups", tag = "staff: community",
    params(("id" = Uuid, Path), Paging),
    responses(
        (status = 200, body = Page<SignUpBody>),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn list_sign_ups(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<SignUpBody>>, Error> {
    let cursors = state.keys.cursors();
    let list = cursors.list("activity sign-ups");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let rows = paging.limit.rows_to_read();
    let found = activities::of_activity(&state.db, &by, id, after, rows).await?;
    Ok(Json(Page::cut(found, paging.limit, &list, |one| one.0, |one| one.1.into())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ActivityAttendance)]
struct AttendanceBody {
    /// What the code on the person's telephone says.
    code: Option<String>,
    /// Or who it is.
    member_id: Option<MemberId>,
}

impl AttendanceBody {
    fn into_proof(self) -> Result<Proof, Error> {
        match (self.code, self.member_id) {
            (Some(code), None) => Ok(Proof::Code(code)),
            (None, Some(member)) => Ok(Proof::Member(member)),
            (Some(_), Some(_)) => Err(Error::invalid("/member_id", Code::InvalidValue)),
            (None, None) => Err(Error::invalid("/code", Code::Required)),
        }
    }
}

/// Notes that somebody with a place came: by the code on their telephone, or by hand. Stays at the
/// venue while it goes on are noted by themselves.
#[utoipa::path(
    post,
    path = "/api/v1/staff/activities/{id}/attendance",
    tag = "staff: community",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = AttendanceBody,
    responses(
        (status = 200, body = SignUpBody),
        (status = 404, description = "None in the caller's division, or nobody with a place"),
        (status = 409, description = "`activity_closed`: not the time, or called off"),
        (status = 422, description = "`invalid_value`: a code that is none or has run out"),
    ),
)]
async fn attend(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<AttendanceBody>>,
) -> Result<Answer, Error> {
    let (proof, now) = (body.into_proof()?, state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let who = activities::attend(tx, &state.keys, &by, (id, proof), now).await?;
            Ok((StatusCode::OK, SignUpBody::from(who)))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewActivityResults)]
struct ResultsBody {
    results: Vec<ResultBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewActivityResult)]
struct ResultBody {
    /// Of a team, anybody's of it.
    sign_up_id: Uuid,
    /// 1 is the first; equals share one.
    place: Option<i32>,
    /// A time or a score, in 1 to 40 characters.
    result: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ActivityResultsRecorded)]
struct RecordedBody {
    recorded: usize,
}

/// Enters results, 200 at once at most; again replaces what was entered for the same people.
#[utoipa::path(
    post,
    path = "/api/v1/staff/activities/{id}/results",
    tag = "staff: community",
    params(
        ("id" = Uuid, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = ResultsBody,
    responses(
        (status = 200, body = RecordedBody),
        (status = 404, description = "None in the caller's division, or a sign-up without a place"),
        (status = 409, description = "`activity_closed`: it has not begun, or was called off"),
        (status = 422, description = "`out_of_range`, `bad_name`"),
    ),
)]
async fn record(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
    Command { stamp, body: Json(body) }: Command<Json<ResultsBody>>,
) -> Result<Answer, Error> {
    let (results, now) = (body.into_results(), state.clock.now());
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let recorded = activities::record(tx, &by, id, &results, now).await?;
            Ok((StatusCode::OK, RecordedBody { recorded }))
        })
        .await
}

impl ResultsBody {
    fn into_results(self) -> Vec<NewResult> {
        let results = self.results.into_iter();
        let result = |one: ResultBody| NewResult {
            sign_up: one.sign_up_id,
            place: one.place,
            result: one.result,
        };
        results.map(result).collect()
    }
}
