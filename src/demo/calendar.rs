//! The town's calendar: which days and hours are busy. Local time is Asia/Shanghai throughout,
//! eight hours ahead of UTC without summer time since 1991; a business day starts at 04:00.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};

const ZONE_HOURS: i64 = 8;
/// Seconds after midnight.
pub const DAY_STARTS_AT_S: i64 = 4 * 3600;

/// First days of the lunar year.
const LUNAR_NEW_YEARS: [(i32, u32, u32); 18] = [
    (2021, 2, 12),
    (2022, 2, 1),
    (2023, 1, 22),
    (2024, 2, 10),
    (2025, 1, 29),
    (2026, 2, 17),
    (2027, 2, 6),
    (2028, 1, 26),
    (2029, 2, 13),
    (2030, 2, 3),
    (2031, 1, 23),
    (2032, 2, 11),
    (2033, 1, 31),
    (2034, 2, 19),
    (2035, 2, 8),
    (2036, 1, 28),
    (2037, 2, 15),
    (2038, 2, 4),
];

/// How busy a day is from Monday to Sunday.
const WEEKDAYS: [u32; 7] = [100, 96, 102, 98, 90, 128, 122];
/// How busy a day of the Spring Festival is, in the same measure.
const FESTIVAL: u32 = 14;

/// How likely an hour is for coming, from 0:00 to 24:59 of a working day: before work, at noon,
/// and above all in the evening.
const WORKING_HOURS: [u32; 25] =
    [0, 0, 0, 0, 0, 0, 24, 40, 26, 22, 20, 18, 22, 16, 18, 22, 28, 44, 86, 104, 74, 30, 8, 2, 1];
/// The same for a Saturday or Sunday: above all in the morning.
const WEEKEND_HOURS: [u32; 25] =
    [0, 0, 0, 0, 0, 0, 16, 40, 82, 104, 84, 40, 20, 26, 44, 52, 44, 34, 36, 40, 28, 14, 5, 2, 1];

/// The instant at so many seconds after the local midnight with which `day` begins.
pub fn instant(day: NaiveDate, seconds: i64) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::seconds(seconds)
        - TimeDelta::hours(ZONE_HOURS)
}

/// The business day that `at` belongs to.
pub fn business_day(at: DateTime<Utc>) -> NaiveDate {
    (at + TimeDelta::seconds(ZONE_HOURS * 3600 - DAY_STARTS_AT_S)).date_naive()
}

/// The business day's distance in whole minutes: minutes after the local midnight of that day,
/// 240 to 1679.
pub fn minute_of(at: DateTime<Utc>) -> i64 {
    (at - instant(business_day(at), 0)).num_minutes()
}

pub fn days(from: NaiveDate, before: NaiveDate) -> impl Iterator<Item = NaiveDate> + Clone {
    from.iter_days().take_while(move |day| *day < before)
}

/// The first day of the month that lies so many months before the one of `day`.
pub fn month_start(day: NaiveDate, months_before: u32) -> NaiveDate {
    let first = day.with_day(1).unwrap_or(day);
    first.checked_sub_months(Months::new(months_before)).unwrap_or(first)
}

pub fn is_weekend(day: NaiveDate) -> bool {
    day.weekday().number_from_monday() >= 6
}

/// From two days before the new year to its sixth day.
pub fn is_spring_festival(day: NaiveDate) -> bool {
    LUNAR_NEW_YEARS
        .iter()
        .filter_map(|(year, month, first)| NaiveDate::from_ymd_opt(*year, *month, *first))
        .any(|first| first - Days::new(2) <= day && day <= first + Days::new(5))
}

/// How busy a day is; 100 is a Monday.
pub fn day_weight(day: NaiveDate) -> u32 {
    if is_spring_festival(day) {
        return FESTIVAL;
    }
    WEEKDAYS[day.weekday().num_days_from_monday() as usize]
}

/// How likely each hour of the day is for coming; the 25th is the hour after midnight.
pub fn hour_weights(day: NaiveDate) -> &'static [u32; 25] {
    if is_weekend(day) { &WEEKEND_HOURS } else { &WORKING_HOURS }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a valid instant")
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a valid day")
    }

    #[test]
    fn the_business_day_begins_at_four_in_shanghai() {
        assert_eq!(business_day(at("2026-11-22T19:59:59Z")), day("2026-11-22"));
        assert_eq!(business_day(at("2026-11-22T20:00:00Z")), day("2026-11-23"));
        assert_eq!(minute_of(at("2026-11-22T20:00:00Z")), 240);
        assert_eq!(minute_of(at("2026-11-22T19:59:00Z")), 1679);
        assert_eq!(instant(day("2026-11-23"), 0), at("2026-11-22T16:00:00Z"));
    }

    #[test]
    fn the_spring_festival_is_quiet() {
        assert!(day_weight(day("2026-02-17")) < 20);
        assert!(day_weight(day("2026-02-15")) < 20);
        assert!(day_weight(day("2026-02-14")) > 80);
        assert!(day_weight(day("2026-02-23")) > 80);
    }
}
