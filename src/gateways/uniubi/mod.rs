//! Uniubi 宇泛: devices that post what they recognised, as JSON and in the query alike, to a path of
//! ours with a token in it.

pub mod callback;
pub mod calls;
mod pulls;
pub mod routes;
pub mod tasks;

#[cfg(test)]
mod tests;
