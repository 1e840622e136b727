//! `ZKTeco` attendance terminals.

use serde_json::{Value, json};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::TimeDelta;

use super::{
    Pairs, answers_as_sampled,
    fetchers::{FIRST, Poller, known_only_as, later, of, somebody, stands, why_it_failed},
    survives_cuts,
};
use crate::support::{TestTown, device::Bytes};

const SERIAL: &str = "0316144680030";

const PAIRS: Pairs = &[
    ("01-init.req.http", "01-init.resp.body"),
    ("02-options.req.http", "02-options.resp.body"),
    ("03-getrequest-info.req.http", "03-getrequest-info.resp.body"),
    ("04-attlog-9.req.http", "04-attlog-9.resp.body"),
    ("04b-attlog-face-255.req.http", "04b-attlog-face-255.resp.body"),
    ("05-operlog-oplog.req.http", "05-operlog-oplog.resp.body"),
    ("06-operlog-user.req.http", "06-operlog-user.resp.body"),
    ("06b-operlog-user-gb2312-name.req.http", "06b-operlog-user-gb2312-name.resp.body"),
    ("07-operlog-biophoto.req.http", "07-operlog-biophoto.resp.body"),
    ("08-biodata.req.http", "08-biodata.resp.body"),
    ("09-attphoto-binary.req.http", "09-attphoto-binary.resp.body"),
    ("10-errorlog.req.http", "10-errorlog.resp.body"),
    ("11-getrequest.req.http", "11-getrequest.idle.resp.body"),
    ("12-devicecmd-batch.req.http", "12-devicecmd-batch.resp.body"),
    ("12b-devicecmd-info-multiline.req.http", "12b-devicecmd-info-multiline.resp.body"),
    ("12c-devicecmd-shell-multiline.req.http", "12c-devicecmd-shell-multiline.resp.body"),
    ("14-post-verify-data.req.http", "14-post-verify-data.resp.body"),
    ("15-idcard-attlog.req.http", "15-idcard-attlog.resp.body"),
    ("16-aspx-variant.req.http", "16-aspx-variant.resp.body"),
    (
        "18-attlog-one-bad-row-one-space-separated.req.http",
        "18-attlog-one-bad-row-one-space-separated.resp.body",
    ),
];

#[tokio::test]
async fn every_sampled_request_gets_its_answer_claimed_or_not() {
    let town = TestTown::open().await;
    answers_as_sampled(&town, "zkteco-att", PAIRS).await;
    let venue = town.venue("健身房", json!({})).await;
    // Two persons of the rows between which a bad one stands.
    town.numbered("1003").await;
    town.numbered("1004").await;
    // Nobody tells this one whom to hold, so that its polls find nothing as in the samples.
    let body = json!({
        "protocol": "zkteco_att", "serial": SERIAL, "venue_id": venue.id, "direction": "in",
        "keeps_roster": false,
    });
    let claimed = town.office.post("/terminals/claims", &body).await.ok();
    if claimed["released"] != 0 {
        let screen = town.screen("330499").await;
        screen.shows("both visits", |shown| shown["ever"]["visits"] == 2).await;
    }
    answers_as_sampled(&town, "zkteco-att", PAIRS).await;
    town.adds_up().await;
}

#[tokio::test]
async fn a_person_whom_the_device_lacks_is_handed_over_when_asked_for() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_att", SERIAL, "in").await;
    known_only_as(&town, "1001").await;
    let get = async |path: &str| {
        Bytes::new("GET", &format!("/iclock/{path}"), b"").answered(town.address()).await
    };
    let ask = format!("cdata?SN={SERIAL}&table=RemoteAtt&PIN=1001");
    assert_eq!(get(&ask).await, "OK");
    let told = get(&format!("getrequest.aspx?SN={SERIAL}")).await;
    assert_eq!(told, "C:11:DATA UPDATE USERINFO PIN=1001\tName=\tPri=0\tGrp=1\n");
    answers_as_sampled(
        &town,
        "zkteco-att",
        &[("13-remote-att.req.http", "13-remote-att.resp.body")],
    )
    .await;
    assert!(get(&ask).await.starts_with("DATA UPDATE USERINFO PIN=1001\t"));
}

#[tokio::test]
async fn an_attendance_terminal_holds_a_face_and_tells_whom_it_saw_by_it() {
    let town = TestTown::with_wechat().await;
    let venue = town.venue("健身房", json!({})).await;
    let claimed = town.claim(&venue, "zkteco_att", "ATT-9", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    let zhang = somebody(&town).await;
    let device = Poller { town: &town, serial: "ATT-9" };

    // The person, then the face; it is there when the last line is answered.
    let lines = device.fetches().await;
    assert_eq!(of(&lines, "DATA UPDATE USERINFO ", "PIN="), [FIRST], "{lines:?}");
    assert_eq!(of(&lines, "DATA UPDATE USERINFO ", "Name="), [""], "no name without leave");
    assert_eq!(of(&lines, "DATA UPDATE BIOPHOTO ", "PIN="), [FIRST]);
    let content = of(&lines, "DATA UPDATE BIOPHOTO ", "Content=").pop().unwrap();
    assert_eq!(of(&lines, "DATA UPDATE BIOPHOTO ", "Size="), [content.len().to_string()]);
    assert!(BASE64_STANDARD.decode(&content).unwrap().starts_with(b"\xff\xd8\xff"));
    assert_eq!(stands(&zhang).await, "pending");
    device.answers(&lines, 0, "\n").await;
    assert_eq!(stands(&zhang).await, "present");

    // Whoever it knows by the face is told of by the number, with a picture that nobody keeps.
    later(&town, TimeDelta::minutes(30));
    let local = (town.now() + TimeDelta::hours(8) - TimeDelta::minutes(5)).format("%F %T");
    let row = format!("{FIRST}\t{local}\t0\t15\t0\t0\t0");
    for _ in 0..2 {
        let said = device.says("cdata?table=ATTLOG&Stamp=1", &row).await;
        assert_eq!(said, "OK: 1");
    }
    let picture = format!("BIOPHOTO PIN={FIRST}\tFileName=x.jpg\tType=9\tSize=4\tContent=/9j/");
    assert_eq!(device.says("cdata?table=OPERLOG&Stamp=1", &picture).await, "OK");
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;

    // Told of anew, it does not like the photo; and whoever takes the face back is deleted.
    town.office.post(&format!("{path}/commands"), &json!({ "kind": "refill_roster" })).await.ok();
    let lines = device.fetches().await;
    device.answers(&lines, -9, "\n").await;
    assert_eq!(stands(&zhang).await, "refused");
    assert!(why_it_failed(&town, &path).await.starts_with("照片不合格"));
    zhang.delete("/me/face").await.ok();
    later(&town, TimeDelta::seconds(40));
    let lines = device.fetches().await;
    assert_eq!(of(&lines, "DATA DELETE USERINFO ", "PIN="), [FIRST], "{lines:?}");
    device.answers(&lines, -10, "\n").await;
    assert_eq!(stands(&zhang).await, "deleted");
    town.adds_up().await;
}

#[tokio::test]
async fn the_same_rows_again_change_nothing() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_att", "ATT-1", "both").await;
    town.numbered("12").await;
    let rows = "12\t2026-11-23 08:00:00\t0\t15\t0\t0\t0\n12\t2026-11-23 08:50:00\t1\t15\t0\n";
    let path = "/iclock/cdata.aspx?SN=ATT-1&table=ATTLOG&Stamp=9999";
    for _ in 0..2 {
        let request = Bytes::new("POST", path, rows.as_bytes());
        assert_eq!(request.answered(town.address()).await, "OK: 2");
    }
    let screen = town.screen("330499").await;
    let measured = |shown: &Value| shown["today"]["minutes"]["measured"] == 50;
    assert_eq!(screen.shows("the minutes", measured).await["today"]["visits"], 1);
    town.adds_up().await;
}

#[tokio::test]
async fn no_cut_request_makes_the_server_fail() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_att", SERIAL, "both").await;
    survives_cuts(&town, "zkteco-att", |head| head).await;
}
