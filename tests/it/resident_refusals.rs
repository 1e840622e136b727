//! What residents may not: the rows of the table of bad inputs that are about people, and everybody
//! who asks for what is somebody else's.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answer, Resident, TestTown, document, registration};

/// Rows 73 to 96 of the table of bad inputs: what each gets.
#[tokio::test]
async fn people_who_register_themselves_are_read_with_care() {
    let town = TestTown::with_wechat().await;
    let good = |n| document("1990-05-01".parse().unwrap(), n);
    let child = document("2019-05-01".parse().unwrap(), 12);
    let named = |name: &str, number: &str| {
        let mut body = registration(number);
        body["name"] = json!(name);
        body
    };
    let with = |field: &str, value: Value, number: &str| {
        let mut body = registration(number);
        body[field] = value;
        body
    };
    let wrong_check = {
        let number = good(500);
        format!("{}{}", &number[..17], if number.ends_with('1') { '2' } else { '1' })
    };
    let lower = (1..999).map(good).find(|number| number.ends_with('X')).unwrap().to_lowercase();
    let wide: String = good(513)
        .chars()
        .map(|c| match c {
            '0'..='9' => char::from_u32(u32::from(c) + 0xfee0).unwrap(),
            other => other,
        })
        .collect();
    let cases: Vec<(u8, Value, u16, &str)> = vec![
        (73, named("𠮷田", &good(501)), 201, ""),
        (73, named("㐂", &good(503)), 201, ""),
        (74, named("阿卜杜拉·买买提", &good(505)), 201, ""),
        (74, named("阿卜杜拉•买买提", &good(507)), 201, ""),
        (75, named(&"长".repeat(50), &good(509)), 201, ""),
        (76, named(&"长".repeat(51), &good(511)), 422, "name_length"),
        (76, named(&format!("e{}", "\u{301}".repeat(10_000)), &good(511)), 422, "name_length"),
        (77, named("李😀四", &good(511)), 422, "name_characters"),
        (77, named("李4", &good(511)), 422, "name_characters"),
        (77, named("李Lee", &good(511)), 422, "name_characters"),
        (77, named("محمد", &good(511)), 422, "name_characters"),
        (77, named("李\u{200d}四", &good(511)), 422, "name_characters"),
        (80, named("李四", &wide), 201, ""),
        (81, named("李四", &wrong_check), 422, "id_checksum"),
        (82, named("李四", &lower), 201, ""),
        (83, named("李四", "330499900101001"), 422, "id_old_format"),
        (84, named("李四", "110101190002290011"), 422, "id_birth_date"),
        (85, named("李四", "110101200002290018"), 201, ""),
        (86, named("李四", "110101209912310015"), 422, "id_birth_date"),
        (86, named("李四", &document("1890-01-01".parse().unwrap(), 12)), 422, "id_birth_date"),
        (88, with("birth_date", json!("1990-05-02"), &good(515)), 422, "id_mismatch"),
        (88, with("sex", json!("female"), &good(515)), 422, "id_mismatch"),
        (89, named("李四", &good(501)), 409, "id_already_registered"),
        (92, named("李四", &child), 403, "guardian_required"),
        (96, with("phone_code", json!(""), &good(515)), 422, "invalid_value"),
        (96, with("phone_code", json!("x".repeat(10_000)), &good(515)), 422, "invalid_value"),
        (51, with("role", json!("admin"), &good(515)), 422, "unknown_field"),
        (0, with("home_community", json!("330499"), &good(515)), 422, "not_a_community"),
        (0, with("home_community", json!("330499009009"), &good(515)), 422, "unknown_division"),
    ];
    for (n, (row, body, status, code)) in cases.into_iter().enumerate() {
        let somebody = Resident::signs_in(&town, &format!("n{n}")).await;
        let said = somebody.post("/members", &body).await;
        assert_eq!(said.said(), (status, code), "row {row}, case {n}: {}", said.text);
    }
    let no_key = Resident::signs_in(&town, "no-key").await;
    let bare = no_key.request(Method::POST, "/members").json(&registration(&good(515)));
    assert_eq!(Answer::to(bare).await.said(), (400, "idempotency_key_required"));
}

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
