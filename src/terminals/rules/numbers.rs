//! The running numbers of vendors' records: which are missing, though a counter begins somewhere,
//! is cleared now and then, and tells its records twice, late and out of order. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use super::Progress;

/// A cleared counter begins at one; its first records may come late or not at all.
const BEGINS_WITHIN: i64 = 1_000;
/// Nothing loses so many records at once: this is another counter.
const JUMP_MAX: i64 = 1_000_000;
/// Nor does a counter leave out so many.
const LEFT_OUT_MAX: i64 = 10_000;
/// A device's time so far ahead of ours says nothing about the order of its records.
const AHEAD_MAX: TimeDelta = TimeDelta::days(1);

/// The numbers of one device's newest counter, from the first that came on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The number before the first that is followed: what was before we knew the device is not
    /// missing.
    pub base: i64,
    /// The device's time after which all belongs to the newest counter, and of its newest record.
    pub since: Option<DateTime<Utc>>,
    pub newest_at: Option<DateTime<Utc>>,
    /// Counted from `base`.
    pub progress: Progress,
}

impl Numbers {
    /// Takes in that record `number`, of the device's own time `at`, is here. `follows` is the
    /// number of the record before; where nobody says it, this one follows all that are here.
    pub fn absorb(
        &mut self,
        number: i64,
        follows: Option<i64>,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        let Some(newest_at) = self.newest_at else {
            return self.begin(0, number - 1, number, (at, at));
        };
        let makes_sense = at <= now + AHEAD_MAX;
        let is_of_older_counter = self.progress.epoch > 0 && self.since.is_some_and(|s| at <= s);
        if is_of_older_counter {
            return;
        }
        let place = number - self.base;
        // A number that was there, but later than all: the counter was cleared.
        let began_anew = place <= self.progress.highest_seq && at > newest_at && makes_sense;
        if began_anew || place > self.progress.highest_seq + JUMP_MAX {
            let base = if number <= BEGINS_WITHIN { 0 } else { number - 1 };
            return self.begin(self.progress.epoch + 1, base, number, (newest_at, at));
        }
        if place >= 1 {
            let highest = self.progress.highest_seq;
            let before = follows.map_or(highest.min(place - 1), |number| number - self.base);
            let left_out = before.max(0) + 1..place;
            if place - left_out.start > LEFT_OUT_MAX {
                let times = (newest_at, at);
                return self.begin(self.progress.epoch + 1, number - 1, number, times);
            }
            for never_was in left_out {
                self.progress.absorb(self.progress.epoch, never_was);
            }
            self.progress.absorb(self.progress.epoch, place);
        }
        if makes_sense {
            self.newest_at = Some(newest_at.max(at));
        }
    }

    fn begin(
        &mut self,
        epoch: i64,
        base: i64,
        number: i64,
        (since, at): (DateTime<Utc>, DateTime<Utc>),
    ) {
        let mut progress = Progress::parse(epoch, 0, "[]");
        progress.absorb(epoch, number - base);
        *self = Self { base, since: Some(since), newest_at: Some(at), progress };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::from_millis;

    const NOW_MS: i64 = 1_795_000_000_000;

    fn at(second: i64) -> DateTime<Utc> {
        from_millis(NOW_MS - 1_000_000_000 + second * 1_000)
    }

    fn told(numbers: &mut Numbers, records: &[(i64, i64)]) {
        for (number, second) in records {
            numbers.absorb(*number, Some(number - 1), at(*second), from_millis(NOW_MS));
        }
    }

    #[test]
    fn what_was_before_the_first_record_is_not_missing() {
        let mut numbers = Numbers::default();
        told(&mut numbers, &[(500, 10), (503, 13), (499, 9), (501, 11)]);
        assert_eq!((numbers.progress.missing(), numbers.progress.epoch), (1, 0));
    }

    #[test]
    fn a_cleared_counter_begins_anew_and_its_old_records_count_no_more() {
        let mut numbers = Numbers::default();
        told(
            &mut numbers,
            &[(500, 10), (502, 12), (3, 20), (1, 18), (501, 11), (500, 10), (4, 21)],
        );
        assert_eq!((numbers.progress.missing(), numbers.progress.epoch), (1, 1));
        told(&mut numbers, &[(2, 19), (1, 18)]);
        assert_eq!((numbers.progress.missing(), numbers.progress.epoch), (0, 1));
    }

    #[test]
    fn a_leap_beyond_all_measure_is_another_counter() {
        let mut numbers = Numbers::default();
        told(&mut numbers, &[(1, 1), (4_000_000_000, 2), (4_000_000_002, 4)]);
        assert_eq!((numbers.progress.missing(), numbers.progress.epoch), (1, 1));
    }

    #[test]
    fn numbers_that_a_device_leaves_out_are_not_missing() {
        let mut numbers = Numbers::default();
        let now = from_millis(NOW_MS);
        for (number, follows, second) in
            [(500, None, 1), (588, Some(587), 4), (587, Some(579), 3), (590, None, 5)]
        {
            numbers.absorb(number, follows, at(second), now);
        }
        // 501 to 579: of these nobody has said that they never were.
        assert_eq!(numbers.progress.missing(), 79);
        numbers.absorb(579, Some(500), at(2), now);
        assert_eq!(numbers.progress.missing(), 0);
    }

    proptest! {
        #[test]
        fn exactly_what_never_came_is_missing(
            order in Just((2..60_i64).collect::<Vec<_>>()).prop_shuffle(),
            lost in proptest::collection::btree_set(3..59_i64, 0..20),
            again in proptest::collection::vec(0..58_usize, 0..30),
        ) {
            let mut numbers = Numbers::default();
            told(&mut numbers, &[(1, 1)]);
            let mut all: Vec<i64> = order.clone();
            all.extend(again.iter().map(|n| order[*n]));
            all.push(59);
            let came: Vec<_> =
                all.into_iter().filter(|n| !lost.contains(n)).map(|n| (n, n)).collect();
            told(&mut numbers, &came);
            prop_assert_eq!(numbers.progress.missing(), i64::try_from(lost.len()).unwrap());
            prop_assert_eq!(numbers.progress.epoch, 0);
        }
    }
}
