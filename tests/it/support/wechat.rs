//! WeChat as the server meets it: a server of our own that speaks like WeChat's, at the wire. Codes
//! say what is to happen: `login-…` and `phone-…` are good once, each for its own call.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt as _, KeyInit as _},
};
use base64::{
    Engine as _, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// The mini-program of all tests.
pub const APP: &str = "wxfitgatetest";
pub const APP_SECRET: &str = "a-secret-of-the-mini-program";
/// Of the platform's console: how its pushes are signed and sealed.
pub const PUSH_TOKEN: &str = "a-token-for-pushes";
pub const PUSH_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
/// What must never leave the server.
pub const SESSION_KEY: &str = "c2Vzc2lvbi1rZXktY2FuYXJ5";

/// WeChat's servers, and what tests want of them.
pub struct FakeWechat {
    server: MockServer,
    mind: Arc<Mutex<Mind>>,
}

#[derive(Default)]
struct Mind {
    used: HashSet<String>,
    /// `verify_ret` of whoever asks.
    face: i64,
    /// `errcode` of messages that are sent next, last one first; then 0.
    refusals: Vec<i64>,
    sent: Vec<Value>,
    /// What comes of texts: a `suggest`, or nothing while nobody answers.
    texts: Option<&'static str>,
    /// The texts that were asked about.
    judged: Vec<Value>,
}

impl FakeWechat {
    pub async fn open() -> Self {
        // One TLS provider for the process; a second call finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = MockServer::start().await;
        let mind =
            Arc::new(Mutex::new(Mind { face: 10_000, texts: Some("pass"), ..Mind::default() }));
        let answers = Answers(mind.clone());
        Mock::given(any()).respond_with(answers).mount(&server).await;
        Self { server, mind }
    }

    pub fn address(&self) -> String {
        self.server.uri()
    }

    /// From now on, faces are judged so.
    pub fn judges_faces(&self, verify_ret: i64) {
        lock(&self.mind).face = verify_ret;
    }

    /// The next messages are refused with these, in this order.
    pub fn refuses_messages(&self, errcodes: &[i64]) {
        lock(&self.mind).refusals = errcodes.iter().rev().copied().collect();
    }

    /// From now on, texts are judged so: `pass`, `review`, `risky`, or not at all.
    pub fn judges_texts(&self, suggest: Option<&'static str>) {
        lock(&self.mind).texts = suggest;
    }

    /// The texts that were asked about.
    pub fn judged(&self) -> Vec<Value> {
        lock(&self.mind).judged.clone()
    }

    /// The messages that were taken.
    pub fn sent(&self) -> Vec<Value> {
        lock(&self.mind).sent.clone()
    }
}

fn lock(mind: &Mutex<Mind>) -> MutexGuard<'_, Mind> {
    mind.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Answers(Arc<Mutex<Mind>>);

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let mut mind = lock(&self.0);
        let answer = match request.url.path() {
            "/sns/jscode2session" => mind.login(&query(request, "js_code")),
            "/cgi-bin/stable_token" => json!({ "access_token": "TOKEN", "expires_in": 7200 }),
            "/wxa/business/getuserphonenumber" => mind.phone(&text(&body["code"])),
            "/cgi-bin/message/subscribe/send" => mind.message(body),
            "/wxa/msg_sec_check" => match mind.judge(body) {
                Some(answer) => answer,
                None => return ResponseTemplate::new(502),
            },
            "/cityservice/face/identify/getverifyid" => {
                let id = format!("v-{}", text(&body["out_seq_no"]));
                json!({ "errcode": 0, "verify_id": id, "expires_in": 3600 })
            }
            "/cityservice/face/identify/queryverifyinfo" => {
                json!({ "errcode": 0, "verify_ret": mind.face })
            }
            _ => return ResponseTemplate::new(404),
        };
        // WeChat says text/plain at times.
        ResponseTemplate::new(200).set_body_string(answer.to_string())
    }
}

impl Mind {
    fn login(&mut self, code: &str) -> Value {
        let refusals = [("busy", -1), ("risk", 40226), ("often", 45011)];
        if let Some((_, errcode)) = refusals.iter().find(|(word, _)| *word == code) {
            return refused(*errcode);
        }
        let Some(name) = code.strip_prefix("login-") else { return refused(40029) };
        if !self.used.insert(code.to_owned()) {
            return refused(40163);
        }
        let name = name.split('.').next().unwrap_or_default();
        json!({ "openid": format!("o-{name}"), "session_key": SESSION_KEY })
    }

    fn phone(&mut self, code: &str) -> Value {
        let Some(number) = code.strip_prefix("phone-") else { return refused(40029) };
        if !self.used.insert(code.to_owned()) {
            return refused(40029);
        }
        let number = number.split('.').next().unwrap_or_default();
        json!({ "errcode": 0, "phone_info": {
            "phoneNumber": number, "purePhoneNumber": number, "countryCode": "86",
            "watermark": { "timestamp": 1, "appid": APP },
        }})
    }

    /// Composed from the documented format; there is no recording of it.
    fn judge(&mut self, question: Value) -> Option<Value> {
        self.judged.push(question);
        let suggest = self.texts?;
        let result = json!({ "suggest": suggest, "label": 100 });
        let detail = json!([{ "strategy": "content_model", "errcode": 0, "suggest": suggest }]);
        Some(json!({
            "errcode": 0, "errmsg": "ok", "result": result, "detail": detail, "trace_id": "t-1",
        }))
    }

    fn message(&mut self, message: Value) -> Value {
        if let Some(errcode) = self.refusals.pop() {
            return refused(errcode);
        }
        self.sent.push(message);
        json!({ "errcode": 0, "errmsg": "ok" })
    }
}

fn refused(errcode: i64) -> Value {
    json!({ "errcode": errcode, "errmsg": "no rid: 1" })
}

fn query(request: &Request, name: &str) -> String {
    let found = request.url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A push of the platform about `openid`, sealed and signed: the address to post it to, and its
/// body. Written from the platform's description alone.
pub fn push(event: &str, openid: &str, at_s: i64, nonce: &str) -> (String, String) {
    let event = json!({
        "MsgType": "event", "Event": event, "OpenID": openid, "AppID": APP, "CreateTime": at_s,
        "RevokeInfo": "8",
    });
    let sealed = seal(&event.to_string());
    let at = at_s.to_string();
    let mut parts = [PUSH_TOKEN, &at, nonce, &sealed];
    parts.sort_unstable();
    let signature = hex::encode(Sha1::digest(parts.concat()));
    let address = format!(
        "/api/v1/wechat/events?msg_signature={signature}&timestamp={at}&nonce={nonce}\
         &encrypt_type=aes"
    );
    (address, json!({ "ToUserName": "gh_1", "Encrypt": sealed }).to_string())
}

fn seal(text: &str) -> String {
    let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&alphabet::STANDARD, lenient);
    let key = engine.decode(format!("{PUSH_KEY}=")).unwrap();
    let mut plain = vec![7; 16];
    plain.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    plain.extend_from_slice(text.as_bytes());
    plain.extend_from_slice(APP.as_bytes());
    let fill = 32 - plain.len() % 32;
    plain.extend(std::iter::repeat_n(u8::try_from(fill).unwrap(), fill));
    let cipher = Aes256::new_from_slice(&key).unwrap();
    let mut before: [u8; 16] = key[..16].try_into().unwrap();
    let mut sealed = Vec::new();
    for block in plain.chunks_exact(16) {
        let mut mixed = std::array::from_fn::<u8, 16, _>(|n| block[n] ^ before[n]).into();
        cipher.encrypt_block(&mut mixed);
        before = mixed.into();
        sealed.extend_from_slice(&before);
    }
    STANDARD.encode(sealed)
}
