//! The two suites of symmetric cryptography that a deployment can have: AES-256-GCM with
//! HMAC-SHA-256, or SM4-GCM with HMAC-SM3 where commercial cryptography is asked for. A key is 32
//! bytes in both; SM4's 16 are derived, so that no key ever serves two ciphers.

use aes_gcm::{
    Aes256Gcm, AesGcm,
    aead::{Aead as _, KeyInit, Payload, consts::U12},
};
use clap::ValueEnum;
use hmac::{Hmac, Mac as _};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use sm3::Sm3;
use sm4::Sm4;

use super::{NONCE_BYTES, Secret};

/// What SM4 keys are derived for.
const SM4_FOR: &[u8] = b"fitgate sm4-gcm 1";
const SM4_KEY_BYTES: usize = 16;

/// Which cipher and hash a deployment uses; chosen when its keys are made, and kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    /// AES-256-GCM and HMAC-SHA-256.
    #[default]
    Aes,
    /// SM4-GCM and HMAC-SM3.
    Sm,
}

impl Suite {
    /// The suite of whoever names none.
    #[cfg(not(test))]
    pub(super) fn usual() -> Self {
        Self::default()
    }

    /// The suite that a run of the tests is about.
    #[cfg(test)]
    #[expect(clippy::disallowed_methods, reason = "the runner names the ciphers by a variable")]
    pub(super) fn usual() -> Self {
        let named = std::env::var("FITGATE_CIPHERS").unwrap_or_default();
        Self::from_str(&named, true).unwrap_or_default()
    }

    /// The cipher's name in envelopes.
    pub(super) fn cipher(self) -> &'static str {
        match self {
            Self::Aes => "A256GCM",
            Self::Sm => "SM4GCM",
        }
    }

    pub(super) fn of_cipher(name: &str) -> Option<Self> {
        [Self::Aes, Self::Sm].into_iter().find(|suite| suite.cipher() == name)
    }

    pub(super) fn encrypt(
        self,
        key: &Secret,
        nonce: [u8; NONCE_BYTES],
        payload: Payload<'_, '_>,
    ) -> Vec<u8> {
        let sealed = match self {
            Self::Aes => Aes256Gcm::new(key.expose_secret().into()).encrypt(&nonce.into(), payload),
            Self::Sm => sm4(key).encrypt(&nonce.into(), payload),
        };
        sealed.expect("GCM only refuses texts of 64 GiB and more")
    }

    /// Nothing where the text was changed or is another key's.
    pub(super) fn decrypt(
        self,
        key: &Secret,
        nonce: [u8; NONCE_BYTES],
        payload: Payload<'_, '_>,
    ) -> Option<Vec<u8>> {
        let opened = match self {
            Self::Aes => Aes256Gcm::new(key.expose_secret().into()).decrypt(&nonce.into(), payload),
            Self::Sm => sm4(key).decrypt(&nonce.into(), payload),
        };
        opened.ok()
    }

    pub(super) fn mac(self, key: &Secret, text: &[u8]) -> [u8; 32] {
        match self {
            Self::Aes => {
                let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret())
                    .expect("HMAC takes keys of every length");
                mac.update(text);
                mac.finalize().into_bytes().into()
            }
            Self::Sm => sm3_mac(key.expose_secret(), text),
        }
    }
}

fn sm3_mac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sm3>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn sm4(key: &Secret) -> AesGcm<Sm4, U12> {
    let derived = sm3_mac(key.expose_secret(), SM4_FOR);
    let key: [u8; SM4_KEY_BYTES] = *derived.first_chunk().expect("a MAC has 32 bytes");
    gcm(key)
}

fn gcm(key: [u8; SM4_KEY_BYTES]) -> AesGcm<Sm4, U12> {
    AesGcm::new(&key.into())
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;
    use sm4::cipher::BlockCipherEncrypt as _;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn sm3_gives_the_standards_answers() {
        let abc = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0";
        let long = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732";
        assert_eq!(hex::encode(Sm3::digest("abc")), abc, "GB/T 32905, example 1");
        assert_eq!(hex::encode(Sm3::digest("abcd".repeat(16))), long, "GB/T 32905, example 2");
    }

    #[test]
    fn hmac_sm3_gives_the_standards_answer() {
        let key = hex("0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20");
        let text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".repeat(2);
        let wanted = "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a";
        assert_eq!(hex::encode(sm3_mac(&key, text.as_bytes())), wanted, "GM/T 0042");
        let key = Secret::new(Box::new(key.try_into().unwrap()));
        assert_eq!(hex::encode(Suite::Sm.mac(&key, text.as_bytes())), wanted);
    }

    #[test]
    fn sm4_gives_the_standards_answers() {
        let block: [u8; 16] = hex("0123456789abcdeffedcba9876543210").try_into().unwrap();
        let cipher = <Sm4 as KeyInit>::new(&block.into());
        let mut text = block.into();
        cipher.encrypt_block(&mut text);
        assert_eq!(hex::encode(text), "681edf34d206965e86b3e94f536e4246", "GB/T 32907, example 1");
        for _ in 1..1_000_000 {
            cipher.encrypt_block(&mut text);
        }
        assert_eq!(hex::encode(text), "595298c7c6fd271f0402f804c33d3f66", "GB/T 32907, example 2");
    }

    #[test]
    fn sm4_gcm_gives_the_answer_of_rfc_8998() {
        let key: [u8; 16] = hex("0123456789abcdeffedcba9876543210").try_into().unwrap();
        let nonce: [u8; 12] = hex("00001234567800000000abcd").try_into().unwrap();
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = hex("aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd\
             eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa");
        let sealed = gcm(key).encrypt(&nonce.into(), Payload { msg: &plain, aad: &aad }).unwrap();
        let wanted = "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735\
             d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d\
             83de3541e4c2b58177e065a9bf7b62ec";
        assert_eq!(hex::encode(sealed), wanted);
    }

    #[test]
    fn neither_suite_opens_what_the_other_sealed() {
        let key = Secret::new(Box::new([7; 32]));
        let nonce = [1; NONCE_BYTES];
        for (one, other) in [(Suite::Aes, Suite::Sm), (Suite::Sm, Suite::Aes)] {
            let sealed = one.encrypt(&key, nonce, Payload { msg: b"text", aad: b"place" });
            let open = |suite: Suite, aad: &'static [u8]| {
                suite.decrypt(&key, nonce, Payload { msg: &sealed, aad })
            };
            assert_eq!(open(one, b"place").unwrap(), b"text");
            assert_eq!((open(one, b"elsewhere"), open(other, b"place")), (None, None));
        }
    }
}
