//! The one way to call others over HTTP: with deadlines, without redirects.

use std::time::Duration;

/// To reach the other side at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// From the call to the last byte of its answer.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two bytes of a stream; devices send a heartbeat every half minute.
const STREAM_SILENCE: Duration = Duration::from_secs(90);

/// A client for answers that never end: it gives up when nothing comes for a while.
pub fn streaming() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(STREAM_SILENCE)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("fitgate/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}

/// A client whose every call ends. The process has installed a TLS provider before.
pub fn client() -> anyhow::Result<reqwest::Client> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TOTAL_TIMEOUT)
        // Whom we call is decided here, not by the one who is called.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("fitgate/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(client)
}
