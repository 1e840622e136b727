//! A year's honours that can be worked out again, and points that are spent once.

use serde_json::{Value, json};

use crate::support::{
    Answer, COMMUNITY, Office, Resident, Shown, Terminal, TestTown, Wire, at, eventually,
};

const HONOURS: &str = "/api/v1/honours?division=330499&year=2026";

#[tokio::test]
async fn a_year_is_honoured_and_measured_minutes_are_points() {
    let town = TestTown::giving_points().await;
    let (gym, door) = town.gym().await;
    let clerk = town.hire("venue", COMMUNITY).await;
    let manager = town.hire("community", COMMUNITY).await;
    let (zhang, li) =
        (Resident::registers(&town, "zhang").await, Resident::registers(&town, "li").await);
    zhang.patch(&json!({ "in_ranks": true })).await.ok();
    come_on_their_days(&town, &door, &zhang, &li).await;
    points_are_spent_and_given_back(&town, &gym.id, &zhang, [&clerk, &manager]).await;
    points_follow_what_comes_late(&door, &zhang).await;
    a_clerk_serves_in_time(&gym.id, &clerk, &li).await;

    assert_eq!(Answer::to(town.wire.get(HONOURS)).await.status, 404, "the year is not over");
    town.is_now("2027-01-16T02:00:00Z");
    let town = town.restarted().await;
    the_year_is_honoured(&town).await;
    what_comes_now_is_after_the_fact(&town, &door.at_server(&town.wire)).await;
    who_wants_to_be_seen_no_more_is_left_out(&town).await;
}

/// Zhang comes on three days, and li, who wants to be seen by nobody, on one. The first day's visit
/// begins after they agreed that minutes are counted: from before, nothing is credited.
async fn come_on_their_days(town: &TestTown, door: &Terminal, zhang: &Resident, li: &Resident) {
    town.is_now("2026-11-26T02:00:00Z");
    let stays = [
        (zhang, "c-z", 23, 125),
        (zhang, "c-z", 24, 45),
        (zhang, "c-z", 25, 29),
        (li, "c-l", 25, 60),
    ];
    for (n, (one, card, day, minutes)) in stays.into_iter().enumerate() {
        let shown = Shown::card(card);
        if n == 0 || n == 3 {
            one.post("/me/verification", &json!({ "method": "registry" })).await.ok();
            town.credential(&one.id().await, &shown).await;
        }
        let from = at(&format!("2026-11-{day}T02:30:00Z"));
        door.saw("in", &shown, from).await;
        door.saw("out", &shown, from + chrono::TimeDelta::minutes(minutes)).await;
    }
}

async fn points_are_spent_and_given_back(
    town: &TestTown,
    gym: &str,
    zhang: &Resident,
    [clerk, manager]: [&Office; 2],
) {
    // Twelve for two hours and more, four for forty-five minutes, two for twenty-nine.
    let points = zhang.get("/me/points").await.ok();
    assert_eq!(points["balance"], 18);
    assert_eq!(zhang.get("/me/points").await.ok(), points, "a look changes nothing");
    let path = format!("/venues/{gym}/redemptions");
    let spends = async |points: i32| {
        let code = zhang.get("/me/code").await.ok()["code"].clone();
        clerk.post(&path, &json!({ "code": code, "points": points })).await
    };
    assert_eq!(spends(5).await.said(), (409, "partner_required"));
    let partner = format!("/venues/{gym}/points-partner");
    assert_eq!(clerk.put(&partner, &json!({ "partner": true })).await.said(), (403, "forbidden"));
    manager.put(&partner, &json!({ "partner": true })).await.ok();
    assert_eq!(spends(19).await.said(), (409, "points_short"));
    a_code_is_spent_with_once(town, &path, zhang, clerk).await;
    assert_eq!(spends(0).await.status, 422);
    let stale = json!({ "code": "A".repeat(60), "points": 1 });
    assert_eq!(clerk.post(&path, &stale).await.said(), (422, "member_code_invalid"));
    let spent = spends(15).await.ok();
    assert_eq!(spent["balance"], 3);
    let back = format!("/redemptions/{}/reversal", spent["id"].as_str().unwrap());
    clerk.post(&back, &json!({})).await.ok();
    assert_eq!(clerk.post(&back, &json!({})).await.said(), (409, "request_decided"));
    assert_eq!(zhang.get("/me/points").await.ok()["balance"], 18);
    let sums = "SELECT COUNT(*) AS n FROM point_accounts a WHERE a.balance <> \
                (SELECT SUM(p.points) FROM point_entries p WHERE p.member_id = a.member_id)";
    assert_eq!(town.store.count(sums).await, 0);
}

/// Eight times at once, under keys of their own and at every server: one of them spends.
async fn a_code_is_spent_with_once(town: &TestTown, path: &str, zhang: &Resident, clerk: &Office) {
    let code = zhang.get("/me/code").await.ok()["code"].clone();
    let body = json!({ "code": code, "points": 2 });
    let second = town.second_server().await;
    let servers: Vec<&Wire> =
        std::iter::once(&town.wire).chain(second.iter().map(|s| &s.wire)).collect();
    let (path, token) = (format!("/api/v1/staff{path}"), clerk.token().await);
    let asks = (0..8).map(|n| {
        let request = servers[n % servers.len()].post(&path, &body).bearer_auth(&token);
        Answer::to(request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string()))
    });
    let said = futures_util::future::join_all(asks).await;
    let spent: Vec<_> = said.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(spent.len(), 1);
    let others = said.iter().filter(|answer| answer.status != 201);
    assert!(others.map(Answer::said).all(|said| said == (409, "member_code_used")));
    assert_eq!(zhang.get("/me/points").await.ok()["balance"], 16);
    // It was taken back for the story to go on; the code is used all the same.
    let back = format!("/redemptions/{}/reversal", spent[0].body["id"].as_str().unwrap());
    clerk.post(&back, &json!({})).await.ok();
    let again = clerk.post(path.trim_start_matches("/api/v1/staff"), &body).await;
    assert_eq!(again.said(), (409, "member_code_used"));
    // The next code is another.
    town.is_now("2026-11-26T02:00:01Z");
    if let Some(second) = second {
        second.stop().await;
    }
}

/// What comes late changes the day's points by one more row.
async fn points_follow_what_comes_late(door: &Terminal, zhang: &Resident) {
    door.saw("in", &Shown::card("c-z"), at("2026-11-25T05:00:00Z")).await;
    door.saw("out", &Shown::card("c-z"), at("2026-11-25T05:11:00Z")).await;
    let after = zhang.get("/me/points").await.ok();
    assert_eq!((&after["balance"], &after["items"][0]["points"]), (&json!(20), &json!(2)));
}

async fn a_clerk_serves_in_time(gym: &str, clerk: &Office, li: &Resident) {
    let report = json!({ "kind": "hygiene", "text": "地面有水" });
    let id = li.post(&format!("/venues/{gym}/reports"), &report).await.ok();
    let id = id["id"].as_str().unwrap();
    for body in [
        json!({ "act": "triage" }),
        json!({ "act": "assign", "assignee": "保洁" }),
        json!({ "act": "fix" }),
    ] {
        clerk.post(&format!("/tickets/{id}/steps"), &body).await.ok();
    }
    li.post(&format!("/me/reports/{id}/confirmation"), &json!({ "fixed": true })).await.ok();
}

async fn the_year_is_honoured(town: &TestTown) {
    let honours = eventually("a year's honours", async || {
        let said = Answer::to(town.wire.get(HONOURS)).await;
        (said.status == 200).then_some(said.body)
    })
    .await;
    let told: Vec<Value> = honours["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["title"], one["place"], one["figure"], one["beside"]]))
        .collect();
    // 125 + 45 + 29 + 11 and 60 minutes of two people; three active days of zhang.
    let expected = [
        json!(["活力社区", 1, 270, 2]),
        json!(["服务之星", 1, 1, 0]),
        json!(["活力之星", 1, 3, 210]),
    ];
    assert_eq!(told, expected, "{honours}");
    assert_eq!(honours["items"][2]["subject"], "张*");
}

/// The same rows say the same.
async fn what_comes_now_is_after_the_fact(town: &TestTown, door: &Terminal) {
    door.saw("in", &Shown::card("c-l"), at("2026-11-24T01:00:00Z")).await;
    door.saw("out", &Shown::card("c-l"), at("2026-11-24T02:00:00Z")).await;
    let words = ["honours", "verify", "--division", "330499", "--year", "2026"];
    assert_eq!(town.store.fitgate(&words).await, "honours: 0 differences");
    town.adds_up().await;
}

/// Three who run together, one of whom teaches another: the group is honoured, and the instructor.
#[tokio::test]
async fn groups_and_instructors_are_honoured() {
    let town = TestTown::with_wechat().await;
    let (gym, door) = town.gym().await;
    let mut runners = Vec::new();
    for name in ["zhang", "li", "wang"] {
        let one = Resident::registers(&town, name).await;
        one.post("/me/verification", &json!({ "method": "registry" })).await.ok();
        let (id, card) = (one.id().await, Shown::card(&format!("c-{name}")));
        town.credential(&id, &card).await;
        runners.push((one, id, card));
    }
    let [(zhang, id_of_zhang, _), (li, ..), _] = &runners[..] else { panic!("there are three") };
    let path = a_group_of(&town, &runners).await;
    let meetup = json!({
        "venue_id": gym.id, "starts_at": "2026-11-23T04:00:00Z", "ends_at": "2026-11-23T05:00:00Z",
    });
    zhang.post(&format!("{path}/meetups"), &meetup).await.ok();
    let lesson = a_lesson_of(&town, &gym.id, id_of_zhang).await;
    let held = li.post("/bookings", &json!({ "slot_id": lesson })).await.ok();
    li.does(&format!("/bookings/{}/confirmation", held["id"].as_str().unwrap())).await.ok();
    zhang.patch(&json!({ "in_ranks": true })).await.ok();

    town.is_now("2026-11-23T04:45:00Z");
    for ((_, _, card), minute) in runners.iter().zip([5, 10, 70]) {
        door.saw("in", card, at("2026-11-23T03:00:00Z") + chrono::TimeDelta::minutes(minute)).await;
        door.saw("out", card, at("2026-11-23T04:40:00Z")).await;
    }
    door.beats().await;
    // A quarter of an hour after the meet-up, and an hour after the lesson was first looked at.
    town.is_now("2026-11-23T05:50:00Z");
    door.beats().await;
    let ranking = "/groups/ranking?division=3304&month=2026-11-01";
    let shown = eventually("a ranking of groups", async || {
        let shown = li.get(ranking).await.ok()["items"].clone();
        (shown != json!([])).then_some(shown)
    })
    .await;
    let first = &shown[0];
    assert_eq!((&first["rank"], &first["name"]), (&json!(1), &json!("晨跑团")));
    // Forty of two and thirty of the third: what reaches beyond the meet-up is their own.
    assert_eq!((&first["minutes"], &first["people"]), (&json!(110), &json!(3)));
    let bad = li.get("/groups/ranking?division=3304&month=2026-11-02").await;
    assert_eq!(bad.said(), (422, "bad_time"));
    let served = "SELECT COUNT(*) AS n FROM instructor_services WHERE minutes = 50";
    eventually("proven service", async || (town.store.count(served).await == 1).then_some(()))
        .await;

    town.is_now("2027-01-16T02:00:00Z");
    let town = town.restarted().await;
    honoured(&town, &path).await;
}

/// A group of them all, whose leader is the first.
async fn a_group_of(town: &TestTown, runners: &[(Resident, String, Shown)]) -> String {
    let leader = &runners[0].0;
    let founded = json!({ "name": "晨跑团", "sport": "running", "about": "" });
    let group = leader.post("/groups", &founded).await.ok();
    let path = format!("/groups/{}", group["id"].as_str().unwrap());
    let approval = json!({ "approve": true, "reason": "符合要求" });
    town.office.post(&format!("{path}/decision"), &approval).await.ok();
    for (one, id, _) in &runners[1..] {
        one.does(&format!("{path}/membership")).await.ok();
        let let_in = json!({ "decision": "let_in" });
        leader.post(&format!("{path}/members/{id}/decision"), &let_in).await.ok();
    }
    path
}

/// A lesson of an hour, of which coach and learner will have fifty minutes together.
async fn a_lesson_of(town: &TestTown, gym: &str, member: &str) -> Value {
    let new = json!({ "member_id": member, "home_community": COMMUNITY, "is_coach": true });
    let own = town.office.post("/instructors", &new).await.ok()["id"].clone();
    let certificate = json!({
        "level": "second", "issuer": "体育局", "number": "J-330499-2", "issued_on": "2024-11-01",
    });
    let path = format!("/instructors/{}/certificates", own.as_str().unwrap());
    town.office.post(&path, &certificate).await.ok();
    let slot = json!({
        "venue_id": gym, "instructor_id": own,
        "starts_at": "2026-11-23T03:00:00Z", "ends_at": "2026-11-23T04:00:00Z",
    });
    town.office.post("/slots", &slot).await.ok()["slots"][0].clone()
}

async fn honoured(town: &TestTown, group: &str) {
    let told = async || {
        let said = Answer::to(town.wire.get(HONOURS)).await;
        let item =
            |one: &Value| json!([one["title"], one["subject"], one["figure"], one["beside"]]);
        (said.status == 200)
            .then(|| said.body["items"].as_array().unwrap().iter().map(item).collect::<Vec<_>>())
    };
    let all = eventually("a year's honours", told).await;
    for honour in [json!(["活力社群", "晨跑团", 110, 3]), json!(["指导之星", "张*", 50, 1])]
    {
        assert!(all.contains(&honour), "{honour}: {all:?}");
    }
    let words = ["honours", "verify", "--division", "330499", "--year", "2026"];
    assert_eq!(town.store.fitgate(&words).await, "honours: 0 differences");
    // One minute more is found, and a group that is closed is honoured no more.
    town.store.sql("UPDATE group_minutes SET minutes = minutes + 1").await;
    let said = town.store.try_fitgate(&words).await;
    assert_eq!(said.exit, 1, "{}", said.stdout);
    assert!(said.stdout.contains("active_group differs"), "{}", said.stdout);
    let closing = json!({ "approve": false, "reason": "无人负责" });
    town.office.post(&format!("{group}/decision"), &closing).await.ok();
    let left = told().await.unwrap();
    assert!(left.iter().all(|one| one[0] != "活力社群"), "{left:?}");
}

async fn who_wants_to_be_seen_no_more_is_left_out(town: &TestTown) {
    let zhang = Resident::signs_in(town, "zhang").await;
    zhang.patch(&json!({ "in_ranks": false })).await.ok();
    let again = Answer::to(town.wire.get(HONOURS)).await.ok();
    assert_eq!(again["items"].as_array().unwrap().len(), 2, "who wants to be seen by nobody");
    zhang.delete("/me").await;
    let left = "SELECT COUNT(*) AS n FROM honours WHERE kind = 'vitality_star'";
    assert_eq!(town.store.count(left).await, 0);
}
