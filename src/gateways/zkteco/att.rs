//! Attendance terminals: bytes of their uploads to facts, and how many rows there were. Pure.

use super::codes;
use crate::{
    base::ids::Direction,
    gateways::{
        facts::{self, Fact, Passed, Person, Said, Seen, When},
        text::{Pairs, lines, local_time, readable},
    },
    terminals::notices::NoticeKind,
};

/// The records of `table=ATTLOG`.
pub fn records(body: &[u8]) -> Vec<Fact> {
    lines(body).map(|line| record(line).unwrap_or_else(|| Fact::unreadable(line))).collect()
}

fn record(line: &[u8]) -> Option<Fact> {
    let text = readable(line);
    let row = row(&text)?;
    let [pin, time, status, verified] = &row;
    let when = When::Local(local_time(time)?);
    let person = Person::read(pin, "").ok()??;
    let key = facts::key(&[pin, time, status, verified]);
    Some(Fact::Entry(Seen {
        follows: None,
        order: facts::order_of(&key),
        key,
        when,
        person: Some(person),
        method: codes::method(verified),
        direction: direction(status),
        passed: Passed::Opened,
        code: status.chars().take(8).collect(),
    }))
}

/// Number, time, state and verification in each of the three shapes that occur. What stands behind
/// them, such as the number of an identity card, is not looked at.
fn row(text: &str) -> Option<[String; 4]> {
    let owned = |parts: [&str; 4]| parts.map(|part| part.trim().to_owned());
    if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("PIN=")) {
        let fields = Pairs::split(text, '\t');
        let verified = fields.get("verifymode").or_else(|| fields.get("verify"));
        let names = [fields.get("pin")?, fields.get("time")?, fields.text("status")];
        return Some(owned([names[0], names[1], names[2], verified.unwrap_or_default()]));
    }
    if text.contains('\t') {
        let mut parts = text.split('\t');
        let (pin, time) = (parts.next()?, parts.next()?);
        return Some(owned([
            pin,
            time,
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        ]));
    }
    let mut words = text.split_whitespace();
    let (pin, day, time) = (words.next()?, words.next()?, words.next()?);
    let (status, verified) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    Some(owned([pin, &format!("{day} {time}"), status, verified]))
}

/// In, out, and the breaks and overtime between them; 255 and all else say nothing.
fn direction(status: &str) -> Option<Direction> {
    match status {
        "0" | "3" | "4" => Some(Direction::In),
        "1" | "2" | "5" => Some(Direction::Out),
        _ => None,
    }
}

/// The facts of an upload to `table`, and how many rows it had.
pub fn table(name: &str, body: &[u8]) -> (Vec<Fact>, usize) {
    let rows = lines(body).count();
    let facts = match name {
        "ATTLOG" => records(body),
        "OPERLOG" => lines(body).filter_map(operation).collect(),
        "ERRORLOG" => lines(body).map(error).collect(),
        _ => Vec::new(),
    };
    (facts, rows)
}

/// What an operation log tells: menu operations become notices; persons, templates and pictures
/// are not kept.
fn operation(line: &[u8]) -> Option<Fact> {
    const NOT_KEPT: [&str; 7] = ["USER", "FP", "FACE", "FVEIN", "USERPIC", "BIOPHOTO", "BIODATA"];
    let text = readable(line);
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((&text, ""));
    if NOT_KEPT.contains(&word) {
        return None;
    }
    Some(menu(word, rest).unwrap_or_else(|| Fact::unreadable(line)))
}

fn menu(word: &str, rest: &str) -> Option<Fact> {
    if word != "OPLOG" {
        return None;
    }
    let mut parts = rest.split('\t');
    let (kind, operator, time) = (parts.next()?, parts.next()?, parts.next()?);
    let kind: u16 = kind.trim().parse().ok()?;
    let when = local_time(time)?;
    Some(Fact::Notice(Said {
        follows: None,
        key: facts::key(&[
            "operation",
            &kind.to_string(),
            time,
            operator,
            parts.next().unwrap_or(""),
        ]),
        when: Some(When::Local(when)),
        kind: NoticeKind::Notice,
        code: format!("zk:operation:{kind}"),
        detail: None,
    }))
}

fn error(line: &[u8]) -> Fact {
    let text = readable(line);
    let fields = Pairs::split(text.strip_prefix("ERRORLOG ").unwrap_or_default(), '\t');
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

/// Whether the rows are pictures, whose upload is answered without a number.
pub fn has_pictures(body: &[u8]) -> bool {
    lines(body).any(|line| line.starts_with(b"BIOPHOTO") || line.starts_with(b"USERPIC"))
}

/// Firmware and faces out of `INFO=` of a poll.
pub fn info(text: &str) -> (Option<String>, Option<i32>) {
    let mut parts = text.split(',');
    let firmware = parts.next().filter(|text| !text.is_empty());
    let firmware = firmware.map(|t| t.chars().filter(|c| !c.is_control()).take(64).collect());
    let faces = parts.nth(7).and_then(|faces| faces.parse().ok()).filter(|faces| *faces >= 0);
    (firmware, faces)
}
