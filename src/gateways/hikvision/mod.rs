//! Hikvision ISAPI: devices that post their events to a path of ours with a token in it, and take
//! commands at an address of their own by digest authentication.

pub mod calls;
pub mod event;
pub mod people;
pub mod routes;
mod xml;

#[cfg(test)]
mod tests;
