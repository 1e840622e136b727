//! The keys of faces, apart from the keys of identities: whoever has the one reads no face with it,
//! and whoever has the other no name.

use anyhow::{Context as _, anyhow};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use super::{Envelope, FACE_ENVELOPE, Keys, Suite, aad, file::FIRST_FACE_KEY, new_nonce};

/// What was sealed before the keys of faces had ids: `f1.<nonce>.<ciphertext>`, AES-256-GCM.
const FIRST_ENVELOPE: &str = "f1";

impl Keys {
    /// Encrypts a photo under its handle; nothing where the key file is older than faces and
    /// `keys rotate` has not added their key yet.
    pub fn seal_face(&self, handle: &str, photo: &[u8]) -> Option<String> {
        let rings = self.rings();
        let ring = rings.faces.as_ref()?;
        Some(self.seal_with(FACE_ENVELOPE, ring, new_nonce(), &place(handle), photo))
    }

    /// Decrypts a photo that was sealed under this handle.
    pub fn open_face(&self, handle: &str, sealed: &str) -> anyhow::Result<Vec<u8>> {
        let envelope = Envelope::read(FACE_ENVELOPE, sealed).or_else(|| first(sealed));
        let envelope = envelope.context("a face is in no envelope of a known kind")?;
        if !self.has_face_key(envelope.id) {
            self.refresh()?;
        }
        let rings = self.rings();
        let key = rings.faces.as_ref().and_then(|ring| ring.keys.get(envelope.id));
        let key = key.with_context(|| format!("a face: no key {}", envelope.id))?;
        envelope.open(key, &place(handle)).ok_or_else(|| anyhow!("a face does not open"))
    }

    fn has_face_key(&self, id: &str) -> bool {
        self.rings().faces.as_ref().is_some_and(|ring| ring.keys.contains_key(id))
    }
}

fn first(sealed: &str) -> Option<Envelope<'static>> {
    let (nonce, text) = sealed.strip_prefix(FIRST_ENVELOPE)?.strip_prefix('.')?.split_once('.')?;
    Some(Envelope {
        id: FIRST_FACE_KEY,
        suite: Suite::Aes,
        nonce: BASE64.decode(nonce).ok()?.try_into().ok()?,
        text: BASE64.decode(text).ok()?,
    })
}

fn place(handle: &str) -> Vec<u8> {
    aad("faces", "photo_ct", handle)
}

/// A photo as it was sealed before the keys of faces had ids.
#[cfg(test)]
pub(super) fn seal_as_before(keys: &Keys, handle: &str, photo: &[u8]) -> String {
    let (rings, nonce) = (keys.rings(), new_nonce());
    let key = &rings.faces.as_ref().unwrap().keys[FIRST_FACE_KEY];
    let sealed =
        Suite::Aes.encrypt(key, nonce, aes_gcm::aead::Payload { msg: photo, aad: &place(handle) });
    format!("{FIRST_ENVELOPE}.{}.{}", BASE64.encode(nonce), BASE64.encode(sealed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_opens_under_its_handle_and_its_key_only() {
        for suite in [Suite::Aes, Suite::Sm] {
            let keys = Keys::generate_for(suite);
            let sealed = keys.seal_face("h", b"photo").unwrap();
            assert_eq!(keys.open_face("h", &sealed).unwrap(), b"photo");
            assert!(keys.open_face("i", &sealed).is_err());
            assert!(Keys::generate().open_face("h", &sealed).is_err());
            assert!(keys.open("faces", "photo_ct", "h", &sealed).is_err(), "no other key opens it");
            let other = keys.seal("faces", "photo_ct", "h", b"photo");
            assert!(keys.open_face("h", &other).is_err());
        }
    }
}
