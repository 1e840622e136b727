//! The paths of the big screen: its document, its stream, its page.

mod office;

use axum::{
    body::Body,
    extract::State as Of,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    Hub,
    caller::{Known, Viewer},
    document::Document,
    hub::Built,
    maps::MapSheet,
    page::{self, Asset},
    stream,
};
use crate::base::{
    error::{Code, Error},
    http::{json::Json, query::Path},
    ids::DivisionCode,
    state::State,
};

/// The screen's paths, over `hub`, for a router of whatever state.
pub fn routes<S: Clone + Send + Sync + 'static>(hub: Hub) -> OpenApiRouter<S> {
    OpenApiRouter::new()
        .routes(routes!(document))
        .routes(routes!(document_stream))
        .routes(routes!(document_map))
        .routes(routes!(screen_page))
        .routes(routes!(screen_style))
        .routes(routes!(screen_script))
        .routes(routes!(screen_worker))
        .routes(routes!(screen_icon))
        .with_state(hub)
}

/// What staff do with screens.
pub fn staff_routes(hub: Hub) -> OpenApiRouter<State> {
    office::routes(hub)
}

/// Milliseconds since the figures of an answer were read; moves also under a 304.
const AGE_MS: HeaderName = HeaderName::from_static("fitgate-age-ms");
/// Which page belongs to this server; a page that sees another reloads itself.
const BUILD: HeaderName = HeaderName::from_static("fitgate-build");
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Everything that the screen of a division shows.
#[utoipa::path(
    get,
    path = "/api/v1/screens/{division}",
    tag = "screens",
    params(
        ("division" = String, Path, description = "division code of 2, 4, 6, 9 or 12 digits"),
        ("If-None-Match" = Option<String>, Header, description = "the ETag of the last answer"),
    ),
    responses(
        (status = 200, body = Document, headers(
            ("ETag" = String, description = "changes when anything but `as_of` changes"),
            ("Fitgate-Age-Ms" = u64, description = "how long ago the figures were read"),
        )),
        (status = 304, description = "nothing but `as_of` changed"),
        (status = 401, description = "no token, or one that is not or no longer known"),
        (status = 404, description = "no such division, or the token does not cover it"),
        (status = 503, description = "cannot be read now"),
    ),
    security(("screen" = [])),
)]
async fn document(viewer: Viewer, known: Known, Of(hub): Of<Hub>) -> Result<Response, Error> {
    let built = hub.latest(&viewer.division).await?;
    Ok(answer(&built, &known))
}

/// The same document whenever it changes, as server-sent events: `document` with the document,
/// `age` with `{"as_of", "age_ms"}` every ten seconds.
#[utoipa::path(
    get,
    path = "/api/v1/screens/{division}/stream",
    tag = "screens",
    params(("division" = String, Path, description = "division code of 2, 4, 6, 9 or 12 digits")),
    responses(
        (status = 200, description = "events", body = Document, content_type = "text/event-stream"),
        (status = 401, description = "no token, or one that is not or no longer known"),
        (status = 404, description = "no such division, or the token does not cover it"),
        (status = 503, description = "cannot be read now"),
    ),
    security(("screen" = [])),
)]
async fn document_stream(viewer: Viewer, Of(hub): Of<Hub>) -> Result<Response, Error> {
    let latest = hub.watch(&viewer.division).await?;
    let frames = stream::frames(hub, viewer.token, viewer.division, latest);
    let headers = [
        (header::CONTENT_TYPE, EVENT_STREAM),
        (header::CACHE_CONTROL, NO_CACHE),
        // Proxies that gather answers would hold the events back.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (BUILD, page::build().clone()),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

/// The bureau's own map of a division, drawn, with a pin for every venue on it. The document's
/// `map` tells when to ask again.
#[utoipa::path(
    get,
    path = "/api/v1/screens/{division}/map",
    tag = "screens",
    params(("division" = String, Path, description = "division code of 2, 4, 6, 9 or 12 digits")),
    responses(
        (status = 200, body = MapSheet),
        (status = 401, description = "no token, or one that is not or no longer known"),
        (status = 404, description = "no map, no such division, or the token does not cover it"),
        (status = 503, description = "cannot be read now"),
    ),
    security(("screen" = [])),
)]
async fn document_map(viewer: Viewer, Of(hub): Of<Hub>) -> Result<Json<MapSheet>, Error> {
    hub.map(&viewer.division).await?.map(Json).ok_or(Error::NotFound(Code::NotFound))
}

/// The page of a screen. It holds no data; its script reads the token from the fragment.
#[utoipa::path(
    get,
    path = "/screen/{division}",
    tag = "screens",
    params(("division" = String, Path, description = "division code of 2, 4, 6, 9 or 12 digits")),
    responses(
        (status = 200, description = "the page", content_type = "text/html", body = String),
        (status = 404, description = "not a division's code"),
    ),
)]
async fn screen_page(Path(_known): Path<DivisionCode>, known: Known) -> Response {
    asset(&page::HTML, &known)
}

/// The style of the page.
#[utoipa::path(
    get,
    path = "/screen/page/app.css",
    tag = "screens",
    responses((status = 200, description = "style", content_type = "text/css", body = String)),
)]
async fn screen_style(known: Known) -> Response {
    asset(&page::STYLE, &known)
}

/// The script of the page.
#[utoipa::path(
    get,
    path = "/screen/page/app.js",
    tag = "screens",
    responses((status = 200, description = "script", content_type = "text/javascript", body = String)),
)]
async fn screen_script(known: Known) -> Response {
    asset(&page::SCRIPT, &known)
}

/// The worker that serves the page to a screen without network.
#[utoipa::path(
    get,
    path = "/screen/page/worker.js",
    tag = "screens",
    responses((status = 200, description = "script", content_type = "text/javascript", body = String)),
)]
async fn screen_worker(known: Known) -> Response {
    let scope = HeaderValue::from_static(page::WORKER_SCOPE);
    ([(SERVICE_WORKER_ALLOWED, scope)], asset(&page::WORKER, &known)).into_response()
}

/// The icon of the page.
#[utoipa::path(
    get,
    path = "/screen/page/icon.svg",
    tag = "screens",
    responses((status = 200, description = "icon", content_type = "image/svg+xml", body = String)),
)]
async fn screen_icon(known: Known) -> Response {
    asset(&page::ICON, &known)
}

/// The prebuilt bytes, or word that the caller has them.
pub fn answer(built: &Built, known: &Known) -> Response {
    let age_ms = u64::try_from(built.age().as_millis()).unwrap_or(u64::MAX);
    let unchanged = known.has(&built.etag);
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(built.body.clone()))
    };
    let headers = response.headers_mut();
    if !unchanged {
        headers.insert(header::CONTENT_TYPE, JSON);
    }
    headers.insert(header::ETAG, built.etag.clone());
    headers.insert(header::CACHE_CONTROL, NO_CACHE);
    headers.insert(AGE_MS, age_ms.into());
    headers.insert(BUILD, page::build().clone());
    response
}

fn asset(asset: &Asset, known: &Known) -> Response {
    let status = if known.has(page::tag()) { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let body = if status == StatusCode::OK { asset.text } else { "" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::ETAG, page::tag().clone()),
        (header::CACHE_CONTROL, NO_CACHE),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    (status, headers, body).into_response()
}
