//! What samples of `ZKTeco` become: entries, notices, clocks.

use super::{NOTHING, Stage, answer, are_here, request, saying};
use crate::support::device::Bytes;

const ACC: &str = "3383154200002";
const ATT: &str = "0316144680030";

#[tokio::test]
async fn faces_at_an_access_terminal_are_entries_and_what_cannot_be_waits() {
    if !are_here("zkteco-acc") {
        return;
    }
    let stage = Stage::at("2026-08-20T23:30:00Z", &["1", "2"]).await;
    let door = stage.claims("zkteco_acc", ACC, "both").await;
    for name in [
        "06-rtlog-unregistered-person",
        "07-rtlog-face-in-and-out",
        "08-rtlog-startup-device-event",
        "12-tabledata-biophoto",
        "13-tabledata-attphoto",
        "14-tabledata-biodata",
        "15-tabledata-errorlog",
        "20-querydata-transaction",
        "22-enroll-bio-result",
    ] {
        // Whose pictures and templates they are is of no interest: they are sent by this one.
        let (expected, asked) =
            (answer("zkteco-acc", &format!("{name}.resp.body")), request("zkteco-acc", name));
        stage.tells(&sent_by(asked, ACC), &expected).await;
    }
    // In 2017 no terminal of ours can have been; the same row of this year is somebody unknown.
    let unknown = request("zkteco-acc", "06-rtlog-unregistered-person");
    stage.tells(&saying(unknown, "2017-01-10", "2026-01-10"), "OK").await;
    let expected = [
        "v:21|2017-01-10 11:49:32 waits: time_suspect",
        "v:21|2026-01-10 11:49:32 waits: unknown_credential",
        "v:101|2026-08-21 07:22:05 at 2026-08-20T23:22:05Z: 1, in by face: replayed, recorded, \
         opened",
        "v:102|2026-08-21 07:22:09 at 2026-08-20T23:22:09Z: 2, out by face: replayed, recorded, \
         orphan",
        "100|2026-08-21 07:20:00 at 2026-08-20T23:20:00Z: notice started, door 0",
        "error|D01E0001|123| at some time: notice error:D01E0001",
        "92|2017-01-19 15:14:48 at 2017-01-19T07:14:48Z: alarm tamper, door 1",
    ];
    stage.became(&door, &expected).await;
    stage.leaves("1", "2026-08-21T00:22:05Z").await;
    stage.stayed("1", "2026-08-20T23:22:05Z to 2026-08-21T00:22:05Z: 60 measured").await;
    stage.ends(&[]).await;
}

/// The same request from the device with this number.
fn sent_by(mut request: Bytes, serial: &str) -> Bytes {
    let (before, after) = request.head.split_once("SN=").unwrap();
    let rest = after.find(['&', ' ']).unwrap();
    request.head = format!("{before}SN={serial}{}", &after[rest..]);
    request
}

#[tokio::test]
async fn a_question_is_answered_as_sampled_and_is_an_entry_at_once() {
    if !are_here("zkteco-acc") {
        return;
    }
    let stage = Stage::at("2024-01-07T00:30:02Z", &["1001"]).await;
    let door = stage.claims("zkteco_acc", ACC, "in").await;
    let allowed = answer("zkteco-acc", "21-background-verify.allow.resp.body");
    stage.tells(&request("zkteco-acc", "21-background-verify"), &allowed).await;
    let expected = "v:asked|2024-01-07 08:30:00|1001|0|1 at 2024-01-07T00:30:00Z: 1001, in by \
                    face: live, granted, opened";
    stage.became(&door, &[expected]).await;
    stage.leaves("1001", "2024-01-07T01:30:00Z").await;
    stage.stayed("1001", "2024-01-07T00:30:00Z to 2024-01-07T01:30:00Z: 60 measured").await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn a_question_about_somebody_unknown_is_refused_as_sampled_and_waits() {
    if !are_here("zkteco-acc") {
        return;
    }
    let stage = Stage::at("2024-01-07T00:30:02Z", &[]).await;
    let door = stage.claims("zkteco_acc", ACC, "in").await;
    let denied = answer("zkteco-acc", "21-background-verify.deny.resp.body");
    stage.tells(&request("zkteco-acc", "21-background-verify"), &denied).await;
    let expected = "v:asked|2024-01-07 08:30:00|1001|0|1 waits: unknown_credential";
    stage.became(&door, &[expected]).await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn a_state_says_how_far_the_clock_is_off_and_nothing_else() {
    if !are_here("zkteco-acc") {
        return;
    }
    // Its clock shows 15:42:40 in Zhejiang, two minutes later than it is.
    let stage = Stage::at("2017-01-10T07:40:40Z", &[]).await;
    let door = stage.claims("zkteco_acc", ACC, "in").await;
    stage.tells_sample("zkteco-acc", "09-rtstate").await;
    assert_eq!(stage.seen_by_staff(&door).await["clock_offset_ms"], 120_000);
    stage.became(&door, &NOTHING).await;
    stage.ends(&[]).await;
}

#[tokio::test]
async fn what_a_device_says_of_itself_is_kept_with_it() {
    if !are_here("zkteco-acc") || !are_here("zkteco-att") {
        return;
    }
    let stage = Stage::at("2026-08-20T23:30:00Z", &[]).await;
    let registered = stage.claims("zkteco_acc", ACC, "in").await;
    let told = stage.claims("zkteco_acc", "AJI6181160001", "in").await;
    let attends = stage.claims("zkteco_att", ATT, "in").await;
    stage.tells_sample("zkteco-acc", "02-registry").await;
    stage.tells_sample("zkteco-acc", "04-options").await;
    stage.tells_sample("zkteco-att", "03-getrequest-info").await;
    for (door, firmware, faces) in [
        (&registered, "Ver 8.0.1.3-20151229", None),
        (&told, "Ver 8.0.4.1-20180102", None),
        (&attends, "Ver 2.0.12-20150625", Some(0)),
    ] {
        let id = stage.town.store.uuid(door.id);
        let query = format!("SELECT firmware, faces FROM terminals WHERE id = {id}");
        let rows = stage.town.store.rows(&query).await;
        let (said, held): (Option<String>, Option<i32>) =
            (rows[0].try_get("", "firmware").unwrap(), rows[0].try_get("", "faces").unwrap());
        assert_eq!((said.as_deref(), held), (Some(firmware), faces));
        stage.became(door, &NOTHING).await;
    }
    stage.ends(&[]).await;
}

/// What an attendance terminal tells in samples beside its entries of 2015.
const ATTENDANCE: [&str; 5] = [
    "v:12|2026-08-08 09:14:22|255|15 at 2026-08-08T01:14:22Z: 12, in by face: replayed, recorded, \
     opened",
    "v:1003|2026-08-09 10:00:00|0|1 at 2026-08-09T02:00:00Z: 1003, in by manual: replayed, \
     recorded, opened",
    "v:1004|2026-08-09 11:30:00|0|1 at 2026-08-09T03:30:00Z: 1004, in by manual: replayed, \
     recorded, opened",
    "operation|4|2015-07-30 10:22:34|14|0 at 2015-07-30T02:22:34Z: notice zk:operation:4",
    "error|D01E0001|123| at some time: notice error:D01E0001",
];

#[tokio::test]
async fn rows_of_an_attendance_terminal_are_entries_and_a_bad_one_waits() {
    if !are_here("zkteco-att") {
        return;
    }
    let stage = Stage::at("2026-08-09T04:00:00Z", &["12", "1001", "1003", "1004"]).await;
    let door = stage.claims("zkteco_att", ATT, "in").await;
    for name in [
        "04b-attlog-face-255",
        "05-operlog-oplog",
        "06-operlog-user",
        "06b-operlog-user-gb2312-name",
        "07-operlog-biophoto",
        "08-biodata",
        "09-attphoto-binary",
        "10-errorlog",
        "12-devicecmd-batch",
        "12b-devicecmd-info-multiline",
        "12c-devicecmd-shell-multiline",
        "14-post-verify-data",
        "18-attlog-one-bad-row-one-space-separated",
    ] {
        stage.tells_sample("zkteco-att", name).await;
    }
    // The bad row by its digest.
    let mut expected = vec!["v:raw:fffcbaea2b0825053227b2bd6af964a6 waits: unreadable"];
    expected.extend(ATTENDANCE);
    stage.became(&door, &expected).await;
    stage.leaves("1004", "2026-08-09T04:30:00Z").await;
    stage.stayed("1004", "2026-08-09T03:30:00Z to 2026-08-09T04:30:00Z: 60 measured").await;
    stage.ends(&[]).await;
}

/// The seconds of half past three at which 1452, then 8965, put a finger on it.
const FINGERS: [(&str, &str); 9] = [
    ("1452", "28"),
    ("1452", "29"),
    ("1452", "30"),
    ("1452", "31"),
    ("1452", "33"),
    ("1452", "34"),
    ("1452", "35"),
    ("8965", "36"),
    ("8965", "37"),
];

#[tokio::test]
async fn a_finger_put_down_again_and_again_is_one_entry() {
    if !are_here("zkteco-att") {
        return;
    }
    let stage = Stage::at("2026-07-30T07:20:00Z", &["1452", "8965"]).await;
    let door = stage.claims("zkteco_att", ATT, "in").await;
    stage.tells_sample("zkteco-att", "04-attlog-9").await;
    stage.tells_sample("zkteco-att", "15-idcard-attlog").await;
    let row =
        |year: u16, (who, second): (&str, &str)| format!("v:{who}|{year}-07-30 15:16:{second}|0|1");
    let mut expected: Vec<String> = Vec::new();
    for finger in FINGERS {
        expected.push(format!("{} waits: time_suspect", row(2015, finger)));
    }
    stage.became(&door, &expected).await;
    // The same rows of a year in which terminals of ours can have been.
    let attlog = request("zkteco-att", "04-attlog-9");
    stage.tells(&saying(attlog, "2015-", "2026-"), "OK: 9").await;
    let idcard = request("zkteco-att", "15-idcard-attlog");
    let number = String::from_utf8(idcard.body.clone()).unwrap();
    let number = number.split('\t').nth(7).unwrap().to_owned();
    stage.tells(&saying(idcard, "2015-", "2026-"), "OK: 1").await;
    let mut known = Vec::new();
    for (who, second) in FINGERS {
        let effect = if known.contains(&who) { "repeat" } else { "opened" };
        known.push(who);
        expected.push(format!(
            "{} at 2026-07-30T07:16:{second}Z: {who}, in by manual: replayed, recorded, {effect}",
            row(2026, (who, second))
        ));
    }
    stage.became(&door, &expected).await;
    stage.leaves("1452", "2026-07-30T08:16:28Z").await;
    stage.stayed("1452", "2026-07-30T07:16:28Z to 2026-07-30T08:16:28Z: 60 measured").await;
    stage.ends(&[&number]).await;
}
