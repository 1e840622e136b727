//! What the bytes of these devices become; samples composed from the documented forms.

use super::{
    event::{self, What},
    routes::events,
    stream::Stream,
    xml,
};
use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{Fact, Passed},
        multipart,
        mutations::{samples, survive},
    },
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
fn a_stream_is_read_in_whatever_pieces_it_comes() {
    let part =
        |text: &str| format!("--MIME_boundary\r\nContent-Type: application/json\r\n\r\n{text}\r\n");
    let picture = "--MIME_boundary\r\nContent-Type: image/jpeg\r\n\r\nxx\r\n";
    let text = format!("{}{picture}{}--MIME_boundary", part(FACE), part(FACE));
    let whole = Stream::default().take(text.as_bytes()).unwrap();
    assert_eq!(whole.len(), 2);
    let mut stream = Stream::default();
    let pieces = text.as_bytes().chunks(7).flat_map(|piece| stream.take(piece).unwrap());
    assert_eq!(pieces.collect::<Vec<_>>(), whole);
}

#[test]
fn the_sampled_stream_tells_what_was_stored_and_then_what_happens() {
    let all = samples("hikvision");
    let Some(stream) = all.iter().find(|sample| sample.starts_with(b"HTTP/1.1 200 OK\r\nMIME"))
    else {
        println!("skipped: the sampled stream is not here");
        return;
    };
    let mut reader = Stream::default();
    let mut events = reader.take(stream).unwrap();
    events.extend(reader.take(b"\r\n--MIME_boundary").unwrap());
    assert!(events.len() >= 4, "{}", events.len());
    let passed = events.iter().filter(|event| {
        matches!(&event.what, What::Fact(Fact::Entry(seen)) if seen.passed == Passed::Opened)
    });
    assert!(passed.count() >= 1);
    assert!(!events.iter().any(|e| matches!(e.what, What::Fact(Fact::Unreadable(_)))));
}

#[test]
fn no_mutation_stops_the_parsers() {
    let mut all = samples("hikvision");
    all.push(FACE.as_bytes().to_vec());
    all.push(b"--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--".to_vec());
    survive("hikvision", &all, |bytes| {
        event::read(bytes);
        events("multipart/form-data; boundary=MIME_boundary", bytes);
        multipart::parts(None, bytes);
        xml::leaves(&String::from_utf8_lossy(bytes));
        let mut stream = Stream::default();
        for piece in bytes.chunks(512) {
            if stream.take(piece).is_err() {
                break;
            }
        }
    });
}
