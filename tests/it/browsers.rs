//! The console's server side: a browser's session is a cookie that nothing but the server reads,
//! its commands need a second word, and the page comes with a policy that allows nothing foreign.

use reqwest::{Method, RequestBuilder, header};
use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Office, TestTown};

/// A browser of somebody of staff: what it keeps and what its page was told.
struct Browser<'a> {
    town: &'a TestTown,
    cookie: String,
    word: String,
}

impl<'a> Browser<'a> {
    async fn signs_in(town: &'a TestTown, office: &Office) -> (Self, Answer) {
        let body = json!({
            "name": office.name, "password": office.password, "code": office.code(),
        });
        let answer = Answer::to(town.wire.post("/api/v1/staff/browser-sessions", &body)).await;
        let set = answer.header("set-cookie").to_owned();
        let cookie = set.split(';').next().unwrap_or_default().to_owned();
        let word = answer.body["csrf"].as_str().unwrap_or_default().to_owned();
        (Self { town, cookie, word }, answer)
    }

    fn asks(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.town.wire.request(method, &format!("/api/v1/staff{path}"));
        request.header(header::COOKIE, &self.cookie)
    }

    fn commands(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        let request = self.asks(method, path).header("Fitgate-Csrf", &self.word);
        request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string()).json(body)
    }
}

#[tokio::test]
async fn a_browser_works_by_cookie_and_word_until_it_signs_out() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let office = town.hire("community", COMMUNITY).await;
    let (browser, signed_in) = Browser::signs_in(&town, &office).await;
    let set = signed_in.header("set-cookie").to_owned();
    for part in ["HttpOnly", "Secure", "SameSite=Strict", "Path=/api/v1/staff"] {
        assert!(set.contains(part), "{part} in the cookie");
    }
    let token = browser.cookie.split_once('=').unwrap().1;
    assert!(!signed_in.text.contains(token), "the token never reaches the page");
    assert_eq!(signed_in.status, 201);

    let current = Answer::to(browser.asks(Method::GET, "/sessions/current")).await.ok();
    assert_eq!(current["staff"]["name"], office.name.as_str());
    assert_eq!(current["csrf"], browser.word.as_str());
    assert!(!current.to_string().contains(token));
    let functions = current["functions"].as_array().unwrap();
    assert!(
        functions.contains(&json!("manage_venues")) && !functions.contains(&json!("read_audit"))
    );
    // A page is offered by the function that it needs, the youngest ones too.
    for needed in ["organise_community", "keep_fitness", "publish_slots", "manage_bookings"] {
        assert!(functions.contains(&json!(needed)), "{needed}");
    }
    let by_token = town.wire.get("/api/v1/staff/sessions/current").bearer_auth(token);
    assert_eq!(Answer::to(by_token).await.ok()["csrf"], Value::Null);

    let hung = json!({ "division": COMMUNITY, "label": "大厅" });
    let bare = browser.asks(Method::POST, "/screens").json(&hung);
    assert_eq!(Answer::to(bare).await.said(), (403, "csrf_required"));
    let anothers = browser.asks(Method::POST, "/screens").header("Fitgate-Csrf", "0".repeat(64));
    assert_eq!(Answer::to(anothers.json(&hung)).await.said(), (403, "csrf_required"));
    let made = Answer::to(browser.commands(Method::POST, "/screens", &hung)).await.ok();
    let path = format!("/screens/{}", made["id"].as_str().unwrap());
    let shown = town.wire.get(&format!("/api/v1/screens/{COMMUNITY}"));
    let shown = Answer::to(shown.bearer_auth(made["token"].as_str().unwrap())).await;
    assert_eq!(shown.status, 200);
    let overview = Answer::to(browser.asks(Method::GET, "/overview")).await.ok();
    assert_eq!(overview["venues"][0]["id"], gym.id.as_str());
    assert_eq!(Answer::to(browser.commands(Method::DELETE, &path, &json!({}))).await.status, 204);
    assert_eq!(Answer::to(browser.commands(Method::DELETE, &path, &json!({}))).await.status, 204);
    let list = Answer::to(browser.asks(Method::GET, "/screens")).await.ok();
    assert_eq!(list["items"][0]["label"], "大厅");
    assert!(list["items"][0]["revoked_at"].is_string());
    assert!(!list.to_string().contains("token"));

    // What a venue's rules are now, whole, so that changing one changes no other.
    let rules = format!("/venues/{}/rules", gym.id);
    let standing = Answer::to(browser.asks(Method::GET, &rules)).await.ok();
    let mut next = standing["rules"].clone();
    next["capacity"] = json!(77);
    let adopt = json!({ "valid_from": "2026-12-01", "rules": next });
    Answer::to(browser.commands(Method::POST, &rules, &adopt)).await.ok();
    let after = Answer::to(browser.asks(Method::GET, &rules)).await.ok();
    assert_eq!(after["rules"], next);

    let member = town.member().await;
    let face = Answer::to(browser.asks(Method::GET, &format!("/members/{}/face", member.id))).await;
    assert!(face.ok()["terminals"].is_array());

    let bare = browser.asks(Method::DELETE, "/sessions/current");
    assert_eq!(Answer::to(bare).await.said(), (403, "csrf_required"));
    let out = Answer::to(browser.commands(Method::DELETE, "/sessions/current", &json!({}))).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let after = Answer::to(browser.asks(Method::GET, "/sessions/current")).await;
    assert_eq!(after.said(), (401, "session_ended"));
}

#[tokio::test]
async fn the_console_is_served_without_any_data_or_foreign_source() {
    let town = TestTown::open().await;
    let page = Answer::to(town.wire.get("/staff")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    for foreign in ["http://", "https://", "//cdn", "<style", "style="] {
        assert!(!page.text.contains(foreign), "{foreign}");
    }
    for (part, kind) in [
        ("app.css", "text/css"),
        ("app.js", "text/javascript"),
        ("charts.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let path = format!("/staff/page/{part}");
        let file = Answer::to(town.wire.get(&path)).await;
        assert_eq!(file.status, 200, "{part}");
        assert!(file.header("content-type").starts_with(kind), "{part}");
        let known = town.wire.get(&path).header("if-none-match", file.header("etag"));
        assert_eq!(Answer::to(known).await.status, 304, "{part}");
    }
    for nowhere in ["build.txt", "index.html", "..%2Findex.html"] {
        let answer = Answer::to(town.wire.get(&format!("/staff/page/{nowhere}"))).await;
        assert_eq!(answer.said(), (404, "not_found"), "{nowhere}");
    }
}
