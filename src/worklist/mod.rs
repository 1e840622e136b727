//! What waits for somebody of the staff: requests that need a second person, and everything that
//! looks wrong and that somebody can set right.

mod requests;
mod routes;

pub use requests::decide;
pub use routes::routes;
