//! Commands that run a server or talk to one: `serve`, `demo`, `replay`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use super::Found;
use crate::{
    app::App,
    base::{
        clock::Clock,
        config::Config,
        supervisor::{READY, STOPPING},
    },
    demo,
};

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    config: Config,
    /// The same seed gives the same town.
    #[arg(long, env = "FITGATE_SEED", default_value_t = 1)]
    seed: u64,
    /// Minutes of the town in a minute of ours; 60 makes a minute a second.
    #[arg(long, env = "FITGATE_PACE", default_value_t = 1)]
    pace: u32,
    /// Full months of history before this one.
    #[arg(long, env = "FITGATE_MONTHS")]
    months: Option<u32>,
    /// Load the history and exit.
    #[arg(long, env = "FITGATE_LOAD_ONLY")]
    load_only: bool,
    /// Only what doors saw: no coaches, groups, activities, fitness tests, tickets or notices.
    #[arg(long, env = "FITGATE_DOORS_ONLY")]
    doors_only: bool,
    /// Where to write addresses, tokens and keys for people and scripts, as JSON.
    #[arg(long, env = "FITGATE_CREDENTIALS")]
    credentials: Option<PathBuf>,
}

/// What can be replayed.
#[derive(Debug, Subcommand)]
pub enum Replay {
    /// A door log: `DeviceName,Direction,AlarmDateTime`.
    Swipes(demo::swipes::Options),
}

/// Runs the server until it is told to stop (SIGTERM or SIGINT); a second signal ends it at once.
pub async fn serve(config: Config) -> anyhow::Result<Found> {
    let supervisor = config.supervisor.clone();
    // Listened for from the beginning: who is ready and told to stop at once leaves in order, too.
    let mut told = Box::pin(told_to_stop()?);
    let app = tokio::select! {
        app = App::start(config, Clock::system()) => app?,
        () = &mut told => return Ok(Found::Fine),
    };
    supervisor.tell(READY);
    let watch = tokio::spawn(supervisor.clone().keep_alive(app.ops_address));
    app.run_until(async {
        told.await;
        supervisor.tell(STOPPING);
    })
    .await?;
    watch.abort();
    Ok(Found::Fine)
}

/// Comes true at the first SIGTERM or SIGINT; the second one leaves the process at once.
pub fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (told, hears) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        let _ = told.send(());
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        std::process::exit(1);
    });
    Ok(async {
        let _ = hears.await;
    })
}

/// Loads the reference town, then shows it live until told to stop.
pub async fn demo(options: Demo) -> anyhow::Result<Found> {
    let town = demo::Options {
        config: options.config,
        seed: options.seed,
        pace: options.pace,
        months: options.months,
        load_only: options.load_only,
        doors_only: options.doors_only,
        credentials: options.credentials,
    };
    demo::run(town, told_to_stop()?).await?;
    Ok(Found::Fine)
}

/// Sends a door log and prints what became of it.
pub async fn replay(command: Replay) -> anyhow::Result<Found> {
    let Replay::Swipes(options) = command;
    demo::swipes::run(options).await?;
    Ok(Found::Fine)
}
