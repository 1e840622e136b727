//! Numbers under which devices that take short decimal numbers only know people. Staff give out
//! shorter ones, which stand for themselves; every other handle gets one of the terminal's own, from
//! a range that no number of staff stands for itself in. Pure.

/// The range of a terminal's own numbers: nine digits, which every device of these families takes.
const FIRST: i64 = 900_000_001;
const LAST: i64 = 999_999_999;
const DIGITS_MAX: usize = 9;

/// Whether a handle goes to these devices as it is: a number without a leading zero, out of the
/// terminal's own range.
pub fn stands_for_itself(handle: &str) -> bool {
    is_short_number(handle) && own(handle).is_none()
}

/// Whether a handle is a number that devices of every family take.
pub fn is_short_number(handle: &str) -> bool {
    (1..=DIGITS_MAX).contains(&handle.len())
        && handle.bytes().all(|byte| byte.is_ascii_digit())
        && !handle.starts_with('0')
}

/// The number in a terminal's own range that a device says; none for any other text.
pub fn own(said: &str) -> Option<i64> {
    let is_number = said.len() == DIGITS_MAX && said.bytes().all(|byte| byte.is_ascii_digit());
    let number = said.parse().ok().filter(|_| is_number)?;
    (FIRST..=LAST).contains(&number).then_some(number)
}

/// The number after the highest that was ever given; none when all are used up.
pub fn next(highest: Option<i64>) -> Option<i64> {
    let next = highest.map_or(FIRST, |highest| highest.max(FIRST - 1) + 1);
    (next <= LAST).then_some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_numbers_stand_for_themselves_and_nothing_else_does() {
        for number in ["1", "1001", "900000000", "89999999"] {
            assert!(stands_for_itself(number), "{number}");
        }
        let face = "000102030405060708090a0b0c0d0e0f";
        for other in ["", "0", "01", "1000000000", "900000001", "999999999", "7a", face, " 7"] {
            assert!(!stands_for_itself(other), "{other}");
        }
    }

    #[test]
    fn numbers_rise_and_end() {
        assert_eq!((next(None), next(Some(FIRST))), (Some(FIRST), Some(FIRST + 1)));
        assert_eq!(next(Some(LAST)), None);
    }

    proptest! {
        #[test]
        fn no_text_is_both(text in "[0-9]{1,10}") {
            prop_assert!(!(stands_for_itself(&text) && own(&text).is_some()));
        }

        #[test]
        fn what_is_given_is_read_back(highest in FIRST..LAST) {
            let given = next(Some(highest)).unwrap();
            prop_assert!(given > highest);
            prop_assert_eq!(own(&given.to_string()), Some(given));
        }
    }
}
