//! A child is brought by somebody whom the guardian named and who said yes; they may show its code
//! at doors and do nothing else.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Resident, TestTown};

async fn verified(town: &TestTown, name: &str) -> Resident {
    let resident = Resident::registers(town, name).await;
    resident.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    resident
}

/// A mother with a child of seven.
async fn family(town: &TestTown) -> (Resident, String) {
    let mother = verified(town, "mother").await;
    let number = TestTown::number("2019-05-01", 7);
    let body = json!({ "name": "张小", "document": { "type": "resident_id", "number": number } });
    let child = mother.post("/me/dependants", &body).await.ok()["id"].as_str().unwrap().to_owned();
    (mother, child)
}

async fn invites(guardian: &Resident, child: &str) -> Answer {
    let path = format!("/me/dependants/{child}/companion-code");
    Answer::to(guardian.request(Method::POST, &path)).await
}

async fn code_of(guardian: &Resident, child: &str) -> Value {
    invites(guardian, child).await.ok()["code"].clone()
}

#[tokio::test]
async fn a_grandmother_brings_the_child_and_can_do_nothing_else() {
    let town = TestTown::with_wechat().await;
    let (mother, child) = family(&town).await;
    let grandmother = verified(&town, "grandmother").await;
    let takes = async |one: &Resident, code: &Value| {
        one.post("/me/accompanied", &json!({ "code": code })).await
    };
    let shows = async |one: &Resident| one.get(&format!("/me/code?dependant_id={child}")).await;
    let void = code_of(&mother, &child).await;
    let code = code_of(&mother, &child).await;
    assert_eq!(takes(&grandmother, &void).await.said(), (404, "companion_code_invalid"));
    assert_eq!(shows(&grandmother).await.said(), (404, "not_found"), "not yet");
    let said = takes(&grandmother, &code).await.ok();
    assert_eq!((&said["id"], &said["name"]), (&json!(child), &json!("张*")));
    assert_eq!(shows(&grandmother).await.status, 200);
    assert_eq!(grandmother.get("/me/accompanied").await.ok()["items"][0]["id"], child.as_str());
    let companions = format!("/me/dependants/{child}/companions");
    let listed = mother.get(&companions).await.ok();
    assert_eq!(listed["items"][0]["name"], "张*");

    let li = verified(&town, "li").await;
    assert_eq!(takes(&li, &code).await.said(), (404, "companion_code_invalid"), "good once");
    assert_eq!(grandmother.get(&companions).await.said(), (404, "not_found"), "the guardian's");
    assert_eq!(invites(&grandmother, &child).await.said(), (404, "not_found"));
    let consent = json!({
        "purpose": "door_face", "granted": true, "text_version": "1", "dependant_id": child,
    });
    assert_eq!(grandmother.post("/me/consents", &consent).await.said(), (404, "not_found"));
    let own = code_of(&mother, &child).await;
    assert_eq!(takes(&mother, &own).await.said(), (404, "companion_code_invalid"), "one's own");
    let stranger = Resident::registers(&town, "stranger").await;
    assert_eq!(takes(&stranger, &own).await.said(), (403, "member_not_verified"));
    let mine = grandmother.get("/me/export").await.ok();
    assert_eq!(mine["tables"]["companions"][0]["member_id"], child.as_str());

    let id = listed["items"][0]["id"].as_str().unwrap();
    mother.delete(&format!("{companions}/{id}")).await.ok();
    assert_eq!(shows(&grandmother).await.said(), (404, "not_found"), "the guardian ends it");
    let again = code_of(&mother, &child).await;
    takes(&grandmother, &again).await.ok();
    grandmother.delete(&format!("/me/accompanied/{child}")).await.ok();
    assert_eq!(shows(&grandmother).await.said(), (404, "not_found"), "so does the companion");
    let late = code_of(&mother, &child).await;
    town.is_now("2026-11-24T02:00:00Z");
    assert_eq!(takes(&grandmother, &late).await.said(), (404, "companion_code_invalid"));
    let last = code_of(&mother, &child).await;
    takes(&grandmother, &last).await.ok();
    town.is_now("2037-05-30T02:00:00Z");
    let back = Resident::signs_in(&town, "grandmother").await;
    assert_eq!(shows(&back).await.said(), (404, "not_found"), "18: they come by themselves");
    assert_eq!(back.get("/me/accompanied").await.ok()["items"], json!([]));
}
