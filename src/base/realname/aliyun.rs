//! Aliyun cloudauth, `Id2MetaVerify` and `ContrastFaceVerify` of 2019-03-07, signed with
//! ACS3-HMAC-SHA256. Name, number and photo travel in the body, never in the address.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Account, Answered, Away, Outcome, RealName, ask, hmac_sha256};
use crate::base::text::PersonName;

pub const BASE_URL: &str = "https://cloudauth.aliyuncs.com";
const BY_NUMBER: &str = "Id2MetaVerify";
const BY_PHOTO: &str = "ContrastFaceVerify";
const VERSION: &str = "2019-03-07";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";
/// `Code` of a call that was answered.
const ANSWERED: &str = "200";

pub struct Aliyun {
    pub(super) account: Account,
    /// Which of the account's scenes photos are compared in; without one, none are.
    pub(super) scene_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    result_object: Option<ResultObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultObject {
    /// Of two factors.
    biz_code: Option<String>,
    /// Of three: `T` or `F`, and why.
    passed: Option<String>,
    sub_code: Option<String>,
}

impl RealName for Aliyun {
    fn check<'a>(&'a self, name: &'a PersonName, number: &'a str) -> Answered<'a> {
        let fields =
            [("IdentifyNum", number), ("ParamType", "normal"), ("UserName", name.as_str())];
        let body = form(&fields);
        Box::pin(async move { outcome(&self.ask(BY_NUMBER, body).await?) })
    }

    fn check_photo<'a>(
        &'a self,
        name: &'a PersonName,
        number: &'a str,
        jpeg: &'a [u8],
    ) -> Answered<'a> {
        Box::pin(async move {
            let Some(scene_id) = &self.scene_id else {
                tracing::warn!("photos want --realname-scene-id at this vendor");
                return Err(Away);
            };
            let body = form(&[
                ("CertName", name.as_str()),
                ("CertNo", number),
                ("CertType", "IDENTITY_CARD"),
                ("FaceContrastPicture", &STANDARD.encode(jpeg)),
                ("OuterOrderNo", &Uuid::new_v4().simple().to_string()),
                ("ProductCode", "ID_MIN"),
                ("SceneId", scene_id),
            ]);
            outcome_of_photo(&self.ask(BY_PHOTO, body).await?)
        })
    }
}

impl Aliyun {
    async fn ask(&self, action: &str, body: String) -> Result<Answer, Away> {
        let account = &self.account;
        let signing = Signing {
            host: account.host(),
            action,
            version: VERSION,
            date: account.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            nonce: Uuid::new_v4().simple().to_string(),
            content_type: Some(CONTENT_TYPE),
        };
        let digest = hex::encode(Sha256::digest(&body));
        let authorization =
            signing.header(&account.key_id, account.secret.expose_secret(), "", &digest);
        let request = account
            .http
            .post(format!("{}/", account.base_url))
            .header("Content-Type", CONTENT_TYPE)
            .header("Authorization", authorization)
            .header("x-acs-action", action)
            .header("x-acs-version", VERSION)
            .header("x-acs-date", signing.date)
            .header("x-acs-signature-nonce", signing.nonce)
            .header("x-acs-content-sha256", digest)
            .body(body);
        ask(request).await
    }
}

fn outcome(answer: &Answer) -> Result<Outcome, Away> {
    let result = answer.result_object.as_ref().and_then(|result| result.biz_code.as_deref());
    match (answer.code.as_str(), result) {
        (ANSWERED, Some("1")) => Ok(Outcome::Match),
        (ANSWERED, Some("2")) => Ok(Outcome::Mismatch),
        (ANSWERED, Some("3")) => Ok(Outcome::NoRecord),
        (code, result) => {
            // Numbers of the vendor's: they name nobody.
            tracing::warn!(code, result, "the real-name check did not answer");
            Err(Away)
        }
    }
}

/// What came of a photo. `Passed` decides; why not stands beside it.
fn outcome_of_photo(answer: &Answer) -> Result<Outcome, Away> {
    let result = answer.result_object.as_ref();
    let passed = result.and_then(|result| result.passed.as_deref());
    let why = result.and_then(|result| result.sub_code.as_deref());
    match (answer.code.as_str(), passed, why) {
        (ANSWERED, Some("T"), _) => Ok(Outcome::Match),
        // 201 name and number, 204 and 207 another face; no live, single, clear face on the photo.
        (ANSWERED, Some("F"), Some("201" | "204" | "205" | "206" | "207" | "210" | "211")) => {
            Ok(Outcome::Mismatch)
        }
        // Neither the number nor, where that is known, a photo to compare with.
        (ANSWERED, Some("F"), Some("202" | "203")) => Ok(Outcome::NoRecord),
        (code, _, why) => {
            tracing::warn!(code, why, "the real-name check of a photo did not answer");
            Err(Away)
        }
    }
}

/// Fields as a form is sent.
fn form(fields: &[(&str, &str)]) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What a signature of ACS3-HMAC-SHA256 is about, beside query and body.
struct Signing<'a> {
    host: &'a str,
    action: &'a str,
    version: &'a str,
    date: String,
    nonce: String,
    content_type: Option<&'a str>,
}

impl Signing<'_> {
    /// The `Authorization` header of a POST to `/` with this query and this digest of its body.
    fn header(&self, key_id: &str, secret: &str, query: &str, digest: &str) -> String {
        let mut headers = vec![
            ("host", self.host),
            ("x-acs-action", self.action),
            ("x-acs-content-sha256", digest),
            ("x-acs-date", &self.date),
            ("x-acs-signature-nonce", &self.nonce),
            ("x-acs-version", self.version),
        ];
        headers.extend(self.content_type.map(|content_type| ("content-type", content_type)));
        headers.sort_unstable();
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let lines = lines.concat();
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let canonical = format!("POST\n/\n{query}\n{lines}\n{names}\n{digest}");
        let text = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical)));
        let signature = hex::encode(hmac_sha256(secret.as_bytes(), &text));
        format!("ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Outcome, Away> {
        outcome(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn every_result_is_one_of_four_things() {
        let answer =
            |code: &str| format!(r#"{{"Code":"200","ResultObject":{{"BizCode":"{code}"}}}}"#);
        assert_eq!(said(&answer("1")), Ok(Outcome::Match));
        assert_eq!(said(&answer("2")), Ok(Outcome::Mismatch));
        assert_eq!(said(&answer("3")), Ok(Outcome::NoRecord));
        for away in [&*answer("4"), r#"{"Code":"500"}"#, r#"{"Code":"401","Message":"x"}"#] {
            assert_eq!(said(away), Err(Away), "{away}");
        }
    }

    #[test]
    fn every_result_of_a_photo_is_one_of_four_things() {
        let said = |passed: &str, why: &str| {
            let text = format!(
                r#"{{"Code":"200","ResultObject":{{"Passed":"{passed}","SubCode":"{why}"}}}}"#
            );
            outcome_of_photo(&serde_json::from_str(&text).unwrap())
        };
        assert_eq!(said("T", "200"), Ok(Outcome::Match));
        for why in ["201", "204", "205", "206", "207", "210", "211"] {
            assert_eq!(said("F", why), Ok(Outcome::Mismatch), "{why}");
        }
        for why in ["202", "203"] {
            assert_eq!(said("F", why), Ok(Outcome::NoRecord), "{why}");
        }
        for (passed, why) in [("F", "209"), ("F", "999"), ("", "200")] {
            assert_eq!(said(passed, why), Err(Away), "{passed} {why}");
        }
    }

    /// The worked example of the vendor's documentation.
    #[test]
    fn a_signature_is_the_vendors() {
        let signing = Signing {
            host: "ecs.cn-shanghai.aliyuncs.com",
            action: "RunInstances",
            version: "2014-05-26",
            date: "2023-10-26T10:22:32Z".to_owned(),
            nonce: "3156853299f313e23d1673dc12e1703d".to_owned(),
            content_type: None,
        };
        let query =
            "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai";
        let digest = hex::encode(Sha256::digest(""));
        let header = signing.header("YourAccessKeyId", "YourAccessKeySecret", query, &digest);
        let signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        assert!(header.ends_with(signature), "{header}");
    }
}
