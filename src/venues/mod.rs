//! Venues of communities: hours, rules, zones.

pub mod rules;
