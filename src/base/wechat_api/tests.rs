//! The client against WeChat's own messages: what we send is compared with recorded requests, what
//! we read is recorded answers. Skipped, said plainly, where the recordings are missing.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use sea_orm::DatabaseConnection;
use serde_json::Value;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path},
};

use super::*;
use crate::base::{clock::from_millis, db};

/// Of the recordings.
const APP: &str = "wx4f4bc4dec97d474b";
const OPENID: &str = "oGZUI0egBJY1zhBYw2KhdUfwVJJE";
const SESSION_KEY: &str = "tiihtNczf5v6AKRyjwEUhQ==";

const LOGIN: &str = "/sns/jscode2session";
const TOKEN: &str = "/cgi-bin/stable_token";
const PHONE: &str = "/wxa/business/getuserphonenumber";
const SEND: &str = "/cgi-bin/message/subscribe/send";
const BEGIN: &str = "/cityservice/face/identify/getverifyid";
const QUERY: &str = "/cityservice/face/identify/queryverifyinfo";

fn recordings() -> Option<PathBuf> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/fixtures/wechat");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: the recordings of WeChat's messages are not beside the repository");
    None
}

fn recorded(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(recordings()?.join(name)).unwrap())
}

/// A recorded vector.
pub fn vector(name: &str) -> Option<Value> {
    recorded(name).map(|text| serde_json::from_str(&text).unwrap())
}

struct Stage {
    server: MockServer,
    wechat: Wechat,
    clock: Clock,
    db: DatabaseConnection,
    keys: Arc<Keys>,
    _folder: tempfile::TempDir,
}

impl Stage {
    async fn open() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (folder, db) = db::fresh_for_tests().await;
        let server = MockServer::start().await;
        let (keys, clock) = (Arc::new(Keys::generate()), Clock::fixed(from_millis(0)));
        let wechat = wechat(&server, &db, &keys, &clock);
        Self { server, wechat, clock, db, keys, _folder: folder }
    }

    /// A second process of the same deployment.
    fn replica(&self) -> Wechat {
        wechat(&self.server, &self.db, &self.keys, &self.clock)
    }

    /// From now on, calls of `at` are answered with this.
    async fn answers(&self, at: &str, text: &str) {
        self.answers_with(at, ResponseTemplate::new(200).set_body_string(text)).await;
    }

    async fn answers_with(&self, at: &str, response: ResponseTemplate) {
        Mock::given(path(at)).respond_with(response).with_priority(5).mount(&self.server).await;
    }

    /// The next call of `at` is answered with this.
    async fn answers_once(&self, at: &str, text: &str) {
        let response = ResponseTemplate::new(200).set_body_string(text);
        let once = Mock::given(path(at)).respond_with(response).up_to_n_times(1).with_priority(1);
        once.mount(&self.server).await;
    }

    async fn asked(&self, at: &str) -> Vec<Request> {
        let all = self.server.received_requests().await.unwrap();
        all.into_iter().filter(|request| request.url.path() == at).collect()
    }
}

fn wechat(server: &MockServer, db: &DatabaseConnection, keys: &Arc<Keys>, clock: &Clock) -> Wechat {
    let config = WechatConfig {
        way: WechatWay::Platform,
        app_id: Some(APP.to_owned()),
        app_secret: Some("SECRET".into()),
        address: Some(server.uri()),
        ..WechatConfig::default()
    };
    Wechat::new(&config, db.clone(), keys.clone(), clock.clone()).unwrap()
}

fn code(text: &str) -> OneTimeCode {
    OneTimeCode::try_from(text.to_owned()).unwrap()
}

fn openid() -> OpenId {
    OpenId::try_from(OPENID.to_owned()).unwrap()
}

const GOOD_TOKEN: &str = r#"{"access_token":"ACCESS_TOKEN","expires_in":7200}"#;

/// A request of ours says what the recorded one says: method, address, type and JSON.
fn same(ours: &Request, recorded: &str) {
    let (head, body) = recorded.split_once("\r\n\r\n").unwrap();
    let mut words = head.lines().next().unwrap().split(' ');
    assert_eq!(ours.method.as_str(), words.next().unwrap());
    let query = ours.url.query().map_or(String::new(), |query| format!("?{query}"));
    assert_eq!(format!("{}{query}", ours.url.path()), words.next().unwrap());
    if body.is_empty() {
        assert!(ours.body.is_empty());
    } else {
        assert_eq!(ours.headers["content-type"], "application/json");
        let json = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
        assert_eq!(json(&ours.body), json(body.as_bytes()));
    }
}

#[tokio::test]
async fn every_request_is_the_recorded_one() {
    let stage = Stage::open().await;
    let Some(login) = recorded("01-jscode2session.ok.resp.body") else { return };
    let answer = |name: &str| recorded(name).unwrap();
    stage.answers(LOGIN, &login).await;
    stage.answers(TOKEN, &answer("02-stable_token.ok.resp.body")).await;
    stage.answers(PHONE, &answer("03-getuserphonenumber.ok.resp.body")).await;
    stage.answers(SEND, &answer("04-subscribe-send.ok.resp.body")).await;
    let js_code = code("0716AVll20uHk94SLDml27etM946AVlq");
    assert_eq!(stage.wechat.openid(&js_code).await.unwrap(), openid());
    let phone_code = code("e31968a7f94cc5ee25fafc2aef2773f0bb8c3937b22520eb8ee345274d00c144");
    assert_eq!(stage.wechat.phone(&phone_code).await.unwrap().masked(), "138****0000");
    let field = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let message = Message {
        to: openid(),
        template_id: "TEMPLATE_ID".into(),
        page: "index?foo=bar".into(),
        fields: [("thing1", "社区健身房"), ("time2", "2026年9月1日 19:30"), ("number3", "45")]
            .map(field)
            .to_vec(),
    };
    stage.wechat.send(&message).await.unwrap();
    for (at, name) in [
        (LOGIN, "01-jscode2session.req.http"),
        (TOKEN, "02-stable_token.req.http"),
        (PHONE, "03-getuserphonenumber.req.http"),
        (SEND, "04-subscribe-send.req.http"),
    ] {
        let asked = stage.asked(at).await;
        assert_eq!(asked.len(), 1, "{at}");
        same(&asked[0], &answer(name));
    }
}

#[tokio::test]
async fn a_face_verification_passes_only_by_its_result() {
    let stage = Stage::open().await;
    let Some(begun) = recorded("05-getverifyid.ok.resp.body") else { return };
    stage.answers(TOKEN, GOOD_TOKEN).await;
    stage.answers(BEGIN, &begun).await;
    let name = PersonName::try_from("测试人").unwrap();
    let of = Identity { name: &name, number: "11010519491231002X" };
    let number = "reg_20260901_000001";
    let ticket = stage.wechat.begin_verification(number, &of, &openid()).await.unwrap();
    assert_eq!((&*ticket.verify_id, ticket.expires_in_s), ("VERIFY_ID", 3600));
    let asked: Value = serde_json::from_slice(&stage.asked(BEGIN).await[0].body).unwrap();
    assert_eq!(asked, vector("05-getverifyid.req.body").unwrap());

    for (text, outcome) in [
        (recorded("06-queryverifyinfo.pass.resp.body").unwrap(), FaceOutcome::Passed),
        (recorded("06-queryverifyinfo.mismatch.resp.body").unwrap(), FaceOutcome::Mismatch),
        (r#"{"errcode":0,"verify_ret":90002}"#.to_owned(), FaceOutcome::NotDone),
        (r#"{"errcode":0}"#.to_owned(), FaceOutcome::NotDone),
    ] {
        stage.answers_once(QUERY, &text).await;
        let verified = stage.wechat.verification(number, "VERIFY_ID", &of, &openid()).await;
        assert_eq!(verified.unwrap(), outcome, "{text}");
    }

    let vector = vector("10-cert_hash-vector.json").unwrap();
    let text = |name: &str| vector["cert_info"][name].as_str().unwrap().to_owned();
    let name = PersonName::try_from(text("cert_name")).unwrap();
    let of = Identity { name: &name, number: &text("cert_no") };
    assert_eq!(of.hash(), vector["cert_hash"].as_str().unwrap());
}

/// The answers are composed from the documented format; there is no recording of them.
#[tokio::test]
async fn a_text_is_fine_unsure_bad_or_cannot_be_judged_now() {
    const JUDGE: &str = "/wxa/msg_sec_check";
    let stage = Stage::open().await;
    stage.answers(TOKEN, GOOD_TOKEN).await;
    let said = |suggest: &str| {
        format!(r#"{{"errcode":0,"errmsg":"ok","result":{{"suggest":"{suggest}","label":100}}}}"#)
    };
    for (answer, verdict) in [
        (said("pass"), Ok(TextVerdict::Fine)),
        (said("review"), Ok(TextVerdict::Unsure)),
        (said("risky"), Ok(TextVerdict::Bad)),
        (said("new"), Err(Refusal::Busy)),
        (r#"{"errcode":0,"errmsg":"ok"}"#.to_owned(), Err(Refusal::Busy)),
        (r#"{"errcode":-1,"errmsg":"busy"}"#.to_owned(), Err(Refusal::Busy)),
        // Who was not in the mini-program within two hours.
        (r#"{"errcode":61010,"errmsg":"expired"}"#.to_owned(), Err(Refusal::Unknown(61010))),
    ] {
        stage.answers_once(JUDGE, &answer).await;
        assert_eq!(stage.wechat.judge(&openid(), "你好").await, verdict, "{answer}");
    }
    let asked = stage.asked(JUDGE).await.remove(0);
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    let expected = serde_json::json!({
        "content": "你好", "version": 2, "scene": 2, "openid": openid().as_str(),
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn every_recorded_refusal_has_its_meaning() {
    let stage = Stage::open().await;
    if recordings().is_none() {
        return;
    }
    stage.answers(TOKEN, GOOD_TOKEN).await;
    for (name, refusal) in [
        ("01-jscode2session.busy--1.resp.body", Refusal::Busy),
        ("01-jscode2session.invalid-code-40029.resp.body", Refusal::CodeInvalid),
        ("01-jscode2session.code-used-40163.resp.body", Refusal::CodeUsed),
        ("01-jscode2session.rate-45011.resp.body", Refusal::RateLimited),
        ("01-jscode2session.blocked-40226.resp.body", Refusal::Risk),
        ("01-jscode2session.appid-missing-41002.resp.body", Refusal::Misconfigured(41002)),
    ] {
        stage.answers_once(LOGIN, &recorded(name).unwrap()).await;
        assert_eq!(stage.wechat.openid(&code("c")).await, Err(refusal), "{name}");
    }
    stage
        .answers_once(PHONE, &recorded("03-getuserphonenumber.invalid-40029.resp.body").unwrap())
        .await;
    assert_eq!(stage.wechat.phone(&code("c")).await, Err(Refusal::CodeInvalid));
    let message =
        Message { to: openid(), template_id: "T".into(), page: "p".into(), fields: Vec::new() };
    for (name, refusal) in [
        ("04-subscribe-send.param-47003.resp.body", Refusal::MessageInvalid(47003)),
        ("04-subscribe-send.refused-43101.resp.body", Refusal::MessageRefused),
    ] {
        stage.answers_once(SEND, &recorded(name).unwrap()).await;
        assert_eq!(stage.wechat.send(&message).await, Err(refusal), "{name}");
    }
}

#[tokio::test]
async fn a_quota_used_up_is_told_and_the_lease_given_back() {
    let stage = Stage::open().await;
    let quota = r#"{"errcode":45009,"errmsg":"reach max api daily quota limit"}"#;
    stage.answers_once(TOKEN, quota).await;
    stage.answers(TOKEN, GOOD_TOKEN).await;
    stage.answers(SEND, r#"{"errcode":0}"#).await;
    let message =
        Message { to: openid(), template_id: "T".into(), page: "p".into(), fields: Vec::new() };
    assert_eq!(stage.wechat.send(&message).await, Err(Refusal::QuotaUsedUp));
    assert_eq!(stage.wechat.send(&message).await, Ok(()));
}

#[tokio::test]
async fn an_answer_that_is_none_is_as_good_as_none() {
    let stage = Stage::open().await;
    let long = format!(r#"{{"openid":"{OPENID}","x":"{}"}}"#, "x".repeat(100_000));
    for response in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(302).insert_header("location", "/elsewhere"),
        ResponseTemplate::new(200).set_body_string("<html>busy</html>"),
        ResponseTemplate::new(200).set_body_string("{}"),
        ResponseTemplate::new(200).set_body_string(r#"{"openid":""}"#),
        ResponseTemplate::new(200).set_body_string(long),
    ] {
        stage.server.reset().await;
        stage.answers_with(LOGIN, response).await;
        assert_eq!(stage.wechat.openid(&code("c")).await, Err(Refusal::Busy));
    }
}

#[tokio::test]
async fn replicas_share_one_token_and_fetch_it_once() {
    let stage = Stage::open().await;
    stage.answers(TOKEN, GOOD_TOKEN).await;
    stage.answers(SEND, r#"{"errcode":0}"#).await;
    let message =
        Message { to: openid(), template_id: "T".into(), page: "p".into(), fields: Vec::new() };
    let replicas: Vec<Wechat> = (0..3).map(|_| stage.replica()).collect();
    let sends = replicas.iter().flat_map(|replica| (0..8).map(|_| replica.send(&message)));
    for sent in futures_util::future::join_all(sends).await {
        assert_eq!(sent, Ok(()));
    }
    assert_eq!(stage.asked(TOKEN).await.len(), 1, "24 calls at once");
    stage.clock.set(from_millis(0) + TimeDelta::seconds(7200 - 300));
    assert_eq!(stage.replica().send(&message).await, Ok(()));
    assert_eq!(stage.asked(TOKEN).await.len(), 2, "renewed five minutes before its end");
}

#[tokio::test]
async fn a_stale_token_is_fetched_again_once() {
    let stage = Stage::open().await;
    stage.answers_once(TOKEN, r#"{"access_token":"OLD","expires_in":7200}"#).await;
    stage.answers(TOKEN, r#"{"access_token":"NEW","expires_in":7200}"#).await;
    let refusal = ResponseTemplate::new(200).set_body_string(r#"{"errcode":40001}"#);
    Mock::given(method("POST"))
        .and(path(SEND))
        .and(wiremock::matchers::query_param("access_token", "OLD"))
        .respond_with(refusal)
        .with_priority(1)
        .mount(&stage.server)
        .await;
    stage.answers(SEND, r#"{"errcode":0}"#).await;
    let message =
        Message { to: openid(), template_id: "T".into(), page: "p".into(), fields: Vec::new() };
    assert_eq!(stage.wechat.send(&message).await, Ok(()));
    assert_eq!((stage.asked(TOKEN).await.len(), stage.asked(SEND).await.len()), (2, 2));
    assert_eq!(stage.replica().send(&message).await, Ok(()));
    assert_eq!(stage.asked(TOKEN).await.len(), 2, "the newer token is everybody's");
}

#[test]
fn nothing_personal_shows_when_printed() {
    let shown = format!("{:?} {:?}", openid(), code(SESSION_KEY));
    assert!(!shown.contains(OPENID) && !shown.contains(SESSION_KEY), "{shown}");
    for bad in ["", "a b", &"x".repeat(10_000), "张"] {
        assert!(OneTimeCode::try_from(bad.to_owned()).is_err(), "{bad:.10}");
    }
}

#[tokio::test]
async fn who_pretends_says_who_they_are() {
    let pretend = Wechat(Way::Pretend);
    let openid = pretend.openid(&code("pretend-zhang")).await.unwrap();
    assert_eq!(openid.as_str(), "pretend-zhang");
    assert_eq!(pretend.openid(&code("zhang")).await, Err(Refusal::CodeInvalid));
    let phone = pretend.phone(&code("pretend-13900000000")).await.unwrap();
    assert_eq!(phone.masked(), "139****0000");
    assert_eq!(Wechat::off().openid(&code("pretend-zhang")).await, Err(Refusal::Off));
}
