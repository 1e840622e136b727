//! A terminal that nobody knows waits with its records until staff claim it.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{TestTown, device::Bytes};

fn row(serial: &str, time: &str, way: u8, index: u16) -> Bytes {
    let path = format!("/iclock/cdata?SN={serial}&table=rtlog");
    let body = format!(
        "time=2026-11-23 {time}\tpin=7\tevent=0\tinoutstatus={way}\tverifytype=15\tindex={index}"
    );
    Bytes::new("POST", &path, body.as_bytes())
}

#[tokio::test]
async fn what_an_unknown_terminal_sent_is_recorded_when_it_is_claimed() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("7").await;
    for _ in 0..2 {
        assert_eq!(row("NEW-1", "08:00:00", 0, 1).answered(town.address()).await, "OK");
    }
    row("NEW-1", "08:30:00", 1, 2).answered(town.address()).await;
    let screen = town.screen("330499").await;
    assert_eq!(screen.document().await["ever"]["visits"], 0);
    let waiting = town.office.get("/unclaimed-terminals").await.ok();
    let one = &waiting["items"][0];
    assert_eq!((&one["serial"], &one["records"]), (&json!("NEW-1"), &json!(2)));
    assert_eq!(one["protocol"], "zkteco_acc");
    let claimed = town.claim(&venue, "zkteco_acc", "NEW-1", "both").await;
    assert_eq!((&claimed["released"], &claimed["path_token"]), (&json!(2), &json!(null)));
    let measured = |shown: &Value| shown["today"]["minutes"]["measured"] == 30;
    assert_eq!(screen.shows("the minutes", measured).await["today"]["visits"], 1);
    let waiting = town.office.get("/unclaimed-terminals").await.ok();
    assert_eq!(waiting["items"], json!([]));
    row("NEW-1", "08:00:00", 0, 1).answered(town.address()).await;
    town.adds_up().await;
}

#[tokio::test]
async fn records_from_before_its_first_day_stay_where_they_are() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("7").await;
    row("NEW-1", "03:00:00", 0, 1).answered(town.address()).await;
    row("NEW-1", "08:30:00", 0, 2).answered(town.address()).await;
    let body = json!({
        "protocol": "zkteco_acc", "serial": "NEW-1", "venue_id": venue.id, "direction": "both",
        "valid_from": "2026-11-23",
    });
    let claimed = town.office.post("/terminals/claims", &body).await.ok();
    assert_eq!(claimed["released"], 2);
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
    let again = town.office.post("/terminals/claims", &body).await;
    assert_eq!(again.said(), (409, "serial_taken"));
    town.adds_up().await;
}

#[tokio::test]
async fn a_revoked_terminal_is_nobodys_again() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.numbered("7").await;
    let claimed = town.claim(&venue, "zkteco_acc", "ACC-1", "in").await;
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(town.office.delete(&path).await.status, 204);
    }
    assert_eq!(row("ACC-1", "09:00:00", 0, 1).answered(town.address()).await, "OK");
    let waiting = town.office.get("/unclaimed-terminals").await.ok();
    assert_eq!(waiting["items"][0]["serial"], "ACC-1");
    let screen = town.screen("330499").await;
    assert_eq!(screen.document().await["ever"]["visits"], 0);
    town.is_now("2026-11-24T02:00:00Z");
    let body = json!({
        "protocol": "zkteco_acc", "serial": "ACC-1", "venue_id": venue.id, "direction": "in",
    });
    let again = town.office.post("/terminals/claims", &body).await.ok();
    assert_eq!(again["id"], claimed["id"]);
    screen.shows("the visit", |shown| shown["ever"]["visits"] == 1).await;
}

#[tokio::test]
async fn a_terminal_heard_from_another_venues_network_raises_an_alarm() {
    let town = TestTown::open().await;
    let (one, other) = (town.venue("一馆", json!({})).await, town.venue("二馆", json!({})).await);
    let moved = town.claim(&one, "zkteco_acc", "ACC-1", "in").await;
    town.claim(&other, "zkteco_acc", "ACC-2", "in").await;
    let poll = |serial: &str| Bytes::new("GET", &format!("/iclock/getrequest?SN={serial}"), b"");
    poll("ACC-1").sent_from("127.0.0.1", town.address()).await;
    poll("ACC-2").sent_from("127.0.0.2", town.address()).await;
    let notices = format!("/terminals/{}/notices", moved["id"].as_str().unwrap());
    assert_eq!(town.office.get(&notices).await.ok()["items"], json!([]));
    poll("ACC-1").sent_from("127.0.0.2", town.address()).await;
    let told = town.office.get(&notices).await.ok();
    let alarm = &told["items"][0];
    assert_eq!((&alarm["kind"], &alarm["code"]), (&json!("alarm"), &json!("wrong_venue")));
}

#[tokio::test]
async fn claiming_needs_the_right_at_the_venue_and_a_serial_number() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    let body = |serial: &str| {
        json!({
            "protocol": "zkteco_acc", "serial": serial, "venue_id": venue.id, "direction": "in",
        })
    };
    let elsewhere = town.hire("community", "330499001002").await;
    assert_eq!(elsewhere.post("/terminals/claims", &body("A")).await.status, 404);
    let desk = town.hire("venue", "330499001001").await;
    assert_eq!(desk.get("/unclaimed-terminals").await.status, 403);
    assert_eq!(desk.post("/terminals/claims", &body("A")).await.status, 403);
    let bad = town.office.post("/terminals/claims", &body("a b")).await;
    assert_eq!(bad.said(), (422, "bad_serial"));
}

#[tokio::test]
async fn an_address_that_invents_terminals_is_slowed_down() {
    let town = TestTown::open().await;
    let mut taken = 0;
    loop {
        let reply = row(&format!("X-{taken}"), "08:00:00", 0, 1).sent(town.address()).await;
        if reply.status != 200 {
            assert_eq!((reply.status, reply.body.as_str()), (429, "REFUSED"));
            break;
        }
        taken += 1;
        assert!(taken < 2_000, "nobody stops it");
    }
    assert!(taken >= 100, "{taken}");
}

#[tokio::test]
async fn a_device_that_never_stops_is_slowed_down_and_its_neighbour_is_not() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    for serial in ["ACC-1", "ACC-2"] {
        town.claim(&venue, "zkteco_acc", serial, "in").await;
    }
    let poll = |serial: &str| Bytes::new("GET", &format!("/iclock/getrequest?SN={serial}"), b"");
    poll("ACC-1").answered(town.address()).await;
    let mut taken = 0;
    loop {
        let polls: Vec<_> = (0..8).map(|_| poll("ACC-1")).collect();
        let replies = join_all(polls.iter().map(|poll| poll.sent(town.address()))).await;
        let well = replies.iter().filter(|reply| reply.status == 200).count();
        taken += well;
        if well < replies.len() {
            let refused = replies.iter().find(|reply| reply.status != 200).unwrap();
            assert_eq!((refused.status, refused.body.as_str()), (429, "REFUSED"));
            break;
        }
        assert!(taken < 5_000, "nobody stops it");
    }
    assert!(taken >= 599, "a backlog comes in one record a request: {taken}");
    assert_eq!(poll("ACC-2").sent(town.address()).await.status, 200);
}

#[tokio::test]
async fn what_waits_in_quarantine_is_sealed() {
    let town = TestTown::open().await;
    let venue = town.venue("健身房", json!({})).await;
    town.claim(&venue, "zkteco_acc", "ACC-1", "in").await;
    for serial in ["ACC-1", "NEW-1"] {
        let path = format!("/iclock/cdata?SN={serial}&table=rtlog");
        let unreadable = Bytes::new("POST", &path, "name=某人\tnothing else".as_bytes());
        assert_eq!(unreadable.answered(town.address()).await, "OK");
        // Nobody has this number: it waits until somebody has.
        row(serial, "08:00:00", 0, 1).answered(town.address()).await;
    }
    let rows = town.store.rows("SELECT raw, raw_ct FROM quarantine").await;
    assert_eq!(rows.len(), 4);
    for row in rows {
        let (raw, sealed): (String, String) =
            (row.try_get("", "raw").unwrap(), row.try_get("", "raw_ct").unwrap());
        assert_eq!(raw, "");
        assert!(sealed.split('.').count() == 5 && !sealed.contains("name"), "{sealed}");
    }
}
