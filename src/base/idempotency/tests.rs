//! Commands that come again: the same one, another one under its key, at once, and much later.

use axum::{Json, body::Body};
use serde_json::{Value, json};

use super::*;
use crate::base::clock::from_millis;

async fn command(
    path: &str,
    key: Option<&str>,
    body: &str,
) -> Result<Command<Json<Value>>, Response> {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    Command::from_request(request, &()).await
}

async fn stamp(path: &str, body: &str) -> Stamp {
    command(path, Some("k"), body).await.unwrap().stamp
}

/// Runs a command that answers when it ran, and tells whether it was fresh.
async fn run(
    db: &DatabaseConnection,
    caller: &str,
    stamp: Stamp,
    at_ms: i64,
) -> Result<(bool, Answer), Error> {
    let mut is_fresh = false;
    let work = async |_: &DatabaseTransaction| {
        is_fresh = true;
        Ok((StatusCode::CREATED, json!({"at": at_ms})))
    };
    let answer = stamp.once(db, caller, from_millis(at_ms), work).await?;
    Ok((is_fresh, answer))
}

#[tokio::test]
async fn the_same_command_gets_the_stored_answer() {
    let (_folder, db) = db::fresh_for_tests().await;
    let first = run(&db, "staff:1", stamp("/a", "{}").await, 1).await.unwrap();
    let again = run(&db, "staff:1", stamp("/a", "{}").await, 2).await.unwrap();
    assert_eq!((first.0, again.0), (true, false));
    assert_eq!((again.1.status, &again.1.body), (StatusCode::CREATED, &first.1.body));
    assert_eq!(again.1.into_response().headers()[REPLAYED_HEADER], "true");
    assert!(!first.1.into_response().headers().contains_key(REPLAYED_HEADER));
}

#[tokio::test]
async fn another_body_or_path_under_the_same_key_is_refused() {
    let (_folder, db) = db::fresh_for_tests().await;
    run(&db, "staff:1", stamp("/a", "{}").await, 1).await.unwrap();
    for (path, body) in [("/a", "[]"), ("/b", "{}")] {
        let refused = run(&db, "staff:1", stamp(path, body).await, 1).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{path} {body}");
    }
    assert!(run(&db, "staff:2", stamp("/a", "[]").await, 1).await.unwrap().0, "another caller");
}

#[tokio::test]
async fn a_failed_command_stores_nothing() {
    let (_folder, db) = db::fresh_for_tests().await;
    let fails = async |_: &DatabaseTransaction| {
        Err::<(StatusCode, Value), _>(Error::Conflict(Code::Conflict))
    };
    let failed = stamp("/a", "{}").await.once(&db, "staff:1", from_millis(1), fails).await;
    assert!(matches!(failed, Err(Error::Conflict(_))));
    assert!(run(&db, "staff:1", stamp("/a", "{}").await, 1).await.unwrap().0);
}

#[tokio::test]
async fn a_repetition_asks_nobody_outside() {
    let (_folder, db) = db::fresh_for_tests().await;
    let mut asked = 0;
    for _ in 0..2 {
        let ask = async || {
            asked += 1;
            Ok(())
        };
        let work =
            async |_: &DatabaseTransaction, ()| Ok((StatusCode::OK, json!({ "done": true })));
        let stamp = stamp("/a", "{}").await;
        stamp.once_after(&db, "staff:1", from_millis(1), ask, work).await.unwrap();
    }
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn answers_are_kept_seven_days() {
    let (_folder, db) = db::fresh_for_tests().await;
    run(&db, "staff:1", stamp("/a", "{}").await, 0).await.unwrap();
    let week = TimeDelta::days(7).num_milliseconds();
    assert!(!run(&db, "staff:1", stamp("/a", "{}").await, week - 1).await.unwrap().0);
    assert!(run(&db, "staff:1", stamp("/a", "{}").await, week).await.unwrap().0);
    assert_eq!(sweep(&db, from_millis(3 * week)).await.unwrap(), 1);
}

#[tokio::test]
async fn many_at_once_have_one_effect() {
    let (_folder, db) = db::fresh_for_tests().await;
    let stamp = stamp("/a", "{}").await;
    let runs = (0..10).map(|_| run(&db, "staff:1", stamp.clone(), 1));
    let runs = futures_util::future::join_all(runs).await;
    let fresh = runs.into_iter().filter(|run| matches!(run, Ok((true, _)))).count();
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn an_answer_that_is_no_longer_kept_is_asked_for_anew() {
    let (_folder, db) = db::fresh_for_tests().await;
    let mut asked = Vec::new();
    let week = TimeDelta::days(7).num_milliseconds();
    for at_ms in [0, week - 1, week] {
        let ask = async || {
            asked.push(at_ms);
            Ok(())
        };
        let work = async |_: &DatabaseTransaction, ()| Ok((StatusCode::OK, json!({})));
        let stamp = stamp("/a", "{}").await;
        stamp.once_after(&db, "staff:1", from_millis(at_ms), ask, work).await.unwrap();
    }
    assert_eq!(asked, [0, week]);
}

#[tokio::test]
async fn path_and_body_that_read_alike_one_after_the_other_are_told_apart() {
    let one = stamp("/a?n=1", "2").await;
    assert_eq!(one, stamp("/a?n=1", "2").await);
    assert_ne!(one, stamp("/a?n=", "12").await);
}

#[tokio::test]
async fn a_missing_or_unusable_key_is_refused() {
    let [longest, long] = [255, 256].map(|bytes| "k".repeat(bytes));
    for key in [None, Some(""), Some("a b"), Some(&*long)] {
        let refused = command("/a", key, "{}").await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }
    assert!(command("/a", Some(&longest), "{}").await.is_ok());
}

/// Routes bound their bodies well below; this holds where one forgets to.
#[tokio::test]
async fn a_body_of_64_mib_is_read_and_no_larger_one() {
    let read = async |bytes: usize| {
        let request = Request::post("/a").header("Idempotency-Key", "k");
        let request = request.body(Body::from(vec![b' '; bytes])).unwrap();
        Command::<Request>::from_request(request, &()).await.map_err(|refused| refused.status())
    };
    let most = 64 << 20;
    assert!(read(most).await.is_ok());
    assert_eq!(read(most + 1).await.unwrap_err(), StatusCode::BAD_REQUEST);
}
