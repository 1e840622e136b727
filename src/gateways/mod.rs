//! Terminal protocols, one module each: bytes to entries, and answers back.
//!
//! A vendor's protocol has parsers that are pure (bytes to facts), and a face that knows whose
//! request it is, hands the facts in and answers in the vendor's form after the commit.

mod answer;
mod facts;
mod intake;
mod native;
mod routes;
mod text;
mod zkteco;

#[cfg(test)]
mod mutations;

pub use intake::Intake;
pub use routes::routes;
