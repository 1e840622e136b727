//! Orders and persons as the calls that these devices take, `POST /action/<Operator>`, and what they
//! answer. A person is an opaque number in `PersonUUID`; where a device wants a name, it is that
//! number again. Pure.
//!
//! `EditPersonNew`, `DeletePerson` and the picture's codes are in the documents that came with this
//! project's samples; `SearchPersonList`, `OpenDoor`, `RebootDevice` and `SetSysTime` in "HTTP
//! Protocol of Intelligent Network Camera" V1.13 of `HFSecurity` and in public clients of it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Datelike as _, NaiveDateTime, Timelike as _, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::{
    gateways::{
        answers::{Held, Refusal},
        calls::Call,
        json,
    },
    terminals::commands::Order,
};

/// Persons of one page; devices give at most a hundred.
const PAGE: u32 = 100;
/// What a device answers about a person whom it does not hold, in either manual's words.
const UNKNOWN: [&str; 3] = ["not exist", "no such", "not found"];

/// A device's number as it wants to hear it: a number where it is one.
fn device(serial: &str) -> Value {
    let number = serial.parse::<u32>().ok().filter(|number| number.to_string() == serial);
    number.map_or_else(|| json!(serial), |number| json!(number))
}

fn action(operator: &str, info: &Value, picture: Option<String>) -> Call {
    let mut body = json!({ "operator": operator, "info": info });
    if let Some(picture) = picture {
        body["picinfo"] = json!(picture);
    }
    Call::json("POST", format!("/action/{operator}"), &body)
}

/// The call that carries an order out; none for what is carried out otherwise.
pub fn of(order: &Order, serial: &str, zone: Tz, now: DateTime<Utc>) -> Option<Call> {
    let local = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
    let device = device(serial);
    Some(match order {
        Order::OpenDoor { .. } => {
            action("OpenDoor", &json!({ "DeviceID": device, "Chn": 0, "status": 1 }), None)
        }
        Order::Restart => {
            action("RebootDevice", &json!({ "DeviceID": device, "IsRebootDevice": 1 }), None)
        }
        Order::SyncTime => action("SetSysTime", &clock(&device, local(now)), None),
        // It pushes them again, as it pushed them first.
        Order::QueryRecords { from, to } => {
            let text = |at| local(at).format("%Y-%m-%dT%H:%M:%S").to_string();
            let times = json!({ "DeviceID": device, "TimeS": text(*from), "TimeE": text(*to) });
            action("ManualPushRecords", &times, None)
        }
        Order::HoldPerson { .. }
        | Order::RemovePerson { .. }
        | Order::ListPersons
        | Order::ServerDecides { .. } => return None,
    })
}

fn clock(device: &Value, local: NaiveDateTime) -> Value {
    json!({
        "DeviceID": device, "Year": local.year(), "Month": local.month(), "Day": local.day(),
        "Hour": local.hour(), "Minute": local.minute(), "Second": local.second(),
    })
}

/// Writes a person who may pass at all times, with their face where there is one, whether the
/// device held them before or not.
pub fn hold(serial: &str, handle: &str, name: &str, jpeg: Option<&[u8]>) -> Call {
    let name = if name.is_empty() { handle } else { name };
    let person = json!({
        "DeviceID": device(serial), "IdType": 2, "PersonUUID": handle, "PersonType": 0,
        "Name": name, "tempValid": 0,
    });
    let picture =
        jpeg.map(|jpeg| format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(jpeg)));
    action("EditPersonNew", &person, picture)
}

/// Deletes a person with everything that the device holds of them.
pub fn remove(serial: &str, handle: &str) -> Call {
    let whom = json!({
        "DeviceID": device(serial), "TotalNum": 1, "IdType": 2, "PersonUUID": [handle],
    });
    action("DeletePerson", &whom, None)
}

/// One page of those whom the device holds, from the `position`th on, without pictures.
pub fn page(serial: &str, position: u32) -> Call {
    let which = json!({
        "DeviceID": device(serial), "PersonType": 2, "Gender": 2, "Age": "0-100", "Name": "",
        "BeginNO": position, "RequestCount": PAGE, "Picture": 0,
    });
    action("SearchPersonList", &which, None)
}

/// Reads a page of persons; none if it is no such page.
pub fn listed(bytes: &[u8]) -> Option<Held> {
    let value = json::object(bytes)?;
    let rows = value.get("info")?.get("List")?.as_array()?;
    let text = |row: &Value, name: &str| match row.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()).filter(|text| text != "0"),
        _ => None,
    };
    let handle = |row: &Value| text(row, "PersonUUID").or_else(|| text(row, "CustomizeID"));
    let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
    Some(Held { handles: rows.iter().filter_map(handle).collect(), count, more: count >= PAGE })
}

/// What a device says of an order or a person: nothing if all is well.
pub fn refusal(bytes: &[u8]) -> Option<String> {
    let value = json::object(bytes).unwrap_or_default();
    let code = value.get("code").and_then(Value::as_i64).unwrap_or_default();
    if code == 200 {
        return None;
    }
    let kind = match code {
        471 => Refusal::DuplicateFace,
        469 | 470 => Refusal::Full,
        464 | 465 | 467 | 468 | 473 | 474 | 477 => Refusal::BadPhoto,
        _ => Refusal::Other,
    };
    Some(kind.told(&code.to_string()))
}

/// As [`refusal`] of a removal: to forget somebody who is not there is done already.
pub fn not_removed(bytes: &[u8]) -> Option<String> {
    let value = json::object(bytes).unwrap_or_default();
    let said = value.get("info").and_then(|info| info.get("Detail")).and_then(Value::as_str);
    let said = said.unwrap_or_default().to_ascii_lowercase();
    let is_unknown = UNKNOWN.iter().any(|word| said.contains(word));
    if is_unknown { None } else { refusal(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::{samples, survive};

    fn read(call: &Call) -> Value {
        serde_json::from_slice(&call.body).unwrap()
    }

    #[test]
    fn persons_are_written_and_deleted_in_the_documented_form() {
        let hold = hold("005a213b000b93cc", "m-1001", "", Some(b"\xff\xd8\xff"));
        assert_eq!(hold.path, "/action/EditPersonNew");
        let ours = read(&hold);
        assert_eq!(ours["picinfo"], "data:image/jpeg;base64,/9j/");
        let remove = remove("005a213b000b93cc", "m-1001");
        let all = samples("hq-face");
        let sample = |operator: &str| {
            let parsed = all.iter().filter_map(|bytes| json::object(bytes));
            parsed.into_iter().find(|value| value["operator"] == operator)
        };
        if let Some(sampled) = sample("EditPersonNew") {
            for field in ["DeviceID", "IdType", "PersonUUID", "PersonType"] {
                assert_eq!(ours["info"][field], sampled["info"][field], "{field}");
            }
        }
        if let Some(sampled) = sample("DeletePerson") {
            assert_eq!(read(&remove), sampled);
        }
        assert_eq!(read(&page("1434281", 100))["info"]["DeviceID"], 1_434_281);
    }

    #[test]
    fn orders_are_told_in_the_clock_of_the_place() {
        let now = "2026-11-23T02:00:00Z".parse().unwrap();
        let zone = chrono_tz::Asia::Shanghai;
        let told = |order: &Order| of(order, "7", zone, now).map(|call| read(&call));
        let clock = told(&Order::SyncTime).unwrap();
        assert_eq!((&clock["info"]["Hour"], &clock["info"]["Day"]), (&json!(10), &json!(23)));
        let again = told(&Order::QueryRecords { from: now, to: now }).unwrap();
        assert_eq!(again["info"]["TimeS"], "2026-11-23T10:00:00");
        assert_eq!(told(&Order::OpenDoor { seconds: 5 }).unwrap()["operator"], "OpenDoor");
        assert_eq!(told(&Order::Restart).unwrap()["info"]["IsRebootDevice"], 1);
        assert_eq!(told(&Order::HoldPerson { handle: "1".into() }), None);
    }

    #[test]
    fn answers_say_which_kind_of_refusal_it_is() {
        let said = |code: i64| refusal(json!({ "code": code }).to_string().as_bytes());
        assert_eq!(said(200), None);
        assert_eq!(said(471).unwrap(), "人脸重复 duplicate face: 471");
        assert_eq!(said(473).unwrap(), "照片不合格 bad photo: 473");
        assert_eq!(said(469).unwrap(), "设备已满 full: 469");
        assert_eq!(refusal(b"").unwrap(), "未写入 not taken: 0");
        let gone = br#"{"code":467,"info":{"Result":"Fail","Detail":"Person Not Exist"}}"#;
        assert_eq!(not_removed(gone), None);
        let list = br#"{"operator":"SearchPersonList","code":200,"info":{"Listnum":3,"List":[
            {"CustomizeID":0,"PersonUUID":"abc"},{"CustomizeID":7,"PersonUUID":" "},{}]}}"#;
        let held = listed(list).unwrap();
        assert_eq!((held.count, held.more), (3, false));
        assert_eq!(held.handles.into_iter().collect::<Vec<_>>(), ["7", "abc"]);
        assert_eq!(listed(b"{}"), None);
    }

    #[test]
    fn no_mutation_stops_the_readers_of_answers() {
        let list = r#"{"code":200,"info":{"List":[{"CustomizeID":7,"PersonUUID":"a"}]}}"#;
        let bad = r#"{"operator":"EditPersonNew","code":471,"info":{"Detail":"x"}}"#;
        survive("hq_answers", &[list.into(), bad.into()]);
    }
}
