//! Access terminals: bytes of their uploads to facts. Pure.

use std::collections::BTreeSet;

use chrono::NaiveDateTime;

use super::{
    codes::{self, Meaning},
    time,
};
use crate::{
    base::ids::Direction,
    gateways::{
        facts::{self, Fact, Passed, Person, Said, Seen, When},
        text::{Pairs, lines, local_time, readable},
    },
    terminals::notices::NoticeKind,
};

/// The records of `table=rtlog`.
pub fn events(body: &[u8]) -> Vec<Fact> {
    lines(body).map(|line| event(line).unwrap_or_else(|| Fact::unreadable(line))).collect()
}

fn event(line: &[u8]) -> Option<Fact> {
    let text = readable(line);
    let fields = Pairs::split(&text, '\t');
    let time = fields.get("time").and_then(local_time)?;
    let record = Record {
        time,
        index: fields.get("index").filter(|index| !matches!(*index, "" | "0")),
        pin: fields.text("pin"),
        card: fields.text("cardno"),
        door: fields.text("eventaddr"),
        event: fields.number("event")?,
        in_out: fields.text("inoutstatus"),
        verified: fields.text("verifytype"),
    };
    record.fact()
}

/// The records of a query for transactions.
pub fn transactions(body: &[u8]) -> Vec<Fact> {
    lines(body).map(|line| transaction(line).unwrap_or_else(|| Fact::unreadable(line))).collect()
}

fn transaction(line: &[u8]) -> Option<Fact> {
    let text = readable(line);
    let fields = Pairs::split(text.strip_prefix("transaction ")?, '\t');
    let record = Record {
        time: time::from_seconds(fields.number("time_second")?)?,
        index: fields.get("index").filter(|index| !matches!(*index, "" | "0")),
        pin: fields.text("pin"),
        card: fields.text("cardno"),
        door: fields.text("doorid"),
        event: fields.number("eventtype")?,
        in_out: fields.text("inoutstate"),
        verified: fields.text("verified"),
    };
    record.fact()
}

/// One record, pushed or asked for: both name the same thing by the same key.
struct Record<'a> {
    time: NaiveDateTime,
    /// Begins again when the device's log is cleared, so the time belongs to the key.
    index: Option<&'a str>,
    pin: &'a str,
    card: &'a str,
    door: &'a str,
    event: i64,
    in_out: &'a str,
    verified: &'a str,
}

impl Record<'_> {
    fn key(&self) -> String {
        let time = self.time.format("%Y-%m-%d %H:%M:%S").to_string();
        if let Some(index) = self.index {
            return facts::key(&[index, &time]);
        }
        let event = self.event.to_string();
        facts::key(&["none", &time, self.pin, self.card, self.door, &event])
    }

    fn fact(&self) -> Option<Fact> {
        let person = Person::read(self.pin, self.card).ok()?;
        let (key, when) = (self.key(), When::Local(self.time));
        let passed = match codes::meaning(self.event, person.is_some()) {
            Meaning::Granted => Passed::Opened,
            Meaning::Refused => Passed::Refused,
            Meaning::Alarm => return Some(self.notice(key, NoticeKind::Alarm)),
            Meaning::Notice => return Some(self.notice(key, NoticeKind::Notice)),
        };
        let order = self.index.and_then(|index| index.parse().ok()).filter(|n: &i64| *n >= 0);
        Some(Fact::Entry(Seen {
            follows: None,
            order: order.unwrap_or_else(|| facts::order_of(&key)),
            key,
            when,
            person,
            method: codes::method(self.verified),
            direction: direction(self.in_out),
            passed,
            code: self.event.to_string(),
        }))
    }

    fn notice(&self, key: String, kind: NoticeKind) -> Fact {
        let door = Some(self.door).filter(|door| facts::is_name(door));
        Fact::Notice(Said {
            follows: None,
            key,
            when: Some(When::Local(self.time)),
            kind,
            code: codes::word(self.event),
            detail: door.map(|door| format!("door {door}")),
        })
    }
}

fn direction(in_out: &str) -> Option<Direction> {
    match in_out {
        "0" => Some(Direction::In),
        "1" => Some(Direction::Out),
        _ => None,
    }
}

/// The device's clock in `table=rtstate`, which comes often.
pub fn clock(body: &[u8]) -> Option<NaiveDateTime> {
    let line = lines(body).next()?;
    Pairs::split(&readable(line), '\t').get("time").and_then(local_time)
}

/// The facts of `table=tabledata`. Persons, templates and pictures are not kept: what a device
/// holds is what we told it, and a face belongs to nobody's log.
pub fn table(name: &str, body: &[u8]) -> Vec<Fact> {
    match name {
        "transaction" => transactions(body),
        "errorlog" => lines(body).map(error).collect(),
        _ => Vec::new(),
    }
}

fn error(line: &[u8]) -> Fact {
    let text = readable(line);
    let rest = text.split_once(' ').map_or("", |(_, rest)| rest);
    let fields = Pairs::split(rest, '\t');
    match fields.get("errcode").filter(|code| facts::is_name(code)) {
        Some(code) => Fact::Notice(Said {
            follows: None,
            key: facts::key(&["error", code, fields.text("cmdid"), fields.text("additional")]),
            when: None,
            kind: NoticeKind::Notice,
            code: format!("error:{code}"),
            detail: None,
        }),
        None => Fact::unreadable(line),
    }
}

/// The numbers of the persons in `tablename=user`; nothing else of them is looked at.
pub fn pins(body: &[u8]) -> BTreeSet<String> {
    let pin = |line: &[u8]| {
        let text = readable(line);
        let fields = Pairs::split(text.strip_prefix("user ")?, '\t');
        fields.get("pin").filter(|pin| facts::is_name(pin)).map(str::to_owned)
    };
    lines(body).filter_map(pin).collect()
}

/// Which line of which command each error of `tablename=errorlog` is about, and what it is.
pub fn errors_of_commands(body: &[u8]) -> Vec<(String, String)> {
    let one = |line: &[u8]| {
        let text = readable(line);
        let fields = Pairs::split(text.split_once(' ')?.1, '\t');
        let is_ours = fields.get("dataorigin") == Some("cmd");
        is_ours.then(|| (fields.text("cmdid").to_owned(), fields.text("errcode").to_owned()))
    };
    lines(body).filter_map(one).collect()
}

/// What a device says of itself at registration and among its options: its firmware.
pub fn firmware(body: &[u8]) -> Option<String> {
    let text = readable(body);
    let fields = Pairs::split(&text, ',');
    let said = fields.get("firmver").or_else(|| fields.get("fwversion"))?;
    Some(said.chars().filter(|c| !c.is_control()).take(64).collect())
}

/// Whether a registration says that it is an access terminal.
pub fn is_access(body: &[u8]) -> bool {
    Pairs::split(&readable(body), ',').get("devicetype") == Some("acc")
}

/// Somebody at the door about whom the device asks: the fact, and the record as it came.
pub fn question(body: &[u8]) -> Option<(Seen, String)> {
    let line = lines(body).next()?;
    let text = readable(line);
    let fields = Pairs::split(&text, '\t');
    let time = fields.get("time").and_then(local_time)?;
    let (pin, card, door) = (fields.text("pin"), fields.text("cardno"), fields.text("eventaddr"));
    let key = facts::key(&["asked", fields.text("time"), pin, card, door]);
    let seen = Seen {
        follows: None,
        order: facts::order_of(&key),
        key,
        when: When::Local(time),
        person: Person::read(pin, card).ok()?,
        method: codes::method(fields.text("verifytype")),
        direction: direction(fields.text("inoutstatus")),
        passed: Passed::Unknown,
        code: fields.text("event").chars().take(8).collect(),
    };
    Some((seen, text))
}

/// The door that a question is about, for the command that opens it.
pub fn door_of(record: &str) -> u8 {
    let door = Pairs::split(record, '\t').number("eventaddr");
    door.and_then(|door| u8::try_from(door).ok()).filter(|door| *door > 0).unwrap_or(1)
}
