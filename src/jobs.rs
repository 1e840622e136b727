//! All that time starts.
