//! Somebody who is told what happens: a server of our own that keeps what it is sent, at the wire.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU16, Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// A receiver.
pub struct Receiver {
    server: MockServer,
    told: Arc<Mutex<Vec<Message>>>,
    status: Arc<AtomicU16>,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub timestamp: String,
    pub signatures: Vec<String>,
    pub text: String,
    pub body: Value,
}

impl Message {
    /// Whether one of its signatures is by this secret, as Standard Webhooks has it.
    pub fn is_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.text).as_bytes());
        let wanted = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signatures.contains(&wanted)
    }
}

impl Receiver {
    pub async fn open() -> Self {
        let server = MockServer::start().await;
        let (told, status) = (Arc::default(), Arc::new(AtomicU16::new(204)));
        let keeps = Keeps { told: Arc::clone(&told), status: Arc::clone(&status) };
        Mock::given(any()).respond_with(keeps).mount(&server).await;
        Self { server, told, status }
    }

    pub fn address(&self) -> String {
        format!("{}/hook", self.server.uri())
    }

    /// From now on it answers so.
    pub fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub fn told(&self) -> Vec<Message> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it was told of this type.
    pub fn told_of(&self, kind: &str) -> Vec<Message> {
        self.told().into_iter().filter(|message| message.body["type"] == kind).collect()
    }
}

struct Keeps {
    told: Arc<Mutex<Vec<Message>>>,
    status: Arc<AtomicU16>,
}

impl Respond for Keeps {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| {
            let value = request.headers.get(name).map(|value| value.to_str().unwrap());
            value.unwrap_or_default().to_owned()
        };
        let text = String::from_utf8(request.body.clone()).unwrap();
        let message = Message {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
            body: serde_json::from_str(&text).unwrap(),
            text,
        };
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        let status = self.status.load(Ordering::Relaxed);
        ResponseTemplate::new(status).insert_header("Location", "/elsewhere")
    }
}
