//! Heads counted at a venue.

use axum::{extract::State as Part, http::StatusCode};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::require_venue;
use crate::{
    base::{
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        idempotency::{Answer, Command},
        ids::VenueId,
        page::{Page, Paging},
        state::State,
    },
    safety::occupancy::{self, Heads},
    staff::StaffCaller,
};

/// Heads of one venue.
const HEADS_MAX: i32 = 100_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHeadCount)]
pub struct CountBody {
    /// How many people are really inside, 0 to 100 000.
    counted: i32,
}

#[derive(Serialize, ToSchema)]
#[schema(as = HeadCount)]
pub struct CountJson {
    id: Uuid,
    at: DateTime<Utc>,
    counted: i32,
    /// How many were presumed inside by what doors saw.
    presumed: i32,
    /// Presumed and not there; below zero, there and not known.
    drift: i64,
    /// Stays of people who were not there: they count as estimated, and are over. At most 200 at
    /// once; count again where more are too many.
    ended: i32,
    by: String,
}

impl From<Heads> for CountJson {
    fn from(count: Heads) -> Self {
        let drift = count.count().drift();
        let Heads { id, at, counted, presumed, ended, by_actor } = count;
        Self { id, at, counted, presumed, drift, ended, by: by_actor }
    }
}

/// Notes how many people are really inside, and how far that is from what doors saw. Where fewer
/// are there than presumed, the stays that should have ended first are over, by estimate: doors,
/// screens and roll calls begin at the count. Whoever leaves later all the same is credited by their
/// exit.
#[utoipa::path(post, path = "/api/v1/staff/venues/{id}/head-counts", tag = "staff: safety",
    params(("id" = VenueId, Path),
        ("Idempotency-Key" = String, Header, description = "A value of your own, once a command")),
    request_body = CountBody, responses((status = 201, body = CountJson)))]
pub async fn count(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
    Command { stamp, body: Json(body) }: Command<Json<CountBody>>,
) -> Result<Answer, Error> {
    let venue = require_venue(&state, &by, id).await?;
    if !(0..=HEADS_MAX).contains(&body.counted) {
        return Err(Error::invalid("/counted", Code::OutOfRange));
    }
    let (actor, now) = (by.actor(), state.clock.now());
    stamp
        .once(&state.db, &actor, now, async |tx| {
            let noted = occupancy::note(tx, &state.keys, &venue, body.counted, &actor, now);
            let noted = noted.await?;
            Ok((StatusCode::CREATED, CountJson::from(noted)))
        })
        .await
}

/// The counts of a venue, newest first.
#[utoipa::path(get, path = "/api/v1/staff/venues/{id}/head-counts", tag = "staff: safety",
    params(("id" = VenueId, Path), Paging), responses((status = 200, body = Page<CountJson>)))]
pub async fn list(
    Part(state): Part<State>,
    by: StaffCaller,
    Path(id): Path<VenueId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<CountJson>>, Error> {
    require_venue(&state, &by, id).await?;
    let cursors = state.keys.cursors();
    let list = cursors.list("head_counts");
    let before: Option<DateTime<Utc>> = list.key_if_any(paging.cursor.as_deref())?;
    let before = before.unwrap_or(state.clock.now() + TimeDelta::seconds(1));
    let rows = occupancy::list(&state.db, id, before, paging.limit.rows_to_read()).await?;
    Ok(Json(Page::cut(rows, paging.limit, &list, |row| row.at, CountJson::from)))
}
