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
    mod months;
    pub mod posting;
    mod refold;
    mod rows;
    pub mod standing;
    pub mod tables;
    pub mod timeline;
}
mod members {
    pub mod roster {
        use chrono::{DateTime, Utc};
        use sea_orm::ConnectionTrait;

        use crate::base::error::Error;

        pub async fn version(_: &impl ConnectionTrait, _: DateTime<Utc>) -> Result<String, Error> {
            Ok(String::new())
        }
    }
}
mod staff {
    use chrono::{DateTime, TimeDelta, Utc};
    use sea_orm::DatabaseConnection;

    use crate::base::{error::Error, ids::StaffId};

    pub mod attempts;
    mod browser;
    mod caller;
    pub mod password;
    pub mod rules;

    const ABSOLUTE: TimeDelta = TimeDelta::hours(12);

    fn actor(id: StaffId) -> String {
        format!("staff:{id}")
    }

    /// Who has which session is for the stories.
    async fn find_session(
        _: &DatabaseConnection,
        _: &str,
        _: DateTime<Utc>,
    ) -> Result<Option<caller::StaffCaller>, Error> {
        Ok(None)
    }
}
mod terminals {
    use chrono::{DateTime, Utc};
    use sea_orm::DatabaseTransaction;

    use crate::base::{error::Error, ids::TerminalId};

    mod caches;
    mod caller;
    mod keys;
    pub mod signature;
    mod tables;

    pub use caches::Caches;

    const ACTIVE: &str = "active";

    async fn audited(
        tx: DatabaseTransaction,
        _: &str,
        _: &str,
        _: TerminalId,
        _: DateTime<Utc>,
    ) -> Result<(), Error> {
        Ok(tx.commit().await?)
    }
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
