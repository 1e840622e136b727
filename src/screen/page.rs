//! The page of the screen, embedded: five files without a build step, which ask nothing of any
//! other host.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

/// One file of the page.
pub struct Asset {
    pub content_type: &'static str,
    pub text: &'static str,
}

pub const HTML: Asset =
    Asset { content_type: "text/html; charset=utf-8", text: include_str!("page/index.html") };
pub const STYLE: Asset =
    Asset { content_type: "text/css; charset=utf-8", text: include_str!("page/app.css") };
pub const SCRIPT: Asset =
    Asset { content_type: "text/javascript; charset=utf-8", text: include_str!("page/app.js") };

pub const DRAWING: Asset =
    Asset { content_type: "text/javascript; charset=utf-8", text: include_str!("page/draw.js") };
pub const ICON: Asset =
    Asset { content_type: "image/svg+xml", text: include_str!("page/icon.svg") };

/// Nothing but our own files, nothing inline, no frame around the page of another host.
pub const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The page's version as an entity tag: it changes with any of its files.
static BUILD: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in [HTML, STYLE, SCRIPT, DRAWING, ICON] {
        digest.update(asset.text);
    }
    let tag = format!("\"{}\"", hex::encode(&digest.finalize()[..8]));
    HeaderValue::try_from(tag).expect("hexadecimal digits are header text")
});

pub fn build() -> &'static HeaderValue {
    &BUILD
}
