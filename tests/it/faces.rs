//! Faces: by consent, drawn anew, sealed apart, and gone when the consent is.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Answer, Resident, Terminal, TestTown, eventually,
    photo::{CANARY, picture as photo},
};

async fn sends(resident: &Resident, content_type: &str, bytes: &[u8]) -> Answer {
    let request = resident.request(Method::PUT, "/me/face");
    let request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
    Answer::to(request.header("Content-Type", content_type).body(bytes.to_vec())).await
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn a_face_is_taken_only_with_both_consents() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let picture = photo(600, 800);
    for consent in ["door_face", "off_device_face_transfer"] {
        let refused = sends(&zhang, "image/jpeg", &picture).await;
        assert_eq!(refused.said(), (403, "face_consent_required"));
        zhang.agrees(consent).await.ok();
    }
    let taken = sends(&zhang, "image/jpeg", &picture).await;
    assert_eq!((taken.status, &taken.body["enrolled"]), (200, &json!(true)), "{}", taken.text);
    assert_eq!((&taken.body["width"], &taken.body["height"]), (&json!(480), &json!(640)));
    let own = zhang.request(Method::GET, "/me/face/photo").send().await.unwrap();
    assert_eq!(own.headers()["content-type"], "image/jpeg");
    let kept = own.bytes().await.unwrap();
    assert!(kept.starts_with(&[0xff, 0xd8, 0xff]) && !has(&kept, CANARY));
    let li = Resident::registers(&town, "li").await;
    assert_eq!(li.get("/me/face").await.ok()["enrolled"], false);
    assert_eq!(li.get("/me/face/photo").await.said(), (404, "not_found"));

    zhang.delete("/me/consents?purpose=off_device_face_transfer").await.ok();
    assert_eq!(zhang.get("/me/face").await.ok()["enrolled"], false, "gone with the consent");
    assert_eq!(zhang.get("/me/face/photo").await.said(), (404, "not_found"));
}

#[tokio::test]
async fn what_is_no_photo_is_refused() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    for consent in ["door_face", "off_device_face_transfer"] {
        zhang.agrees(consent).await.ok();
    }
    let good = photo(300, 400);
    let large = [&good[..], &vec![0; 3 * 1024 * 1024]].concat();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    for (content_type, bytes, said) in [
        ("image/png", &good, (415, "photo_format")),
        ("application/json", &good, (415, "photo_format")),
        ("image/jpeg", &svg, (422, "photo_format")),
        ("image/jpeg", &good[..200].to_vec(), (422, "photo_format")),
        ("image/jpeg", &Vec::new(), (422, "photo_format")),
        ("image/jpeg", &photo(100, 100), (422, "photo_size")),
        ("image/jpeg", &photo(5000, 300), (422, "photo_size")),
        ("image/jpeg", &large, (413, "body_too_large")),
    ] {
        assert_eq!(sends(&zhang, content_type, bytes).await.said(), said, "{content_type}");
    }
    assert_eq!(zhang.get("/me/face").await.ok()["enrolled"], false);
}

#[tokio::test]
async fn photos_go_to_terminals_by_consent_and_every_deletion_is_proved() {
    let town = TestTown::with_wechat().await;
    let (venue, door) = town.gym().await;
    let other = town.terminal(&venue, "in").await;
    let zhang = Resident::registers(&town, "zhang").await;
    for consent in ["door_face", "off_device_face_transfer"] {
        zhang.agrees(consent).await.ok();
    }
    sends(&zhang, "image/jpeg", &photo(600, 800)).await.ok();
    let roster = reads(&door, "/api/v1/terminal/roster").await.ok();
    assert!(roster["hold_until"].as_str().unwrap().starts_with("2026-11-30T02:00:00"), "{roster}");
    let (member, handle) = (&roster["members"][0]["member"], &roster["members"][0]["handle"]);
    let path = format!("/api/v1/terminal/roster/photos/{}", handle.as_str().unwrap());
    assert_eq!(stands(&zhang).await, [("pending".into(), false), ("pending".into(), false)]);
    let handed = reads(&door, &path).await;
    assert_eq!((handed.status, handed.header("content-type")), (200, "image/jpeg"));
    let unknown = "/api/v1/terminal/roster/photos/nobody";
    assert_eq!(reads(&door, unknown).await.said(), (404, "not_found"));
    tells(&door, json!({ "member": member, "handle": handle, "result": "added" })).await;
    tells(&other, json!({ "member": member, "handle": handle, "result": "no_face" })).await;
    let seen = stands(&zhang).await;
    assert!(seen.contains(&("present".into(), true)) && seen.contains(&("refused".into(), true)));

    town.is_now("2026-11-23T02:05:00Z");
    zhang.delete("/me/consents?purpose=door_face").await.ok();
    assert_eq!(reads(&door, &path).await.said(), (404, "not_found"), "without the consent");
    let left = town.store.count("SELECT COUNT(*) AS n FROM faces").await;
    assert_eq!(left, 0, "deleted here at once");
    let removals = reads(&door, "/api/v1/terminal/roster").await.ok();
    assert_eq!(&removals["removals"][0]["handle"], handle, "queued at the terminal");
    assert_eq!(stands(&zhang).await, [("deleting".into(), true), ("deleting".into(), true)]);
    // Somebody else's terminal, a foreign handle: no proof.
    let li = Resident::registers(&town, "li").await.id().await;
    tells(&door, json!({ "member": li, "handle": handle, "result": "removed" })).await;
    assert_eq!(stands(&zhang).await, [("deleting".into(), true), ("deleting".into(), true)]);
    town.is_now("2026-11-23T02:06:00Z");
    tells(&door, json!({ "member": member, "handle": handle, "result": "removed" })).await;
    tells(&other, json!({ "member": member, "result": "removed" })).await;
    assert_eq!(stands(&zhang).await, [("deleted".into(), true), ("deleted".into(), true)]);
    let shown = zhang.get("/me/face").await.ok();
    assert_eq!(shown["terminals"][0]["at"], "2026-11-23T02:06:00Z", "{shown}");
    assert_eq!(shown["enrolled"], false);
}

async fn reads(door: &Terminal, path: &str) -> Answer {
    door.sends(&door.envelope(), Method::GET, path, "").await
}

async fn tells(door: &Terminal, receipt: Value) {
    let body = json!({ "receipts": [receipt] });
    assert_eq!(door.post("/api/v1/terminal/roster/receipts", &body).await.status, 204);
}

/// The state at each terminal, and whether it is dated.
async fn stands(resident: &Resident) -> Vec<(String, bool)> {
    let shown = resident.get("/me/face").await.ok();
    let one = |door: &Value| (door["state"].as_str().unwrap().to_owned(), !door["at"].is_null());
    shown["terminals"].as_array().unwrap().iter().map(one).collect()
}

#[tokio::test]
async fn a_relayed_photo_stays_here_only_until_every_terminal_has_it() {
    let town = TestTown::relaying_faces().await;
    let (venue, door) = town.gym().await;
    let other = town.terminal(&venue, "in").await;
    let zhang = Resident::registers(&town, "zhang").await;
    for consent in ["door_face", "off_device_face_transfer"] {
        zhang.agrees(consent).await.ok();
    }
    sends(&zhang, "image/jpeg", &photo(600, 800)).await.ok();
    let roster = reads(&door, "/api/v1/terminal/roster").await.ok();
    let (member, handle) = (&roster["members"][0]["member"], &roster["members"][0]["handle"]);
    let kept = "SELECT COUNT(*) AS n FROM faces WHERE photo_ct <> ''";
    let added = json!({ "member": member, "handle": handle, "result": "added" });
    tells(&door, added.clone()).await;
    town.is_now("2026-11-23T02:10:00Z");
    let town = town.restarted().await;
    let zhang = zhang.at_server(&town.wire);
    assert_eq!(town.store.count(kept).await, 1, "one terminal has not told");
    tells(&other.at_server(&town.wire), added).await;
    town.is_now("2026-11-23T02:20:00Z");
    let town = town.restarted().await;
    let zhang = zhang.at_server(&town.wire);
    eventually("no photo here", async || (town.store.count(kept).await == 0).then_some(())).await;
    assert_eq!(zhang.get("/me/face").await.ok()["enrolled"], true, "terminals hold it");
    assert_eq!(zhang.get("/me/face/photo").await.said(), (404, "not_found"));
    zhang.delete("/me/face").await.ok();
    let roster = reads(&door.at_server(&town.wire), "/api/v1/terminal/roster").await.ok();
    assert_eq!(&roster["removals"][0]["handle"], handle, "and are still told to delete it");
}

#[tokio::test]
async fn terminals_learn_of_a_face_and_that_it_is_gone() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let zhang = Resident::registers(&town, "zhang").await;
    for consent in ["door_face", "off_device_face_transfer"] {
        zhang.agrees(consent).await.ok();
    }
    sends(&zhang, "image/jpeg", &photo(600, 800)).await.ok();
    let roster = async || {
        let envelope = door.envelope();
        door.sends(&envelope, Method::GET, "/api/v1/terminal/roster", "").await.ok()
    };
    let with = roster().await;
    assert_eq!(with["members"][0]["kind"], "face", "{with}");
    let handle = with["members"][0]["handle"].clone();
    town.is_now("2026-11-23T02:01:00Z");
    zhang.delete("/me/face").await.ok();
    let without = roster().await;
    assert_eq!((&without["members"], &without["removals"][0]["handle"]), (&json!([]), &handle));
    assert_ne!(with["version"], without["version"]);
    let again = sends(&zhang, "image/jpeg", &photo(600, 800)).await.ok();
    assert_eq!(again["enrolled"], true);
    assert_eq!(zhang.delete("/me").await.status, 204);
    let forgotten = roster().await;
    assert_eq!(forgotten["members"], json!([]));
    assert_eq!(forgotten["removals"].as_array().unwrap().len(), 2, "{forgotten}");
}
