//! Who may call what: every route that the API document knows, against every kind of caller, and
//! every thing that belongs to somebody, against its owner and others. A route that has no row here
//! fails the test.

mod things;

use std::collections::{BTreeMap, BTreeSet};

use reqwest::{Method, header};
use serde_json::{Value, json};

use self::things::things;
use crate::support::{Answer, Resident, TestTown};

mod booked;
mod community;
mod figures;
mod health;

/// Whom a route serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    Anybody,
    /// Whoever signed in through the mini-program, registered or not.
    Visitor,
    Resident,
    Staff,
    /// A signed terminal; the signature is its token.
    Terminal,
    Screen,
}

use For::{Anybody, Resident as Registered, Screen, Staff, Terminal as Signed, Visitor};

const ROUTES: &[(&str, &str, For)] = &[
    ("GET", "/api/v1/consent-texts", Anybody),
    ("GET", "/api/v1/exports/{token}", Anybody),
    ("GET", "/api/v1/me", Registered),
    ("PATCH", "/api/v1/me", Registered),
    ("DELETE", "/api/v1/me", Registered),
    ("GET", "/api/v1/me/accompanied", Registered),
    ("POST", "/api/v1/me/accompanied", Registered),
    ("DELETE", "/api/v1/me/accompanied/{id}", Registered),
    ("GET", "/api/v1/me/code", Registered),
    ("GET", "/api/v1/me/consents", Registered),
    ("POST", "/api/v1/me/consents", Registered),
    ("DELETE", "/api/v1/me/consents", Registered),
    ("GET", "/api/v1/me/dependants", Registered),
    ("POST", "/api/v1/me/dependants", Registered),
    ("POST", "/api/v1/me/dependants/{id}/companion-code", Registered),
    ("GET", "/api/v1/me/dependants/{id}/companions", Registered),
    ("DELETE", "/api/v1/me/dependants/{id}/companions/{companion_id}", Registered),
    ("GET", "/api/v1/me/disputes", Registered),
    ("GET", "/api/v1/me/export", Registered),
    ("POST", "/api/v1/me/export-link", Registered),
    ("GET", "/api/v1/me/face", Registered),
    ("PUT", "/api/v1/me/face", Registered),
    ("DELETE", "/api/v1/me/face", Registered),
    ("GET", "/api/v1/me/face/photo", Registered),
    ("GET", "/api/v1/me/minutes", Registered),
    ("GET", "/api/v1/me/ranks", Registered),
    ("GET", "/api/v1/me/sessions", Registered),
    ("POST", "/api/v1/me/sessions/{id}/disputes", Registered),
    ("POST", "/api/v1/me/sessions/{id}/left", Registered),
    ("GET", "/api/v1/me/streak", Registered),
    ("POST", "/api/v1/me/verification", Registered),
    ("POST", "/api/v1/me/verification/photo", Registered),
    ("POST", "/api/v1/me/verification/{id}/finish", Registered),
    ("GET", "/api/v1/me/views", Registered),
    ("POST", "/api/v1/members", Visitor),
    ("POST", "/api/v1/members/recovery", Visitor),
    ("POST", "/api/v1/members/recovery/{id}/finish", Visitor),
    ("GET", "/api/v1/screens/{division}", Screen),
    ("GET", "/api/v1/screens/{division}/map", Screen),
    ("GET", "/api/v1/screens/{division}/stream", Screen),
    ("PATCH", "/api/v1/staff/accounts/{id}", Staff),
    ("GET", "/api/v1/staff/accounts", Staff),
    ("POST", "/api/v1/staff/accounts", Staff),
    ("POST", "/api/v1/staff/accounts/{id}/enrolment", Staff),
    ("POST", "/api/v1/staff/members/search", Staff),
    ("POST", "/api/v1/staff/members/{id}/desk-code", Staff),
    ("POST", "/api/v1/staff/members/{id}/join", Staff),
    ("POST", "/api/v1/staff/members/{id}/join/preview", Staff),
    ("POST", "/api/v1/staff/members/{id}/reinstatement", Staff),
    ("GET", "/api/v1/staff/members/{id}/sessions", Staff),
    ("POST", "/api/v1/staff/members/{id}/suspension", Staff),
    ("POST", "/api/v1/staff/members/{id}/unmaskings", Staff),
    ("POST", "/api/v1/staff/members/{id}/verification", Staff),
    ("PUT", "/api/v1/staff/password", Staff),
    ("GET", "/api/v1/staff/requests", Staff),
    ("POST", "/api/v1/staff/requests/{id}/decision", Staff),
    ("POST", "/api/v1/staff/sessions/current/confirmation", Staff),
    ("POST", "/api/v1/staff/sessions/{id}/corrections", Staff),
    ("POST", "/api/v1/staff/sessions/{id}/corrections/preview", Staff),
    ("GET", "/api/v1/staff/disputes", Staff),
    ("POST", "/api/v1/staff/disputes/{id}/answer", Staff),
    ("GET", "/api/v1/staff/unmaskings/{id}", Staff),
    ("GET", "/api/v1/staff/audit", Staff),
    ("GET", "/api/v1/staff/audit/heads", Staff),
    ("POST", "/api/v1/staff/enrolments", Anybody),
    ("GET", "/api/v1/staff/work", Staff),
    ("POST", "/api/v1/staff/work-items/{kind}/{id}/answer", Staff),
    ("POST", "/api/v1/staff/work-items/{kind}/{id}/preview", Staff),
    ("GET", "/api/v1/staff/communities/{code}", Staff),
    ("GET", "/api/v1/staff/divisions", Staff),
    ("POST", "/api/v1/staff/divisions", Staff),
    ("POST", "/api/v1/staff/members", Staff),
    ("POST", "/api/v1/staff/members/import", Staff),
    ("GET", "/api/v1/staff/members/{id}", Staff),
    ("PUT", "/api/v1/staff/members/{id}/approvals", Staff),
    ("POST", "/api/v1/staff/members/{id}/consents", Staff),
    ("POST", "/api/v1/staff/members/{id}/credentials", Staff),
    ("POST", "/api/v1/staff/members/{id}/guardian", Staff),
    ("POST", "/api/v1/staff/members/{id}/recovery-code", Staff),
    ("POST", "/api/v1/staff/members/{id}/view-requests", Staff),
    ("POST", "/api/v1/staff/sessions", Anybody),
    ("POST", "/api/v1/staff/browser-sessions", Anybody),
    ("GET", "/api/v1/staff/sessions/current", Staff),
    ("GET", "/api/v1/staff/overview", Staff),
    ("GET", "/api/v1/staff/screens", Staff),
    ("POST", "/api/v1/staff/screens", Staff),
    ("DELETE", "/api/v1/staff/screens/{id}", Staff),
    ("GET", "/api/v1/staff/members/{id}/face", Staff),
    ("DELETE", "/api/v1/staff/sessions/current", Staff),
    ("GET", "/api/v1/staff/terminal-ledger", Staff),
    ("GET", "/api/v1/staff/terminals", Staff),
    ("POST", "/api/v1/staff/terminals", Staff),
    ("POST", "/api/v1/staff/terminals/claims", Staff),
    ("DELETE", "/api/v1/staff/terminals/{id}", Staff),
    ("PUT", "/api/v1/staff/terminals/{id}/access", Staff),
    ("PUT", "/api/v1/staff/terminals/{id}/names", Staff),
    ("GET", "/api/v1/staff/terminals/{id}/commands", Staff),
    ("POST", "/api/v1/staff/terminals/{id}/commands", Staff),
    ("POST", "/api/v1/staff/terminals/{id}/keys", Staff),
    ("DELETE", "/api/v1/staff/terminals/{id}/keys/{key}", Staff),
    ("GET", "/api/v1/staff/terminals/{id}/notices", Staff),
    ("POST", "/api/v1/staff/terminals/{id}/path-token", Staff),
    ("POST", "/api/v1/staff/terminals/{id}/place", Staff),
    ("GET", "/api/v1/staff/terminals/{id}/roster", Staff),
    ("GET", "/api/v1/staff/unclaimed-terminals", Staff),
    ("GET", "/api/v1/staff/venues", Staff),
    ("POST", "/api/v1/staff/venues", Staff),
    ("POST", "/api/v1/staff/venues/{id}/exceptions", Staff),
    ("POST", "/api/v1/staff/venues/{id}/hours", Staff),
    ("POST", "/api/v1/staff/venues/{id}/rules", Staff),
    ("GET", "/api/v1/staff/venues/{id}/ways-in", Staff),
    ("POST", "/api/v1/staff/venues/{id}/zones", Staff),
    ("GET", "/api/v1/staff/view-requests", Staff),
    ("POST", "/api/v1/staff/view-requests/{id}/approve", Staff),
    ("GET", "/api/v1/terminal/commands", Signed),
    ("POST", "/api/v1/terminal/commands/{id}/result", Signed),
    ("POST", "/api/v1/terminal/decisions", Signed),
    ("POST", "/api/v1/terminal/events", Signed),
    ("POST", "/api/v1/terminal/heartbeat", Signed),
    ("GET", "/api/v1/terminal/roster", Signed),
    ("GET", "/api/v1/terminal/roster/photos/{handle}", Signed),
    ("POST", "/api/v1/terminal/roster/receipts", Signed),
    ("GET", "/api/v1/terminal/sessions", Signed),
    ("GET", "/api/v1/venues", Anybody),
    ("GET", "/api/v1/venues/{id}", Anybody),
    // The platform's pushes carry a signature of their own.
    ("GET", "/api/v1/wechat/events", Anybody),
    ("POST", "/api/v1/wechat/events", Anybody),
    ("POST", "/api/v1/wechat/sessions", Anybody),
    ("DELETE", "/api/v1/wechat/sessions/current", Visitor),
    // The page shows nothing by itself.
    ("GET", "/screen/page/app.css", Anybody),
    ("GET", "/screen/page/app.js", Anybody),
    ("GET", "/screen/page/icon.svg", Anybody),
    ("GET", "/screen/page/worker.js", Anybody),
    ("GET", "/screen/{division}", Anybody),
    ("GET", "/staff", Anybody),
    ("GET", "/staff/page/{file}", Anybody),
];

fn rows() -> impl Iterator<Item = &'static (&'static str, &'static str, For)> {
    let community = booked::ROUTES.iter().chain(community::ROUTES).chain(health::ROUTES);
    ROUTES.iter().chain(figures::ROUTES).chain(community)
}

const NOBODYS_ID: &str = "018f0000-0000-7000-8000-000000000001";

fn filled(path: &str) -> String {
    let values = [
        ("{id}", NOBODYS_ID),
        ("{key}", NOBODYS_ID),
        ("{kind}", if path.contains("/reports/") { "visits" } else { "orphan_exit" }),
        ("{handle}", NOBODYS_ID),
        ("{token}", NOBODYS_ID),
        ("{feed}", "venues"),
        ("{file}", "app.js"),
        ("{companion_id}", NOBODYS_ID),
        ("{member_id}", NOBODYS_ID),
        ("{meetup_id}", NOBODYS_ID),
        ("{division}", "330499"),
        ("{code}", "330499"),
        ("{day}", "2026-11-23"),
    ];
    values.into_iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

/// The routes that the server describes.
async fn described(town: &TestTown) -> BTreeSet<(String, String)> {
    let document = Answer::to(town.wire.get("/api/v1/openapi.json")).await.ok();
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        all.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
    }
    all
}

#[tokio::test]
async fn every_route_has_its_row() {
    let town = TestTown::open().await;
    let listed: BTreeSet<(String, String)> =
        rows().map(|(method, path, _)| ((*method).into(), (*path).into())).collect();
    assert_eq!(listed.len(), rows().count(), "a route stands twice");
    assert_eq!(listed, described(&town).await);
}

/// Status, code and text of what a call came to.
async fn calls(
    town: &TestTown,
    method: &str,
    path: &str,
    token: Option<&str>,
) -> (u16, String, String) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = town.wire.request(method, &filled(path));
    request = request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string());
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    // A stream that begins has no end to wait for.
    let answer = request.send().await.unwrap();
    if answer.status() == 200 && path.ends_with("/stream") {
        return (200, String::new(), String::new());
    }
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned(), text)
}

/// What must come of a call with this token: refused for who they are, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Unauthenticated,
    /// Signed in and not registered.
    NotRegistered,
    /// Let in; what comes then is the route's own affair.
    In,
}

fn expected(route: For, caller: &str) -> Expected {
    let may = match route {
        Anybody => return Expected::In,
        Visitor => ["visitor", "resident", "erased and back"].contains(&caller),
        Registered if ["visitor", "erased and back"].contains(&caller) => {
            return Expected::NotRegistered;
        }
        Registered => caller == "resident",
        Staff => caller == "staff",
        Screen => caller == "screen",
        Signed => false,
    };
    if may { Expected::In } else { Expected::Unauthenticated }
}

#[tokio::test]
async fn every_route_serves_its_own_callers_only() {
    let town = TestTown::with_wechat().await;
    town.gym().await;
    let gone = Resident::registers(&town, "gone").await;
    assert_eq!(gone.delete("/me").await.status, 204);
    let callers = BTreeMap::from([
        ("erased", gone.token),
        ("erased and back", Resident::signs_in(&town, "gone").await.token),
        ("invented", "x".repeat(43)),
        ("resident", Resident::registers(&town, "resident").await.token),
        ("screen", town.screen("330499").await.token),
        ("staff", String::new()),
        ("visitor", Resident::signs_in(&town, "visitor").await.token),
    ]);
    let mut wrong = Vec::new();
    for (method, path, route) in rows() {
        // These end sessions, so each call has one of its own.
        let signs_in = format!("{method}{path}").replace(['/', '{', '}'], "");
        for (caller, token) in &callers {
            let token = match *caller {
                "resident" if *method == "DELETE" => {
                    Resident::registers(&town, &signs_in).await.token
                }
                "staff" => town.office.token().await,
                "visitor" if *method == "DELETE" => {
                    Resident::signs_in(&town, &format!("v{signs_in}")).await.token
                }
                "erased and back" if *method == "DELETE" => continue,
                _ => token.clone(),
            };
            if *caller == "staff" && *path == "/api/v1/staff/sessions/current" {
                continue;
            }
            let (status, code, text) = calls(&town, method, path, Some(&token)).await;
            let seen = match (status, code.as_str()) {
                (401, "unauthenticated" | "session_ended") => Expected::Unauthenticated,
                (403, "registration_required") => Expected::NotRegistered,
                (500.., _) => {
                    wrong.push(format!("{method} {path} for {caller}: {text}"));
                    continue;
                }
                (401, _) if *route == Signed || *route == Screen => Expected::Unauthenticated,
                _ => Expected::In,
            };
            let wanted = expected(*route, caller);
            if seen != wanted {
                let said = (status, code);
                wrong.push(format!("{method} {path} for {caller}: {said:?}, not {wanted:?}"));
            }
        }
        let (status, _, text) = calls(&town, method, path, None).await;
        if (status == 401) != (*route != Anybody) && !path.contains("wechat/events") {
            wrong.push(format!("{method} {path} for nobody: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_belongs_to_another_community_does_not_exist() {
    let town = TestTown::with_wechat().await;
    let stranger = town.hire("community", "330499001002").await;
    let mut wrong = Vec::new();
    let mut things = things(&town).await;
    things.extend(community::group(&town).await);
    for (method, path, body) in things {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = stranger.request(method.clone(), &path).await;
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = Answer::to(request).await;
        if answer.said() != (404, "not_found") {
            wrong.push(format!("{method} {path}: {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn inside_ones_division_a_missing_right_is_said() {
    let town = TestTown::open().await;
    let bureau = town.hire("bureau", "330499").await;
    let mut wrong = Vec::new();
    for (method, path, body) in things(&town).await {
        if method == "GET" || path.ends_with("view-requests") {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = bureau.request(method.clone(), &path).await;
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = Answer::to(request).await;
        if answer.said() != (403, "forbidden") {
            wrong.push(format!("{method} {path}: {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_belongs_to_another_resident_does_not_exist() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let owner = Resident::registers(&town, "owner").await;
    let other = Resident::registers(&town, "other").await;
    let id = owner.id().await;
    owner.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    town.credential(&id, &crate::support::Shown::card("c-4711")).await;
    door.asks("in", &crate::support::Shown::card("c-4711")).await;
    let session = owner.get("/me/sessions").await.ok()["items"][0]["id"].clone();
    let session = session.as_str().unwrap();
    let begun = owner.post("/me/verification", &json!({ "method": "wechat_face" })).await.ok();
    town.is_now("2026-11-23T02:30:00Z");
    for (path, body) in [
        (format!("/me/sessions/{session}/left"), json!({ "at": "2026-11-23T02:20:00Z" })),
        (format!("/me/sessions/{session}/disputes"), json!({ "text": "不是我" })),
        (format!("/me/verification/{}/finish", begun["id"].as_str().unwrap()), json!({})),
    ] {
        assert_eq!(other.post(&path, &body).await.said(), (404, "not_found"), "{path}");
    }
    assert_eq!(other.get(&format!("/me/code?dependant_id={id}")).await.said(), (404, "not_found"));
    let mut door_face = json!({ "purpose": "door_face", "granted": true, "text_version": "1" });
    door_face["dependant_id"] = json!(id);
    assert_eq!(other.post("/me/consents", &door_face).await.said(), (404, "not_found"));
    assert_eq!(other.get("/me/sessions").await.ok()["items"], json!([]));
}
