//! Tencent Cloud faceid, `IdCardVerification` of 2018-03-01, signed with TC3-HMAC-SHA256.

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Account, Away, Outcome, RealName, ask, hmac_sha256};
use crate::base::text::PersonName;

pub const BASE_URL: &str = "https://faceid.tencentcloudapi.com";
const SERVICE: &str = "faceid";
const ACTION: &str = "IdCardVerification";
const VERSION: &str = "2018-03-01";
const CONTENT_TYPE: &str = "application/json";

pub struct Tencent(pub(super) Account);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    id_card: &'a str,
    name: &'a str,
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
}

impl RealName for Tencent {
    fn check<'a>(
        &'a self,
        name: &'a PersonName,
        number: &'a str,
    ) -> BoxFuture<'a, Result<Outcome, Away>> {
        Box::pin(self.ask(name, number))
    }
}

impl Tencent {
    async fn ask(&self, name: &PersonName, number: &str) -> Result<Outcome, Away> {
        let Self(account) = self;
        let body = Question { id_card: number, name: name.as_str() };
        let body = serde_json::to_string(&body).map_err(|_| Away)?;
        let at_s = account.clock.now().timestamp();
        let signing = Signing { host: account.host(), service: SERVICE, action: ACTION, at_s };
        let secret = account.secret.expose_secret();
        let authorization = signing.header(&account.key_id, secret, CONTENT_TYPE, &body);
        let request = account
            .http
            .post(format!("{}/", account.base_url))
            .header("Content-Type", CONTENT_TYPE)
            .header("Authorization", authorization)
            .header("X-TC-Action", ACTION)
            .header("X-TC-Version", VERSION)
            .header("X-TC-Timestamp", at_s.to_string())
            .body(body);
        let answer: Answer = ask(request).await?;
        outcome(answer.response.result.as_deref())
    }
}

/// What a result means. A malformed number or name (-2, -3) cannot be anybody's.
fn outcome(result: Option<&str>) -> Result<Outcome, Away> {
    match result {
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
        assert_eq!(outcome(Some("0")), Ok(Outcome::Match));
        for no_match in ["-1", "-2", "-3"] {
            assert_eq!(outcome(Some(no_match)), Ok(Outcome::Mismatch));
        }
        assert_eq!(outcome(Some("-5")), Ok(Outcome::NoRecord));
        for away in [Some("-4"), Some("-6"), Some("-7"), Some("new"), None] {
            assert_eq!(outcome(away), Err(Away), "{away:?}");
        }
    }

    #[test]
    fn a_signature_depends_on_everything_it_covers() {
        let signed = |host: &str, at_s, secret: &str, body: &str| {
            let signing = Signing { host, service: SERVICE, action: ACTION, at_s };
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
