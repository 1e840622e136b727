//! What the servers of all stories say, kept where `FITGATE_TEST_LOG` names a file: the test command
//! looks through it for what no log may hold.

use std::{
    fs::{File, OpenOptions},
    sync::Mutex,
};

use tracing_subscriber::EnvFilter;

/// As much as an operator who looks for a fault turns on.
const FILTER: &str = "fitgate=debug,access=info,info";

/// Begins to keep it, once a process; every process adds to the same file.
#[expect(clippy::disallowed_methods, reason = "where a run keeps it is no setting of a server")]
pub fn keep() {
    let Some(file) = std::env::var_os("FITGATE_TEST_LOG") else { return };
    let open =
        || -> std::io::Result<File> { OpenOptions::new().create(true).append(true).open(file) };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_ansi(false)
        .with_writer(Mutex::new(open().unwrap()))
        .try_init()
        .ok();
}
