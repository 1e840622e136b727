//! People's safety at venues: who is inside and how sure that is, who is alone or has been inside
//! for long, all doors open at once, and what counting heads showed.

mod caller;
pub mod copy;
mod evacuations;
mod occupancy;
mod present;
mod routes;
mod rules;
#[cfg(test)]
mod tests;

pub use evacuations::keep_open;
pub use routes::routes;

/// The audit chain of everything here.
const CHAIN: &str = "safety";
