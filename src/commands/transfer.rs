//! `export` and `import`: all rows in a file of lines, from one database into another, such as from
//! a trial on SQLite to PostgreSQL.

use std::{
    fs::{File, OpenOptions},
    io::{BufReader, BufWriter, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::Found;
use crate::base::{config::DataConfig, db, db::portable};

#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    data: DataConfig,
    /// Made anew, readable by nobody else: it holds what the database holds. What is sealed stays
    /// sealed; the key file goes its own way.
    file: PathBuf,
}

#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    data: DataConfig,
    /// As `export` of the same version wrote it.
    file: PathBuf,
}

/// Only their owner reads exports.
const OWNERS_ONLY: u32 = 0o600;

pub async fn export(options: &Export) -> anyhow::Result<Found> {
    let db = db::open(options.data.database_url()).await?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNERS_ONLY)
        .open(&options.file)
        .with_context(|| name(&options.file, "cannot be made"))?;
    let mut out = BufWriter::new(file);
    let done = portable::export(&db, &mut out).await?;
    out.flush()?;
    out.get_ref().sync_all()?;
    println!("{}", json!({ "tables": done.tables, "rows": done.rows }));
    Ok(Found::Fine)
}

/// Brings the schema up to date first; all rows get in, or none.
pub async fn import(options: &Import) -> anyhow::Result<Found> {
    let file = File::open(&options.file).with_context(|| name(&options.file, "cannot be read"))?;
    let db = db::open(options.data.database_url()).await?;
    db::migrate(&db).await?;
    let done = portable::import(&db, BufReader::new(file)).await?;
    println!("{}", json!({ "tables": done.tables, "rows": done.rows }));
    Ok(Found::Fine)
}

fn name(file: &Path, what: &str) -> String {
    format!("{} {what}", file.display())
}
