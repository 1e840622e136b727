//! The API document and its page, served from the binary: nothing is fetched from elsewhere.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderValue, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use utoipa::{
    ToSchema as _,
    openapi::{self, ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder},
};
use utoipa_swagger_ui::Config;

use super::problem::{Problem, ProblemBody};
use crate::base::error::{Code, Error};

/// Where the document is.
pub const DOCUMENT_PATH: &str = "/api/v1/openapi.json";

/// The page's own files and the document; its style attributes need `unsafe-inline`, scripts do
/// not.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// `/api/v1/openapi.json` and `/docs`. The document is written once, here.
pub fn docs<S: Clone + Send + Sync + 'static>(api: &OpenApi) -> anyhow::Result<Router<S>> {
    let document = Bytes::from(serde_json::to_vec(&with_refusals(api))?);
    // No badge: it would ask a validator on the Internet.
    let config = Arc::new(Config::from(DOCUMENT_PATH).validator_url("none"));
    let index = Arc::clone(&config);
    Ok(Router::new()
        .route(DOCUMENT_PATH, get(move || std::future::ready(json(document.clone()))))
        .route("/docs", get(|| std::future::ready(Redirect::permanent("/docs/"))))
        .route("/docs/", get(move || std::future::ready(page("", Arc::clone(&index)))))
        .route(
            "/docs/{*file}",
            get(move |Path(file): Path<String>| std::future::ready(page(&file, config))),
        ))
}

/// What every operation may answer beside what it says: refusals have one form, which stands here
/// and not at each handler.
fn with_refusals(api: &OpenApi) -> OpenApi {
    let mut api = api.clone();
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post];
        let others = [&mut item.delete, &mut item.patch];
        for operation in operations.into_iter().chain(others).flatten() {
            let responses = &mut operation.responses.responses;
            responses.entry("default".to_owned()).or_insert_with(|| refused("Refused").into());
            for (status, response) in responses.iter_mut() {
                let RefOr::T(response) = response else { continue };
                if status.starts_with('4') && response.content.is_empty() {
                    *response = refused(&response.description);
                } else if response.description.is_empty() {
                    "As asked".clone_into(&mut response.description);
                }
            }
        }
    }
    api
}

fn refused(description: &str) -> openapi::Response {
    let form = Ref::from_schema_name(ProblemBody::name());
    ResponseBuilder::new()
        .description(description)
        .content(PROBLEM, ContentBuilder::new().schema(Some(form)).build())
        .build()
}

const PROBLEM: &str = "application/problem+json";

fn json(document: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], document)
        .into_response()
}

fn page(file: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config) {
        Ok(Some(file)) => {
            let kind = HeaderValue::from_str(&file.content_type);
            let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            ];
            (headers, file.bytes.into_owned()).into_response()
        }
        Ok(None) => Error::NotFound(Code::NotFound).into_response(),
        Err(error) => {
            let cause = anyhow::anyhow!("the page of the API document: {error}");
            Problem::from(Error::internal(cause)).into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::Request};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn get(path: &str) -> (u16, String, String) {
        let api = utoipa::openapi::OpenApiBuilder::new().build();
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = docs::<()>(&api).unwrap().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let policy = parts.headers.get(header::CONTENT_SECURITY_POLICY);
        let policy = policy.map_or("", |value| value.to_str().unwrap()).to_owned();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), policy, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn the_page_loads_everything_from_here_and_runs_nothing_inline() {
        let (status, policy, page) = get("/docs/").await;
        assert_eq!(status, 200);
        assert!(policy.contains("script-src 'self';") && !policy.contains("http"), "{policy}");
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
        assert!(!page.contains("<script>") && !page.contains("<style>"), "{page}");
        for file in
            ["swagger-ui.css", "index.css", "swagger-ui-bundle.js", "swagger-initializer.js"]
        {
            assert!(page.contains(file) && get(&format!("/docs/{file}")).await.0 == 200, "{file}");
        }
        let (_, _, script) = get("/docs/swagger-initializer.js").await;
        assert!(script.contains(DOCUMENT_PATH), "{script}");
        assert!(script.contains(r#""validatorUrl": "none""#), "{script}");
        assert_eq!(get("/docs/nothing.js").await.0, 404);
        assert_eq!(get("/docs").await.0, 308);
    }

    #[utoipa::path(get, path = "/x", responses(
        (status = 200, body = String), (status = 404, description = "None of yours"),
    ))]
    #[expect(dead_code, reason = "only its description matters")]
    fn described() {}

    #[derive(utoipa::OpenApi)]
    #[openapi(paths(described), components(schemas(ProblemBody)))]
    struct Described;

    #[test]
    fn every_operation_says_how_it_refuses() {
        let api = <Described as utoipa::OpenApi>::openapi();
        let document = serde_json::to_value(with_refusals(&api)).unwrap();
        let responses = &document["paths"]["/x"]["get"]["responses"];
        for status in ["404", "default"] {
            let form = &responses[status]["content"][PROBLEM]["schema"]["$ref"];
            assert_eq!(form, "#/components/schemas/Problem", "{document:#}");
        }
        assert_eq!(responses["404"]["description"], "None of yours");
        assert_eq!(responses["200"]["description"], "As asked");
        let problem = &document["components"]["schemas"]["Problem"];
        assert!(problem["properties"]["errors"].is_object(), "{document:#}");
    }

    #[tokio::test]
    async fn the_document_is_json() {
        let (status, _, document) = get(DOCUMENT_PATH).await;
        assert_eq!(status, 200);
        assert!(serde_json::from_str::<serde_json::Value>(&document).is_ok());
    }
}
