//! The three clocks of an event: what the device says, when we received it, and when it happened.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// 2020-01-01 in Unix milliseconds: no terminal of ours is older, but clocks without power begin
/// again at 1970, 2000 or 2010.
const EARLIEST_MS: i64 = 1_577_836_800_000;
/// A corrected time this much ahead of ours is an error, not a drift.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);
/// What is reported later than this is worth a look, though never wrong for it.
const OLD_AFTER: TimeDelta = TimeDelta::hours(24);
/// Instants keep no more digits, as both databases do.
const MILLISECOND_DIGITS: u16 = 3;

/// When an event happened, as fixed at its first acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    Known {
        occurred_at: DateTime<Utc>,
        flag: Option<ClockFlag>,
    },
    /// Nobody can tell: for quarantine, until staff date it.
    Absurd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClockFlag {
    /// The device's time made no sense, so the time of receipt was taken.
    AbsurdTime,
    /// It happened more than a day before we received it.
    Old,
}

impl ClockFlag {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AbsurdTime => "absurd_time",
            Self::Old => "old",
        }
    }
}

/// Says when an event happened. `offset_ms` is how far the device's clock is ahead of ours. `live`:
/// somebody is waiting at the door, so the time of receipt stands in for an absurd one.
pub fn classify_time(
    device_time: DateTime<Utc>,
    offset_ms: i64,
    received_at: DateTime<Utc>,
    live: bool,
) -> Timing {
    let corrected = TimeDelta::try_milliseconds(offset_ms)
        .and_then(|offset| device_time.checked_sub_signed(offset))
        .filter(|corrected| device_time.min(*corrected).timestamp_millis() >= EARLIEST_MS)
        .filter(|corrected| *corrected - received_at <= AHEAD_MAX);
    let (occurred_at, flag) = match corrected {
        Some(at) if received_at - at > OLD_AFTER => (at, Some(ClockFlag::Old)),
        Some(at) => (at, None),
        None if live => (received_at, Some(ClockFlag::AbsurdTime)),
        None => return Timing::Absurd,
    };
    Timing::Known { occurred_at: occurred_at.trunc_subsecs(MILLISECOND_DIGITS), flag }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::sample::at;

    fn known(occurred_at: DateTime<Utc>, flag: Option<ClockFlag>) -> Timing {
        Timing::Known { occurred_at, flag }
    }

    #[test]
    fn the_first_instant_of_2020_is_not_absurd_and_the_one_before_is() {
        let received = at("2026-05-01T04:00:00Z");
        let first = at("2020-01-01T00:00:00Z");
        assert_eq!(classify_time(first, 0, received, false), known(first, Some(ClockFlag::Old)));
        let before = first - TimeDelta::milliseconds(1);
        assert_eq!(classify_time(before, 0, received, false), Timing::Absurd);
    }

    /// A clock that begins again at 2010 is not set right by an offset that was measured then, nor
    /// a good one set back to it.
    #[test]
    fn a_time_is_absurd_as_it_was_told_and_as_it_is_corrected() {
        let received = at("2026-05-01T04:00:00Z");
        let reset = at("2010-01-01T00:00:00Z");
        for (told, corrected) in [(reset, received), (received, reset)] {
            let offset_ms = (told - corrected).num_milliseconds();
            assert_eq!(classify_time(told, offset_ms, received, false), Timing::Absurd);
        }
    }

    #[test]
    fn what_happened_more_than_a_day_before_its_receipt_is_old() {
        let received = at("2026-05-01T04:00:00Z");
        let day = received - TimeDelta::days(1);
        assert_eq!(classify_time(day, 0, received, false), known(day, None));
        let longer = day - TimeDelta::milliseconds(1);
        let old = known(longer, Some(ClockFlag::Old));
        assert_eq!(classify_time(longer, 0, received, false), old);
    }
}
