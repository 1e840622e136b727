//! Terminal protocols, one module each: bytes to entries, and answers back.

mod native;
mod routes;

pub use routes::routes;
