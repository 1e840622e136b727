//! Open data over HTTP; everything here is 404 until the settings say otherwise.
//!
//! | path | what |
//! | --- | --- |
//! | GET `/open/v1`, `/open/v1/dataset` | what is published, for people and as JSON-LD |
//! | GET `/open/v1/feeds/{feed}` | changes in their order (RPDE with change numbers) |
//! | GET `/open/v1/busyness` | how many are in each venue, to the next ten |

use axum::{
    extract::State as Of,
    http::header,
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Feed, page, rules::Change};
use crate::{
    base::{
        config::OpenData,
        error::{Code, Error},
        http::{
            json::Json,
            query::{Path, Query},
        },
        ids::VenueId,
        page::{Page, Paging},
        state::State,
    },
    minutes, venues,
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(describe))
        .routes(routes!(follow))
        .routes(routes!(list_busyness))
}

fn settings(state: &State) -> Result<OpenData, Error> {
    state.config.open_data().ok_or(Error::NotFound(Code::OpenDataOff))
}

/// What is published, for people.
#[utoipa::path(get, path = "/open/v1", tag = "open data", responses(
    (status = 200, description = "The page", body = String, content_type = "text/html"),
    (status = 404, description = "`open_data_off`"),
))]
async fn show(Of(state): Of<State>) -> Result<Response, Error> {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, page::POLICY),
    ];
    Ok((headers, page::html(&settings(&state)?)).into_response())
}

/// What is published, as JSON-LD.
#[utoipa::path(get, path = "/open/v1/dataset", tag = "open data", responses(
    (status = 200, description = "A `Dataset` of schema.org", body = Value),
    (status = 404, description = "`open_data_off`"),
))]
async fn describe(Of(state): Of<State>) -> Result<Json<Value>, Error> {
    Ok(Json(page::dataset(&settings(&state)?)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct FeedQuery {
    /// The number of the last change that the reader has; 0 from the beginning.
    #[serde(default)]
    #[param(rename = "afterChangeNumber")]
    after_change_number: i64,
}

/// A page of changes.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenFeedPage)]
struct FeedBody {
    /// Where it goes on; the page's own address when there is nothing more.
    next: String,
    items: Vec<ItemBody>,
    license: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OpenFeedItem)]
struct ItemBody {
    /// `updated`, or `deleted` without data.
    state: &'static str,
    kind: &'static str,
    id: uuid::Uuid,
    modified: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
}

/// The changes of a feed behind a number, in their order, 500 at most.
#[utoipa::path(get, path = "/open/v1/feeds/{feed}", tag = "open data",
    params(("feed" = inline(Feed), Path), FeedQuery),
    responses(
        (status = 200, body = FeedBody),
        (status = 404, description = "`open_data_off`, or no such feed"),
    ))]
async fn follow(
    Of(state): Of<State>,
    Path(feed): Path<Feed>,
    Query(query): Query<FeedQuery>,
) -> Result<Json<FeedBody>, Error> {
    let OpenData { url, license } = settings(&state)?;
    let after = query.after_change_number;
    let found = super::behind(&state.db, feed, after).await?;
    let last = found.last().map_or(after, |change| change.number);
    let next = format!("{url}/open/v1/feeds/{}?afterChangeNumber={last}", feed.as_str());
    let items = found.into_iter().map(|change| item(feed, change)).collect();
    Ok(Json(FeedBody { next, items, license }))
}

fn item(feed: Feed, change: Change) -> ItemBody {
    let Change { id, number: modified, data, .. } = change;
    let data = data.map(|data| serde_json::from_str(&data).unwrap_or(json!({})));
    let state = if data.is_some() { "updated" } else { "deleted" };
    ItemBody { state, kind: feed.kind(), id, modified, data }
}

/// How many are in a venue, to the next ten: fewer would be somebody.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenBusyness)]
struct BusyBody {
    venue_id: VenueId,
    name: String,
    people_from: i64,
    people_to: i64,
    /// Null where there is no limit.
    capacity: Option<i32>,
    as_of: DateTime<Utc>,
}

const BAND: i64 = 10;

/// How busy venues are now.
#[utoipa::path(get, path = "/open/v1/busyness", tag = "open data", params(Paging),
    responses(
        (status = 200, body = Page<BusyBody>),
        (status = 404, description = "`open_data_off`"),
    ))]
async fn list_busyness(
    Of(state): Of<State>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<BusyBody>>, Error> {
    settings(&state)?;
    let (cursors, now) = (state.keys.cursors(), state.clock.now());
    let list = cursors.list("open busyness");
    let after = list.key_if_any(paging.cursor.as_deref())?;
    let found = venues::venues(&state.db, None, after, paging.limit.rows_to_read()).await?;
    let ids: Vec<VenueId> = found.iter().map(|venue| venue.id).collect();
    let inside = minutes::busyness::inside(&state.db, &ids, now).await?;
    let body = |venue: venues::Venue| {
        let people_from = inside.get(&venue.id).copied().unwrap_or_default() / BAND * BAND;
        let capacity = venue.rules_at(now).capacity;
        let people_to = people_from + BAND - 1;
        BusyBody {
            venue_id: venue.id,
            name: venue.name,
            people_from,
            people_to,
            capacity,
            as_of: now,
        }
    };
    Ok(Json(Page::cut(found, paging.limit, &list, |venue| venue.id, body)))
}
