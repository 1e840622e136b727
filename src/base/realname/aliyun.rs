//! Aliyun cloudauth, `Id2MetaVerify` of 2019-03-07, signed with ACS3-HMAC-SHA256. Name and number
//! travel in the body, never in the address.

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Account, Away, Outcome, RealName, ask, hmac_sha256};
use crate::base::text::PersonName;

pub const BASE_URL: &str = "https://cloudauth.aliyuncs.com";
const ACTION: &str = "Id2MetaVerify";
const VERSION: &str = "2019-03-07";
const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";
/// `Code` of a call that was answered.
const ANSWERED: &str = "200";

pub struct Aliyun(pub(super) Account);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    result_object: Option<ResultObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResultObject {
    biz_code: String,
}

impl RealName for Aliyun {
    fn check<'a>(
        &'a self,
        name: &'a PersonName,
        number: &'a str,
    ) -> BoxFuture<'a, Result<Outcome, Away>> {
        Box::pin(self.ask(name, number))
    }
}

impl Aliyun {
    async fn ask(&self, name: &PersonName, number: &str) -> Result<Outcome, Away> {
        let Self(account) = self;
        let body = format!(
            "IdentifyNum={}&ParamType=normal&UserName={}",
            escaped(number),
            escaped(name.as_str())
        );
        let signing = Signing {
            host: account.host(),
            action: ACTION,
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
            .header("x-acs-action", ACTION)
            .header("x-acs-version", VERSION)
            .header("x-acs-date", signing.date)
            .header("x-acs-signature-nonce", signing.nonce)
            .header("x-acs-content-sha256", digest)
            .body(body);
        outcome(&ask(request).await?)
    }
}

fn outcome(answer: &Answer) -> Result<Outcome, Away> {
    let result = answer.result_object.as_ref().map(|result| result.biz_code.as_str());
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
