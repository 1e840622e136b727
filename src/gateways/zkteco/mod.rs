//! `ZKTeco` PUSH, for access control and for attendance: devices that poll, on the paths below
//! `/iclock` that their firmware knows. Their protocols have no secret worth the name, so a
//! terminal is known by its serial number, once staff have claimed it.

pub mod acc;
pub mod att;
mod codes;
mod config;
pub mod orders;
pub mod results;
pub mod routes;
mod serve_acc;
mod serve_att;
mod time;

#[cfg(test)]
mod tests;
