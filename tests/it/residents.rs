//! Residents register with their real name, prove it, agree one by one, look after their children,
//! and come back.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Resident, TestTown, at, document, registration};

#[tokio::test]
async fn somebody_registers_and_sees_what_is_kept() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::signs_in(&town, "zhang").await;
    assert_eq!(zhang.get("/me").await.said(), (403, "registration_required"));
    let number = document("1990-05-01".parse().unwrap(), 12);
    let mut body = registration(&number);
    body["phone_code"] = json!("phone-13900000000");
    let made = zhang.post("/members", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let me = zhang.get("/me").await.ok();
    assert_eq!((&me["name"], &me["full_name"]), (&json!("张*"), &json!("张三")));
    assert_eq!((&me["phone"], &me["verification"]), (&json!("139****0000"), &json!("unverified")));
    assert_eq!(me["document"]["number"], format!("3304**********{}", &number[14..]));
    assert_eq!((&me["sex"], &me["birth_year"]), (&json!("female"), &json!(1990)));
    assert_eq!(me["in_ranks"], false);
    assert!(!me.to_string().contains(&number), "not even to oneself in whole");
    let again = Resident::signs_in(&town, "zhang").await;
    assert_eq!(again.id().await, me["id"].as_str().unwrap(), "another telephone, the same person");
}

#[tokio::test]
async fn a_repeated_registration_is_answered_from_memory() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::signs_in(&town, "zhang").await;
    let mut body = registration(&document("1990-05-01".parse().unwrap(), 12));
    body["phone_code"] = json!("phone-13900000000");
    let send = async || {
        let request = zhang.request(Method::POST, "/members").header("Idempotency-Key", "once");
        Answer::to(request.json(&body)).await
    };
    let (first, again) = (send().await, send().await);
    assert_eq!((first.status, again.status), (201, 201), "the phone code is good only once");
    assert_eq!((again.header("idempotent-replayed"), &again.body), ("true", &first.body));
    let other = zhang.post("/members", &body).await;
    assert_eq!(other.said(), (422, "wechat_code_invalid"), "another command spends it again");
    let mut without = body.clone();
    without.as_object_mut().unwrap().remove("phone_code");
    assert_eq!(zhang.post("/members", &without).await.said(), (409, "account_taken"));
}

#[tokio::test]
async fn of_fifty_who_register_one_number_one_does() {
    let town = TestTown::with_wechat().await;
    let number = document("1990-05-01".parse().unwrap(), 12);
    let second = town.second_server().await;
    let wires = [&town.wire, second.as_ref().map_or(&town.wire, |second| &second.wire)];
    let names: Vec<String> = (0..50).map(|n| format!("n{n}")).collect();
    let people = join_all(names.iter().map(|name| Resident::signs_in(&town, name))).await;
    let rivals = people.iter().enumerate().map(|(n, one)| {
        let (one, body) = (one.at_server(wires[n % 2]), registration(&number));
        async move { one.post("/members", &body).await }
    });
    let answers = join_all(rivals).await;
    let won = answers.iter().filter(|answer| answer.status == 201).count();
    let lost = answers.iter().filter(|answer| answer.said() == (409, "id_already_registered"));
    assert_eq!((won, lost.count()), (1, 49));
    let details: std::collections::HashSet<String> = answers
        .iter()
        .filter(|answer| answer.status == 409)
        .map(|answer| answer.body["detail"].to_string())
        .collect();
    assert_eq!(details.len(), 1, "no hint whose it is");
    if let Some(second) = second {
        second.stop().await;
    }
    town.store.fitgate(&["ledger", "verify"]).await;
}

#[tokio::test]
async fn every_document_registers_by_its_own_rules() {
    let town = TestTown::with_wechat().await;
    let plain = |kind: &str, number: &str| json!({ "type": kind, "number": number });
    let passport = json!({ "type": "passport", "number": "E12345678", "issued_by": "CHN" });
    for (n, (document, birth)) in [
        (plain("residence_permit", "810000199001010019"), Value::Null),
        (plain("residence_permit", "830000198506150024"), Value::Null),
        (plain("foreign_permanent_resident", "932682198501010017"), Value::Null),
        (plain("foreign_permanent_resident", "KAZ110090123105"), json!("1990-12-31")),
        (plain("hk_mo_pass", "H1234567800"), json!("1990-01-01")),
        (plain("taiwan_pass", "12345678"), json!("1990-01-01")),
        (passport, json!("1990-01-01")),
    ]
    .into_iter()
    .enumerate()
    {
        let somebody = Resident::signs_in(&town, &format!("n{n}")).await;
        let mut body = registration("x");
        (body["document"], body["birth_date"]) = (document, birth);
        let made = somebody.post("/members", &body).await;
        assert_eq!(made.status, 201, "{} {}", body["document"], made.text);
        assert_eq!(
            somebody.post("/me/verification", &json!({ "method": "registry" })).await.said(),
            (409, "desk_required")
        );
    }
    let same = Resident::signs_in(&town, "same").await;
    let mut body = registration("x");
    body["document"] = plain("hk_mo_pass", "H12345678");
    body["birth_date"] = json!("1990-01-01");
    let refused = same.post("/members", &body).await;
    assert_eq!(refused.said(), (409, "id_already_registered"), "without the count of reissues");
}

#[tokio::test]
async fn a_face_proves_who_somebody_is_only_when_wechat_says_so() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let asks = json!({ "method": "wechat_face" });
    for (verify_ret, outcome, verified) in [
        (90002, "not_done", "unverified"),
        (10003, "mismatch", "unverified"),
        (10000, "match", "wechat_face"),
    ] {
        town.wechat().judges_faces(verify_ret);
        let begun = zhang.post("/me/verification", &asks).await.ok();
        assert_eq!(begun["outcome"], "pending");
        assert!(begun["verify_id"].as_str().unwrap().starts_with("v-"));
        let path = format!("/me/verification/{}/finish", begun["id"].as_str().unwrap());
        let stranger = Resident::registers(&town, &format!("li{verify_ret}")).await;
        assert_eq!(stranger.does(&path).await.said(), (404, "not_found"));
        assert_eq!(zhang.does(&path).await.ok()["outcome"], outcome);
        assert_eq!(zhang.does(&path).await.said(), (404, "not_found"), "ended");
        assert_eq!(zhang.get("/me").await.ok()["verification"], verified);
    }
}

#[tokio::test]
async fn consents_are_given_one_by_one_and_never_in_passing() {
    let town = TestTown::with_wechat().await;
    let texts = Answer::to(town.wire.get("/api/v1/consent-texts")).await.ok();
    assert_eq!(texts["items"].as_array().unwrap().len(), 8);
    let zhang = Resident::signs_in(&town, "zhang").await;
    let mut body = registration(&document("1990-05-01".parse().unwrap(), 12));
    let says = |purpose: &str| json!({ "purpose": purpose, "granted": true, "text_version": "1" });
    body["consents"] = json!([says("health_data")]);
    assert_eq!(zhang.post("/members", &body).await.said(), (422, "consent_bundled"));
    body["consents"] = json!([says("door_face")]);
    let bundled = zhang.post("/members", &body).await;
    assert_eq!(bundled.said(), (422, "consent_bundled"));
    assert_eq!(bundled.body["errors"][0]["pointer"], "/consents/0/purpose");
    body["consents"] =
        json!([{ "purpose": "minutes_statistics", "granted": true, "text_version": "0" }]);
    assert_eq!(zhang.post("/members", &body).await.said(), (409, "consent_outdated"));
    body["consents"] = json!([]);
    zhang.post("/members", &body).await.ok();

    let stands_for = async |resident: &Resident, purpose: &str| {
        let all = resident.get("/me/consents").await.ok();
        let all = all["items"].as_array().unwrap().clone();
        let one = all.into_iter().find(|one| one["purpose"] == purpose).unwrap();
        (one["standing"].as_str().unwrap().to_owned(), one["may_ask"].as_bool().unwrap())
    };
    let stands = async |purpose: &str| stands_for(&zhang, purpose).await;
    assert_eq!(stands("door_face").await, ("open".to_owned(), true));
    let old = json!({ "purpose": "door_face", "granted": true, "text_version": "0" });
    assert_eq!(zhang.post("/me/consents", &old).await.said(), (409, "consent_outdated"));
    assert_eq!(zhang.agrees("door_face").await.status, 201);
    assert_eq!(stands("door_face").await, ("granted".to_owned(), false));
    zhang.delete("/me/consents?purpose=door_face").await.ok();
    assert_eq!(stands("door_face").await, ("refused".to_owned(), false));
    town.is_now("2026-12-22T02:00:00Z");
    let zhang_again = Resident::signs_in(&town, "zhang").await;
    zhang_again.agrees("minutes_statistics").await.ok();
    assert_eq!(stands("door_face").await, ("refused".to_owned(), false));
    // Ninety days after the refusal, and not before.
    for (at, may_ask) in [("2027-02-21T01:59:59Z", false), ("2027-02-21T02:00:01Z", true)] {
        town.is_now(at);
        let later = Resident::signs_in(&town, "zhang").await;
        let stands = stands_for(&later, "door_face").await;
        assert_eq!(stands, ("refused".to_owned(), may_ask), "{at}");
    }
}

#[tokio::test]
async fn a_guardian_registers_and_looks_after_children() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let child = |birth: &str, n| {
        json!({
            "name": "张小宝",
            "document": { "type": "resident_id", "number": document(birth.parse().unwrap(), n) },
            "consents": [{ "purpose": "realname_check", "granted": true, "text_version": "1" }],
        })
    };
    let young = child("2016-05-01", 12);
    assert_eq!(zhang.post("/me/dependants", &young).await.said(), (403, "member_not_verified"));
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let made = zhang.post("/me/dependants", &young).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(zhang.post("/me/dependants", &young).await.said(), (422, "dependant_exists"));
    let grown = child("2000-05-01", 12);
    assert_eq!(zhang.post("/me/dependants", &grown).await.said(), (422, "guardian_unfit"));
    let listed = zhang.get("/me/dependants").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["name"]),
        (&made["id"], &json!("张*"))
    );

    let check = json!({ "method": "registry", "dependant_id": id });
    assert_eq!(zhang.post("/me/verification", &check).await.ok()["outcome"], "match");
    let agree = json!({
        "purpose": "minutes_statistics", "granted": true, "text_version": "1", "dependant_id": id,
    });
    assert_eq!(zhang.post("/me/consents", &agree).await.status, 201);
    let li = Resident::registers(&town, "li").await;
    assert_eq!(li.post("/me/consents", &agree).await.said(), (404, "not_found"));
    assert_eq!(li.post("/me/verification", &check).await.said(), (404, "not_found"));
    li.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    assert_eq!(li.post("/me/dependants", &young).await.said(), (409, "id_already_registered"));
    town.is_now("2034-05-01T02:00:00Z");
    let zhang = Resident::signs_in(&town, "zhang").await;
    let grown_up = zhang.post("/me/consents", &agree).await;
    assert_eq!(grown_up.said(), (404, "not_found"), "18 today: they speak for themselves");
}

#[tokio::test]
async fn who_lost_their_account_comes_back_by_their_face() {
    let town = TestTown::with_wechat().await;
    let number = document("1990-05-01".parse().unwrap(), 12);
    let before = Resident::signs_in(&town, "old").await;
    before.post("/members", &registration(&number)).await.ok();
    let id = before.id().await;
    let now = Resident::signs_in(&town, "new").await;
    assert_eq!(now.post("/members", &registration(&number)).await.said().0, 409);
    let claim = |name: &str, number: &str| json!({ "name": name, "document": { "type": "resident_id", "number": number } });
    let nobody = document("1991-05-01".parse().unwrap(), 12);
    let begin = async |number: &str| {
        now.post("/members/recovery", &claim("张三", number)).await.ok()["check"].clone()
    };
    let (theirs, none) = (begin(&number).await, begin(&nobody).await);
    assert_eq!((&theirs["outcome"], &none["outcome"]), (&json!("pending"), &json!("pending")));
    let finish = async |check: &Value, body: &Value| {
        let path = format!("/members/recovery/{}/finish", check["id"].as_str().unwrap());
        now.post(&path, body).await
    };
    let other = finish(&theirs, &claim("张三", &nobody)).await;
    assert_eq!(other.said(), (404, "not_found"), "another document than was proved");
    assert_eq!(finish(&none, &claim("张三", &nobody)).await.ok()["member_id"], Value::Null);
    town.wechat().judges_faces(10_003);
    assert_eq!(finish(&theirs, &claim("张三", &number)).await.ok()["member_id"], Value::Null);
    town.wechat().judges_faces(10_000);
    let once_more = begin(&number).await;
    let back = finish(&once_more, &claim("张三", &number)).await.ok();
    assert_eq!(back["member_id"], id.as_str());
    assert_eq!(now.id().await, id);
    assert_eq!(now.get("/me").await.ok()["verification"], "wechat_face");
    assert_eq!(before.get("/me").await.said(), (401, "session_ended"), "the old telephone is out");
}

#[tokio::test]
async fn who_lost_their_account_comes_back_with_a_code_of_the_desk() {
    let town = TestTown::with_wechat().await;
    let member = town.member().await;
    let path = format!("/members/{}/recovery-code", member.id);
    let void = town.office.post(&path, &json!({})).await.ok()["code"].clone();
    let code = town.office.post(&path, &json!({})).await.ok()["code"].clone();
    let now = Resident::signs_in(&town, "new").await;
    let recover =
        async |code: &Value| now.post("/members/recovery", &json!({ "desk_code": code })).await;
    for wrong in [&void, &json!("0000000000")] {
        assert_eq!(recover(wrong).await.said(), (401, "recovery_failed"));
    }
    assert_eq!(recover(&code).await.ok()["member_id"], member.id.as_str());
    assert_eq!(now.id().await, member.id);
    let li = Resident::signs_in(&town, "li").await;
    let again = li.post("/members/recovery", &json!({ "desk_code": code })).await;
    assert_eq!(again.said(), (401, "recovery_failed"), "each is good once");
    let late = town.office.post(&path, &json!({})).await.ok()["code"].clone();
    town.is_now("2026-11-23T02:10:00Z");
    let late = li.post("/members/recovery", &json!({ "desk_code": late })).await;
    assert_eq!(late.said(), (401, "recovery_failed"), "ten minutes later");
    let other = town.hire("community", "330499001002").await;
    assert_eq!(other.post(&path, &json!({})).await.said(), (404, "not_found"));
}

#[tokio::test]
async fn only_what_is_theirs_to_change_can_be_changed() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let li = Resident::registers(&town, "li").await;
    li.patch(&json!({ "phone_code": "phone-13900000000" })).await.ok();
    for (body, said) in [
        (json!({ "name": "李四" }), (422, "immutable_field")),
        (json!({ "verification": "desk" }), (422, "immutable_field")),
        (json!({ "role": "admin" }), (422, "unknown_field")),
        (json!({ "minutes": 100 }), (422, "unknown_field")),
        (json!({ "home_community": "330499009009" }), (422, "unknown_division")),
        (json!({ "phone_code": "phone-13900000000.1" }), (409, "phone_already_registered")),
        (json!({ "phone_code": "login-x" }), (422, "wechat_code_invalid")),
    ] {
        assert_eq!(zhang.patch(&body).await.said(), said, "{body}");
    }
    let change = json!({ "home_community": "330499001002", "in_ranks": true });
    zhang.patch(&change).await.ok();
    let me = zhang.get("/me").await.ok();
    assert_eq!((&me["home_community"], &me["in_ranks"]), (&json!("330499001002"), &json!(true)));
}

#[tokio::test]
async fn who_asks_to_be_forgotten_is_a_new_person_when_they_come_back() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let number = document("1990-05-01".parse().unwrap(), 12);
    let zhang = Resident::signs_in(&town, "zhang").await;
    zhang.post("/members", &registration(&number)).await.ok();
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let id = zhang.id().await;
    let card = json!({ "kind": "card", "handle": "c-zhang" });
    town.office.post(&format!("/members/{id}/credentials"), &card).await.ok();
    let shown = crate::support::Shown::card("c-zhang");
    assert_eq!(door.asks("in", &shown).await["decision"], "granted");
    town.is_now("2026-11-23T03:00:00Z");
    door.asks("out", &shown).await;
    let screen = town.screen("330499").await;
    let before = screen.shows("minutes", |s| s["today"]["minutes"]["total"] == 60).await;

    let zhang = Resident::signs_in(&town, "zhang").await;
    let all = zhang.get("/me/export").await.ok();
    assert_eq!(all["tables"]["members"][0]["name"], "张三");
    assert_eq!(all["tables"]["members"][0]["document"], number.as_str());
    assert_eq!(all["tables"]["sessions"][0]["minutes"], 60);
    assert_eq!(all["tables"]["entry_events"].as_array().unwrap().len(), 2);
    assert_eq!(all["tables"]["wechat_accounts"][0]["openid"], "o-zhang");

    assert_eq!(zhang.delete("/me").await.status, 204);
    assert_eq!(zhang.get("/me").await.said(), (401, "session_ended"));
    assert_eq!(door.asks("in", &shown).await["reason"], "unknown_credential");
    let gone = town.office.get(&format!("/members/{id}")).await;
    assert_eq!(gone.said(), (404, "not_found"));
    town.clock.set(at("2026-11-23T03:00:05Z"));
    let after = screen.document().await;
    assert_eq!(after["today"], before["today"], "the venue's figures stay: {}", gym.id);
    town.adds_up().await;

    let back = Resident::signs_in(&town, "zhang").await;
    back.post("/members", &registration(&number)).await.ok();
    assert_ne!(back.id().await, id, "no resurrection");
}

#[tokio::test]
async fn a_name_is_also_kept_as_it_was_written() {
    let town = TestTown::with_wechat().await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let cases = [("ali", "阿卜杜拉•买买提", "阿卜杜拉·买买提"), ("li", "李四", "李四")];
    for (n, (who, written, kept)) in (12..).zip(cases) {
        let resident = Resident::signs_in(&town, who).await;
        let mut body = registration(&document("1990-05-01".parse().unwrap(), n));
        body["name"] = json!(written);
        resident.post("/members", &body).await.ok();
        let asks = format!("/members/{}/unmaskings", resident.id().await);
        let asked = clerk.post(&asks, &json!({ "what": "name", "reason": "核对证件" })).await.ok();
        let path = format!("/unmaskings/{}", asked["id"].as_str().unwrap());
        let differs = if written == kept { Value::Null } else { json!(written) };
        let shown = clerk.get(&path).await.ok();
        assert_eq!((&shown["value"], &shown["written"]), (&json!(kept), &differs));
        let export = resident.get("/me/export").await.ok();
        assert_eq!(export["tables"]["members"][0]["written"], differs);
        assert_eq!(resident.delete("/me").await.status, 204);
    }
    let left = "SELECT COUNT(*) AS n FROM members WHERE written_ct IS NOT NULL";
    assert_eq!(town.store.count(left).await, 0, "it goes with the person");
}
