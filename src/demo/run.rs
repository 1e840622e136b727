//! The `demo` command: starts a server, founds the town on it, brings the history in, tells where to
//! look, and lets people come and go until it is stopped.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{
    credentials::Credentials,
    crowd::Crowd,
    found::{Ground, Town},
    life::Life,
    live::Live,
    load,
    plan::Plan,
};
use crate::{
    app::App,
    base::{clock::Clock, config::Config, http::client::client},
};

/// What the command line says.
#[derive(Debug)]
pub struct Options {
    pub config: Config,
    /// The same seed and day give the same town.
    pub seed: u64,
    /// Minutes of the town that pass in a minute. Any other than 1 gives the server a clock of its
    /// own, which runs ahead of the world's once the town is live.
    pub pace: u32,
    /// Full months of history, instead of 18 with the exact sum.
    pub months: Option<u32>,
    /// Whether to end when the history is loaded.
    pub load_only: bool,
    /// Whether the town has its doors alone, for whoever wants to fill the rest themselves.
    pub doors_only: bool,
    /// Where to write what people and scripts need to take part.
    pub credentials: Option<PathBuf>,
}

/// Shows the town until `told` to stop. Without a database of the caller's it lives in a file of
/// its own, which goes when the show is over.
pub async fn run(options: Options, told: impl Future<Output = ()>) -> anyhow::Result<()> {
    run_in(&std::env::temp_dir(), options, told).await
}

async fn run_in(
    folder: &Path,
    options: Options,
    told: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let clock = match options.pace {
        1 => Clock::system(),
        _ => Clock::fixed(Clock::system().now()),
    };
    let (config, own_file) = config(folder, &options);
    let shown = started(config, &options, clock, told).await;
    if let Some(file) = own_file {
        remove(&file, &LOCKS);
        if !options.load_only {
            remove(&file, &DATABASE);
        }
    }
    shown
}

async fn started(
    config: Config,
    options: &Options,
    clock: Clock,
    told: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let app = App::start(config, clock.clone()).await?;
    let shown = tokio::select! {
        shown = show(&app, options, clock) => shown,
        () = told => Ok(()),
    };
    app.stop().await?;
    shown
}

/// The server's settings: a database and, for a short visit, ports that nobody else uses.
fn config(folder: &Path, options: &Options) -> (Config, Option<PathBuf>) {
    let mut config = options.config.clone();
    if options.load_only {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.listen = config.listen.or(Some(free));
        config.ops_listen = config.ops_listen.or(Some(free));
    }
    if config.data.database_url.is_some() {
        return (config, None);
    }
    let file = folder.join(format!("fitgate-demo-{}.db", Uuid::new_v4()));
    config.data.database_url = Some(format!("sqlite://{}?mode=rwc", file.display()).into());
    eprintln!("fitgate: the town lives in {}", file.display());
    (config, Some(file))
}

/// What the database and its keys are called behind the file's name.
const DATABASE: [&str; 5] = ["", "-wal", "-shm", ".keys", ".mark"];
/// What only a running server needs.
const LOCKS: [&str; 2] = [".lock", ".migrate"];

fn remove(file: &Path, endings: &[&str]) {
    for ending in endings {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        drop(std::fs::remove_file(name));
    }
}

async fn show(app: &App, options: &Options, clock: Clock) -> anyhow::Result<()> {
    let plan = Plan::draw(options.seed, clock.now(), options.months)?;
    let ground = Ground {
        db: &app.db,
        keys: &app.keys,
        clock: clock.clone(),
        client: client()?,
        base_url: url(app.address),
        ops_url: url(app.ops_address),
    };
    let Town { credentials, terminals, places, ids, founder } = ground.found(&plan.people).await?;
    load::history(&plan, &terminals).await?;
    let beside = Life {
        db: &app.db,
        keys: &app.keys,
        by: &founder,
        seed: options.seed,
        plan: &plan,
        places: &places,
        ids: &ids,
        now: clock.now(),
    };
    let expected = if options.doors_only { Vec::new() } else { beside.bring().await? };
    tell(&credentials, options.credentials.as_deref())?;
    if options.load_only {
        return Ok(());
    }
    let live = Live {
        people: &plan.people,
        terminals: &terminals,
        newest: plan.records.iter().map(|door| i64::try_from(door.len()).unwrap_or(0)).collect(),
        clock: clock.clone(),
        pace: options.pace,
    };
    live.run(Crowd::new(options.seed, &plan.people, clock.now()).expecting(expected)).await;
    Ok(())
}

fn tell(credentials: &Credentials, file: Option<&Path>) -> anyhow::Result<()> {
    if let Some(file) = file {
        credentials.write(file)?;
    }
    for screen in &credentials.screens {
        println!("{:<12}  {}", screen.division, screen.url);
    }
    Ok(())
}

/// Where a browser on this machine reaches a listener.
fn url(listens: SocketAddr) -> String {
    let mut reached = listens;
    if listens.ip().is_unspecified() {
        reached.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{reached}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The endings of what a demo that was stopped at once has left.
    async fn left(load_only: bool) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::development("", None);
        config.data.database_url = None;
        let months = Some(1);
        let (doors_only, credentials) = (true, None);
        let options =
            Options { config, seed: 1, pace: 1, months, load_only, doors_only, credentials };
        run_in(folder.path(), options, std::future::ready(())).await.expect("it starts and stops");
        let names = std::fs::read_dir(folder.path()).expect("the folder is there");
        let names = names.map(|entry| entry.expect("an entry").file_name().into_string());
        let ending = |name: String| name.split_once(".db").expect("its name").1.to_owned();
        let mut endings: Vec<String> = names.map(|name| ending(name.expect("text"))).collect();
        endings.sort();
        endings
    }

    #[tokio::test]
    async fn a_demo_leaves_nothing_behind_but_the_town_it_was_told_to_load() {
        // The town is loaded over HTTP, whose client wants a TLS provider whatever the scheme.
        drop(rustls::crypto::ring::default_provider().install_default());
        assert_eq!(left(false).await, Vec::<String>::new());
        assert_eq!(left(true).await, ["", ".keys"]);
    }
}
