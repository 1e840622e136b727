//! Commands that look at data or mend its copies: `migrate`, `counters`, `ledger`, `healthcheck`.

use std::{fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Subcommand};
use serde::Deserialize;

use super::Found;
use crate::{
    base::{
        clock::Clock,
        config::DataConfig,
        counters::Counters as Store,
        db,
        fence::Fence,
        http::client::client,
        ids::{DivisionCode, StaffId, TerminalId},
        keys::Keys,
    },
    minutes::{projector, verify},
    privacy::incident,
    reports,
    staff::audit,
};

/// What to do with counters.
#[derive(Debug, Subcommand)]
pub enum Counters {
    /// Compare counters, roll-ups and ledger, field by field.
    Verify {
        #[command(flatten)]
        data: DataConfig,
        /// The operations listener of the server that keeps counters in its process.
        #[arg(long, env = "FITGATE_OPS_URL", default_value = "http://127.0.0.1:9090")]
        ops_url: String,
        /// Compare what is current at this instant instead of now; for counters in Redis whose
        /// server goes by a clock of its own.
        #[arg(long)]
        at: Option<DateTime<Utc>>,
    },
    /// Write the counters anew, under a new generation.
    Rebuild {
        #[command(flatten)]
        data: DataConfig,
    },
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Check every row against its MAC, its day's digest, its session and the roll-ups.
    Verify {
        #[command(flatten)]
        data: DataConfig,
        /// A file of the audit chains' ends, kept elsewhere, to compare with.
        #[arg(long)]
        audit_heads: Option<PathBuf>,
    },
    /// SHA-256 over the ended sessions, independent of ids and arrival.
    Digest(DigestOptions),
}

/// What to do with reports.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// Recompute a report's file (JSON, CSV or XLSX) from the ledger and compare; says too whether
    /// its watermark still stands, or what came later.
    Verify {
        #[command(flatten)]
        data: DataConfig,
        file: PathBuf,
    },
    /// The pack for an incident with personal data: counts, deadlines and measures, as JSON.
    Incident(IncidentOptions),
}

#[derive(Debug, Args)]
pub struct IncidentOptions {
    #[command(flatten)]
    data: DataConfig,
    /// Whose residents are looked at.
    #[arg(long)]
    division: DivisionCode,
    /// The first instant at which data may have got out.
    #[arg(long)]
    from: DateTime<Utc>,
    /// The last one; now when absent.
    #[arg(long)]
    to: Option<DateTime<Utc>>,
    /// When it was discovered, from which deadlines run; now when absent.
    #[arg(long)]
    discovered_at: Option<DateTime<Utc>>,
    /// An account of staff through which data got out.
    #[arg(long, conflicts_with = "terminal")]
    staff: Option<StaffId>,
    /// A terminal through which data got out.
    #[arg(long)]
    terminal: Option<TerminalId>,
    /// A new file for the ids of whom it concerns, one a line, to tell them.
    #[arg(long)]
    persons: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct DigestOptions {
    #[command(flatten)]
    data: DataConfig,
    /// Only venues that this code covers.
    #[arg(long)]
    division: Option<DivisionCode>,
    /// First business day.
    #[arg(long)]
    from: Option<NaiveDate>,
    /// Last business day.
    #[arg(long)]
    to: Option<NaiveDate>,
}

pub async fn migrate(data: &DataConfig, check: bool) -> anyhow::Result<Found> {
    let db = db::open(data.database_url()).await?;
    if check {
        let pending = db::pending_migrations(&db).await?;
        println!("{pending} steps are missing");
        return Ok(if pending == 0 { Found::Fine } else { Found::Breach });
    }
    db::migrate(&db).await?;
    db::ensure_partitions(&db, Clock::system().now().date_naive()).await?;
    println!("the schema is up to date");
    Ok(Found::Fine)
}

pub async fn counters(command: Counters) -> anyhow::Result<Found> {
    match command {
        Counters::Verify { data, ops_url, at } => {
            let verified = match data.redis_url() {
                Some(url) => verify_store(&data, url, at).await?,
                None if at.is_some() => bail!("a server compares its counters by its own clock"),
                None => ask_server(&ops_url).await?,
            };
            let found = report("counters", &verified.differences);
            // No difference among no values says nothing, so this is said too.
            let Verified { compared, not_zero, .. } = verified;
            println!("counters: {compared} values compared with SQL, {not_zero} of them not zero");
            Ok(found)
        }
        Counters::Rebuild { data } => {
            let url = data
                .redis_url()
                .context("counters in a server's process are rebuilt by restarting it")?;
            let db = db::open(data.database_url()).await?;
            let store = Store::open(Some(url))?;
            if Fence::default().look(&db, &store).await? {
                bail!(
                    "another database was promoted over this one; name that one with --database-url"
                );
            }
            if projector::rebuild(&db, &store, &Clock::system()).await?.is_none() {
                bail!(
                    "a server is writing the counters anew already, or a shard was emptied meanwhile; \
                       try again in a quarter of a minute"
                );
            }
            println!("the counters are rebuilt");
            Ok(Found::Fine)
        }
    }
}

/// How a comparison of the counters went, as a server tells it.
#[derive(Deserialize)]
struct Verified {
    compared: u64,
    not_zero: u64,
    differences: Vec<String>,
}

async fn verify_store(
    data: &DataConfig,
    url: &str,
    at: Option<DateTime<Utc>>,
) -> anyhow::Result<Verified> {
    let db = db::open(data.database_url()).await?;
    let now = at.unwrap_or_else(|| Clock::system().now());
    let verified = projector::verify(&db, &Store::open(Some(url))?, now).await?;
    let projector::Verified { differences, compared, not_zero } = verified;
    let differences = differences.iter().map(ToString::to_string).collect();
    Ok(Verified { compared, not_zero, differences })
}

/// Counters in a process can be compared by nobody but that process.
async fn ask_server(ops_url: &str) -> anyhow::Result<Verified> {
    let answer =
        client()?.get(format!("{ops_url}/counters/verify")).send().await.with_context(|| {
            format!("no server answers at {ops_url}; name its operations listener with --ops-url")
        })?;
    if !answer.status().is_success() {
        bail!("the server at {ops_url} could not compare its counters ({})", answer.status());
    }
    Ok(answer.json().await?)
}

fn report(what: &str, differences: &[String]) -> Found {
    if differences.is_empty() {
        println!("{what}: no difference");
        return Found::Fine;
    }
    for difference in differences {
        println!("{difference}");
    }
    println!("{what}: {} differences", differences.len());
    Found::Breach
}

pub async fn ledger(command: Ledger) -> anyhow::Result<Found> {
    match command {
        Ledger::Verify { data, audit_heads } => {
            let db = db::open(data.database_url()).await?;
            let mut breaches = verify::ledger(&db, &Keys::of(&data)?).await?;
            if let Some(file) = audit_heads {
                let heads = audit::listed(&file)?;
                for breach in audit::check_heads(&db, &heads).await? {
                    breaches.push(format!("audit {} {}: {}", breach.chain, breach.n, breach.what));
                }
            }
            Ok(report("ledger", &breaches))
        }
        Ledger::Digest(options) => {
            let db = db::open(options.data.database_url()).await?;
            let scope =
                verify::Scope { division: options.division, from: options.from, to: options.to };
            println!("{}", verify::digest(&db, &scope).await?);
            Ok(Found::Fine)
        }
    }
}

pub async fn report_file(command: Report) -> anyhow::Result<Found> {
    match command {
        Report::Verify { data, file } => {
            let bytes = std::fs::read(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let db = db::open(data.database_url()).await?;
            let (keys, now) = (Keys::of(&data)?, Clock::system().now());
            let proof = reports::verify(&db, &keys, &bytes, now).await?;
            for line in &proof.watermark {
                println!("{line}");
            }
            Ok(report("report", &proof.differences))
        }
        Report::Incident(options) => incident_pack(&options).await,
    }
}

/// Exit code 1 where the record of who did what is not whole.
async fn incident_pack(options: &IncidentOptions) -> anyhow::Result<Found> {
    let now = Clock::system().now();
    let ask = incident::Ask {
        division: options.division.clone(),
        source: match (options.staff, options.terminal) {
            (Some(id), _) => incident::Source::Staff(id),
            (None, Some(id)) => incident::Source::Terminal(id),
            (None, None) => incident::Source::Everything,
        },
        from: options.from,
        to: options.to.unwrap_or(now),
        discovered_at: options.discovered_at.unwrap_or(now),
    };
    let db = db::open(options.data.database_url()).await?;
    if let Some(file) = &options.persons {
        let ids = incident::persons(&db, &ask).await?;
        let lines = ids.iter().fold(String::new(), |lines, id| lines + &id.to_string() + "\n");
        let shown = || format!("{} cannot be written as a new file", file.display());
        let mut open = OpenOptions::new();
        let mut list =
            open.write(true).create_new(true).mode(0o600).open(file).with_context(shown)?;
        list.write_all(lines.as_bytes()).with_context(shown)?;
    }
    let pack = incident::pack(&db, &Keys::of(&options.data)?, &ask, now).await?;
    println!("{}", serde_json::to_string_pretty(&pack)?);
    Ok(if pack.is_whole() { Found::Fine } else { Found::Breach })
}

pub async fn healthcheck(ops_url: &str) -> anyhow::Result<Found> {
    let answer = client()?.get(format!("{ops_url}/readyz")).send().await;
    let answer = answer.with_context(|| format!("no server answers at {ops_url}"))?;
    Ok(if answer.status().is_success() { Found::Fine } else { Found::Breach })
}
