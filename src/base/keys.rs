//! Encryption, index and MAC keys.

/// The keys of a deployment.
pub struct Keys;
