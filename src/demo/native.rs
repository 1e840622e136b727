//! The terminal's side of the native protocol, written from the protocol's description alone: it
//! shares no code with the server's side, so that a slip in one shows against the other.

use std::time::Duration;

use anyhow::{Context, bail};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, Response, StatusCode, header::RETRY_AFTER};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use crate::base::{
    clock::Clock,
    ids::{self, Direction},
};

/// The protocol takes no more in one request.
pub const BATCH_MAX: usize = 500;
/// The first pause before trying again; each next one is twice as long.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(3);

/// One record as a terminal reports it.
#[derive(Clone, Serialize)]
pub struct Report {
    pub epoch: i64,
    pub seq: i64,
    /// RFC 3339 with the terminal's zone.
    pub device_time: String,
    pub direction: Direction,
    pub method: ids::Method,
    pub credential: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the door did by itself; `None` in a live check, where the server decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Opened,
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct RecordId {
    pub epoch: i64,
    pub seq: i64,
}

/// What became of a batch.
#[derive(Debug, Deserialize)]
pub struct BatchAnswer {
    pub items: Vec<ItemAnswer>,
    pub ack_through: Option<RecordId>,
}

#[derive(Debug, Deserialize)]
pub struct ItemAnswer {
    pub result: ItemResult,
    pub reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemResult {
    Accepted,
    Duplicate,
    Conflict,
    Quarantined,
    Rejected,
}

/// What the door shall do.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    /// `granted`, `refused` or `recorded`.
    pub decision: String,
}

/// What a terminal says about itself.
#[derive(Serialize)]
pub struct Heartbeat {
    pub clock: String,
    pub queue_length: i32,
    pub firmware: &'static str,
    pub faces: i32,
}

/// Who the terminal is: as in the credentials file.
pub struct Identity<'a> {
    pub id: &'a str,
    pub key_id: &'a str,
    /// base64url.
    pub key: &'a str,
}

/// A terminal that can speak.
pub struct Terminal {
    client: reqwest::Client,
    base_url: String,
    id: String,
    key_id: String,
    key: Vec<u8>,
    clock: Clock,
    /// How far its clock runs ahead.
    fast: TimeDelta,
    /// How long one request is tried while the server is away or busy.
    patience: Duration,
}

impl Terminal {
    /// Fails only if the key is not base64url.
    pub fn new(
        client: reqwest::Client,
        base_url: &str,
        who: &Identity<'_>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let key = URL_SAFE_NO_PAD.decode(who.key.trim_end_matches('='));
        Ok(Self {
            client,
            base_url: base_url.trim_end_matches('/').to_owned(),
            id: who.id.to_owned(),
            key_id: who.key_id.to_owned(),
            key: key.context("a terminal's key is base64url")?,
            clock,
            fast: TimeDelta::zero(),
            patience: Duration::from_secs(30),
        })
    }

    /// The same terminal with a clock that runs ahead.
    pub fn running_fast(mut self, by: TimeDelta) -> Self {
        self.fast = by;
        self
    }

    /// The same terminal, giving up after `patience` without an answer.
    pub fn giving_up_after(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What its clock shows at the true time `at`.
    pub fn device_time(&self, at: DateTime<Utc>) -> String {
        local_text(at + self.fast)
    }

    /// Sends at most [`BATCH_MAX`] reports and waits until they are committed.
    pub async fn send_batch(&self, reports: &[Report]) -> anyhow::Result<BatchAnswer> {
        let body = serde_json::to_vec(&serde_json::json!({ "events": reports }))?;
        let answer: BatchAnswer = self.ask("/api/v1/terminal/events", body).await?;
        if answer.items.len() != reports.len() {
            bail!("{} answers to {} records", answer.items.len(), reports.len());
        }
        Ok(answer)
    }

    /// Asks whether the door may open now; trying again repeats the same record.
    pub async fn decide(&self, report: &Report) -> anyhow::Result<Verdict> {
        self.ask("/api/v1/terminal/decisions", serde_json::to_vec(report)?).await
    }

    /// Says that it is alive, how many records it has still to send, and how many faces it holds.
    pub async fn heartbeat(&self, queue_length: i32, faces: i32) -> anyhow::Result<()> {
        let clock = self.device_time(self.clock.now());
        let heartbeat =
            Heartbeat { clock, queue_length, firmware: env!("CARGO_PKG_VERSION"), faces };
        let body = serde_json::to_vec(&heartbeat)?;
        let _flags: serde::de::IgnoredAny = self.ask("/api/v1/terminal/heartbeat", body).await?;
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> anyhow::Result<T> {
        let bytes = self.retried(&Method::POST, path, &body).await?;
        serde_json::from_slice(&bytes).with_context(|| format!("unexpected answer from {path}"))
    }

    /// Reads a resource that belongs to this terminal.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let bytes = self.retried(&Method::GET, path, &[]).await?;
        serde_json::from_slice(&bytes).with_context(|| format!("unexpected answer from {path}"))
    }

    async fn retried(&self, method: &Method, path: &str, body: &[u8]) -> anyhow::Result<Vec<u8>> {
        let begun = Instant::now();
        let mut pause = RETRY_FIRST;
        loop {
            let (failure, wanted) = match self.once(method, path, body).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, wanted)) => (error, wanted),
            };
            let wait = wanted.unwrap_or(pause);
            if begun.elapsed() + wait > self.patience {
                return Err(failure.context(format!("gave up on {path}")));
            }
            sleep(wait).await;
            pause = (pause * 2).min(RETRY_LONGEST);
        }
    }

    async fn once(&self, method: &Method, path: &str, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let timestamp = (self.clock.now() + self.fast).timestamp().to_string();
        let nonce = hex::encode(rand::random::<[u8; 16]>());
        let signature = self.signature(method, path, body, &timestamp, &nonce);
        let request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base_url))
            .header("Fitgate-Terminal", &self.id)
            .header("Fitgate-Key", &self.key_id)
            .header("Fitgate-Timestamp", timestamp)
            .header("Fitgate-Nonce", nonce)
            .header("Fitgate-Signature", format!("v1={signature}"))
            .header("Content-Type", "application/json")
            .body(body.to_vec());
        let answer = request.send().await.map_err(passing)?;
        let status = answer.status();
        let wanted = retry_after(&answer);
        let bytes = answer.bytes().await.map_err(passing)?.to_vec();
        if status.is_success() {
            return Ok(bytes);
        }
        let error = anyhow::anyhow!("{path} answered {status} {}", problem_code(&bytes));
        Err(if is_passing(status) {
            Failure::Passing(error, wanted)
        } else {
            Failure::Final(error)
        })
    }

    /// Hex of the HMAC over the lines that the protocol names.
    fn signature(
        &self,
        method: &Method,
        path: &str,
        body: &[u8],
        timestamp: &str,
        nonce: &str,
    ) -> String {
        let digest = hex::encode(Sha256::digest(body));
        let lines =
            ["v1", method.as_str(), path, &digest, &self.id, &self.key_id, timestamp, nonce];
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key has any length");
        mac.update(lines.join("\n").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

enum Failure {
    /// Trying again may help, after so long if the server says so.
    Passing(anyhow::Error, Option<Duration>),
    Final(anyhow::Error),
}

fn passing(error: reqwest::Error) -> Failure {
    Failure::Passing(error.into(), None)
}

/// How long the server asks to be left alone.
pub fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Whether the same request may succeed later.
pub fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// The stable code of a problem document, empty if the body is none.
pub fn problem_code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        code: String,
    }
    serde_json::from_slice::<Problem>(body).map(|problem| problem.code).unwrap_or_default()
}

/// RFC 3339 in the town's zone.
fn local_text(at: DateTime<Utc>) -> String {
    let shanghai = FixedOffset::east_opt(8 * 3600).expect("eight hours are an offset");
    at.with_timezone(&shanghai).to_rfc3339_opts(SecondsFormat::Millis, false)
}

#[cfg(test)]
mod tests;
