//! The key of faces, apart from the keys of identities: whoever has the one reads no face with it,
//! and whoever has the other no name.

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead as _, KeyInit as _, Payload},
};
use anyhow::{Context as _, anyhow};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rand::RngCore as _;
use secrecy::ExposeSecret as _;

use super::{Keys, NONCE_BYTES, aad};

const ENVELOPE: &str = "f1";

impl Keys {
    /// Encrypts a photo under its handle; nothing where the key file is older than faces and
    /// `keys rotate` has not added their key yet.
    pub fn seal_face(&self, handle: &str, photo: &[u8]) -> Option<String> {
        let key = self.face.as_ref()?;
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let aad = aad("faces", "photo_ct", handle);
        let sealed = Aes256Gcm::new(key.expose_secret().into())
            .encrypt(&nonce.into(), Payload { msg: photo, aad: &aad })
            .expect("AES-GCM only refuses texts of 64 GiB and more");
        Some(format!("{ENVELOPE}.{}.{}", BASE64.encode(nonce), BASE64.encode(sealed)))
    }

    /// Decrypts a photo that was sealed under this handle.
    pub fn open_face(&self, handle: &str, sealed: &str) -> anyhow::Result<Vec<u8>> {
        let unreadable = || anyhow!("a face does not open");
        let key = self.face.as_ref().context("the key file has no key for faces")?;
        let mut parts = sealed.split('.');
        let (Some(ENVELOPE), Some(nonce), Some(text)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(unreadable());
        };
        let nonce = BASE64.decode(nonce).map_err(|_| unreadable())?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| unreadable())?;
        let text = BASE64.decode(text).map_err(|_| unreadable())?;
        let aad = aad("faces", "photo_ct", handle);
        Aes256Gcm::new(key.expose_secret().into())
            .decrypt(&nonce.into(), Payload { msg: &text, aad: &aad })
            .map_err(|_| unreadable())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_opens_under_its_handle_and_its_key_only() {
        let keys = Keys::generate();
        let sealed = keys.seal_face("h", b"photo").unwrap();
        assert_eq!(keys.open_face("h", &sealed).unwrap(), b"photo");
        assert!(keys.open_face("i", &sealed).is_err());
        assert!(Keys::generate().open_face("h", &sealed).is_err());
        assert!(keys.open("faces", "photo_ct", "h", &sealed).is_err(), "no other key opens it");
        let other = keys.seal("faces", "photo_ct", "h", b"photo");
        assert!(keys.open_face("h", &other).is_err());
    }
}
