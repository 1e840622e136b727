//! Answers and streamed events of these devices as lines: `records[0].UserID=7`,
//! `Events[0].EventBaseInfo.Code=AccessControl`. Pure.

use std::collections::BTreeMap;

use crate::gateways::{
    json::Fields,
    text::{lines, readable},
};

/// Rows of one answer that are looked at, and fields of one.
const ROWS_MAX: usize = 5_000;
const FIELDS_MAX: usize = 128;

/// The rows of an answer by their places, in order; none without the line that says how many.
pub fn records(bytes: &[u8]) -> Option<Vec<Fields>> {
    let first = lines(bytes).map(readable).next()?;
    first.trim().strip_prefix("found=")?;
    Some(rows(bytes, "records["))
}

/// The events of a part of a stream.
pub fn events(bytes: &[u8]) -> Vec<Fields> {
    rows(bytes, "Events[")
}

fn rows(bytes: &[u8], word: &str) -> Vec<Fields> {
    let mut rows: BTreeMap<u32, BTreeMap<String, String>> = BTreeMap::new();
    for line in lines(bytes).map(<[u8]>::trim_ascii_start) {
        if !line.starts_with(word.as_bytes()) {
            continue;
        }
        let line = readable(line);
        let Some((place, name, value)) = field(line.trim(), word) else { continue };
        if rows.len() >= ROWS_MAX && !rows.contains_key(&place) {
            continue;
        }
        let fields = rows.entry(place).or_default();
        if fields.len() < FIELDS_MAX {
            fields.insert(name.to_owned(), value.to_owned());
        }
    }
    rows.into_values().map(Fields::new).collect()
}

/// `word3].Name=value`; what belongs to something inside the row, such as one of its pictures, is
/// left out.
fn field<'a>(line: &'a str, word: &str) -> Option<(u32, &'a str, &'a str)> {
    let (place, rest) = line.strip_prefix(word)?.split_once("].")?;
    let (name, value) = rest.split_once('=')?;
    let inside = ["EventBaseInfo.", "Data."];
    let name = inside.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    (!name.contains('.')).then_some((place.parse().ok()?, name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_by_their_places() {
        let text = b"found=2\r\nrecords[1].UserID=8\r\nrecords[0].UserID=7\nrecords[x].A=1\r\nB=2";
        let rows = records(text).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].text("UserID"), rows[1].text("UserID")), ("7", "8"));
        let event = events(
            b"Events[0].EventBaseInfo.Code=AccessControl\nEvents[0].UserID=7\n\
              Events[0].Type=Entry\nEvents[0].ImageInfo[0].Type=1",
        );
        assert_eq!(event[0].text("Type"), "Entry");
        assert_eq!((event[0].text("Code"), event[0].text("UserID")), ("AccessControl", "7"));
        assert!(records(b"records[0].UserID=7").is_none() && events(b"Heartbeat").is_empty());
    }
}
