//! All that a request can reach: a `nest` line a domain, then the middleware.

/// A running fitgate.
pub struct App;
