//! The edge: how requests come in and answers go out. Accepting, limits, refusals in one form
//! (RFC 9457), strict readers of bodies and queries, and the listener for operations.
//!
//! From the wire inward: `serve` accepts, `wire` watches the bytes, `edge` puts the middleware
//! on a router, `json` and `query` parse at the door, `problem` renders every refusal.

pub mod bearer;
pub mod body;
pub mod client;
pub mod docs;
pub mod edge;
pub mod framing;
pub mod json;
mod lexeme;
pub mod limits;
pub mod ops;
pub mod outward;
pub mod peer;
pub mod problem;
pub mod query;
pub mod scan;
pub mod serve;
pub mod wire;

#[cfg(test)]
mod bad_inputs;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod toy;
