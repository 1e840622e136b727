//! What the bytes of these devices become; samples composed from the documented forms.

use super::{
    calls,
    event::{self, What},
    routes::events,
};
use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{Fact, Passed},
        json,
        mutations::{samples, survive},
    },
    terminals::commands::Order,
};

const FACE: &str = r#"{"dateTime":"2026-11-23T10:00:00+08:00","eventType":"AccessControllerEvent",
    "shortSerialNumber":"AA1","AccessControllerEvent":{"majorEventType":5,"subEventType":75,
    "employeeNoString":"1001","serialNo":591,"cardReaderNo":1,"currentEvent":false,"name":"x"}}"#;

fn entry(what: What) -> crate::gateways::facts::Seen {
    match what {
        What::Fact(Fact::Entry(seen)) => seen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_face_that_passed_is_an_entry_and_a_stranger_is_a_refusal() {
    let event = event::read(FACE.as_bytes());
    assert_eq!(event.serial, "AA1");
    let seen = entry(event.what);
    assert_eq!((seen.method, seen.passed, seen.order), (Method::Face, Passed::Opened, 591));
    assert_eq!((seen.direction, seen.key.as_str()), (Some(Direction::In), "591|1795399200000"));
    let stranger = FACE.replace(":75", ":76").replace("\"employeeNoString\":\"1001\",", "");
    let seen = entry(event::read(stranger.as_bytes()).what);
    assert_eq!((seen.passed, seen.person), (Passed::Refused, None));
    // Live or stored, the same event has the same key.
    let live = entry(event::read(FACE.replace("false", "true").as_bytes()).what);
    assert_eq!(live, entry(event::read(FACE.as_bytes()).what));
}

#[test]
fn a_lock_is_no_entry_and_a_question_is_no_report() {
    let lock = event::read(FACE.replace(":75", ":21").as_bytes());
    assert!(matches!(lock.what, What::Fact(Fact::Notice(said)) if said.code == "lock_opened"));
    let asked = FACE.replace("\"name\":\"x\"", "\"remoteCheck\":true");
    assert!(matches!(event::read(asked.as_bytes()).what, What::Question(_, 591)));
    let beat = r#"{"dateTime":"2026-11-23T10:00:00+08:00","eventType":"heartBeat"}"#;
    assert!(matches!(event::read(beat.as_bytes()).what, What::Heartbeat(Some(_))));
    for broken in ["", "{}", "[1]", "{\"dateTime\":1}", "<a>", &FACE[..100]] {
        let what = event::read(broken.as_bytes()).what;
        assert!(matches!(what, What::Fact(Fact::Unreadable(_))), "{broken}");
    }
}

#[test]
fn the_same_event_comes_as_json_as_xml_and_in_parts() {
    let text = "<EventNotificationAlert><dateTime>2026-11-23T10:00:00+08:00</dateTime>\
        <eventType>AccessControllerEvent</eventType><shortSerialNumber>AA1</shortSerialNumber>\
        <AccessControllerEvent><majorEventType>5</majorEventType><subEventType>75</subEventType>\
        <employeeNoString>1001</employeeNoString><serialNo>591</serialNo>\
        <cardReaderNo>1</cardReaderNo></AccessControllerEvent></EventNotificationAlert>";
    let plain = events("application/json", FACE.as_bytes());
    assert_eq!(events("application/xml", text.as_bytes()), plain);
    let parts = format!(
        "--b\r\nContent-Type: application/json\r\n\r\n{FACE}\r\n--b\r\nContent-Type: image/jpeg\
         \r\n\r\nnothing\r\n--b--\r\n"
    );
    assert_eq!(events("multipart/form-data; boundary=b", parts.as_bytes()), plain);
}

#[test]
fn the_sampled_stream_tells_what_was_stored_and_then_what_happens() {
    let all = samples("hikvision");
    let is_stream = |sample: &&Vec<u8>| sample.starts_with(b"HTTP/1.1 200 OK\r\nMIME");
    let Some(stream) = all.iter().find(is_stream) else {
        println!("skipped: the sampled stream is not here");
        return;
    };
    let events = events("multipart/mixed; boundary=MIME_boundary", stream);
    assert!(events.len() >= 4, "{}", events.len());
    let passed = events.iter().filter(|event| {
        matches!(&event.what, What::Fact(Fact::Entry(seen)) if seen.passed == Passed::Opened)
    });
    assert!(passed.count() >= 1);
    assert!(!events.iter().any(|e| matches!(e.what, What::Fact(Fact::Unreadable(_)))));
}

#[test]
fn a_device_is_told_to_ask_in_the_sampled_form() {
    let told = |on| {
        let call =
            calls::of(&Order::ServerDecides { on }, chrono_tz::UTC, chrono::DateTime::UNIX_EPOCH);
        json::object(&call.unwrap().body).unwrap()
    };
    assert_eq!(told(false)["AcsCfg"]["remoteCheckDoorEnabled"], false);
    let all = samples("hikvision");
    let mut sampled = all.iter().filter_map(|bytes| json::object(bytes));
    if let Some(sampled) = sampled.find(|value| value.get("AcsCfg").is_some()) {
        assert_eq!(told(true), sampled);
    }
}

#[test]
fn a_device_is_answered_and_told_the_time_in_the_sampled_forms() {
    let checked =
        |granted, sentence| json::object(&calls::checked(587, granted, sentence).body).unwrap();
    let mut silent = checked(false, "");
    silent["RemoteCheck"].as_object_mut().unwrap().remove("info");
    let answers = [checked(true, "Hello, this is a test message!"), silent];
    let all = samples("hikvision");
    for sampled in all.iter().filter_map(|bytes| json::object(bytes)) {
        assert!(sampled.get("RemoteCheck").is_none() || answers.contains(&sampled), "{sampled}");
    }
    let now = "2026-04-17T22:23:42Z".parse().unwrap();
    let told = calls::of(&Order::SyncTime, chrono_tz::Tz::America__Sao_Paulo, now).unwrap();
    let is_clock = |bytes: &&Vec<u8>| bytes.windows(10).any(|word| word == b"<timeMode>");
    if let Some(sampled) = all.iter().find(is_clock) {
        assert_eq!(told.body.trim_ascii(), sampled.trim_ascii());
    }
}

#[test]
fn a_page_of_records_is_read_like_pushes() {
    let row = r#"{"major":5,"minor":75,"time":"2026-11-23T10:00:00+08:00",
        "employeeNoString":"1001","serialNo":591,"cardReaderNo":1}"#;
    let page = format!(
        r#"{{"AcsEvent":{{"responseStatusStrg":"MORE","totalMatches":2,"InfoList":[{row},{{}}]}}}}"#
    );
    let listed = event::listed(page.as_bytes()).unwrap();
    assert!(listed.more && listed.facts.len() == 2);
    let Fact::Entry(seen) = &listed.facts[0] else { panic!("no entry") };
    assert_eq!(*seen, entry(event::read(FACE.as_bytes()).what));
    assert!(matches!(listed.facts[1], Fact::Unreadable(_)));
    assert!(event::listed(b"{}").is_none());
}

#[test]
fn no_mutation_stops_the_parsers() {
    let parts = b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--".to_vec();
    survive("hikvision", &[FACE.into(), parts]);
}
