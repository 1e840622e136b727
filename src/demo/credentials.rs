//! The credentials file: one JSON object with which people and scripts take part in the town.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Everything that somebody needs to come in. It has no `Debug`: nearly all of it is secret.
#[derive(Serialize, Deserialize)]
pub struct Credentials {
    pub base_url: String,
    pub ops_url: String,
    pub screens: Vec<Screen>,
    pub terminals: Vec<Terminal>,
    pub members: Vec<Member>,
    pub staff: Vec<Staff>,
}

#[derive(Serialize, Deserialize)]
pub struct Screen {
    pub division: String,
    pub token: String,
    /// The page, with the token after `#`.
    pub url: String,
}

#[derive(Serialize, Deserialize)]
pub struct Terminal {
    pub id: String,
    pub key_id: String,
    /// base64url.
    pub key: String,
    pub venue_id: String,
    pub direction: String,
    pub protocol: String,
    pub serial: String,
    /// `replay` marks the one for door logs.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub used_for: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct Member {
    pub id: String,
    /// What terminals report when they see this member.
    pub credential: String,
    /// Bearer token of the resident's API.
    pub token: String,
}

#[derive(Serialize, Deserialize)]
pub struct Staff {
    pub name: String,
    pub role: String,
    pub division: String,
    pub password: String,
    /// Base32.
    pub totp_secret: String,
}

impl Credentials {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} holds no credentials", path.display()))
    }

    /// Writes the file whole or not at all, readable by its owner only.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut name = path.file_name().context("the credentials need a file name")?.to_owned();
        name.push(format!(".{}", std::process::id()));
        let new = path.with_file_name(name);
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&new, path));
        if written.is_err() {
            drop(fs::remove_file(&new));
        }
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// The terminal for door logs.
    pub fn replay_terminal(&self) -> anyhow::Result<&Terminal> {
        self.terminals
            .iter()
            .find(|terminal| terminal.used_for.as_deref() == Some("replay"))
            .context("no terminal of the credentials is marked \"use\": \"replay\"")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_the_owner_reads_the_file_and_one_terminal_is_for_door_logs() {
        let text = r#"{"base_url":"http://h","ops_url":"http://o","screens":[],"terminals":[
            {"id":"1","key_id":"2","key":"3","venue_id":"4","direction":"both",
             "protocol":"native","serial":"S"},
            {"id":"5","key_id":"2","key":"3","venue_id":"4","direction":"both",
             "protocol":"native","serial":"S","use":"replay"}],"members":[],"staff":[]}"#;
        let credentials: Credentials = serde_json::from_str(text).expect("the shape");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("town.json");
        fs::write(&path, "older, and open to all").expect("a file");
        credentials.write(&path).expect("written");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Credentials::read(&path).expect("read");
        assert_eq!(again.replay_terminal().map(|t| t.id.as_str()).ok(), Some("5"));
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        assert!(json["terminals"][0].get("use").is_none());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
