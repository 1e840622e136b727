//! Which groups did most together in a month, over HTTP.

use axum::extract::State as Of;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    base::{
        error::Error,
        http::{json::Json, query::Query},
        ids::DivisionCode,
        state::State,
    },
    groups,
    members::Resident,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(rank))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RankingQuery {
    division: DivisionCode,
    /// The first day of a month.
    month: NaiveDate,
}

#[derive(Serialize, ToSchema)]
#[schema(as = GroupRanking)]
struct RankingBody {
    month: NaiveDate,
    /// Most minutes first; fifty at most.
    items: Vec<RankedGroupBody>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RankedGroup)]
struct RankedGroupBody {
    /// Equals share one.
    rank: usize,
    group_id: Uuid,
    #[schema(example = "晨跑团")]
    name: String,
    /// Minutes of members' stays during meet-ups at their venues.
    minutes: i64,
    /// Members who came, three at least.
    people: i64,
}

/// The active groups of a division by what they did together in a month. A meet-up counts some
/// minutes after its end, and anew while late records may come.
#[utoipa::path(get, path = "/api/v1/groups/ranking", tag = "groups", params(RankingQuery),
    responses(
        (status = 200, body = RankingBody),
        (status = 422, description = "`bad_time`: no first day of a month"),
    ))]
async fn rank(
    Of(state): Of<State>,
    _: Resident,
    Query(RankingQuery { division, month }): Query<RankingQuery>,
) -> Result<Json<RankingBody>, Error> {
    let found = groups::group_ranking(&state.db, &division, month, state.clock.now()).await?;
    let item = |(rank, one): (usize, groups::Met)| RankedGroupBody {
        rank,
        group_id: one.group_id,
        name: one.name,
        minutes: one.minutes,
        people: one.people,
    };
    Ok(Json(RankingBody { month, items: found.into_iter().map(item).collect() }))
}
