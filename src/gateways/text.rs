//! The texts that devices send, read without trust: lines by CRLF or LF, `key=value` fields, queries
//! with double or missing keys, names in GBK. Everything is bytes until it has been looked at. Pure.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;

/// Pairs of a query or fields of a record that are looked at.
const PAIRS_MAX: usize = 128;

/// Text from a device: UTF-8, or GBK whose characters of two bytes become `?`, since none of what
/// is needed stands in them.
pub fn readable(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.replace('\0', "?");
    }
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (0, _) => {
                text.push('?');
                tail
            }
            (0x01..=0x7f, _) => {
                text.push(char::from(*first));
                tail
            }
            // Four bytes of GB 18030, or two of GBK; a lone one is damage.
            (
                _,
                [0x30..=0x39, 0x81..=0xfe, 0x30..=0x39, behind @ ..]
                | [0x40..=0x7e | 0x80..=0xfe, behind @ ..],
            ) => {
                text.push('?');
                behind
            }
            _ => {
                text.push('?');
                tail
            }
        };
    }
    text
}

/// The lines of a text that are not empty.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|line| !line.is_empty())
}

/// Names and values; names are compared without case, and the first of a name counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(BTreeMap<String, String>);

impl Pairs {
    /// `a=1<separator>b=2`; what has no `=` is left out, and `~` before a name too.
    pub fn split(text: &str, separator: char) -> Self {
        let pairs = text.split(separator).filter_map(|pair| pair.split_once('='));
        Self::of(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    /// The pairs of a URL's query, decoded as far as they can be.
    pub fn of_query(query: &str) -> Self {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self::of(pairs.map(|(name, value)| (unescape(name), unescape(value))))
    }

    fn of(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let mut all = BTreeMap::new();
        for (name, value) in pairs.take(PAIRS_MAX) {
            let name = name.trim().trim_start_matches('~').to_ascii_lowercase();
            all.entry(name).or_insert(value);
        }
        Self(all)
    }

    /// The value of a name in lower case, without blanks around it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim())
    }

    /// The value, or an empty text.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }
}

/// Percent-decoded, `+` as a blank; broken escapes stay as they are.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match (first, escaped) {
            (_, Some((high, low))) => {
                bytes.push(high * 16 + low);
                rest = &tail[2..];
            }
            (b'+', None) => bytes.push(b' '),
            (other, None) => bytes.push(*other),
        }
    }
    readable(&bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// A wall clock's `2026-08-21 07:22:05`, with a `T` between day and time or without.
pub fn local_time(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        // A leap second would not survive the way through SQL.
        .and_then(|at| chrono::Timelike::with_nanosecond(&at, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_gbk_become_marks_and_nothing_else_is_lost() {
        assert_eq!(readable(b"PIN=1\tName=\xd5\xc5\xc8\xfd\tPri=0"), "PIN=1\tName=??\tPri=0");
        // The second byte of a character may be a backslash or a bar.
        assert_eq!(readable(b"\"\x81\x5c\",\x81\x7c="), "\"?\",?=");
        assert_eq!(readable("张".as_bytes()), "张");
        assert_eq!(readable(b"a\xff"), "a?");
        assert_eq!(readable(b"a\0b\xff\0"), "a?b??");
    }

    #[test]
    fn queries_are_read_as_far_as_they_go() {
        let query = Pairs::of_query("SN=1%2e5&sn=2&a=%zz&b&=x&PIN=a+b&c=%");
        assert_eq!((query.get("sn"), query.get("a")), (Some("1.5"), Some("%zz")));
        assert_eq!((query.get("b"), query.get("pin")), (Some(""), Some("a b")));
        assert_eq!((query.get("c"), query.get("d")), (Some("%"), None));
    }

    #[test]
    fn lines_end_in_either_way_or_not_at_all() {
        let all: Vec<&[u8]> = lines(b"a\r\n\nb\n\r\nc").collect();
        assert_eq!(all, [b"a", b"b", b"c"]);
    }
}
