//! The keys of a deployment: they seal personal fields, index them blindly, and put MACs on the
//! ledger. One file holds them all; key management systems would be another constructor, not here.

mod codes;
mod faces;

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use aes_gcm::{
    Aes256Gcm,
    aead::{Aead as _, KeyInit as _, Payload},
};
use anyhow::{Context as _, anyhow, bail, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretBox};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Bytes of every key: what AES-256 wants, and as much as HMAC-SHA-256 gives strength for.
const KEY_BYTES: usize = 32;
/// Bytes of a GCM nonce; random ones are safe for 2^32 fields under one key, a city has fewer.
const NONCE_BYTES: usize = 12;
/// Bytes of a bearer token: twice the 128 bits that no one can guess.
const TOKEN_BYTES: usize = 32;
/// The envelope's version and its one cipher as yet; a second cipher brings its own name.
const ENVELOPE: &str = "v1";
const AES_256_GCM: &str = "A256GCM";
/// Stands between the parts of what is authenticated, so that `ab‖c` is not `a‖bc`.
const SEPARATOR: u8 = 0x1f;
/// Whoever may read the file may read everybody's documents.
const FILE_MODE: u32 = 0o600;
const FOR_EVERYBODY: u32 = 0o007;

type Secret = SecretBox<[u8; KEY_BYTES]>;

/// All keys of a deployment. `Debug` shows ids only.
pub struct Keys {
    /// By id; old ones stay to open what they sealed.
    encryption: BTreeMap<String, Secret>,
    /// The id of the key that seals; always one of `encryption`.
    current: String,
    index: Secret,
    ledger: Secret,
    /// The second key of the ledger: without it a venue-day's digest cannot be repaired.
    digest: Secret,
    cursor: Secret,
    /// Of photos; none in a file that is older than faces, until it is rotated.
    face: Option<Secret>,
}

impl Keys {
    /// Fresh keys that live nowhere but here.
    pub fn generate() -> Self {
        let (current, key) = new_encryption_key();
        Self {
            encryption: BTreeMap::from([(current.clone(), key)]),
            current,
            index: new_secret(),
            ledger: new_secret(),
            digest: new_secret(),
            cursor: new_secret(),
            face: Some(new_secret()),
        }
    }

    /// Reads the file at `path`; refuses one that others on the machine may read.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mode = fs::metadata(path)
            .with_context(|| format!("the key file {shown} cannot be read"))?
            .permissions()
            .mode();
        ensure!(
            mode & FOR_EVERYBODY == 0,
            "the key file {shown} is open to everybody: chmod 600 it"
        );
        let text = fs::read_to_string(path)
            .with_context(|| format!("the key file {shown} cannot be read"))?;
        // The parser's own words could quote a key.
        let file: KeyFile =
            serde_json::from_str(&text).map_err(|_| anyhow!("{shown} is not a key file"))?;
        file.into_keys().with_context(|| format!("the key file {shown} is damaged"))
    }

    /// Makes fresh keys and writes them to `path`, which must not exist yet.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let keys = Self::generate();
        let draft = keys.write_draft(path)?;
        // A link fails where the file exists, so that of two first starts only one makes keys.
        let placed = fs::hard_link(&draft, path);
        fs::remove_file(&draft).ok();
        placed.with_context(|| format!("the key file {} cannot be made", path.display()))?;
        Ok(keys)
    }

    /// Reads the file at `path`, made first when absent; for development.
    pub fn load_or_create(path: &Path) -> anyhow::Result<Self> {
        if !path.exists() {
            match Self::create(path) {
                Err(error) if is_already_there(&error) => {}
                made => return made,
            }
        }
        Self::load(path)
    }

    /// Adds an encryption key to the file at `path` and makes it current; answers its id.
    /// What the older keys sealed stays readable. Running servers see it when they start again.
    pub fn rotate(path: &Path) -> anyhow::Result<String> {
        let mut keys = Self::load(path)?;
        let (id, key) = new_encryption_key();
        keys.encryption.insert(id.clone(), key);
        keys.current.clone_from(&id);
        keys.face.get_or_insert_with(new_secret);
        let draft = keys.write_draft(path)?;
        fs::rename(&draft, path)
            .with_context(|| format!("the key file {} cannot be replaced", path.display()))?;
        Ok(id)
    }

    /// The id of the key that seals now; every envelope names its own.
    pub fn current_id(&self) -> &str {
        &self.current
    }

    /// Encrypts a field of one row: `v1.<key id>.<algorithm>.<nonce>.<ciphertext>`, base64url.
    /// The text opens only under the same table, column and row.
    pub fn seal(&self, table: &str, column: &str, row_id: &str, plain: &[u8]) -> String {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        self.seal_with(nonce, &aad(table, column, row_id), plain)
    }

    fn seal_with(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], plain: &[u8]) -> String {
        let key = self.encryption.get(&self.current).expect("the current key is one of the keys");
        let sealed = Aes256Gcm::new(key.expose_secret().into())
            .encrypt(&nonce.into(), Payload { msg: plain, aad })
            .expect("AES-GCM only refuses texts of 64 GiB and more");
        let (nonce, sealed) = (BASE64.encode(nonce), BASE64.encode(sealed));
        format!("{ENVELOPE}.{}.{AES_256_GCM}.{nonce}.{sealed}", self.current)
    }

    /// Decrypts what [`Keys::seal`] made for the same table, column and row; fails on a text that
    /// was changed, moved, or sealed by a key that this file does not hold.
    pub fn open(
        &self,
        table: &str,
        column: &str,
        row_id: &str,
        sealed: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let parts: Vec<&str> = sealed.split('.').collect();
        let [ENVELOPE, id, AES_256_GCM, nonce, text] = parts[..] else {
            bail!("{table}.{column} of row {row_id} is no envelope of a known kind");
        };
        let key = self
            .encryption
            .get(id)
            .with_context(|| format!("{table}.{column} of row {row_id}: no key {id}"))?;
        let unreadable = || anyhow!("{table}.{column} of row {row_id} does not open");
        let nonce = BASE64.decode(nonce).map_err(|_| unreadable())?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| unreadable())?;
        let text = BASE64.decode(text).map_err(|_| unreadable())?;
        Aes256Gcm::new(key.expose_secret().into())
            .decrypt(&nonce.into(), Payload { msg: &text, aad: &aad(table, column, row_id) })
            .map_err(|_| unreadable())
    }

    /// The same for the same value, and nothing to whoever lacks the key: what a unique index or
    /// a search may hold of a document or phone number. `domain` keeps columns apart.
    pub fn blind_index(&self, domain: &str, value: &str) -> String {
        let mut text = domain.as_bytes().to_vec();
        text.push(SEPARATOR);
        text.extend_from_slice(value.as_bytes());
        BASE64.encode(mac(&self.index, &text))
    }

    /// The MAC of a ledger row's fields.
    pub fn ledger_mac(&self, fields: &[u8]) -> [u8; 32] {
        mac(&self.ledger, fields)
    }

    /// What a ledger row adds to its venue-day's digest: HMAC(second key, the row's MAC) as eight
    /// little-endian limbs of 32 bits. Limb sums stay in an i64 for two thousand million rows.
    pub fn digest_summand(&self, row_mac: &[u8; 32]) -> [i64; 8] {
        let bytes = mac(&self.digest, row_mac);
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

    /// Writes a complete, flushed file beside `path` and answers where.
    fn write_draft(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}", uuid::Uuid::now_v7()));
        let draft = PathBuf::from(draft);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&draft)
            .with_context(|| format!("{} cannot be written", draft.display()))?;
        // The process's umask may have taken bits, never added any.
        file.set_permissions(Permissions::from_mode(FILE_MODE))?;
        serde_json::to_writer_pretty(&mut file, &KeyFile::of(self))?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        Ok(draft)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("current", &self.current).finish_non_exhaustive()
    }
}

/// The file's form; keys are base64url of 32 bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    current: String,
    encryption: BTreeMap<String, String>,
    index: String,
    ledger: String,
    digest: String,
    cursor: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    face: Option<String>,
}

impl KeyFile {
    fn of(keys: &Keys) -> Self {
        let text = |secret: &Secret| BASE64.encode(secret.expose_secret());
        Self {
            current: keys.current.clone(),
            encryption: keys.encryption.iter().map(|(id, key)| (id.clone(), text(key))).collect(),
            index: text(&keys.index),
            ledger: text(&keys.ledger),
            digest: text(&keys.digest),
            cursor: text(&keys.cursor),
            face: keys.face.as_ref().map(text),
        }
    }

    fn into_keys(self) -> anyhow::Result<Keys> {
        let mut encryption = BTreeMap::new();
        for (id, text) in self.encryption {
            ensure!(!id.is_empty() && !id.contains('.'), "a key id has no dot");
            encryption.insert(id, read_secret(&text)?);
        }
        ensure!(encryption.contains_key(&self.current), "the current key is not among the keys");
        Ok(Keys {
            encryption,
            current: self.current,
            index: read_secret(&self.index)?,
            ledger: read_secret(&self.ledger)?,
            digest: read_secret(&self.digest)?,
            cursor: read_secret(&self.cursor)?,
            face: self.face.as_deref().map(read_secret).transpose()?,
        })
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

fn read_secret(text: &str) -> anyhow::Result<Secret> {
    let bytes = BASE64.decode(text).map_err(|_| anyhow!("a key is not base64url"))?;
    let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| anyhow!("a key is not 32 bytes"))?;
    Ok(SecretBox::new(Box::new(bytes)))
}

fn new_secret() -> Secret {
    SecretBox::init_with_mut(|bytes: &mut [u8; KEY_BYTES]| rand::rng().fill_bytes(bytes))
}

/// An id that later ones sort after, and its key.
fn new_encryption_key() -> (String, Secret) {
    (uuid::Uuid::now_v7().simple().to_string(), new_secret())
}

fn aad(table: &str, column: &str, row_id: &str) -> Vec<u8> {
    [table.as_bytes(), column.as_bytes(), row_id.as_bytes()].join(&SEPARATOR)
}

fn mac(key: &Secret, text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret())
        .expect("HMAC takes keys of every length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

fn is_already_there(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|cause| cause.kind() == ErrorKind::AlreadyExists)
}

#[cfg(test)]
mod tests;
