//! Signatures of the codes that people show at doors: Ed25519, so that a terminal could check one
//! with the public key alone.

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::Keys;

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 64;
/// What the seed is derived for, from a key that every replica has.
const SEED_FOR: &[u8] = b"fitgate door codes 1";

impl Keys {
    fn door_key(&self) -> Ed25519KeyPair {
        let seed = self.suite.mac(&self.cursor, SEED_FOR);
        Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed has 32 bytes")
    }

    /// Signs what a door code says.
    pub fn sign_code(&self, text: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self.door_key().sign(text);
        signature.as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// Whether this deployment signed what a door code says.
    pub fn has_signed_code(&self, text: &[u8], signature: &[u8]) -> bool {
        let key = self.door_key();
        UnparsedPublicKey::new(&ED25519, key.public_key()).verify(text, signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_deployment_signs() {
        let keys = Keys::generate();
        let signature = keys.sign_code(b"text");
        assert!(keys.has_signed_code(b"text", &signature));
        assert!(!keys.has_signed_code(b"test", &signature));
        assert!(!Keys::generate().has_signed_code(b"text", &signature));
        assert!(!keys.has_signed_code(b"text", &signature[..63]));
    }
}
