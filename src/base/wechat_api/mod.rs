//! WeChat's server API: one vendor, so a concrete client with a base URL. Signing in by code, phone
//! numbers by code, subscription messages, face verification, and the pushes that the platform
//! sends us. Knows no member.
//!
//! `session_key` is never even read: nothing here needs it, so nothing can leak it.

mod cipher;
mod client;
mod errcode;
mod push;
#[cfg(test)]
mod tests;
mod token;

use std::{fmt, sync::Arc};

use sea_orm::DatabaseConnection;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use self::client::Client;
pub use self::{
    errcode::Refusal,
    push::{Delivery, Envelope, Gate, Push, Revocation},
};
use super::{
    clock::Clock,
    config::{WechatConfig, WechatWay},
    error::Code,
    keys::Keys,
    text::{PersonName, Phone},
};

/// Who somebody is for this mini-program. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct OpenId(String);

/// Longer than any that the platform gives.
const OPENID_BYTES_MAX: usize = 128;

impl OpenId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OpenId {
    type Error = Code;
    fn try_from(text: String) -> Result<Self, Code> {
        is_plain(&text, OPENID_BYTES_MAX).then_some(Self(text)).ok_or(Code::InvalidValue)
    }
}

impl fmt::Debug for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenId(***)")
    }
}

/// A one-time code that the mini-program got from WeChat: for signing in, or for a phone number.
/// Each of the two buys only its own. `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct OneTimeCode(String);

/// Codes have 32 to 64 characters today.
const CODE_BYTES_MAX: usize = 256;

impl TryFrom<String> for OneTimeCode {
    type Error = Code;
    fn try_from(text: String) -> Result<Self, Code> {
        is_plain(&text, CODE_BYTES_MAX).then_some(Self(text)).ok_or(Code::InvalidValue)
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(***)")
    }
}

fn is_plain(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// A subscription message to one person, who accepted one of this template.
#[derive(Clone, Debug)]
pub struct Message {
    pub to: OpenId,
    pub template_id: String,
    /// The page of the mini-program that it opens.
    pub page: String,
    /// The template's fields by name.
    pub fields: Vec<(String, String)>,
}

/// A face verification that has begun.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// For `wx.requestFacialVerify`.
    pub verify_id: String,
    pub expires_in_s: i64,
}

/// How a face verification ended. That the client calls it finished says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaceOutcome {
    Passed,
    /// The number is not this person's, or the face is not.
    Mismatch,
    /// Given up, or the device could not.
    NotDone,
}

/// Whom a face is compared with; mainland resident identity cards only.
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    pub name: &'a PersonName,
    pub number: &'a str,
}

impl Identity<'_> {
    const KIND: &'static str = "IDENTITY_CARD";

    /// `cert_hash`: what ties the question about an outcome to the identity it is about.
    fn hash(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let [kind, name, number] =
            [Self::KIND, self.name.as_str(), self.number].map(|text| STANDARD.encode(text));
        let text = format!("cert_type={kind}&cert_name={name}&cert_no={number}");
        hex::encode(Sha256::digest(text))
    }
}

/// What WeChat thinks of a text that others are to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextVerdict {
    Fine,
    /// A person should look at it.
    Unsure,
    Bad,
}

/// The way to WeChat that the settings chose. Cheap to clone.
#[derive(Clone)]
pub struct Wechat(Way);

#[derive(Clone)]
enum Way {
    Off,
    /// For trying out: codes say themselves who signs in.
    Pretend,
    Platform(Arc<Client>),
}

/// What stands before the name in a pretended code, and before the name in its openid.
const PRETEND: &str = "pretend-";

impl Wechat {
    /// # Errors
    /// When the platform is chosen and its settings are not complete.
    pub fn new(
        config: &WechatConfig,
        db: DatabaseConnection,
        keys: Arc<Keys>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        Ok(Self(match config.way {
            WechatWay::Off => Way::Off,
            WechatWay::Pretend => Way::Pretend,
            WechatWay::Platform => Way::Platform(Arc::new(Client::new(config, db, keys, clock)?)),
        }))
    }

    /// No way at all.
    #[cfg(test)]
    pub fn off() -> Self {
        Self(Way::Off)
    }

    /// Who the bearer of a login code is.
    pub async fn openid(&self, code: &OneTimeCode) -> Result<OpenId, Refusal> {
        match &self.0 {
            Way::Off => Err(Refusal::Off),
            Way::Pretend => match code.0.strip_prefix(PRETEND) {
                Some(_) => Ok(OpenId(code.0.clone())),
                None => Err(Refusal::CodeInvalid),
            },
            Way::Platform(client) => client.openid(code).await,
        }
    }

    /// The number of whoever pressed the phone button.
    pub async fn phone(&self, code: &OneTimeCode) -> Result<Phone, Refusal> {
        match &self.0 {
            Way::Off => Err(Refusal::Off),
            Way::Pretend => code
                .0
                .strip_prefix(PRETEND)
                .and_then(|number| Phone::try_from(number).ok())
                .ok_or(Refusal::CodeInvalid),
            Way::Platform(client) => client.phone(code).await,
        }
    }

    /// Sends a message; the person may have refused it.
    pub async fn send(&self, message: &Message) -> Result<(), Refusal> {
        match &self.0 {
            Way::Off => Err(Refusal::Off),
            Way::Pretend => Ok(()),
            Way::Platform(client) => client.send(message).await,
        }
    }

    /// Begins a face verification; `number` is ours, 5 to 32 letters, digits, `_` and `-`.
    pub async fn begin_verification(
        &self,
        number: &str,
        of: &Identity<'_>,
        openid: &OpenId,
    ) -> Result<Ticket, Refusal> {
        match &self.0 {
            Way::Off => Err(Refusal::Off),
            Way::Pretend => {
                Ok(Ticket { verify_id: format!("{PRETEND}{number}"), expires_in_s: 3600 })
            }
            Way::Platform(client) => client.begin_verification(number, of, openid).await,
        }
    }

    /// What came of a face verification.
    pub async fn verification(
        &self,
        number: &str,
        verify_id: &str,
        of: &Identity<'_>,
        openid: &OpenId,
    ) -> Result<FaceOutcome, Refusal> {
        match &self.0 {
            Way::Off => Err(Refusal::Off),
            Way::Pretend => Ok(FaceOutcome::Passed),
            Way::Platform(client) => client.verification(number, verify_id, of, openid).await,
        }
    }

    /// Judges a text of somebody who has been in the mini-program within two hours.
    pub async fn judge(&self, by: &OpenId, text: &str) -> Result<TextVerdict, Refusal> {
        match &self.0 {
            Way::Off => Err(Refusal::Off),
            Way::Pretend => Ok(TextVerdict::Fine),
            Way::Platform(client) => client.judge(by, text).await,
        }
    }

    /// Where the platform's pushes come in, if they are set up.
    pub fn gate(&self) -> Option<&Gate> {
        match &self.0 {
            Way::Off | Way::Pretend => None,
            Way::Platform(client) => client.gate(),
        }
    }
}
