//! The OpenAPI document against the server that serves it.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;

use crate::support::{Answer, TestTown};

/// Paths with the methods that the document describes, and a real venue where one is named.
fn described(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().unwrap();
    let methods =
        |item: &Value| item.as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
    paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
}

/// The path with a value for each of its parameters.
fn filled(path: &str, venue: &str) -> String {
    let id = "018f0000-0000-7000-8000-000000000001";
    let own = if path.starts_with("/api/v1/venues/") { venue } else { id };
    let values = [
        ("{id}", own),
        ("{key}", id),
        ("{kind}", "orphan_exit"),
        ("{handle}", id),
        ("{token}", id),
        ("{feed}", "venues"),
        ("{file}", "app.js"),
        ("{companion_id}", id),
        ("{member_id}", id),
        ("{meetup_id}", id),
        ("{division}", "330499"),
        ("{code}", "330499"),
        ("{day}", "2026-11-23"),
        ("{kind}", "visits"),
    ];
    values.into_iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[tokio::test]
async fn every_described_path_exists_with_exactly_its_methods() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let document = Answer::to(town.wire.get("/api/v1/openapi.json")).await.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let described = described(&document);
    assert!(described.len() > 20, "{}", described.len());
    let mut wrong = Vec::new();
    for (n, (path, methods)) in described.iter().enumerate() {
        let wire = town.wire.elsewhere(u8::try_from(2 + n / 20).unwrap());
        let filled = filled(path, &gym.id);
        assert!(!filled.contains('{'), "{path} has a parameter that this test does not know");
        for method in methods {
            let request = wire.request(Method::from_bytes(method.as_bytes()).unwrap(), &filled);
            // Of another 404 than this one, the path knows by itself.
            let answer = Answer::to(request).await;
            let (status, code) = answer.said();
            if status == 405 || status >= 500 || (status, code) == (404, "not_found") {
                wrong.push(format!("{method} {path}: {status}"));
            }
        }
        let other = Answer::to(wire.request(Method::OPTIONS, &filled)).await;
        let allow: BTreeSet<String> =
            other.header("allow").split(',').map(|method| method.trim().to_owned()).collect();
        let mut expected = methods.clone();
        if methods.contains("GET") {
            expected.insert("HEAD".to_owned());
        }
        if other.status != 405 || allow != expected {
            wrong.push(format!("{path}: {} allows {allow:?}, not {expected:?}", other.status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_is_not_described_is_not_there() {
    let town = TestTown::open().await;
    let nowhere = [
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/members/",
        "/api/v1/me/",
        "/api/v1/wechat",
        "/api/v1/terminal",
        "/api/v1/staff",
        "/api/v1/staff/staff",
        "/api/v1/staff/sessions/",
        "/api/v1/venues/",
        "/api/v1/screens",
        "/api/v1/staff/audits",
        "/metrics",
        "/livez",
        "/readyz",
        "/counters/verify",
        "/screen",
        "/screen/page",
        "/staff/",
        "/staff/page",
        "/staff/page/build.txt",
        "/debug",
        "/.env",
        "/api/v2/venues",
    ];
    for path in nowhere {
        let answer = Answer::to(town.wire.get(path)).await;
        assert_eq!(answer.said(), (404, "not_found"), "{path}");
    }
    for path in ["/api/v1/venues", "/api/v1/openapi.json"] {
        assert_eq!(
            Answer::to(town.ops.get(path)).await.status,
            404,
            "{path} is not for operations"
        );
    }
}

#[tokio::test]
async fn every_schema_that_is_named_is_there() {
    let town = TestTown::open().await;
    let document = Answer::to(town.wire.get("/api/v1/openapi.json")).await.ok();
    let text = document.to_string();
    let named = text.split("\"$ref\":\"#/components/schemas/").skip(1);
    let named: BTreeSet<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
    let there = document["components"]["schemas"].as_object().unwrap();
    let missing: Vec<&str> = named.into_iter().filter(|name| !there.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn operations_can_see_that_the_server_lives() {
    let town = TestTown::open().await;
    assert_eq!(Answer::to(town.ops.get("/livez")).await.status, 200);
    assert_eq!(Answer::to(town.ops.get("/readyz")).await.status, 200);
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.asks("in", &member.face).await;
    let metrics = Answer::to(town.ops.get("/metrics")).await;
    assert!(metrics.text.contains("# TYPE"));
    for secret in ["张", &member.number, &member.face.credential, &door.id] {
        assert!(!metrics.text.contains(&format!("\"{secret}\"")), "a metric tells of somebody");
    }
}
