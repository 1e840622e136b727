//! What a terminal saw: decide, record in groups, quarantine.

pub mod rules;
