//! A town of its own for each test: a whole server on free ports, an office that works through the
//! API, terminals that sign, screens that look. Nothing here reaches into the server: what a
//! client cannot do, a test cannot do either. Only where a law speaks of SQL itself is SQL asked.

pub mod device;
mod log;
mod office;
mod people;
pub mod photo;
mod process;
mod receiver;
mod resident;
mod server;
mod store;
mod template;
mod terminal;
mod town;
mod wechat;
mod wire;

pub use office::Office;
pub use people::{Member, Shown, document};
pub use process::Process;
pub use receiver::Receiver;
pub use resident::{Resident, registration};
pub use server::Server;
pub use store::{Said, Store};
pub use terminal::{Envelope, Terminal, results};
pub use town::{COMMUNITY, Screen, TestTown, Venue};
pub use wechat::{SESSION_KEY, push};
pub use wire::{Answer, Wire, eventually};

use chrono::{DateTime, Utc};

/// The instant that an RFC 3339 text means.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}
