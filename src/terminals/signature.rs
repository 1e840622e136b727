//! The signature of a native terminal's request: which bytes, by which MAC. Pure.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use sm3::Sm3;

/// Bytes of a terminal's key.
pub const SECRET_BYTES: usize = 32;

/// Which hash the MAC is built on; SM3 for terminals under Chinese commercial cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sha256,
    Sm3,
}

impl Scheme {
    fn prefix(self) -> &'static str {
        match self {
            Scheme::Sha256 => "v1=",
            Scheme::Sm3 => "v1s=",
        }
    }
}

/// What is signed of a request beside its body, each as it stands in the request.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    pub method: &'a str,
    pub path_and_query: &'a str,
    pub terminal: &'a str,
    pub key: &'a str,
    /// Unix seconds.
    pub timestamp: &'a str,
    /// Empty where none is needed.
    pub nonce: &'a str,
}

/// The `Fitgate-Signature` header of a request.
pub fn sign(scheme: Scheme, secret: &[u8], envelope: &Envelope, body: &[u8]) -> String {
    header(scheme, &mac(scheme, secret, &lines(envelope, body)))
}

/// Whether `header` signs this request with this key; takes as long whether or not it does.
/// Answers by which scheme.
pub fn verify(secret: &[u8], envelope: &Envelope, body: &[u8], header: &str) -> Option<Scheme> {
    let schemes = [Scheme::Sha256, Scheme::Sm3];
    let given = |scheme: Scheme| header.strip_prefix(scheme.prefix()).map(|hex| (scheme, hex));
    let (scheme, text) = schemes.into_iter().find_map(given)?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    let lines = lines(envelope, body);
    let matches = match scheme {
        Scheme::Sha256 => keyed::<Hmac<Sha256>>(secret, &lines).verify_slice(&bytes),
        Scheme::Sm3 => keyed::<Hmac<Sm3>>(secret, &lines).verify_slice(&bytes),
    };
    matches.ok().map(|()| scheme)
}

/// The `Fitgate-Time-Signature` header: our time, for a device whose clock is lost, bound to the
/// request that it answers. Signed are the lines `v1`, `time`, terminal, key id, the request's
/// timestamp, its nonce, and our Unix seconds.
pub fn sign_time(scheme: Scheme, secret: &[u8], envelope: &Envelope, now_s: i64) -> String {
    let Envelope { terminal, key, timestamp, nonce, .. } = envelope;
    let lines = format!("v1\ntime\n{terminal}\n{key}\n{timestamp}\n{nonce}\n{now_s}");
    header(scheme, &mac(scheme, secret, &lines))
}

fn lines(envelope: &Envelope, body: &[u8]) -> String {
    let Envelope { method, path_and_query, terminal, key, timestamp, nonce } = envelope;
    let mut digest = [0; 64];
    hex::encode_to_slice(Sha256::digest(body), &mut digest).expect("64 digits hold 32 bytes");
    let digest = str::from_utf8(&digest).expect("hex digits are ASCII");
    let mut lines = String::with_capacity(256);
    write!(
        lines,
        "v1\n{method}\n{path_and_query}\n{digest}\n{terminal}\n{key}\n{timestamp}\n{nonce}"
    )
    .expect("a String takes all text");
    lines
}

fn keyed<M: Mac + hmac::KeyInit>(secret: &[u8], lines: &str) -> M {
    let mut mac =
        <M as hmac::KeyInit>::new_from_slice(secret).expect("HMAC takes keys of every length");
    mac.update(lines.as_bytes());
    mac
}

fn mac(scheme: Scheme, secret: &[u8], lines: &str) -> [u8; 32] {
    match scheme {
        Scheme::Sha256 => keyed::<Hmac<Sha256>>(secret, lines).finalize().into_bytes().into(),
        Scheme::Sm3 => keyed::<Hmac<Sm3>>(secret, lines).finalize().into_bytes().into(),
    }
}

fn header(scheme: Scheme, mac: &[u8; 32]) -> String {
    format!("{}{}", scheme.prefix(), hex::encode(mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const ENVELOPE: Envelope = Envelope {
        method: "POST",
        path_and_query: "/api/v1/terminal/events?x=1",
        terminal: "0199aaaa-0000-7000-8000-000000000001",
        key: "0199aaaa-0000-7000-8000-000000000002",
        timestamp: "1795000000",
        nonce: "",
    };

    #[test]
    fn the_signed_lines_are_those_of_the_protocol() {
        let lines = lines(&ENVELOPE, b"");
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let expected = [
            "v1",
            "POST",
            "/api/v1/terminal/events?x=1",
            empty,
            "0199aaaa-0000-7000-8000-000000000001",
            "0199aaaa-0000-7000-8000-000000000002",
            "1795000000",
            "",
        ];
        assert_eq!(lines.split('\n').collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_signature_holds_for_its_own_request_only() {
        for scheme in [Scheme::Sha256, Scheme::Sm3] {
            let header = sign(scheme, SECRET, &ENVELOPE, b"{}");
            assert_eq!(verify(SECRET, &ENVELOPE, b"{}", &header), Some(scheme));
            assert_eq!(verify(SECRET, &ENVELOPE, b"{ }", &header), None);
            assert_eq!(verify(b"another key", &ENVELOPE, b"{}", &header), None);
            for other in [
                Envelope { method: "GET", ..ENVELOPE },
                Envelope { path_and_query: "/api/v1/terminal/events", ..ENVELOPE },
                Envelope { terminal: "x", ..ENVELOPE },
                Envelope { key: "x", ..ENVELOPE },
                Envelope { timestamp: "1795000001", ..ENVELOPE },
                Envelope { nonce: "n", ..ENVELOPE },
            ] {
                assert_eq!(verify(SECRET, &other, b"{}", &header), None);
            }
        }
    }

    /// Each MAC gives 256 bits; a shorter key would give less, a longer one no more.
    #[test]
    fn a_key_is_as_long_as_what_it_signs_with() {
        assert_eq!(SECRET_BYTES, mac(Scheme::Sha256, SECRET, "").len());
        assert_eq!(SECRET_BYTES, mac(Scheme::Sm3, SECRET, "").len());
    }

    #[test]
    fn nonsense_is_no_signature() {
        for header in ["", "v1=", "v1=zz", "v2=00", "v1s=00ff", &"v1=0".repeat(999)] {
            assert_eq!(verify(SECRET, &ENVELOPE, b"", header), None, "{header}");
        }
    }

    /// RFC 4231, test case 2, and the value that OpenSSL gives for HMAC-SM3 of the same.
    #[test]
    fn the_macs_are_the_standard_ones() {
        let text = "what do ya want for nothing?";
        let sha = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(mac(Scheme::Sha256, b"Jefe", text)), sha);
        let sm3 = "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882";
        assert_eq!(hex::encode(mac(Scheme::Sm3, b"Jefe", text)), sm3);
    }
}
