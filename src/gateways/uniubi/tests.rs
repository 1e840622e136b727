//! What the bytes of these devices become; samples composed from the documented forms.

use super::callback;
use crate::gateways::{
    facts::{Fact, Passed, Seen},
    mutations::survive,
    text::Pairs,
};

fn read(query: &str, body: &str) -> (String, Option<Seen>) {
    let callback = callback::read(&Pairs::of_query(query), body.as_bytes());
    let seen = match callback.fact {
        Fact::Entry(seen) => Some(seen),
        Fact::Notice(_) | Fact::Unreadable(_) => None,
    };
    (callback.serial, seen)
}

#[test]
fn a_recognition_stands_in_the_body_or_in_the_query() {
    let body = r#"{"personId":"7","deviceKey":"E1","type":"face_0","time":"1795399200000"}"#;
    let query = "personId=7&deviceKey=E1&type=face_0&time=1795399200000";
    assert_eq!(read("", body), read(query, ""));
    let (serial, seen) = read("", body);
    let seen = seen.unwrap();
    assert_eq!((serial.as_str(), seen.passed), ("E1", Passed::Opened));
    let late = read("", &body.replace("face_0", "face_1")).1.unwrap();
    assert_eq!((late.passed, late.person.is_some()), (Passed::Refused, true));
    let stranger = read("", &body.replace("face_0", "face_2")).1.unwrap();
    assert_eq!((stranger.passed, stranger.person), (Passed::Refused, None));
    for broken in ["", "{}", &body.replace("1795", "x"), &body.replace("face_0", "face")] {
        assert_eq!(read("", broken).1, None, "{broken}");
    }
}

#[test]
fn no_mutation_stops_the_parser() {
    let face = r#"{"personId":"7","deviceKey":"E1","type":"face_0","time":"1795399200000"}"#;
    survive("uniubi", &[face.as_bytes().to_vec()]);
}
