//! Vendors at the wire: their recorded answers, and our question as they want it. Skipped, said
//! plainly, where the recordings are missing.

use chrono::{DateTime, Utc};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use super::*;

fn recorded(name: &str) -> Option<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/protocols/fixtures/realname");
    if !folder.is_dir() {
        println!("skipped: the recordings of the real-name checks are not beside the repository");
        return None;
    }
    Some(std::fs::read_to_string(folder.join(name)).unwrap())
}

fn vendor(way: RealnameWay, server: &MockServer) -> Arc<dyn RealName> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = RealnameConfig {
        way,
        key_id: Some("AKID".to_owned()),
        key_secret: Some("SECRET".into()),
        scene_id: Some("1000000006".to_owned()),
        address: Some(server.uri()),
    };
    let now: DateTime<Utc> = "2026-11-23T02:00:00Z".parse().unwrap();
    chosen(&config, &Clock::fixed(now)).unwrap()
}

async fn answers(server: &MockServer, response: ResponseTemplate) {
    server.reset().await;
    Mock::given(any()).respond_with(response).mount(server).await;
}

/// The number of the recorded question.
const NUMBER: &str = "11204416541220243X";

fn name() -> PersonName {
    PersonName::try_from("韦小宝").unwrap()
}

#[tokio::test]
async fn recorded_answers_mean_what_their_names_say() {
    let server = MockServer::start().await;
    for (way, call) in [
        (RealnameWay::Tencent, "tencent-IdCardVerification"),
        (RealnameWay::Aliyun, "aliyun-Id2MetaVerify"),
    ] {
        let vendor = vendor(way, &server);
        for (ending, outcome) in [
            ("match", Outcome::Match),
            ("mismatch", Outcome::Mismatch),
            ("no-record", Outcome::NoRecord),
        ] {
            let Some(text) = recorded(&format!("{call}.{ending}.resp.body")) else { return };
            answers(&server, ResponseTemplate::new(200).set_body_string(text)).await;
            assert_eq!(vendor.check(&name(), NUMBER).await, Ok(outcome), "{call} {ending}");
        }
    }
}

/// The answer to a photo is recorded once, a match; the other outcomes are composed from the
/// documented formats, beside the functions that read them.
#[tokio::test]
async fn a_photo_goes_to_the_vendor_in_its_own_question() {
    let server = MockServer::start().await;
    let Some(alike) = recorded("tencent-ImageRecognitionV2.ok.resp.body") else { return };
    let documented = r#"{"Code":"200","ResultObject":{"Passed":"T","SubCode":"200"}}"#;
    let documented = documented.to_owned();
    for (way, action, header, text) in [
        (RealnameWay::Tencent, "ImageRecognitionV2", "x-tc-action", alike),
        (RealnameWay::Aliyun, "ContrastFaceVerify", "x-acs-action", documented),
    ] {
        let vendor = vendor(way, &server);
        answers(&server, ResponseTemplate::new(200).set_body_string(text)).await;
        let photo = [0xff, 0xd8, 0xff];
        assert_eq!(vendor.check_photo(&name(), NUMBER, &photo).await, Ok(Outcome::Match));
        let asked = server.received_requests().await.unwrap().remove(0);
        assert_eq!(asked.headers[header], action);
        let body = String::from_utf8(asked.body).unwrap();
        assert!(body.contains("/9j/") || body.contains("%2F9j%2F"), "the photo in base64: {body}");
        assert!(body.contains(NUMBER), "{body}");
        for away in [
            ResponseTemplate::new(500),
            ResponseTemplate::new(200).set_body_string("<html>"),
            ResponseTemplate::new(200).set_body_string("{}"),
        ] {
            answers(&server, away).await;
            assert_eq!(vendor.check_photo(&name(), NUMBER, &photo).await, Err(Away));
        }
    }
}

#[tokio::test]
async fn the_question_is_the_recorded_one() {
    let Some(recorded) = recorded("tencent-IdCardVerification.req.http") else { return };
    let server = MockServer::start().await;
    let vendor = vendor(RealnameWay::Tencent, &server);
    answers(&server, ResponseTemplate::new(200).set_body_string("{}")).await;
    assert_eq!(vendor.check(&name(), NUMBER).await, Err(Away));
    let asked = server.received_requests().await.unwrap().remove(0);
    let (head, body) = recorded.split_once("\r\n\r\n").unwrap();
    assert_eq!(asked.body, body.as_bytes());
    for line in head.lines().skip(1).filter(|line| !line.starts_with("Host:")) {
        let (header, value) = line.split_once(": ").unwrap();
        assert_eq!(asked.headers[header.to_lowercase().as_str()], value, "{header}");
    }
    assert_eq!(asked.headers["x-tc-timestamp"], "1795399200");
}

#[tokio::test]
async fn number_and_name_never_stand_in_an_address() {
    let server = MockServer::start().await;
    for way in [RealnameWay::Tencent, RealnameWay::Aliyun] {
        let vendor = vendor(way, &server);
        answers(&server, ResponseTemplate::new(200).set_body_string("{}")).await;
        assert_eq!(vendor.check(&name(), NUMBER).await, Err(Away));
        let asked = server.received_requests().await.unwrap().remove(0);
        assert_eq!((asked.url.path(), asked.url.query()), ("/", None));
    }
}

#[tokio::test]
async fn whoever_is_away_or_talks_nonsense_is_unavailable() {
    let server = MockServer::start().await;
    let error = r#"{"Response":{"Error":{"Code":"AuthFailure","Message":"x"},"RequestId":"1"}}"#;
    for way in [RealnameWay::Tencent, RealnameWay::Aliyun] {
        let vendor = vendor(way, &server);
        for response in [
            ResponseTemplate::new(500),
            ResponseTemplate::new(302).insert_header("location", "/elsewhere"),
            ResponseTemplate::new(200).set_body_string("<html>"),
            ResponseTemplate::new(200).set_body_string(error),
            ResponseTemplate::new(200).set_body_string("x".repeat(10_000_000)),
        ] {
            answers(&server, response).await;
            assert_eq!(vendor.check(&name(), NUMBER).await, Err(Away));
        }
    }
}

#[tokio::test]
async fn who_pretends_can_show_every_outcome() {
    let pretends = |sequence: &'static str| async move {
        let number = format!("33049919900101{sequence}X");
        pretend::Pretend.check(&name(), &number).await
    };
    assert_eq!(pretends("001").await, Ok(Outcome::Match));
    assert_eq!(pretends("997").await, Ok(Outcome::Mismatch));
    assert_eq!(pretends("998").await, Ok(Outcome::NoRecord));
    assert_eq!(pretends("999").await, Err(Away));
}
