//! Somebody of the staff at work: signs in with password and one-time code, again whenever the
//! session may have ended, and gives every command a key of its own.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use fitgate::Clock;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};
use uuid::Uuid;

use super::{Answer, Store, Wire};

/// A session is used no longer than this without signing in again.
const SESSION: TimeDelta = TimeDelta::minutes(20);

/// An account and its session.
pub struct Office {
    pub name: String,
    pub password: String,
    secret: Vec<u8>,
    wire: Wire,
    clock: Clock,
    session: Mutex<Option<(String, DateTime<Utc>)>>,
}

impl Office {
    /// A new account, added by the operator's command.
    pub async fn hired(store: &Store, wire: &Wire, clock: &Clock, role: &str, over: &str) -> Self {
        let name = format!("{role}-{over}");
        let words = ["staff", "add", "--name", &name, "--role", role, "--division", over];
        let said: Value = serde_json::from_str(&store.fitgate(&words).await).unwrap();
        let secret = Secret::try_from_base32(said["totp_secret"].as_str().unwrap()).unwrap();
        Self {
            name,
            password: said["password"].as_str().unwrap().to_owned(),
            secret: secret.to_vec(),
            wire: wire.clone(),
            clock: clock.clone(),
            session: Mutex::default(),
        }
    }

    /// The same person, talking to another server of the same town.
    pub fn at_server(self, wire: &Wire) -> Self {
        Self { wire: wire.clone(), ..self }
    }

    /// The six digits that the authenticator app shows now.
    pub fn code(&self) -> String {
        let now_s = u64::try_from(self.clock.now().timestamp()).unwrap();
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_secret(self.secret.clone())
            .build_noncompliant();
        totp.generate(now_s).to_string()
    }

    /// Tries to sign in with these.
    pub async fn signs_in_with(&self, password: &str, code: &str) -> Answer {
        let body = json!({ "name": self.name, "password": password, "code": code });
        Answer::to(self.wire.post("/api/v1/staff/sessions", &body)).await
    }

    /// A session's token; the one there is while it lasts.
    pub async fn token(&self) -> String {
        let now = self.clock.now();
        let kept = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, since)) = kept
            && (TimeDelta::zero()..SESSION).contains(&(now - since))
        {
            return token;
        }
        let said = self.signs_in_with(&self.password, &self.code()).await.ok();
        let token = said["token"].as_str().unwrap().to_owned();
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        *session = Some((token.clone(), now));
        token
    }

    /// A request of this person, with a fresh idempotency key.
    pub async fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = format!("/api/v1/staff{path}");
        let key = Uuid::new_v4().to_string();
        let request = self.wire.request(method, &path).bearer_auth(self.token().await);
        request.header("Idempotency-Key", key)
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path).await).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::POST, path).await.json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.request(Method::PUT, path).await.json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path).await).await
    }

    /// Uploads a file of members.
    pub async fn imports(&self, content_type: &str, file: impl Into<reqwest::Body>) -> Answer {
        let request = self.request(Method::POST, "/members/import").await;
        Answer::to(request.header("Content-Type", content_type).body(file)).await
    }
}
