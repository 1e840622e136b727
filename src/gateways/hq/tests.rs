//! What the bytes of these devices become; samples composed from the documented forms.

use super::push::{self, What};
use crate::gateways::{
    facts::{Fact, Passed, Seen},
    mutations::survive,
};

const VERIFIED: &str = r#"{"operator":"VerifyPush","info":{"DeviceID":1434281,"PersonID":3,
    "CustomizeID":7,"CreateTime":"2026-11-23T10:00:00","VerifyStatus":1,"VerfyType":1,
    "Name":"x","nRecordIndex":4},"SanpPic":"data:image/jpeg;base64,/9j/4AAQ"}"#;

fn seen(text: &str) -> Seen {
    match push::read(text.as_bytes()).what {
        What::Fact(Fact::Entry(seen)) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_verified_is_an_entry_by_the_number_that_we_gave() {
    assert_eq!(push::read(VERIFIED.as_bytes()).serial, "1434281");
    let allowed = seen(VERIFIED);
    assert_eq!((allowed.key.as_str(), allowed.order), ("4|2026-11-23T10:00:00", 4));
    assert_eq!(allowed.person.unwrap().handle, "7");
    let own =
        seen(&VERIFIED.replace("\"CustomizeID\":7", "\"CustomizeID\":0,\"PersonUUID\":\" \""));
    assert_eq!(own.person.unwrap().handle, "3");
    let unknown = seen(&VERIFIED.replace("\"VerifyStatus\":1", "\"VerifyStatus\":3"));
    assert_eq!((unknown.passed, unknown.person), (Passed::Refused, None));
    let snap = seen(
        r#"{"operator":"SnapPush","info":{"DeviceID":"a","CreateTime":"2026-11-23T10:00:00"}}"#,
    );
    assert_eq!((snap.passed, snap.person), (Passed::Refused, None));
}

#[test]
fn a_push_that_cannot_be_read_is_parked_without_its_picture() {
    let broken = VERIFIED.replace("10:00:00", "25:00:00");
    let What::Fact(Fact::Unreadable(row)) = push::read(broken.as_bytes()).what else {
        panic!("it was read")
    };
    assert!(row.raw.contains("VerifyPush") && !row.raw.contains("4AAQ"), "{}", row.raw);
    let beat = push::read(br#"{"operator":"HeartBeat","info":{"DeviceID":1,"Time":"x"}}"#);
    assert_eq!(beat.what, What::Heartbeat(None));
}

#[test]
fn no_mutation_stops_the_parser() {
    survive("hq", &[VERIFIED.into()]);
}
