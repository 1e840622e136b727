//! What the bytes of these devices become; samples composed from the documented forms.

use super::event;
use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{Fact, Passed},
        mutations::survive,
    },
};

const FACE: &str = r#"{"Channel":0,"Events":[{"Action":"Pulse","Code":"AccessControl","Index":0,
    "PhysicalAddress":"02:00:00:00:00:03","Data":{"UserID":7,"Method":15,"Status":1,"ErrorCode":0,
    "Door":0,"Type":"Entry","UTC":1795428000,"RealUTC":1795399200,"CardName":"x"}}]}"#;

#[test]
fn an_event_repeated_between_its_pictures_is_one() {
    let part =
        |kind: &str, text: &str| format!("--myboundary\r\nContent-Type: {kind}\r\n\r\n{text}\r\n");
    let text = format!(
        "\r\n{}{}{}--myboundary--\r\n",
        part("text/plain", FACE),
        part("image/jpeg", "x"),
        part("text/plain", FACE)
    );
    for content_type in ["multipart/mixed; boundary=myboundary", ""] {
        let read = event::read(content_type, text.as_bytes());
        assert_eq!((read.serial.as_str(), read.facts.len()), ("020000000003", 1));
        let Fact::Entry(seen) = &read.facts[0] else { panic!("no entry") };
        assert_eq!((seen.method, seen.direction), (Method::Face, Some(Direction::In)));
        assert_eq!((seen.passed, seen.key.starts_with("1795399200|7|")), (Passed::Opened, true));
    }
}

#[test]
fn a_question_is_no_report_and_a_door_is_no_person() {
    let asked = event::read("", FACE.replace("\"ErrorCode\":0", "\"ErrorCode\":96").as_bytes());
    assert!(asked.question.is_some() && asked.facts.is_empty());
    let door = event::read("", FACE.replace("AccessControl", "DoorStatus").as_bytes());
    assert!(matches!(&door.facts[0], Fact::Notice(said) if said.code == "dahua:DoorStatus"));
    let broken = event::read("", &FACE.as_bytes()[..99]);
    assert!(matches!(broken.facts[0], Fact::Unreadable(_)));
}

const STREAMED: &str = "Events[0].EventBaseInfo.Code=AccessControl\r\nEvents[0].UserID=7\r\n\
    Events[0].Method=15\r\nEvents[0].Status=1\r\nEvents[0].ErrorCode=0\r\nEvents[0].Door=0\r\n\
    Events[0].Type=Entry\r\nEvents[0].RealUTC=1795399200\r\nEvents[0].ImageInfo[0].Type=1\r\n";

#[test]
fn an_event_is_the_same_posted_streamed_and_asked_for() {
    let posted = event::read("", FACE.as_bytes()).facts;
    assert_eq!(event::streamed(STREAMED.as_bytes()).facts, posted);
    let data = FACE.split_once("\"Data\":").unwrap().1.trim_end_matches("}]}");
    let managed = format!("Code=AccessControl;action=Pulse;index=0;data={data}");
    assert_eq!(event::streamed(managed.as_bytes()).facts, posted);
    let listed = "found=1\r\nrecords[0].CreateTime=1795399200\r\nrecords[0].UserID=7\r\n\
        records[0].Method=15\r\nrecords[0].Status=1\r\nrecords[0].ErrorCode=0\r\n\
        records[0].Door=0\r\nrecords[0].Type=Entry\r\n";
    assert_eq!(event::listed(listed.as_bytes()), Some(posted));
    assert_eq!(event::streamed(b"Heartbeat"), event::Post::default());
    let broken = event::streamed(b"Events[0].EventBaseInfo.Code=AccessControl").facts;
    assert!(matches!(broken[0], Fact::Unreadable(_)));
}

#[test]
fn no_mutation_stops_the_parser() {
    let managed = format!("Code=AccessControl;action=Pulse;index=0;data={FACE}");
    survive("dahua", &[FACE.into(), STREAMED.into(), managed.into()]);
}
