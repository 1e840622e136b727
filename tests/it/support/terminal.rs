//! A native terminal: numbers its records, signs its requests, tells and asks. Written from the
//! protocol's description alone.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat, Utc};
use fitgate::Clock;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Answer, Shown, Wire};

const EVENTS: &str = "/api/v1/terminal/events";
const DECISIONS: &str = "/api/v1/terminal/decisions";
const HEARTBEAT: &str = "/api/v1/terminal/heartbeat";

/// A device at a door, with a running number for its records.
pub struct Terminal {
    pub id: String,
    pub serial: String,
    pub wire: Wire,
    pub clock: Clock,
    key: Key,
    /// Shared by all that stand for the same device.
    last_seq: Arc<AtomicI64>,
}

#[derive(Clone)]
struct Key {
    id: String,
    secret: Vec<u8>,
}

/// What goes into a signature beside the request itself; tests falsify it.
#[derive(Clone)]
pub struct Envelope {
    pub terminal: String,
    pub key: String,
    pub secret: Vec<u8>,
    pub timestamp: String,
    pub nonce: String,
    /// Instead of the right one.
    pub signature: Option<String>,
}

impl Terminal {
    /// From what the office was answered when it registered the terminal.
    pub fn new(wire: &Wire, clock: &Clock, serial: String, registered: &Value) -> Self {
        let id = registered["id"].as_str().unwrap().to_owned();
        let (wire, clock, key) = (wire.clone(), clock.clone(), Key::read(registered));
        Self { id, serial, wire, clock, key, last_seq: Arc::default() }
    }

    /// The same device with another key.
    pub fn with_key(&self, issued: &Value) -> Self {
        self.copy(self.wire.clone(), Key::read(issued))
    }

    /// The same device, talking to another server.
    pub fn at_server(&self, wire: &Wire) -> Self {
        self.copy(wire.clone(), self.key.clone())
    }

    fn copy(&self, wire: Wire, key: Key) -> Self {
        let last_seq = self.last_seq.clone();
        let (id, serial, clock) = (self.id.clone(), self.serial.clone(), self.clock.clone());
        Self { id, serial, wire, clock, key, last_seq }
    }

    pub fn key_id(&self) -> &str {
        &self.key.id
    }

    /// A record with the next number: who went which way, and when. The door opened.
    pub fn record(&self, direction: &str, shown: &Shown, at: DateTime<Utc>) -> Value {
        json!({
            "epoch": 0,
            "seq": self.last_seq.fetch_add(1, Ordering::Relaxed) + 1,
            "device_time": at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "direction": direction,
            "method": shown.method,
            "credential": shown.credential,
            "outcome": "opened",
        })
    }

    /// Asks whether somebody may go through now.
    pub async fn asks(&self, direction: &str, shown: &Shown) -> Value {
        let record = self.record(direction, shown, self.clock.now());
        self.asks_about(&record).await.ok()
    }

    /// Asks about a record of its own making.
    pub async fn asks_about(&self, record: &Value) -> Answer {
        self.post(DECISIONS, record).await
    }

    /// Tells what happened while it decided by itself.
    pub async fn tells(&self, records: &[Value]) -> Answer {
        self.post(EVENTS, &json!({ "events": records })).await
    }

    /// Tells the same to a server that may die meanwhile: no answer is none.
    pub async fn may_tell(&self, records: &[Value]) -> Option<Answer> {
        let body = json!({ "events": records }).to_string();
        let request = self.request(&self.envelope(), Method::POST, EVENTS, &body);
        Answer::try_to(request).await
    }

    /// Tells of one passage, now or earlier; it must be taken.
    pub async fn saw(&self, direction: &str, shown: &Shown, at: DateTime<Utc>) {
        let answer = self.tells(&[self.record(direction, shown, at)]).await.ok();
        assert_eq!(results(&answer), ["accepted"], "{answer}");
    }

    /// A heartbeat with an empty queue and the right time.
    pub async fn beats(&self) -> Value {
        self.beats_at(self.clock.now(), 0).await.ok()
    }

    /// A heartbeat of a clock that shows `clock`.
    pub async fn beats_at(&self, clock: DateTime<Utc>, queue_length: i32) -> Answer {
        self.post(HEARTBEAT, &json!({ "clock": clock, "queue_length": queue_length })).await
    }

    /// What this terminal signs with, now, with a fresh nonce.
    pub fn envelope(&self) -> Envelope {
        Envelope {
            terminal: self.id.clone(),
            key: self.key.id.clone(),
            secret: self.key.secret.clone(),
            timestamp: self.clock.now().timestamp().to_string(),
            nonce: Uuid::new_v4().to_string(),
            signature: None,
        }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.sends(&self.envelope(), Method::POST, path, &body.to_string()).await
    }

    /// Sends a request with this envelope, right or wrong.
    pub async fn sends(
        &self,
        envelope: &Envelope,
        method: Method,
        path: &str,
        body: &str,
    ) -> Answer {
        Answer::to(self.request(envelope, method, path, body)).await
    }

    fn request(
        &self,
        envelope: &Envelope,
        method: Method,
        path: &str,
        body: &str,
    ) -> RequestBuilder {
        let Envelope { terminal, key, timestamp, nonce, .. } = envelope;
        let right = || envelope.signs(&method, path, body);
        let signature = envelope.signature.clone().unwrap_or_else(right);
        let request = self.wire.request(method, path).body(body.to_owned());
        let headers = [
            ("Content-Type", "application/json"),
            ("Fitgate-Terminal", terminal),
            ("Fitgate-Key", key),
            ("Fitgate-Timestamp", timestamp),
            ("Fitgate-Nonce", nonce),
            ("Fitgate-Signature", &signature),
        ];
        let given = headers.into_iter().filter(|(_, value)| !value.is_empty());
        given.fold(request, |request, (name, value)| request.header(name, value))
    }
}

impl Envelope {
    /// The signature of a request under this envelope.
    pub fn signs(&self, method: &Method, path: &str, body: &str) -> String {
        let Self { terminal, key, timestamp, nonce, .. } = self;
        let digest = hex::encode(Sha256::digest(body));
        let lines = [method.as_str(), path, &digest, terminal, key, timestamp, nonce];
        self.mac(&format!("v1\n{}", lines.join("\n")))
    }

    /// The signature of our time in an answer to a request under this envelope.
    pub fn signs_time(&self, now_s: i64) -> String {
        let Self { terminal, key, timestamp, nonce, .. } = self;
        self.mac(&format!("v1\ntime\n{terminal}\n{key}\n{timestamp}\n{nonce}\n{now_s}"))
    }

    fn mac(&self, lines: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap();
        mac.update(lines.as_bytes());
        format!("v1={}", hex::encode(mac.finalize().into_bytes()))
    }
}

impl Key {
    fn read(issued: &Value) -> Self {
        let secret = URL_SAFE_NO_PAD.decode(issued["key"].as_str().unwrap()).unwrap();
        Self { id: issued["key_id"].as_str().unwrap().to_owned(), secret }
    }
}

/// What became of each record of a batch.
pub fn results(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["result"].as_str().unwrap()).collect()
}
