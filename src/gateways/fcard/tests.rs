//! What the bytes of these devices become; samples composed from the documented forms.

use super::record;
use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{Fact, Passed},
        mutations::survive,
    },
};

fn upload(detail: &str) -> Vec<u8> {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"SN\"\r\n\r\nFC-1\r\n--b\r\n\
         Content-Disposition: form-data; name=\"RecordDetail\"\r\n\r\n{detail}\r\n--b\r\n\
         Content-Disposition: form-data; name=\"Photo\"; filename=\"p.jpg\"\r\n\r\nxx\r\n--b--\r\n"
    )
    .into_bytes()
}

#[test]
fn a_record_is_an_entry_a_refusal_or_a_notice() {
    let read = |kind: u8| {
        let detail = format!(
            r#"{{"RecordID":120,"RecordType":{kind},"RecordDate":1795399200,"UserID":"7","IsEntry":1}}"#
        );
        record::read("multipart/form-data; boundary=b", &upload(&detail))
    };
    let face = read(3);
    assert_eq!(face.serial, "FC-1");
    let Fact::Entry(seen) = face.fact else { panic!("no entry") };
    assert_eq!((seen.method, seen.direction), (Method::Face, Some(Direction::In)));
    assert_eq!((seen.key.as_str(), seen.passed), ("120|1795399200", Passed::Opened));
    assert!(matches!(read(17).fact, Fact::Entry(seen) if seen.passed == Passed::Refused));
    assert!(matches!(read(33).fact, Fact::Notice(_)));
    let broken = record::read("multipart/form-data; boundary=b", &upload("{"));
    assert!(matches!(broken.fact, Fact::Unreadable(_)) && broken.serial == "FC-1");
}

#[test]
fn no_mutation_stops_the_parsers() {
    let face = upload(r#"{"RecordID":1,"RecordType":3,"RecordDate":1795399200,"UserID":"7"}"#);
    survive("fcard", &[face, br#"{"SN":"FC-1","Limit":100}"#.to_vec()]);
}
