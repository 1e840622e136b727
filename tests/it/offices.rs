//! Staff: how they sign in, how guessing ends, and that other divisions do not exist for them.

use serde_json::json;

use crate::support::{Answer, COMMUNITY, TestTown};

#[tokio::test]
async fn a_code_is_taken_once() {
    let town = TestTown::open().await;
    let desk = town.hire("venue", COMMUNITY).await;
    let code = desk.code();
    assert_eq!(desk.signs_in_with(&desk.password, &code).await.status, 201);
    let again = desk.signs_in_with(&desk.password, &code).await;
    assert_eq!(again.said(), (401, "sign_in_failed"));
    town.is_now("2026-11-23T02:00:30Z");
    assert_eq!(desk.signs_in_with(&desk.password, &code).await.said(), (401, "sign_in_failed"));
    assert_eq!(desk.signs_in_with(&desk.password, &desk.code()).await.status, 201);
}

#[tokio::test]
async fn the_sixth_wrong_guess_waits_a_quarter_of_an_hour() {
    let town = TestTown::open().await;
    let desk = town.hire("venue", COMMUNITY).await;
    for _ in 0..5 {
        let wrong = desk.signs_in_with("not the password", &desk.code()).await;
        assert_eq!(wrong.said(), (401, "sign_in_failed"));
    }
    let locked = desk.signs_in_with(&desk.password, &desk.code()).await;
    assert_eq!(locked.said(), (429, "sign_in_locked"));
    assert_eq!(locked.header("retry-after"), "900");
    town.is_now("2026-11-23T02:14:59.999Z");
    assert_eq!(desk.signs_in_with(&desk.password, &desk.code()).await.status, 429);
    town.is_now("2026-11-23T02:15:00Z");
    assert_eq!(desk.signs_in_with(&desk.password, &desk.code()).await.status, 201);
}

#[tokio::test]
async fn what_is_wrong_about_a_sign_in_is_not_told() {
    let town = TestTown::open().await;
    let desk = town.hire("venue", COMMUNITY).await;
    let no_code = desk.signs_in_with(&desk.password, "000000").await;
    let no_password = desk.signs_in_with("not the password", &desk.code()).await;
    let body = json!({ "name": "nobody", "password": desk.password, "code": desk.code() });
    let no_name = Answer::to(town.wire.post("/api/v1/staff/sessions", &body)).await;
    for answer in [&no_code, &no_password, &no_name] {
        assert_eq!(answer.said(), (401, "sign_in_failed"));
        assert_eq!(answer.body["detail"], no_code.body["detail"]);
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_closed_and_when_nobody_uses_it() {
    let town = TestTown::open().await;
    let token = town.office.token().await;
    let asks =
        async || Answer::to(town.wire.get("/api/v1/staff/divisions").bearer_auth(&token)).await;
    assert_eq!(asks().await.status, 200);
    town.is_now("2026-11-23T02:30:01Z");
    assert_eq!(asks().await.said(), (401, "session_ended"));
    let fresh = town.office.token().await;
    assert_eq!(town.office.delete("/sessions/current").await.status, 204);
    let closed = Answer::to(town.wire.get("/api/v1/staff/divisions").bearer_auth(&fresh)).await;
    assert_eq!(closed.said(), (401, "session_ended"));
    let none = Answer::to(town.wire.get("/api/v1/staff/divisions")).await;
    assert_eq!(none.said(), (401, "unauthenticated"));
}

#[tokio::test]
async fn other_divisions_do_not_exist_for_staff() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let member = town.member().await;
    let other = town.hire("community", "330499001002").await;
    let own = town.hire("community", COMMUNITY).await;
    let place = json!({ "venue_id": gym.id, "direction": "in", "valid_from": "2026-11-24" });
    let rules = json!({ "valid_from": "2026-11-24" });
    let consent = json!({ "purpose": "bureau_sharing", "granted": true });
    let venue = json!({
        "community": COMMUNITY, "name": "别处", "kind": "gym", "opened_on": "2026-01-01",
    });
    let posts = [
        (format!("/terminals/{}/place", door.id), place),
        (format!("/venues/{}/rules", gym.id), rules),
        (format!("/members/{}/consents", member.id), consent),
        ("/venues".to_owned(), venue),
        (format!("/terminals/{}/keys", door.id), json!({})),
    ];
    for (path, body) in &posts {
        assert_eq!(other.post(path, body).await.said(), (404, "not_found"), "{path}");
    }
    assert_eq!(other.get(&format!("/members/{}", member.id)).await.status, 404);
    assert_eq!(other.get(&format!("/communities/{COMMUNITY}")).await.status, 404);
    for list in ["/terminals", "/venues"] {
        assert_eq!(other.get(list).await.ok()["items"], json!([]), "{list}");
        assert_eq!(own.get(list).await.ok()["items"].as_array().unwrap().len(), 1, "{list}");
    }
    for (path, body) in &posts {
        let answer = own.post(path, body).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_missing_right_is_said_inside_ones_division() {
    let town = TestTown::open().await;
    let bureau = town.hire("bureau", "3304").await;
    let desk = town.hire("venue", COMMUNITY).await;
    let (gym, _) = town.gym().await;
    let member = town.member().await;
    assert_eq!(bureau.get(&format!("/members/{}", member.id)).await.status, 200);
    let consent = json!({ "purpose": "bureau_sharing", "granted": true });
    let path = format!("/members/{}/consents", member.id);
    assert_eq!(bureau.post(&path, &consent).await.said(), (403, "forbidden"));
    let rules = json!({ "valid_from": "2026-11-24" });
    let path = format!("/venues/{}/rules", gym.id);
    assert_eq!(desk.post(&path, &rules).await.said(), (403, "forbidden"));
    let division = json!({ "code": "330499001003", "name": "新社区" });
    assert_eq!(desk.post("/divisions", &division).await.status, 404, "not even covered");
    let district = town.hire("district", "330499").await;
    assert_eq!(district.post("/divisions", &division).await.said(), (403, "forbidden"));
    assert_eq!(desk.imports("text/csv", "name\n").await.said(), (403, "forbidden"));
}

#[tokio::test]
async fn a_document_registers_one_person_however_often_it_is_sent() {
    let town = TestTown::open().await;
    let number = TestTown::number("1990-01-01", 1);
    let body = json!({
        "name": "张三", "document": { "type": "resident_id", "number": number },
        "home_community": COMMUNITY,
    });
    let (one, other) =
        tokio::join!(town.office.post("/members", &body), town.office.post("/members", &body));
    let mut said = [one.status, other.status];
    said.sort_unstable();
    assert_eq!(said, [201, 409], "{} {}", one.text, other.text);
    let refused = town.office.post("/members", &body).await;
    assert_eq!(refused.said(), (409, "id_already_registered"));
    assert!(!refused.text.contains(&number));
    let shown = one.body["name"].as_str().or(other.body["name"].as_str());
    assert_eq!(shown, Some("张*"));
}
