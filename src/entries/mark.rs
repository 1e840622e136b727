//! A mark beside a SQLite file: how far entries and the deeds of staff had come. A file whose log is
//! gone or damaged at its end opens as an older one, and so does a backup; the mark tells. It is
//! written every few seconds, behind what it tells of, so it claims nothing that was not there.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbErr, Statement};
use serde::{Deserialize, Serialize};

/// How far a database has come; both only ever grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When the newest entry came.
    pub entry: Option<DateTime<Utc>>,
    /// Links of all audit chains.
    pub deeds: i64,
}

impl Mark {
    async fn of(db: &DatabaseConnection) -> Result<Self, DbErr> {
        let sql = "SELECT (SELECT MAX(received_at) FROM event_keys) AS entry, \
                   CAST((SELECT COALESCE(SUM(n), 0) FROM revisions WHERE name LIKE 'audit:%') \
                   AS BIGINT) AS deeds";
        let asked = Statement::from_string(db.get_database_backend(), sql);
        let row = db.query_one_raw(asked).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("how far it has come".to_owned()))?;
        Ok(Self { entry: row.try_get("", "entry")?, deeds: row.try_get("", "deeds")? })
    }

    fn is_behind(self, other: Self) -> bool {
        self.entry < other.entry || self.deeds < other.deeds
    }
}

/// Where the mark of a database in this file lies.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".mark");
    name.into()
}

/// The mark that was written last; one that cannot be read is none.
fn last(file: &Path) -> Option<Mark> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Writes how far the database has come, where that has changed.
pub async fn write(db: &DatabaseConnection, database: &Path) -> anyhow::Result<()> {
    let (mark, file) = (Mark::of(db).await?, beside(database));
    let written = tokio::task::spawn_blocking(move || {
        if last(&file) == Some(mark) { Ok(()) } else { replace(&file, mark) }
    });
    written.await?.context("the mark beside the database cannot be written")
}

/// Whole or not at all, whatever happens meanwhile.
fn replace(file: &Path, mark: Mark) -> anyhow::Result<()> {
    let fresh = file.with_added_extension("new");
    let mut open = File::create(&fresh)?;
    open.write_all(&serde_json::to_vec(&mark)?)?;
    open.sync_all()?;
    Ok(fs::rename(&fresh, file)?)
}

/// How far the database had come, where it no longer has.
pub async fn missed(db: &DatabaseConnection, database: &Path) -> Result<Option<Mark>, DbErr> {
    let Some(mark) = last(&beside(database)) else { return Ok(None) };
    Ok(Mark::of(db).await?.is_behind(mark).then_some(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::db;

    #[tokio::test]
    async fn a_database_that_lost_something_is_told_from_its_mark_and_told_once() {
        let (folder, db) = db::fresh_for_tests().await;
        let file = folder.path().join("test.db");
        assert_eq!(missed(&db, &file).await.unwrap(), None, "there is no mark yet");
        let deeds = async |n: i64| {
            let sql = format!(
                "INSERT INTO revisions (name, n) VALUES ('audit:members', {n}) \
                 ON CONFLICT (name) DO UPDATE SET n = excluded.n"
            );
            db.execute_unprepared(&sql).await.unwrap();
        };
        deeds(7).await;
        write(&db, &file).await.unwrap();
        deeds(8).await;
        assert_eq!(missed(&db, &file).await.unwrap(), None, "it is ahead of its mark");
        write(&db, &file).await.unwrap();
        deeds(7).await;
        let lost = missed(&db, &file).await.unwrap();
        assert_eq!(lost, Some(Mark { entry: None, deeds: 8 }));
        write(&db, &file).await.unwrap();
        assert_eq!(missed(&db, &file).await.unwrap(), None);
        fs::write(beside(&file), "half a ma").unwrap();
        assert_eq!(missed(&db, &file).await.unwrap(), None);
    }
}
