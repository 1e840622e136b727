//! Orders as tasks that a device behind a router fetches, one at a time, and what it says of each. A
//! task is a call of the LAN interface in JSON; its number says which order it belongs to and which
//! step of it it is. Pure.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::calls;
use crate::{
    gateways::{holders::Holder, json, text::Pairs},
    terminals::commands::{Command, Order},
};

/// Steps of holding a person: they are written, or given their name where they are there already;
/// then their face.
pub const WRITE: i64 = 0;
pub const RENAME: i64 = 1;
pub const FACE: i64 = 2;

/// The task for the next step of a command; none where there is nothing more to do.
pub fn task(
    command: &Command,
    holder: Option<&Holder>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Option<String> {
    let step = command.steps_done;
    let (name, fields) = match (&command.order, holder) {
        (Order::OpenDoor { .. }, _) => ("device/openDoorControl", json!({ "type": 1 })),
        (Order::Restart, _) => ("restartDevice", json!({})),
        (Order::SyncTime, _) => ("setTime", json!({ "timestamp": now.timestamp_millis() })),
        (Order::QueryRecords { from, to }, _) => {
            ("newFindRecords", calls::records(step, (*from, *to), zone))
        }
        (Order::HoldPerson { .. }, Some(holder)) => hold(step, holder)?,
        (Order::RemovePerson { .. }, Some(holder)) => {
            ("person/delete", json!({ "id": holder.number }))
        }
        (Order::ListPersons, _) => ("person/findByPage", calls::persons(step)),
        (Order::HoldPerson { .. } | Order::RemovePerson { .. }, None)
        | (Order::ServerDecides { .. }, _) => {
            return None;
        }
    };
    let mut task = json!({
        "taskNo": format!("{}-{step}", command.number), "interfaceName": name, "result": true,
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        task[name] = value.clone();
    }
    Some(task.to_string())
}

fn hold(step: i64, Holder { number, name, photo }: &Holder) -> Option<(&'static str, Value)> {
    let person = || json!({ "person": calls::person(number, name) });
    match (step, photo) {
        (WRITE, _) => Some(("person/create", person())),
        (RENAME, _) => Some(("person/update", person())),
        (_, Some(photo)) => {
            let picture = BASE64_STANDARD.encode(photo);
            let face = json!({ "personId": number, "faceId": number, "imgBase64": picture });
            Some(("face/create", face))
        }
        (_, None) => None,
    }
}

/// What a device says of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    pub number: i64,
    pub step: i64,
    /// As the LAN interface would have answered.
    pub answer: Vec<u8>,
}

/// Reads a report: the answer stands beside the task's number, or in `result`, as JSON or as a text
/// of JSON; the whole as JSON or as a form.
pub fn reported(body: &[u8]) -> Option<Reported> {
    let (task, answer) = if let Some(value) = json::object(body) {
        let task = value.get("taskNo")?.as_str()?.to_owned();
        let answer = match value.get("result") {
            Some(Value::Object(inner)) => Value::Object(inner.clone()).to_string(),
            Some(Value::String(text)) if text.trim_start().starts_with('{') => text.clone(),
            _ => value.to_string(),
        };
        (task, answer)
    } else {
        let fields = Pairs::of_query(std::str::from_utf8(body).ok()?);
        (fields.get("taskno")?.to_owned(), fields.text("result").to_owned())
    };
    let (number, step) = task.split_once('-')?;
    let (number, step) = (number.parse().ok()?, step.parse().ok()?);
    Some(Reported { number, step, answer: answer.into_bytes() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::{samples, survive};

    fn told(order: Order, steps_done: i64, holder: Option<&Holder>) -> Option<Value> {
        let command = Command { id: uuid::Uuid::nil(), number: 7, order, steps_done };
        let now = DateTime::from_timestamp(1_795_399_200, 0).unwrap();
        let text = task(&command, holder, chrono_tz::Asia::Shanghai, now)?;
        Some(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_person_is_told_step_by_step() {
        let hold = || Order::HoldPerson { handle: "a".into() };
        let bare = Holder { number: "4786".into(), name: "TEST PERSON".into(), photo: None };
        let first = told(hold(), WRITE, Some(&bare)).unwrap();
        for bytes in samples("uniubi") {
            let Some(sampled) = json::object(&bytes) else { continue };
            if sampled["interfaceName"] == "person/create" {
                let with_its_number = |mut task: Value| {
                    task["taskNo"] = json!("");
                    task
                };
                assert_eq!(with_its_number(first.clone()), with_its_number(sampled));
            }
        }
        assert_eq!((&first["taskNo"], &first["result"]), (&json!("7-0"), &json!(true)));
        assert_eq!(told(hold(), RENAME, Some(&bare)).unwrap()["interfaceName"], "person/update");
        assert_eq!(told(hold(), FACE, Some(&bare)), None, "no photo, no more steps");
        let whole = Holder { photo: Some(b"\xff\xd8".to_vec()), ..bare.clone() };
        let face = told(hold(), FACE, Some(&whole)).unwrap();
        assert_eq!((&face["imgBase64"], &face["taskNo"]), (&json!("/9g="), &json!("7-2")));
        let gone = told(Order::RemovePerson { handle: "a".into() }, 0, Some(&bare)).unwrap();
        assert_eq!(
            (&gone["interfaceName"], &gone["id"]),
            (&json!("person/delete"), &json!("4786"))
        );
        assert_eq!(told(hold(), WRITE, None), None);
        let (from, to) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        let query = told(Order::QueryRecords { from, to }, 3, None).unwrap();
        assert_eq!(
            (&query["index"], &query["startTime"]),
            (&json!("3"), &json!("1970-01-01 08:00:00"))
        );
        let listing = told(Order::ListPersons, 2, None).unwrap();
        assert_eq!(
            (&listing["interfaceName"], &listing["index"], &listing["taskNo"]),
            (&json!("person/findByPage"), &json!("2"), &json!("7-2"))
        );
        let seconds = 5;
        assert_eq!(told(Order::OpenDoor { seconds }, 0, None).unwrap()["type"], 1);
        assert!(
            told(Order::Restart, 0, None).is_some() && told(Order::SyncTime, 0, None).is_some()
        );
    }

    const WELL: &str = r#"{"result":1,"success":true,"code":"LAN_SUS-0"}"#;

    #[test]
    fn a_report_is_read_in_each_of_its_forms() {
        let inner: Value = serde_json::from_str(WELL).unwrap();
        let mut flat = inner.clone();
        flat["taskNo"] = json!("7-2");
        let forms = [
            json!({ "taskNo": "7-2", "result": inner }).to_string(),
            json!({ "taskNo": "7-2", "result": WELL }).to_string(),
            flat.to_string(),
            format!("taskNo=7-2&result={WELL}"),
        ];
        for form in forms {
            let read = reported(form.as_bytes()).unwrap();
            assert_eq!((read.number, read.step), (7, 2), "{form}");
            let order = Order::HoldPerson { handle: "a".into() };
            assert_eq!(calls::refusal(&read.answer, &order), None, "{form}");
        }
        for none in ["", "{}", r#"{"taskNo":"x"}"#, r#"{"taskNo":"7-x"}"#, r#"{"taskNo":7}"#] {
            assert_eq!(reported(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn no_mutation_stops_the_reader_of_reports() {
        survive("uniubi", &[json!({ "taskNo": "7-2", "result": WELL }).to_string().into_bytes()]);
    }
}
