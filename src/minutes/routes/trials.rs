//! `GET` and `POST /api/v1/staff/rules/trials` and `GET …/{id}`: what-if questions about long periods
//! and many venues, answered in the background. How far the work is can be looked at meanwhile.

use axum::{extract::State as Part, http::StatusCode};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::what_if::{DifferenceJson, NumbersBody, WhatIfBody};
use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::{DivisionCode, VenueId},
        page::{Page, Paging},
        state::State,
    },
    minutes::{
        trials::{self, Trial},
        what_if::Ask,
    },
    staff::{Function, StaffCaller},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(list, begin)).routes(routes!(show))
}

/// What is tried, on what.
#[derive(Serialize, ToSchema)]
#[schema(as = RuleTrialAsked)]
struct AskedJson {
    /// The venue, where it is one only.
    venue_id: Option<VenueId>,
    venues: usize,
    from: NaiveDate,
    to: NaiveDate,
    rules: NumbersBody,
}

impl From<Ask> for AskedJson {
    fn from(ask: Ask) -> Self {
        let Ask { venues, from, to, numbers } = ask;
        let only = venues.first().copied().filter(|_| venues.len() == 1);
        Self { venue_id: only, venues: venues.len(), from, to, rules: numbers.into() }
    }
}

/// A trial of other numbers, and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = RuleTrial)]
struct TrialJson {
    id: Uuid,
    division: DivisionCode,
    /// Null where another version of the server was asked.
    asked: Option<AskedJson>,
    /// `going`, `done`, or `failed`: the numbers do not go together with rules that a venue has
    /// adopted meanwhile.
    state: String,
    /// People with a stay in the period.
    people: i64,
    /// Those of them that are folded already.
    people_done: i64,
    asked_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    /// Once it is `done`; lists leave it out.
    answer: Option<DifferenceJson>,
}

impl TrialJson {
    fn line(trial: &Trial) -> Self {
        Self {
            id: trial.id,
            division: trial.division.clone(),
            asked: trial.ask().ok().map(AskedJson::from),
            state: trial.state.clone(),
            people: trial.people,
            people_done: trial.people_done,
            asked_at: trial.asked_at,
            ended_at: trial.ended_at,
            answer: None,
        }
    }

    fn whole(trial: &Trial) -> Result<Self, Error> {
        let line = Self::line(trial);
        let venues = line.asked.as_ref().map_or(0, |asked| asked.venues);
        let answer = trial.answer()?.map(|difference| DifferenceJson::new(venues, difference));
        Ok(Self { answer, ..line })
    }
}

/// The trials of the caller's division that are kept, the newest first, without their answers.
#[utoipa::path(get, path = "/api/v1/staff/rules/trials", tag = "staff: places", params(Paging),
    responses((status = 200, body = Page<TrialJson>)))]
async fn list(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TrialJson>>, Error> {
    by.require(Function::ManageVenues, &by.division)?;
    let cursors = state.keys.cursors();
    let list = cursors.list("rule trials");
    let before = list.key_if_any(paging.cursor.as_deref())?;
    let rows = paging.limit.rows_to_read();
    let found = trials::list(&state.db, &by.division, before, rows).await?;
    let item = |trial: Trial| TrialJson::line(&trial);
    Ok(Json(Page::cut(found, paging.limit, &list, |trial| trial.id, item)))
}

/// Begins to try other numbers on a past period of up to a year; changes nothing. Answers are kept
/// for 30 days.
#[utoipa::path(post, path = "/api/v1/staff/rules/trials", tag = "staff: places",
    params(("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = WhatIfBody, responses(
        (status = 201, body = TrialJson),
        (status = 409, description = "`too_many_trials`"),
        (status = 422, description = "Too long a period, or numbers that do not go together"),
    ))]
async fn begin(
    Part(state): Part<State>,
    by: StaffCaller,
    Command { stamp, body: Json(body) }: Command<Json<WhatIfBody>>,
) -> Result<Answer, Error> {
    let (division, ask) = body.parse(&state, &by, trials::DAYS_MAX).await?;
    let (actor, now) = (by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let begun = trials::begin(tx, &division, &ask, &actor, now).await?;
            Ok((StatusCode::CREATED, TrialJson::whole(&begun)?))
        })
        .await
}

/// How far a trial is, and what it came to.
#[utoipa::path(get, path = "/api/v1/staff/rules/trials/{id}", tag = "staff: places",
    params(("id" = Uuid, Path)), responses(
        (status = 200, body = TrialJson),
        (status = 404, description = "None in the caller's division, or kept no longer"),
    ))]
async fn show(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<Uuid>,
) -> Result<Json<TrialJson>, Error> {
    let found = trials::find(&state.db, id).await?.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ManageVenues, &found.division)?;
    TrialJson::whole(&found).map(Json)
}
