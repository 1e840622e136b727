//! Persons and faces on these devices: who is written, deleted and listed, and what a device says of
//! each. A person is an opaque number; no name goes with it. Pure.

use serde_json::{Value, json};

use crate::gateways::{
    answers::{Held, Refusal},
    calls::Call,
    json,
};

/// The last second that these devices can express.
const FOR_EVER: &str = "2037-12-31T23:59:59";
const LONG_AGO: &str = "2020-01-01T00:00:00";
/// Persons of one page; devices give no more.
const PAGE: u32 = 30;
/// A line that stands in no JPEG of ours.
const BOUNDARY: &str = "fitgate_5f0c6a1e8d";

/// Writes a person who may pass at all times, whether known before or not; with no name where there
/// is none.
pub fn hold(handle: &str, name: &str) -> Call {
    let person = json!({ "UserInfo": {
        "employeeNo": handle, "name": name, "userType": "normal",
        "Valid": {
            "enable": true, "beginTime": LONG_AGO, "endTime": FOR_EVER, "timeType": "local",
        },
        "doorRight": "1", "RightPlan": [{ "doorNo": 1, "planTemplateNo": "1" }],
    } });
    Call::json("PUT", "/ISAPI/AccessControl/UserInfo/SetUp?format=json", &person)
}

/// Writes the face of a person, in place of an older one.
pub fn face(handle: &str, jpeg: &[u8]) -> Call {
    let record = json!({ "faceLibType": "blackFD", "FDID": "1", "FPID": handle });
    let part = |name: &str, kind: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{kind}\r\n\r\n")
    };
    let head = part("FaceDataRecord", "\r\nContent-Type: application/json");
    let picture = part("FaceImage", "; filename=\"face.jpg\"\r\nContent-Type: image/jpeg");
    let text = format!("{head}{record}\r\n{picture}");
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    Call {
        method: "PUT",
        path: "/ISAPI/Intelligent/FDLib/FDSetUp?format=json".into(),
        content_type: "multipart/form-data; boundary=fitgate_5f0c6a1e8d",
        body: [text.as_bytes(), jpeg, end.as_bytes()].concat(),
    }
}

/// Begins to delete a person with everything that the device holds of them.
pub fn remove(handle: &str) -> Call {
    let whom = json!({ "UserInfoDetail": {
        "mode": "byEmployeeNo", "EmployeeNoList": [{ "employeeNo": handle }],
    } });
    Call::json("PUT", "/ISAPI/AccessControl/UserInfoDetail/Delete?format=json", &whom)
}

/// Asks how far the deletion is.
pub fn removal() -> Call {
    Call::get("/ISAPI/AccessControl/UserInfoDetail/DeleteProcess?format=json")
}

/// One page of those whom the device holds, from the `position`th on.
pub fn page(search: &str, position: u32) -> Call {
    let condition = json!({ "UserInfoSearchCond": {
        "searchID": search, "searchResultPosition": position, "maxResults": PAGE,
    } });
    Call::json("POST", "/ISAPI/AccessControl/UserInfo/Search?format=json", &condition)
}

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Going,
    Done,
    Failed,
}

pub fn removed(bytes: &[u8]) -> Removal {
    let said = json::object(bytes);
    let status = said.as_ref().and_then(|value| find(value, "status")).and_then(Value::as_str);
    match status {
        Some("success") => Removal::Done,
        Some("processing") => Removal::Going,
        Some(_) | None => Removal::Failed,
    }
}

/// Reads a page of persons; none if it is no such page.
pub fn listed(bytes: &[u8]) -> Option<Held> {
    let value = json::object(bytes)?;
    let page = value.get("UserInfoSearch")?;
    let rows = page.get("UserInfo").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let handle = |row: &Value| row.get("employeeNo")?.as_str().map(str::to_owned);
    Some(Held {
        handles: rows.iter().filter_map(handle).collect(),
        count: u32::try_from(rows.len()).unwrap_or(u32::MAX),
        more: page.get("responseStatusStrg").and_then(Value::as_str) == Some("MORE"),
    })
}

/// What a device says of one person: nothing if all is well, else a word and its own.
pub fn refusal(bytes: &[u8]) -> Option<String> {
    let value = json::object(bytes).unwrap_or_default();
    if find(&value, "statusCode").and_then(Value::as_i64) == Some(1) {
        return None;
    }
    let own = find(&value, "subStatusCode").and_then(Value::as_str).unwrap_or("unknown");
    Some(Refusal::of_words(own).told(own))
}

/// The value of a field, at the top or within the one object there.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let inner = || value.as_object()?.values().find_map(|inner| inner.get(name));
    value.get(name).or_else(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::survive;

    #[test]
    fn a_refusal_says_which_kind_it_is() {
        let said = |sub: &str| {
            let text = json!({ "statusCode": 6, "subStatusCode": sub }).to_string();
            refusal(text.as_bytes()).unwrap()
        };
        assert!(said("deviceUserAlreadyExistFace").starts_with("人脸重复"));
        assert!(said("SubpicAnalysisModelingError").starts_with("照片不合格"));
        assert!(said("capacityFull").starts_with("设备已满"));
        assert_eq!(said("badJsonContent"), "未写入 not taken: badJsonContent");
        assert_eq!(refusal(br#"{"statusCode":1,"statusString":"OK"}"#), None);
        assert!(refusal(b"").is_some());
    }

    #[test]
    fn persons_and_deletions_are_read() {
        let page = br#"{"UserInfoSearch":{"searchID":"1","responseStatusStrg":"MORE",
            "numOfMatches":2,"UserInfo":[{"employeeNo":"1001","name":""},{"employeeNo":"a1"}]}}"#;
        let held = listed(page).unwrap();
        assert_eq!((held.count, held.more), (2, true));
        assert_eq!(held.handles.into_iter().collect::<Vec<_>>(), ["1001", "a1"]);
        assert_eq!(listed(b"{}"), None);
        let process = |status: &str| {
            let text = json!({ "UserInfoDetailDeleteProcess": { "status": status } });
            removed(text.to_string().as_bytes())
        };
        assert_eq!(process("processing"), Removal::Going);
        assert_eq!(process("success"), Removal::Done);
        assert_eq!((process("failed"), removed(b"")), (Removal::Failed, Removal::Failed));
    }

    #[test]
    fn no_mutation_stops_the_readers_of_persons() {
        let list =
            r#"{"UserInfoSearch":{"responseStatusStrg":"OK","UserInfo":[{"employeeNo":"1"}]}}"#;
        let going = r#"{"UserInfoDetailDeleteProcess":{"status":"success"}}"#;
        let bad = r#"{"statusCode":6,"subStatusCode":"deviceUserAlreadyExistFace"}"#;
        survive("hikvision_answers", &[list.into(), going.into(), bad.into()]);
    }
}
