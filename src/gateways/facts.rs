//! What a vendor's bytes mean, in this house's words: entries, notices of the device, and rows that
//! nobody can read. Every parser ends here, and quarantine keeps facts in this form until their
//! terminal is claimed. Pure.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    base::{
        clock,
        ids::{Direction, Method},
    },
    terminals::{Family, notices::NoticeKind},
};

/// Longest text of a record key, a person's number or a card.
const NAME_BYTES_MAX: usize = 64;
/// Running numbers have 32 or, in a few devices, more bits; beyond this they are none.
const NUMBER_MAX: i64 = 1 << 48;
/// What is kept of an unreadable row.
const RAW_BYTES_MAX: usize = 8 * 1024;

/// One thing that a device reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Entry(Seen),
    Notice(Said),
    /// Parked as it came.
    Unreadable(Unreadable),
}

/// Somebody at a door.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Tells the record from the device's others, for ever.
    pub key: String,
    /// Its place among those of the same second.
    pub order: i64,
    pub when: When,
    /// `None`: the device knows nobody.
    pub person: Option<Person>,
    pub method: Method,
    /// As the device says; the door's own direction goes before it.
    pub direction: Option<Direction>,
    pub passed: Passed,
    /// The vendor's number for what happened.
    pub code: String,
    /// The number of the record before, where the device names it.
    #[serde(default)]
    pub follows: Option<i64>,
}

/// Something of the device itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub key: String,
    pub when: Option<When>,
    pub kind: NoticeKind,
    /// Our word, or the vendor's number.
    pub code: String,
    pub detail: Option<String>,
    /// The number of the record before, where the device names it.
    #[serde(default)]
    pub follows: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    pub key: String,
    /// Text without NUL, or `base64:` and the bytes.
    pub raw: String,
}

/// A device's time: with an offset, or the wall clock of wherever it hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    At(DateTime<Utc>),
    Local(NaiveDateTime),
}

/// By what a device knows somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Under which kind of handle we know that number.
    pub held_as: Method,
    pub handle: String,
}

/// What stands for a person cannot be a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPerson;

/// What became of the person, as far as the device knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    Opened,
    Refused,
    Unknown,
}

impl Fact {
    pub fn key(&self) -> &str {
        match self {
            Fact::Entry(seen) => &seen.key,
            Fact::Notice(said) => &said.key,
            Fact::Unreadable(row) => &row.key,
        }
    }

    /// The device's own running number, where its family has one: keys begin with it. And the
    /// number of the record before, where that is known.
    pub fn number(&self, family: Family) -> Option<(i64, Option<i64>)> {
        let runs = match family {
            Family::ZktecoAcc | Family::Hikvision | Family::Fcard | Family::Hq => true,
            // These records are told apart by their times.
            Family::ZktecoAtt | Family::Dahua | Family::Uniubi => false,
        };
        let (first, _) = self.key().split_once('|').filter(|_| runs)?;
        let number = first.parse().ok().filter(|number| (1..=NUMBER_MAX).contains(number))?;
        let said = match self {
            Fact::Entry(seen) => seen.follows,
            Fact::Notice(said) => said.follows,
            Fact::Unreadable(_) => None,
        };
        // Hikvision's numbers leave out what it does not report.
        let follows = if family == Family::Hikvision { said } else { Some(number - 1) };
        Some((number, follows))
    }

    /// A row that cannot be read, with what may be kept of it.
    pub fn unreadable(raw: &[u8]) -> Self {
        let key = format!("raw:{}", digest(raw));
        Fact::Unreadable(Unreadable { key, raw: kept(raw) })
    }

    pub fn when(&self) -> Option<When> {
        match self {
            Fact::Entry(seen) => Some(seen.when),
            Fact::Notice(said) => said.when,
            Fact::Unreadable(_) => None,
        }
    }
}

impl When {
    /// In UTC. A local time that was skipped is read by the clock before it.
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            When::At(at) => clock::cut(at),
            When::Local(local) => {
                let found = zone.from_local_datetime(&local).earliest();
                let later = || {
                    let later = local.checked_add_signed(TimeDelta::hours(1))?;
                    zone.from_local_datetime(&later).earliest()
                };
                let at = found.or_else(later).map_or_else(|| local.and_utc(), |at| at.to_utc());
                clock::cut(at)
            }
        }
    }
}

impl Person {
    /// The person that a device holds under `number`; none for what means nobody.
    pub fn held(number: &str) -> Option<Self> {
        let number = number.trim();
        let is_nobody = number.is_empty() || number.bytes().all(|byte| byte == b'0');
        (!is_nobody && is_name(number))
            .then(|| Self { held_as: Method::Face, handle: number.to_owned() })
    }

    /// Whoever carries this card.
    pub fn card(number: &str) -> Option<Self> {
        Self::held(number).map(|person| Self { held_as: Method::Card, ..person })
    }

    /// The person under `number`, else the one with `card`; `Err` if the number cannot be one.
    pub fn read(number: &str, card: &str) -> Result<Option<Self>, BadPerson> {
        let number = number.trim();
        if !number.is_empty() && !is_name(number) {
            return Err(BadPerson);
        }
        Ok(Self::held(number).or_else(|| Self::card(card)))
    }
}

/// Letters, digits and a few signs, as in numbers of persons and cards; no control characters.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A key from parts that together tell a record from all others.
pub fn key(parts: &[&str]) -> String {
    let text = parts.join("|");
    if text.len() <= NAME_BYTES_MAX && text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        text
    } else {
        digest(text.as_bytes())
    }
}

/// A place in the order for records without a number: the same for the same key.
pub fn order_of(key: &str) -> i64 {
    let bytes: [u8; 32] = Sha256::digest(key).into();
    let mut first = [0; 8];
    first.copy_from_slice(&bytes[..8]);
    i64::from_be_bytes(first) & i64::MAX
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(&Sha256::digest(bytes)[..16])
}

/// What may be kept of raw bytes: no pictures, nothing that a text column cannot hold.
fn kept(raw: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let raw = without_pictures(&raw[..raw.len().min(RAW_BYTES_MAX)]);
    match std::str::from_utf8(raw) {
        Ok(text) if !text.contains('\0') => text.to_owned(),
        _ => format!("base64:{}", BASE64_STANDARD.encode(raw)),
    }
}

/// Cuts before the first picture: where base64 or JPEG bytes of one begin.
fn without_pictures(raw: &[u8]) -> &[u8] {
    const BEGINNINGS: [&[u8]; 5] =
        [b"data:image", b"/9j/", b"\xff\xd8\xff", b"\x89PNG", b"iVBORw0KGgo"];
    let begins = |at: &usize| BEGINNINGS.iter().any(|beginning| raw[*at..].starts_with(beginning));
    // One pass, and a comparison only where a beginning may stand.
    let may = |byte: u8| matches!(byte, b'd' | b'/' | 0xff | 0x89 | b'i');
    let first = (0..raw.len()).filter(|at| may(raw[*at])).find(begins);
    &raw[..first.unwrap_or(raw.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_are_kept_without_pictures_and_without_nul() {
        let raw = |bytes: &[u8]| match Fact::unreadable(bytes) {
            Fact::Unreadable(row) => row.raw,
            other => panic!("{other:?}"),
        };
        assert_eq!(raw(b"1001\tnot-a-date"), "1001\tnot-a-date");
        assert_eq!(raw(b"pin=1\tphoto=/9j/4AAQ"), "pin=1\tphoto=");
        assert_eq!(raw(b"a\0b"), "base64:YQBi");
        assert_eq!(raw(b"\xd5\xc5"), "base64:1cU=");
        assert_eq!(raw(&[b'x'; 9000]).len(), RAW_BYTES_MAX);
    }

    #[test]
    fn a_number_is_read_where_a_family_has_one() {
        let fact = |key: &str| {
            let Fact::Unreadable(row) = Fact::unreadable(b"x") else { panic!("it is one") };
            Fact::Unreadable(Unreadable { key: key.to_owned(), ..row })
        };
        let number = |key: &str| fact(key).number(Family::ZktecoAcc);
        assert_eq!(number("587|1795399200000"), Some((587, Some(586))));
        assert_eq!(fact("587|1").number(Family::Hikvision), Some((587, None)));
        assert_eq!(fact("7|2026-08-21 07:22:05|0|15").number(Family::ZktecoAtt), None);
        for none in ["587", "none|1795399200000|5|75", "0|1", "-3|1", "999999999999999999|1", ""] {
            assert_eq!(number(none), None, "{none}");
        }
    }

    #[test]
    fn nobody_is_no_person() {
        for nobody in ["", " ", "0", "0000", "a b", "a\u{1}"] {
            assert_eq!(Person::held(nobody), None, "{nobody:?}");
        }
        assert_eq!(Person::held(" 1001 ").map(|p| p.handle).as_deref(), Some("1001"));
    }

    #[test]
    fn a_key_is_short_and_says_the_same_for_the_same_parts() {
        assert_eq!(key(&["101", "2026-08-21 07:22:05"]), "101|2026-08-21 07:22:05");
        assert_eq!(key(&[&"x".repeat(100)]).len(), 32);
        assert_eq!(key(&["a\0"]), key(&["a\0"]));
        assert!(order_of("a") >= 0 && order_of("a") != order_of("b"));
    }
}
