//! `POST /api/v1/staff/rules/trials` and `GET …/{id}`: what-if questions about long periods and many
//! venues, answered in the background. How far the work is can be looked at meanwhile.

use axum::{extract::State as Part, http::StatusCode};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::what_if::{DifferenceJson, WhatIfBody};
use crate::{
    base::{
        error::{Code, Error},
        http::{json::Json, query::Path},
        idempotency::{Answer, Command},
        state::State,
    },
    minutes::trials::{self, Trial},
    staff::{Function, StaffCaller},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(show))
}

/// A trial of other numbers, and how far it is.
#[derive(Serialize, ToSchema)]
#[schema(as = RuleTrial)]
struct TrialJson {
    id: Uuid,
    /// `going`, `done`, or `failed`: the numbers do not go together with rules that a venue has
    /// adopted meanwhile.
    state: String,
    /// People with a stay in the period.
    people: i64,
    /// Those of them that are folded already.
    people_done: i64,
    asked_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    /// Once it is `done`.
    answer: Option<DifferenceJson>,
}

impl TrialJson {
    fn new(trial: &Trial) -> Result<Self, Error> {
        let answer = trial.answer()?;
        let venues = if answer.is_some() { trial.ask()?.venues.len() } else { 0 };
        Ok(Self {
            id: trial.id,
            state: trial.state.clone(),
            people: trial.people,
            people_done: trial.people_done,
            asked_at: trial.asked_at,
            ended_at: trial.ended_at,
            answer: answer.map(|difference| DifferenceJson::new(venues, difference)),
        })
    }
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
            Ok((StatusCode::CREATED, TrialJson::new(&begun)?))
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
    TrialJson::new(&found).map(Json)
}
