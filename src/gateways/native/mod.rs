//! The protocol of this house: signed JSON, records numbered by (epoch, seq), batches whose items
//! are judged one by one, and live decisions.

mod answer;
mod batch;
mod record;
pub mod routes;

pub use answer::sentences;

#[cfg(test)]
mod tests;
