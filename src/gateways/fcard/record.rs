//! Records of these devices: bytes to facts. Pure.

use std::io::Read as _;

use chrono::DateTime;
use flate2::read::GzDecoder;

use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{self, Fact, Passed, Person, Said, Seen, When},
        json::{self, Fields},
        multipart,
        text::readable,
    },
    terminals::notices::NoticeKind,
};

/// A record unpacked; one has a few hundred bytes.
const RECORD_BYTES_MAX: u64 = 64 * 1024;
/// Records of the device's own log in one request; the interface names a thousand.
const SYSTEM_RECORDS_MAX: usize = 2_000;

/// An upload: whose, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub serial: String,
    pub fact: Fact,
}

/// Reads an upload of one record, with its picture left aside.
pub fn read(content_type: &str, body: &[u8]) -> Upload {
    let parts = multipart::parts(multipart::boundary(content_type), body);
    let mut serial = String::new();
    let mut detail = None;
    for part in parts.iter().filter(|part| !part.is_picture()) {
        match part.name() {
            "sn" => readable(part.body).trim().clone_into(&mut serial),
            "recorddetail" | "recordjson" => detail = unpacked(part),
            _ => {}
        }
    }
    let bytes = detail.as_deref().unwrap_or(body);
    let fact = detail.as_deref().and_then(fact).unwrap_or_else(|| Fact::unreadable(bytes));
    Upload { serial, fact }
}

fn unpacked(part: &multipart::Part) -> Option<Vec<u8>> {
    if !part.is_gzip() {
        return Some(part.body.to_vec());
    }
    let mut bytes = Vec::new();
    let mut unpacking = GzDecoder::new(part.body).take(RECORD_BYTES_MAX);
    unpacking.read_to_end(&mut bytes).ok().map(|_| bytes)
}

fn fact(detail: &[u8]) -> Option<Fact> {
    let fields = Fields::of(&json::object(detail)?, "");
    let (id, kind) = (fields.number("RecordID")?, fields.number("RecordType")?);
    let seconds = fields.number("RecordDate")?;
    let when = When::At(DateTime::from_timestamp(seconds, 0)?);
    let key = facts::key(&[&id.to_string(), &seconds.to_string()]);
    let passed = match kind {
        1..=14 | 25 | 29 | 31 | 32 | 36..=43 | 46 | 47 => Passed::Opened,
        15..=24 | 26..=28 | 30 | 44 | 45 | 48 | 49 => Passed::Refused,
        _ => {
            return Some(Fact::Notice(Said {
                follows: None,
                key,
                when: Some(when),
                kind: NoticeKind::Notice,
                code: format!("fcard:{kind}"),
                detail: None,
            }));
        }
    };
    Some(Fact::Entry(Seen {
        follows: None,
        key,
        order: id.max(0),
        when,
        person: Person::read(fields.text("UserID"), fields.text("CardNum")).ok()?,
        method: match kind {
            1 => Method::Card,
            3 => Method::Face,
            32 => Method::Qr,
            _ => Method::Manual,
        },
        direction: match fields.number("IsEntry") {
            Some(1) => Some(Direction::In),
            Some(0) => Some(Direction::Out),
            _ => None,
        },
        passed,
        code: kind.to_string(),
    }))
}

/// Records of doors and of the device itself: what happened when, many a request.
pub fn system(body: &[u8]) -> Vec<Fact> {
    let Some(value) = json::object(body) else { return vec![Fact::unreadable(body)] };
    let is_of_door = Fields::of(&value, "").number("RecordType") == Some(1);
    let Some(rows) = value.get("Records").and_then(serde_json::Value::as_array) else {
        return vec![Fact::unreadable(body)];
    };
    let fact = |row| {
        let unreadable = || Fact::unreadable(serde_json::Value::to_string(row).as_bytes());
        happened(is_of_door, &Fields::of(row, "")).unwrap_or_else(unreadable)
    };
    rows.iter().take(SYSTEM_RECORDS_MAX).map(fact).collect()
}

fn happened(is_of_door: bool, fields: &Fields) -> Option<Fact> {
    let (id, kind) = (fields.number("RecordID")?, fields.number("RecordType")?);
    let seconds = fields.number("RecordDate")?;
    let when = When::At(DateTime::from_timestamp(seconds, 0)?);
    let (log, kind_word, code) = if is_of_door { door(kind) } else { device(kind) };
    Some(Fact::Notice(Said {
        follows: None,
        // These logs count on their own; their numbers are none of the records of persons.
        key: facts::key(&[log, &id.to_string(), &seconds.to_string()]),
        when: Some(when),
        kind: kind_word,
        code,
        detail: None,
    }))
}

fn door(kind: i64) -> (&'static str, NoticeKind, String) {
    let word = match kind {
        1 => "door_opened",
        2 => "door_closed",
        5 => "door_held_open",
        6 => "exit_button",
        other => return ("door", NoticeKind::Notice, format!("fcard:door:{other}")),
    };
    let is_alarm = word == "door_held_open";
    ("door", if is_alarm { NoticeKind::Alarm } else { NoticeKind::Notice }, word.to_owned())
}

/// Codes of the device's own log.
pub const OPENED: &str = "remote_open";
pub const STARTED: &str = "started";

fn device(kind: i64) -> (&'static str, NoticeKind, String) {
    let (is_alarm, word) = match kind {
        1 => (false, OPENED),
        15 => (true, "door_forced"),
        16 => (true, "duress"),
        17 => (true, "door_held_open"),
        19 => (true, "fire"),
        20 => (true, "tamper"),
        28 => (false, STARTED),
        other => {
            let is_alarm = (14..=20).contains(&other);
            let kind = if is_alarm { NoticeKind::Alarm } else { NoticeKind::Notice };
            return ("system", kind, format!("fcard:system:{other}"));
        }
    };
    ("system", if is_alarm { NoticeKind::Alarm } else { NoticeKind::Notice }, word.to_owned())
}

/// The serial number of a device that polls.
pub fn serial(body: &[u8]) -> String {
    let fields = json::object(body).map(|value| Fields::of(&value, "")).unwrap_or_default();
    fields.text("SN").to_owned()
}

/// How many persons a device takes at once.
pub fn limit(body: &[u8]) -> u64 {
    let fields = json::object(body).map(|value| Fields::of(&value, "")).unwrap_or_default();
    let wanted = fields.number("Limit").and_then(|limit| u64::try_from(limit).ok());
    wanted.unwrap_or(20).clamp(1, 100)
}
