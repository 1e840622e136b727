//! From entry events to minutes that people can trust: the fold, the ledger, the roll-ups, and
//! their projection into the counters.

pub mod busyness;
mod carry_over;
mod closer;
pub mod days;
mod declare;
#[cfg(test)]
mod laws;
mod ledger;
mod own;
pub mod posting;
pub mod projector;
mod refold;
mod routes;
mod rows;
pub mod standing;
mod statement;
pub mod tables;
pub mod tally;
pub mod timeline;
pub mod verify;
pub mod ways;
mod what_if;

pub use carry_over::carry_over;
pub use closer::close_due;
pub use declare::{erase, hold};
pub use routes::{operations, resident_routes, routes};
