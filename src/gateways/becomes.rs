//! What each of the vendors' samples becomes: its facts, written down by hand from the sample and
//! from what is said of it, a line each. A sample that no row names fails a test here. What samples
//! are answered, and what stands in SQL afterwards, is told by the stories of vendors' terminals.

mod others;
mod zkteco;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use chrono::SecondsFormat;
use chrono_tz::Tz;

use super::{
    facts::{self, Fact, Passed, Person, Said, Seen, Unreadable, When},
    text::Pairs,
};
use crate::{
    base::ids::{Direction, Method},
    terminals::notices::NoticeKind,
};

/// Where the samples' devices hang, as far as we know.
const ZONE: Tz = Tz::Asia__Shanghai;

/// The samples of one family.
struct Family {
    folder: &'static str,
    said: &'static [Row],
    /// What we say to a device, and what it says to that: compared where it is said.
    ours: &'static [&'static str],
}

/// What a device said: the file, how it is read, and what it becomes.
struct Row(&'static str, fn(&Sample) -> Vec<String>, &'static [&'static str]);

const FAMILIES: [Family; 7] = [
    zkteco::ACC,
    zkteco::ATT,
    others::HIKVISION,
    others::FCARD,
    others::DAHUA,
    others::UNIUBI,
    others::HQ,
];

/// Folders beside those of devices.
const NO_DEVICES: [&str; 3] = ["idcard", "realname", "wechat"];

/// A sample: its head, empty where the file holds a body alone, and its body.
struct Sample {
    head: String,
    body: Vec<u8>,
}

impl Sample {
    fn read(bytes: &[u8]) -> Self {
        let begins = [&b"POST "[..], b"GET ", b"HTTP/1.1 "];
        let has_head = begins.iter().any(|beginning| bytes.starts_with(beginning));
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").filter(|_| has_head);
        let (head, body) = end.map_or((&bytes[..0], bytes), |at| (&bytes[..at], &bytes[at + 4..]));
        Self { head: String::from_utf8(head.to_vec()).unwrap(), body: body.to_vec() }
    }

    fn query(&self) -> Pairs {
        let target = self.head.split(' ').nth(1).unwrap_or_default();
        Pairs::of_query(target.split_once('?').map_or("", |(_, query)| query))
    }

    fn content_type(&self) -> &str {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix("Content-Type: ")).unwrap_or_default()
    }
}

fn instant(when: When) -> String {
    when.instant(ZONE).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// All of a fact in words.
fn words(fact: &Fact) -> String {
    match fact {
        Fact::Entry(seen) => entry(seen),
        Fact::Notice(said) => notice(said),
        Fact::Unreadable(Unreadable { key, raw }) => {
            assert!(key.starts_with("raw:"), "{key}");
            format!("parked: {raw}")
        }
    }
}

fn entry(seen: &Seen) -> String {
    let Seen { key, order, when, person, method, direction, passed, code, follows } = seen;
    let way = match direction {
        Some(Direction::In) => "in",
        Some(Direction::Out) => "out",
        None => "either way",
    };
    let who = person.as_ref().map_or_else(|| "nobody".to_owned(), named);
    let passed = match passed {
        Passed::Opened => "opened",
        Passed::Refused => "refused",
        Passed::Unknown => "unknown",
    };
    let place =
        if *order == facts::order_of(key) { "by its key".to_owned() } else { order.to_string() };
    let (at, by) = (instant(*when), method_word(*method));
    let after = after(*follows);
    format!("{key} at {at}: {who}, {way} by {by}, {passed} ({code}), place {place}{after}")
}

fn named(person: &Person) -> String {
    format!("{} {}", method_word(person.held_as), person.handle)
}

fn method_word(method: Method) -> &'static str {
    match method {
        Method::Face => "face",
        Method::Qr => "qr",
        Method::Card => "card",
        Method::Code => "code",
        Method::Manual => "manual",
    }
}

fn after(follows: Option<i64>) -> String {
    follows.map(|number| format!(" after {number}")).unwrap_or_default()
}

fn notice(said: &Said) -> String {
    let Said { key, when, kind, code, detail, follows } = said;
    let at = when.map_or_else(|| "some time".to_owned(), instant);
    let kind = match kind {
        NoticeKind::Alarm => "alarm",
        NoticeKind::Notice => "notice",
    };
    let detail = detail.as_ref().map(|detail| format!(", {detail}")).unwrap_or_default();
    format!("{key} at {at}: {kind} {code}{detail}{}", after(*follows))
}

fn all_words(facts: &[Fact]) -> Vec<String> {
    facts.iter().map(words).collect()
}

fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/protocols/fixtures");
    if !folder.is_dir() {
        println!("skipped: the vendors' samples are not here");
        return None;
    }
    Some(folder)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "SOURCES.md").collect()
}

#[test]
fn every_sample_becomes_what_its_row_says() {
    let Some(fixtures) = fixtures() else { return };
    let (mut read, mut wrong) = (0, Vec::new());
    for Family { folder, said, .. } in &FAMILIES {
        for Row(file, reader, lines) in *said {
            let bytes = std::fs::read(fixtures.join(folder).join(file)).unwrap();
            let became = reader(&Sample::read(&bytes));
            if became != *lines {
                wrong.push(format!("{folder}/{file} became {became:#?}, not {lines:#?}"));
            }
            read += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{read} samples became what they must");
}

#[test]
fn every_sample_of_a_device_is_named_by_a_row() {
    let Some(fixtures) = fixtures() else { return };
    let mut folders: BTreeSet<String> = FAMILIES.iter().map(|f| f.folder.to_owned()).collect();
    folders.extend(NO_DEVICES.map(str::to_owned));
    assert_eq!(names(&fixtures), folders);
    for Family { folder, said, ours } in &FAMILIES {
        let rows = said.iter().map(|Row(file, ..)| *file).chain(ours.iter().copied());
        let rows: Vec<String> = rows.map(str::to_owned).collect();
        let named: BTreeSet<String> = rows.iter().cloned().collect();
        assert_eq!(named.len(), rows.len(), "{folder} names a sample twice");
        assert_eq!(names(&fixtures.join(folder)), named, "{folder}");
    }
}
