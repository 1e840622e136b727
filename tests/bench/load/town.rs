//! Doors and people of the load: read from the file that `demo --credentials` writes.

use std::{fs, path::Path, time::SystemTime};

use anyhow::{Context, ensure};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    base_url: String,
    terminals: Vec<Terminal>,
    members: Vec<Member>,
}

#[derive(Deserialize)]
struct Terminal {
    id: String,
    key_id: String,
    key: String,
    venue_id: String,
    direction: String,
    protocol: String,
}

#[derive(Deserialize)]
struct Member {
    credential: String,
}

/// One native terminal with its key.
pub struct Door {
    pub terminal: String,
    pub key_id: String,
    pub key: Vec<u8>,
}

/// A place with a door to come in by and, mostly, one to leave by (indexes of `Town::doors`).
#[derive(Clone, Copy)]
pub struct Place {
    pub entrance: usize,
    pub exit: Option<usize>,
}

pub struct Town {
    pub base_url: String,
    pub doors: Vec<Door>,
    pub places: Vec<Place>,
    /// What the terminals report instead of people: their credentials.
    pub people: Vec<String>,
}

impl Town {
    /// Reads `path`; uses at most `terminals_max` terminals, and `people` (`NAME:COUNT`) instead of
    /// the file's members where given.
    pub fn read(path: &Path, terminals_max: usize, people: Option<&str>) -> anyhow::Result<Self> {
        let text = fs::read_to_string(path).context("the credentials cannot be read")?;
        let file: File =
            serde_json::from_str(&text).context("the credentials are not understood")?;
        let mut terminals = file.terminals;
        terminals.retain(|terminal| terminal.protocol == "native");
        terminals.truncate(terminals_max);
        let places = places(&terminals);
        ensure!(!places.is_empty(), "no native terminal lets anybody in");
        let people = match people {
            Some(range) => named(range)?,
            None => file.members.into_iter().map(|member| member.credential).collect(),
        };
        ensure!(!people.is_empty(), "there is nobody to report");
        let doors = terminals.into_iter().map(door).collect::<anyhow::Result<_>>()?;
        Ok(Self { base_url: file.base_url, doors, places, people })
    }
}

fn door(terminal: Terminal) -> anyhow::Result<Door> {
    let key = BASE64_URL_SAFE_NO_PAD.decode(terminal.key.trim_end_matches('='))?;
    Ok(Door { terminal: terminal.id, key_id: terminal.key_id, key })
}

/// Every terminal that lets people in, with one of the same venue that lets them out.
fn places(terminals: &[Terminal]) -> Vec<Place> {
    let lets = |at: usize, way: &str| {
        let direction = terminals[at].direction.as_str();
        direction == way || direction == "both"
    };
    let all = 0..terminals.len();
    all.clone()
        .filter(|entrance| lets(*entrance, "in"))
        .map(|entrance| {
            let here = &terminals[entrance].venue_id;
            let exits = |exit: &usize| terminals[*exit].venue_id == *here && lets(*exit, "out");
            // The same terminal first: a door for both ways.
            let exit = Some(entrance).filter(exits).or_else(|| all.clone().find(exits));
            Place { entrance, exit }
        })
        .collect()
}

fn named(range: &str) -> anyhow::Result<Vec<String>> {
    let (name, count) = range.rsplit_once(':').context("people are given as NAME:COUNT")?;
    let count: usize = count.parse().context("people are given as NAME:COUNT")?;
    Ok((0..count).map(|n| format!("{name}{n}")).collect())
}

/// Milliseconds since 1970, UTC.
#[expect(clippy::disallowed_methods, reason = "a terminal outside the server has its own clock")]
pub fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
