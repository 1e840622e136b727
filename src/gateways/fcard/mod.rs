//! FCARD FC-8200H: devices that poll with JSON and post one record at a time. Their paths are fixed
//! and carry no secret, so a terminal is known by its serial number once staff have claimed it.

pub mod people;
pub mod record;
mod results;
pub mod routes;

#[cfg(test)]
mod tests;
