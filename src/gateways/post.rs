//! A vendor's request, read whole: where it came from, what it says about itself, its bytes.

use axum::{
    body::Bytes,
    extract::Request,
    http::header,
    response::{IntoResponse, Response},
};

use super::text::Pairs;
use crate::{
    base::http::{body, peer::ClientAddr},
    terminals::links::Contact,
};

/// A request with its body.
pub struct Post {
    pub content_type: String,
    pub query: Pairs,
    pub body: Bytes,
    pub contact: Contact,
}

impl Post {
    /// # Errors
    /// The refusal of a body that could not be read.
    pub async fn read(request: Request) -> Result<Self, Response> {
        let (parts, unread) = request.into_parts();
        let body = body::read(unread).await.map_err(IntoResponse::into_response)?;
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|text| text.to_str().ok()).unwrap_or_default();
        let address = parts.extensions.get::<ClientAddr>().map(|client| client.0);
        Ok(Self {
            content_type: content_type.to_owned(),
            query: Pairs::of_query(parts.uri.query().unwrap_or_default()),
            body,
            contact: Contact { address, ..Contact::default() },
        })
    }
}
