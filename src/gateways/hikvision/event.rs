//! Events of these devices, in JSON or XML: bytes to facts. Pure.

use chrono::{DateTime, Utc};

use super::xml;
use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{self, Fact, Passed, Person, Said, Seen, When},
        json::{self, Fields},
        text::{local_time, readable},
    },
    terminals::notices::NoticeKind,
};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The device's number as it names itself; empty if it does not.
    pub serial: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It lives; and its clock.
    Heartbeat(Option<When>),
    /// It reports.
    Fact(Fact),
    /// Somebody waits, and the device asks: the number to answer under.
    Question(Seen, i64),
}

/// Reads one event; what cannot be read is a fact too.
pub fn read(bytes: &[u8]) -> Event {
    let fields = fields(bytes);
    let serial = fields.as_ref().map_or_else(String::new, serial);
    let what = fields.as_ref().and_then(what);
    Event { serial, what: what.unwrap_or_else(|| What::Fact(Fact::unreadable(bytes))) }
}

/// The scalars of an event of either form.
fn fields(bytes: &[u8]) -> Option<Fields> {
    if bytes.trim_ascii_start().starts_with(b"<") {
        let leaves = xml::leaves(&readable(bytes));
        return (!leaves.is_empty()).then(|| Fields::new(leaves));
    }
    json::object(bytes).map(|value| Fields::of(&value, "AccessControllerEvent"))
}

/// Its short serial number, or its network card's.
fn serial(fields: &Fields) -> String {
    let said = fields.get("shortSerialNumber").or_else(|| fields.get("macAddress"));
    said.unwrap_or_default().replace(':', "")
}

fn what(fields: &Fields) -> Option<What> {
    let when = fields.get("dateTime").and_then(time);
    let kind = fields.text("eventType");
    let lives = kind.eq_ignore_ascii_case("heartBeat")
        || (kind == "videoloss" && fields.text("eventState") == "inactive");
    if lives {
        return Some(What::Heartbeat(when));
    }
    let when = when?;
    let report = Report {
        fields,
        when,
        major: fields.number("majorEventType").or_else(|| fields.number("major"))?,
        minor: fields
            .number("subEventType")
            .or_else(|| fields.number("minor"))
            .or_else(|| fields.number("minorEventType"))?,
    };
    let fact = report.fact()?;
    match fact {
        Fact::Entry(seen) if fields.is("remoteCheck") => {
            Some(What::Question(seen, fields.number("serialNo")?))
        }
        fact => Some(What::Fact(fact)),
    }
}

/// A page of records that a device was asked for.
pub struct Listed {
    pub facts: Vec<Fact>,
    /// There is another page.
    pub more: bool,
}

/// Reads a page of records; none if it is no such page.
pub fn listed(bytes: &[u8]) -> Option<Listed> {
    let value = json::object(bytes)?;
    let page = value.get("AcsEvent")?;
    let rows = page.get("InfoList").and_then(serde_json::Value::as_array);
    let facts = rows.into_iter().flatten().map(|row| {
        let fields = Fields::of(row, "");
        let when = fields.get("time").and_then(time);
        let codes = fields.number("major").zip(fields.number("minor"));
        let fact = when.zip(codes).and_then(|(when, (major, minor))| {
            Report { fields: &fields, when, major, minor }.fact()
        });
        fact.unwrap_or_else(|| Fact::unreadable(row.to_string().as_bytes()))
    });
    let more = page.get("responseStatusStrg").and_then(serde_json::Value::as_str) == Some("MORE");
    Some(Listed { facts: facts.collect(), more })
}

/// RFC 3339, or a wall clock's time.
pub fn time(text: &str) -> Option<When> {
    match DateTime::parse_from_rfc3339(text) {
        Ok(at) => Some(When::At(at.with_timezone(&Utc))),
        Err(_) => local_time(text).map(When::Local),
    }
}

/// An event of the access controller.
struct Report<'a> {
    fields: &'a Fields,
    when: When,
    major: i64,
    minor: i64,
}

/// What a pair of codes means.
enum Meaning {
    Passed(Method),
    Refused(Method),
    Alarm(&'static str),
    Notice(&'static str),
    /// Its number says all that we know.
    Other,
}

impl Report<'_> {
    fn meaning(&self) -> Meaning {
        match (self.major, self.minor) {
            (5, 75) => Meaning::Passed(Method::Face),
            (5, 1) => Meaning::Passed(Method::Card),
            (5, 38) => Meaning::Passed(Method::Manual),
            (5, 69 | 179 | 181) => Meaning::Passed(Method::Code),
            (5, 76) => Meaning::Refused(Method::Face),
            (5, 8 | 9) => Meaning::Refused(Method::Card),
            (5, 39) => Meaning::Refused(Method::Manual),
            (5, 151) => Meaning::Refused(Method::Code),
            (5, 21) => Meaning::Notice("lock_opened"),
            (5, 22) => Meaning::Notice("lock_closed"),
            (5, 23) => Meaning::Notice("exit_button"),
            (5, 25) => Meaning::Notice("door_opened"),
            (5, 26) => Meaning::Notice("door_closed"),
            (5, 27) => Meaning::Alarm("door_forced"),
            (5, 28) => Meaning::Alarm("door_held_open"),
            (5, 37) => Meaning::Notice("doorbell"),
            (3, 1024) => Meaning::Notice("remote_open"),
            (3, 1025) => Meaning::Notice("remote_close"),
            (1, _) => Meaning::Alarm(""),
            _ => Meaning::Other,
        }
    }

    fn key(&self) -> String {
        let instant = match self.when {
            When::At(at) => at.timestamp_millis().to_string(),
            When::Local(local) => local.to_string(),
        };
        let text = |name| self.fields.text(name);
        if let Some(serial) = self.fields.get("serialNo") {
            return facts::key(&[serial, &instant]);
        }
        let (major, minor) = (self.major.to_string(), self.minor.to_string());
        let (person, card) = (text("employeeNoString"), text("cardNo"));
        facts::key(&["none", &instant, &major, &minor, person, card, text("doorNo")])
    }

    fn fact(&self) -> Option<Fact> {
        let number = self.fields.get("employeeNoString").or_else(|| self.fields.get("employeeNo"));
        let person = Person::read(number.unwrap_or_default(), self.fields.text("cardNo")).ok()?;
        Some(match self.meaning() {
            Meaning::Passed(method) => self.entry(person, method, Passed::Opened),
            Meaning::Refused(method) => self.entry(person, method, Passed::Refused),
            Meaning::Alarm(word) => self.notice(NoticeKind::Alarm, word),
            Meaning::Notice(word) => self.notice(NoticeKind::Notice, word),
            Meaning::Other => self.notice(NoticeKind::Notice, ""),
        })
    }

    fn entry(&self, person: Option<Person>, method: Method, passed: Passed) -> Fact {
        let key = self.key();
        let order = self.fields.number("serialNo").filter(|n| *n >= 0);
        Fact::Entry(Seen {
            follows: self.follows(),
            order: order.unwrap_or_else(|| facts::order_of(&key)),
            key,
            when: self.when,
            person,
            method,
            direction: self.direction(),
            passed,
            code: format!("{}/{}", self.major, self.minor),
        })
    }

    /// The number of the event before this one: those between never were.
    fn follows(&self) -> Option<i64> {
        let number = self.fields.number("serialNo")?;
        self.fields.number("frontSerialNo").filter(|front| (0..number).contains(front))
    }

    /// As somebody chose at the device, else by the reader.
    fn direction(&self) -> Option<Direction> {
        match (self.fields.text("attendanceStatus"), self.fields.number("cardReaderNo")) {
            ("checkIn" | "breakIn" | "overtimeIn", _) | (_, Some(1)) => Some(Direction::In),
            ("checkOut" | "breakOut" | "overtimeOut", _) | (_, Some(2)) => Some(Direction::Out),
            _ => None,
        }
    }

    fn notice(&self, kind: NoticeKind, word: &str) -> Fact {
        let own = format!("hik:{}/{}", self.major, self.minor);
        let door = self.fields.number("doorNo").map(|door| format!("door {door}"));
        Fact::Notice(Said {
            follows: self.follows(),
            key: self.key(),
            when: Some(self.when),
            kind,
            code: if word.is_empty() { own } else { word.to_owned() },
            detail: door,
        })
    }
}
