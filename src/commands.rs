//! The commands of the binary. Every option is also an environment variable `FITGATE_…`.
//!
//! Exit codes everywhere: 0 fine, 1 a breach was found, 2 could not check or could not do it.

use std::process::ExitCode;

use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, parser::ValueSource,
};
use tracing_subscriber::EnvFilter;

use crate::base::config::{Config, DataConfig};

mod community;
mod data;
mod operator;
mod serve;
mod transfer;

/// 智慧体育社区后台。Backend of a city's smart sports communities.
#[derive(Debug, Parser)]
#[command(name = "fitgate", version)]
struct CommandLine {
    /// What is logged, such as `info` or `fitgate=debug,warn`; the demo logs warnings only.
    #[arg(long, global = true, env = "FITGATE_LOG")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(Config),
    /// Show the reference town, live, in a fresh SQLite file unless told otherwise.
    Demo(serve::Demo),
    /// Bring the schema up to date, under a lock.
    Migrate {
        #[command(flatten)]
        data: DataConfig,
        /// Only say whether steps are missing (exit code 1 if so).
        #[arg(long)]
        check: bool,
    },
    /// Send recorded traffic through a terminal's own protocol.
    #[command(subcommand)]
    Replay(serve::Replay),
    /// Compare the counters with SQL, or write them anew.
    #[command(subcommand)]
    Counters(data::Counters),
    /// Check the ledger against everything it rests on, or give its digest.
    #[command(subcommand)]
    Ledger(data::Ledger),
    /// Make reports, and check files of them against the ledger.
    #[command(subcommand)]
    Report(data::Report),
    /// Write every row into a file that `import` reads, on either database.
    Export(transfer::Export),
    /// Fill an empty database from a file of `export`.
    Import(transfer::Import),
    /// Who is inside, from the sealed copy that a server keeps; needs no database.
    RollCall(operator::RollCall),
    /// Holidays and swapped workdays.
    #[command(subcommand)]
    Calendar(operator::Calendar),
    /// Fitness standards.
    #[command(subcommand)]
    Fitness(community::Fitness),
    /// Honours of a year.
    #[command(subcommand)]
    Honours(community::Honours),
    /// Staff accounts.
    #[command(subcommand)]
    Staff(operator::Staff),
    /// Terminals at doors.
    #[command(subcommand)]
    Terminals(operator::Terminals),
    /// Big screens and their tokens.
    #[command(subcommand)]
    Screens(operator::Screens),
    /// The keys of the deployment.
    #[command(subcommand)]
    Keys(operator::Keys),
    /// Exit code 0 when the server at this operations address is ready.
    Healthcheck {
        /// The operations listener of the server.
        #[arg(long, env = "FITGATE_OPS_URL", default_value = "http://127.0.0.1:9090")]
        ops_url: String,
    },
}

impl Command {
    /// What is logged unless told otherwise: a server tells what it does, a person at a terminal
    /// wants the command's own words only.
    fn usual_log(&self) -> &'static str {
        match self {
            Command::Serve(_) => "info,sea_orm_migration=warn,sqlx=warn",
            Command::Demo(_)
            | Command::Migrate { .. }
            | Command::Replay(_)
            | Command::Counters(_)
            | Command::Ledger(_)
            | Command::Report(_)
            | Command::Export(_)
            | Command::Import(_)
            | Command::RollCall(_)
            | Command::Calendar(_)
            | Command::Fitness(_)
            | Command::Honours(_)
            | Command::Staff(_)
            | Command::Terminals(_)
            | Command::Screens(_)
            | Command::Keys(_)
            | Command::Healthcheck { .. } => "warn",
        }
    }
}

/// What a command found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Fine,
    Breach,
}

/// Exit code of a command that could not check or could not do what it was asked.
const COULD_NOT: u8 = 2;

/// Reads the command line, runs the command, gives its exit code.
pub fn run() -> ExitCode {
    let matches = CommandLine::command().get_matches();
    if let Some(secret) = said_aloud(&matches) {
        let name = secret.replace('-', "_").to_uppercase();
        eprintln!(
            "fitgate: everybody on this machine reads --{secret}: set FITGATE_{name} instead"
        );
        return ExitCode::from(COULD_NOT);
    }
    let line = CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    // One TLS provider for the whole process; a second call finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let usual = line.command.usual_log();
    let filter = line.log.as_deref().unwrap_or(usual);
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new(usual));
    // Where nobody reads the log any more there is nobody to be told of that either: to say it on
    // standard error would end the server.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .init();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(dispatch(line.command)));
    match outcome {
        Ok(Found::Fine) => ExitCode::SUCCESS,
        Ok(Found::Breach) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fitgate: {error:#}");
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Secrets of vendors, by the ids of their options and as they are written.
const SECRETS: [(&str, &str); 4] = [
    ("app_secret", "wechat-secret"),
    ("push_token", "wechat-push-token"),
    ("push_key", "wechat-push-key"),
    ("key_secret", "realname-key-secret"),
];

/// A secret that stands on the command line, which every process list shows; they come from the
/// environment only.
fn said_aloud(matches: &ArgMatches) -> Option<&'static str> {
    let here = SECRETS.into_iter().find(|(id, _)| {
        matches.try_contains_id(id).is_ok()
            && matches.value_source(id) == Some(ValueSource::CommandLine)
    });
    let below = || matches.subcommand().and_then(|(_, matches)| said_aloud(matches));
    here.map(|(_, written)| written).or_else(below)
}

async fn dispatch(command: Command) -> anyhow::Result<Found> {
    match command {
        Command::Serve(config) => serve::serve(config).await,
        Command::Demo(demo) => serve::demo(demo).await,
        Command::Migrate { data, check } => data::migrate(&data, check).await,
        Command::Replay(replay) => serve::replay(replay).await,
        Command::Counters(command) => data::counters(command).await,
        Command::Ledger(command) => data::ledger(command).await,
        Command::Report(command) => data::report_file(command).await,
        Command::Export(options) => transfer::export(&options).await,
        Command::Import(options) => transfer::import(&options).await,
        Command::Calendar(command) => operator::calendar(command).await,
        Command::Fitness(command) => community::fitness(command).await,
        Command::Honours(command) => community::honours(command).await,
        Command::RollCall(options) => operator::roll_call(&options),
        Command::Staff(command) => operator::staff(command).await,
        Command::Terminals(command) => operator::terminals(command).await,
        Command::Screens(command) => operator::screens(command).await,
        Command::Keys(command) => operator::keys(command).await,
        Command::Healthcheck { ops_url } => data::healthcheck(&ops_url).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_vendors_are_not_taken_from_the_command_line() {
        for (_, written) in SECRETS {
            let words = ["fitgate", "serve", &format!("--{written}"), "x"];
            let matches = CommandLine::command().try_get_matches_from(words).unwrap();
            assert_eq!(said_aloud(&matches), Some(written));
        }
        let quiet = CommandLine::command().try_get_matches_from(["fitgate", "serve"]).unwrap();
        assert_eq!(said_aloud(&quiet), None);
    }
}
