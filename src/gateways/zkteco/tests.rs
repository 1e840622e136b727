//! What the bytes of these devices become; samples composed from the documented forms.

use super::{acc, att, codes, config, orders, results};
use crate::{
    base::ids::{Direction, Method},
    gateways::{
        facts::{Fact, Passed, Seen},
        holders::Holder,
        mutations::{samples, survive},
        text::Pairs,
    },
    terminals::{
        Family,
        commands::{Command, Order},
        notices::NoticeKind,
    },
};

const ENTRY: &[u8] =
    b"time=2026-11-23 10:00:00\tpin=7\tcardno=0\teventaddr=1\tevent=0\tinoutstatus=0\t\
    verifytype=15\tindex=5\r\n";

fn seen(fact: &Fact) -> &Seen {
    match fact {
        Fact::Entry(seen) => seen,
        other => panic!("{other:?}"),
    }
}

fn words(facts: &[Fact]) -> Vec<&'static str> {
    let word = |fact: &Fact| match fact {
        Fact::Entry(seen) if seen.passed == Passed::Refused => "refused",
        Fact::Entry(_) => "entry",
        Fact::Notice(said) if said.kind == NoticeKind::Alarm => "alarm",
        Fact::Notice(_) => "notice",
        Fact::Unreadable(_) => "unreadable",
    };
    facts.iter().map(word).collect()
}

#[test]
fn a_record_of_an_access_terminal_is_an_entry() {
    let facts = acc::events(ENTRY);
    let one = seen(&facts[0]);
    assert_eq!((one.key.as_str(), one.order), ("5|2026-11-23 10:00:00", 5));
    assert_eq!((one.method, one.direction), (Method::Face, Some(Direction::In)));
    let person = one.person.as_ref().unwrap();
    assert_eq!((person.held_as, person.handle.as_str()), (Method::Face, "7"));
    assert_eq!(one.passed, Passed::Opened);
}

#[test]
fn rows_are_told_apart_and_a_bad_one_spoils_no_other() {
    let rows = [
        "time=2026-11-23 10:00:00\tpin=7\tevent=22\tindex=1",
        "time=2026-11-23 10:00:00\tpin=0\tcardno=0\tevent=27\tindex=2",
        "time=2026-11-23 10:00:00\tpin=0\tevent=102\tindex=3",
        "time=2026-11-23 10:00:00\tpin=0\tevent=206\tindex=4",
        "time=2026-13-23 10:00:00\tpin=7\tevent=0\tindex=5",
        "time=2026-11-23 10:00:00\tpin=7 8\tevent=0\tindex=6",
        "time=2026-11-23 10:00:00\tpin=7\tevent=x\tindex=7",
        "time=2026-11-23 10:00:00\tpin=0\tcardno=123\tevent=0\tindex=8\tnew=1",
        "\u{0}",
    ];
    let facts = acc::events(rows.join("\n").as_bytes());
    let expected = [
        "refused",
        "refused",
        "alarm",
        "notice",
        "unreadable",
        "unreadable",
        "unreadable",
        "entry",
        "unreadable",
    ];
    assert_eq!(words(&facts), expected);
    assert_eq!(seen(&facts[1]).person, None);
    assert_eq!(seen(&facts[7]).person.as_ref().unwrap().held_as, Method::Card);
}

#[test]
fn a_record_that_is_asked_for_is_the_one_that_was_pushed() {
    let asked = b"transaction cardno=0\tpin=7\tverified=15\tdoorid=1\teventtype=0\tinoutstate=0\t\
        time_second=864381600\tindex=5\tsitecode=0\tdevid=1\tsn=1";
    let pushed =
        b"time=2026-11-23 10:00:00\tpin=7\tcardno=0\teventaddr=1\tevent=0\tinoutstatus=0\t\
        verifytype=15\tindex=5";
    assert_eq!(acc::transactions(asked), acc::events(pushed));
}

#[test]
fn rows_of_attendance_come_in_three_shapes() {
    let rows = b"12\t2026-11-23 09:14:22\t255\t15\t0\t0\t0\r\nPIN=12\tTime=2026-11-23 09:14:22\t\
        Status=255\tVerifyMode=15\n12 2026-11-23 09:14:22 255 15\n12\tyesterday\t0\t1\n\
        12\t2026-11-23 09:14:23\n\t\n";
    let facts = att::records(rows);
    assert_eq!(words(&facts), ["entry", "entry", "entry", "unreadable", "entry", "unreadable"]);
    assert_eq!((&facts[0], &facts[0]), (&facts[1], &facts[2]));
    assert_eq!((seen(&facts[0]).method, seen(&facts[0]).direction), (Method::Face, None));
}

#[test]
fn persons_and_pictures_of_an_operation_log_are_counted_and_dropped() {
    let body =
        b"USER PIN=1\tName=\xd5\xc5\xc8\xfd\tPri=0\nOPLOG 4\t14\t2026-11-23 10:22:34\t0\t0\n\
        FP PIN=1\tTMP=AAAA\nWHAT 1\n";
    let (facts, rows) = att::table("OPERLOG", body);
    assert_eq!((words(&facts), rows), (vec!["notice", "unreadable"], 4));
    assert!(!att::has_pictures(body) && att::has_pictures(b"BIOPHOTO PIN=1\tContent=AA"));
    assert_eq!(
        att::info("Ver 2.0,1,2,3,1.1.1.1,10,7,15,42,111"),
        (Some("Ver 2.0".into()), Some(42))
    );
    assert_eq!(att::info(""), (None, None));
}

#[test]
fn results_come_on_one_line_on_many_or_in_the_query() {
    let read = |query: &str, body: &[u8]| -> Vec<(String, i64)> {
        let query = Pairs::of_query(query);
        results::results(&query, body).into_iter().map(|r| (r.id, r.code)).collect()
    };
    let one = |id: &str, code: i64| (id.to_owned(), code);
    assert_eq!(read("", b"ID=1&Return=0&CMD=DATA UPDATE"), [one("1", 0)]);
    let batch = b"ID=295&return=0&CMD=DATA\r\nID=296&return=-629&CMD=DATA\nrest\n";
    assert_eq!(read("", batch), [one("295", 0), one("296", -629)]);
    let free = b"ID=32\nReturn=0\nCMD=Shell\nContent=ID=9\nReturn=5\n";
    assert_eq!(read("", free), [one("32", 0)]);
    assert_eq!(read("ID=8&Return=-1&CMD=x", b""), [one("8", -1)]);
    assert_eq!(read("", b"nothing"), []);
}

#[test]
fn an_order_is_done_with_its_last_line_and_failed_with_any() {
    let hold = Order::HoldPerson { handle: "7".into() };
    let done = |order: &Order, place, code| {
        orders::verdict(Family::ZktecoAcc, order, place, code).map(|result| result.done)
    };
    assert_eq!([done(&hold, 1, 0), done(&hold, 2, 0)], [None, Some(true)]);
    assert_eq!([done(&hold, 1, -629), done(&hold, 2, -5000)], [Some(false), None]);
    // With a photo the lines have other places, and the last one is another.
    let with_photo = [4, 5, 6].map(|place| done(&hold, place, 0));
    assert_eq!(with_photo, [None, None, Some(true)]);
    let told = |family, code| orders::verdict(family, &hold, 1, code).unwrap().detail.unwrap();
    assert!(told(Family::ZktecoAcc, -30).starts_with("照片不合格"));
    assert!(told(Family::ZktecoAtt, -1001).starts_with("设备已满"));
    assert!(orders::bad_face("D01E0003").unwrap().detail.unwrap().ends_with("D01E0003"));
    assert_eq!(orders::bad_face("-1"), None);
    let remove = Order::RemovePerson { handle: "7".into() };
    assert_eq!([done(&remove, 3, -27), done(&remove, 1, -27)], [Some(true), None]);
    assert_eq!(orders::number_of("2951"), Some((295, 1)));
    assert_eq!((orders::number_of("info8487"), orders::number_of("-1")), (None, None));
}

/// The lines of an order without their ids.
fn words_of(family: Family, order: Order, holder: &Holder) -> Vec<String> {
    let command = Command { id: uuid::Uuid::nil(), number: 29, order, steps_done: 0 };
    let (zone, now) = (chrono_tz::Tz::Asia__Shanghai, chrono::DateTime::UNIX_EPOCH);
    let text = orders::lines(family, &command, Some(holder), zone, now);
    text.lines().map(|line| line.splitn(3, ':').nth(2).unwrap().to_owned()).collect()
}

#[test]
fn persons_are_told_and_deleted_as_in_the_samples() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let photo = BASE64_STANDARD.decode("/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==").unwrap();
    let holder = Holder { number: "1".into(), name: String::new(), photo: Some(photo) };
    let of_family = |order| words_of(Family::ZktecoAcc, order, &holder);
    let hold = of_family(Order::HoldPerson { handle: "x".into() });
    let remove = of_family(Order::RemovePerson { handle: "x".into() });
    assert_eq!((hold.len(), remove.len()), (3, 3));
    for bytes in samples("zkteco-acc") {
        let text = String::from_utf8_lossy(&bytes);
        let lines = || text.lines().map(|line| line.splitn(3, ':').nth(2).unwrap_or_default());
        if text.starts_with("C:295:") {
            // Nobody has a password here.
            let sampled: Vec<String> =
                lines().map(|l| l.replace("Password=234", "Password=")).collect();
            assert_eq!(hold, sampled);
        }
        if text.starts_with("C:340:") {
            assert_eq!(remove, lines().collect::<Vec<_>>());
        }
    }
}

#[test]
fn attendance_terminals_are_told_as_in_the_samples() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let photo = BASE64_STANDARD.decode("/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==").unwrap();
    let holder = Holder { number: "9001".into(), name: "TEST ONE".into(), photo: Some(photo) };
    let of_family = |order| words_of(Family::ZktecoAtt, order, &holder);
    let told = [
        of_family(Order::HoldPerson { handle: "x".into() }),
        of_family(Order::RemovePerson { handle: "x".into() }),
        of_family(Order::OpenDoor { seconds: 5 }),
    ];
    assert_eq!(told.each_ref().map(Vec::len), [2, 1, 1]);
    for bytes in samples("zkteco-att").iter().filter(|bytes| bytes.starts_with(b"C:")) {
        let text = String::from_utf8_lossy(bytes);
        let sampled: Vec<&str> =
            text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).collect();
        assert!(told.iter().any(|lines| *lines == sampled), "{text}");
    }
}

#[test]
fn no_order_carries_a_line_end() {
    let now = chrono::DateTime::from_timestamp_millis(1_795_000_000_000).unwrap();
    let handle = || "7".to_owned();
    let holder = Holder { number: "7".into(), photo: Some(vec![1; 99]), ..Holder::default() };
    for family in [Family::ZktecoAcc, Family::ZktecoAtt] {
        for order in [
            Order::OpenDoor { seconds: 5 },
            Order::Restart,
            Order::SyncTime,
            Order::QueryRecords { from: now, to: now },
            Order::HoldPerson { handle: handle() },
            Order::RemovePerson { handle: handle() },
            Order::ListPersons,
            Order::ServerDecides { on: true },
        ] {
            let command = Command { id: uuid::Uuid::nil(), number: 22, order, steps_done: 0 };
            let zone = chrono_tz::Tz::Asia__Shanghai;
            let told = orders::lines(family, &command, Some(&holder), zone, now);
            assert!(told.lines().all(|line| line.starts_with("C:22")), "{told}");
            assert!(!told.contains('\r') && told.ends_with('\n'), "{told}");
        }
    }
    assert!(config::registered("a", "b").starts_with("registry=ok\n"));
    assert_eq!(codes::word(206), "started");
}

#[test]
fn a_list_gives_numbers_and_errors_their_commands() {
    let list = b"user uid=1\tcardno=\tpin=7\tname=x\r\nuser uid=2\tpin=900000001\nuser pin=\n7";
    assert_eq!(acc::pins(list).into_iter().collect::<Vec<_>>(), ["7", "900000001"]);
    let errors = b"errorlog errcode=D01E0001\terrmsg=\tdataorigin=cmd\tcmdid=226\tadditional=\n\
        errorlog errcode=D01E0001\tdataorigin=dev\tcmdid=0";
    assert_eq!(acc::errors_of_commands(errors), [("226".into(), "D01E0001".into())]);
}

/// All that a request to these devices' paths goes through.
#[test]
fn no_mutation_stops_the_parsers_of_access_terminals() {
    let other = b"errorlog errcode=D01E0001\terrmsg=\tdataorigin=cmd\tcmdid=1\tadditional=";
    survive("zkteco_acc", &[ENTRY.to_vec(), other.to_vec()]);
}

#[test]
fn no_mutation_stops_the_parsers_of_attendance_terminals() {
    let rows = b"12\t2026-11-23 09:14:22\t255\t15\t0\t0\t0\r\n1 2026-11-23 09:14:22 0 1\n";
    let log = b"USER PIN=1\tName=\xd5\xc5\nOPLOG 4\t14\t2026-11-23 10:22:34\t0\t0\n";
    survive("zkteco_att", &[rows.to_vec(), log.to_vec()]);
}

#[test]
fn no_mutation_stops_the_readers_of_results_and_queries() {
    let results = b"ID=295&return=0&CMD=DATA\r\nID=296&return=-629&CMD=DATA\nrest\n";
    survive("zkteco_results", &[results.to_vec()]);
}
