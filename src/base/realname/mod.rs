//! Whether a name and a resident identity number belong together, and a photo with both, asked of
//! whoever may know. Vendors are an open set, so this is a trait. Four things can come of it: they
//! match, they do not, there is no record of the number, or nobody could tell now.

mod aliyun;
mod pretend;
mod tencent;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use super::{
    clock::Clock,
    config::{RealnameConfig, RealnameWay},
    error::{Code, Error},
    http::client::client,
    text::PersonName,
};

/// What a register says of a name and a number, or of a photo with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Match,
    Mismatch,
    /// The register does not know the number: people who moved, soldiers, new citizens. A matter
    /// for the desk, not a refusal.
    NoRecord,
}

type Answered<'a> = BoxFuture<'a, Result<Outcome, Away>>;

/// Nobody could tell now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the real-name check is not available")]
pub struct Away;

/// Seconds after which to ask again.
const RETRY_AFTER_S: u32 = 30;

impl From<Away> for Error {
    fn from(Away: Away) -> Self {
        Self::Unavailable(Code::RealnameUnavailable, RETRY_AFTER_S)
    }
}

/// Somebody who can tell.
pub trait RealName: Send + Sync {
    /// Two factors. `number` is a resident identity number of 18 characters; no other document is
    /// covered.
    fn check<'a>(&'a self, name: &'a PersonName, number: &'a str) -> Answered<'a>;

    /// Three factors: whether the face on a photo is of whom name and number say. A photo on which
    /// nobody can be told is a mismatch: it proves nothing.
    fn check_photo<'a>(
        &'a self,
        name: &'a PersonName,
        number: &'a str,
        jpeg: &'a [u8],
    ) -> Answered<'a>;
}

/// Whom the settings chose.
///
/// # Errors
/// When a vendor is chosen and its settings are not complete.
pub fn chosen(config: &RealnameConfig, clock: &Clock) -> anyhow::Result<Arc<dyn RealName>> {
    let account = |base_url: &str| -> anyhow::Result<Account> {
        Ok(Account {
            http: client()?,
            base_url: config.base_url().unwrap_or(base_url).trim_end_matches('/').into(),
            key_id: config.key_id.clone().context("real names want --realname-key-id")?,
            secret: config.key_secret.clone().context("real names want --realname-key-secret")?,
            clock: clock.clone(),
        })
    };
    Ok(match config.way {
        RealnameWay::Off => Arc::new(Nobody),
        RealnameWay::Pretend => Arc::new(pretend::Pretend),
        RealnameWay::Tencent => Arc::new(tencent::Tencent(account(tencent::BASE_URL)?)),
        RealnameWay::Aliyun => Arc::new(aliyun::Aliyun {
            account: account(aliyun::BASE_URL)?,
            scene_id: config.scene_id.clone().filter(|id| !id.is_empty()),
        }),
    })
}

/// An account with a vendor.
struct Account {
    http: reqwest::Client,
    base_url: String,
    key_id: String,
    secret: SecretString,
    clock: Clock,
}

impl Account {
    /// The name under which a request reaches the vendor, which its signature covers.
    fn host(&self) -> &str {
        self.base_url.split_once("://").map_or(self.base_url.as_str(), |(_, host)| host)
    }
}

/// Nobody is set up.
struct Nobody;

impl RealName for Nobody {
    fn check<'a>(&'a self, _: &'a PersonName, _: &'a str) -> Answered<'a> {
        Box::pin(async { Err(Away) })
    }

    fn check_photo<'a>(&'a self, _: &'a PersonName, _: &'a str, _: &'a [u8]) -> Answered<'a> {
        Box::pin(async { Err(Away) })
    }
}

/// Longer than any answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends a question and reads its answer; one that is late, too long or no JSON is as good as
/// none. Neither question nor answer reaches a log.
async fn ask<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> Result<T, Away> {
    let text = async {
        let mut response = request.send().await?.error_for_status()?;
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > ANSWER_BYTES_MAX {
                text.clear();
                break;
            }
        }
        Ok::<_, reqwest::Error>(text)
    };
    let text = text.await.map_err(|error| {
        tracing::warn!(error = %error.without_url(), "the real-name check could not be reached");
        Away
    })?;
    serde_json::from_slice(&text).map_err(|_| Away)
}

fn hmac_sha256(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}
