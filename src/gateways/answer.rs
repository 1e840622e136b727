//! Answers in vendors' own forms: short texts that no middleware rewrites. A refusal is a text too,
//! so that a device that looks only at the first word does not take it for a yes.

use axum::{
    Extension,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::base::{
    error::Error,
    http::problem::{AsIs, Problem},
};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// A plain text.
pub fn text(body: impl Into<String>) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], Extension(AsIs), body.into()).into_response()
}

/// JSON, as it stands.
pub fn json(body: impl Into<String>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], Extension(AsIs), body.into()).into_response()
}

/// A text with another status than 200.
pub fn status(status: StatusCode, body: &'static str) -> Response {
    (status, text(body)).into_response()
}

/// What a device is told when its request was not done. The status says whether to come again.
pub fn refusal(error: Error) -> Response {
    let problem = Problem::from(error);
    if problem.status == StatusCode::INTERNAL_SERVER_ERROR {
        return problem.into_response();
    }
    let mut response = status(problem.status, "REFUSED");
    if let Some(seconds) = problem.retry_after_s {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
