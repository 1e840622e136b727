//! The keys of a deployment: they seal personal fields, index them blindly, and put MACs on the
//! ledger. One file holds them all; key management systems would be another constructor, not here.

mod codes;
mod faces;
mod file;
mod suite;

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use aes_gcm::aead::Payload;
use anyhow::{Context as _, anyhow};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretBox};
use sha2::{Digest as _, Sha256};

pub use suite::Suite;

/// Bytes of every key: what AES-256 wants, and as much as either hash gives strength for.
const KEY_BYTES: usize = 32;
/// Bytes of a GCM nonce; random ones are safe for 2^32 fields under one key, a city has fewer.
const NONCE_BYTES: usize = 12;
/// Bytes of a bearer token: twice the 128 bits that no one can guess.
const TOKEN_BYTES: usize = 32;
/// The envelopes of identities and of faces; the text before faces' keys had ids opens still.
const ENVELOPE: &str = "v1";
const FACE_ENVELOPE: &str = "f2";
/// Stands between the parts of what is authenticated, so that `ab‖c` is not `a‖bc`.
const SEPARATOR: u8 = 0x1f;

type Secret = SecretBox<[u8; KEY_BYTES]>;

/// All keys of a deployment. `Debug` shows ids only.
pub struct Keys {
    suite: Suite,
    rings: RwLock<Rings>,
    index: Secret,
    ledger: Secret,
    /// The second key of the ledger: without it a venue-day's digest cannot be repaired.
    digest: Secret,
    cursor: Secret,
    /// Where they were read, to find keys that are added later.
    file: Option<PathBuf>,
}

/// The encryption keys; all that changes while a server runs.
struct Rings {
    identities: Ring,
    /// Of photos; none in a file that is older than faces, until it is rotated.
    faces: Option<Ring>,
}

/// Keys by id: old ones stay to open what they sealed. The current one is always among them.
struct Ring {
    keys: BTreeMap<String, Secret>,
    current: String,
}

impl Keys {
    /// Fresh keys that live nowhere but here.
    pub fn generate() -> Self {
        Self::generate_for(Suite::usual())
    }

    fn generate_for(suite: Suite) -> Self {
        let rings = Rings { identities: Ring::fresh(), faces: Some(Ring::fresh()) };
        Self {
            suite,
            rings: rings.into(),
            index: new_secret(),
            ledger: new_secret(),
            digest: new_secret(),
            cursor: new_secret(),
            file: None,
        }
    }

    /// The name of the cipher that seals now.
    pub fn cipher(&self) -> &'static str {
        self.suite.cipher()
    }

    /// With what every envelope that is current begins: of identities, and of faces if they have a
    /// key.
    pub fn current_prefixes(&self) -> (String, Option<String>) {
        let rings = self.rings();
        let of = |kind: &str, ring: &Ring| format!("{kind}.{}.", ring.current);
        (of(ENVELOPE, &rings.identities), rings.faces.as_ref().map(|ring| of(FACE_ENVELOPE, ring)))
    }

    /// Encrypts a field of one row: `v1.<key id>.<cipher>.<nonce>.<ciphertext>`, base64url.
    /// The text opens only under the same table, column and row.
    pub fn seal(&self, table: &str, column: &str, row_id: &str, plain: &[u8]) -> String {
        let aad = aad(table, column, row_id);
        self.seal_with(ENVELOPE, &self.rings().identities, new_nonce(), &aad, plain)
    }

    fn seal_with(
        &self,
        envelope: &str,
        ring: &Ring,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        plain: &[u8],
    ) -> String {
        let key = ring.keys.get(&ring.current).expect("the current key is one of the keys");
        let sealed = self.suite.encrypt(key, nonce, Payload { msg: plain, aad });
        let (nonce, sealed) = (BASE64.encode(nonce), BASE64.encode(sealed));
        format!("{envelope}.{}.{}.{nonce}.{sealed}", ring.current, self.suite.cipher())
    }

    /// Decrypts what [`Keys::seal`] made for the same table, column and row; fails on a text that
    /// was changed, moved, or sealed by a key that the file does not hold.
    pub fn open(
        &self,
        table: &str,
        column: &str,
        row_id: &str,
        sealed: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let place = || format!("{table}.{column} of row {row_id}");
        let envelope = Envelope::read(ENVELOPE, sealed)
            .with_context(|| format!("{} is no envelope of a known kind", place()))?;
        if !self.rings().identities.keys.contains_key(envelope.id) {
            self.refresh()?;
        }
        let rings = self.rings();
        let key = rings.identities.keys.get(envelope.id);
        let key = key.with_context(|| format!("{}: no key {}", place(), envelope.id))?;
        let opened = envelope.open(key, &aad(table, column, row_id));
        opened.ok_or_else(|| anyhow!("{} does not open", place()))
    }

    /// The same for the same value, and nothing to whoever lacks the key: what a unique index or
    /// a search may hold of a document or phone number. `domain` keeps columns apart.
    pub fn blind_index(&self, domain: &str, value: &str) -> String {
        let mut text = domain.as_bytes().to_vec();
        text.push(SEPARATOR);
        text.extend_from_slice(value.as_bytes());
        BASE64.encode(self.suite.mac(&self.index, &text))
    }

    /// The MAC of a ledger row's fields.
    pub fn ledger_mac(&self, fields: &[u8]) -> [u8; 32] {
        self.suite.mac(&self.ledger, fields)
    }

    /// What a ledger row adds to its venue-day's digest: HMAC(second key, the row's MAC) as eight
    /// little-endian limbs of 32 bits. Limb sums stay in an i64 for two thousand million rows.
    pub fn digest_summand(&self, row_mac: &[u8; 32]) -> [i64; 8] {
        let bytes = self.suite.mac(&self.digest, row_mac);
        let mut limbs = [0; 8];
        for (limb, part) in limbs.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *limb = i64::from(u32::from_le_bytes(*part));
        }
        limbs
    }

    /// Cursors of lists that only this deployment can make.
    pub fn cursors(&self) -> super::page::Cursors {
        super::page::Cursors::new(self.cursor.expose_secret())
    }

    fn rings(&self) -> RwLockReadGuard<'_, Rings> {
        self.rings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn rings_mut(&self) -> RwLockWriteGuard<'_, Rings> {
        self.rings.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("suite", &self.suite)
            .field("current", &self.rings().identities.current)
            .finish_non_exhaustive()
    }
}

/// A sealed text, taken apart.
struct Envelope<'a> {
    id: &'a str,
    suite: Suite,
    nonce: [u8; NONCE_BYTES],
    text: Vec<u8>,
}

impl<'a> Envelope<'a> {
    fn read(kind: &str, sealed: &'a str) -> Option<Self> {
        let parts: Vec<&str> = sealed.split('.').collect();
        let [named, id, cipher, nonce, text] = parts[..] else { return None };
        if named != kind {
            return None;
        }
        let nonce = BASE64.decode(nonce).ok()?.try_into().ok()?;
        Some(Self { id, suite: Suite::of_cipher(cipher)?, nonce, text: BASE64.decode(text).ok()? })
    }

    fn open(&self, key: &Secret, aad: &[u8]) -> Option<Vec<u8>> {
        self.suite.decrypt(key, self.nonce, Payload { msg: &self.text, aad })
    }
}

/// A new bearer token: 256 random bits, base64url. Only [`token_hash`] of it is stored.
pub fn new_token() -> String {
    let mut bytes = [0; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    BASE64.encode(bytes)
}

/// What is stored of a bearer token: SHA-256 in lower hex. Unkeyed, since nobody can guess one.
pub fn token_hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

fn new_secret() -> Secret {
    SecretBox::init_with_mut(|bytes: &mut [u8; KEY_BYTES]| rand::rng().fill_bytes(bytes))
}

fn new_nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    rand::rng().fill_bytes(&mut nonce);
    nonce
}

fn aad(table: &str, column: &str, row_id: &str) -> Vec<u8> {
    [table.as_bytes(), column.as_bytes(), row_id.as_bytes()].join(&SEPARATOR)
}

#[cfg(test)]
mod tests;
