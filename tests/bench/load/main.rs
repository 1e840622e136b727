//! A light load generator: terminals that report entries, screens that poll, streams that stay
//! open. It shares the machine with the server it measures, so it speaks HTTP/1.1 by hand over
//! kept-alive sockets, on one thread, and allocates little.
//!
//! It is bounded in time or in events, stops on SIGTERM or SIGINT, and ends with one JSON line.

mod acks;
mod entries;
mod poll;
mod sign;
mod tally;
mod town;
mod wire;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(about = "Load for kill tests and benchmarks")]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Terminals report entries.
    Entries(Entries),
    /// Screens ask for a document over and over.
    Poll(Poll),
    /// Connections are opened and held, idle after one answer or reading a stream.
    Hold(Hold),
}

/// How long to go on, for every kind of load.
#[derive(Args, Clone)]
struct Span {
    /// Seconds of measured load, after the warm-up.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Seconds that are not counted.
    #[arg(long, default_value_t = 0.0)]
    warm_up: f64,
    #[arg(long, default_value_t = 8)]
    connections: usize,
}

#[derive(Args)]
struct Entries {
    #[command(flatten)]
    span: Span,
    /// The file that `demo --credentials` writes: terminals with keys, and members.
    #[arg(long)]
    credentials: PathBuf,
    /// Where the server is; the credentials' own address when absent.
    #[arg(long)]
    base_url: Option<String>,
    /// Terminals used, at most.
    #[arg(long, default_value_t = usize::MAX)]
    terminals: usize,
    /// Instead of the file's members: `NAME:COUNT` stands for credentials NAME0 … NAME(COUNT-1).
    #[arg(long)]
    people: Option<String>,
    /// How the terminals recognise people.
    #[arg(long, default_value = "face")]
    method: String,
    /// Events a request; ignored with --decisions.
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Live checks, one a request, instead of batches.
    #[arg(long)]
    decisions: bool,
    /// Open loop: requests a second over all connections. Latency then counts from the moment at
    /// which the request was due. Closed loop when absent.
    #[arg(long)]
    rate: Option<f64>,
    /// Stop after so many acknowledged events.
    #[arg(long)]
    events: Option<u64>,
    /// Whose records are numbered in one row.
    #[arg(long, value_enum, default_value_t = Numbering::Terminal)]
    numbering: Numbering,
    /// Batches of people that a connection keeps inside before it must let some out.
    #[arg(long, default_value_t = 8)]
    inside: usize,
    /// How long before now each person's first event lies; later ones follow in steps.
    #[arg(long, default_value_t = 200)]
    start_minutes_ago: i64,
    /// Time between two events of one person, until now is reached.
    #[arg(long, default_value_t = 90)]
    step_seconds: i64,
    /// Every acknowledged record becomes a line of this file before the next request is sent.
    #[arg(long)]
    acks: Option<PathBuf>,
    /// Seconds for which a request whose connection broke, or that was answered 429 or 5xx, is
    /// sent again, as a terminal does; 0 counts it and goes on.
    #[arg(long, default_value_t = 0)]
    keep_trying: u64,
}

/// Who counts the records. A terminal is one counter; its requests over several connections may
/// overtake one another.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Numbering {
    /// One epoch a terminal and run, shared by all connections.
    Terminal,
    /// One epoch a connection and run: no overtaking, but epochs of a terminal interleave.
    Connection,
}

/// What is asked for: one address, or a file with lines `URL TOKEN`, shared among connections.
#[derive(Args)]
struct Screens {
    #[arg(long, required_unless_present = "targets")]
    url: Option<String>,
    /// Sent as a bearer token.
    #[arg(long)]
    token: Option<String>,
    #[arg(long)]
    targets: Option<PathBuf>,
}

#[derive(Args)]
struct Poll {
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    screens: Screens,
    /// Requests a second over all connections; as fast as they are answered when absent.
    #[arg(long)]
    rate: Option<f64>,
    /// Send the `ETag` of the last answer, so that unchanged documents are answered 304.
    #[arg(long)]
    etag: bool,
    /// Print the body of one answer and stop.
    #[arg(long)]
    once: bool,
}

#[derive(Args)]
struct Hold {
    #[command(flatten)]
    span: Span,
    #[command(flatten)]
    screens: Screens,
    /// Read the answer as a stream that never ends, instead of one answer and silence.
    #[arg(long)]
    stream: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    match Command::parse().what {
        What::Entries(entries) => entries::run(entries).await,
        What::Poll(poll) => poll::run(poll).await,
        What::Hold(hold) => poll::hold(hold).await,
    }
}
