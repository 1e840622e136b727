//! Counters: a projection of SQL that can be thrown away at any moment.

/// The store of counters.
#[derive(Clone)]
pub struct Counters;
