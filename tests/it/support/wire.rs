//! Requests and their answers, and waiting for what a server does in its own time.

use std::{net::IpAddr, time::Duration};

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// Longest wait for anything; only what never comes reaches it.
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks: at first, and after so many, since callers may not come too often.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const LOOKS_AT_FIRST: usize = 40;
const LOOK_LATER: Duration = Duration::from_millis(500);

/// Looks until `probe` sees something, and gives what it saw.
pub async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let look = async {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        for _ in 0..LOOKS_AT_FIRST {
            looks.tick().await;
            if let Some(seen) = probe().await {
                return seen;
            }
        }
        let mut looks = tokio::time::interval(LOOK_LATER);
        loop {
            looks.tick().await;
            if let Some(seen) = probe().await {
                return seen;
            }
        }
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(seen) => seen,
        Err(tokio::time::error::Elapsed { .. }) => panic!("never came about: {what}"),
    }
}

/// Where a server is reached, and by which client.
#[derive(Clone)]
pub struct Wire {
    base: String,
    client: reqwest::Client,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Null where the body is no JSON.
    pub body: Value,
    pub text: String,
}

impl Wire {
    pub fn new(base: String) -> Self {
        // One TLS provider for the process; a second call finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().unwrap();
        Self { base, client }
    }

    /// The same server, called from another address of this machine: limits go by address.
    pub fn elsewhere(&self, last: u8) -> Self {
        let own = IpAddr::from([127, 0, 0, last]);
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().local_address(own);
        Self { base: self.base.clone(), client: client.build().unwrap() }
    }

    /// The address that every path is under.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).json(body)
    }
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Self {
        Self::read(request).await.unwrap()
    }

    /// None if no whole answer came.
    pub async fn try_to(request: RequestBuilder) -> Option<Self> {
        Self::read(request).await.ok()
    }

    async fn read(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { status, headers, body, text })
    }

    /// A problem's code; empty if this is none.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Status and code at once.
    pub fn said(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body of an answer that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self.body
    }
}
