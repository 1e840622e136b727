//! The list of who was forgotten, in a file outside the database: a backup that is restored knows
//! nothing of those who were forgotten after it was made, and the list forgets them again.
//!
//! A line of JSON a person: the id, which names nobody, and when.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::base::{
    db,
    error::{Code, Error},
    ids::MemberId,
};

const FILE_MODE: u32 = 0o600;

#[derive(Serialize, Deserialize)]
struct Line {
    member_id: Uuid,
    erased_at: DateTime<Utc>,
}

/// Adds somebody to the end of the list. Adding somebody twice does no harm.
pub fn note(file: &Path, id: MemberId, at: DateTime<Utc>) -> anyhow::Result<()> {
    append(file, &[Line { member_id: id.0, erased_at: at }])
}

/// Forgets again whoever is on the list and not forgotten in SQL, and lists whoever is forgotten
/// there and not on it. Answers how many were forgotten again.
pub async fn apply(
    db: &DatabaseConnection,
    file: &Path,
    now: DateTime<Utc>,
) -> anyhow::Result<u64> {
    let listed = read(file)?;
    let sql = "SELECT id, erased_at FROM members WHERE erased_at IS NOT NULL ORDER BY id";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let mut forgotten = BTreeSet::new();
    let mut unlisted = Vec::new();
    for row in rows {
        let member_id: Uuid = row.try_get("", "id")?;
        if !listed.contains(&member_id) {
            unlisted.push(Line { member_id, erased_at: row.try_get("", "erased_at")? });
        }
        forgotten.insert(member_id);
    }
    append(file, &unlisted)?;
    let mut again = 0;
    for id in listed.difference(&forgotten) {
        again += u64::from(forget_again(db, MemberId(*id), now).await?);
    }
    if again > 0 {
        tracing::warn!(again, "people were forgotten again, as the list of erasures says");
    }
    Ok(again)
}

/// `false` for somebody whom this database does not know.
async fn forget_again(
    db: &DatabaseConnection,
    id: MemberId,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let tx = db::begin(db).await?;
    match super::erase(&tx, id, "job:erasures", now).await {
        Ok(()) => {}
        Err(Error::NotFound(Code::NotFound)) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    Ok(true)
}

/// The ids of the list; no file is an empty list. A line that a crash cut short is passed over:
/// its person stands in SQL still and is listed again.
fn read(file: &Path) -> anyhow::Result<BTreeSet<Uuid>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => Err(error)
            .with_context(|| format!("the list of erasures {} cannot be read", file.display()))?,
    };
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    Ok(lines.map(|line| line.member_id).collect())
}

fn append(file: &Path, lines: &[Line]) -> anyhow::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let shown = || format!("the list of erasures {} cannot be written", file.display());
    let mut text = String::new();
    for line in lines {
        // A line begins on its own, also behind one that was cut short.
        text.push('\n');
        text.push_str(&serde_json::to_string(line)?);
    }
    text.push('\n');
    let mut list = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(FILE_MODE)
        .open(file)
        .with_context(shown)?;
    list.write_all(text.as_bytes()).with_context(shown)?;
    list.sync_all().with_context(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    #[test]
    fn a_line_that_was_cut_short_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("erasures");
        assert_eq!(read(&file).unwrap(), BTreeSet::new());
        let (one, two) = (MemberId(Uuid::from_u128(1)), MemberId(Uuid::from_u128(2)));
        note(&file, one, from_millis(0)).unwrap();
        let cut = std::fs::read_to_string(&file).unwrap() + "{\"member_id\":\"0000";
        std::fs::write(&file, cut).unwrap();
        note(&file, two, from_millis(0)).unwrap();
        assert_eq!(read(&file).unwrap(), BTreeSet::from([one.0, two.0]));
    }
}
