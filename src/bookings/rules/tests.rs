//! Laws of booking: quotas, fair use, notice, attendance, and what repeats.

use chrono::Timelike as _;
use proptest::prelude::*;

use super::*;
use crate::{base::clock::from_millis, venues::sample};

const SHANGHAI: Tz = Tz::Asia__Shanghai;

fn at(text: &str) -> DateTime<Utc> {
    sample::at(text)
}

fn minute(n: i64) -> DateTime<Utc> {
    from_millis(1_800_000_000_000 + n * 60_000)
}

fn past(state: State, starts_at: DateTime<Utc>) -> Past {
    Past { state, starts_at, ends_at: starts_at + TimeDelta::hours(1) }
}

#[test]
fn hours_begin_and_end_on_quarters_and_lie_ahead() {
    let now = at("2026-11-23T10:00:00+08:00");
    let fits = |from: &str, until: &str| check_hours(at(from), at(until), now).is_ok();
    assert!(fits("2026-11-23T10:15:00+08:00", "2026-11-23T11:15:00+08:00"));
    for (from, until) in [
        ("2026-11-23T10:20:00+08:00", "2026-11-23T11:15:00+08:00"),
        ("2026-11-23T10:15:01+08:00", "2026-11-23T11:15:00+08:00"),
        ("2026-11-23T10:00:00+08:00", "2026-11-23T11:00:00+08:00"),
        ("2026-11-23T11:00:00+08:00", "2026-11-23T11:00:00+08:00"),
        ("2026-11-24T08:00:00+08:00", "2026-11-24T16:15:00+08:00"),
        ("2027-03-01T08:00:00+08:00", "2027-03-01T09:00:00+08:00"),
    ] {
        assert!(!fits(from, until), "{from} {until}");
    }
}

#[test]
fn repetition_keeps_the_local_hour_and_names_its_weekdays() {
    let (from, ends) = (at("2026-11-23T19:00:00+08:00"), at("2026-11-23T20:30:00+08:00"));
    let until = "2026-12-02".parse().unwrap();
    let all = repeated(from, ends, SHANGHAI, &[1, 3], until);
    let days: Vec<String> = all
        .iter()
        .map(|(from, _)| from.with_timezone(&SHANGHAI).date_naive().to_string())
        .collect();
    assert_eq!(days, ["2026-11-25", "2026-11-30", "2026-12-02"]);
    for (from, ends) in &all {
        assert_eq!(
            (from.with_timezone(&SHANGHAI).hour(), *ends - *from),
            (19, TimeDelta::minutes(90))
        );
    }
    let century =
        repeated(from, ends, SHANGHAI, &[1, 2, 3, 4, 5, 6, 7], "2126-01-01".parse().unwrap());
    assert_eq!(century.len(), 92, "no series is longer than what may be published");
}

#[test]
fn quotas_count_what_is_to_come() {
    let now = minute(0);
    let starts = |hours: i64| now + TimeDelta::hours(hours);
    let check =
        |bookings: &[Past], hours: i64| check_quota(bookings, None, starts(hours), SHANGHAI, now);
    let confirmed = |hours: i64| past(State::Confirmed, starts(hours));
    assert!(check(&[], 1).is_ok());
    let four = [confirmed(30), confirmed(60), confirmed(90), confirmed(120)];
    assert_eq!(check(&four, 200), Err(Code::BookingQuota));
    assert!(check(&four[..3], 200).is_ok());
    let two = [confirmed(50), past(State::Confirmed, starts(50))];
    assert_eq!(check(&two, 50), Err(Code::BookingQuota), "on one day");
    assert!(check(&two, 100).is_ok());
    let held = [past(State::Held, starts(50)), past(State::Held, starts(100))];
    assert_eq!(check(&held, 150), Err(Code::BookingQuota), "undecided");
    let over = [
        past(State::Attended, starts(-5)),
        past(State::Cancelled, starts(50)),
        past(State::Confirmed, starts(-9)),
    ];
    assert!(check(&over, 50).is_ok());
}

#[test]
fn three_absences_in_ninety_days_pause_and_a_pardon_ends_it() {
    let day = |n: i64| minute(n * 1440);
    let absent = |n: i64| past(State::NoShow, day(n));
    let three = [absent(0), past(State::CancelledLate, day(40)), absent(80)];
    let until = paused_until(&three, None, day(81)).unwrap();
    assert_eq!(until, three[2].ends_at + PAUSE);
    assert_eq!(paused_until(&three, None, until), None, "it ends by itself");
    assert_eq!(check_quota(&three, None, day(90), SHANGHAI, day(81)), Err(Code::BookingPaused));
    assert_eq!(paused_until(&three, Some(day(1)), day(81)), None, "pardoned");
    assert_eq!(
        paused_until(&[absent(0), absent(40), absent(91)], None, day(92)),
        None,
        "too far apart"
    );
    let others =
        [State::Unproven, State::Attended, State::CalledOff, State::Expired, State::Cancelled];
    let harmless: Vec<Past> = others.into_iter().map(|state| past(state, day(80))).collect();
    assert_eq!(paused_until(&harmless, None, day(81)), None);
}

#[test]
fn notice_tells_a_cancellation_from_an_absence() {
    let starts = minute(600);
    let at = |before: TimeDelta| cancelled(State::Confirmed, starts, starts - before);
    assert_eq!(at(NOTICE), Ok(State::Cancelled));
    assert_eq!(at(NOTICE - TimeDelta::seconds(1)), Ok(State::CancelledLate));
    assert_eq!(at(TimeDelta::zero()), Err(Code::BookingOver));
    assert_eq!(
        cancelled(State::Held, starts, starts - TimeDelta::minutes(1)),
        Ok(State::Cancelled)
    );
    for over in [State::Attended, State::NoShow, State::Cancelled, State::Expired, State::CalledOff]
    {
        assert_eq!(cancelled(over, starts, minute(0)), Err(Code::BookingOver));
    }
}

#[test]
fn only_a_door_that_was_heard_makes_an_absence() {
    let slot = (minute(0), minute(60));
    assert_eq!(attendance(slot, &[(minute(-90), minute(1))], true), State::Attended);
    assert_eq!(attendance(slot, &[(minute(59), minute(300))], false), State::Attended);
    assert_eq!(
        attendance(slot, &[(minute(-90), minute(0)), (minute(60), minute(90))], true),
        State::NoShow
    );
    assert_eq!(attendance(slot, &[], false), State::Unproven);
}

#[test]
fn a_slot_is_looked_at_until_it_is_known_and_not_for_ever() {
    let ends = minute(0);
    let next = |after: TimeDelta, proven| settled_next(ends, proven, ends + after);
    assert_eq!(next(SETTLE_AFTER, true), Some(ends + SETTLE_AGAIN));
    assert_eq!(next(SETTLE_AFTER, false), Some(ends + SETTLE_AFTER + TimeDelta::hours(1)));
    assert_eq!(next(SETTLE_AGAIN, true), None);
    assert!(next(SETTLE_AGAIN, false).is_some());
    assert_eq!(next(SETTLE_LAST, false), None);
}

#[test]
fn words_lead_back_to_their_states() {
    for state in State::ALL {
        assert_eq!(State::from_text(state.as_str()), Some(state));
    }
    for kind in [Kind::Coach, Kind::Court] {
        assert_eq!(Kind::from_text(kind.as_str()), Some(kind));
    }
}

fn some_state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

proptest! {
    #[test]
    fn a_free_seat_is_nobodys_and_there_is_one_as_long_as_seats_are_left(
        mut taken in prop::collection::vec(0_i32..12, 0..12), capacity in 1_i32..12,
    ) {
        taken.sort_unstable();
        taken.dedup();
        taken.retain(|seat| *seat < capacity);
        let seat = free_seat(&taken, capacity);
        let is_full = taken.len() == usize::try_from(capacity).unwrap();
        prop_assert_eq!(seat.is_none(), is_full);
        if let Some(seat) = seat {
            prop_assert!((0..capacity).contains(&seat) && !taken.contains(&seat));
        }
    }

    #[test]
    fn a_whole_court_takes_what_each_part_takes(parts in 1_i16..12, part in 1_i16..12) {
        let part = part.min(parts);
        let whole: Vec<i16> = parts_taken(0, parts).collect();
        prop_assert_eq!(whole.len(), usize::try_from(parts).unwrap());
        prop_assert!(parts_taken(part, parts).all(|one| whole.contains(&one)));
    }

    #[test]
    fn a_pause_never_outlasts_its_last_absence_and_order_is_nothing(
        mut history in prop::collection::vec((some_state(), -200_i64..0), 0..12),
    ) {
        let now = minute(0);
        let bookings = |history: &[(State, i64)]| -> Vec<Past> {
            history.iter().map(|(state, day)| past(*state, minute(day * 1440))).collect()
        };
        let until = paused_until(&bookings(&history), None, now);
        prop_assert!(until.is_none_or(|until| until <= now + PAUSE + TimeDelta::hours(1)));
        history.reverse();
        prop_assert_eq!(until, paused_until(&bookings(&history), None, now));
    }

    #[test]
    fn more_stays_never_make_somebody_absent(
        stays in prop::collection::vec((-120_i64..120, 0_i64..90), 0..5), heard: bool,
    ) {
        let slot = (minute(0), minute(60));
        let all: Vec<Stretch> =
            stays.iter().map(|(from, length)| (minute(*from), minute(from + length))).collect();
        for some in 0..all.len() {
            if attendance(slot, &all[..some], heard) == State::Attended {
                prop_assert_eq!(attendance(slot, &all, heard), State::Attended);
            }
        }
    }
}
