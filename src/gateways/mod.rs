//! Terminal protocols, one module each: bytes to entries, and answers back.
//!
//! A vendor's protocol has parsers that are pure (bytes to facts), and a face that knows whose
//! request it is, hands the facts in and answers in the vendor's form after the commit.

mod answer;
mod answers;
mod calls;
mod dahua;
mod digest;
mod facts;
mod fcard;
mod hikvision;
mod holders;
mod hq;
mod intake;
mod json;
pub mod listening;
mod multipart;
mod native;
pub mod outward;
pub mod parsers;
mod post;
mod records;
mod rosters;
mod routes;
mod stream;
mod text;
mod uniubi;
mod zkteco;

#[cfg(test)]
mod becomes;
#[cfg(test)]
mod mutations;

pub use intake::Intake;
pub use native::answer_live;
pub use routes::routes;
