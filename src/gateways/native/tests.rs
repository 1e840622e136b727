//! Bytes of terminals, good and bad, to entries.

use chrono::{DateTime, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::{
    answer::{self, DecisionAnswer, EventsAnswer},
    batch,
    record::{self, Mode, Origin, Reading},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::{Direction, Method, TerminalId},
    },
    entries::{
        Answer, DecisionKind, NewEntry, Outcome, Quarantine, Reason, Recorded, StoredDecision,
    },
};

fn origin() -> Origin {
    Origin {
        terminal: TerminalId::default(),
        time_zone: Tz::Asia__Shanghai,
        received_at: Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).unwrap(),
    }
}

const GOOD: &str = r#"{"epoch":0,"seq":7,"device_time":"2026-11-23T10:00:00+08:00",
    "direction":"in","method":"face","credential":"f-1","score":0.93,"outcome":"opened"}"#;

/// The good record with one field written anew.
fn with(name: &str, text: &str) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(GOOD).unwrap();
    fields.remove(name);
    let rest = serde_json::to_string(&fields).unwrap();
    format!("{{\"{name}\":{text},{}", &rest[1..])
}

fn without(name: &str) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(GOOD).unwrap();
    fields.remove(name);
    serde_json::to_string(&fields).unwrap()
}

fn entry(text: &str) -> NewEntry {
    match record::read(text, Mode::Told, &origin()) {
        Reading::Entry(entry) => *entry,
        Reading::Nameless(nameless) => panic!("{}", nameless.reason),
    }
}

/// Why nothing at all is kept of a record.
fn nameless(text: &str) -> &'static str {
    match record::read(text, Mode::Told, &origin()) {
        Reading::Entry(_) => panic!("a record id could be read"),
        Reading::Nameless(nameless) => nameless.reason,
    }
}

#[test]
fn a_good_record_is_read_field_by_field() {
    let read = entry(GOOD);
    assert_eq!((read.epoch, read.seq, read.flaw), (0, 7, None));
    assert_eq!(read.device_time, origin().received_at);
    assert_eq!((read.direction, read.method), (Direction::In, Method::Face));
    assert_eq!((&*read.credential, read.score), ("f-1", Some(0.93)));
    assert_eq!((read.outcome, &*read.raw), (Outcome::Opened, GOOD));
    assert_eq!(entry(&without("score")).flaw, None);
    assert_eq!(entry(&with("score", "null")).score, None);
}

#[test]
fn the_hash_knows_a_duplicate_whatever_its_outcome_order_or_zone() {
    let hash = entry(GOOD).body_hash;
    let same = [
        with("outcome", "\"refused\""),
        with("credential", "\"\\u0066-1\""),
        with("device_time", "\"2026-11-23T02:00:00Z\""),
        with("device_time", "\"2026-11-23T10:00:00\""),
        with("score", "0.930"),
    ];
    for text in same {
        assert_eq!(entry(&text).body_hash, hash, "{text}");
    }
    let asked = record::read(&without("outcome"), Mode::Live, &origin());
    let Reading::Entry(asked) = asked else { panic!("a record id could be read") };
    assert_eq!((asked.body_hash, asked.outcome), (hash, Outcome::Live));
    let other = [
        with("seq", "8"),
        with("epoch", "1"),
        with("credential", "\"f-2\""),
        with("direction", "\"out\""),
        with("method", "\"card\""),
        with("score", "0.94"),
        with("device_time", "\"2026-11-23T02:00:00.001Z\""),
    ];
    for text in other {
        assert_ne!(entry(&text).body_hash, hash, "{text}");
    }
}

#[test]
fn a_bad_field_is_a_flaw_and_the_record_keeps_its_number_and_text() {
    let flaws = [
        ("score", "1.7", "bad_score"),
        ("score", "-1", "bad_score"),
        ("score", "1e999", "bad_score"),
        ("score", "\"NaN\"", "bad_score"),
        ("device_time", "1795000000000", "bad_time"),
        ("device_time", "\"yesterday\"", "bad_time"),
        ("direction", "\"up\"", "bad_direction"),
        ("method", "\"iris\"", "bad_method"),
        ("credential", "\"\"", "bad_credential"),
        ("credential", "17", "bad_credential"),
        ("credential", "\"a\\u0000b\"", "control_character"),
        ("outcome", "\"maybe\"", "bad_outcome"),
        ("outcome", "null", "bad_outcome"),
        ("minutes", "9000", "unknown_field"),
        ("score", "[[[[0]]]]", "bad_score"),
    ];
    for (name, value, flaw) in flaws {
        let text = with(name, value);
        let read = entry(&text);
        assert_eq!((read.flaw, read.seq, &*read.raw), (Some(flaw), 7, &*text), "{name} {value}");
    }
    for name in ["device_time", "direction", "method", "credential", "outcome"] {
        assert!(entry(&without(name)).flaw.is_some(), "{name}");
    }
    let twice = GOOD.replace("\"score\"", "\"method\":\"card\",\"score\"");
    assert_eq!(entry(&twice).flaw, Some("duplicate_field"));
    let long = with("credential", &format!("\"{}\"", "长".repeat(9_000)));
    assert!(entry(&long).raw.len() <= 8 * 1024);
}

#[test]
fn a_record_without_a_readable_number_takes_no_key() {
    for seq in ["9223372036854775808", "99999999999999999999999", "0", "-1", "1.5", "1e400"] {
        let reason = nameless(&with("seq", seq));
        assert!(["out_of_range", "bad_record_id"].contains(&reason), "{seq}: {reason}");
    }
    assert_eq!(nameless(&with("seq", "9223372036854775808")), "out_of_range");
    assert_eq!(nameless(&with("epoch", "-1")), "out_of_range");
    assert_eq!(nameless(&with("seq", "\"7\"")), "bad_record_id");
    assert_eq!(nameless(&without("epoch")), "bad_record_id");
    assert_eq!(nameless("[]"), "malformed");
    assert_eq!(nameless("{}"), "bad_record_id");
    let twice = GOOD.replace("\"seq\":7", "\"seq\":7,\"seq\":8");
    assert_eq!(nameless(&twice), "duplicate_field");
    assert_eq!(entry(&with("seq", "9223372036854775807")).seq, i64::MAX);
}

#[test]
fn odd_times_of_real_clocks_are_read() {
    let time = |text: &str| entry(&with("device_time", &format!("\"{text}\"")));
    let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
    let read = |text: &str| Some(time(text).device_time).filter(|_| time(text).flaw.is_none());
    assert_eq!(read("2028-02-29T23:59:59+08:00"), at("2028-02-29T15:59:59Z"));
    assert_eq!(read("2016-12-31T23:59:60Z"), at("2016-12-31T23:59:59Z"));
    assert_eq!(read("1970-01-01T00:00:00Z"), at("1970-01-01T00:00:00Z"));
    assert_eq!(read("9999-12-31T23:59:59Z"), at("9999-12-31T23:59:59Z"));
    // China's clocks jumped from 02:00 to 03:00 on 4 May 1986.
    assert_eq!(read("1986-05-04T02:30:00"), at("1986-05-03T18:30:00Z"));
    assert_eq!(time("2027-02-29T00:00:00Z").flaw, Some("bad_time"));
}

fn batch_of(items: &[&str]) -> String {
    format!("{{\"events\":[{}]}}", items.join(","))
}

fn code_of<T>(result: Result<T, Error>) -> Code {
    match result.err().unwrap() {
        Error::Malformed(code) => code,
        Error::Invalid(faults) => faults[0].code,
        other => panic!("{other}"),
    }
}

#[test]
fn a_batch_has_one_to_five_hundred_items() {
    let read = |count| batch::read(batch_of(&vec![GOOD; count]).as_bytes(), &origin());
    assert_eq!(read(500).unwrap().len(), 500);
    assert_eq!(code_of(read(501)), Code::TooManyItems);
    assert_eq!(code_of(read(0)), Code::NoItems);
    for (body, code) in [
        ("", Code::JsonSyntax),
        ("{\"events\":[", Code::JsonSyntax),
        ("[]", Code::BadTerminalBody),
        ("{\"events\":{}}", Code::BadTerminalBody),
        ("{\"events\":[],\"more\":1}", Code::BadTerminalBody),
    ] {
        assert_eq!(code_of(batch::read(body.as_bytes(), &origin())), code, "{body}");
    }
    assert_eq!(code_of(batch::read(b"{\"events\":[\"\xff\"]}", &origin())), Code::InvalidUtf8);
}

#[test]
fn a_score_that_is_no_number_spoils_only_its_own_record() {
    for word in ["NaN", "Infinity", "-Infinity"] {
        let bad = with("score", word);
        let quoted = with("credential", "\"NaN \\\" -Infinity\"");
        let body = batch_of(&[GOOD, &bad, &quoted]);
        let (entries, _) = answer::sort(batch::read(body.as_bytes(), &origin()).unwrap());
        let flaws: Vec<_> = entries.iter().map(|entry| entry.flaw).collect();
        assert_eq!(flaws, [None, Some("bad_score"), None]);
        assert_eq!(entries[2].credential, "NaN \" -Infinity");
        let asked = batch::read_one(bad.as_bytes(), &origin()).unwrap();
        assert!(matches!(asked, Reading::Entry(entry) if entry.flaw == Some("bad_score")));
    }
}

fn refusal() -> StoredDecision {
    StoredDecision {
        reason: Some(Reason::VenueClosed),
        allowed_from: Some(origin().received_at),
        ..StoredDecision::of(DecisionKind::Refused)
    }
}

#[test]
fn a_batch_is_answered_item_by_item_in_its_order() {
    let beyond = with("seq", "9223372036854775808");
    let body = batch_of(&[&beyond, GOOD, "7", &with("seq", "8")]);
    let (entries, names) = answer::sort(batch::read(body.as_bytes(), &origin()).unwrap());
    assert_eq!(entries.len(), 2);
    let parked = StoredDecision {
        quarantined: Some(Quarantine::TimeSuspect),
        ..StoredDecision::of(DecisionKind::Recorded)
    };
    let answer = Answer {
        items: vec![Recorded::Quarantined(parked), Recorded::Duplicate(refusal())],
        ack_through: Some((0, 8)),
        resend_from: None,
    };
    let shown = serde_json::to_value(EventsAnswer::new(names, answer)).unwrap();
    let item = |epoch, seq, result, reason| serde_json::json!({ "epoch": epoch, "seq": seq, "result": result, "reason": reason });
    let expected = serde_json::json!({
        "items": [
            item(Some(0), Some(9_223_372_036_854_775_808_u64), "rejected", "out_of_range"),
            item(Some(0), Some(7), "quarantined", "time_suspect"),
            item(None, None, "rejected", "malformed"),
            item(Some(0), Some(8), "duplicate", "venue_closed"),
        ],
        "ack_through": { "epoch": 0, "seq": 8 },
        "resend_from": null,
    });
    assert_eq!(shown, expected);
}

#[test]
fn a_live_question_is_answered_with_what_to_show() {
    let shown = |recorded: &Recorded, direction| {
        let (ack_through, resend_from) = (Some((0, 1)), None);
        let answer = Answer { items: vec![recorded.clone()], ack_through, resend_from };
        serde_json::to_value(DecisionAnswer::new(&answer, direction)).unwrap()
    };
    let refused = shown(&Recorded::Accepted(refusal()), Direction::In);
    assert_eq!(refused["decision"], "refused");
    assert_eq!(refused["reason"], "venue_closed");
    assert_eq!(refused["sentence"], Reason::VenueClosed.zh());
    assert_eq!(refused["sentence_en"], Reason::VenueClosed.en());
    assert_eq!(refused["allowed_from"], "2026-11-23T02:00:00Z");
    assert_eq!(refused["ack_through"]["seq"], 1);
    let granted = Recorded::Duplicate(StoredDecision::of(DecisionKind::Granted));
    let granted = shown(&granted, Direction::Out);
    assert_eq!(
        (&granted["decision"], &granted["result"]),
        (&"granted".into(), &"duplicate".into())
    );
    let flawed = shown(&Recorded::Rejected("bad_score"), Direction::In);
    assert_eq!((&flawed["decision"], &flawed["reason"]), (&"refused".into(), &"bad_score".into()));
    assert_eq!(shown(&Recorded::Conflict, Direction::In)["decision"], "refused");
}
