//! The page of the screen, embedded: the files of `page/dist/` as they are committed, which ask
//! nothing of any other host. Building the server needs no Node; `page/` says how they are made.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use sha2::{Digest, Sha256};

/// One file of the page.
pub struct Asset {
    pub content_type: &'static str,
    pub text: &'static str,
}

pub const HTML: Asset =
    Asset { content_type: "text/html; charset=utf-8", text: include_str!("page/dist/index.html") };
pub const STYLE: Asset =
    Asset { content_type: "text/css; charset=utf-8", text: include_str!("page/dist/app.css") };
pub const SCRIPT: Asset =
    Asset { content_type: JAVASCRIPT, text: include_str!("page/dist/app.js") };
/// Lets a screen start without network; it may look after every screen's page.
pub const WORKER: Asset =
    Asset { content_type: JAVASCRIPT, text: include_str!("page/dist/worker.js") };
pub const ICON: Asset =
    Asset { content_type: "image/svg+xml", text: include_str!("page/dist/icon.svg") };

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Nothing but our own files, nothing inline, no frame around the page of another host.
pub const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Which pages the worker, which lies deeper, may serve.
pub const WORKER_SCOPE: &str = "/screen/";

/// The id that the build stamped into the page: a page that sees another reloads itself.
const BUILD_ID: &str = include_str!("page/dist/build.txt");

static BUILD: LazyLock<HeaderValue> = LazyLock::new(|| quoted(BUILD_ID.trim()));

pub fn build() -> &'static HeaderValue {
    &BUILD
}

/// The files' version as an entity tag: it changes with any of their bytes.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in [HTML, STYLE, SCRIPT, WORKER, ICON] {
        digest.update(asset.text);
    }
    quoted(&hex::encode(&digest.finalize()[..8]))
});

pub fn tag() -> &'static HeaderValue {
    &TAG
}

fn quoted(hex_digits: &str) -> HeaderValue {
    let text = format!("\"{hex_digits}\"");
    HeaderValue::try_from(text).expect("hexadecimal digits are header text")
}
