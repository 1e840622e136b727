//! The desk at work, a story a role: finding people, suspending them, lending codes, seeing what is
//! masked by four eyes, joining what was registered twice; and accounts that staff keep.

use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret};

use crate::support::{Answer, COMMUNITY, Office, Resident, Shown, TestTown, at};

async fn found(office: &Office, body: Value) -> Vec<String> {
    let page = office.post("/members/search", &body).await.ok();
    let ids = page["items"].as_array().unwrap().iter();
    ids.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_clerk_finds_people_by_what_they_show() {
    let town = TestTown::open().await;
    let (zhang, li) = (town.member().await, town.member().await);
    let clerk = town.hire("venue", COMMUNITY).await;
    let stranger = town.hire("community", "330499001002").await;
    let document = json!({ "document": { "type": "resident_id", "number": zhang.number } });
    assert_eq!(found(&clerk, document.clone()).await, [zhang.id.as_str()]);
    assert_eq!(found(&stranger, document).await, Vec::<String>::new());
    for name in ["张三", "张*"] {
        assert_eq!(found(&clerk, json!({ "name": name })).await.len(), 2, "{name}");
    }
    assert_eq!(found(&clerk, json!({ "name": "李*" })).await.len(), 0);
    let first = clerk.post("/members/search", &json!({ "limit": 1 })).await.ok();
    let next = json!({ "limit": 1, "cursor": first["next_cursor"] });
    let second = clerk.post("/members/search", &next).await.ok();
    let ids = [&first["items"][0]["id"], &second["items"][0]["id"]];
    assert_eq!(ids, [&json!(zhang.id), &json!(li.id)], "in the order of their ids");
    assert!(second["next_cursor"].is_null());
    assert!(!first.to_string().contains(&zhang.number), "masked");
    let elsewhere = json!({ "division": "330499001002" });
    assert_eq!(clerk.post("/members/search", &elsewhere).await.said(), (404, "not_found"));
    let coach = town.hire("instructor", COMMUNITY).await;
    assert_eq!(coach.post("/members/search", &json!({})).await.said(), (403, "forbidden"));
}

#[tokio::test]
async fn the_desk_verifies_whom_it_has_seen_once_and_never_below_a_better_proof() {
    let town = TestTown::with_wechat().await;
    let (zhang, li) =
        (Resident::registers(&town, "zhang").await, Resident::registers(&town, "li").await);
    let (id, other) = (zhang.id().await, li.id().await);
    let (clerk, stranger) =
        (town.hire("venue", COMMUNITY).await, town.hire("venue", "330499001002").await);
    let verify = |id: &str| format!("/members/{id}/verification");
    assert_eq!(zhang.get("/me").await.ok()["verification"], "unverified");
    assert_eq!(stranger.post(&verify(&id), &json!({})).await.said(), (404, "not_found"));
    let bureau = town.hire("bureau", "330499").await;
    assert_eq!(bureau.post(&verify(&id), &json!({})).await.said(), (403, "forbidden"));
    assert_eq!(clerk.post(&verify(&id), &json!({})).await.ok()["verification"], "desk");
    assert_eq!(clerk.post(&verify(&id), &json!({})).await.ok()["verification"], "desk");
    assert_eq!(zhang.get("/me").await.ok()["verification"], "desk");
    let noted = format!("/audit?object=member:{id}&act=member_verified");
    let noted = town.office.get(&noted).await.ok();
    assert_eq!(noted["items"].as_array().unwrap().len(), 1, "once");
    assert_eq!(zhang.get("/me/views").await.ok()["items"][0]["act"], "changed");
    li.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let better = li.get("/me").await.ok()["verification"].clone();
    assert_ne!(better, "unverified");
    assert_eq!(clerk.post(&verify(&other), &json!({})).await.ok()["verification"], better);
}

#[tokio::test]
async fn a_suspended_member_is_refused_until_reinstated() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let (clerk, head) =
        (town.hire("venue", COMMUNITY).await, town.hire("community", COMMUNITY).await);
    let (suspend, reinstate) = (
        format!("/members/{}/suspension", member.id),
        format!("/members/{}/reinstatement", member.id),
    );
    let why = json!({ "reason": "多次冒用他人卡" });
    assert_eq!(clerk.post(&suspend, &why).await.said(), (403, "forbidden"));
    assert_eq!(head.post(&suspend, &json!({ "reason": " " })).await.status, 422);
    assert_eq!(head.post(&suspend, &why).await.ok()["status"], "suspended");
    assert_eq!(head.post(&suspend, &why).await.said(), (409, "conflict"));
    assert_eq!(door.asks("in", &member.card).await["reason"], "member_suspended");
    assert_eq!(head.post(&reinstate, &why).await.ok()["status"], "active");
    assert_eq!(door.asks("in", &member.card).await["decision"], "granted");
}

#[tokio::test]
async fn a_code_is_lent_for_a_while_and_one_at_a_time() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let path = format!("/members/{}/desk-code", member.id);
    let lent = |body: Value| {
        let (clerk, path) = (&clerk, &path);
        async move {
            let said = clerk.post(path, &body).await.ok();
            Shown { method: "code", credential: said["code"].as_str().unwrap().to_owned() }
        }
    };
    let first = lent(json!({})).await;
    let second = lent(json!({ "valid_to": "2026-11-23T03:00:00Z" })).await;
    assert_eq!(door.asks("in", &first).await["reason"], "unknown_credential");
    assert_eq!(door.asks("in", &second).await["decision"], "granted");
    town.is_now("2026-11-23T03:00:01Z");
    assert_eq!(door.asks("in", &second).await["reason"], "unknown_credential");
    let long = json!({ "valid_to": "2026-11-25T02:00:00Z" });
    assert_eq!(clerk.post(&path, &long).await.status, 422);
}

#[tokio::test]
async fn a_number_is_seen_by_four_eyes_for_a_reason_and_told_to_the_person() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let id = zhang.id().await;
    let (clerk, head) =
        (town.hire("venue", COMMUNITY).await, town.hire("community", COMMUNITY).await);
    let asks = format!("/members/{id}/unmaskings");
    let what = json!({ "what": "document", "reason": "核对保险单" });
    let asked = clerk.post(&asks, &what).await.ok();
    assert_eq!(asked["waits"], true);
    let request = asked["id"].as_str().unwrap();
    let (see, decide) = (format!("/unmaskings/{request}"), format!("/requests/{request}/decision"));
    assert_eq!(clerk.get(&see).await.said(), (403, "decision_required"));
    assert_eq!(clerk.post(&decide, &json!({ "approve": true })).await.said(), (403, "forbidden"));
    let waiting = head.get("/requests").await.ok();
    assert_eq!(waiting["items"][0]["details"], json!({ "what": "document" }), "{waiting}");
    head.post(&decide, &json!({ "approve": true })).await.ok();
    let again = head.post(&decide, &json!({ "approve": true })).await;
    assert_eq!(again.said(), (409, "request_decided"));
    assert_eq!(head.get(&see).await.said(), (404, "not_found"), "it is the asker's");
    let shown = clerk.get(&see).await.ok();
    assert!(shown["value"].as_str().unwrap().starts_with("330499"), "{shown}");
    let views = zhang.get("/me/views").await.ok();
    assert_eq!(views["items"][0]["act"], "unmasked");

    // A quarter of an hour later somebody else may sit there.
    town.is_now("2026-11-23T02:15:00Z");
    assert_eq!(clerk.get(&see).await.said(), (401, "confirmation_required"));
    let confirm = "/sessions/current/confirmation";
    let wrong = json!({ "password": "not the password", "code": clerk.code() });
    assert_eq!(clerk.post(confirm, &wrong).await.said(), (401, "confirmation_failed"));
    let right = json!({ "password": clerk.password, "code": clerk.code() });
    assert_eq!(clerk.post(confirm, &right).await.status, 204);
    assert_eq!(clerk.post(confirm, &right).await.said(), (401, "confirmation_failed"), "once");
    clerk.get(&see).await.ok();

    // A telephone number is worth a reason, and no second person.
    let phone = json!({ "what": "phone", "reason": "失物招领" });
    let asked = clerk.post(&asks, &phone).await.ok();
    assert_eq!(asked["waits"], false);
    clerk.get(&format!("/unmaskings/{}", asked["id"].as_str().unwrap())).await.ok();
}

#[tokio::test]
async fn two_registrations_of_one_person_become_one_whose_stays_never_overlap() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let (other_gym, _) = town.gym().await;
    let other_door = town.terminal(&other_gym, "both").await;
    let (kept, gone) = (town.member().await, town.member().await);
    // Alone: half an hour each. Together: they overlap, and one ends the other.
    door.tells(&[
        door.record("in", &kept.card, at("2026-11-22T01:00:00Z")),
        door.record("out", &kept.card, at("2026-11-22T02:00:00Z")),
        door.record("in", &gone.card, at("2026-11-22T05:00:00Z")),
        door.record("out", &gone.card, at("2026-11-22T05:40:00Z")),
    ])
    .await;
    other_door
        .tells(&[
            other_door.record("in", &gone.card, at("2026-11-22T01:30:00Z")),
            other_door.record("out", &gone.card, at("2026-11-22T02:30:00Z")),
        ])
        .await;
    let head = town.hire("community", COMMUNITY).await;
    let path = format!("/members/{}/join", kept.id);
    let other = json!({ "other_id": gone.id });
    let before = town.digest().await;
    let seen = head.post(&format!("{path}/preview"), &other).await.ok();
    assert_eq!(seen["effect"]["minutes_before"], 160, "{seen}");
    assert_eq!(seen["effect"]["minutes_after"], 130, "{seen}");
    assert_eq!(town.digest().await, before, "a look changes nothing");
    let mut body = other;
    body["reason"] = json!("护照与身份证为同一人");
    let done = head.post(&path, &body).await.ok();
    assert_eq!(done["effect"], seen["effect"], "what was shown is what was done");
    assert_eq!(head.get(&format!("/members/{}", gone.id)).await.said(), (404, "not_found"));
    let stays = head.get(&format!("/members/{}/sessions", kept.id)).await.ok();
    assert_eq!(stays["items"].as_array().unwrap().len(), 3, "{stays}");
    town.adds_up().await;
    // The card of the one opens doors for the other.
    assert_eq!(door.asks("in", &gone.card).await["decision"], "granted");
    assert_eq!(other_door.asks("in", &kept.card).await["decision"], "granted");
    town.adds_up().await;
    let itself = json!({ "other_id": kept.id, "reason": "x" });
    assert_eq!(head.post(&path, &itself).await.status, 422);
}

#[tokio::test]
async fn an_invited_account_enrols_once_and_its_use_ends_at_once() {
    let town = TestTown::open().await;
    let head = town.hire("community", COMMUNITY).await;
    let invited = json!({ "name": "new-clerk", "role": "venue", "division": COMMUNITY });
    let said = head.post("/accounts", &invited).await.ok();
    assert_eq!(head.post("/accounts", &invited).await.said(), (409, "staff_name_taken"));
    for (role, division, refusal) in [
        ("community", COMMUNITY, (403, "forbidden")),
        ("admin", COMMUNITY, (403, "forbidden")),
        ("venue", "330499001002", (404, "not_found")),
    ] {
        let body = json!({ "name": "another", "role": role, "division": division });
        assert_eq!(head.post("/accounts", &body).await.said(), refusal, "{role} {division}");
    }
    let enrol = |code: &str, password: &str| {
        let body = json!({ "name": "new-clerk", "code": code, "password": password });
        Answer::to(town.wire.post("/api/v1/staff/enrolments", &body))
    };
    let (code, password) = (said["code"].as_str().unwrap(), "a long enough secret");
    assert_eq!(enrol("wrong", password).await.said(), (401, "enrolment_failed"));
    assert_eq!(enrol(code, "short").await.status, 422);
    let factor = enrol(code, password).await.ok();
    assert_eq!(enrol(code, password).await.said(), (401, "enrolment_failed"), "good once");
    let token = signs_in(&town, password, &factor).await;
    let asks = async || {
        let request = town.wire.post("/api/v1/staff/members/search", &json!({}));
        Answer::to(request.bearer_auth(&token)).await
    };
    asks().await.ok();
    let account = format!("/accounts/{}", said["id"].as_str().unwrap());
    let change = async |body: Value| {
        Answer::to(head.request(reqwest::Method::PATCH, &account).await.json(&body)).await
    };
    // What somebody may do changes at once, sessions or not.
    assert_eq!(change(json!({ "role": "instructor" })).await.ok()["role"], "instructor");
    assert_eq!(asks().await.said(), (403, "forbidden"));
    assert_eq!(change(json!({ "enabled": false })).await.ok()["status"], "disabled");
    assert_eq!(asks().await.said(), (401, "session_ended"));
    let listed = head.get("/accounts").await.ok();
    let names: Vec<_> = listed["items"].as_array().unwrap().iter().map(|a| &a["name"]).collect();
    assert!(names.contains(&&json!("new-clerk")), "{listed}");
    let own = listed["items"].as_array().unwrap().iter().find(|a| a["name"] == head.name.as_str());
    let own = format!("/accounts/{}/enrolment", own.unwrap()["id"].as_str().unwrap());
    assert_eq!(head.post(&own, &json!({})).await.status, 403);
}

async fn signs_in(town: &TestTown, password: &str, factor: &Value) -> String {
    let secret = Secret::try_from_base32(factor["totp_secret"].as_str().unwrap()).unwrap();
    let totp = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(secret.to_vec())
        .build_noncompliant();
    let code = totp.generate(u64::try_from(town.now().timestamp()).unwrap()).to_string();
    let body = json!({ "name": "new-clerk", "password": password, "code": code });
    let said = Answer::to(town.wire.post("/api/v1/staff/sessions", &body)).await.ok();
    said["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let town = TestTown::open().await;
    let desk = town.hire("venue", COMMUNITY).await;
    let other = desk.signs_in_with(&desk.password, &desk.code()).await.ok();
    town.is_now("2026-11-23T02:00:30Z");
    let own = desk.token().await;
    town.is_now("2026-11-23T02:01:00Z");
    let put = |password: &str, new: &str| json!({ "password": password, "code": desk.code(), "new_password": new });
    let with = |token: &str, body: &Value| {
        let request = town.wire.request(reqwest::Method::PUT, "/api/v1/staff/password");
        Answer::to(request.bearer_auth(token).json(body))
    };
    let wrong = put("not the password", "a long enough secret");
    assert_eq!(with(&own, &wrong).await.said(), (401, "confirmation_failed"));
    let weak = put(&desk.password, "1234567890");
    assert_eq!(with(&own, &weak).await.status, 422);
    let right = put(&desk.password, "a long enough secret");
    assert_eq!(with(&own, &right).await.status, 204);
    let asks = |token: &str| Answer::to(town.wire.get("/api/v1/staff/venues").bearer_auth(token));
    asks(&own).await.ok();
    let ended = asks(other["token"].as_str().unwrap()).await;
    assert_eq!(ended.said(), (401, "session_ended"));
}

#[tokio::test]
async fn corrections_are_shown_done_and_above_an_hour_approved() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.tells(&[
        door.record("in", &member.card, at("2026-11-22T01:00:00Z")),
        door.record("out", &member.card, at("2026-11-22T01:10:00Z")),
    ])
    .await;
    let (clerk, head) =
        (town.hire("venue", COMMUNITY).await, town.hire("community", COMMUNITY).await);
    let stays = clerk.get(&format!("/members/{}/sessions", member.id)).await.ok();
    let session = stays["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/sessions/{session}/corrections");
    let until = |left: &str| json!({ "entered_at": "2026-11-22T01:00:00Z", "left_at": left });
    let because = |left: &str| {
        let mut body = until(left);
        body["reason"] = json!("出口终端故障");
        body
    };
    let before = town.digest().await;
    let seen = clerk.post(&format!("{path}/preview"), &until("2026-11-22T02:00:00Z")).await.ok();
    assert_eq!(
        (&seen["needs_second"], &seen["effect"]["minutes_after"]),
        (&json!(false), &json!(60))
    );
    assert_eq!(town.digest().await, before);
    let done = clerk.post(&path, &because("2026-11-22T02:00:00Z")).await;
    assert_eq!((done.status, &done.body["effect"]), (200, &seen["effect"]));
    let stays = clerk.get(&format!("/members/{}/sessions", member.id)).await.ok();
    let ledger: Vec<_> = stays["items"][0]["ledger"].as_array().unwrap().iter().collect();
    let rows: Vec<_> = ledger.iter().map(|row| row["minutes"].as_i64().unwrap()).collect();
    assert_eq!(rows, [10, -10, 60], "by reversal and a new row");
    // Many small ones are a large one.
    let small = clerk.post(&path, &because("2026-11-22T02:05:00Z")).await;
    assert_eq!(small.status, 202, "{}", small.text);
    let request = small.body["request_id"].as_str().unwrap().to_owned();
    let decide = format!("/requests/{request}/decision");
    head.post(&decide, &json!({ "approve": false })).await.ok();
    let large = clerk.post(&path, &because("2026-11-22T03:30:00Z")).await;
    assert_eq!(large.status, 202, "{}", large.text);
    assert_eq!(large.body["effect"]["minutes_after"], 150);
    let stays = clerk.get(&format!("/members/{}/sessions", member.id)).await.ok();
    assert_eq!(stays["items"][0]["minutes"], 60, "not before somebody else has looked");
    let decide = format!("/requests/{}/decision", large.body["request_id"].as_str().unwrap());
    let decided = head.post(&decide, &json!({ "approve": true })).await.ok();
    assert_eq!(decided["effect"]["minutes_after"], 150, "{decided}");
    town.adds_up().await;
    let overlong = until("2026-11-24T01:00:00Z");
    assert_eq!(clerk.post(&format!("{path}/preview"), &overlong).await.status, 422);
}

#[tokio::test]
async fn nobody_approves_their_own_correction() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.tells(&[door.record("in", &member.card, at("2026-11-21T01:00:00Z"))]).await;
    let head = town.hire("community", COMMUNITY).await;
    let stays = head.get(&format!("/members/{}/sessions", member.id)).await.ok();
    let path = format!("/sessions/{}/corrections", stays["items"][0]["id"].as_str().unwrap());
    let body = json!({
        "entered_at": "2026-11-21T01:00:00Z", "left_at": "2026-11-21T04:00:00Z", "reason": "x",
    });
    let asked = head.post(&path, &body).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    let decide = format!("/requests/{}/decision", asked.body["request_id"].as_str().unwrap());
    let own = head.post(&decide, &json!({ "approve": true })).await;
    assert_eq!(own.said(), (403, "own_request"));
}

#[tokio::test]
async fn a_dispute_is_answered_and_the_answer_read() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let zhang = Resident::registers(&town, "zhang").await;
    zhang.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let card = Shown::card("c-4711");
    town.credential(&zhang.id().await, &card).await;
    door.asks("in", &card).await;
    let session = zhang.get("/me/sessions").await.ok()["items"][0]["id"].clone();
    let says = format!("/me/sessions/{}/disputes", session.as_str().unwrap());
    zhang.post(&says, &json!({ "text": "我当天没有来" })).await.ok();
    let (clerk, stranger) =
        (town.hire("venue", COMMUNITY).await, town.hire("community", "330499001002").await);
    assert_eq!(stranger.get("/disputes").await.ok()["items"], json!([]));
    let waiting = clerk.get("/disputes").await.ok();
    assert_eq!(waiting["items"][0]["text"], "我当天没有来");
    let path = format!("/disputes/{}/answer", waiting["items"][0]["id"].as_str().unwrap());
    let answer = json!({ "outcome": "accepted", "answer": "已核实，卡被他人使用。" });
    assert_eq!(stranger.post(&path, &answer).await.said(), (404, "not_found"));
    clerk.post(&path, &answer).await.ok();
    assert_eq!(clerk.post(&path, &answer).await.said(), (409, "request_decided"));
    assert_eq!(clerk.get("/disputes").await.ok()["items"], json!([]));
    let own = zhang.get("/me/disputes").await.ok();
    assert_eq!(own["items"][0]["answer"], "已核实，卡被他人使用。");
    assert_eq!(own["items"][0]["outcome"], "accepted");
}
