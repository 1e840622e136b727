//! The other side of the load's signatures: HMAC-SHA-256 over the lines of a request.

use std::{collections::HashMap, fs, path::Path};

use anyhow::Context;
use axum::http::HeaderMap;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Seconds by which a request's timestamp may differ from our time.
const SKEW_MAX_S: u64 = 300;

#[derive(Deserialize)]
struct File {
    terminals: Vec<Terminal>,
}

#[derive(Deserialize)]
struct Terminal {
    id: Uuid,
    key_id: String,
    key: String,
}

/// The key of every terminal, with its id.
pub struct Keys(HashMap<Uuid, (String, Vec<u8>)>);

impl Keys {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).context("the credentials cannot be read")?;
        let file: File =
            serde_json::from_str(&text).context("the credentials are not understood")?;
        let mut keys = HashMap::new();
        for terminal in file.terminals {
            let key = BASE64_URL_SAFE_NO_PAD.decode(terminal.key.trim_end_matches('='))?;
            keys.insert(terminal.id, (terminal.key_id, key));
        }
        Ok(Self(keys))
    }

    /// The terminal that signed a live question, if one did just now.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Option<Uuid> {
        let header = |name: &str| headers.get(name)?.to_str().ok();
        let terminal: Uuid = header("fitgate-terminal")?.parse().ok()?;
        let (key_id, key) = self.0.get(&terminal)?;
        if header("fitgate-key")? != key_id {
            return None;
        }
        let timestamp = header("fitgate-timestamp")?;
        let nonce = header("fitgate-nonce").filter(|nonce| !nonce.is_empty())?;
        let digest = hex::encode(Sha256::digest(body));
        let signed = format!(
            "v1\nPOST\n/api/v1/terminal/decisions\n{digest}\n{terminal}\n{key_id}\n{timestamp}\n{nonce}"
        );
        let signature = hex::decode(header("fitgate-signature")?.strip_prefix("v1=")?).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(signed.as_bytes());
        mac.verify_slice(&signature).ok()?;
        let seconds: i64 = timestamp.parse().ok()?;
        (now.timestamp().abs_diff(seconds) <= SKEW_MAX_S).then_some(terminal)
    }
}
