//! What these devices are told of people and doors, and what they say became of it. A person is a
//! number below 2^32. Pure.
//!
//! The forms are those of the vendor's public interface "HTTPv2": persons that failed are named with
//! a code and the number of whoever looks the same; those that succeeded are only counted.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::gateways::{
    answers::Refusal,
    holders::Holder,
    json::{self, Fields},
    multipart,
    text::readable,
};

/// Longest photo that a device takes.
const PHOTO_BYTES_MAX: usize = 400 * 1024;

/// A person who may enter at all times, with their face where there is one.
pub fn person(Holder { number, name, photo }: &Holder) -> Value {
    let mut person = json!({
        "UserID": number, "Name": name, "IdentityCard": "", "AccessType": 0,
        "ExpirationDate": 0, "OpenTimes": 65535, "KeepOpen": 0, "Timegroup": 1,
    });
    if let Some(photo) = photo.as_ref().filter(|photo| photo.len() <= PHOTO_BYTES_MAX) {
        person["Photo"] = json!(BASE64_STANDARD.encode(photo));
        person["PhotoMD5"] = json!(hex::encode_upper(Md5::digest(photo)));
        person["PhotoLen"] = json!(photo.len());
    }
    person
}

pub fn people(people: &[Value]) -> String {
    json!({ "Success": 1, "PeopleCount": people.len(), "PeopleList": people }).to_string()
}

pub fn leaving(numbers: &[String]) -> String {
    format!(
        "{{\"Success\":1,\"DeleteAll\":0,\"DeleteCount\":{},\"DeleteList\":[{}]}}",
        numbers.len(),
        numbers.join(",")
    )
}

/// What became of the persons that a device fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Why each of these was not taken, by number.
    pub refused: BTreeMap<String, String>,
    /// How many the report is about.
    pub count: usize,
}

/// Reads a report on fetched persons; nothing where it is none.
pub fn stored(body: &[u8]) -> Option<Stored> {
    let value = json::object(body)?;
    let fields = Fields::of(&value, "");
    let count = |name| fields.number(name).and_then(|n| usize::try_from(n).ok());
    let succeeded = count("SuccessCount")?;
    let mut stored = Stored::default();
    let listed = value.get("FailList").and_then(Value::as_array);
    for failed in listed.into_iter().flatten() {
        let failed = Fields::of(failed, "");
        let code = failed.text("ErrorCode");
        let is_similar = !matches!(failed.text("RepeatID"), "" | "0");
        let kind = match () {
            () if is_similar => Refusal::DuplicateFace,
            () => Refusal::of_words(failed.text("ErrMsg")),
        };
        stored.refused.insert(failed.text("UserID").to_owned(), kind.told(code));
    }
    let failed = count("FailCount").unwrap_or(0).max(stored.refused.len());
    stored.count = succeeded.saturating_add(failed);
    Some(stored)
}

/// What a device deleted: everybody, or these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    Everybody,
    These(Vec<String>),
}

/// Reads a report on deleted persons. One example of the interface misspells the list.
pub fn deleted(body: &[u8]) -> Option<Deleted> {
    let value = json::object(body)?;
    if Fields::of(&value, "").number("DeleteAll") == Some(1) {
        return Some(Deleted::Everybody);
    }
    let list = value.get("DeleteList").or_else(|| value.get("DeletList"))?.as_array()?;
    let number = |one: &Value| match one {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    Some(Deleted::These(list.iter().filter_map(number).collect()))
}

/// One person of whom a device was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    pub serial: String,
    /// It was asked, and answers.
    pub is_answer: bool,
    pub number: String,
    pub is_there: bool,
}

/// Reads a push of one person; of the details nothing but whether there are some.
pub fn pushed(content_type: &str, body: &[u8]) -> Pushed {
    let parts = multipart::parts(multipart::boundary(content_type), body);
    let text = |name: &str| {
        let part = parts.iter().find(|part| part.name() == name && !part.is_picture());
        part.map(|part| readable(part.body).trim().to_owned()).unwrap_or_default()
    };
    let detail = parts.iter().find(|part| part.name() == "detail");
    Pushed {
        serial: text("sn"),
        is_answer: text("pushtype") == "4",
        number: text("userid"),
        is_there: detail.is_some_and(|part| !part.body.trim_ascii().is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateways::mutations::{samples, survive};

    #[test]
    fn a_person_goes_with_face_and_name_only_where_there_are_some() {
        let bare = Holder { number: "900000001".into(), ..Holder::default() };
        assert_eq!(person(&bare)["Name"], "");
        assert_eq!(person(&bare).get("Photo"), None);
        let whole = Holder { name: "张*".into(), photo: Some(b"\xff\xd8".to_vec()), ..bare };
        let told = person(&whole);
        assert_eq!((&told["Photo"], &told["PhotoLen"]), (&json!("/9g="), &json!(2)));
        assert_eq!(told["PhotoMD5"].as_str().unwrap().len(), 32);
        let large = Holder { photo: Some(vec![0; PHOTO_BYTES_MAX + 1]), ..whole };
        assert_eq!(person(&large).get("Photo"), None);
    }

    #[test]
    fn answers_have_the_form_of_the_samples() {
        let photo = Some(vec![0xff]);
        let whole = Holder { number: "1001".into(), name: "TEST".into(), photo };
        let fields = |value: &Value| {
            let object = value.as_object().unwrap();
            object.keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        for bytes in samples("fcard") {
            let Some(sampled) = json::object(&bytes) else { continue };
            if sampled.get("DeleteList").is_some() {
                assert_eq!(leaving(&["1001".into()]).as_bytes(), bytes);
            }
            if let Some(listed) = sampled.get("PeopleList") {
                let ours: Value = serde_json::from_str(&people(&[person(&whole)])).unwrap();
                assert_eq!(fields(&ours), fields(&sampled));
                assert_eq!(fields(&ours["PeopleList"][0]), fields(&listed[0]));
                for same in ["UserID", "Name", "AccessType", "OpenTimes", "Timegroup"] {
                    assert_eq!(ours["PeopleList"][0][same], listed[0][same], "{same}");
                }
            }
        }
    }

    #[test]
    fn reports_name_who_failed_and_count_the_others() {
        let body = r#"{"SN":"FC-1","SuccessCount":16,"FailCount":2,"FailList":[
            {"UserID":"7","ErrorCode":20,"RepeatID":123,"ErrMsg":""},
            {"UserID":8,"ErrorCode":5,"RepeatID":"","ErrMsg":"photo too dark"}]}"#;
        let read = stored(body.as_bytes()).unwrap();
        assert_eq!(read.count, 18);
        assert!(read.refused["7"].starts_with("人脸重复"), "{read:?}");
        assert!(read.refused["8"].starts_with("照片不合格"), "{read:?}");
        assert_eq!(stored(br#"{"SN":"FC-1"}"#), None);
        let these = Deleted::These(vec!["1".into(), "2".into()]);
        assert_eq!(deleted(br#"{"DeleteAll":0,"DeleteList":[1,"2"]}"#), Some(these.clone()));
        assert_eq!(deleted(br#"{"DeleteCount":2,"DeletList":[1,2]}"#), Some(these));
        assert_eq!(deleted(br#"{"DeleteAll":1}"#), Some(Deleted::Everybody));
        assert_eq!(deleted(b"{}"), None);
    }

    fn push(detail: &str) -> Vec<u8> {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"SN\"\r\n\r\nFC-1\r\n--b\r\n\
             Content-Disposition: form-data; name=\"PushType\"\r\n\r\n4\r\n--b\r\n\
             Content-Disposition: form-data; name=\"UserID\"\r\n\r\n7\r\n{detail}--b--\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn whoever_is_not_there_has_no_details() {
        let there = "--b\r\nContent-Disposition: form-data; name=\"Detail\"\r\n\r\n{}\r\n";
        for (detail, is_there) in [(there, true), ("", false)] {
            let read = pushed("multipart/form-data; boundary=b", &push(detail));
            let number = "7".to_owned();
            let serial = "FC-1".to_owned();
            assert_eq!(read, Pushed { serial, is_answer: true, number, is_there });
        }
    }

    #[test]
    fn no_mutation_stops_the_readers_of_reports() {
        let report = br#"{"SuccessCount":1,"FailCount":1,"FailList":[{"UserID":"7"}]}"#;
        let gone = br#"{"DeleteAll":0,"DeleteList":[1,"2"]}"#;
        survive("fcard", &[report.to_vec(), gone.to_vec(), push("")]);
    }
}
