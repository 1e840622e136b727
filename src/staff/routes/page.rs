//! The console's files. They hold no data; what they show they ask for as anybody does.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    base::{
        error::{Code, Error},
        http::query::Path,
        state::State,
    },
    staff::page::{self, Asset},
};

pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(console)).routes(routes!(part))
}

/// The console of staff. Where in it somebody is stands behind `#`, so that no server's log holds
/// whom they look at.
#[utoipa::path(
    get,
    path = "/staff",
    tag = "staff",
    responses((status = 200, description = "the page", content_type = "text/html", body = String)),
)]
async fn console(headers: HeaderMap) -> Response {
    answer(&page::HTML, &headers)
}

/// A file of the console: `app.css`, `app.js`, `charts.js` or `icon.svg`.
#[utoipa::path(
    get,
    path = "/staff/page/{file}",
    tag = "staff",
    params(("file" = String, Path, description = "its name")),
    responses(
        (status = 200, description = "style, script or picture", body = String),
        (status = 404, description = "no such file"),
    ),
)]
async fn part(Path(file): Path<String>, headers: HeaderMap) -> Result<Response, Error> {
    let asset = page::part(&file).ok_or(Error::NotFound(Code::NotFound))?;
    Ok(answer(asset, &headers))
}

fn answer(asset: &Asset, headers: &HeaderMap) -> Response {
    let is_known = headers.get(header::IF_NONE_MATCH) == Some(page::tag());
    let (status, body) =
        if is_known { (StatusCode::NOT_MODIFIED, "") } else { (StatusCode::OK, asset.text) };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::ETAG, page::tag().clone()),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ];
    (status, headers, body).into_response()
}
