//! The calls to WeChat's servers. Nobody's data and no secret reaches a log: errors are told
//! without their addresses, which hold both.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Context as _;
use reqwest::RequestBuilder;
use sea_orm::DatabaseConnection;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    FaceOutcome, Gate, Identity, Message, OneTimeCode, OpenId, Refusal, TextVerdict, Ticket,
    token::TokenHolder,
};
use crate::base::{
    clock::Clock, config::WechatConfig, http::client::client, keys::Keys, text::Phone,
};

/// Longer than any answer of the calls below.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The code of the only country whose numbers we take.
const MAINLAND: &str = "86";
/// `verify_ret` of somebody who is who they say.
const FACE_PASSED: i64 = 10_000;
/// The number is not the person's; the face is not.
const FACE_MISMATCH: [i64; 2] = [10_003, 10_004];
/// The version of the check of texts that knows who wrote them, and the kind of text: a comment.
const TEXT_CHECK_VERSION: u8 = 2;
const TEXT_SCENE: u8 = 2;

pub struct Client {
    http: reqwest::Client,
    app: App,
    tokens: TokenHolder,
    gate: Option<Gate>,
}

/// The mini-program.
#[derive(Clone)]
pub(super) struct App {
    pub base_url: String,
    pub id: String,
    pub secret: SecretString,
}

impl Client {
    pub fn new(
        config: &WechatConfig,
        db: DatabaseConnection,
        keys: Arc<Keys>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let app = App {
            base_url: config.base_url().trim_end_matches('/').to_owned(),
            id: config.app_id.clone().context("WeChat wants --wechat-app-id")?,
            secret: config.secret().context("WeChat wants --wechat-secret")?.clone(),
        };
        let given = |setting: &Option<SecretString>| {
            setting.clone().filter(|text| !text.expose_secret().is_empty())
        };
        let gate = match (given(&config.push_token), given(&config.push_key)) {
            (Some(token), Some(key)) => Some(Gate::new(token, &key, app.id.clone())?),
            (None, None) => None,
            _ => anyhow::bail!("pushes want both --wechat-push-token and --wechat-push-key"),
        };
        let http = client()?;
        let tokens = TokenHolder::new(http.clone(), app.clone(), db, keys, clock);
        Ok(Self { http, app, tokens, gate })
    }

    pub fn gate(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }

    /// Never tried twice with one code: an answer lost on the way would come back as "used".
    pub async fn openid(&self, code: &OneTimeCode) -> Result<OpenId, Refusal> {
        let App { base_url, id, secret } = &self.app;
        let url = format!(
            "{base_url}/sns/jscode2session?appid={}&secret={}&js_code={}\
             &grant_type=authorization_code",
            escaped(id),
            escaped(secret.expose_secret()),
            escaped(&code.0)
        );
        let answer: LoginAnswer = ask(self.http.get(url)).await?;
        answer.openid.ok_or(Refusal::Busy)
    }

    pub async fn phone(&self, code: &OneTimeCode) -> Result<Phone, Refusal> {
        let body = PhoneQuestion { code: &code.0 };
        let answer: PhoneAnswer = self.post("/wxa/business/getuserphonenumber", &body).await?;
        let found = answer.phone_info.ok_or(Refusal::Busy)?;
        if found.watermark.appid != self.app.id {
            tracing::error!("a phone number was given for another mini-program");
            return Err(Refusal::CodeInvalid);
        }
        if found.country_code.text() != MAINLAND {
            return Err(Refusal::ForeignPhone);
        }
        Phone::try_from(found.pure_phone_number.as_str()).map_err(|_| Refusal::ForeignPhone)
    }

    pub async fn send(&self, message: &Message) -> Result<(), Refusal> {
        let field =
            |(name, value): &(String, String)| (name.clone(), Value { value: value.clone() });
        let body = MessageQuestion {
            touser: message.to.as_str(),
            template_id: &message.template_id,
            page: &message.page,
            miniprogram_state: "formal",
            lang: "zh_CN",
            data: message.fields.iter().map(field).collect(),
        };
        let Nothing {} = self.post("/cgi-bin/message/subscribe/send", &body).await?;
        Ok(())
    }

    pub async fn begin_verification(
        &self,
        number: &str,
        of: &Identity<'_>,
        openid: &OpenId,
    ) -> Result<Ticket, Refusal> {
        let body = VerifyQuestion {
            out_seq_no: number,
            cert_info: CertInfo { kind: Identity::KIND, name: of.name.as_str(), number: of.number },
            openid: openid.as_str(),
        };
        let answer: VerifyAnswer =
            self.post("/cityservice/face/identify/getverifyid", &body).await?;
        let (verify_id, expires_in_s) =
            answer.verify_id.zip(answer.expires_in).ok_or(Refusal::Busy)?;
        Ok(Ticket { verify_id, expires_in_s })
    }

    pub async fn verification(
        &self,
        number: &str,
        verify_id: &str,
        of: &Identity<'_>,
        openid: &OpenId,
    ) -> Result<FaceOutcome, Refusal> {
        let cert_hash = of.hash();
        let body = OutcomeQuestion {
            verify_id,
            out_seq_no: number,
            cert_hash: &cert_hash,
            openid: openid.as_str(),
        };
        let answer: OutcomeAnswer =
            self.post("/cityservice/face/identify/queryverifyinfo", &body).await?;
        Ok(match answer.verify_ret {
            Some(FACE_PASSED) => FaceOutcome::Passed,
            Some(code) if FACE_MISMATCH.contains(&code) => FaceOutcome::Mismatch,
            Some(_) | None => FaceOutcome::NotDone,
        })
    }

    pub async fn judge(&self, by: &OpenId, text: &str) -> Result<TextVerdict, Refusal> {
        let body = TextQuestion {
            content: text,
            version: TEXT_CHECK_VERSION,
            scene: TEXT_SCENE,
            openid: by.as_str(),
        };
        let answer: TextAnswer = self.post("/wxa/msg_sec_check", &body).await?;
        match answer.result.as_ref().map(|result| result.suggest.as_str()) {
            Some("pass") => Ok(TextVerdict::Fine),
            Some("review") => Ok(TextVerdict::Unsure),
            Some("risky") => Ok(TextVerdict::Bad),
            Some(_) | None => Err(Refusal::Busy),
        }
    }

    /// A call with the access token; once more with a fresh one if it was stale.
    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        let token = self.tokens.token().await?;
        match self.post_with(path, body, token.expose_secret()).await {
            Err(Refusal::TokenStale) => {
                self.tokens.forget(&token).await?;
                let fresh = self.tokens.token().await?;
                self.post_with(path, body, fresh.expose_secret()).await
            }
            answered => answered,
        }
    }

    async fn post_with<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        token: &str,
    ) -> Result<T, Refusal> {
        let url = format!("{}{path}?access_token={}", self.app.base_url, escaped(token));
        ask(self.http.post(url).json(body)).await
    }
}

/// Sends a request and reads its answer, whatever its content type says. An answer that is late,
/// too long or no JSON is as good as none.
pub(super) async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Refusal> {
    let text = fetch(request).await.map_err(|error| {
        tracing::warn!(error = %error.without_url(), "WeChat could not be reached");
        Refusal::Busy
    })?;
    let verdict: Verdict = serde_json::from_slice(&text).map_err(|_| Refusal::Busy)?;
    if let Some(refusal) = Refusal::of(verdict.errcode) {
        return Err(refusal);
    }
    serde_json::from_slice(&text).map_err(|_| Refusal::Busy)
}

async fn fetch(request: RequestBuilder) -> Result<Vec<u8>, reqwest::Error> {
    let mut response = request.send().await?.error_for_status()?;
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if text.len() + chunk.len() > ANSWER_BYTES_MAX {
            // What is longer cannot be read as an answer either.
            text.clear();
            break;
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}

/// Percent-escapes everything but letters, digits and `-._~`.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    out
}

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    errcode: i64,
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
struct LoginAnswer {
    openid: Option<OpenId>,
}

#[derive(Serialize)]
struct PhoneQuestion<'a> {
    code: &'a str,
}

#[derive(Deserialize)]
struct PhoneAnswer {
    phone_info: Option<PhoneInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PhoneInfo {
    pure_phone_number: String,
    country_code: CountryCode,
    watermark: Watermark,
}

/// Documented as text, sent as a number: both are taken.
#[derive(Deserialize)]
#[serde(untagged)]
enum CountryCode {
    Number(u32),
    Text(String),
}

impl CountryCode {
    fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

#[derive(Deserialize)]
struct Watermark {
    appid: String,
}

#[derive(Serialize)]
struct MessageQuestion<'a> {
    touser: &'a str,
    template_id: &'a str,
    page: &'a str,
    miniprogram_state: &'static str,
    lang: &'static str,
    data: BTreeMap<String, Value>,
}

#[derive(Serialize)]
struct Value {
    value: String,
}

#[derive(Serialize)]
struct TextQuestion<'a> {
    content: &'a str,
    version: u8,
    scene: u8,
    openid: &'a str,
}

#[derive(Deserialize)]
struct TextAnswer {
    result: Option<TextResult>,
}

#[derive(Deserialize)]
struct TextResult {
    suggest: String,
}

#[derive(Serialize)]
struct VerifyQuestion<'a> {
    out_seq_no: &'a str,
    cert_info: CertInfo<'a>,
    openid: &'a str,
}

#[derive(Serialize)]
struct CertInfo<'a> {
    #[serde(rename = "cert_type")]
    kind: &'a str,
    #[serde(rename = "cert_name")]
    name: &'a str,
    #[serde(rename = "cert_no")]
    number: &'a str,
}

#[derive(Deserialize)]
struct VerifyAnswer {
    verify_id: Option<String>,
    expires_in: Option<i64>,
}

#[derive(Serialize)]
struct OutcomeQuestion<'a> {
    verify_id: &'a str,
    out_seq_no: &'a str,
    cert_hash: &'a str,
    openid: &'a str,
}

#[derive(Deserialize)]
struct OutcomeAnswer {
    verify_ret: Option<i64>,
}
