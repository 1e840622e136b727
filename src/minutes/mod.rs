//! From entry events to minutes that people can trust: the fold, the ledger, the roll-ups, and
//! their projection into the counters.

mod absent;
mod admit;
mod attended;
pub mod busyness;
mod carry_over;
mod closer;
mod correct;
pub mod days;
mod declare;
pub mod disputes;
mod effect;
mod join;
#[cfg(test)]
mod laws;
mod ledger;
mod months;
mod own;
pub mod posting;
pub mod projector;
mod ranks;
mod refold;
mod routes;
mod rows;
pub mod standing;
mod statement;
pub mod tables;
pub mod tally;
pub mod timeline;
pub mod trials;
pub mod verify;
pub mod ways;
mod what_if;

pub use absent::end_absent;
pub use admit::admit;
pub use attended::attended;
pub use carry_over::carry_over;
pub use closer::close_due;
pub use correct::{Corrected, Correction, correct, decided as correct_as_decided};
pub use declare::hold;
pub use disputes::erase;
pub use effect::{Effect, Moment};
pub use join::join;
pub use routes::{operations, resident_routes, routes};
