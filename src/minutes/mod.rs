//! From entry events to minutes that people can trust: the fold, the ledger, the roll-ups, and
//! their projection into the counters.

mod carry_over;
mod closer;
pub mod days;
#[cfg(test)]
mod laws;
mod ledger;
pub mod posting;
pub mod projector;
mod refold;
mod routes;
mod rows;
pub mod standing;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "routes for declarations and corrections will call it")
)]
mod statement;
pub mod tables;
pub mod tally;
pub mod timeline;
pub mod verify;

pub use carry_over::carry_over;
pub use closer::close_due;
pub use routes::{operations, routes};
