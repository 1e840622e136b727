//! Answers in vendors' own forms: short texts that no middleware rewrites. A refusal is a text too,
//! so that a device that looks only at the first word does not take it for a yes.

use axum::{
    Extension,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    base::{
        error::Error,
        http::problem::{AsIs, Problem},
    },
    terminals::Names,
};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain;charset=UTF-8");
const TEXT_GBK: HeaderValue = HeaderValue::from_static("text/plain;charset=GBK");
const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");

/// A plain text.
pub fn text(body: impl Into<String>) -> Response {
    ([(header::CONTENT_TYPE, TEXT)], Extension(AsIs), body.into()).into_response()
}

/// A plain text in the encoding in which a device reads names.
pub fn encoded(body: &str, names: Names) -> Response {
    match names {
        Names::Gbk => {
            let (bytes, _, _) = encoding_rs::GBK.encode(body);
            ([(header::CONTENT_TYPE, TEXT_GBK)], Extension(AsIs), bytes.into_owned())
                .into_response()
        }
        Names::Utf8 | Names::None => text(body),
    }
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
