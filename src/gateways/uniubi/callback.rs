//! Recognitions of these devices: bytes to facts. Pure.

use chrono::DateTime;
use serde_json::Value;

use super::calls;
use crate::{
    base::ids::Method,
    gateways::{
        facts::{self, Fact, Passed, Person, Seen, When},
        json::{self, Fields},
        text::Pairs,
    },
};

/// What a device posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub serial: String,
    pub fact: Fact,
}

/// Reads a recognition; what the body lacks may stand in the query.
pub fn read(query: &Pairs, body: &[u8]) -> Callback {
    let fields = json::object(body).map(|value| Fields::of(&value, "")).unwrap_or_default();
    let field = |name: &str| {
        let queried = query.get(&name.to_ascii_lowercase()).unwrap_or_default();
        fields.get(name).unwrap_or(queried).to_owned()
    };
    let serial = field("deviceKey");
    let fact = fact(&field).unwrap_or_else(|| Fact::unreadable(body));
    Callback { serial, fact }
}

/// The records of a list, and whether more are to come; none if it is no list. A record of a list is
/// the one that was posted, by the same key.
pub fn listed(answer: &[u8]) -> Option<(Vec<Fact>, bool)> {
    let value = json::object(answer)?;
    let data = value.get("data").filter(|_| calls::is_well(&value))?;
    let rows = data.get("records").unwrap_or(data).as_array()?;
    let one = |row: &Value| {
        let fields = Fields::of(row, "");
        let field = |name: &str| fields.text(name).to_owned();
        fact(&field).unwrap_or_else(|| Fact::unreadable(row.to_string().as_bytes()))
    };
    Some((rows.iter().map(one).collect(), rows.len() >= calls::RECORDS))
}

fn fact(field: &impl Fn(&str) -> String) -> Option<Fact> {
    let millis: i64 = field("time").parse().ok()?;
    let kind = field("type");
    let (shown, what) = kind.rsplit_once('_')?;
    let person = field("personId");
    // No number of a record, and one recognition a millisecond.
    let key = facts::key(&[&millis.to_string(), &kind]);
    let (passed, person) = match what {
        "0" => (Passed::Opened, Person::read(&person, "").ok()?),
        "1" => (Passed::Refused, Person::read(&person, "").ok()?),
        // A stranger, whatever stands for the person.
        "2" => (Passed::Refused, None),
        _ => return None,
    };
    Some(Fact::Entry(Seen {
        follows: None,
        order: millis.max(0),
        key,
        when: When::At(DateTime::from_timestamp_millis(millis)?),
        person,
        method: match shown {
            "face" => Method::Face,
            "card" => Method::Card,
            _ => Method::Manual,
        },
        direction: None,
        passed,
        code: kind.chars().take(16).collect(),
    }))
}
