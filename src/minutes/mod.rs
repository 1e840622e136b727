//! From entry events to minutes that people can trust.

pub mod timeline;
