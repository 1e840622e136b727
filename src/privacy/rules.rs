//! Working days as the law counts them. Pure.

use std::collections::HashMap;

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

/// What a calendar says of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    Holiday,
    /// A Saturday or Sunday on which people work.
    Workday,
}

/// The last of `count` working days behind `day`; none at the end of time.
pub fn working_day_after(
    day: NaiveDate,
    count: u32,
    special: &HashMap<NaiveDate, Special>,
) -> Option<NaiveDate> {
    let (mut day, mut left) = (day, count);
    while left > 0 {
        day = day.checked_add_days(Days::new(1))?;
        let is_worked = match special.get(&day) {
            Some(Special::Holiday) => false,
            Some(Special::Workday) => true,
            None => !matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
        };
        left -= u32::from(is_worked);
    }
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn holidays_stretch_a_term_and_swapped_workdays_shorten_it() {
        let mut special = HashMap::new();
        let monday = day("2026-11-23");
        assert_eq!(working_day_after(monday, 0, &special), Some(monday));
        assert_eq!(working_day_after(monday, 5, &special), Some(day("2026-11-30")));
        assert_eq!(working_day_after(monday, 30, &special), Some(day("2027-01-04")));
        special.insert(day("2027-01-01"), Special::Holiday);
        assert_eq!(working_day_after(monday, 30, &special), Some(day("2027-01-05")));
        special.insert(day("2026-12-26"), Special::Workday);
        assert_eq!(working_day_after(monday, 30, &special), Some(day("2027-01-04")));
        assert_eq!(working_day_after(NaiveDate::MAX, 1, &special), None);
    }
}
