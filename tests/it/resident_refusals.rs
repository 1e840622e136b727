//! What residents may not: ask for what is somebody else's.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Resident, TestTown};

/// A request, and what another resident and a visitor are told.
type Ask = (Method, String, Value, (u16, &'static str), (u16, &'static str));

/// Everything that only its owner may reach, asked by everybody else.
#[tokio::test]
async fn what_is_somebodys_is_nobody_elses() {
    let town = TestTown::with_wechat().await;
    let owner = Resident::registers(&town, "owner").await;
    let other = Resident::registers(&town, "other").await;
    let erased = Resident::registers(&town, "erased").await;
    assert_eq!(erased.delete("/me").await.status, 204);
    let visitor = Resident::signs_in(&town, "visitor").await;
    let forged = Resident::with_token(&town, "0123456789abcdef");
    let staff = Resident::with_token(&town, &town.office.token().await);
    let begun = owner.post("/me/verification", &json!({ "method": "wechat_face" })).await.ok();
    let check = begun["id"].as_str().unwrap();
    let nothing = Uuid::now_v7();
    let answer = json!({ "purpose": "door_face", "granted": false });
    let recovery = json!({ "desk_code": "0000000000" });
    // (method, path, body, what others, the erased and visitors are told)
    let gone = (401, "session_ended");
    let absent = (404, "not_found");
    let home = (403, "registration_required");
    let table: Vec<Ask> = vec![
        (Method::GET, "/me".into(), Value::Null, (200, ""), home),
        (Method::PATCH, "/me".into(), json!({}), (200, ""), home),
        (Method::GET, "/me/consents".into(), Value::Null, (200, ""), home),
        (Method::POST, "/me/consents".into(), answer, (201, ""), home),
        (Method::GET, "/me/dependants".into(), Value::Null, (200, ""), home),
        (Method::POST, format!("/me/verification/{check}/finish"), Value::Null, absent, home),
        (Method::POST, format!("/me/verification/{nothing}/finish"), Value::Null, absent, home),
        (
            Method::POST,
            "/members/recovery".into(),
            recovery,
            (409, "account_taken"),
            (401, "recovery_failed"),
        ),
    ];
    for (method, path, body, for_other, for_visitor) in table {
        let callers = [
            (&other, for_other),
            (&visitor, for_visitor),
            (&erased, gone),
            (&forged, gone),
            (&staff, gone),
        ];
        for (caller, said) in callers {
            let key = Uuid::new_v4().to_string();
            let mut request = caller.request(method.clone(), &path).header("Idempotency-Key", key);
            if !body.is_null() {
                request = request.json(&body);
            }
            assert_eq!(Answer::to(request).await.said(), said, "{method} {path}");
        }
    }
    let at_desk = Answer::to(owner.request(Method::GET, "/staff/venues")).await;
    assert_eq!(at_desk.said(), (401, "session_ended"), "a resident is no staff");
}
