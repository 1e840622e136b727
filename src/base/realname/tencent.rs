//! Tencent Cloud faceid, `IdCardVerification` and `ImageRecognitionV2` of 2018-03-01, signed with
//! TC3-HMAC-SHA256.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Account, Answered, Away, Outcome, RealName, ask, hmac_sha256};
use crate::base::text::PersonName;

pub const BASE_URL: &str = "https://faceid.tencentcloudapi.com";
const SERVICE: &str = "faceid";
const BY_NUMBER: &str = "IdCardVerification";
const BY_PHOTO: &str = "ImageRecognitionV2";
const VERSION: &str = "2018-03-01";
const CONTENT_TYPE: &str = "application/json";
/// How alike, of 100, two photos of one person are at least, as the vendor says.
const ALIKE_MIN: f64 = 70.0;

pub struct Tencent(pub(super) Account);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    id_card: &'a str,
    name: &'a str,
    #[serde(rename = "ImageBase64", skip_serializing_if = "Option::is_none")]
    photo: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    /// Text, also where it is a number.
    result: Option<String>,
    /// How alike two photos are, of 100.
    sim: Option<f64>,
    error: Option<Refused>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: String,
}

impl RealName for Tencent {
    fn check<'a>(&'a self, name: &'a PersonName, number: &'a str) -> Answered<'a> {
        let question = Question { id_card: number, name: name.as_str(), photo: None };
        Box::pin(async move { outcome(&self.ask(BY_NUMBER, &question).await?) })
    }

    fn check_photo<'a>(
        &'a self,
        name: &'a PersonName,
        number: &'a str,
        jpeg: &'a [u8],
    ) -> Answered<'a> {
        let photo = Some(STANDARD.encode(jpeg));
        let question = Question { id_card: number, name: name.as_str(), photo };
        Box::pin(async move { outcome_of_photo(&self.ask(BY_PHOTO, &question).await?) })
    }
}

impl Tencent {
    async fn ask(&self, action: &str, question: &Question<'_>) -> Result<Response, Away> {
        let Self(account) = self;
        let body = serde_json::to_string(question).map_err(|_| Away)?;
        let at_s = account.clock.now().timestamp();
        let signing = Signing { host: account.host(), service: SERVICE, action, at_s };
        let secret = account.secret.expose_secret();
        let authorization = signing.header(&account.key_id, secret, CONTENT_TYPE, &body);
        let request = account
            .http
            .post(format!("{}/", account.base_url))
            .header("Content-Type", CONTENT_TYPE)
            .header("Authorization", authorization)
            .header("X-TC-Action", action)
            .header("X-TC-Version", VERSION)
            .header("X-TC-Timestamp", at_s.to_string())
            .body(body);
        let answer: Answer = ask(request).await?;
        Ok(answer.response)
    }
}

/// What a result means. A malformed number or name (-2, -3) cannot be anybody's.
fn outcome(answer: &Response) -> Result<Outcome, Away> {
    match answer.result.as_deref() {
        Some("0") => Ok(Outcome::Match),
        Some("-1" | "-2" | "-3") => Ok(Outcome::Mismatch),
        Some("-5") => Ok(Outcome::NoRecord),
        other => {
            // A number of the vendor's, or an error of the account: it names nobody.
            tracing::warn!(result = other.unwrap_or("none"), "the real-name check did not answer");
            Err(Away)
        }
    }
}

/// What came of a photo. The vendor's words stand for a result, or for an error that is one.
fn outcome_of_photo(answer: &Response) -> Result<Outcome, Away> {
    let error = answer.error.as_ref().map(|error| error.code.as_str());
    let said = answer.result.as_deref().or(error).unwrap_or("none");
    match (said.trim_start_matches("FailedOperation."), answer.sim) {
        ("Success", Some(alike)) if alike >= ALIKE_MIN => Ok(Outcome::Match),
        ("Success", Some(_)) => Ok(Outcome::Mismatch),
        ("IdNameMisMatch" | "IdFormatError" | "NameFormatError" | "CompareLowSimilarity", _) => {
            Ok(Outcome::Mismatch)
        }
        ("IdNoExistSystem" | "IdPhotoNoExist", _) => Ok(Outcome::NoRecord),
        // No face, several, a picture of a picture, too dark to tell.
        (other, _) if other.starts_with("LifePhoto") => Ok(Outcome::Mismatch),
        (other, _) => {
            tracing::warn!(result = other, "the real-name check of a photo did not answer");
            Err(Away)
        }
    }
}

/// The headers that a signature covers.
const NAMES: &str = "content-type;host;x-tc-action";

/// What a signature of TC3-HMAC-SHA256 is about.
struct Signing<'a> {
    host: &'a str,
    service: &'a str,
    action: &'a str,
    at_s: i64,
}

impl Signing<'_> {
    /// The `Authorization` header of a POST to `/`.
    fn header(&self, key_id: &str, secret: &str, content_type: &str, body: &str) -> String {
        let day = chrono::DateTime::from_timestamp(self.at_s, 0).unwrap_or_default();
        let day = day.format("%Y-%m-%d").to_string();
        let scope = format!("{day}/{}/tc3_request", self.service);
        let canonical = format!(
            "POST\n/\n\ncontent-type:{content_type}\nhost:{}\nx-tc-action:{}\n\n{NAMES}\n{}",
            self.host,
            self.action.to_lowercase(),
            hex::encode(Sha256::digest(body))
        );
        let text = format!(
            "TC3-HMAC-SHA256\n{}\n{scope}\n{}",
            self.at_s,
            hex::encode(Sha256::digest(canonical))
        );
        let mut key = hmac_sha256(format!("TC3{secret}").as_bytes(), &day);
        for part in [self.service, "tc3_request"] {
            key = hmac_sha256(&key, part);
        }
        let signature = hex::encode(hmac_sha256(&key, &text));
        format!(
            "TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={NAMES}, \
             Signature={signature}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_is_one_of_four_things() {
        let said = |result: Option<&str>| {
            let result = result.map(str::to_owned);
            outcome(&Response { result, sim: None, error: None })
        };
        assert_eq!(said(Some("0")), Ok(Outcome::Match));
        for no_match in ["-1", "-2", "-3"] {
            assert_eq!(said(Some(no_match)), Ok(Outcome::Mismatch));
        }
        assert_eq!(said(Some("-5")), Ok(Outcome::NoRecord));
        for away in [Some("-4"), Some("-6"), Some("-7"), Some("new"), None] {
            assert_eq!(said(away), Err(Away), "{away:?}");
        }
    }

    #[test]
    fn every_result_of_a_photo_is_one_of_four_things() {
        let alike = |sim| {
            let result = Some("Success".to_owned());
            outcome_of_photo(&Response { result, sim, error: None })
        };
        assert_eq!(alike(Some(70.0)), Ok(Outcome::Match));
        assert_eq!(alike(Some(69.99)), Ok(Outcome::Mismatch));
        assert_eq!(alike(None), Err(Away));
        for (code, means) in [
            ("FailedOperation.IdNameMisMatch", Ok(Outcome::Mismatch)),
            ("FailedOperation.CompareLowSimilarity", Ok(Outcome::Mismatch)),
            ("FailedOperation.LifePhotoDetectNoFaces", Ok(Outcome::Mismatch)),
            ("FailedOperation.IdNoExistSystem", Ok(Outcome::NoRecord)),
            ("FailedOperation.IdPhotoNoExist", Ok(Outcome::NoRecord)),
            ("FailedOperation.CompareSystemError", Err(Away)),
            ("FailedOperation.IdPhotoSystemNoanswer", Err(Away)),
            ("AuthFailure.SignatureFailure", Err(Away)),
        ] {
            let as_result =
                Response { result: Some(code.to_owned()), sim: Some(90.0), error: None };
            let error = Some(Refused { code: code.to_owned() });
            let as_error = Response { result: None, sim: None, error };
            assert_eq!(outcome_of_photo(&as_result), means, "{code}");
            assert_eq!(outcome_of_photo(&as_error), means, "{code}");
        }
    }

    #[test]
    fn a_signature_depends_on_everything_it_covers() {
        let signed = |host: &str, at_s, secret: &str, body: &str| {
            let signing = Signing { host, service: SERVICE, action: BY_NUMBER, at_s };
            signing.header("AKID", secret, CONTENT_TYPE, body)
        };
        let base = signed("h", 1_551_113_065, "s", "{}");
        assert!(base.starts_with("TC3-HMAC-SHA256 Credential=AKID/2019-02-25/faceid/tc3_request,"));
        for other in [
            signed("i", 1_551_113_065, "s", "{}"),
            signed("h", 1_551_113_066, "s", "{}"),
            signed("h", 1_551_113_065, "t", "{}"),
            signed("h", 1_551_113_065, "s", "{} "),
        ] {
            assert_ne!(other, base);
        }
    }

    /// The worked example of the vendor's documentation.
    #[test]
    fn a_signature_is_the_vendors() {
        let body = r#"{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}"#;
        let signing = Signing {
            host: "cvm.tencentcloudapi.com",
            service: "cvm",
            action: "DescribeInstances",
            at_s: 1_551_113_065,
        };
        let secret = "*".repeat(32);
        let header = signing.header("AKID", &secret, "application/json; charset=utf-8", body);
        let signature = "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f";
        assert!(header.ends_with(signature), "{header}");
    }
}
