//! Fitness tests over HTTP. Every command of people takes an `Idempotency-Key`.
//!
//! | path | does |
//! | --- | --- |
//! | GET `/api/v1/me/fitness-tests` | one's tests, and how each item moves against one's own age and sex |
//! | GET `/api/v1/me/guidance` | advice in plain words, the plan, and how far it was followed |
//! | GET, POST `/api/v1/staff/members/{id}/fitness-tests` | staff look and enter |
//! | GET `/api/v1/staff/members/{id}/fitness-guidance` | the member's advice and plan, to staff |
//! | POST `/api/v1/staff/members/{id}/fitness-plans` | an instructor's plan after a test |
//! | GET `/api/v1/staff/fitness-standards` | the versions that were loaded |
//! | POST `/api/v1/terminal/fitness-tests` | a testing device, signed as native terminals sign |

mod json;

use axum::{extract::State as Of, http::StatusCode};
use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::json::{
    DeviceAnswer, DeviceBody, DeviceResult, GuidanceJson, HistoryJson, ItemBody, StandardsJson,
    measured,
};
use super::{Entered, NewPlan, NewTest};
use crate::{
    base::{
        clock::Given,
        db,
        error::{Code, Error},
        http::{
            json::{self as wire, Json},
            query::Path,
            scan::Bounds,
        },
        idempotency::{Answer, Command},
        ids::{MemberId, VenueId},
        keys::Keys,
        state::State,
    },
    members::{self, Resident, local_day},
    staff::{Function, StaffCaller},
    terminals::{self, SignedBody},
    venues,
};

/// What residents see.
pub fn resident_routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(show_own)).routes(routes!(show_guidance))
}

/// What staff and devices do.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show_of_member, enter))
        .routes(routes!(show_guidance_of_member))
        .routes(routes!(make_plan))
        .routes(routes!(list_standards))
        .routes(routes!(take_from_device))
}

/// The resident's tests, the newest first, and the trend of each item. Points are by the
/// resident's own age and sex. Provisional while nobody has compared the standard with the
/// official text.
#[utoipa::path(get, path = "/api/v1/me/fitness-tests", tag = "residents",
    responses((status = 200, body = HistoryJson)))]
async fn show_own(Of(state): Of<State>, by: Resident) -> Result<Json<HistoryJson>, Error> {
    let history = super::history(&state.db, &state.keys, by.id).await?;
    Ok(Json(HistoryJson::of(history)))
}

/// What follows from the resident's newest test, in plain words, and how far the plan was followed
/// by the minutes that doors measured.
#[utoipa::path(get, path = "/api/v1/me/guidance", tag = "residents",
    responses((status = 200, body = GuidanceJson)))]
async fn show_guidance(Of(state): Of<State>, by: Resident) -> Result<Json<GuidanceJson>, Error> {
    let now = state.clock.now();
    Ok(Json(guidance(&state.db, &state.keys, by.id, now).await?))
}

async fn guidance(
    db: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<GuidanceJson, Error> {
    let newest = super::history(db, keys, member).await?.into_iter().next();
    let plan = match &newest {
        Some(_) => super::current_plan(db, keys, member, local_day(now)).await?,
        None => None,
    };
    Ok(GuidanceJson::of(newest, plan, now))
}

/// A member's tests and trend, to staff who look after fitness where they are at home. That it was
/// read is written down for the member.
#[utoipa::path(get, path = "/api/v1/staff/members/{id}/fitness-tests", tag = "staff: members",
    params(("id" = MemberId, Path)), responses(
        (status = 200, body = HistoryJson),
        (status = 403, description = "`health_consent_required`"),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn show_of_member(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
) -> Result<Json<HistoryJson>, Error> {
    let tx = db::begin(&state.db).await?;
    by.require(Function::KeepFitness, &members::home_of(&tx, id).await?)?;
    super::require_consent(&tx, id).await?;
    let history = super::history(&tx, &state.keys, id).await?;
    members::note_shown(&tx, &by, id, state.clock.now()).await?;
    tx.commit().await?;
    Ok(Json(HistoryJson::of(history)))
}

/// What follows from a member's newest test, and how far the plan was followed, to staff who look
/// after fitness where they are at home. That it was read is written down for the member.
#[utoipa::path(get, path = "/api/v1/staff/members/{id}/fitness-guidance", tag = "staff: members",
    params(("id" = MemberId, Path)), responses(
        (status = 200, body = GuidanceJson),
        (status = 403, description = "`health_consent_required`"),
        (status = 404, description = "None in the caller's division"),
    ))]
async fn show_guidance_of_member(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(id): Path<MemberId>,
) -> Result<Json<GuidanceJson>, Error> {
    let (tx, now) = (db::begin(&state.db).await?, state.clock.now());
    by.require(Function::KeepFitness, &members::home_of(&tx, id).await?)?;
    super::require_consent(&tx, id).await?;
    let said = guidance(&tx, &state.keys, id, now).await?;
    members::note_shown(&tx, &by, id, now).await?;
    tx.commit().await?;
    Ok(Json(said))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFitnessTest)]
struct TestBody {
    /// Where it was made.
    venue_id: VenueId,
    tested_at: Given,
    /// Each once, 1 to 40 of them.
    items: Vec<ItemBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessTestEntered)]
struct EnteredJson {
    id: Uuid,
}

/// Enters a test of somebody who agreed to health data being kept, scored by the standard that was
/// loaded last.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/fitness-tests",
    tag = "staff: members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = TestBody,
    responses(
        (status = 201, description = "Entered", body = EnteredJson),
        (status = 403, description = "`health_consent_required`"),
        (status = 404, description = "No such venue in the caller's division, or nobody"),
        (status = 409, description = "`fitness_standard_missing`"),
        (status = 422, description = "`fitness_items`, `fitness_age`, `bad_time`"),
    ),
)]
async fn enter(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(member): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<TestBody>>,
) -> Result<Answer, Error> {
    let (actor, now) = (by.actor(), state.clock.now());
    let venue = venues::load(&state.db, body.venue_id).await?;
    let community = venue.ok_or(Error::NotFound(Code::NotFound))?.community;
    by.require(Function::KeepFitness, &community)?;
    let (venue, tested_at) = (Some(body.venue_id), body.tested_at.0);
    let measured = measured(body.items)?;
    let new = NewTest { member, community, venue, tested_at, measured, record: None };
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let Entered::Taken(id) = super::enter(tx, &state.keys, new, &actor, now).await? else {
                return Err(anyhow::anyhow!("a test without a name was known").into());
            };
            Ok((StatusCode::CREATED, EnteredJson { id }))
        })
        .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFitnessPlan)]
struct PlanBody {
    test_id: Uuid,
    /// In 1 to 1000 characters; the member reads it.
    text: String,
    /// Minutes of exercise a week, 10 to 2000.
    weekly_minutes: i32,
    starts_on: NaiveDate,
    /// At most a year after.
    ends_on: NaiveDate,
}

/// Makes a plan for somebody after a test.
#[utoipa::path(
    post,
    path = "/api/v1/staff/members/{id}/fitness-plans",
    tag = "staff: members",
    params(
        ("id" = MemberId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command"),
    ),
    request_body = PlanBody,
    responses(
        (status = 201, description = "Made", body = EnteredJson),
        (status = 403, description = "`health_consent_required`"),
        (status = 404, description = "Nobody in the caller's division, or no test of theirs"),
        (status = 422, description = "`text_length`, `out_of_range`"),
    ),
)]
async fn make_plan(
    Of(state): Of<State>,
    by: StaffCaller,
    Path(member): Path<MemberId>,
    Command { stamp, body: Json(body) }: Command<Json<PlanBody>>,
) -> Result<Answer, Error> {
    let now = state.clock.now();
    let PlanBody { test_id: test, text, weekly_minutes, starts_on, ends_on } = body;
    let new = NewPlan { member, test, text, weekly_minutes, starts_on, ends_on };
    stamp
        .once(&state.db, &by.actor(), now, async |tx| {
            let id = super::make_plan(tx, &state.keys, &by, &new, now).await?;
            Ok((StatusCode::CREATED, EnteredJson { id }))
        })
        .await
}

/// The standards that were loaded, the one in force first, with the items that may be measured.
#[utoipa::path(get, path = "/api/v1/staff/fitness-standards", tag = "staff: members",
    responses((status = 200, body = StandardsJson)))]
async fn list_standards(
    Of(state): Of<State>,
    by: StaffCaller,
) -> Result<Json<StandardsJson>, Error> {
    by.require(Function::SeePlaces, &by.division)?;
    Ok(Json(super::standards(&state.db).await?.into()))
}

/// Tests of one upload.
const UPLOAD_MAX: usize = 50;

/// Takes tests that a device made. Each is answered by the device's own name for it; the same name
/// again is a `duplicate`. What is refused is not kept.
#[utoipa::path(post, path = "/api/v1/terminal/fitness-tests", tag = "terminal",
    request_body = DeviceBody, responses((status = 200, body = DeviceAnswer)))]
async fn take_from_device(
    Of(state): Of<State>,
    signed: SignedBody,
) -> Result<Json<DeviceAnswer>, Error> {
    let SignedBody { caller, body, received_at: now } = signed;
    let DeviceBody { tests } = wire::parse(&body, &Bounds::default())?;
    if tests.len() > UPLOAD_MAX {
        return Err(Error::invalid("/tests", Code::TooManyItems));
    }
    let community = terminals::community(&state.db, caller.id, now).await?;
    let mut items = Vec::with_capacity(tests.len());
    for test in tests {
        let record = test.record.clone();
        let new = test.into_new(&community, caller.id);
        items.push(DeviceResult::of(record, enter_one(&state, new, now).await)?);
    }
    Ok(Json(DeviceAnswer { items }))
}

/// Each test is a transaction of its own: what is wrong with one is no other's affair.
async fn enter_one(
    state: &State,
    new: Result<NewTest, Error>,
    now: DateTime<Utc>,
) -> Result<Entered, Error> {
    let new = new?;
    let by = new.record.as_ref().map_or_else(String::new, |(id, _)| format!("terminal:{id}"));
    let tx = db::begin(&state.db).await?;
    let entered = super::enter(&tx, &state.keys, new, &by, now).await?;
    tx.commit().await?;
    Ok(entered)
}
