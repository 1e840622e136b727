//! What an operator does without a page: first accounts, terminals, screens, keys. Secrets are
//! printed once, to standard output, as JSON, and kept nowhere in the clear.

use std::{fs::File, io::Read as _, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde_json::json;
use uuid::Uuid;

use super::Found;
use crate::{
    base::{
        clock::Clock,
        config::DataConfig,
        db,
        error::{Code, Error, Language},
        ids::{DivisionCode, VenueId, ZoneId},
        keys::{Keys as DeploymentKeys, new_token},
    },
    privacy, safety, screen, staff,
    terminals::{self, Doorway, NewPlace, Serial},
    venues::{self, terms::Coordinates},
};

/// Staff accounts.
#[derive(Debug, Subcommand)]
pub enum Staff {
    /// Add an account; prints its password (unless given) and the secret of its second factor.
    Add(NewStaff),
}

#[derive(Debug, Args)]
pub struct NewStaff {
    #[command(flatten)]
    data: DataConfig,
    /// The name to sign in with.
    #[arg(long)]
    name: String,
    /// A password of their own; without it one is drawn and printed.
    #[arg(long, env = "FITGATE_STAFF_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// venue, community, district, city, bureau or admin.
    #[arg(long)]
    role: staff::Role,
    /// The division whose places and people the account may see.
    #[arg(long)]
    division: DivisionCode,
}

/// Terminals at doors.
#[derive(Debug, Subcommand)]
pub enum Terminals {
    /// Register a native terminal; prints its id and key.
    Add(NewTerminal),
}

#[derive(Debug, Args)]
pub struct NewTerminal {
    #[command(flatten)]
    data: DataConfig,
    #[arg(long)]
    serial: String,
    #[arg(long)]
    venue: VenueId,
    #[arg(long)]
    zone: Option<ZoneId>,
    /// in, out or both.
    #[arg(long, value_parser = direction)]
    direction: Doorway,
}

/// Holidays and swapped workdays.
#[derive(Debug, Subcommand)]
pub enum Calendar {
    /// Take a year from a CSV file: `day,kind,name,as_weekday`.
    Import {
        #[command(flatten)]
        data: DataConfig,
        #[arg(long)]
        division: DivisionCode,
        file: PathBuf,
    },
}

pub async fn calendar(command: Calendar) -> anyhow::Result<Found> {
    let Calendar::Import { data, division, file } = command;
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("{} cannot be read as UTF-8", file.display()))?;
    let days = venues::calendar::parse(&text).map_err(said)?;
    let db = db::open(data.database_url()).await?;
    let tx = db::begin(&db).await?;
    let now = Clock::system().now();
    let done = venues::calendar::import(&tx, &division, &days, "command", now).await;
    let done = done.map_err(said)?;
    tx.commit().await?;
    println!("{}", json!({ "days": done.days, "hours": done.hours }));
    Ok(Found::Fine)
}

#[derive(Debug, Args)]
pub struct RollCall {
    #[command(flatten)]
    data: DataConfig,
    /// The file of the server's `--roll-call`.
    #[arg(long, env = "FITGATE_ROLL_CALL")]
    copy: PathBuf,
    /// One venue; every venue of the copy without it.
    #[arg(long)]
    venue: Option<VenueId>,
}

/// Prints who is inside, a venue a line, as JSON.
pub fn roll_call(options: &RollCall) -> anyhow::Result<Found> {
    let keys = DeploymentKeys::of(&options.data)?;
    let venues = match options.venue {
        Some(id) => vec![id],
        None => safety::copy::venues(&options.copy)?,
    };
    for id in venues {
        let copied = safety::copy::read(&keys, &options.copy, id)?;
        let copied = copied.context("the copy does not know this venue")?;
        println!("{}", serde_json::to_string(&copied)?);
    }
    Ok(Found::Fine)
}

/// Big screens.
#[derive(Debug, Subcommand)]
pub enum Screens {
    /// Make a read-only token for a division's screen; prints it.
    Add(NewScreen),
    /// Print the tokens within a division, one a line, without what they open with.
    List {
        #[command(flatten)]
        data: DataConfig,
        #[arg(long)]
        division: DivisionCode,
    },
    /// End a token: its screen goes dark within seconds and says why.
    Revoke {
        #[command(flatten)]
        data: DataConfig,
        /// The id that `add` and `list` print.
        #[arg(long)]
        id: Uuid,
    },
    /// Take the bureau's own map (`GeoJSON`) for the screens of a division, in place of the grid.
    Map(NewMap),
    /// Take the map away again: the screens show the schematic grid.
    Unmap {
        #[command(flatten)]
        data: DataConfig,
        #[arg(long)]
        division: DivisionCode,
    },
}

#[derive(Debug, Args)]
pub struct NewMap {
    #[command(flatten)]
    data: DataConfig,
    #[arg(long)]
    division: DivisionCode,
    /// Polygons in degrees of longitude and latitude; the `name` of each is shown.
    #[arg(long)]
    file: PathBuf,
    /// The map's approval number (审图号), shown under it: no map is public without one.
    #[arg(long)]
    approval_number: String,
    /// wgs84 (also CGCS2000) or gcj02.
    #[arg(long, default_value = "wgs84", value_parser = coordinates)]
    coordinates: Coordinates,
}

#[derive(Debug, Args)]
pub struct NewScreen {
    #[command(flatten)]
    data: DataConfig,
    #[arg(long)]
    division: DivisionCode,
    /// Where the screen hangs, for the list of tokens.
    #[arg(long, default_value = "screen")]
    label: String,
}

/// The keys of the deployment.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Add new encryption keys and seal everything anew with them, while servers run. What is
    /// under older keys stays open, so a run that was cut short has broken nothing.
    Rotate {
        #[command(flatten)]
        data: DataConfig,
        /// Add no keys; go on with what an earlier run left.
        #[arg(long)]
        resume: bool,
        /// Milliseconds of rest between two steps, for everybody else.
        #[arg(long, default_value_t = 20)]
        pause_ms: u64,
    },
}

async fn open(data: &DataConfig) -> anyhow::Result<(sea_orm::DatabaseConnection, DeploymentKeys)> {
    let keys = DeploymentKeys::of(data)?;
    let db = db::open(data.database_url()).await?;
    db::migrate(&db).await?;
    Ok((db, keys))
}

pub async fn staff(command: Staff) -> anyhow::Result<Found> {
    let Staff::Add(new) = command;
    let (db, keys) = open(&new.data).await?;
    let drawn = new.password.is_none();
    let password = new.password.unwrap_or_else(new_token);
    let account = staff::NewStaff {
        name: new
            .name
            .clone()
            .try_into()
            .map_err(|code: Code| anyhow::anyhow!(code.sentence(Language::English)))?,
        password: password.clone().into(),
        role: new.role,
        division: new.division,
    };
    let added =
        staff::add(&db, &keys, account, "command", Clock::system().now()).await.map_err(said)?;
    println!(
        "{}",
        json!({
            "name": new.name,
            "password": drawn.then_some(password),
            "totp_secret": added.totp_secret,
            "totp_url": added.totp_url,
        })
    );
    Ok(Found::Fine)
}

pub async fn terminals(command: Terminals) -> anyhow::Result<Found> {
    let Terminals::Add(new) = command;
    let (db, keys) = open(&new.data).await?;
    let at = Clock::system().now();
    let serial = Serial::parse(&new.serial)
        .map_err(|code| anyhow::anyhow!(code.sentence(Language::English)))?;
    let place =
        NewPlace { venue: new.venue, zone: new.zone, doorway: new.direction, valid_from: None };
    let terminal = terminals::NewTerminal { serial, place, time_zone: None };
    let (id, key) = terminals::add(&db, &keys, terminal, "command", at).await.map_err(said)?;
    println!("{}", json!({ "id": id, "key_id": key.id, "key": key.secret.expose_secret() }));
    Ok(Found::Fine)
}

pub async fn screens(command: Screens) -> anyhow::Result<Found> {
    let now = Clock::system().now();
    match command {
        Screens::Add(new) => {
            let (db, _) = open(&new.data).await?;
            let screen::Added { id, token } =
                screen::add(&db, &new.division, &new.label, now).await?;
            println!("{}", json!({ "id": id, "division": new.division, "token": token }));
        }
        Screens::List { data, division } => {
            let (db, _) = open(&data).await?;
            for seen in screen::list(&db, &division).await? {
                println!(
                    "{}",
                    json!({
                        "id": seen.id,
                        "division": seen.division,
                        "label": seen.label,
                        "created_at": seen.created_at,
                        "revoked_at": seen.revoked_at,
                    })
                );
            }
        }
        Screens::Revoke { data, id } => {
            let (db, _) = open(&data).await?;
            anyhow::ensure!(screen::revoke(&db, id, now).await?, "there is no token with this id");
            println!("{}", json!({ "id": id, "revoked": true }));
        }
        Screens::Map(new) => map(&new).await?,
        Screens::Unmap { data, division } => {
            let (db, _) = open(&data).await?;
            let removed = screen::remove_map(&db, &division).await?;
            anyhow::ensure!(removed, "{division} has no map");
            println!("{}", json!({ "division": division, "map": false }));
        }
    }
    Ok(Found::Fine)
}

async fn map(new: &NewMap) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    let file = File::open(&new.file).with_context(|| new.file.display().to_string())?;
    // One byte more than may be, so that a larger file is seen to be one.
    file.take(screen::MAP_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let (db, _) = open(&new.data).await?;
    let map = screen::MapFile {
        bytes: &bytes,
        coordinates: new.coordinates,
        approval_number: &new.approval_number,
    };
    let taken = screen::set_map(&db, &new.division, &map, Clock::system().now()).await?;
    let screen::MapTaken { shapes, venues_on_it, venues_off_it } = taken;
    println!(
        "{}",
        json!({
            "division": new.division,
            "shapes": shapes,
            "venues_on_it": venues_on_it,
            "venues_off_it": venues_off_it,
        })
    );
    Ok(())
}

fn coordinates(text: &str) -> Result<Coordinates, String> {
    Coordinates::parse(text).ok_or_else(|| "wgs84 or gcj02".to_owned())
}

fn direction(text: &str) -> Result<Doorway, String> {
    Doorway::parse(text).ok_or_else(|| "in, out or both".to_owned())
}

/// What a refusal says, for somebody at a terminal.
fn said(error: Error) -> anyhow::Error {
    match error {
        Error::Internal(cause) => cause,
        Error::Invalid(faults) => {
            let faults = faults.iter().map(|f| f.code.sentence(Language::English));
            anyhow::anyhow!(faults.collect::<Vec<_>>().join(" "))
        }
        other => anyhow::anyhow!(other.to_string()),
    }
}

/// How long running servers may seal under an older key still, since they look every two seconds.
const NOTICED_WITHIN: Duration = Duration::from_secs(4);

pub async fn keys(command: Keys) -> anyhow::Result<Found> {
    let Keys::Rotate { data, resume, pause_ms } = command;
    if !resume {
        DeploymentKeys::rotate(&data.keys_file()?)?;
        tokio::time::sleep(NOTICED_WITHIN).await;
    }
    let (db, keys) = open(&data).await?;
    let pause = Duration::from_millis(pause_ms);
    let Some(done) = privacy::reseal(&db, &keys, &Clock::system(), pause).await.map_err(said)?
    else {
        anyhow::bail!(
            "another process is sealing anew, or died at it less than 15 seconds ago; \
             then: keys rotate --resume"
        );
    };
    let privacy::Resealed { rows, unreadable } = done;
    let (current, _) = keys.current_prefixes();
    let current = current.split('.').nth(1);
    println!("{}", json!({ "current": current, "resealed": rows, "unreadable": unreadable }));
    Ok(if unreadable == 0 { Found::Fine } else { Found::Breach })
}
