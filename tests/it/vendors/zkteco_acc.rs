//! `ZKTeco` access terminals.

use serde_json::{Value, json};

use super::{Pairs, answers_as_sampled, fetchers::known_only_as, survives_cuts};
use crate::support::{
    TestTown,
    device::{Bytes, sample},
};

/// Serial numbers of the samples.
const SERIALS: [&str; 5] =
    ["3383154200002", "AJI6181160001", "0316144680030", "1809140006", "5165181600015"];

const PAIRS: Pairs = &[
    ("01-connect.req.http", "01-connect.registered.resp.body"),
    ("02-registry.req.http", "02-registry.resp.body"),
    ("03-push-config.req.http", "03-push-config.resp.body"),
    ("03b-push-config-get.req.http", "03-push-config.resp.body"),
    ("04-options.req.http", "04-options.resp.body"),
    ("05-ping.req.http", "05-ping.resp.body"),
    ("06-rtlog-unregistered-person.req.http", "06-rtlog-unregistered-person.resp.body"),
    ("07-rtlog-face-in-and-out.req.http", "07-rtlog-face-in-and-out.resp.body"),
    ("08-rtlog-startup-device-event.req.http", "08-rtlog-startup-device-event.resp.body"),
    ("09-rtstate.req.http", "09-rtstate.resp.body"),
    ("10-devicecmd.req.http", "10-devicecmd.resp.body"),
    (
        "10b-devicecmd-batch-lowercase-return.req.http",
        "10b-devicecmd-batch-lowercase-return.resp.body",
    ),
    ("11-tabledata-user.req.http", "11-tabledata-user.resp.body"),
    ("12-tabledata-biophoto.req.http", "12-tabledata-biophoto.resp.body"),
    ("13-tabledata-attphoto.req.http", "13-tabledata-attphoto.resp.body"),
    ("14-tabledata-biodata.req.http", "14-tabledata-biodata.resp.body"),
    ("15-tabledata-errorlog.req.http", "15-tabledata-errorlog.resp.body"),
    ("16-getrequest.req.http", "16-getrequest.idle.resp.body"),
    ("17-rtdata-time.req.http", "17-rtdata-time.resp.body"),
    ("18-querydata-count-user.req.http", "18-querydata-count-user.resp.body"),
    ("20-querydata-transaction.req.http", "20-querydata-transaction.resp.body"),
    ("21-background-verify.req.http", "21-background-verify.deny.resp.body"),
    ("22-enroll-bio-result.req.http", "22-enroll-bio-result.resp.body"),
];

fn upload(serial: &str, table: &str, body: &str) -> Bytes {
    let path = format!("/iclock/cdata?SN={serial}&table={table}");
    Bytes::new("POST", &path, body.as_bytes())
}

#[tokio::test]
async fn every_sampled_request_gets_its_answer_and_becomes_its_event() {
    let town = TestTown::open().await;
    let unregistered = &[("01-connect.req.http", "01-connect.unregistered.resp.body")];
    answers_as_sampled(&town, "zkteco-acc", unregistered).await;
    let venue = town.venue("健身房", json!({})).await;
    let mut terminals = Vec::new();
    for serial in SERIALS {
        // Nobody tells these whom to hold, so that a poll finds nothing as in the samples.
        let body = json!({
            "protocol": "zkteco_acc", "serial": serial, "venue_id": venue.id,
            "direction": "both", "keeps_roster": false,
        });
        terminals.push(town.office.post("/terminals/claims", &body).await.ok());
    }
    // The two faces of a sample: one goes in, one out without having come.
    town.numbered("1").await;
    town.numbered("2").await;
    answers_as_sampled(&town, "zkteco-acc", PAIRS).await;
    let notices = format!("/terminals/{}/notices", terminals[0]["id"].as_str().unwrap());
    let told = town.office.get(&notices).await.ok();
    let codes: Vec<&str> =
        told["items"].as_array().unwrap().iter().map(|n| n["code"].as_str().unwrap()).collect();
    if sample("zkteco-acc", "08-rtlog-startup-device-event.req.http").is_some() {
        assert!(codes.contains(&"started") && codes.contains(&"tamper"), "{codes:?}");
    }
    if !codes.is_empty() {
        let screen = town.screen("330499").await;
        screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    }
    town.adds_up().await;
}

#[tokio::test]
async fn faces_in_and_out_become_entries_once_however_often_they_are_sent() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_acc", "ACC-1", "both").await;
    town.numbered("7").await;
    let row = |time: &str, way: u8, event: u16, index: u16| {
        format!(
            "time=2026-11-23 {time}\tpin=7\tcardno=0\teventaddr=1\tevent={event}\t\
             inoutstatus={way}\tverifytype=15\tindex={index}\r\n"
        )
    };
    let batch = [
        row("08:00:00", 0, 3, 11),
        "time=yesterday\tpin=7\tevent=0\tindex=12\r\n".to_owned(),
        row("08:30:00", 0, 22, 13),
        row("08:40:00", 1, 0, 14),
    ];
    for _ in 0..3 {
        let request = upload("ACC-1", "rtlog", &batch.concat());
        assert_eq!(request.answered(town.address()).await, "OK");
    }
    // Asked for again, the same records are known.
    let asked = "transaction cardno=0\tpin=7\tverified=15\tdoorid=1\teventtype=3\tinoutstate=0\t\
                 time_second=864374400\tindex=11";
    let path = "/iclock/querydata?SN=ACC-1&type=tabledata&cmdid=9&tablename=transaction&count=1";
    let answer = Bytes::new("POST", path, asked.as_bytes()).answered(town.address()).await;
    assert_eq!(answer, "transaction=1");
    let screen = town.screen("330499").await;
    let measured = |shown: &Value| shown["today"]["minutes"]["measured"] == 40;
    assert_eq!(screen.shows("the minutes", measured).await["today"]["visits"], 1);
    town.adds_up().await;
}

#[tokio::test]
async fn the_door_asks_and_is_told_with_a_sentence() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "zkteco_acc", "ACC-1", "in").await;
    town.numbered("1001").await;
    // It is told to leave the decision to us; what it cannot ask, it decides by what it holds.
    let commands = format!("/terminals/{}/commands", claimed["id"].as_str().unwrap());
    town.office.post(&commands, &json!({ "kind": "server_decides" })).await.ok();
    let poll = Bytes::new("GET", "/iclock/getrequest?SN=ACC-1", b"");
    let told = poll.answered(town.address()).await;
    assert_eq!(told, "C:11:SET OPTIONS AutoServerFunOn=1\n");
    let ask = async |pin: &str| {
        let record = format!(
            "time=2026-11-23 10:00:00\tpin={pin}\tcardno=0\taddrtype=2\teventaddr=1\tevent=223\t\
             inoutstatus=0\tverifytype=15"
        );
        let path = "/iclock/cdata?SN=ACC-1&AuthType=device";
        let said = Bytes::new("POST", path, record.as_bytes()).answered(town.address()).await;
        (said, record)
    };
    let (said, record) = ask("1001").await;
    let expected =
        format!("AUTH=SUCCEED\r\n{record}\r\nCONTROL DEVICE 0101010500\r\nTIPS=欢迎，请进。");
    assert_eq!(said, expected);
    let (said, record) = ask("1002").await;
    assert!(said.starts_with(&format!("AUTH=FAILED\r\n{record}\r\n\r\nTIPS=没有认出您")), "{said}");
    let screen = town.screen("330499").await;
    screen.shows("one inside", |shown| shown["inside"] == 1).await;
}

#[tokio::test]
async fn a_clock_that_is_four_minutes_fast_is_measured_and_corrected() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_acc", "ACC-1", "in").await;
    town.numbered("7").await;
    for _ in 0..2 {
        let state = "time=2026-11-23 10:04:00\tsensor=00\trelay=00\talarm=0000000000000000";
        assert_eq!(upload("ACC-1", "rtstate", state).answered(town.address()).await, "OK");
    }
    let list = town.office.get("/terminals").await.ok();
    assert_eq!(list["items"][0]["clock_offset_ms"], 240_000);
    let row = "time=2026-11-23 10:04:00\tpin=7\tevent=0\tinoutstatus=0\tverifytype=15\tindex=1";
    upload("ACC-1", "rtlog", row).answered(town.address()).await;
    let screen = town.screen("330499").await;
    let shown = screen.shows("one inside", |shown| shown["inside"] == 1).await;
    assert_eq!(shown["latest"][0]["at"], "2026-11-23T02:00:00Z");
}

#[tokio::test]
async fn a_device_that_has_sent_nothing_old_for_ten_minutes_has_nothing_left() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_acc", "ACC-1", "in").await;
    let polls_at = async |time: &str| {
        town.is_now(&format!("2026-11-23T{time}Z"));
        Bytes::new("GET", "/iclock/getrequest?SN=ACC-1", b"").answered(town.address()).await;
        town.office.get("/terminals").await.ok()["items"][0]["watermark_at"].clone()
    };
    assert_eq!(polls_at("02:00:00").await, json!(null));
    assert_eq!(polls_at("02:06:00").await, json!(null), "its backlog may still come");
    assert_eq!(polls_at("02:12:00").await, "2026-11-23T02:02:00Z");
    // Hours without a word, and then a poll: it proves nothing yet.
    assert_eq!(polls_at("05:00:00").await, "2026-11-23T02:02:00Z");
    let row = "time=2026-11-23 11:00:00\tpin=7\tevent=0\tverifytype=15\tindex=1";
    town.is_now("2026-11-23T05:05:00Z");
    upload("ACC-1", "rtlog", row).answered(town.address()).await;
    assert_eq!(polls_at("05:12:00").await, "2026-11-23T02:02:00Z", "an old record has just come");
    assert_eq!(polls_at("05:16:00").await, "2026-11-23T05:06:00Z");
}

#[tokio::test]
async fn whoever_may_enter_is_told_to_the_device_and_forgotten_first() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let id =
        town.claim(&venue, "zkteco_acc", "ACC-1", "in").await["id"].as_str().unwrap().to_owned();
    let poll = async || {
        Bytes::new("GET", "/iclock/getrequest?SN=ACC-1", b"").answered(town.address()).await
    };
    assert_eq!(poll().await, "OK");
    let member = known_only_as(&town, "1001").await;
    town.is_now("2026-11-23T02:05:00Z");
    let told = poll().await;
    let expected = "C:11:DATA UPDATE user CardNo=\tPin=1001\tPassword=\tGroup=0\tStartTime=0\t\
        EndTime=0\tName=\tPrivilege=0\nC:12:DATA UPDATE userauthorize Pin=1001\t\
        AuthorizeTimezoneId=1\tAuthorizeDoorId=1\tDevID=1\n";
    assert_eq!(told, expected);
    if let Some(sampled) = sample("zkteco-acc", "16-getrequest.provision-person.resp.body") {
        // The sample's own numbers, its password and its picture aside.
        let sampled = String::from_utf8(sampled).unwrap();
        let sampled: String = sampled.split_inclusive('\n').take(2).collect();
        let sampled = sampled.replace("C:295:", "C:11:").replace("C:296:", "C:12:");
        assert_eq!(told, sampled.replace("=234", "=").replace("Pin=1\t", "Pin=1001\t"));
    }
    let settle = async |body: &str| {
        let request = Bytes::new("POST", "/iclock/devicecmd?SN=ACC-1", body.as_bytes());
        assert_eq!(request.answered(town.address()).await, "OK");
    };
    settle("ID=11&Return=0&CMD=DATA UPDATE\nID=12&Return=0&CMD=DATA UPDATE\nID=99&Return=0").await;
    let roster = town.office.get(&format!("/terminals/{id}/roster")).await.ok();
    assert_eq!(roster["items"], json!([{ "state": "held", "persons": 1 }]));
    assert_eq!(poll().await, "OK");
    let refilled = town
        .office
        .post(&format!("/terminals/{id}/commands"), &json!({"kind": "refill_roster"}))
        .await;
    refilled.ok();
    assert!(poll().await.starts_with("C:21:DATA UPDATE user CardNo=\tPin=1001\t"));
    settle("ID=21&Return=0\nID=22&Return=0").await;
    let withdrawn = json!({
        "purpose": "door_face", "granted": false, "at": "2026-11-23T02:06:00Z",
    });
    town.is_now("2026-11-23T02:10:00Z");
    town.office.post(&format!("/members/{member}/consents"), &withdrawn).await.ok();
    let told = poll().await;
    assert_eq!(told.lines().count(), 3, "{told}");
    if let Some(sampled) = sample("zkteco-acc", "16-getrequest.revoke-person.resp.body") {
        let sampled = String::from_utf8(sampled).unwrap();
        let numbered = [("340", "31"), ("341", "32"), ("342", "33")];
        let sampled = numbered.iter().fold(sampled, |text, (from, to)| text.replace(from, to));
        assert_eq!(told, sampled.replace("in=1\n", "in=1001\n").replace("IN=1\n", "IN=1001\n"));
    }
    settle("ID=31&Return=0\nID=32&Return=0\nID=33&Return=-27").await;
    let roster = town.office.get(&format!("/terminals/{id}/roster")).await.ok();
    assert_eq!(roster["items"], json!([]));
    assert_eq!(poll().await, "OK");
}

#[tokio::test]
async fn no_cut_request_makes_the_server_fail() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_acc", "3383154200002", "both").await;
    survives_cuts(&town, "zkteco-acc", |head| head).await;
    for bad in ["", "SN=", "SN=a%20b", "SN=%ff", "table=rtlog"] {
        let reply =
            Bytes::new("POST", &format!("/iclock/cdata?{bad}"), b"x").sent(town.address()).await;
        assert_eq!((reply.status, reply.body.as_str()), (422, "REFUSED"), "{bad}");
    }
    let nowhere = Bytes::new("GET", "/iclock/exchange?SN=ACC-1&type=publickey", b"");
    assert_eq!(nowhere.sent(town.address()).await.status, 404);
}
