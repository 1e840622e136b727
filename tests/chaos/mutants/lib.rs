//! The rules that carry the truth, as a crate of their own that builds in seconds: `run` beside this
//! file puts it in place of the product's `lib.rs` in a copy of the sources, and tries mutants there.

mod base {
    // Built once, as a crate of its own; only what is mutated stands here too.
    pub use ::ground::base::*;

    pub mod idempotency;
}
mod bookings {
    pub const BOOKING: &str = "booking";
}
mod entries {
    pub mod rules;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Outcome {
        Live,
        Opened,
        Refused,
        Unknown,
    }
}
mod minutes {
    #[cfg(test)]
    mod laws;
    mod ledger;
    pub mod posting;
    mod refold;
    mod rows;
    pub mod standing;
    pub mod tables;
    pub mod timeline;
}
mod staff {
    pub mod attempts;
    pub mod password;
    pub mod rules;
}
mod terminals {
    pub mod signature;
}
mod venues {
    mod rules;
    pub mod terms;

    #[cfg(test)]
    pub use rules::Closure;
    pub use rules::{
        DAY_MIN, LONGEST_STAY_MAX, Open, Pairing, Passback, Rules, Venue, VenueStatus,
    };
    #[cfg(test)]
    pub use rules::sample;
}
