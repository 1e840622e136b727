//! What residents see of their own minutes, what they may say about them, and how they come in
//! without a face.

use serde_json::{Value, json};

use crate::support::{Resident, Shown, TestTown, eventually};

/// Somebody with a card, at home in the community. They refuse that their face opens doors, and all
/// that follows is theirs all the same.
async fn with_card(town: &TestTown, name: &str) -> (Resident, Shown) {
    let resident = Resident::registers(town, name).await;
    let refuses = json!({ "purpose": "door_face", "granted": false });
    resident.post("/me/consents", &refuses).await.ok();
    resident.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let handle = format!("c-{name}");
    let path = format!("/members/{}/credentials", resident.id().await);
    town.office.post(&path, &json!({ "kind": "card", "handle": handle })).await.ok();
    (resident, Shown::card(&handle))
}

async fn stays(resident: &Resident) -> Vec<Value> {
    resident.get("/me/sessions").await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn shares_of_the_ways_in_are_counted() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    for (n, uses_card) in [(0, true), (1, false), (2, false)] {
        let member = town.member().await;
        town.is_now(&format!("2026-11-23T02:1{n}:00Z"));
        let shown = if uses_card { &member.card } else { &member.face };
        door.asks("in", shown).await;
        door.asks("out", shown).await;
    }
    door.asks("in", &Shown::card("nobody")).await;
    town.is_now("2026-11-23T03:00:00Z");
    let path = format!("/venues/{}/ways-in", gym.id);
    let ways = town.office.get(&path).await.ok();
    let items = json!([
        { "method": "card", "entries": 1, "per_mille": 333 },
        { "method": "face", "entries": 2, "per_mille": 667 },
    ]);
    assert_eq!(ways["items"], items);
    assert_eq!(town.office.get(&format!("{path}?days=0")).await.said(), (422, "out_of_range"));
}

#[tokio::test]
async fn minutes_are_shown_by_day_and_month_and_add_up() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let (zhang, card) = with_card(&town, "zhang").await;
    for (enters, leaves) in [
        ("2026-11-23T02:10:00Z", "2026-11-23T03:10:00Z"),
        ("2026-11-24T02:10:00Z", "2026-11-24T02:40:00Z"),
        ("2026-12-01T02:10:00Z", "2026-12-01T02:20:00Z"),
    ] {
        town.is_now(enters);
        assert_eq!(door.asks("in", &card).await["decision"], "granted");
        town.is_now(leaves);
        door.asks("out", &card).await;
    }
    let days = zhang.get("/me/minutes?from=2026-11-01&to=2026-12-31").await.ok();
    let minutes: Vec<_> = days["items"].as_array().unwrap().iter().map(|d| &d["minutes"]).collect();
    assert_eq!(minutes, [60, 30, 10]);
    assert_eq!((&days["total"]["minutes"], &days["total"]["visits"]), (&json!(100), &json!(3)));
    let months = zhang.get("/me/minutes?from=2026-11-01&to=2026-12-31&by=month").await.ok();
    assert_eq!(months["items"][0]["from"], "2026-11-01");
    assert_eq!(
        (&months["items"][0]["measured"], &months["items"][1]["measured"]),
        (&json!(90), &json!(10))
    );
    for (query, said) in [
        ("from=1926-01-01&to=2026-01-01", (422, "range_too_large")),
        ("from=2026-01-02&to=2026-01-01", (422, "bad_time")),
        ("from=2025-02-30&to=2026-01-01", (400, "bad_parameter")),
        ("by=week", (400, "bad_parameter")),
        ("by=day&by=day", (400, "duplicate_parameter")),
    ] {
        assert_eq!(zhang.get(&format!("/me/minutes?{query}")).await.said(), said, "{query}");
    }

    let stays = stays(&zhang).await;
    assert_eq!(stays.len(), 3);
    assert_eq!((&stays[0]["minutes"], &stays[2]["minutes"]), (&json!(10), &json!(60)));
    assert_eq!((&stays[0]["venue"]["id"], &stays[0]["ended_by"]), (&json!(gym.id), &json!("exit")));
    assert_eq!(stays[0]["may_declare"], Value::Null);
    for stay in &stays {
        let rows = stay["ledger"].as_array().unwrap().iter();
        let sum: i64 = rows.map(|row| row["minutes"].as_i64().unwrap()).sum();
        assert_eq!(stay["minutes"], sum, "{stay}");
    }
    let page = zhang.get("/me/sessions?limit=2").await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = zhang.get(&format!("/me/sessions?limit=2&cursor={cursor}")).await.ok();
    assert_eq!(rest["items"][0]["id"], stays[2]["id"]);
    let (li, _) = with_card(&town, "li").await;
    let stolen = li.get(&format!("/me/sessions?cursor={cursor}")).await;
    assert_eq!(stolen.said(), (400, "bad_cursor"));
    let streak = zhang.get("/me/streak").await.ok();
    assert_eq!((&streak["current_days"], &streak["longest_days"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn whoever_forgot_to_scan_out_says_when_they_left() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, card) = with_card(&town, "zhang").await;
    door.asks("in", &card).await;
    town.is_now("2026-11-23T06:05:00Z");
    let stay = eventually("an estimate", async || {
        stays(&zhang).await.into_iter().find(|stay| stay["provenance"] == "estimated")
    })
    .await;
    assert_eq!((&stay["minutes"], &stay["ended_by"]), (&json!(60), &json!("limit")));
    let path = format!("/me/sessions/{}/left", stay["id"].as_str().unwrap());
    for (at, said) in [
        ("2026-11-23T01:59:59Z", (422, "outside_stay")),
        ("2026-11-23T06:00:01Z", (422, "outside_stay")),
        ("2026-11-23T25:00:00Z", (422, "bad_time")),
    ] {
        assert_eq!(zhang.post(&path, &json!({ "at": at })).await.said(), said, "{at}");
    }
    let (li, _) = with_card(&town, "li").await;
    let said = json!({ "at": "2026-11-23T03:30:00Z" });
    assert_eq!(li.post(&path, &said).await.said(), (404, "not_found"));
    zhang.post(&path, &said).await.ok();
    let after = &stays(&zhang).await[0];
    assert_eq!((&after["minutes"], &after["provenance"]), (&json!(90), &json!("self_declared")));
    let ledger: Vec<_> =
        after["ledger"].as_array().unwrap().iter().map(|row| &row["minutes"]).collect();
    assert_eq!(ledger, [60, -60, 90]);
    zhang.post(&path, &json!({ "at": "2026-11-23T03:00:00Z" })).await.ok();
    assert_eq!(stays(&zhang).await[0]["minutes"], 60, "the newest word counts");
    town.adds_up().await;
    let sum = zhang.get("/me/minutes").await.ok();
    assert_eq!(
        (&sum["total"]["self_declared"], &sum["total"]["estimated"]),
        (&json!(60), &json!(0))
    );
    // What is offered is what is taken, to the second.
    town.is_now("2026-11-25T03:30:00Z");
    zhang.post(&path, &said).await.ok();
    town.is_now("2026-11-25T03:30:01Z");
    let offered = stays(&zhang).await[0]["may_declare"].clone();
    let ends = json!({
        "earliest": "2026-11-23T03:30:01Z", "latest": "2026-11-23T06:00:00Z",
        "until": "2026-11-25T06:00:00Z",
    });
    assert_eq!(offered, ends);
    assert_eq!(zhang.post(&path, &said).await.said(), (409, "declared_too_late"));
    zhang.post(&path, &json!({ "at": offered["earliest"] })).await.ok();
    town.is_now("2026-11-25T06:00:00Z");
    assert_eq!(stays(&zhang).await[0]["may_declare"]["earliest"], ends["latest"]);
    let last = json!({ "at": ends["latest"] });
    zhang.post(&path, &last).await.ok();
    town.is_now("2026-11-25T06:00:01Z");
    assert_eq!(stays(&zhang).await[0]["may_declare"], Value::Null);
    assert_eq!(zhang.post(&path, &last).await.said(), (409, "declared_too_late"));
}

#[tokio::test]
async fn a_stay_that_is_open_ends_when_its_member_says_so() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, card) = with_card(&town, "zhang").await;
    door.asks("in", &card).await;
    town.is_now("2026-11-23T03:00:00Z");
    let open = &stays(&zhang).await[0];
    assert_eq!((&open["left_at"], &open["minutes"]), (&Value::Null, &json!(0)));
    let path = format!("/me/sessions/{}/left", open["id"].as_str().unwrap());
    let later = json!({ "at": "2026-11-23T03:00:01Z" });
    assert_eq!(zhang.post(&path, &later).await.said(), (422, "outside_stay"), "not yet");
    zhang.post(&path, &json!({ "at": "2026-11-23T02:45:00Z" })).await.ok();
    let closed = &stays(&zhang).await[0];
    assert_eq!((&closed["minutes"], &closed["ended_by"]), (&json!(45), &json!("declared")));
    let screen = town.screen("330499").await;
    screen
        .shows("nobody inside", |s| s["inside"] == 0 && s["today"]["minutes"]["total"] == 45)
        .await;
    town.adds_up().await;
    // A terminal that was offline knows better.
    let out = door.record("out", &card, crate::support::at("2026-11-23T02:30:00Z"));
    door.tells(&[out]).await;
    let measured = &stays(&zhang).await[0];
    assert_eq!((&measured["minutes"], &measured["provenance"]), (&json!(30), &json!("measured")));
    assert_eq!(zhang.post(&path, &later).await.said(), (409, "end_is_known"));
    town.adds_up().await;
}

#[tokio::test]
async fn a_stay_is_disputed_once_at_a_time() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, card) = with_card(&town, "zhang").await;
    door.asks("in", &card).await;
    let id = stays(&zhang).await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/me/sessions/{id}/disputes");
    let says = |text: &str| json!({ "text": text });
    for text in ["", " ", &"长".repeat(501)] {
        assert_eq!(zhang.post(&path, &says(text)).await.said(), (422, "text_length"));
    }
    assert_eq!(zhang.post(&path, &says("我没有来")).await.status, 201);
    assert_eq!(zhang.post(&path, &says("我没有来")).await.said(), (409, "dispute_open"));
    assert_eq!(stays(&zhang).await[0]["disputed"], true);
    let (li, _) = with_card(&town, "li").await;
    assert_eq!(li.post(&path, &says("不是我")).await.said(), (404, "not_found"));
}

#[tokio::test]
async fn nobody_reads_a_text_before_it_was_judged() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, card) = with_card(&town, "zhang").await;
    let mut paths = Vec::new();
    for hour in ["02", "03", "04"] {
        town.is_now(&format!("2026-11-23T{hour}:10:00Z"));
        door.asks("in", &card).await;
        town.is_now(&format!("2026-11-23T{hour}:20:00Z"));
        door.asks("out", &card).await;
    }
    for stay in stays(&zhang).await {
        paths.push(format!("/me/sessions/{}/disputes", stay["id"].as_str().unwrap()));
    }
    let shown = "SELECT COUNT(*) AS n FROM session_disputes WHERE text_ct <> ''";
    let held = "SELECT COUNT(*) AS n FROM session_disputes WHERE held_ct IS NOT NULL";
    let says = json!({ "text": "我没有来" });

    town.wechat().judges_texts(Some("risky"));
    assert_eq!(zhang.post(&paths[0], &says).await.said(), (422, "text_not_allowed"));
    town.wechat().judges_texts(Some("review"));
    assert_eq!(zhang.post(&paths[0], &says).await.status, 201, "staff look at what is unsure");
    let asked = json!({ "content": "我没有来", "version": 2, "scene": 2, "openid": "o-zhang" });
    assert_eq!(town.wechat().judged(), [asked.clone(), asked]);
    assert_eq!((town.store.count(shown).await, town.store.count(held).await), (1, 0));

    town.wechat().judges_texts(None);
    for path in &paths[1..] {
        assert_eq!(zhang.post(path, &says).await.status, 201, "taken, and held");
    }
    assert_eq!((town.store.count(shown).await, town.store.count(held).await), (1, 2));
    let clear = "SELECT COUNT(*) AS n FROM session_disputes WHERE held_ct LIKE '%没有%'";
    assert_eq!(town.store.count(clear).await, 0);
    assert!(stays(&zhang).await.iter().all(|stay| stay["disputed"] == true));
    let texts = |list: &Value| {
        let texts = list["items"].as_array().unwrap().iter();
        texts.map(|item| item["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts(&zhang.get("/me/disputes").await.ok()), ["", "", "我没有来"]);
    assert_eq!(texts(&town.office.get("/disputes").await.ok()), ["我没有来", "", ""]);

    town.wechat().judges_texts(Some("pass"));
    town.is_now("2026-11-23T04:25:00Z");
    eventually("both to be shown", async || (town.store.count(shown).await == 3).then_some(()))
        .await;
    assert_eq!(town.store.count(held).await, 0);
}

#[tokio::test]
async fn a_text_that_is_bad_or_never_judged_is_not_shown() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let held = "SELECT COUNT(*) AS n FROM session_disputes WHERE held_ct IS NOT NULL";
    let left = "SELECT COUNT(*) AS n FROM session_disputes WHERE text_ct = ''";
    for (name, later, at) in
        [("zhang", Some("risky"), "2026-11-23T02:20:00Z"), ("li", None, "2026-12-01T02:00:00Z")]
    {
        let (resident, card) = with_card(&town, name).await;
        door.asks("in", &card).await;
        let id = stays(&resident).await[0]["id"].as_str().unwrap().to_owned();
        town.wechat().judges_texts(None);
        let says = json!({ "text": "我没有来" });
        let said = resident.post(&format!("/me/sessions/{id}/disputes"), &says).await;
        assert_eq!((said.status, town.store.count(held).await), (201, 1));
        town.wechat().judges_texts(later);
        town.is_now(at);
        eventually("nothing held", async || (town.store.count(held).await == 0).then_some(()))
            .await;
    }
    assert_eq!(town.store.count(left).await, 2, "both disputes stand, without words");
}

#[tokio::test]
async fn only_who_wants_to_be_seen_stands_in_a_ranking_and_masked() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let mut people = Vec::new();
    for name in ["zhang", "li", "wang"] {
        people.push(with_card(&town, name).await);
    }
    for (n, (_, card)) in people.iter().enumerate() {
        door.asks("in", card).await;
        let leaves = town.now() + chrono::TimeDelta::minutes(10 * (i64::try_from(n).unwrap() + 1));
        town.clock.set(leaves);
        door.asks("out", card).await;
    }
    let [zhang, li, wang] = [0, 1, 2].map(|n: usize| &people[n].0);
    for one in [zhang, wang] {
        one.patch(&json!({ "in_ranks": true })).await.ok();
    }
    eventually("months follow the days", async || {
        let waiting = town.store.count("SELECT COUNT(*) AS n FROM counter_changes").await;
        (waiting == 0).then_some(())
    })
    .await;
    let ranks = zhang.get("/me/ranks").await.ok();
    let rows: Vec<_> = ranks["items"].as_array().unwrap().iter().collect();
    let seen: Vec<_> = rows.iter().map(|r| (&r["rank"], &r["name"], &r["is_me"])).collect();
    assert_eq!(
        seen,
        [(&json!(1), &json!("张*"), &json!(false)), (&json!(2), &json!("张*"), &json!(true))]
    );
    assert_eq!(ranks["own"], json!({ "rank": 2, "minutes": 10 }));
    let hidden = li.get("/me/ranks?level=city").await.ok();
    assert_eq!((hidden["items"].as_array().unwrap().len(), &hidden["own"]), (2, &Value::Null));
    assert_eq!(hidden["division"], "3304");
    wang.delete("/me/consents?purpose=minutes_statistics").await.ok();
    let after = zhang.get("/me/ranks").await.ok();
    assert_eq!(after["items"].as_array().unwrap().len(), 1, "withdrawn, not shown any more");
    assert_eq!(after["own"]["rank"], 2, "and counted until the board is read again");
    town.clock.set(town.now() + chrono::TimeDelta::seconds(60));
    assert_eq!(zhang.get("/me/ranks").await.ok()["own"]["rank"], 1);
    zhang.patch(&json!({ "in_ranks": false })).await.ok();
    let hidden = zhang.get("/me/ranks").await.ok();
    assert_eq!((&hidden["items"], &hidden["own"]), (&json!([]), &Value::Null));
}

async fn code(resident: &Resident) -> Shown {
    let said = resident.get("/me/code").await.ok();
    Shown { method: "qr", credential: said["code"].as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn a_code_opens_the_door_for_half_a_minute() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, _) = with_card(&town, "zhang").await;
    let shown = code(&zhang).await;
    assert!(shown.credential.len() <= 256);
    let forged = Shown { method: "qr", credential: format!("{}A", &shown.credential[1..]) };
    assert_eq!(door.asks("in", &forged).await["reason"], "unknown_credential");
    town.is_now("2026-11-23T02:00:29Z");
    assert_eq!(door.asks("in", &shown).await["decision"], "granted");
    town.is_now("2026-11-23T02:00:31Z");
    assert_eq!(door.asks("in", &shown).await["reason"], "unknown_credential");
    let next = code(&zhang).await;
    town.is_now("2026-11-23T02:00:40Z");
    assert_eq!(door.asks("out", &next).await["decision"], "granted");
    assert_eq!(stays(&zhang).await.len(), 1);
    town.adds_up().await;
}

#[tokio::test]
async fn a_code_lets_one_person_in() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let other_door = town.terminal(&gym, "in").await;
    let (zhang, _) = with_card(&town, "zhang").await;
    let shown = code(&zhang).await;
    let asked = [&door, &other_door].map(|door| door.asks("in", &shown));
    let answers = futures_util::future::join_all(asked).await;
    let granted = answers.iter().filter(|answer| answer["decision"] == "granted").count();
    let refused = answers.iter().filter(|answer| answer["reason"] == "unknown_credential");
    assert_eq!((granted, refused.count()), (1, 1), "handed back over the gate");
    assert_eq!(door.asks("out", &shown).await["decision"], "granted", "an exit always opens");
    town.is_now("2026-11-23T02:00:06Z");
    assert_eq!(door.asks("in", &shown).await["decision"], "granted", "six seconds later");
    town.adds_up().await;
}

#[tokio::test]
async fn a_code_of_somebody_forgotten_opens_nothing() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let (zhang, _) = with_card(&town, "zhang").await;
    let shown = code(&zhang).await;
    assert_eq!(zhang.delete("/me").await.status, 204);
    assert_eq!(door.asks("in", &shown).await["reason"], "unknown_credential");
    let unverified = Resident::registers(&town, "li").await;
    let shown = code(&unverified).await;
    assert_eq!(door.asks("in", &shown).await["reason"], "member_not_verified");
}
