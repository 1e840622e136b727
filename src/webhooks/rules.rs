//! What may be told to whom, how it is signed, and how long it is tried. Pure.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngCore as _;
use reqwest::Url;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Reach;
use crate::base::{error::Code, http::outward::is_public};

/// What is told; text in SQL and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WebhookKind)]
pub enum Kind {
    /// A division's business day was published for the first time.
    #[serde(rename = "day.final")]
    DayFinal,
    /// A division's day says something else than it was published with.
    #[serde(rename = "day.restated")]
    DayRestated,
    /// A terminal was silent for so long that no day waits for it any more.
    #[serde(rename = "terminal.lost")]
    TerminalLost,
    #[serde(rename = "evacuation.begun")]
    EvacuationBegun,
    #[serde(rename = "evacuation.ended")]
    EvacuationEnded,
    /// So many persons' faces are stored that the law asks for more.
    #[serde(rename = "faces.alarm")]
    FacesAlarm,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::DayFinal,
        Self::DayRestated,
        Self::TerminalLost,
        Self::EvacuationBegun,
        Self::EvacuationEnded,
        Self::FacesAlarm,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::DayFinal => "day.final",
            Self::DayRestated => "day.restated",
            Self::TerminalLost => "terminal.lost",
            Self::EvacuationBegun => "evacuation.begun",
            Self::EvacuationEnded => "evacuation.ended",
            Self::FacesAlarm => "faces.alarm",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The type of the message that tells nothing.
pub const PING: &str = "ping";

/// The column of kinds: each once, with a blank before and after it; none without a kind.
pub fn kinds_text(kinds: &[Kind]) -> Option<String> {
    let named = Kind::ALL.into_iter().filter(|kind| kinds.contains(kind));
    let words: Vec<&str> = named.map(Kind::as_str).collect();
    (!words.is_empty()).then(|| format!(" {} ", words.join("  ")))
}

/// Bytes of an address.
const URL_BYTES_MAX: usize = 500;

/// The address in its one form. Refuses what is not https at its usual port, names a user, names
/// a private or special address in any notation, or is not among the hosts that may be called. A
/// host name is looked at again at each call, by the addresses that it leads to.
pub fn check_url(text: &str, reach: &Reach) -> Result<String, Code> {
    let forbidden = Code::UrlForbidden;
    if text.len() > URL_BYTES_MAX {
        return Err(forbidden);
    }
    let url = Url::parse(text).map_err(|_| forbidden)?;
    let is_plain = url.username().is_empty() && url.password().is_none();
    if !is_plain || url.fragment().is_some() || !["http", "https"].contains(&url.scheme()) {
        return Err(forbidden);
    }
    let named = url.host_str().ok_or(forbidden)?;
    if !reach.hosts.is_empty() && !reach.hosts.iter().any(|host| host == named) {
        return Err(forbidden);
    }
    if reach.anywhere {
        return Ok(url.into());
    }
    // Parsing has written every notation of an IPv4 address as four numbers.
    let is_fit = match named.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => is_public(address),
        Err(_) => named.contains('.') && !named.ends_with('.'),
    };
    if url.scheme() == "https" && url.port().is_none() && is_fit {
        Ok(url.into())
    } else {
        Err(forbidden)
    }
}

/// How a secret is written.
const SECRET_PREFIX: &str = "whsec_";
/// Bytes of a signing key: the standard wants 24 to 64.
const SECRET_BYTES: usize = 32;

/// A new secret, as the receiver is shown it.
pub fn new_secret() -> String {
    let mut bytes = [0; SECRET_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes))
}

/// `v1,` and the HMAC-SHA-256 over id, time in seconds and body, as Standard Webhooks has it; none
/// if the secret is none. The hash is the standard's, whatever ciphers the deployment keeps.
pub fn signature(secret: &str, id: &str, at_s: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at_s}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Seconds until the next attempt, by attempts that were made: nine waits, four days in all.
const WAITS_S: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 72_000, 86_400, 129_600];

/// How long to wait after so many attempts; none when it was the last.
pub fn wait_after(attempts: i32) -> Option<TimeDelta> {
    let made = usize::try_from(attempts - 1).unwrap_or_default();
    WAITS_S.get(made).map(|wait| TimeDelta::seconds(*wait))
}

/// An address that has taken nothing for so long is disabled.
pub const DISABLED_AFTER: TimeDelta = TimeDelta::days(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_refused_in_any_notation() {
        let reach = Reach::default();
        for url in [
            "http://hooks.example.cn/",
            "https://hooks.example.cn:8443/",
            "https://user@hooks.example.cn/",
            "https://:secret@hooks.example.cn/",
            "https://hooks.example.cn/#part",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://017700000001/",
            "https://0/",
            "https://10.0.0.1/",
            "https://172.31.255.255/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://100.100.100.200/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:8.8.8.8]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[fd00:ec2::254]/",
            "https://localhost/",
            "https://metadata/",
            "https://hooks.example.cn./",
            "ftp://hooks.example.cn/",
            "file:///etc/passwd",
            "hooks.example.cn",
            "https://",
            "",
        ] {
            assert_eq!(check_url(url, &reach), Err(Code::UrlForbidden), "{url}");
        }
        let long = format!("https://hooks.example.cn/{}", "x".repeat(URL_BYTES_MAX));
        assert!(check_url(&long, &reach).is_err());
        for (url, kept) in [
            ("https://hooks.example.cn", "https://hooks.example.cn/"),
            ("https://HOOKS.example.cn:443/a?b=c", "https://hooks.example.cn/a?b=c"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
        ] {
            assert_eq!(check_url(url, &reach).as_deref(), Ok(kept));
        }
    }

    #[test]
    fn a_list_of_hosts_holds_everywhere() {
        let hosts = vec!["hooks.example.cn".to_owned()];
        for anywhere in [false, true] {
            let reach = Reach { anywhere, hosts: hosts.clone() };
            assert!(check_url("https://hooks.example.cn/a", &reach).is_ok());
            assert!(check_url("https://other.example.cn/a", &reach).is_err());
        }
        let tries_out = Reach { anywhere: true, hosts: Vec::new() };
        assert!(check_url("http://127.0.0.1:8080/", &tries_out).is_ok());
        assert!(check_url("ftp://127.0.0.1/", &tries_out).is_err());
    }

    /// The example of the Standard Webhooks libraries' own tests.
    #[test]
    fn a_signature_is_the_standards() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = signature(secret, id, 1_614_265_330, "{\"test\": 2432232314}").unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let signed = signature(secret, id, 7, "{}").unwrap();
        assert_ne!(signed, signature(secret, id, 8, "{}").unwrap());
        assert_ne!(signed, signature(&new_secret(), id, 7, "{}").unwrap());
        assert_eq!(signature("secret", id, 7, "{}"), None);
    }

    #[test]
    fn waits_grow_and_end_after_days() {
        let waits: Vec<_> = (1..=9).map(|n| wait_after(n).unwrap()).collect();
        assert!(waits.is_sorted());
        let all: TimeDelta = waits.into_iter().sum();
        assert!(all > TimeDelta::days(3) && all < DISABLED_AFTER, "{all}");
        assert_eq!(wait_after(10), None);
    }

    #[test]
    fn kinds_are_kept_once_and_found_whole() {
        assert_eq!(kinds_text(&[]), None);
        let text = kinds_text(&[Kind::DayRestated, Kind::DayFinal, Kind::DayFinal]).unwrap();
        assert_eq!(text, " day.final  day.restated ");
        for kind in Kind::ALL {
            assert_eq!(Kind::from_text(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
