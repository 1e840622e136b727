//! What a big screen is shown, how little is sent when nothing changes, and to whom.

use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{COMMUNITY, TestTown, at, eventually};

#[tokio::test]
async fn a_screen_shows_everything_its_division_has() {
    let town = TestTown::open().await;
    let rules = json!({ "kind": "multi_sport_court", "rules": {
        "capacity": 30, "capacity_soft": 20,
    }});
    let court = town.venue("球场", rules).await;
    let door = town.terminal(&court, "both").await;
    let member = town.member().await;
    door.beats().await;
    door.saw("in", &member.face, at("2026-11-22T02:00:00Z")).await;
    door.saw("out", &member.face, at("2026-11-22T02:40:00Z")).await;
    door.saw("in", &member.face, at("2026-11-23T01:30:00Z")).await;
    town.adds_up().await;
    let shown = town.screen("3304").await.document().await;
    assert_eq!(shown["as_of"], "2026-11-23T02:00:00.000Z");
    assert_eq!((&shown["degraded"], &shown["rebuilding"]), (&json!(false), &json!(false)));
    assert_eq!(shown["division"], "3304");
    assert_eq!(shown["business_day"], "2026-11-23");
    assert_eq!(shown["silent_terminals"], json!([]));
    assert_eq!(shown["terminals"], json!({ "online": 1, "total": 1 }));
    assert_eq!((&shown["inside"], &shown["registered"]), (&json!(1), &json!(1)));
    for unknown in ["instructors", "groups", "activities", "residents"] {
        assert_eq!(shown[unknown], Value::Null, "{unknown} is not made up");
    }
    let venue = &shown["venues"][0];
    assert_eq!(
        (&venue["id"], &venue["name"], &venue["kind"], &venue["community"]),
        (&json!(court.id), &json!("球场"), &json!("multi_sport_court"), &json!(COMMUNITY))
    );
    assert_eq!(
        (&venue["inside"], &venue["capacity"], &venue["capacity_soft"], &venue["visits"]),
        (&json!(1), &json!(30), &json!(20), &json!(1))
    );
    assert_eq!(shown["today"]["visits"], 1);
    assert_eq!((&shown["month"]["visits"], &shown["month"]["people"]), (&json!(2), &json!(1)));
    assert_eq!(shown["ever"]["minutes"]["measured"], 40);
    let hours = shown["hours"].as_array().unwrap();
    let nine = hours.iter().find(|hour| hour["hour"] == 9).unwrap();
    assert_eq!((hours.len(), &nine["visits"]), (24, &json!(1)));
    let days = shown["days"].as_array().unwrap();
    assert_eq!((days.len(), &days[28]["minutes"]), (30, &json!(40)));
    assert_eq!(shown["ranking"][0]["minutes"], 40);
    assert_eq!(shown["latest"][0]["name"], "张*");
    assert!(
        shown["ages"]
            .as_array()
            .unwrap()
            .iter()
            .all(|band| band["people"].as_i64().is_none_or(|people| people == 0)),
        "{}",
        shown["ages"]
    );
    assert!(!shown.to_string().contains("张三"));
}

#[tokio::test]
async fn a_poll_costs_nothing_until_something_changes() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let screen = town.screen(COMMUNITY).await;
    let first = screen.asks("").await;
    let etag = first.header("etag").to_owned();
    assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"));
    for known in [etag.clone(), format!("\"x\", {etag}"), "*".to_owned()] {
        let again = screen.asks(&known).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{known}");
        assert!(again.header("fitgate-age-ms").parse::<u64>().is_ok());
        assert!(!again.header("trace-id").is_empty());
        assert_eq!(again.header("content-security-policy"), "", "the kept answer has its own");
    }
    // The first answer came through the router, the next ones from bytes that lay ready.
    let again = screen.asks("").await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    for name in ["content-type", "cache-control", "content-security-policy", "fitgate-build"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    for name in ["referrer-policy", "x-content-type-options", "trace-id"] {
        assert!(!again.header(name).is_empty(), "{name}");
    }
    door.asks("in", &member.face).await;
    let changed = eventually("another document", async || {
        let answer = screen.asks(&etag).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_ne!(changed.header("etag"), etag);
    assert_eq!(screen.asks("\"something else\"").await.status, 200);
}

/// The data of the next `document` event of a stream.
async fn next_document(stream: &mut Response, rest: &mut String) -> Value {
    loop {
        if let Some((event, behind)) = rest.split_once("\n\n") {
            let data = event.split_once("event: document\ndata: ").map(|(_, data)| data.to_owned());
            *rest = String::from(behind);
            if let Some(data) = data {
                return serde_json::from_str(&data).unwrap();
            }
            continue;
        }
        let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
        rest.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test]
async fn a_stream_brings_each_new_document_and_ends_with_the_server() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    let screen = town.screen("330499").await;
    let mut stream = screen.watches().await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut rest = String::new();
    assert_eq!(next_document(&mut stream, &mut rest).await["inside"], 0);
    door.asks("in", &member.face).await;
    while next_document(&mut stream, &mut rest).await["inside"] != 1 {}
    town.is_now("2026-11-23T02:20:00Z");
    door.asks("out", &member.face).await;
    while next_document(&mut stream, &mut rest).await["today"]["minutes"]["measured"] != 20 {}
    let town = town.restarted().await;
    while let Ok(Some(_)) = stream.chunk().await {}
    let shown = town.screen("330499").await.document().await;
    assert_eq!(shown["today"]["minutes"]["measured"], 20);
    town.adds_up().await;
}

#[tokio::test]
async fn a_token_opens_its_own_division_and_what_lies_in_it() {
    let town = TestTown::open().await;
    let screen = town.screen("330499").await;
    for inside in ["330499", "330499001", COMMUNITY] {
        assert_eq!(screen.before(inside).asks("").await.status, 200, "{inside}");
    }
    for outside in ["3304", "33", "330498", "110000", "nowhere", "330499001999", "%00"] {
        let answer = screen.before(outside).asks("").await;
        let said = answer.said();
        assert!([(404, "not_found"), (400, "invalid_utf8")].contains(&said), "{outside} {said:?}");
    }
    let mut stranger = screen.clone();
    stranger.token = format!("{}x", screen.token);
    assert_eq!(stranger.asks("").await.said(), (401, "screen_token_invalid"));
    assert_eq!(stranger.watches().await.status(), 401);
    let office = town.office.token().await;
    stranger.token = office;
    assert_eq!(stranger.asks("").await.said(), (401, "screen_token_invalid"));
    let nobody = crate::support::Answer::to(town.wire.get("/api/v1/screens/330499")).await;
    assert_eq!(nobody.said(), (401, "screen_token_invalid"));
}

#[tokio::test]
async fn the_page_of_a_screen_is_served_without_any_data_or_foreign_source() {
    let town = TestTown::open().await;
    let page = crate::support::Answer::to(town.wire.get("/screen/330499")).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    for foreign in ["http://", "https://", "//cdn"] {
        assert!(!page.text.contains(foreign), "{foreign}");
    }
    for part in ["app.css", "app.js", "worker.js", "icon.svg"] {
        let part = crate::support::Answer::to(town.wire.get(&format!("/screen/page/{part}"))).await;
        assert_eq!(part.status, 200);
    }
}

#[tokio::test]
async fn a_restarted_server_shows_what_the_old_one_showed() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let (one, other) = (town.member().await, town.member().await);
    door.saw("in", &one.face, at("2026-11-23T01:30:00Z")).await;
    door.saw("in", &other.face, at("2026-11-23T01:00:00Z")).await;
    door.saw("out", &other.face, at("2026-11-23T01:55:00Z")).await;
    town.adds_up().await;
    let screen = town.screen("330499").await;
    let before = screen.document().await;
    let town = town.restarted().await;
    let after = town.screen("330499").await.shows("trusted", |it| it["degraded"] == false).await;
    assert_eq!(before, after);
    assert_eq!(after["inside"], 1);
}

#[tokio::test]
async fn a_revoked_token_opens_nothing_and_its_stream_ends() {
    let town = TestTown::open().await;
    town.gym().await;
    let (screen, other) = (town.screen("330499").await, town.screen("330499").await);
    screen.document().await;
    let mut stream = screen.watches().await;
    let revoke = ["screens", "revoke", "--id", &screen.id];
    town.store.fitgate(&revoke).await;
    let refused = eventually("the token is refused", async || {
        Some(screen.asks("").await).filter(|answer| answer.status == 401)
    })
    .await;
    assert_eq!(refused.code(), "screen_token_invalid");
    while let Some(chunk) = stream.chunk().await.unwrap() {
        assert!(!chunk.is_empty());
    }
    other.document().await;
    let listed = town.store.fitgate(&["screens", "list", "--division", "33"]).await;
    let listed: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let revoked = |id: &str| {
        let row = listed.iter().find(|row| row["id"] == *id).unwrap();
        (row["revoked_at"] != Value::Null, row.get("token").is_some())
    };
    assert_eq!((revoked(&screen.id), revoked(&other.id)), ((true, false), (false, false)));
    town.store.fitgate(&revoke).await;
    let nobody = ["screens", "revoke", "--id", "018f0000-0000-7000-8000-00000000dead"];
    assert_eq!(town.store.try_fitgate(&nobody).await.exit, 2);
}

/// Redis is emptied while screens look: a number may come from SQL, but it never becomes another.
#[tokio::test]
async fn a_screen_shows_the_same_numbers_while_the_counters_are_lost_and_written_anew() {
    let town = TestTown::open().await;
    if town.store.redis_url.is_none() {
        println!("counters in a process are lost with it only");
        return;
    }
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.saw("in", &member.face, at("2026-11-23T01:30:00Z")).await;
    town.adds_up().await;
    let screen = town.screen("330499").await;
    screen.shows("the counters", |shown| shown["degraded"] == false).await;
    for _ in 0..5 {
        town.store.flush_counters().await;
        eventually("the counters are whole again", async || {
            let shown = screen.document().await;
            let (inside, today) = (&shown["inside"], &shown["today"]);
            let numbers =
                (inside, &today["visits"], &today["people"], &shown["venues"][0]["visits"]);
            assert_eq!(numbers, (&json!(1), &json!(1), &json!(1), &json!(1)), "{shown}");
            (town.verified().await["differences"] == json!([])).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn the_command_that_compares_the_counters_says_how_much_it_compared() {
    let town = TestTown::open().await;
    let (_, door) = town.gym().await;
    let member = town.member().await;
    door.saw("in", &member.face, at("2026-11-23T01:30:00Z")).await;
    town.adds_up().await;
    let words = match town.store.redis_url {
        Some(_) => ["counters", "verify", "--at", "2026-11-23T02:00:00Z"],
        None => ["counters", "verify", "--ops-url", town.ops.base()],
    };
    let said = town.store.fitgate(&words).await;
    let (verdict, figures) = said.split_once('\n').unwrap();
    assert_eq!(verdict, "counters: no difference");
    let figures: Vec<u64> = figures.split(' ').filter_map(|word| word.parse().ok()).collect();
    let told = town.verified().await;
    assert_eq!(figures, [&told["compared"], &told["not_zero"]].map(|n| n.as_u64().unwrap()));
    assert!(figures[1] > 0 && figures[0] > figures[1], "{said}");
}

#[tokio::test]
async fn a_bureau_supplies_a_map_and_the_venues_stand_on_it() {
    let town = TestTown::open().await;
    let position = json!({ "position": { "lat": 30.7, "lng": 121.15, "coordinates": "gcj02" } });
    let hall = town.venue("馆", position).await;
    town.venue("未标注", json!({})).await;
    let screen = town.screen("330499").await;
    let sheet = screen.before("330499/map");
    assert_eq!(sheet.asks("").await.status, 404);
    let square = json!([[121.0, 30.6], [121.3, 30.6], [121.3, 30.8], [121.0, 30.8], [121.0, 30.6]]);
    let mut map = json!({ "type": "FeatureCollection", "features": [{
        "type": "Feature", "properties": { "name": "示例街道" },
        "geometry": { "type": "Polygon", "coordinates": [square] },
    }] });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.geojson").display().to_string();
    let words = |number: &'static str| {
        let words = ["screens", "map", "--division", "330499", "--coordinates", "gcj02"];
        [&words[..], &["--file", &path, "--approval-number", number]].concat()
    };
    std::fs::write(&path, map.to_string()).unwrap();
    let said = town.store.fitgate(&words("示例 0001")).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    let taken = json!({ "division": "330499", "shapes": 1, "venues_on_it": 1, "venues_off_it": 1 });
    assert_eq!(said, taken);
    town.store.fitgate(&words("示例 0002")).await;
    let drawn = sheet.asks("").await.ok();
    assert_eq!(drawn["approval_number"], "示例 0002", "the newer one stands");
    assert_eq!(drawn["venues"], json!([{ "id": hall.id, "x": 500.0, "y": 387.7 }]));
    assert_eq!(screen.document().await["map"], drawn["tag"]);
    assert_eq!(screen.before("3304/map").asks("").await.status, 404, "not its division");
    map["features"][0]["geometry"]["type"] = json!("LineString");
    std::fs::write(&path, map.to_string()).unwrap();
    let refused = town.store.try_fitgate(&words("示例 0003")).await;
    assert_eq!(refused.exit, 2);
    assert!(refused.stderr.contains("features[0]: 只接受 Polygon"), "{}", refused.stderr);
    assert_eq!(sheet.asks("").await.ok(), drawn);
    let unmap = ["screens", "unmap", "--division", "330499"];
    town.store.fitgate(&unmap).await;
    assert_eq!(sheet.asks("").await.status, 404);
    assert_eq!(town.store.try_fitgate(&unmap).await.exit, 2);
}
