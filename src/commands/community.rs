//! Commands about the town's life beyond the door: fitness standards, and whether honours hold.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;

use super::Found;
use crate::{
    base::{clock::Clock, config::DataConfig, db, ids::DivisionCode},
    fitness, honours,
};

/// How audit rows name whoever has the command line.
const ACTOR: &str = "command";

/// Fitness standards.
#[derive(Debug, Subcommand)]
pub enum Fitness {
    /// Load a standard from its two CSV files; it is in force from now on.
    Load {
        #[command(flatten)]
        data: DataConfig,
        #[arg(long)]
        bands: PathBuf,
        #[arg(long)]
        weights: PathBuf,
    },
    /// Say that every band of a version was compared with the official text.
    Compared {
        #[command(flatten)]
        data: DataConfig,
        #[arg(long)]
        name: String,
        #[arg(long)]
        version: i32,
        /// Which text, for the audit chain.
        #[arg(long)]
        with: String,
    },
}

pub async fn fitness(command: Fitness) -> anyhow::Result<Found> {
    let now = Clock::system().now();
    match command {
        Fitness::Load { data, bands, weights } => {
            let (bands, weights) = (text(&bands)?, text(&weights)?);
            let db = db::open(data.database_url()).await?;
            let tx = db::begin(&db).await?;
            let done = fitness::load(&tx, &bands, &weights, ACTOR, now).await?;
            tx.commit().await?;
            let fitness::Loaded { name, version, tables, is_new } = done;
            println!(
                "{}",
                json!({ "name": name, "version": version, "tables": tables, "new": is_new })
            );
        }
        Fitness::Compared { data, name, version, with } => {
            let db = db::open(data.database_url()).await?;
            let tx = db::begin(&db).await?;
            fitness::compared(&tx, (&name, version), &with, ACTOR, now).await?;
            tx.commit().await?;
            println!("{}", json!({ "name": name, "version": version, "compared_with": with }));
        }
    }
    Ok(Found::Fine)
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read as UTF-8", file.display()))
}

/// Honours of a year.
#[derive(Debug, Subcommand)]
pub enum Honours {
    /// Work out again what was decided, from the rows that were there then.
    Verify {
        #[command(flatten)]
        data: DataConfig,
        /// A county or district.
        #[arg(long)]
        division: DivisionCode,
        #[arg(long)]
        year: i32,
    },
}

pub async fn honours(command: Honours) -> anyhow::Result<Found> {
    let Honours::Verify { data, division, year } = command;
    let db = db::open(data.database_url()).await?;
    let differences = honours::verify(&db, &division, year).await?;
    let differences = differences.context("nothing is decided of that year there")?;
    for difference in &differences {
        println!("{difference}");
    }
    println!("honours: {} differences", differences.len());
    Ok(if differences.is_empty() { Found::Fine } else { Found::Breach })
}
