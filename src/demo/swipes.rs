//! `replay swipes`: sends a door log through the native protocol of the terminal that the
//! credentials mark for it. Records are numbered by their rows under one fixed epoch, so sending
//! the log again gives duplicates and changes nothing.

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{
    credentials::Credentials,
    door_log::{self, Swipe},
    native::{BATCH_MAX, Identity, ItemResult, Outcome, Report, Terminal},
    progress::Progress,
};
use crate::base::{clock::Clock, http::client::client, ids::Method};

/// The epoch of a door log's records; a terminal's own begin with 1.
const EPOCH: i64 = 2015;

/// What to send, and where to.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// A door log: DeviceName,Direction,AlarmDateTime
    pub file: PathBuf,
    /// Where the server listens, such as <http://127.0.0.1:8080>
    #[arg(long, env = "FITGATE_BASE_URL")]
    pub base_url: String,
    /// The file that `demo --credentials` wrote
    #[arg(long, env = "FITGATE_CREDENTIALS")]
    pub credentials: PathBuf,
    /// Who swiped is drawn from it
    #[arg(long, env = "FITGATE_SEED", default_value_t = 1)]
    pub seed: u64,
    /// By how many weeks the log is moved
    #[arg(long, env = "FITGATE_SHIFT_WEEKS", default_value_t = 520)]
    pub shift_weeks: i64,
    /// Seconds for which a server that is away is tried again
    #[arg(long, env = "FITGATE_GIVE_UP_AFTER", default_value_t = 30)]
    pub give_up_after: u64,
}

/// What became of the log: rows by answer, then what the server makes of this terminal's records.
#[derive(Debug, Default, Serialize)]
struct Summary {
    rows: usize,
    accepted: usize,
    duplicates: usize,
    conflicts: usize,
    quarantined: usize,
    rejected: usize,
    sessions: Figures,
    minutes: Figures,
}

/// Something by provenance.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Figures {
    total: i64,
    measured: i64,
    self_declared: i64,
    estimated: i64,
    corrected: i64,
}

/// Sends the whole log, in order, and prints the summary as JSON. Fails where the log or the
/// credentials cannot be read, the server refuses the terminal, or it stays away too long.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let summary = replay(&options).await?;
    println!("{}", serde_json::to_string(&summary)?);
    Ok(())
}

async fn replay(options: &Options) -> anyhow::Result<Summary> {
    let credentials = Credentials::read(&options.credentials)?;
    let log = std::fs::File::open(&options.file)
        .with_context(|| format!("cannot read {}", options.file.display()))?;
    let members: Vec<&str> = credentials.members.iter().map(|m| m.credential.as_str()).collect();
    let swipes = door_log::assign(log, options.seed, options.shift_weeks, members.len())?;
    let marked = credentials.replay_terminal()?;
    let who = Identity { id: &marked.id, key_id: &marked.key_id, key: &marked.key };
    let terminal = Terminal::new(client()?, &options.base_url, &who, Clock::system())?
        .giving_up_after(Duration::from_secs(options.give_up_after));
    let mut summary = Summary { rows: swipes.len(), ..Summary::default() };
    let mut progress = Progress::begin("door log", swipes.len());
    for batch in swipes.chunks(BATCH_MAX) {
        let reports: Vec<Report> =
            batch.iter().map(|swipe| report(swipe, &members, &terminal)).collect();
        let answer = terminal.send_batch(&reports).await?;
        for item in &answer.items {
            *summary.of(item.result) += 1;
        }
        progress.advance(batch.len());
    }
    let made: Made = terminal.read("/api/v1/terminal/sessions").await?;
    summary.sessions = made.sessions;
    summary.minutes = made.minutes;
    Ok(summary)
}

/// What the server has made of a terminal's records: the sessions that they opened, without void
/// and open ones.
#[derive(Deserialize)]
struct Made {
    sessions: Figures,
    minutes: Figures,
}

impl Summary {
    fn of(&mut self, result: ItemResult) -> &mut usize {
        match result {
            ItemResult::Accepted => &mut self.accepted,
            ItemResult::Duplicate => &mut self.duplicates,
            ItemResult::Conflict => &mut self.conflicts,
            ItemResult::Quarantined => &mut self.quarantined,
            ItemResult::Rejected => &mut self.rejected,
        }
    }
}

fn report(swipe: &Swipe, members: &[&str], terminal: &Terminal) -> Report {
    Report {
        epoch: EPOCH,
        seq: swipe.seq,
        device_time: terminal.device_time(swipe.at),
        direction: swipe.direction,
        method: Method::Face,
        credential: members[swipe.who].to_owned(),
        score: None,
        outcome: Some(Outcome::Opened),
    }
}
