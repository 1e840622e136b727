//! How sure it is that somebody is inside, who should be looked after, and what a count of heads
//! means for those who come later. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Whoever came so lately was seen as good as now.
const SEEN_WITHIN: TimeDelta = TimeDelta::minutes(15);
/// Alone for so long: nobody would notice a fall.
pub const ALONE_AFTER: TimeDelta = TimeDelta::minutes(30);
/// Inside for so long: twice what a visit usually lasts.
pub const LONG_AFTER: TimeDelta = TimeDelta::minutes(150);

/// How sure it is that somebody is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = InsideSure)]
pub enum Sure {
    /// Came in within the last quarter of an hour.
    Seen,
    /// Has not stayed longer than people usually do.
    Likely,
    /// Should have left by now; the exit may have been missed.
    Doubtful,
}

/// `usual_until`: when a stay that began at `entered_at` usually ends.
pub fn sure(entered_at: DateTime<Utc>, usual_until: DateTime<Utc>, now: DateTime<Utc>) -> Sure {
    if now - entered_at <= SEEN_WITHIN {
        Sure::Seen
    } else if now <= usual_until {
        Sure::Likely
    } else {
        Sure::Doubtful
    }
}

/// Why somebody should be looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = WatchReason)]
pub enum Concern {
    /// Nobody else is inside.
    Alone,
    LongStay,
}

/// The concerns about one of `inside` people of a venue, who came at `entered_at`.
pub fn concerns(entered_at: DateTime<Utc>, inside: usize, now: DateTime<Utc>) -> Vec<Concern> {
    let stayed = now - entered_at;
    let mut concerns = Vec::new();
    if inside == 1 && stayed >= ALONE_AFTER {
        concerns.push(Concern::Alone);
    }
    if stayed >= LONG_AFTER {
        concerns.push(Concern::LongStay);
    }
    concerns
}

/// A count of heads: how many were inside, and how many were presumed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub counted: i64,
    pub presumed: i64,
}

impl Count {
    /// Presumed to be inside and not there (or, below zero, there and not known).
    pub fn drift(self) -> i64 {
        self.presumed - self.counted
    }

    /// How many are inside later: `still` of those presumed at the count are presumed still, and
    /// `since` came after it. People who were presumed and not there are the last to leave, since
    /// nothing sees them go; people who were there unknown stay until heads are counted again.
    pub fn inside(self, still: i64, since: i64) -> i64 {
        let unknown = (self.counted - self.presumed).max(0);
        (still.max(0) + unknown).min(self.counted) + since
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::from_millis;

    fn minute(n: i64) -> DateTime<Utc> {
        from_millis(n * 60_000)
    }

    #[test]
    fn who_stays_longer_than_usual_is_doubtful() {
        let sure = |now| sure(minute(0), minute(60), minute(now));
        assert_eq!(
            [15, 16, 60, 61].map(sure),
            [Sure::Seen, Sure::Likely, Sure::Likely, Sure::Doubtful]
        );
    }

    #[test]
    fn the_lone_and_the_long_are_looked_after() {
        let of = |inside, now| concerns(minute(0), inside, minute(now));
        assert_eq!(of(1, 29), []);
        assert_eq!(of(1, 30), [Concern::Alone]);
        assert_eq!(of(2, 149), []);
        assert_eq!(of(1, 150), [Concern::Alone, Concern::LongStay]);
        assert_eq!(of(2, 150), [Concern::LongStay]);
    }

    proptest! {
        #[test]
        fn a_count_is_true_at_once_and_bounds_what_comes_later(
            counted in 0_i64..50, presumed in 0_i64..50, since in 0_i64..50, gone in 0_i64..50,
        ) {
            let count = Count { counted, presumed };
            prop_assert_eq!(count.inside(presumed, 0), counted);
            prop_assert_eq!(count.drift(), presumed - counted);
            let still = (presumed - gone).max(0);
            prop_assert!((0..=counted + since).contains(&count.inside(still, since)));
        }
    }
}
