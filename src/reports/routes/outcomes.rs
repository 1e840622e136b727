//! `GET /api/v1/staff/fitness-outcomes`: tests, plans, minutes and tests again, in groups.

use axum::extract::State as Part;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    base::{
        error::Error,
        http::{json::Json, query::Query},
        ids::DivisionCode,
        state::State,
    },
    reports::outcomes::{self, Group},
    staff::{Function, StaffCaller},
};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OutcomesQuery {
    /// The caller's own when absent.
    division: Option<DivisionCode>,
    /// The first day of a quarter that is over.
    quarter: NaiveDate,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessOutcomes)]
pub struct OutcomesJson {
    division: DivisionCode,
    from: NaiveDate,
    to: NaiveDate,
    /// The version of what the figures mean.
    definition: u32,
    as_of: DateTime<Utc>,
    items: Vec<GroupJson>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FitnessOutcome)]
struct GroupJson {
    age_from: i32,
    age_to: Option<i32>,
    /// Whether they had a plan between the two tests.
    planned: bool,
    /// Null, as the others, where fewer than ten people would be shown.
    people: Option<usize>,
    /// Measured or corrected, on average.
    minutes_per_week: Option<i64>,
    /// Mean change of points, by one's own age and sex, in hundredths.
    change_hundredths: Option<i64>,
}

impl From<Group> for GroupJson {
    fn from(group: Group) -> Self {
        let Group { age_from, age_to, planned, told } = group;
        Self {
            age_from,
            age_to,
            planned,
            people: told.map(|told| told.people),
            minutes_per_week: told.map(|told| told.minutes_per_week),
            change_hundredths: told.map(|told| told.change),
        }
    }
}

/// What came of tests that were repeated in a quarter: by age band, with a plan and without.
#[utoipa::path(get, path = "/api/v1/staff/fitness-outcomes", tag = "staff: reports",
    params(OutcomesQuery), responses(
        (status = 200, body = OutcomesJson),
        (status = 422, description = "`whole_months`: no quarter begins then; `bad_time`: it is not over"),
    ))]
pub async fn show(
    Part(state): Part<State>,
    by: StaffCaller,
    Query(query): Query<OutcomesQuery>,
) -> Result<Json<OutcomesJson>, Error> {
    let division = query.division.unwrap_or_else(|| by.division.clone());
    by.require(Function::SeePlaces, &division)?;
    let now = state.clock.now();
    let (from, to) = outcomes::quarter(query.quarter, now)?;
    let groups = outcomes::produce(&state.db, &state.keys, &division, (from, to)).await?;
    let items = groups.into_iter().map(GroupJson::from).collect();
    let definition = outcomes::DEFINITION;
    Ok(Json(OutcomesJson { division, from, to, definition, as_of: now, items }))
}
