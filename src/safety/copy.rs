//! A copy of all roll calls on disk, each venue's sealed by itself: it tells who is inside while
//! the database is away, to the server and to `fitgate roll-call`, which needs neither.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};

use super::present::{self, Present};
use crate::{
    base::{
        ids::{DivisionCode, VenueId},
        keys::Keys,
    },
    venues::Venue,
};

/// One venue's roll call as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    pub venue: VenueId,
    pub name: String,
    pub community: DivisionCode,
    pub as_of: DateTime<Utc>,
    pub people: Vec<Present>,
}

/// The file: nothing but ids can be read without the keys.
#[derive(Default, Serialize, Deserialize)]
struct Written {
    venues: HashMap<VenueId, String>,
}

/// Writes the copy anew; whoever reads it meanwhile reads the old one.
pub async fn write(
    db: &DatabaseConnection,
    keys: &Keys,
    venues: &HashMap<VenueId, Arc<Venue>>,
    file: &Path,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let stays = present::stays_within(db, None, now).await?;
    let venue = |id: VenueId| venues.get(&id).map(Arc::as_ref);
    let people = present::people(db, keys, venue, stays, now).await;
    let mut people =
        people.map_err(|error| anyhow::anyhow!("who is inside cannot be read: {error:?}"))?;
    let mut written = Written::default();
    for venue in venues.values() {
        let copied = Copied {
            venue: venue.id,
            name: venue.name.clone(),
            community: venue.community.clone(),
            as_of: now,
            people: people.remove(&venue.id).unwrap_or_default(),
        };
        let text = serde_json::to_vec(&copied)?;
        let sealed = keys.seal("roll_call", "people", &venue.id.to_string(), &text);
        written.venues.insert(venue.id, sealed);
    }
    let (bytes, file) = (serde_json::to_vec(&written)?, file.to_owned());
    tokio::task::spawn_blocking(move || replace(&file, &bytes)).await?
}

fn replace(file: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    let mut fresh = fs::OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&beside)
        .context("the copy of the roll calls cannot be written")?;
    fresh.write_all(bytes)?;
    fresh.sync_all()?;
    fs::rename(&beside, file).context("the copy of the roll calls cannot be put in place")
}

/// One venue's roll call from the copy; none if the copy does not know the venue.
///
/// # Errors
/// When there is no such file, or other keys sealed it.
pub fn read(keys: &Keys, file: &Path, venue: VenueId) -> anyhow::Result<Option<Copied>> {
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let written: Written =
        serde_json::from_slice(&bytes).context("the file is no copy of roll calls")?;
    let Some(sealed) = written.venues.get(&venue) else { return Ok(None) };
    let text = keys.open("roll_call", "people", &venue.to_string(), sealed)?;
    let copied: Copied = serde_json::from_slice(&text).context("the copy is of another version")?;
    Ok(Some(copied))
}

/// The venues that a copy knows.
pub fn venues(file: &Path) -> anyhow::Result<Vec<VenueId>> {
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let written: Written =
        serde_json::from_slice(&bytes).context("the file is no copy of roll calls")?;
    let mut ids: Vec<VenueId> = written.venues.into_keys().collect();
    ids.sort_unstable();
    Ok(ids)
}

impl Copied {
    /// Those whose presence has not expired since.
    pub fn inside(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Present> {
        self.people.iter().filter(move |person| person.expires_at >= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::db, venues::sample};

    #[tokio::test]
    async fn a_copy_opens_with_its_keys_alone_and_shows_nothing_without() {
        let (folder, db) = db::fresh_for_tests().await;
        let (keys, now) = (Keys::generate(), sample::at("2026-05-01T12:00:00+08:00"));
        let venue = Arc::new(sample::venue(1));
        let world = HashMap::from([(venue.id, venue.clone())]);
        let file = folder.path().join("roll-call");
        write(&db, &keys, &world, &file, now).await.unwrap();
        db.close().await.unwrap();
        let copied = read(&keys, &file, venue.id).unwrap().unwrap();
        assert_eq!((copied.as_of, copied.people.len()), (now, 0));
        assert!(read(&Keys::generate(), &file, venue.id).is_err());
        assert!(!fs::read_to_string(&file).unwrap().contains("场馆"));
        assert_eq!(venues(&file).unwrap(), [venue.id]);
        assert_eq!(read(&keys, &file, VenueId::default()).unwrap(), None);
    }
}
