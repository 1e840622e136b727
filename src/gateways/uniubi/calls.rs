//! Orders and persons as the calls that these devices take at port 8090, forms all of them, and what
//! they answer: `{"result","success","code","msg","data"}`. The password goes into each form where it
//! is sent. A person is an opaque number; the name that a device insists on is that number again.
//! Pure.
//!
//! The calls are in the documents that came with this project's samples; the forms of answers and
//! their codes (`LAN_SUS-0`, `LAN_EXP-…`) are those of the vendor's public LAN interface, as public
//! clients and imitations of these devices write them down. How records are listed
//! (`/newFindRecords`) is not told alike by them, and is left out.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::{
    gateways::{
        answers::{Held, Refusal},
        calls::{Call, escape},
        json,
    },
    terminals::commands::Order,
};

/// Persons of one page.
const PAGE: u32 = 100;
const EXISTS: [&str; 2] = ["LAN_EXP-3005", "LAN_EXP-4007"];
const UNKNOWN: &str = "LAN_EXP-3009";
const OTHER_METHOD: &str = "LAN_EXP-1006";
/// Records of one page.
pub const RECORDS: usize = 100;
/// A wrong password; a device may lock itself after some of these.
const BAD_PASSWORD: [&str; 2] = ["LAN_EXP-1001", "LAN_EXP-1007"];

/// The call that carries an order out; none for what this protocol does not know.
pub fn of(order: &Order, now: DateTime<Utc>) -> Option<Call> {
    match order {
        Order::OpenDoor { .. } => Some(Call::form("/device/openDoorControl", &[("type", "1")])),
        Order::Restart => Some(Call::form("/restartDevice", &[])),
        Order::SyncTime => {
            Some(Call::form("/setTime", &[("timestamp", &now.timestamp_millis().to_string())]))
        }
        Order::QueryRecords { .. }
        | Order::HoldPerson { .. }
        | Order::RemovePerson { .. }
        | Order::ListPersons
        | Order::ServerDecides { .. } => None,
    }
}

/// Writes a person; their end is not set, since a device deletes whoever ends.
pub fn hold(handle: &str, name: &str) -> Call {
    Call::form("/person/create", &[("person", &person(handle, name).to_string())])
}

/// Gives another name to a person who is there.
pub fn rename(handle: &str, name: &str) -> Call {
    Call::form("/person/update", &[("person", &person(handle, name).to_string())])
}

/// A person as a device takes them, in a form or in a task.
pub fn person(handle: &str, name: &str) -> Value {
    let name = if name.is_empty() { handle } else { name };
    json!({ "id": handle, "name": name, "facePermission": 2 })
}

/// What the `index`th page of the records between two times is asked for with, oldest first.
pub fn records(index: i64, (from, to): (DateTime<Utc>, DateTime<Utc>), zone: Tz) -> Value {
    let text = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
    json!({
        "personId": "-1", "length": RECORDS.to_string(), "index": index.to_string(),
        "startTime": text(from), "endTime": text(to), "model": "-1", "order": "1",
    })
}

/// Asks for a page of records.
pub fn records_page(index: u32, times: (DateTime<Utc>, DateTime<Utc>), zone: Tz) -> Call {
    let asked = records(i64::from(index), times, zone);
    let field = |(name, value): (&String, &Value)| {
        format!("{name}={}", escape(value.as_str().unwrap_or_default()))
    };
    let fields: Vec<String> = asked.as_object().into_iter().flatten().map(field).collect();
    Call::get(format!("/newFindRecords?{}", fields.join("&")))
}

/// Whether a person is there already.
pub fn is_there(bytes: &[u8]) -> bool {
    json::object(bytes).is_some_and(|value| code(&value) == EXISTS[0])
}

/// Whether a device wants this call by the other method.
pub fn wants_other_method(bytes: &[u8]) -> bool {
    json::object(bytes).is_some_and(|value| code(&value) == OTHER_METHOD)
}

/// Writes the face of a person, under the person's own number: a number has one photo for ever.
pub fn face(handle: &str, jpeg: &[u8]) -> Call {
    let picture = BASE64_STANDARD.encode(jpeg);
    let fields = [("personId", handle), ("faceId", handle), ("imgBase64", picture.as_str())];
    Call::form("/face/create", &fields)
}

/// Deletes a person with their faces.
pub fn remove(handle: &str) -> Call {
    Call::form("/person/delete", &[("id", handle)])
}

/// The `index`th page of those whom the device holds.
pub fn page(index: u32) -> Call {
    let (index, length) = (index.to_string(), PAGE.to_string());
    let fields = [("personId", "-1"), ("index", index.as_str()), ("length", length.as_str())];
    Call::form("/person/findByPage", &fields)
}

/// The same, as a task asks for it.
pub fn persons(index: i64) -> Value {
    json!({ "personId": "-1", "index": index.to_string(), "length": PAGE.to_string() })
}

/// Reads a page of persons; none if it is no such page. Some firmware wraps the rows.
pub fn listed(bytes: &[u8]) -> Option<Held> {
    let value = json::object(bytes)?;
    let data = value.get("data").filter(|_| is_well(&value))?;
    let wrapped = ["personInfos", "records"].iter().find_map(|name| data.get(name));
    let rows = wrapped.unwrap_or(data).as_array()?;
    let handle = |row: &Value| row.get("id")?.as_str().map(str::to_owned);
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    Some(Held { handles: rows.iter().filter_map(handle).collect(), count, more: count >= PAGE })
}

pub fn is_well(value: &Value) -> bool {
    value.get("success").and_then(Value::as_bool) == Some(true)
        || code(value).starts_with("LAN_SUS")
}

fn code(value: &Value) -> &str {
    value.get("code").and_then(Value::as_str).unwrap_or_default()
}

/// Whether a device did not take our password.
pub fn is_shut(bytes: &[u8]) -> bool {
    json::object(bytes).is_some_and(|value| BAD_PASSWORD.contains(&code(&value)))
}

/// What a device says of an order or a person: nothing if all is well. Somebody who is there
/// already, or has this photo already, is held; somebody who is not there is forgotten.
pub fn refusal(bytes: &[u8], order: &Order) -> Option<String> {
    let value = json::object(bytes).unwrap_or_default();
    let code = code(&value);
    let done = match order {
        Order::HoldPerson { .. } => EXISTS.contains(&code),
        Order::RemovePerson { .. } => code == UNKNOWN,
        Order::OpenDoor { .. }
        | Order::Restart
        | Order::QueryRecords { .. }
        | Order::SyncTime
        | Order::ListPersons
        | Order::ServerDecides { .. } => false,
    };
    if is_well(&value) || done {
        return None;
    }
    let kind = match code.strip_prefix("LAN_EXP-").unwrap_or_default() {
        "4043" => Refusal::DuplicateFace,
        "4012" | "4030" => Refusal::Full,
        "4008" | "4011" | "4035" | "2218" | "2241" => Refusal::BadPhoto,
        other if other.starts_with("80") => Refusal::BadPhoto,
        _ => Refusal::Other,
    };
    Some(kind.told(code.strip_prefix("LAN_").unwrap_or("unknown")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::survive;

    fn hold_order() -> Order {
        Order::HoldPerson { handle: "a".into() }
    }

    #[test]
    fn persons_are_written_as_forms() {
        let hold = hold("a1", "");
        assert_eq!(hold.path, "/person/create");
        let text = String::from_utf8(hold.body).unwrap();
        assert!(text.starts_with("person=%7B") && text.contains("%22id%22%3A%22a1%22"), "{text}");
        assert_eq!(face("a1", b"\xff").body, b"personId=a1&faceId=a1&imgBase64=%2Fw%3D%3D");
        assert_eq!(remove("a1").body, b"id=a1");
        let clock = of(&Order::SyncTime, DateTime::from_timestamp(1, 0).unwrap()).unwrap();
        assert_eq!(clock.body, b"timestamp=1000");
        assert_eq!(of(&hold_order(), DateTime::from_timestamp(1, 0).unwrap()), None);
    }

    #[test]
    fn answers_say_which_kind_of_refusal_it_is() {
        let said = |code: &str, order: &Order| {
            let text = json!({ "result": 0, "success": false, "code": code }).to_string();
            refusal(text.as_bytes(), order)
        };
        let gone = Order::RemovePerson { handle: "a".into() };
        assert_eq!(said("LAN_EXP-3005", &hold_order()), None, "it holds them already");
        assert_eq!(said("LAN_EXP-3009", &gone), None, "it holds them no more");
        assert_eq!(said("LAN_SUS-0", &gone), None);
        assert!(said("LAN_EXP-4043", &hold_order()).unwrap().starts_with("人脸重复"));
        assert!(said("LAN_EXP-4030", &hold_order()).unwrap().starts_with("设备已满"));
        assert!(said("LAN_EXP-8006", &hold_order()).unwrap().starts_with("照片不合格"));
        assert!(said("LAN_EXP-3009", &hold_order()).unwrap().starts_with("未写入"));
        assert!(refusal(b"", &gone).is_some());
        assert!(is_shut(br#"{"code":"LAN_EXP-1001"}"#) && !is_shut(b"{}"));
    }

    #[test]
    fn persons_are_listed_wrapped_or_not() {
        let row = json!([{ "id": "a", "name": "a" }, { "id": "7" }, {}]);
        for data in [row.clone(), json!({ "pageInfo": { "total": 3 }, "personInfos": row })] {
            let text = json!({ "success": true, "code": "LAN_SUS-0", "data": data }).to_string();
            let held = listed(text.as_bytes()).unwrap();
            assert_eq!((held.count, held.more, held.handles.len()), (3, false, 2));
        }
        assert_eq!(listed(br#"{"success":false,"data":[]}"#), None);
    }

    #[test]
    fn no_mutation_stops_the_readers_of_answers() {
        let well = r#"{"result":1,"success":true,"code":"LAN_SUS-0","data":[{"id":"a"}]}"#;
        let bad = r#"{"result":0,"success":false,"code":"LAN_EXP-8006","msg":"x"}"#;
        survive("uniubi_answers", &[well.into(), bad.into()]);
    }
}
