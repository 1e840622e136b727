//! Digest authentication (RFC 7616, MD5 as the devices want it): the answer to a device's
//! challenge. Pure.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

/// What a device asks us to prove ourselves with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    has_qop: bool,
}

/// Whom we are at a device.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    pub user: &'a str,
    pub password: &'a str,
}

impl Challenge {
    /// Reads a `WWW-Authenticate` header; none if it asks for something else than MD5 digests.
    pub fn read(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let field = |name: &str| fields(rest).find(|(found, _)| found == name).map(|(_, v)| v);
        if field("algorithm").is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("md5")) {
            return None;
        }
        let qop = field("qop");
        let offers = |qop: &String| qop.split(',').any(|one| one.trim() == "auth");
        if qop.as_ref().is_some_and(|qop| !offers(qop)) {
            return None;
        }
        Some(Self {
            realm: field("realm")?,
            nonce: field("nonce")?,
            opaque: field("opaque").filter(|opaque| !opaque.is_empty()),
            has_qop: qop.is_some(),
        })
    }

    /// The `Authorization` header of the first request under this challenge.
    pub fn answer(&self, login: Login, method: &str, uri: &str, own_nonce: &str) -> String {
        let Login { user, password } = login;
        let Self { realm, nonce, .. } = self;
        let who = hash(&format!("{user}:{realm}:{password}"));
        let what = hash(&format!("{method}:{uri}"));
        let proof = if self.has_qop {
            hash(&format!("{who}:{nonce}:00000001:{own_nonce}:auth:{what}"))
        } else {
            hash(&format!("{who}:{nonce}:{what}"))
        };
        let mut header = format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{proof}\", algorithm=MD5"
        );
        if self.has_qop {
            let _ = write!(header, ", qop=auth, nc=00000001, cnonce=\"{own_nonce}\"");
        }
        if let Some(opaque) = &self.opaque {
            let _ = write!(header, ", opaque=\"{opaque}\"");
        }
        header
    }
}

/// `name=value, name="value, with comma"` pairs.
fn fields(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, behind) = rest.split_once('=')?;
        let name = name.trim_matches([' ', ',', '\t']).to_ascii_lowercase();
        let (value, behind) = match behind.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => behind.split_once(',').unwrap_or((behind, "")),
        };
        rest = behind;
        Some((name, value.trim().to_owned()))
    })
}

fn hash(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::survive;

    const DEVICE: &str = "Digest qop=\"auth\", realm=\"DS-00000000\", nonce=\"OGRj\", \
                          stale=\"false\", opaque=\"\", domain=\"::\"";

    #[test]
    fn the_example_of_the_standard_is_answered_as_there() {
        let header = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let challenge = Challenge::read(header).unwrap();
        let login = Login { user: "Mufasa", password: "Circle Of Life" };
        let answer = challenge.answer(login, "GET", "/dir/index.html", "0a4f113b");
        assert!(answer.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{answer}");
        assert!(answer.contains("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), "{answer}");
    }

    #[test]
    fn a_devices_challenge_is_read_and_others_are_not() {
        let challenge = Challenge::read(DEVICE).unwrap();
        assert_eq!((challenge.realm.as_str(), challenge.opaque), ("DS-00000000", None));
        for other in [
            "",
            "Basic realm=\"x\"",
            "Digest nonce=\"x\"",
            "Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256",
            "Digest realm=\"a\", nonce=\"b\", qop=\"auth-int\"",
        ] {
            assert_eq!(Challenge::read(other), None, "{other}");
        }
    }

    #[test]
    fn no_mutation_stops_the_reader_of_challenges() {
        survive("digest", &[DEVICE.as_bytes().to_vec()]);
    }
}
