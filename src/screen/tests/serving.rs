//! How documents are built and handed out.

use super::*;
use crate::screen::{hub::Built, page};

const PATH: &str = "/api/v1/screens/330482";

#[tokio::test]
async fn a_known_version_is_answered_304_with_its_age() {
    let town = Town::new().await;
    let (router, token) = town.serve("330482").await;
    let first = get(&router, PATH, &token, None).await;
    assert_eq!(first.headers()[header::CACHE_CONTROL], "no-cache");
    let tag = etag(&first);
    let listed = format!("\"other\", {tag}");
    for known in [tag.as_str(), listed.as_str(), tag.trim_start_matches("W/"), "*"] {
        let again = get(&router, PATH, &token, Some(known)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert!(again.headers().contains_key("fitgate-age-ms"));
        assert_eq!(etag(&again), tag);
    }
    let other = get(&router, PATH, &token, Some("\"other\"")).await;
    assert_eq!(other.status(), StatusCode::OK);
}

/// Waits for the builder's next word, changed or not, without looking at a clock.
async fn next_build(hub: &Hub, of: &DivisionCode) -> Arc<Built> {
    let before = hub.latest(of).await.expect("built");
    loop {
        let now = hub.latest(of).await.expect("built");
        if !Arc::ptr_eq(&before, &now) {
            return now;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn as_of_moves_under_the_same_version_and_a_change_makes_a_new_one() {
    let town = Town::new().await;
    let hub = town.hub();
    let county = division("330482");
    let first = hub.latest(&county).await.expect("built");
    town.clock.set(at("2026-11-23T12:00:05Z"));
    next_build(&hub, &county).await;
    let second = next_build(&hub, &county).await;
    assert_eq!((second.version, &second.etag), (first.version, &first.etag));
    let document: Json = serde_json::from_slice(&second.body).expect("JSON");
    assert_eq!(document["as_of"], "2026-11-23T12:00:05.000Z");
    let member = town.member(1, YONGXING, "male", 1980, "active").await;
    town.inside(1, member, town.gym, YONGXING).await;
    let mut latest = hub.watch(&county).await.expect("watched");
    latest.mark_unchanged();
    latest.changed().await.expect("a change");
    let third = hub.latest(&county).await.expect("built");
    assert!(third.version > second.version && third.etag != second.etag);
}

#[tokio::test]
async fn a_thousand_askers_cost_what_one_costs() {
    let town = Town::new().await;
    let (router, token) = town.serve("330482").await;
    town.statements.store(0, Ordering::SeqCst);
    let askers = (0..1000).map(|_| get(&router, PATH, &token, None));
    let answers = futures_util::future::join_all(askers).await;
    assert!(answers.iter().all(|answer| answer.status() == StatusCode::OK));
    let asked = town.statements.load(Ordering::SeqCst);
    let alone = Town::new().await;
    alone.statements.store(0, Ordering::SeqCst);
    alone.document("330482").await;
    let once = alone.statements.load(Ordering::SeqCst);
    assert!(asked <= once, "{asked} statements for a thousand, {once} for one and its token");
}

#[tokio::test]
async fn the_statements_of_a_document_do_not_grow_with_the_venues() {
    let town = Town::new().await;
    let count = async || {
        town.statements.store(0, Ordering::SeqCst);
        let hub = town.hub();
        hub.latest(&division("330482")).await.expect("built");
        town.statements.load(Ordering::SeqCst)
    };
    let open = async |venues: std::ops::Range<u128>| {
        for n in venues {
            town.venue(Uuid::from_u128(n), DANGHU, "健身点").await;
            town.venue_day(Uuid::from_u128(n), "2026-11-23", 1, [1, 0, 0, 0]).await;
        }
    };
    let few = count().await;
    open(100..200).await;
    let many = count().await;
    // A large division first looks among the newest events.
    assert!(many <= few + 1, "{few}, then {many}");
    open(200..300).await;
    assert_eq!(count().await, many);
    assert!(many <= 23, "{many} statements");
}

#[tokio::test]
async fn a_token_reads_only_what_its_division_covers() {
    let town = Town::new().await;
    let (router, token) = town.serve("3304").await;
    let status = async |path: &str, token: &str| get(&router, path, token, None).await.status();
    assert_eq!(status(PATH, &token).await, StatusCode::OK);
    assert_eq!(status("/api/v1/screens/33", &token).await, StatusCode::NOT_FOUND);
    assert_eq!(status("/api/v1/screens/330499", &token).await, StatusCode::NOT_FOUND);
    assert_eq!(status("/api/v1/screens/33048", &token).await, StatusCode::NOT_FOUND);
    assert_eq!(status(PATH, "guessed").await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(PATH, "").await, StatusCode::UNAUTHORIZED);
    town.run("UPDATE screen_tokens SET revoked_at = $1", [town.clock.now().into()]).await;
    let (router, _token) = town.serve("11").await;
    assert_eq!(get(&router, PATH, &token, None).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_stream_gives_the_document_then_its_age_then_changes_and_ends_at_the_stop() {
    let town = Town::new().await;
    let (router, token) = town.serve("330482").await;
    let response = get(&router, &format!("{PATH}/stream"), &token, None).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut frames = response.into_body().into_data_stream();
    let mut next = async || match frames.next().await {
        Some(frame) => String::from_utf8(frame.expect("a frame").to_vec()).expect("text"),
        None => String::new(),
    };
    let first = next().await;
    assert!(first.starts_with("event: document\ndata: {\"as_of\":") && first.ends_with("\n\n"));
    let age = ": keep-alive\nevent: age\ndata: {\"as_of\":\"2026-11-23T12:00:00.000Z\",\"age_ms\":";
    assert!(next().await.starts_with(age));
    let member = town.member(1, YONGXING, "male", 1980, "active").await;
    town.inside(1, member, town.gym, YONGXING).await;
    let mut changed = next().await;
    while !changed.contains("\"inside\":1,\"today\"") {
        assert!(!changed.is_empty(), "the stream ended early");
        changed = next().await;
    }
    town.stop.cancel();
    assert_eq!(next().await, "");
}

#[tokio::test]
async fn builders_end_when_the_server_stops() {
    let town = Town::new().await;
    let hub = town.hub();
    hub.latest(&division("330482")).await.expect("built");
    town.stop.cancel();
    hub.finished().await;
    assert!(hub.latest(&division("330482")).await.is_err());
}

#[tokio::test]
async fn the_page_runs_nothing_inline_and_is_known_by_its_tag() {
    let town = Town::new().await;
    let (router, _token) = town.serve("330482").await;
    let files = ["app.css", "app.js", "worker.js", "icon.svg"].map(|name| format!("page/{name}"));
    for file in files.iter().map(String::as_str).chain(["330482"]) {
        let path = &format!("/screen/{file}");
        let answer = get(&router, path, "", None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().expect("text");
        assert!(policy.starts_with("default-src 'self'"));
        assert_eq!(answer.headers()[header::ETAG], page::tag());
        let may_reach = answer.headers().get("service-worker-allowed");
        assert_eq!(may_reach.is_some_and(|scope| scope == "/screen/"), file.contains("worker"));
        let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        // The drawing library names such things; it is held to the policy by the browser.
        if !path.ends_with("app.js") {
            for banned in ["<style", "style=", "onclick", "https://", "innerHTML", "@import"] {
                assert!(!text.contains(banned), "{path} has {banned}");
            }
        }
        let again = get(&router, path, "", Some(page::tag().to_str().expect("text")));
        assert_eq!(again.await.status(), StatusCode::NOT_MODIFIED);
    }
}

#[test]
fn the_script_and_the_server_speak_of_the_same_build() {
    let build = page::build().to_str().expect("text").trim_matches('"');
    assert!(build.len() == 16 && page::SCRIPT.text.contains(build));
}
