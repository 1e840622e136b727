//! The console, embedded: the files of `page/dist/` as they are committed, which ask nothing of any
//! other host. Building the server needs no Node; `page/` says how they are made.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use sha2::{Digest as _, Sha256};

/// One file of the page.
pub struct Asset {
    name: &'static str,
    pub content_type: &'static str,
    pub text: &'static str,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

pub const HTML: Asset = Asset {
    name: "index.html",
    content_type: "text/html; charset=utf-8",
    text: include_str!("page/dist/index.html"),
};

/// Every file but the page itself.
const PARTS: [Asset; 4] = [
    Asset {
        name: "app.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("page/dist/app.css"),
    },
    Asset { name: "app.js", content_type: JAVASCRIPT, text: include_str!("page/dist/app.js") },
    // Fetched where a chart is drawn, and not before.
    Asset {
        name: "charts.js",
        content_type: JAVASCRIPT,
        text: include_str!("page/dist/charts.js"),
    },
    Asset {
        name: "icon.svg",
        content_type: "image/svg+xml",
        text: include_str!("page/dist/icon.svg"),
    },
];

/// Nothing but our own files, nothing inline, in nobody's frame.
pub const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The file of this name below `/staff/page/`.
pub fn part(name: &str) -> Option<&'static Asset> {
    PARTS.iter().find(|asset| asset.name == name)
}

/// The files' version as an entity tag: it changes with any of their bytes.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in [HTML].iter().chain(&PARTS) {
        digest.update(asset.text);
    }
    let text = format!("\"{}\"", hex::encode(&digest.finalize()[..8]));
    HeaderValue::try_from(text).expect("hexadecimal digits are header text")
});

pub fn tag() -> &'static HeaderValue {
    &TAG
}
