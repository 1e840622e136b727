//! The time as these devices count it: months of 31 days, so that no calendar is needed. Pure.

use chrono::{Datelike as _, NaiveDate, NaiveDateTime, Timelike as _};

const DAY_S: i64 = 86_400;

/// Seconds since 2000 of a wall clock, every month having 31 days.
pub fn to_seconds(at: NaiveDateTime) -> i64 {
    let months = i64::from(at.year() - 2000) * 12 + i64::from(at.month0());
    let days = months * 31 + i64::from(at.day0());
    days * DAY_S + i64::from(at.num_seconds_from_midnight())
}

/// The wall clock behind [`to_seconds`]; none for a day that no month has.
pub fn from_seconds(seconds: i64) -> Option<NaiveDateTime> {
    let (days, second) = (seconds.div_euclid(DAY_S), seconds.rem_euclid(DAY_S));
    let (months, day) = (days.div_euclid(31), days.rem_euclid(31));
    let year = i32::try_from(months.div_euclid(12)).ok()?.checked_add(2000)?;
    let month = u32::try_from(months.rem_euclid(12)).ok()? + 1;
    let date = NaiveDate::from_ymd_opt(year, month, u32::try_from(day).ok()? + 1)?;
    let second = u32::try_from(second).ok()?;
    date.and_hms_opt(second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_examples_hold() {
        for (seconds, text) in [
            (583_050_990, "2018-02-22T06:36:30"),
            (583_080_894, "2018-02-22T14:54:54"),
            (857_158_200, "2026-09-01T19:30:00"),
            (548_003_688, "2017-01-19T15:14:48"),
        ] {
            let at: NaiveDateTime = text.parse().unwrap();
            assert_eq!((to_seconds(at), from_seconds(seconds)), (seconds, Some(at)));
        }
        assert_eq!(from_seconds((31 + 30) * DAY_S), None, "there is no 31st of February");
        assert_eq!(from_seconds(i64::MAX), None);
        assert_eq!(from_seconds(i64::MIN), None);
    }
}
