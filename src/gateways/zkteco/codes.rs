//! What the event codes of access terminals mean, and how somebody showed who they are. Pure.

use crate::base::ids::Method;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Somebody was let in.
    Granted,
    /// Somebody was not, whether or not the device knows them.
    Refused,
    Alarm,
    Notice,
}

/// The meaning of an event code. `somebody`: the event names a person or a card.
pub fn meaning(event: i64, somebody: bool) -> Meaning {
    match event {
        0..=4 | 14..=19 | 203 | 207 | 208 | 215 | 216 | 218 | 222 | 232 | 4001 if somebody => {
            Meaning::Granted
        }
        28 | 58 | 100..=199 | 6000..=6999 => Meaning::Alarm,
        // Things of doors, buttons, batteries and networks among the refusals.
        36 | 37 | 54..=57 | 59 | 64 | 65 | 72 | 77..=79 => Meaning::Notice,
        20..=99 => Meaning::Refused,
        5000..=5999 if somebody => Meaning::Refused,
        _ => Meaning::Notice,
    }
}

/// Our word for what devices say most, or `zk:` and the number.
pub fn word(event: i64) -> String {
    let word = match event {
        8 => "remote_open",
        28 => "door_held_open",
        54 | 106 => "battery_low",
        100 => "tamper",
        101 | 103 => "duress",
        102 => "door_forced",
        105 => "server_unreachable",
        107 => "mains_lost",
        200 => "door_opened",
        201 => "door_closed",
        202 => "exit_button",
        206 => "started",
        214 => "connected",
        6000 => "fire",
        6005 => "store_nearly_full",
        other => return format!("zk:{other}"),
    };
    word.to_owned()
}

/// How somebody was verified: a decimal number, or sixteen bits of which the last one is bit 0.
pub fn method(text: &str) -> Method {
    if text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0' | b'1')) {
        let is_set = |bit: usize| text.as_bytes()[15 - bit] == b'1';
        return match () {
            () if is_set(1) => Method::Face,
            () if is_set(11) => Method::Card,
            () if is_set(12) => Method::Qr,
            () if is_set(9) || is_set(10) => Method::Code,
            () => Method::Manual,
        };
    }
    match text.parse::<u16>() {
        Ok(15..=20 | 27 | 29) => Method::Face,
        Ok(4 | 6 | 7 | 10..=12 | 23 | 24 | 26) => Method::Card,
        Ok(2 | 3 | 5 | 8 | 9 | 13 | 14 | 22) => Method::Code,
        // Fingers, veins and palms have no word of their own here.
        Ok(_) | Err(_) => Method::Manual,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_never_an_entry_even_with_a_registered_number() {
        for event in (20..100).chain(5000..6000) {
            assert_ne!(meaning(event, true), Meaning::Granted, "{event}");
        }
        for event in [0, 3, 222, 4001] {
            assert_eq!(meaning(event, true), Meaning::Granted, "{event}");
            assert_eq!(meaning(event, false), Meaning::Notice, "{event}");
        }
        assert_eq!(meaning(27, false), Meaning::Refused);
        assert_eq!(meaning(100, true), Meaning::Alarm);
        assert_eq!(meaning(206, false), Meaning::Notice);
        assert_eq!(meaning(-1, true), Meaning::Notice);
    }

    #[test]
    fn sixteen_bits_are_no_decimal_number() {
        assert_eq!(method("0000000000000010"), Method::Face);
        assert_eq!(method("0000101000000011"), Method::Face);
        assert_eq!(method("0000100000000000"), Method::Card);
        assert_eq!(method("0001000000000000"), Method::Qr);
        assert_eq!(method("0000001000000000"), Method::Code);
        assert_eq!(
            (method("15"), method("4"), method("3")),
            (Method::Face, Method::Card, Method::Code)
        );
        assert_eq!(
            (method("1"), method(""), method("-1")),
            (Method::Manual, Method::Manual, Method::Manual)
        );
    }
}
