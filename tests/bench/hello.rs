//! The ceiling of screen polls: axum handing out the same prebuilt bytes, and 304 for their tag,
//! with nothing else around it. `hello LISTEN FILE` serves the file's bytes at every path.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

const TAG: HeaderValue = HeaderValue::from_static("\"1\"");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(listen), Some(file)) = (words.next(), words.next()) else {
        anyhow::bail!("hello LISTEN FILE");
    };
    let bytes = Bytes::from(std::fs::read(file)?);
    let app = Router::new().fallback(hello).with_state(bytes);
    axum::serve(tokio::net::TcpListener::bind(listen).await?, app).await?;
    Ok(())
}

async fn hello(State(bytes): State<Bytes>, headers: HeaderMap) -> Response {
    let tag = [(header::ETAG, TAG)];
    if headers.get(header::IF_NONE_MATCH) == Some(&TAG) {
        return (StatusCode::NOT_MODIFIED, tag).into_response();
    }
    (tag, [(header::CONTENT_TYPE, JSON)], bytes).into_response()
}
