//! Canaries: a name, numbers and a photo that nobody else has, through a server as it is run, are
//! found afterwards in no log, no metric and no file of its data.

use fitgate::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, COMMUNITY, Office, Process, Store, Wire, document, photo};

const NAME: &str = "龘龖靐";
const PHONE: &str = "13912345678";
const OPENID: &str = "canary-openid-7f3a";

struct Phone {
    wire: Wire,
    token: String,
}

impl Phone {
    async fn sends(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.wire.request(method, &format!("/api/v1{path}"));
        let request = request.bearer_auth(&self.token).json(body);
        Answer::to(request.header("Idempotency-Key", Uuid::new_v4().to_string())).await
    }
}

/// Everything that a resident does with what is theirs, right and wrong. Gives the secret of a link
/// to all of it, which was followed.
async fn lives(wire: &Wire, number: &str) -> String {
    let code = json!({ "code": format!("pretend-{OPENID}") });
    let said = Answer::to(wire.post("/api/v1/wechat/sessions", &code)).await.ok();
    let token = said["token"].as_str().unwrap().to_owned();
    let phone = Phone { wire: wire.clone(), token };
    let body = json!({
        "name": NAME, "document": { "type": "resident_id", "number": number },
        "home_community": COMMUNITY, "phone_code": format!("pretend-{PHONE}"),
        "consents": [{ "purpose": "realname_check", "granted": true, "text_version": "1" }],
    });
    phone.sends(Method::POST, "/members", &body).await.ok();
    assert_eq!(phone.sends(Method::POST, "/members", &body).await.status, 409);
    let mut wrong = body.clone();
    wrong["document"]["number"] = json!(format!("{number}9"));
    assert_eq!(phone.sends(Method::POST, "/members", &wrong).await.status, 422);
    for method in ["registry", "wechat_face"] {
        phone.sends(Method::POST, "/me/verification", &json!({ "method": method })).await.ok();
    }
    for purpose in ["door_face", "off_device_face_transfer", "face_check"] {
        let agrees = json!({ "purpose": purpose, "granted": true, "text_version": "1" });
        phone.sends(Method::POST, "/me/consents", &agrees).await.ok();
    }
    let picture = wire.request(Method::PUT, "/api/v1/me/face").bearer_auth(&phone.token);
    let picture = picture.header("Idempotency-Key", "face").header("Content-Type", "image/jpeg");
    Answer::to(picture.body(photo::picture(600, 800))).await.ok();
    let check = wire.request(Method::POST, "/api/v1/me/verification/photo");
    let check = check.bearer_auth(&phone.token).header("Idempotency-Key", "check");
    let check = check.header("Content-Type", "image/jpeg").body(photo::picture(600, 800));
    Answer::to(check).await.ok();
    let mine = Answer::to(wire.get("/api/v1/me/export").bearer_auth(&phone.token)).await.ok();
    assert_eq!(mine["tables"]["members"][0]["name"], NAME);
    let link = wire.request(Method::POST, "/api/v1/me/export-link").bearer_auth(&phone.token);
    let path = Answer::to(link).await.ok()["path"].as_str().unwrap().to_owned();
    let mine = Answer::to(wire.get(&path)).await.ok();
    assert_eq!(mine["tables"]["members"][0]["document"], number);
    path.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_personal_is_found_where_it_does_not_belong() {
    let store = Store::fresh().await;
    let scratch = tempfile::tempdir().unwrap();
    let served = Process::start(&store, scratch.path()).await;
    let office = Office::hired(&store, &served.wire, &Clock::system(), "admin", "33").await;
    for code in ["3304", "330499", "330499001", COMMUNITY] {
        office.post("/divisions", &json!({ "code": code, "name": "区" })).await.ok();
    }
    let number = document("1990-05-01".parse().unwrap(), 12);
    let link = lives(&served.wire, &number).await;
    let metrics = Answer::to(served.ops.get("/metrics")).await.text;
    let log = served.stopped().await;
    assert!(log.contains("/api/v1/me/verification"), "the log is that of this run");
    let left = std::fs::read_dir(scratch.path()).unwrap().count();
    assert_eq!(left, 0, "a file was left in the folder for temporary ones");
    let (dump, backup) = (store.dump().await.unwrap_or_default(), store.backs_up().await);
    assert!(backup.is_file());
    let texts: [&[u8]; 6] = [
        NAME.as_bytes(),
        PHONE.as_bytes(),
        OPENID.as_bytes(),
        number.as_bytes(),
        link.as_bytes(),
        photo::CANARY,
    ];
    for text in texts {
        let found = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        let shown = String::from_utf8_lossy(text);
        assert!(!found(log.as_bytes()), "{shown} is in the log");
        assert!(!found(metrics.as_bytes()), "{shown} is in the metrics");
        assert!(!found(&dump), "{shown} is in a dump");
        for file in store.files() {
            assert!(!found(&std::fs::read(&file).unwrap()), "{shown} is in {}", file.display());
        }
    }
}
