//! What these devices push: bytes to facts. Pure.

use crate::{
    base::ids::Method,
    gateways::{
        facts::{self, Fact, Passed, Person, Seen, When},
        json::{self, Fields},
        text::local_time,
    },
};

/// What a device pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    pub serial: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Heartbeat(Option<When>),
    Fact(Fact),
}

/// Reads a push, with its pictures left aside.
pub fn read(bytes: &[u8]) -> Push {
    let fields = json::object(bytes).map(|value| Fields::of(&value, "info"));
    let serial = fields.as_ref().map_or_else(String::new, |f| f.text("DeviceID").to_owned());
    let what = fields.as_ref().and_then(what);
    Push { serial, what: what.unwrap_or_else(|| What::Fact(Fact::unreadable(bytes))) }
}

fn what(fields: &Fields) -> Option<What> {
    if fields.text("operator") == "HeartBeat" {
        return Some(What::Heartbeat(fields.get("Time").and_then(local_time).map(When::Local)));
    }
    let time = fields.text("CreateTime");
    let when = When::Local(local_time(time)?);
    let status = fields.number("VerifyStatus");
    let person = match (fields.text("operator"), status) {
        ("SnapPush", _) | (_, Some(3)) => None,
        ("VerifyPush", _) => person(fields),
        _ => return None,
    };
    let passed = match status {
        Some(1) => Passed::Opened,
        Some(0) => Passed::Unknown,
        _ => Passed::Refused,
    };
    let key = key(fields, time);
    let order = fields.number("nRecordIndex").filter(|n| *n >= 0);
    Some(What::Fact(Fact::Entry(Seen {
        follows: None,
        order: order.unwrap_or_else(|| facts::order_of(&key)),
        key,
        when,
        person,
        method: match fields.number("VerfyType") {
            Some(1 | 3) | None => Method::Face,
            Some(2) => Method::Card,
            Some(_) => Method::Manual,
        },
        direction: None,
        passed,
        code: status.map_or_else(|| "snap".to_owned(), |status| status.to_string()),
    })))
}

/// The number that we gave, which is the one of these that we write; else the one that somebody gave
/// at the device, else its own. A device that makes up a `PersonUUID` writes it with hyphens.
fn person(fields: &Fields) -> Option<Person> {
    let ours = Some(fields.text("PersonUUID"));
    let ours = ours.filter(|text| text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let names = ["CustomizeID", "PersonUUID", "PersonID"];
    let others = names.iter().map(|name| fields.text(name));
    ours.into_iter().chain(others).find_map(Person::held)
}

fn key(fields: &Fields, time: &str) -> String {
    let text = |name| fields.text(name);
    if let Some(index) = fields.get("nRecordIndex") {
        return facts::key(&[index, time]);
    }
    if let (Some(file), Some(place)) = (fields.get("dwFileIndex"), fields.get("dwFilePos")) {
        return facts::key(&["file", file, place, time]);
    }
    let status = text("VerifyStatus");
    facts::key(&["none", time, text("CustomizeID"), text("PersonUUID"), text("PersonID"), status])
}
