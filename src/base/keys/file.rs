//! The file that holds a deployment's keys: read, made once, and given new encryption keys.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::PoisonError,
};

use anyhow::{Context as _, anyhow, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use secrecy::{ExposeSecret as _, SecretBox};
use serde::{Deserialize, Serialize};

use super::{KEY_BYTES, Keys, Ring, Rings, Secret, Suite, new_secret};
use crate::base::config::{DataConfig, Mode};

/// Whoever may read the file may read everybody's documents.
const FILE_MODE: u32 = 0o600;
const FOR_EVERYBODY: u32 = 0o007;
/// What the first key of faces is called, which older files hold without an id.
pub(super) const FIRST_FACE_KEY: &str = "face";

impl Keys {
    /// The keys that the settings name; in development they are made when absent. Refuses keys of
    /// another suite than the settings ask for.
    pub fn of(data: &DataConfig) -> anyhow::Result<Self> {
        let file = data.keys_file()?;
        let keys = match data.mode {
            Mode::Production => Self::load(&file)?,
            Mode::Development => Self::load_or_create(&file, data.ciphers.unwrap_or_default())?,
        };
        ensure!(
            data.ciphers.is_none_or(|asked| asked == keys.suite),
            "the keys of {} are for other ciphers than --ciphers says: a deployment keeps its own",
            file.display()
        );
        Ok(keys)
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
        let mut keys =
            file.into_keys().with_context(|| format!("the key file {shown} is damaged"))?;
        keys.file = Some(path.to_owned());
        Ok(keys)
    }

    /// Makes fresh keys and writes them to `path`, which must not exist yet.
    pub fn create(path: &Path, suite: Suite) -> anyhow::Result<Self> {
        let mut keys = Self::generate_for(suite);
        let draft = keys.write_draft(path)?;
        // A link fails where the file exists, so that of two first starts only one makes keys.
        let placed = fs::hard_link(&draft, path);
        fs::remove_file(&draft).ok();
        placed.with_context(|| format!("the key file {} cannot be made", path.display()))?;
        keys.file = Some(path.to_owned());
        Ok(keys)
    }

    /// Reads the file at `path`, made first when absent; for development.
    pub fn load_or_create(path: &Path, suite: Suite) -> anyhow::Result<Self> {
        if !path.exists() {
            match Self::create(path, suite) {
                Err(error) if is_already_there(&error) => {}
                made => return made,
            }
        }
        Self::load(path)
    }

    /// Adds new encryption keys, of identities and of faces, to the file at `path` and makes them
    /// the ones that seal; answers the first one's id. What older keys sealed stays readable, and
    /// running servers read the file again by themselves.
    pub fn rotate(path: &Path) -> anyhow::Result<String> {
        let keys = Self::load(path)?;
        let id = {
            let mut rings = keys.rings_mut();
            rings.faces.get_or_insert_with(Ring::fresh).grow();
            rings.identities.grow();
            rings.identities.current.clone()
        };
        let draft = keys.write_draft(path)?;
        fs::rename(&draft, path)
            .with_context(|| format!("the key file {} cannot be replaced", path.display()))?;
        Ok(id)
    }

    /// Takes encryption keys that were added to the file since it was read; answers whether there
    /// were any. A file that cannot be read leaves everything as it is.
    pub fn refresh(&self) -> anyhow::Result<bool> {
        let Some(path) = &self.file else { return Ok(false) };
        let fresh = Self::load(path)?.rings.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut rings = self.rings_mut();
        let added = rings.identities.current != fresh.identities.current;
        *rings = fresh;
        Ok(added)
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

/// The file's form; keys are base64url of 32 bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    #[serde(default)]
    pub suite: Suite,
    pub current: String,
    pub encryption: BTreeMap<String, String>,
    pub index: String,
    pub ledger: String,
    pub digest: String,
    pub cursor: String,
    /// The one key of faces in a file from before they had ids; never written any more.
    #[serde(default, skip_serializing)]
    pub face: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_face: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faces: BTreeMap<String, String>,
}

impl KeyFile {
    fn of(keys: &Keys) -> Self {
        let rings = keys.rings();
        Self {
            suite: keys.suite,
            current: rings.identities.current.clone(),
            encryption: texts(&rings.identities),
            index: text(&keys.index),
            ledger: text(&keys.ledger),
            digest: text(&keys.digest),
            cursor: text(&keys.cursor),
            face: None,
            current_face: rings.faces.as_ref().map(|ring| ring.current.clone()),
            faces: rings.faces.as_ref().map(texts).unwrap_or_default(),
        }
    }

    pub fn into_keys(mut self) -> anyhow::Result<Keys> {
        if let Some(first) = self.face.take() {
            self.faces.insert(FIRST_FACE_KEY.to_owned(), first);
            self.current_face.get_or_insert_with(|| FIRST_FACE_KEY.to_owned());
        }
        let faces = self.current_face.map(|current| ring(self.faces, current)).transpose()?;
        let rings = Rings { identities: ring(self.encryption, self.current)?, faces };
        Ok(Keys {
            suite: self.suite,
            rings: rings.into(),
            index: read_secret(&self.index)?,
            ledger: read_secret(&self.ledger)?,
            digest: read_secret(&self.digest)?,
            cursor: read_secret(&self.cursor)?,
            file: None,
        })
    }
}

fn ring(texts: BTreeMap<String, String>, current: String) -> anyhow::Result<Ring> {
    let mut keys = BTreeMap::new();
    for (id, text) in texts {
        ensure!(!id.is_empty() && !id.contains(['.', '%', '_']), "a key id has no dot and no sign");
        keys.insert(id, read_secret(&text)?);
    }
    ensure!(keys.contains_key(&current), "the current key is not among the keys");
    Ok(Ring { keys, current })
}

fn texts(ring: &Ring) -> BTreeMap<String, String> {
    ring.keys.iter().map(|(id, key)| (id.clone(), text(key))).collect()
}

fn text(secret: &Secret) -> String {
    BASE64.encode(secret.expose_secret())
}

fn read_secret(text: &str) -> anyhow::Result<Secret> {
    let bytes = BASE64.decode(text).map_err(|_| anyhow!("a key is not base64url"))?;
    let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| anyhow!("a key is not 32 bytes"))?;
    Ok(SecretBox::new(Box::new(bytes)))
}

impl Ring {
    /// One key, which seals.
    pub(super) fn fresh() -> Self {
        let (current, key) = new_key();
        Self { keys: BTreeMap::from([(current.clone(), key)]), current }
    }

    /// Adds a key, which seals from now on.
    fn grow(&mut self) {
        let (id, key) = new_key();
        self.keys.insert(id.clone(), key);
        self.current = id;
    }
}

/// An id that later ones sort after, and its key.
fn new_key() -> (String, Secret) {
    (uuid::Uuid::now_v7().simple().to_string(), new_secret())
}

pub(super) fn is_already_there(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|cause| cause.kind() == ErrorKind::AlreadyExists)
}
