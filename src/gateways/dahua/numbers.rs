//! Which number stands for a person on these devices. They take numbers of decimal digits only, so
//! the handle of a face, which is 32 hexadecimal digits, goes as a number made of its beginning: told
//! from other numbers by its size, small enough to survive a device that writes it as a number of
//! JSON. Whoever has the number finds the one handle that begins so. Pure.

/// Numbers of faces begin here; staff give out shorter ones.
const FROM: u64 = 1_000_000_000_000_000;
/// Digits of a handle that go into its number: 48 bits, so that with a hundred thousand faces two
/// begin alike once in fifty thousand towns; such two are told apart by nobody, and do not enter.
const DIGITS: usize = 12;
const HANDLE_DIGITS: usize = 32;

/// The number of a handle; handles that are numbers stay as they are.
pub fn of(handle: &str) -> String {
    let beginning = handle.get(..DIGITS).filter(|_| handle.len() == HANDLE_DIGITS);
    let beginning = beginning.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    beginning.map_or_else(|| handle.to_owned(), |number| (FROM + number).to_string())
}

/// How the handle behind a number begins; none for a number that is a handle itself.
pub fn beginning(number: &str) -> Option<String> {
    let number: u64 = number.parse().ok()?;
    let bits = number.checked_sub(FROM).filter(|bits| *bits < 1 << (4 * DIGITS))?;
    Some(format!("{bits:012x}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_numbers_stand_for_themselves() {
        for number in ["1001", "999999999", "0", "x", "999999999999999", "1281474976710656"] {
            assert_eq!((of(number).as_str(), beginning(number)), (number, None));
        }
        assert_eq!(of("00000000000000000000000000000000"), "1000000000000000");
        assert_eq!(beginning("1000000000000000").as_deref(), Some("000000000000"));
    }

    proptest! {
        #[test]
        fn a_number_says_how_its_handle_begins(handle in "[0-9a-f]{32}") {
            let number = of(&handle);
            prop_assert!(number.len() == 16 && number.bytes().all(|b| b.is_ascii_digit()));
            prop_assert_eq!(beginning(&number), Some(handle[..DIGITS].to_owned()));
            let as_float = number.parse::<f64>().unwrap();
            prop_assert_eq!(format!("{as_float:.0}"), number);
        }
    }
}
