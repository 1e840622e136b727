//! Dahua and Intelbras: devices that post their events, each with its pictures, to a path of ours
//! with a token in it, and can leave the decision to us in the same request; or stream them to us.

pub mod event;
mod lines;
pub mod numbers;
pub mod people;
pub mod routes;

#[cfg(test)]
mod tests;
