//! Every refusal in one form, RFC 9457 `application/problem+json`. A handler's error travels to
//! the outermost middleware as a response extension, since only there language and trace id are
//! known; the body is written there, in one place. It never holds anything the caller sent.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use uuid::Uuid;

use crate::base::error::{Code, Error, Fault, Language};

/// A refusal on its way to the middleware that renders it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub code: Code,
    /// Fields that are not acceptable; empty unless the body was read.
    pub errors: Vec<Fault>,
    /// Seconds after which to come back.
    pub retry_after_s: Option<u32>,
    /// What happened, for the log only.
    pub cause: Option<Arc<anyhow::Error>>,
}

/// Marks an answer that must go out as it is, whatever its status: vendors' terminals expect
/// refusals in their own forms.
#[derive(Clone, Copy, Debug)]
pub struct AsIs;

impl Problem {
    pub fn new(status: StatusCode, code: Code) -> Self {
        Self { status, code, errors: Vec::new(), retry_after_s: None, cause: None }
    }

    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// What stands for an answer of axum, tower or a handler that has only a status.
    pub fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::UNAUTHORIZED => Code::Unauthenticated,
            StatusCode::FORBIDDEN => Code::Forbidden,
            StatusCode::NOT_FOUND => Code::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
            StatusCode::CONFLICT => Code::Conflict,
            StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
            StatusCode::URI_TOO_LONG => Code::UriTooLong,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Code::UnsupportedMediaType,
            StatusCode::MISDIRECTED_REQUEST => Code::BadHost,
            StatusCode::UNPROCESSABLE_ENTITY => Code::InvalidValue,
            StatusCode::TOO_MANY_REQUESTS => Code::RateLimited,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Code::HeadersTooLarge,
            StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
            other if other.is_server_error() => Code::Internal,
            _ => Code::BadRequest,
        };
        Self::new(status, code)
    }

    /// The body's bytes.
    pub fn render(&self, language: Language, trace_id: Uuid) -> Vec<u8> {
        let body = ProblemBody {
            type_uri: format!("urn:fitgate:problem:{}", self.code.as_str()),
            title: title(self.status, language).to_owned(),
            status: self.status.as_u16(),
            code: self.code.as_str().to_owned(),
            detail: self.code.sentence(language).to_owned(),
            trace_id: trace_id.to_string(),
            errors: self.errors.iter().map(|fault| FieldProblem::of(fault, language)).collect(),
        };
        serde_json::to_vec(&body).expect("a struct of strings and numbers always serialises")
    }
}

/// A refusal. `code` is stable and meant for programs; `title` and `detail` are for people,
/// in Chinese unless `Accept-Language` prefers English.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// `urn:fitgate:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:fitgate:problem:required")]
    type_uri: String,
    #[schema(example = "内容不符合要求")]
    title: String,
    #[schema(example = 422)]
    status: u16,
    #[schema(example = "required")]
    code: String,
    #[schema(example = "缺少必填字段，请补充后提交。")]
    detail: String,
    /// Quote it when reporting a fault: the log bears the same.
    trace_id: String,
    /// The fields that are not acceptable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct FieldProblem {
    /// JSON pointer (RFC 6901) into the request's body; empty for the whole.
    #[schema(example = "/name")]
    pointer: String,
    #[schema(example = "required")]
    code: String,
    #[schema(example = "缺少必填字段，请补充后提交。")]
    detail: String,
}

impl FieldProblem {
    fn of(fault: &Fault, language: Language) -> Self {
        Self {
            pointer: fault.pointer.clone(),
            code: fault.code.as_str().to_owned(),
            detail: fault.code.sentence(language).to_owned(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Malformed(code) => Self::new(StatusCode::BAD_REQUEST, code),
            Error::Invalid(errors) => {
                let code = errors.first().map_or(Code::InvalidValue, |fault| fault.code);
                Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code) }
            }
            Error::Unauthenticated(code) => Self::new(StatusCode::UNAUTHORIZED, code),
            Error::Forbidden(code) => Self::new(StatusCode::FORBIDDEN, code),
            Error::NotFound(code) => Self::new(StatusCode::NOT_FOUND, code),
            Error::Conflict(code) => Self::new(StatusCode::CONFLICT, code),
            Error::TooMany(code, seconds) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, code).retry_after(seconds)
            }
            Error::Unavailable(code, seconds) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code).retry_after(seconds)
            }
            Error::Internal(cause) => Self {
                cause: Some(Arc::new(cause)),
                ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Internal)
            },
        }
    }
}

impl IntoResponse for Problem {
    /// Status and headers only: [`finish`] writes the body.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}

/// Gives a refusal its body, whoever made it; logs the cause of an internal one, once.
/// Headers that say more (`Allow`, `Retry-After`, `WWW-Authenticate`) stay.
pub fn finish(mut response: Response, language: Language, trace_id: Uuid) -> Response {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    if response.extensions().get::<AsIs>().is_some() {
        return response;
    }
    let problem =
        response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::of_status(status));
    log_cause(&problem, trace_id);
    *response.body_mut() = Body::from(problem.render(language, trace_id));
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_ENCODING);
    headers.remove(header::ETAG);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if status == StatusCode::UNAUTHORIZED {
        // A 401 must say how to do better; terminals know their own way.
        headers.entry(header::WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
    }
    headers.append(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

/// The media type of every refusal.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The cause as a quoted string, so that a line break in it cannot forge a line of the log.
fn log_cause(problem: &Problem, trace_id: Uuid) {
    if let Some(cause) = &problem.cause {
        tracing::error!(%trace_id, cause = ?format!("{cause:#}"), "a request failed unexpectedly");
    }
}

/// What the request's `Accept-Language` prefers: English only if it ranks above Chinese.
pub fn language(headers: &HeaderMap) -> Language {
    let Some(text) = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
    else {
        return Language::Chinese;
    };
    let (chinese, english) = (quality(text, "zh"), quality(text, "en"));
    if english > chinese { Language::English } else { Language::Chinese }
}

/// The highest quality in thousandths given to `primary` or a regional form of it; 0 if absent.
fn quality(accepted: &str, primary: &str) -> u16 {
    let rank = |entry: &str| {
        let mut parts = entry.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let is_wanted = tag.split('-').next().is_some_and(|t| t.eq_ignore_ascii_case(primary));
        let q =
            parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=1000, and a cast of a float saturates"
        )]
        let thousandths = (q.unwrap_or(0.0_f32).clamp(0.0, 1.0) * 1000.0) as u16;
        if is_wanted { thousandths } else { 0 }
    };
    accepted.split(',').map(rank).max().unwrap_or(0)
}

fn title(status: StatusCode, language: Language) -> &'static str {
    let (chinese, english) = match status.as_u16() {
        401 => ("需要登录", "Not signed in"),
        403 => ("没有权限", "Not allowed"),
        404 => ("没有找到", "Not found"),
        405 => ("操作不受支持", "Method not allowed"),
        408 => ("请求超时", "Request too slow"),
        409 => ("内容冲突", "Conflict"),
        413 => ("内容过大", "Content too large"),
        414 | 431 => ("请求过大", "Request too large"),
        415 => ("类型不受支持", "Unsupported content"),
        421 => ("主机名不正确", "Wrong host"),
        422 => ("内容不符合要求", "Not acceptable"),
        429 => ("操作过于频繁", "Too many requests"),
        503 => ("暂不可用", "Unavailable"),
        500..=599 => ("系统出现问题", "Internal error"),
        _ => ("请求有误", "Bad request"),
    };
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(text: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(text).unwrap());
        language(&headers)
    }

    #[test]
    fn english_is_spoken_only_to_those_who_prefer_it() {
        assert_eq!(language(&HeaderMap::new()), Language::Chinese);
        assert_eq!(asks("en"), Language::English);
        assert_eq!(asks("en-GB,en;q=0.9"), Language::English);
        assert_eq!(asks("zh-CN,zh;q=0.9,en;q=0.8"), Language::Chinese);
        assert_eq!(asks("en;q=0.8, zh;q=0.1"), Language::English);
        assert_eq!(asks("fr, *;q=nonsense"), Language::Chinese);
    }

    #[test]
    fn every_code_has_its_own_wire_form_and_both_sentences() {
        for code in Code::ALL {
            assert_eq!(Code::from_wire(code.as_str()), Some(*code));
            assert!(code.sentence(Language::Chinese).chars().any(|c| c > '\u{2e7f}'));
            assert!(code.sentence(Language::English).is_ascii());
        }
    }

    #[test]
    fn an_internal_cause_is_never_shown() {
        let error = Error::internal(anyhow::anyhow!("relation 13800138000 does not exist"));
        let response = finish(error.into_response(), Language::English, Uuid::nil());
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let problem = Problem::from(Error::internal(anyhow::anyhow!("13800138000")));
        let body = String::from_utf8(problem.render(Language::English, Uuid::nil())).unwrap();
        assert!(!body.contains("138") && body.contains("\"code\":\"internal\""), "{body}");
    }
}
