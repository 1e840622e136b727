//! Minutes together, who stands where among them, and what a group may say of itself. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, Months, NaiveDate, TimeDelta, Utc};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::base::error::{Code, Error};

/// Members of one group.
pub const MEMBERS_MAX: i64 = 500;
/// Leaders of one group; the founder is the first.
pub const LEADERS_MAX: i64 = 5;
/// Meet-ups of one group that lie ahead.
pub const MEETUPS_AHEAD_MAX: i64 = 50;
/// Groups that one member founds and that nobody has decided about.
pub const PROPOSED_MAX: i64 = 3;
const ABOUT_CHARS_MAX: usize = 500;
const MEETUP_MIN: TimeDelta = TimeDelta::minutes(15);
const MEETUP_MAX: TimeDelta = TimeDelta::hours(6);
const MEETUP_AHEAD_MAX: TimeDelta = TimeDelta::days(90);
/// Places of a ranking.
pub const RANKED_MAX: usize = 50;
/// Groups of a division that a ranking looks at, closed ones included.
pub const GROUPS_MAX: usize = 100;
/// Of fewer people who came, nothing is said of a group: each could be had from the sum.
pub const PEOPLE_MIN: i64 = 3;
/// When a meet-up is first counted, and counted again: when most records have come, as long as a
/// member may declare, and when nobody waits for a silent terminal any more.
const SETTLED_AFTER: [TimeDelta; 3] =
    [TimeDelta::minutes(15), TimeDelta::days(3), TimeDelta::days(8)];

/// When a meet-up is counted for the first time.
pub fn settled_first(ends_at: DateTime<Utc>) -> DateTime<Utc> {
    ends_at + SETTLED_AFTER[0]
}

/// When a meet-up that was counted now is counted again; none where what is known stands.
pub fn settled_next(ends_at: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    SETTLED_AFTER.iter().map(|after| ends_at + *after).find(|at| *at > now)
}

/// Years of which a month may be asked; no database is asked of days that it cannot hold.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2999;

/// The last day of the month that begins on `month`. Refuses (422) a day that begins none.
pub fn last_of_month(month: NaiveDate) -> Result<NaiveDate, Error> {
    let is_asked = month.day() == 1 && YEARS.contains(&month.year());
    let next = month.checked_add_months(Months::new(1)).filter(|_| is_asked);
    let last = next.and_then(|next| next.pred_opt());
    last.ok_or_else(|| Error::invalid("/month", Code::BadTime))
}

/// What a group says of itself, cut of blanks and in NFC.
pub fn about(text: &str) -> Result<String, Error> {
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > ABOUT_CHARS_MAX {
        return Err(Error::invalid("/about", Code::TextLength));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::invalid("/about", Code::ControlCharacter));
    }
    Ok(text)
}

/// A meet-up lies ahead, within 90 days, and lasts a quarter of an hour to six hours.
pub fn check_meetup(
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if starts_at <= now || starts_at - now > MEETUP_AHEAD_MAX {
        return Err(Error::invalid("/starts_at", Code::BadTime));
    }
    if !(MEETUP_MIN..=MEETUP_MAX).contains(&(ends_at - starts_at)) {
        return Err(Error::invalid("/ends_at", Code::BadTime));
    }
    Ok(())
}

/// A stay of a member that may reach into a meet-up of the group at that venue.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    pub member: Uuid,
    pub meetup: Uuid,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub entered_at: DateTime<Utc>,
    pub left_at: DateTime<Utc>,
    /// Minutes with which the stay was credited; together is never more.
    pub credited: i64,
}

impl Reach {
    /// Whole minutes of the stay that lie within the meet-up.
    pub fn minutes(&self) -> i64 {
        let from = self.entered_at.max(self.starts_at);
        let to = self.left_at.min(self.ends_at);
        (to - from).num_minutes().clamp(0, self.credited.max(0))
    }
}

/// What a group came to in a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Together {
    pub minutes: i64,
    /// Minutes and people by meet-up.
    pub meetups: BTreeMap<Uuid, (i64, i64)>,
    /// Minutes by member; who has none stands in no ranking.
    pub members: BTreeMap<Uuid, i64>,
}

/// Sums what members did together.
pub fn together(reaches: &[Reach]) -> Together {
    let mut sum = Together::default();
    let mut people: BTreeMap<(Uuid, Uuid), i64> = BTreeMap::new();
    for reach in reaches {
        let minutes = reach.minutes();
        if minutes > 0 {
            *people.entry((reach.meetup, reach.member)).or_default() += minutes;
        }
    }
    for ((meetup, member), minutes) in people {
        sum.minutes += minutes;
        let of_meetup = sum.meetups.entry(meetup).or_default();
        *of_meetup = (of_meetup.0 + minutes, of_meetup.1 + 1);
        *sum.members.entry(member).or_default() += minutes;
    }
    sum
}

/// Members by minutes with their rank, equals sharing one; of those whom `is_seen` lets through.
pub fn ranking(
    members: &BTreeMap<Uuid, i64>,
    is_seen: impl Fn(&Uuid) -> bool,
) -> Vec<(usize, Uuid, i64)> {
    let mut seen: Vec<(Uuid, i64)> =
        members.iter().filter(|(id, _)| is_seen(id)).map(|(id, n)| (*id, *n)).collect();
    seen.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rank = |minutes: i64| 1 + seen.iter().filter(|other| other.1 > minutes).count();
    seen.iter().take(RANKED_MAX).map(|(id, n)| (rank(*n), *id, *n)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::from_millis;

    const NOW_MS: i64 = 1_800_000_000_000;

    fn at(minute: i64) -> DateTime<Utc> {
        from_millis(NOW_MS) + TimeDelta::minutes(minute)
    }

    #[test]
    fn a_meet_up_is_counted_three_times() {
        let first = settled_first(at(0));
        let (second, third) = (at(3 * 1440), at(8 * 1440));
        assert_eq!(settled_next(at(0), first), Some(second));
        assert_eq!(settled_next(at(0), second), Some(third));
        assert_eq!(settled_next(at(0), third), None);
        // Where the job did not run for days, none is made up for.
        assert_eq!(settled_next(at(0), at(5 * 1440)), Some(third));
    }

    #[test]
    fn a_month_has_a_last_day() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(last_of_month(day("2028-02-01")).unwrap(), day("2028-02-29"));
        for bad in ["2028-02-02", "1999-12-01", "+99999-01-01"] {
            assert!(last_of_month(day(bad)).is_err(), "{bad}");
        }
    }

    fn reach(member: u128, meetup: u128, stay: (i64, i64)) -> Reach {
        Reach {
            member: Uuid::from_u128(member),
            meetup: Uuid::from_u128(meetup),
            starts_at: at(0),
            ends_at: at(90),
            entered_at: at(stay.0),
            left_at: at(stay.1),
            credited: stay.1 - stay.0,
        }
    }

    #[test]
    fn only_what_lies_within_the_meetup_counts() {
        for (stay, minutes) in
            [((-30, 60), 60), ((30, 200), 60), ((-30, -1), 0), ((90, 120), 0), ((10, 20), 10)]
        {
            assert_eq!(reach(1, 1, stay).minutes(), minutes, "{stay:?}");
        }
        let unpaid = Reach { credited: 0, ..reach(1, 1, (0, 90)) };
        assert_eq!(unpaid.minutes(), 0, "who has not consented is credited nothing");
    }

    #[test]
    fn equals_share_a_rank_and_who_is_not_seen_has_none() {
        let members = [(1, 30), (2, 50), (3, 50), (4, 90)];
        let members = members.map(|(id, n)| (Uuid::from_u128(id), n)).into();
        let hidden = Uuid::from_u128(4);
        let ranks: Vec<(usize, u128)> = ranking(&members, |id| *id != hidden)
            .into_iter()
            .map(|(rank, id, _)| (rank, id.as_u128()))
            .collect();
        assert_eq!(ranks, [(1, 2), (1, 3), (3, 1)]);
    }

    #[test]
    fn a_meetup_lies_ahead_and_has_an_end() {
        let now = at(0);
        assert!(check_meetup(at(60), at(120), now).is_ok());
        for (from, to) in [(0, 60), (-60, 60), (60, 60), (60, 70), (60, 500), (200_000, 200_060)] {
            assert!(check_meetup(at(from), at(to), now).is_err(), "{from} {to}");
        }
    }

    proptest! {
        /// Sums by meet-up and by member are the whole; nobody has more than a meet-up lasts.
        #[test]
        fn together_adds_up(stays in prop::collection::vec(
            (0_u128..5, 0_u128..3, -100_i64..150, 0_i64..200), 0..40)
        ) {
            // A member's stays never overlap, so one a member and meet-up is enough.
            let mut once = BTreeMap::new();
            for (member, meetup, from, long) in stays {
                once.insert((member, meetup), reach(member, meetup, (from, from + long)));
            }
            let reaches: Vec<Reach> = once.into_values().collect();
            let sum = together(&reaches);
            prop_assert_eq!(sum.minutes, sum.meetups.values().map(|(n, _)| n).sum::<i64>());
            prop_assert_eq!(sum.minutes, sum.members.values().sum::<i64>());
            for (minutes, people) in sum.meetups.values() {
                prop_assert!(*minutes <= 90 * people && *people >= 1);
            }
            let ranked = ranking(&sum.members, |_| true);
            prop_assert_eq!(ranked.len(), sum.members.len());
        }
    }
}
