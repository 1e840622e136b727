//! The two old primitives that the platform still speaks: SHA-1 over joined texts, and AES in CBC
//! mode with PKCS#7 padding. Only for what WeChat sends; nothing of ours rests on them.

use aes::cipher::{BlockCipherDecrypt, KeyInit};
use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

/// Bytes of an AES block.
const BLOCK: usize = 16;

/// Lower-case hex of SHA-1 over the texts one after the other.
pub fn sha1_hex(parts: &[&str]) -> String {
    let mut hash = Sha1::new();
    for part in parts {
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Compares a signature without telling by time how much of it was right.
pub fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// Decrypts, and takes the padding off. `padded_to` is up to where it may fill: 16 for data of a
/// mini-program, 32 for pushes. Every byte of the padding is looked at whatever it says.
pub fn decrypt<C>(key: &[u8], iv: &[u8], text: &[u8], padded_to: usize) -> Option<Vec<u8>>
where
    C: KeyInit + BlockCipherDecrypt,
{
    let cipher = C::new_from_slice(key).ok()?;
    if text.is_empty()
        || !text.len().is_multiple_of(BLOCK)
        || iv.len() != BLOCK
        || C::block_size() != BLOCK
    {
        return None;
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut before = iv;
    for block in text.chunks_exact(BLOCK) {
        let mut opened = aes::cipher::Block::<C>::try_from(block).ok()?;
        cipher.decrypt_block(&mut opened);
        plain.extend(opened.iter().zip(before).map(|(byte, mask)| byte ^ mask));
        before = block;
    }
    let filled = usize::from(*plain.last()?);
    let looked_at = plain.len().min(padded_to);
    let wrong = plain.iter().rev().take(looked_at).enumerate().fold(0_usize, |wrong, (n, byte)| {
        wrong + usize::from(n < filled && usize::from(*byte) != filled)
    });
    let fits = (1..=looked_at).contains(&filled) && wrong == 0;
    plain.truncate(plain.len().saturating_sub(filled));
    fits.then_some(plain)
}

#[cfg(test)]
mod tests {
    use aes::Aes128;
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;

    #[test]
    fn damaged_text_and_padding_are_no_text() {
        let key = [7; 16];
        for text in [&[][..], &[0; 15], &[0; 17], &[0; 16]] {
            assert!(decrypt::<Aes128>(&key, &[0; 16], text, 16).is_none());
        }
        assert!(decrypt::<Aes128>(&[7; 15], &[0; 16], &[0; 16], 16).is_none());
        assert!(decrypt::<Aes128>(&key, &[0; 15], &[0; 16], 16).is_none());
    }

    #[test]
    fn the_platforms_own_vectors_come_out() {
        let Some(vector) = super::super::tests::vector("08-encrypteddata-vector.json") else {
            return;
        };
        let bytes = |name: &str| STANDARD.decode(vector[name].as_str().unwrap()).unwrap();
        let (key, iv, text) = (bytes("session_key"), bytes("iv"), bytes("encryptedData"));
        let plain = decrypt::<Aes128>(&key, &iv, &text, 16).unwrap();
        assert_eq!(String::from_utf8(plain).unwrap(), vector["plaintext"].as_str().unwrap());
        let mut other = key.clone();
        other[0] ^= 1;
        assert!(decrypt::<Aes128>(&other, &iv, &text, 16).is_none(), "another key gives garbage");

        let vector = super::super::tests::vector("07-signature-vector.json").unwrap();
        let texts = ["rawData", "session_key"].map(|name| vector[name].as_str().unwrap());
        assert_eq!(sha1_hex(&texts), vector["signature"].as_str().unwrap());
        assert!(is_same("ab", "ab") && !is_same("ab", "ac") && !is_same("ab", "abc"));
    }
}
