//! 海清, `HFSecurity` and relatives: devices that subscribe us to what they verify, at paths of ours
//! with a token in them.

pub mod calls;
pub mod push;
pub mod routes;

#[cfg(test)]
mod tests;
