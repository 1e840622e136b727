//! Activities from sign-up to certificate, teams, and many who want the same few places at once.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Resident, Shown, TestTown, at, eventually};

/// Somebody whose name is proven and who has a card.
async fn comes(town: &TestTown, name: &str) -> (Resident, Shown) {
    let resident = Resident::registers(town, name).await;
    resident.post("/me/verification", &json!({ "method": "registry" })).await.ok();
    let card = Shown::card(&format!("c-{name}"));
    town.credential(&resident.id().await, &card).await;
    (resident, card)
}

/// An activity of two hours from 14:00 local time on; `more` stands over what most are.
async fn publishes(town: &TestTown, more: Value) -> (String, String) {
    let mut body = json!({
        "kind": "competition", "title": "社区羽毛球赛",
        "starts_at": "2026-11-23T06:00:00Z", "ends_at": "2026-11-23T08:00:00Z", "capacity": 1,
    });
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    let made = town.office.post("/activities", &body).await.ok();
    let id = made["id"].as_str().unwrap().to_owned();
    (format!("/activities/{id}/sign-up"), id)
}

fn alone() -> Value {
    json!({})
}

#[tokio::test]
async fn who_waits_moves_up_attends_wins_and_gets_a_certificate() {
    let town = TestTown::with_wechat().await;
    let (zhang, _) = comes(&town, "zhang").await;
    let (li, _) = comes(&town, "li").await;
    let here = json!({ "division": COMMUNITY, "place": "文化广场" });
    let (path, id) = publishes(&town, here).await;
    let signed = zhang.post(&path, &alone()).await.ok();
    assert_eq!((&signed["sign_up"]["state"], &signed["team_code"]), (&json!("in"), &Value::Null));
    assert_eq!(zhang.post(&path, &alone()).await.said(), (409, "already_signed_up"));
    let team = json!({ "team": {} });
    assert_eq!(li.post(&path, &team).await.said(), (422, "invalid_value"), "nobody comes in teams");
    assert_eq!(li.post(&path, &alone()).await.ok()["sign_up"]["state"], "waiting");
    let old =
        json!({ "division": COMMUNITY, "place": "文化广场", "age_min": 60, "kind": "lecture" });
    let (lecture, _) = publishes(&town, old).await;
    assert_eq!(li.post(&lecture, &alone()).await.said(), (403, "age_unsuitable"));

    zhang.delete(&path).await.ok();
    assert_eq!(zhang.delete(&path).await.said(), (404, "not_found"));
    let one = li.get(&format!("/activities/{id}")).await.ok();
    assert_eq!((&one["own"]["state"], &one["activity"]["taken"]), (&json!("offered"), &json!(1)));
    assert_eq!(one["own"]["offered_until"], "2026-11-23T02:30:00Z");
    let told = eventually("the message", async || town.wechat().sent().pop()).await;
    assert_eq!((&told["touser"], &told["template_id"]), (&json!("o-li"), &json!("ACTIVITY")));
    assert_eq!(told["data"]["thing3"]["value"], "有名额了，请在10:30前确认");
    let confirmation = format!("{path}/confirmation");
    assert_eq!(zhang.does(&confirmation).await.said(), (404, "not_found"), "has withdrawn");
    for _ in 0..2 {
        assert_eq!(li.does(&confirmation).await.ok()["state"], "in");
    }
    assert_eq!(zhang.post(&path, &alone()).await.ok()["sign_up"]["state"], "waiting");
    assert_eq!(zhang.does(&confirmation).await.said(), (409, "hold_ended"), "nothing is offered");
    assert_eq!(li.delete("/me").await.status, 204);
    eventually("a place of who is forgotten", async || {
        let one = zhang.get(&format!("/activities/{id}")).await.ok();
        (one["own"]["state"] == "offered" && one["activity"]["waiting"] == 0).then_some(())
    })
    .await;
    zhang.does(&confirmation).await.ok();

    let attendance = format!("/activities/{id}/attendance");
    let code = zhang.get("/me/code").await.ok();
    let shown = json!({ "code": code["code"] });
    assert_eq!(town.office.post(&attendance, &shown).await.said(), (409, "activity_closed"));
    let certificate = format!("/me/activities/{id}/certificate");
    assert_eq!(zhang.does(&certificate).await.said(), (404, "not_found"), "not attended");
    town.is_now("2026-11-23T05:50:00Z");
    assert_eq!(town.office.post(&attendance, &shown).await.said(), (422, "invalid_value"));
    let shown = json!({ "code": zhang.get("/me/code").await.ok()["code"] });
    let came = town.office.post(&attendance, &shown).await.ok();
    assert_eq!((&came["attended_by"], &came["name"]), (&json!("qr"), &json!("张*")));
    let sign_up = &came["id"];
    let results = json!({ "results": [{ "sign_up_id": sign_up, "place": 1, "result": "21:15" }] });
    let results_path = format!("/activities/{id}/results");
    assert_eq!(town.office.post(&results_path, &results).await.said(), (409, "activity_closed"));
    town.is_now("2026-11-23T08:30:00Z");
    town.office.post(&results_path, &results).await.ok();
    let places = zhang.get(&results_path).await.ok();
    let first = json!({ "place": 1, "name": "张*", "team": null, "result": "21:15" });
    assert_eq!(places["items"], json!([first]));
    let held = "SELECT COUNT(*) AS n FROM activities WHERE held_at IS NOT NULL";
    eventually("an activity that was held", async || {
        (town.store.count(held).await == 1).then_some(())
    })
    .await;
    assert!(zhang.get(&format!("/activities/{id}")).await.ok()["activity"]["held_at"].is_string());
    assert_eq!(town.screen("3304").await.document().await["activities"], 1);

    is_certified(&town, &zhang, &certificate).await;
}

#[tokio::test]
async fn offers_run_out_and_small_teams_make_room() {
    let town = TestTown::with_wechat().await;
    let (zhang, _) = comes(&town, "zhang").await;
    let (li, _) = comes(&town, "li").await;
    let (wang, _) = comes(&town, "wang").await;
    let teams = json!({ "division": COMMUNITY, "place": "公园", "team_max": 3, "team_min": 2,
        "sign_up_until": "2026-11-23T05:00:00Z" });
    let (path, id) = publishes(&town, teams).await;
    let wrong = json!({ "kind": "class", "title": "课", "capacity": 1, "division": COMMUNITY,
        "place": "公园", "starts_at": "2026-11-23T06:00:00Z", "ends_at": "2026-11-23T08:00:00Z",
        "team_min": 2 });
    assert_eq!(town.office.post("/activities", &wrong).await.said(), (422, "out_of_range"));
    let found = json!({ "team": {} });
    let states = async |of: [&Resident; 3]| {
        let mut states = Vec::new();
        for one in of {
            let own = one.get(&format!("/activities/{id}")).await.ok()["own"]["state"].clone();
            states.push(own.as_str().unwrap_or("none").to_owned());
        }
        states.join(" ")
    };
    // Looks into SQL: who asks the server so often is told to wait.
    let are = async |how_many: u64, state: &str| {
        let sql = format!("SELECT COUNT(*) AS n FROM activity_sign_ups WHERE state = '{state}'");
        let look = async || (town.store.count(&sql).await == how_many).then_some(());
        eventually(state, look).await;
    };
    zhang.post(&path, &found).await.ok();
    li.post(&path, &found).await.ok();
    wang.post(&path, &found).await.ok();
    zhang.delete(&path).await.ok();
    assert_eq!(states([&zhang, &li, &wang]).await, "none offered waiting");
    // Li does not answer: the place is Wang's to take, and Li is out.
    town.is_now("2026-11-23T02:31:00Z");
    are(2, "withdrawn").await;
    assert_eq!(states([&zhang, &li, &wang]).await, "none none offered");
    assert_eq!(li.does(&format!("{path}/confirmation")).await.said(), (404, "not_found"));
    wang.does(&format!("{path}/confirmation")).await.ok();
    let pair = zhang.post(&path, &found).await.ok();
    let code = json!({ "team": { "code": pair["team_code"] } });
    assert_eq!(li.post(&path, &code).await.ok()["sign_up"]["state"], "waiting");
    // Wang found nobody: when sign-up is over, the place is offered to the pair that waits.
    town.is_now("2026-11-23T05:00:30Z");
    are(2, "offered").await;
    assert_eq!(states([&zhang, &li, &wang]).await, "offered offered none");
    let told = eventually("what Wang is told", async || {
        town.wechat().sent().into_iter().find(|told| {
            let said = told["data"]["thing3"]["value"].as_str().unwrap_or_default();
            told["touser"] == "o-wang" && said.contains("人数不足")
        })
    })
    .await;
    assert_eq!(told["template_id"], "ACTIVITY");
    li.does(&format!("{path}/confirmation")).await.ok();
    assert_eq!(states([&zhang, &li, &wang]).await, "in in none", "one confirms for the team");
    let one = zhang.get(&format!("/activities/{id}")).await.ok();
    let counts = (&one["activity"]["taken"], &one["activity"]["waiting"]);
    assert_eq!(counts, (&json!(1), &json!(0)));
}

async fn is_certified(town: &TestTown, zhang: &Resident, certificate: &str) {
    let link = zhang.does(certificate).await.ok();
    let page = Answer::to(town.wire.get(link["path"].as_str().unwrap())).await;
    assert_eq!(page.status, 200);
    for said in
        ["张三", "社区羽毛球赛", "文化广场", "第<strong>1</strong>名", "21:15", "2026年11月23日"]
    {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    zhang.does(certificate).await.ok();
    let void = Answer::to(town.wire.get(link["path"].as_str().unwrap())).await;
    assert_eq!(void.said(), (404, "certificate_unknown"), "the one before is void");
}

#[tokio::test]
async fn teams_gather_by_code_and_doors_see_who_came() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let (zhang, _) = comes(&town, "zhang").await;
    let (li, card) = comes(&town, "li").await;
    let (wang, late) = comes(&town, "wang").await;
    let (path, id) =
        publishes(&town, json!({ "venue_id": gym.id, "capacity": 2, "team_max": 2 })).await;
    assert_eq!(zhang.post(&path, &alone()).await.said(), (422, "invalid_value"));
    let founded = zhang.post(&path, &json!({ "team": {} })).await.ok();
    assert_eq!(founded["sign_up"]["captain"], true);
    let code = json!({ "team": { "code": founded["team_code"] } });
    let wrong = json!({ "team": { "code": "nonsense" } });
    assert_eq!(li.post(&path, &wrong).await.said(), (422, "team_code_invalid"));
    let joined = li.post(&path, &code).await.ok();
    assert_eq!(joined["sign_up"]["team"], founded["sign_up"]["team"]);
    assert_eq!(wang.post(&path, &code).await.said(), (409, "team_full"));
    wang.post(&path, &json!({ "team": {} })).await.ok();
    zhang.delete(&path).await.ok();
    let one = li.get(&format!("/activities/{id}")).await.ok();
    assert_eq!((&one["own"]["captain"], &one["activity"]["taken"]), (&json!(true), &json!(2)));

    town.is_now("2026-11-23T09:00:00Z");
    // One came while it went on, the other had left before.
    door.saw("in", &card, at("2026-11-23T05:40:00Z")).await;
    door.saw("out", &card, at("2026-11-23T07:00:00Z")).await;
    door.saw("in", &late, at("2026-11-23T05:00:00Z")).await;
    door.saw("out", &late, at("2026-11-23T05:55:00Z")).await;
    let own = eventually("somebody seen at the door", async || {
        let one = li.get("/me/activities").await.ok()["items"][0].clone();
        (one["attended_by"] == "door").then_some(one)
    })
    .await;
    assert_eq!(own["attended_at"], "2026-11-23T05:40:00Z");
    let other = wang.get("/me/activities").await.ok();
    assert_eq!(other["items"][0]["attended_at"], Value::Null);

    let rainy = json!({ "division": COMMUNITY, "place": "公园", "kind": "outing",
        "starts_at": "2026-11-24T06:00:00Z", "ends_at": "2026-11-24T08:00:00Z" });
    let (outing, outing_id) = publishes(&town, rainy).await;
    li.post(&outing, &alone()).await.ok();
    let cancellation = format!("/activities/{outing_id}/cancellation");
    let reason = json!({ "reason": "下雨" });
    town.office.post(&cancellation, &reason).await.ok();
    assert_eq!(town.office.post(&cancellation, &reason).await.said(), (409, "activity_closed"));
    let told = eventually("the message", async || town.wechat().sent().pop()).await;
    assert_eq!(told["data"]["thing3"]["value"], "活动已取消");
    assert_eq!(wang.post(&outing, &alone()).await.said(), (409, "activity_closed"));
}

#[tokio::test]
async fn forty_at_once_on_two_servers_never_get_more_places_than_there_are() {
    const PLACES: usize = 5;
    const PEOPLE: usize = 40;
    let town = TestTown::with_wechat().await;
    let second = town.second_server().await;
    let wires = [&town.wire, second.as_ref().map_or(&town.wire, |server| &server.wire)];
    let (path, id) =
        publishes(&town, json!({ "division": COMMUNITY, "place": "文化广场", "capacity": PLACES }))
            .await;
    let mut people = Vec::new();
    for n in 0..PEOPLE {
        let one = Resident::registers(&town, &format!("p{n}")).await;
        people.push(one.at_server(wires[n % 2]));
    }
    let by_oneself = json!({});
    let signs = people.iter().map(|one| one.post(&path, &by_oneself));
    let states: Vec<String> = join_all(signs)
        .await
        .into_iter()
        .map(|answer| answer.ok()["sign_up"]["state"].as_str().unwrap().to_owned())
        .collect();
    let of = |state: &str| states.iter().filter(|one| *one == state).count();
    assert_eq!((of("in"), of("waiting")), (PLACES, PEOPLE - PLACES));

    // Everybody with a place gives it back while as many of those who wait do the same.
    let has_place = people.iter().zip(&states).filter(|(_, state)| *state == "in");
    let waits = people.iter().zip(&states).filter(|(_, state)| *state == "waiting");
    let leaving = has_place.chain(waits.take(PLACES)).map(|(one, _)| one.delete(&path));
    assert!(join_all(leaving).await.iter().all(|answer| answer.status == 200));
    let one = people[0].get(&format!("/activities/{id}")).await.ok();
    let left = PEOPLE - 2 * PLACES;
    assert_eq!(
        (&one["activity"]["taken"], &one["activity"]["waiting"]),
        (&json!(PLACES), &json!(left - PLACES))
    );
    let shown = town.office.get(&format!("/activities/{id}")).await.ok();
    assert_eq!(&shown, &town.office.get("/activities?limit=1").await.ok()["items"][0]);
    let listed = town.office.get(&format!("/activities/{id}/sign-ups?limit=200")).await.ok();
    let listed = listed["items"].as_array().unwrap();
    let moved = listed.iter().filter(|one| one["state"] == "offered").count();
    assert_eq!((listed.len(), moved), (left, PLACES), "no place lies empty while somebody waits");
}
