//! Metrics in our own registry.

/// The counters and histograms of a process.
pub struct Metrics;
