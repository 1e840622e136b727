//! What the platform pushes to us: somebody withdraws what they had allowed, or closes their
//! account with the mini-program. Only the encrypted mode is taken, since the plain one signs
//! nothing of the body. Pushes come as JSON.

use aes::Aes256;
use anyhow::{Context as _, ensure};
use base64::{
    Engine as _, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use serde::Deserialize;

use super::{OpenId, cipher};
use crate::base::error::{Code, Error};

/// How far a push's time may lie from ours; the platform tries again within seconds.
const WINDOW: TimeDelta = TimeDelta::minutes(5);
/// Bytes of the key behind the 43 characters that the platform's console shows.
const KEY_BYTES: usize = 32;
const KEY_CHARACTERS: usize = 43;
/// Padding of pushes fills up to so many bytes.
const PADDED_TO: usize = 32;
/// Chance before the length, and the length itself.
const NOISE_BYTES: usize = 16;
const LENGTH_BYTES: usize = 4;

/// Checks and opens pushes with the token and key of the platform's console.
pub struct Gate {
    token: SecretString,
    key: SecretBox<[u8; KEY_BYTES]>,
    app_id: String,
}

/// What the query of a push says.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub signature: String,
    pub timestamp: String,
    pub nonce: String,
}

/// A push that came from the platform, and its name: the same push has the same.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub name: String,
    pub push: Push,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Push {
    Revoked {
        by: OpenId,
        what: Vec<Revocation>,
    },
    /// The account with this mini-program is closed.
    Cancelled {
        by: OpenId,
    },
    /// Nothing that we act on.
    Other,
}

/// What somebody no longer allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    Phone,
    /// Camera, position, nickname …: nothing of it is kept here.
    Other,
}

#[derive(Deserialize)]
struct Sealed {
    #[serde(rename = "Encrypt")]
    encrypt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Opened {
    #[serde(default)]
    event: String,
    #[serde(rename = "OpenID")]
    open_id: Option<String>,
    revoke_info: Option<RevokeInfo>,
}

/// `"8"`, `"7,8"` or `8`.
#[derive(Deserialize)]
#[serde(untagged)]
enum RevokeInfo {
    Number(u32),
    Text(String),
}

/// `RevokeInfo` of the phone number.
const PHONE: &str = "8";

impl Gate {
    /// # Errors
    /// When the key is not the console's 43 characters.
    pub fn new(token: SecretString, key: &SecretString, app_id: String) -> anyhow::Result<Self> {
        let text = key.expose_secret();
        ensure!(text.len() == KEY_CHARACTERS, "--wechat-push-key has 43 characters");
        // The last character holds two bits more than a byte boundary wants.
        let lenient = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
        let engine = GeneralPurpose::new(&alphabet::STANDARD, lenient);
        let bytes = engine.decode(format!("{text}=")).ok();
        let bytes: Option<[u8; KEY_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.context("--wechat-push-key is not base64")?;
        Ok(Self { token, key: SecretBox::new(Box::new(bytes)), app_id })
    }

    /// Whether a request to prove this address came from the platform.
    pub fn admits(&self, envelope: &Envelope, now: DateTime<Utc>) -> Result<(), Error> {
        self.check(envelope, None, now)
    }

    /// Opens a push.
    pub fn open(
        &self,
        envelope: &Envelope,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Delivery, Error> {
        let malformed = || Error::Malformed(Code::JsonSyntax);
        let sealed: Sealed = serde_json::from_slice(body).map_err(|_| malformed())?;
        self.check(envelope, Some(&sealed.encrypt), now)?;
        let plain = self.decrypt(&sealed.encrypt).ok_or_else(forged)?;
        let opened: Opened = serde_json::from_slice(&plain).map_err(|_| malformed())?;
        // The platform sends the same push again with another envelope; its content is its name.
        let name = cipher::sha1_hex(&[&String::from_utf8_lossy(&plain)]);
        Ok(Delivery { name, push: opened.push() })
    }

    /// The signature is over token, timestamp, nonce and, of a push, the sealed text, sorted.
    fn check(
        &self,
        envelope: &Envelope,
        sealed: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut parts =
            vec![self.token.expose_secret(), envelope.timestamp.as_str(), envelope.nonce.as_str()];
        parts.extend(sealed);
        parts.sort_unstable();
        if !cipher::is_same(&cipher::sha1_hex(&parts), &envelope.signature) {
            return Err(forged());
        }
        let at = envelope.timestamp.parse().ok().and_then(|s| DateTime::from_timestamp(s, 0));
        let is_fresh = at.is_some_and(|at| (now - at).abs() <= WINDOW);
        is_fresh.then_some(()).ok_or(Error::Unauthenticated(Code::ClockSkew))
    }

    /// Noise, length, text, and for whom it is.
    fn decrypt(&self, sealed: &str) -> Option<Vec<u8>> {
        let text = STANDARD.decode(sealed).ok()?;
        let key = self.key.expose_secret();
        let plain = cipher::decrypt::<Aes256>(key, &key[..16], &text, PADDED_TO)?;
        let (length, rest) = plain.get(NOISE_BYTES..)?.split_at_checked(LENGTH_BYTES)?;
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let (text, app_id) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        (app_id == self.app_id.as_bytes()).then(|| text.to_vec())
    }
}

fn forged() -> Error {
    Error::Unauthenticated(Code::BadSignature)
}

impl Opened {
    fn push(self) -> Push {
        let Some(by) = self.open_id.and_then(|id| OpenId::try_from(id).ok()) else {
            return Push::Other;
        };
        match self.event.as_str() {
            "user_authorization_cancellation" => Push::Cancelled { by },
            "user_authorization_revoke" => Push::Revoked {
                by,
                what: self.revoke_info.map(RevokeInfo::read).unwrap_or_default(),
            },
            _ => Push::Other,
        }
    }
}

impl RevokeInfo {
    fn read(self) -> Vec<Revocation> {
        let text = match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        };
        let one = |word: &str| if word == PHONE { Revocation::Phone } else { Revocation::Other };
        text.split([',', ' ']).filter(|word| !word.is_empty()).map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};

    use super::*;
    use crate::base::clock::from_millis;

    const APP: &str = "wx4f4bc4dec97d474b";
    const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
    const OPENID: &str = "oGZUI0egBJY1zhBYw2KhdUfwVJJE";
    const NOW_S: i64 = 1_795_420_800;

    fn gate() -> Gate {
        Gate::new("pushtoken".into(), &KEY.into(), APP.to_owned()).unwrap()
    }

    /// As the platform seals a push.
    fn sealed(text: &str, app: &str) -> String {
        let gate = gate();
        let key = gate.key.expose_secret();
        let mut plain = vec![9; NOISE_BYTES];
        plain.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        plain.extend_from_slice(text.as_bytes());
        plain.extend_from_slice(app.as_bytes());
        let fill = PADDED_TO - plain.len() % PADDED_TO;
        plain.extend(std::iter::repeat_n(u8::try_from(fill).unwrap(), fill));
        let cipher = Aes256::new_from_slice(key).unwrap();
        let mut before: [u8; 16] = key[..16].try_into().unwrap();
        let mut out = Vec::new();
        for block in plain.chunks_exact(16) {
            let mixed: [u8; 16] = std::array::from_fn(|n| block[n] ^ before[n]);
            let mut mixed = mixed.into();
            cipher.encrypt_block(&mut mixed);
            before = mixed.into();
            out.extend_from_slice(&before);
        }
        STANDARD.encode(out)
    }

    fn envelope(sealed: &str, at_s: i64) -> Envelope {
        let (timestamp, nonce) = (at_s.to_string(), "n".to_owned());
        let mut parts = ["pushtoken", &timestamp, &nonce, sealed];
        parts.sort_unstable();
        Envelope { signature: cipher::sha1_hex(&parts), timestamp, nonce }
    }

    fn open(sealed: &str, envelope: &Envelope) -> Result<Delivery, Error> {
        let body = format!(r#"{{"ToUserName":"gh_1","Encrypt":"{sealed}"}}"#);
        gate().open(envelope, body.as_bytes(), from_millis(NOW_S * 1000))
    }

    fn event(what: &str) -> String {
        format!(r#"{{"MsgType":"event","OpenID":"{OPENID}","AppID":"{APP}",{what}}}"#)
    }

    #[test]
    fn a_push_opens_and_says_what_happened() {
        let by = OpenId::try_from(OPENID.to_owned()).unwrap();
        let revoked = |what| Push::Revoked { by: by.clone(), what };
        let (phone, other) = (Revocation::Phone, Revocation::Other);
        for (text, push) in [
            (r#""Event":"user_authorization_revoke","RevokeInfo":"8""#, revoked(vec![phone])),
            (r#""Event":"user_authorization_revoke","RevokeInfo":8"#, revoked(vec![phone])),
            (
                r#""Event":"user_authorization_revoke","RevokeInfo":"7,8""#,
                revoked(vec![other, phone]),
            ),
            (r#""Event":"user_authorization_revoke""#, revoked(vec![])),
            (r#""Event":"user_authorization_cancellation""#, Push::Cancelled { by: by.clone() }),
            (r#""Event":"something_new","More":[1]"#, Push::Other),
        ] {
            let sealed = sealed(&event(text), APP);
            assert_eq!(open(&sealed, &envelope(&sealed, NOW_S)).unwrap().push, push, "{text}");
        }
    }

    #[test]
    fn the_same_push_has_the_same_name_in_another_envelope() {
        let text = event(r#""Event":"user_authorization_cancellation","CreateTime":1"#);
        let sealed = sealed(&text, APP);
        let first = open(&sealed, &envelope(&sealed, NOW_S)).unwrap();
        let again = open(&sealed, &envelope(&sealed, NOW_S + 5)).unwrap();
        assert_eq!(first.name, again.name);
    }

    #[test]
    fn what_is_forged_stale_or_for_another_is_refused() {
        let text = event(r#""Event":"user_authorization_cancellation""#);
        let good = sealed(&text, APP);
        let code = |result: Result<Delivery, Error>| match result.unwrap_err() {
            Error::Unauthenticated(code) | Error::Malformed(code) => code,
            other => panic!("{other}"),
        };
        let mut wrong = envelope(&good, NOW_S);
        wrong.nonce.push('x');
        assert_eq!(code(open(&good, &wrong)), Code::BadSignature);
        for at in [NOW_S - 301, NOW_S + 301, i64::MAX] {
            assert_eq!(code(open(&good, &envelope(&good, at))), Code::ClockSkew);
        }
        let other = sealed(&text, "wxother");
        assert_eq!(code(open(&other, &envelope(&other, NOW_S))), Code::BadSignature);
        let signed_noise = "AAAA";
        assert_eq!(code(open(signed_noise, &envelope(signed_noise, NOW_S))), Code::BadSignature);
        let noise = sealed("no json", APP);
        assert_eq!(code(open(&noise, &envelope(&noise, NOW_S))), Code::JsonSyntax);
        let refused = gate().open(&envelope("", NOW_S), b"{}", from_millis(NOW_S * 1000));
        assert_eq!(code(refused), Code::JsonSyntax);
    }

    #[test]
    fn a_key_that_is_none_is_noticed_at_the_start() {
        for key in ["", "short", &"!".repeat(43)] {
            assert!(Gate::new("t".into(), &key.into(), APP.to_owned()).is_err(), "{key}");
        }
    }
}
