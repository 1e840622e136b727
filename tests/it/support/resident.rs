//! Somebody with the mini-program: signs in through WeChat, registers, and gives every command a
//! key of its own.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, COMMUNITY, TestTown, Wire};

/// A telephone with a session.
#[derive(Clone)]
pub struct Resident {
    pub token: String,
    wire: Wire,
}

impl Resident {
    /// Signs in as `name` for the first time or again.
    pub async fn signs_in(town: &TestTown, name: &str) -> Self {
        let body = json!({ "code": format!("login-{name}.{}", Uuid::new_v4()) });
        let said = Answer::to(town.wire.post("/api/v1/wechat/sessions", &body)).await.ok();
        Self::with_token(town, said["token"].as_str().unwrap())
    }

    /// Signs in, registers with a document of one's own and agrees to what is not about faces.
    pub async fn registers(town: &TestTown, name: &str) -> Self {
        let number = TestTown::number("1990-01-01", town.next());
        let resident = Self::signs_in(town, name).await;
        resident.post("/members", &registration(&number)).await.ok();
        resident
    }

    pub fn with_token(town: &TestTown, token: &str) -> Self {
        Self { token: token.to_owned(), wire: town.wire.clone() }
    }

    /// The same telephone, talking to another server.
    pub fn at_server(&self, wire: &Wire) -> Self {
        Self { token: self.token.clone(), wire: wire.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.wire.request(method, &format!("/api/v1{path}"));
        request.bearer_auth(&self.token)
    }

    fn command(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("Idempotency-Key", Uuid::new_v4().to_string())
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.command(Method::POST, path).json(body)).await
    }

    /// A command without a body.
    pub async fn does(&self, path: &str) -> Answer {
        Answer::to(self.command(Method::POST, path)).await
    }

    pub async fn patch(&self, body: &Value) -> Answer {
        Answer::to(self.command(Method::PATCH, "/me").json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.command(Method::DELETE, path)).await
    }

    pub async fn id(&self) -> String {
        self.get("/me").await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// Gives one consent to today's text.
    pub async fn agrees(&self, purpose: &str) -> Answer {
        let body = json!({ "purpose": purpose, "granted": true, "text_version": "1" });
        self.post("/me/consents", &body).await
    }
}

/// The body with which an adult registers.
pub fn registration(number: &str) -> Value {
    let agrees =
        |purpose: &str| json!({ "purpose": purpose, "granted": true, "text_version": "1" });
    json!({
        "name": "张三",
        "document": { "type": "resident_id", "number": number },
        "home_community": COMMUNITY,
        "consents": [agrees("minutes_statistics"), agrees("realname_check")],
    })
}
