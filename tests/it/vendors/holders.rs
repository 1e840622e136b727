//! Terminals that are called, of every such family: who may enter is written to them with their
//! faces, deleted, listed and compared.

use std::sync::Arc;

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, matchers::any};

use super::{
    fakes::FakeDevice,
    fetchers::{masked_name, somebody},
};
use crate::support::{Resident, TestTown, eventually};

/// Sets where a terminal is called.
pub async fn reaches(town: &TestTown, path: &str, address: &str, stream: bool) {
    let access =
        json!({ "address": address, "user": "admin", "password": "secret1", "stream": stream });
    assert_eq!(town.office.put(&format!("{path}/access"), &access).await.status, 204);
}

/// A device that is told who may enter: two numbers, of whom it refuses one, and a face.
async fn is_told(family: &'static str) {
    let town = TestTown::with_wechat().await;
    let (mind, server) = (Arc::default(), MockServer::start().await);
    let fake = FakeDevice { family, mind };
    Mock::given(any()).respond_with(fake.clone()).mount(&server).await;
    let venue = town.venue("健身房", json!({})).await;
    let body = json!({
        "protocol": family, "serial": "1434281", "venue_id": venue.id, "direction": "in",
        "keeps_roster": true,
    });
    let claimed = town.office.post("/terminals/claims", &body).await.ok();
    let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
    town.numbered("1001").await;
    town.numbered("1002").await;
    let zhang = somebody(&town).await;
    {
        let mut mind = fake.mind.lock().unwrap();
        mind.refused.push("1002".into());
        // Somebody of the venue's own, whom we never told it of.
        mind.persons.insert("77".into(), 1);
    }
    reaches(&town, &path, &server.address().to_string(), false).await;
    let held = eventually("everybody but one is there", async || {
        let held = fake.holds();
        let picture = held.iter().find(|number| number.len() >= 16)?.clone();
        (held.len() == 3 && fake.face_of(&picture) > 1_000).then_some(picture)
    })
    .await;
    assert_eq!(fake.face_of("1001"), 0, "whoever gave no photo is enrolled at the device");
    let refused = eventually("the refusal is known", async || {
        let listed = town.office.get(&format!("{path}/commands")).await.ok();
        let items = listed["items"].as_array().unwrap().clone();
        items.into_iter().find(|one| one["status"] == "failed")
    })
    .await;
    assert!(refused["detail"].as_str().unwrap().starts_with("人脸重复"), "{refused}");
    assert_eq!(fake.name_of(&held), if family == "hikvision" { "" } else { &held });
    is_told_names(&town, &path, &fake, &zhang, &held).await;
    if family == "dahua" {
        enters_by_number(&town, &claimed, &held).await;
    }

    // Whoever takes their face back is deleted, and the receipt says so.
    zhang.delete("/me/face").await;
    town.clock.set(town.now() + chrono::TimeDelta::seconds(40));
    eventually("the face is deleted", async || (!fake.holds().contains(&held)).then_some(())).await;
    let receipts = "SELECT COUNT(*) AS n FROM handle_receipts WHERE result = 'removed'";
    eventually("the receipt is kept", async || {
        (town.store.count(receipts).await == 1).then_some(())
    })
    .await;

    // Blank again, and a day later filled again; the venue's own person is only counted.
    fake.mind.lock().unwrap().persons.retain(|number, _| number == "77");
    town.clock.set(town.now() + chrono::TimeDelta::hours(21));
    eventually("the blank device is filled again", async || {
        (fake.holds() == ["1001", "77"]).then_some(())
    })
    .await;
    let ledger = town.office.get("/terminal-ledger").await.ok();
    let line = &ledger["items"][0];
    assert!(line["roster_mismatch"].as_i64().unwrap() >= 1, "{line}");
    assert!(line["roster_compared_at"].is_string(), "{line}");
}

/// Names go where the venue wants them, and away again.
async fn is_told_names(
    town: &TestTown,
    path: &str,
    fake: &FakeDevice,
    zhang: &Resident,
    held: &str,
) {
    let without = fake.name_of(held);
    let name = masked_name(town, zhang).await;
    for (names, shown) in [("utf8", &name), ("none", &without)] {
        let body = json!({ "names": names });
        assert_eq!(town.office.put(&format!("{path}/names"), &body).await.status, 204);
        eventually("the name is as the venue wants it", async || {
            (fake.name_of(held) == *shown).then_some(())
        })
        .await;
    }
}

/// Whoever is known at the device by a number that was made of their face's handle.
async fn enters_by_number(town: &TestTown, claimed: &Value, number: &str) {
    let path = format!("/dahua/{}", claimed["path_token"].as_str().unwrap());
    let event = json!({ "Events": [{ "Code": "AccessControl", "Data": {
        "UserID": number, "Method": 15, "Status": 1, "Door": 0, "Type": "Entry",
        "RealUTC": town.now().timestamp(),
    } }] });
    let request = crate::support::device::Bytes::new("POST", &path, event.to_string().as_bytes());
    for _ in 0..2 {
        request.answered(town.address()).await;
    }
    let screen = town.screen("330499").await;
    screen.shows("one visit", |shown| shown["ever"]["visits"] == 1).await;
}

/// However a family says it: a device that refuses our login twice is left alone.
#[tokio::test]
async fn a_device_that_does_not_take_our_password_is_left_alone() {
    for family in ["hq", "uniubi"] {
        let town = TestTown::open().await;
        let server = MockServer::start().await;
        let fake = FakeDevice { family, mind: Arc::default() };
        Mock::given(any()).respond_with(fake).mount(&server).await;
        let venue = town.venue("健身房", json!({})).await;
        let claimed = town.claim(&venue, family, "1434281", "in").await;
        let path = format!("/terminals/{}", claimed["id"].as_str().unwrap());
        let access = json!({ "address": server.address().to_string(), "user": "admin",
            "password": "wrong" });
        assert_eq!(town.office.put(&format!("{path}/access"), &access).await.status, 204);
        let commands = format!("{path}/commands");
        for _ in 0..3 {
            town.office.post(&commands, &json!({ "kind": "restart" })).await.ok();
        }
        eventually("two are given up", async || {
            let listed = town.office.get(&commands).await.ok();
            let status = |n: usize| listed["items"][n]["status"].clone();
            (status(2) == "failed" && status(1) == "failed")
                .then(|| assert_eq!(status(0), "queued"))
        })
        .await;
        assert_eq!(server.received_requests().await.unwrap().len(), 2, "{family}");
    }
}

#[tokio::test]
async fn a_hikvision_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("hikvision").await;
}

#[tokio::test]
async fn a_dahua_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("dahua").await;
}

#[tokio::test]
async fn a_uniubi_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("uniubi").await;
}

#[tokio::test]
async fn an_hq_device_is_told_who_may_enter_and_filled_again_when_blank() {
    is_told("hq").await;
}
