//! Events of these devices: bytes to facts. Pure.

use chrono::DateTime;
use serde_json::Value;

use super::lines;
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

/// Events of one request that are looked at.
const EVENTS_MAX: usize = 64;
/// The device asks the server.
const ASKS: i64 = 96;

/// What a device posted: each event once, however often its text is repeated between pictures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    pub serial: String,
    pub facts: Vec<Fact>,
    /// Somebody waits, and the device asks.
    pub question: Option<Seen>,
}

pub fn read(content_type: &str, body: &[u8]) -> Post {
    let parts = multipart::parts(multipart::boundary(content_type), body);
    let mut post = Post::default();
    if parts.is_empty() {
        post.info(body);
    }
    for part in parts.iter().filter(|part| !part.is_picture()) {
        post.info(part.body);
    }
    post
}

/// Reads one part of a stream: lines of events, or one event of the older form
/// `Code=AccessControl;action=Pulse;index=0;data={…}`; a part that only says that the device lives
/// holds nothing. A question cannot be answered in a stream, and is asked by a post as well.
pub fn streamed(bytes: &[u8]) -> Post {
    let mut post = Post::default();
    let text = bytes.trim_ascii();
    if text.is_empty() || text.eq_ignore_ascii_case(b"heartbeat") {
        return post;
    }
    let listed = if text.starts_with(b"Code=") {
        managed(text).into_iter().collect()
    } else {
        lines::events(text)
    };
    if listed.is_empty() {
        post.keep(Fact::unreadable(bytes));
    }
    for fields in &listed {
        post.event(fields, || bytes.to_vec());
    }
    post
}

/// An event of the older form.
fn managed(text: &[u8]) -> Option<Fields> {
    let text = readable(text);
    let (head, data) = text.split_once(";data=")?;
    let code = head.strip_prefix("Code=")?.split(';').next()?;
    let mut event = serde_json::json!({ "Code": code });
    event["Data"] = json::object(data.as_bytes())?;
    Some(Fields::of(&event, "Data"))
}

/// Reads the records that a device was asked for; none if it is no such answer.
pub fn listed(bytes: &[u8]) -> Option<Vec<Fact>> {
    let rows = lines::records(bytes)?;
    let read = |fields: &Fields| {
        let seconds = fields.get("CreateTimeRealUTC").or_else(|| fields.get("CreateTime"));
        let seconds = seconds.and_then(|text| text.parse().ok());
        fact(fields, "AccessControl", seconds)
    };
    let raw = |fields: &Fields| format!("{fields:?}").into_bytes();
    Some(rows.iter().map(|row| read(row).unwrap_or_else(|| Fact::unreadable(&raw(row)))).collect())
}

impl Post {
    /// One part of text.
    fn info(&mut self, bytes: &[u8]) {
        let value = json::object(bytes);
        let events = value.as_ref().and_then(|v| v.get("Events")).and_then(Value::as_array);
        let Some(events) = events else {
            self.keep(Fact::unreadable(bytes));
            return;
        };
        for event in events.iter().take(EVENTS_MAX) {
            let fields = Fields::of(event, "Data");
            if self.serial.is_empty() {
                self.serial = fields.text("PhysicalAddress").replace(':', "");
            }
            self.event(&fields, || event.to_string().into_bytes());
        }
    }

    fn event(&mut self, fields: &Fields, raw: impl FnOnce() -> Vec<u8>) {
        // Some firmware puts local time into the second of these.
        let times = ["RealUTC", "UTC", "CreateTime"];
        let seconds = times.into_iter().find_map(|name| fields.number(name));
        match fact(fields, fields.text("Code"), seconds) {
            Some(Fact::Entry(seen)) if fields.number("ErrorCode") == Some(ASKS) => {
                self.question = Some(seen);
            }
            Some(fact) => self.keep(fact),
            None => self.keep(Fact::unreadable(&raw())),
        }
    }

    fn keep(&mut self, fact: Fact) {
        if !self.facts.iter().any(|known| known.key() == fact.key()) {
            self.facts.push(fact);
        }
    }
}

fn fact(fields: &Fields, code: &str, seconds: Option<i64>) -> Option<Fact> {
    if code != "AccessControl" || fields.number("Method") == Some(4) {
        let at = seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
        let (code, status) = (facts::is_name(code).then_some(code)?, fields.text("Status"));
        return Some(Fact::Notice(Said {
            follows: None,
            key: facts::key(&[code, &at, fields.text("Door"), status]),
            when: seconds.and_then(|s| DateTime::from_timestamp(s, 0)).map(When::At),
            kind: NoticeKind::Notice,
            code: format!("dahua:{code}"),
            detail: facts::is_name(status).then(|| status.to_owned()),
        }));
    }
    let seconds = seconds?;
    let (user, card) = (fields.text("UserID"), fields.text("CardNo"));
    let method = fields.text("Method");
    let key = facts::key(&[&seconds.to_string(), user, card, method, fields.text("Door")]);
    Some(Fact::Entry(Seen {
        follows: None,
        order: facts::order_of(&key),
        key,
        when: When::At(DateTime::from_timestamp(seconds, 0)?),
        person: Person::read(user, card).ok()?,
        method: match method {
            "15" => Method::Face,
            "1" => Method::Card,
            _ => Method::Manual,
        },
        direction: match fields.text("Type") {
            "Entry" => Some(Direction::In),
            "Exit" => Some(Direction::Out),
            _ => None,
        },
        passed: if fields.number("Status") == Some(1) { Passed::Opened } else { Passed::Refused },
        code: fields.number("ErrorCode").unwrap_or_default().to_string(),
    }))
}
