//! The settings.
/// Settings of a server.
pub struct Config;
