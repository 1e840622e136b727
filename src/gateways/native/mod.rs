//! The protocol of this house: signed JSON, records numbered by (epoch, seq), batches whose items
//! are judged one by one, and live decisions.

mod answer;
mod batch;
mod record;
pub mod routes;
mod still;

pub use answer::sentences;
pub use still::answer_live;

#[cfg(test)]
mod tests;
