//! Residents prove who they are: by a register, by a photo that the register knows, each outcome a
//! thing of its own.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Resident, TestTown, document, photo::picture, registration};

#[tokio::test]
async fn the_four_outcomes_of_a_check_are_four_things() {
    let town = TestTown::with_wechat().await;
    let day = "1990-05-01".parse().unwrap();
    for (sequence, outcome) in [(12, "match"), (997, "mismatch"), (998, "no_record")] {
        let somebody = Resident::signs_in(&town, &format!("n{sequence}")).await;
        somebody.post("/members", &registration(&document(day, sequence))).await.ok();
        let said = somebody.post("/me/verification", &json!({ "method": "registry" })).await;
        assert_eq!((said.status, &said.body["outcome"]), (201, &json!(outcome)));
        let verified = if outcome == "match" { "registry" } else { "unverified" };
        assert_eq!(somebody.get("/me").await.ok()["verification"], verified);
    }
    let somebody = Resident::signs_in(&town, "away").await;
    somebody.post("/members", &registration(&document(day, 999))).await.ok();
    let ask = json!({ "method": "registry" });
    let away = somebody.post("/me/verification", &ask).await;
    assert_eq!(away.said(), (503, "realname_unavailable"));
    assert!(!away.header("retry-after").is_empty());
}

#[tokio::test]
async fn name_number_and_photo_are_checked_together_and_the_photo_is_kept_nowhere() {
    let town = TestTown::with_wechat().await;
    let day = "1990-05-01".parse().unwrap();
    let shows = async |somebody: &Resident, bytes: Vec<u8>| {
        let request = somebody.request(Method::POST, "/me/verification/photo");
        let request = request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string());
        Answer::to(request.header("Content-Type", "image/jpeg").body(bytes)).await
    };
    for (sequence, outcome, verified) in [
        (12, "match", "registry_photo"),
        (997, "mismatch", "unverified"),
        (998, "no_record", "unverified"),
    ] {
        let somebody = Resident::signs_in(&town, &format!("n{sequence}")).await;
        somebody.post("/members", &registration(&document(day, sequence))).await.ok();
        let refused = shows(&somebody, picture(300, 400)).await;
        assert_eq!(refused.said(), (403, "face_check_consent_required"));
        somebody.agrees("face_check").await.ok();
        assert_eq!(shows(&somebody, b"GIF89a".to_vec()).await.said(), (422, "photo_format"));
        let said = shows(&somebody, picture(300, 400)).await;
        assert_eq!((said.status, &said.body["outcome"]), (201, &json!(outcome)), "{}", said.text);
        assert_eq!(said.body["method"], "registry_photo");
        assert_eq!(somebody.get("/me").await.ok()["verification"], verified);
        assert_eq!(somebody.get("/me/face").await.ok()["enrolled"], false);
    }
    let somebody = Resident::signs_in(&town, "away").await;
    somebody.post("/members", &registration(&document(day, 999))).await.ok();
    somebody.agrees("face_check").await.ok();
    let away = shows(&somebody, picture(300, 400)).await;
    assert_eq!(away.said(), (503, "realname_unavailable"));
    let elsewhere = json!({ "method": "registry_photo" });
    let said = somebody.post("/me/verification", &elsewhere).await;
    assert_eq!(said.said(), (422, "invalid_value"), "a photo has a path of its own");
    // Withdrawing this one is not about the photo for doors.
    for consent in ["door_face", "off_device_face_transfer"] {
        somebody.agrees(consent).await.ok();
    }
    let request = somebody.request(Method::PUT, "/me/face").header("Idempotency-Key", "face");
    let request = request.header("Content-Type", "image/jpeg").body(picture(300, 400));
    Answer::to(request).await.ok();
    somebody.delete("/me/consents?purpose=face_check").await.ok();
    assert_eq!(somebody.get("/me/face").await.ok()["enrolled"], true);
    assert_eq!(town.store.count("SELECT COUNT(*) AS n FROM faces").await, 1);
}

#[tokio::test]
async fn a_check_wants_consent_and_comes_to_an_end() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::signs_in(&town, "zhang").await;
    let mut body = registration(&document("1990-05-01".parse().unwrap(), 997));
    body["consents"] = json!([]);
    zhang.post("/members", &body).await.ok();
    let ask = json!({ "method": "registry" });
    assert_eq!(zhang.post("/me/verification", &ask).await.said(), (403, "consent_required"));
    zhang.agrees("realname_check").await.ok();
    for _ in 0..5 {
        assert_eq!(zhang.post("/me/verification", &ask).await.status, 201);
    }
    let sixth = zhang.post("/me/verification", &ask).await;
    assert_eq!(sixth.said(), (429, "rate_limited"));
    town.is_now("2026-11-24T02:00:01Z");
    assert_eq!(zhang.post("/me/verification", &ask).await.status, 201);
}
