//! Figures that can be proven: days with their revisions, reports in every form, and that files of
//! them are found out when they, or the ledger, were tampered with.

use serde_json::{Value, json};

use crate::support::{Answer, COMMUNITY, Office, TestTown, at, eventually};

/// Two people at a gym on Monday and one at a hall in the other community; Monday is final.
async fn a_finished_monday(town: &TestTown) -> [(String, String); 2] {
    let (gym, door) = town.gym().await;
    let elsewhere = json!({ "community": "330499001002" });
    let hall = town.venue("=SUM(A1)", elsewhere).await;
    let hall_door = town.terminal(&hall, "both").await;
    let (anna, ben) = (town.member().await, town.member().await);
    door.asks("in", &anna.face).await;
    door.asks("in", &ben.card).await;
    town.is_now("2026-11-23T02:30:00Z");
    door.asks("out", &anna.face).await;
    hall_door.asks("in", &anna.face).await;
    town.is_now("2026-11-23T02:50:00Z");
    hall_door.asks("out", &anna.face).await;
    town.is_now("2026-11-24T02:00:00Z");
    door.beats().await;
    hall_door.beats().await;
    day(&town.office, "division=330499", "final").await;
    [(gym.id, door.id), (hall.id, hall_door.id)]
}

/// Monday once it is in this state.
async fn day(office: &Office, whose: &str, state: &str) -> Value {
    eventually(state, async || {
        let answer = office.get(&format!("/days/2026-11-23?{whose}")).await;
        Some(answer.body).filter(|day| day["state"] == state)
    })
    .await
}

async fn report(office: &Office, kind: &str, more: &str) -> Answer {
    let monday = "from=2026-11-23&to=2026-11-23&by=day";
    office.get(&format!("/reports/{kind}?{monday}{more}")).await
}

#[tokio::test]
async fn what_arrives_late_restates_a_day_and_the_day_says_why() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let second = town.terminal(&gym, "in").await;
    subscribe(&town).await;
    door.asks("in", &town.member().await.face).await;
    town.is_now("2026-11-23T12:00:00Z");
    let whose = format!("venue={}", gym.id);
    let open = day(&town.office, &whose, "provisional").await;
    assert_eq!((&open["version"], open["revisions"].as_array().unwrap().len()), (&json!(0), 0));
    let waited: Vec<&Value> =
        open["waits_for"].as_array().unwrap().iter().map(|t| &t["serial"]).collect();
    assert_eq!(waited, [&json!(door.serial), &json!(second.serial)]);
    town.is_now("2026-11-24T02:00:00Z");
    door.beats().await;
    second.beats().await;
    let first = day(&town.office, &whose, "final").await;
    assert_eq!((&first["version"], &first["visits"]), (&json!(1), &json!(1)));
    assert_eq!((&first["revisions"][0]["causes"], &first["waits_for"]), (&json!([]), &json!([])));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("visits.json");
    std::fs::write(&file, report(&town.office, "visits", "").await.ok().to_string()).unwrap();
    let verify =
        async || town.store.try_fitgate(&["report", "verify", file.to_str().unwrap()]).await;
    let mark = "watermark: 2026-11-24T02:00:00.000Z";
    let said = verify().await;
    let stands = format!("{mark} still stands, nothing from before it came later\n");
    assert!(said.exit == 0 && said.stdout.contains(&stands), "{}", said.stdout);
    town.is_now("2026-11-24T02:00:01Z");
    second.saw("in", &town.member().await.face, at("2026-11-23T09:00:00Z")).await;
    let again = eventually("a second version", async || {
        let day = day(&town.office, &whose, "restated").await;
        Some(day).filter(|day| day["version"] == 2)
    })
    .await;
    assert_eq!((&again["visits"], &again["minutes"]["total"]), (&json!(2), &json!(120)));
    // A file of before is found out, and what came after it is named.
    let said = verify().await;
    let later =
        format!("{mark} stands no longer, of terminal {} came later: 1 records\n", second.serial);
    assert!(said.exit == 1 && said.stdout.contains(&later), "{}", said.stdout);
    // What was read before can still be read, and what made it other is named.
    assert_eq!(again["revisions"][1]["visits"], 1);
    assert_eq!(
        again["revisions"][0]["causes"],
        json!([{
            "cause": "late_records", "terminal_id": second.id, "serial": second.serial,
            "records": 1,
        }])
    );
    let city = eventually("the city's second version", async || {
        let day = day(&town.office, "division=33", "restated").await;
        Some(day).filter(|day| day["version"] == 2)
    })
    .await;
    let cause = json!([{ "cause": "venue_restated", "venue_id": gym.id, "version": 2 }]);
    assert_eq!(city["revisions"][0]["causes"], cause);
    let span = "from=2026-11-01&to=2026-11-30";
    let list = town.office.get(&format!("/days?{span}&division=330499")).await.ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list["items"][0]["version"], &list["items"][0]["people"]), (&json!(2), &json!(2)));
    // The city's receiver hears of each of its divisions, not of the province.
    for kind in ["day.final", "day.restated"] {
        let told = format!("SELECT COUNT(*) AS n FROM webhook_deliveries WHERE kind = '{kind}'");
        assert_eq!(town.store.count(&told).await, 4, "{kind}");
    }
    town.adds_up().await;
}

/// Somebody is to be told of the city's days; nobody answers at that address.
async fn subscribe(town: &TestTown) {
    let hook = json!({
        "division": "3304", "url": "https://hooks.example.invalid/",
        "kinds": ["day.final", "day.restated"], "reason": "x",
    });
    let made = town.office.post("/webhooks", &hook).await.ok();
    let decide = format!("/requests/{}/decision", made["request_id"].as_str().unwrap());
    let other = town.hire("city", "3304").await;
    other.post(&decide, &json!({ "approve": true })).await.ok();
}

#[tokio::test]
async fn the_bureau_takes_reports_away_and_anybody_with_the_ledger_can_prove_them() {
    let town = TestTown::open().await;
    let [(gym, _), (hall, _)] = a_finished_monday(&town).await;
    let bureau = town.hire("bureau", "330499").await;
    let visits = report(&bureau, "visits", "").await.ok();
    assert_eq!((&visits["state"], &visits["definition"]), (&json!("final"), &json!(1)));
    assert_eq!(visits["watermark"], "2026-11-24T02:00:00Z");
    let row = |code: &str, id: &str, name: &str, n: i64| json!(["2026-11-23", code, id, name, n]);
    let expected = [row(COMMUNITY, &gym, "健身房", 2), row("330499001002", &hall, "=SUM(A1)", 1)];
    assert_eq!(visits["rows"], json!(expected));
    let activity = report(&bureau, "activity", "").await.ok();
    // Anna went to both: two people, three visits; Ben's exit is missing.
    let all = json!(["2026-11-23", "330499", "区划330499", 3, 2, 50, 0, 60, 0, 110]);
    assert_eq!(activity["rows"][0], all, "{activity}");
    let text = report(&bureau, "visits", "&format=csv").await;
    assert!(text.header("content-type").starts_with("text/csv"));
    assert!(text.text.contains(",'=SUM(A1),1\r\n"), "{}", text.text);
    assert!(taken(&bureau, "visits", "csv").await.starts_with("\u{feff}report,visits".as_bytes()));
    assert!(text.text.contains(visits["digest"].as_str().unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let verify = async |name: &str, bytes: Vec<u8>| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        town.store.try_fitgate(&["report", "verify", file.to_str().unwrap()]).await
    };
    let mut files = Vec::new();
    for (kind, format) in [
        ("visits", "json"),
        ("visits", "csv"),
        ("visits", "xlsx"),
        ("venues", "csv"),
        ("activity", "json"),
        ("activity", "xlsx"),
        ("ways-in", "csv"),
    ] {
        let bytes = taken(&bureau, kind, format).await;
        let said = verify(&format!("{kind}.{format}"), bytes.clone()).await;
        assert_eq!(said.exit, 0, "{kind} {format}: {}{}", said.stdout, said.stderr);
        files.push((format!("{kind}.{format}"), bytes));
    }
    let forged = text.text.replace(",'=SUM(A1),1\r\n", ",'=SUM(A1),9\r\n");
    let said = verify("forged.csv", forged.into_bytes()).await;
    assert_eq!(said.exit, 1);
    assert!(said.stdout.contains("the file's rows are not those of its digest"), "{}", said.stdout);
    let forged = visits.to_string().replace("\"final\"", "\"restated\"");
    assert_eq!(verify("forged.json", forged.into_bytes()).await.exit, 1);
    assert_eq!(verify("no.csv", b"no report".to_vec()).await.exit, 2);
    // One minute in one row of the ledger.
    town.store.sql("UPDATE minute_entries SET minutes = 21 WHERE minutes = 20").await;
    for (name, bytes) in files.into_iter().filter(|(name, _)| name.starts_with("ac")) {
        let said = verify(&name, bytes).await;
        assert_eq!(said.exit, 1, "{name}");
        assert!(said.stdout.contains("the MAC does not fit the row"), "{}", said.stdout);
    }
    let taken = "SELECT COUNT(*) AS n FROM audit WHERE act = 'report_taken'";
    assert_eq!(town.store.count(taken).await, 7);
}

/// The bytes of a report's file.
async fn taken(office: &Office, kind: &str, format: &str) -> Vec<u8> {
    let path = format!("/reports/{kind}?from=2026-11-23&to=2026-11-23&by=day&format={format}");
    let answer = office.request(reqwest::Method::GET, &path).await.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn a_month_tells_ages_coverage_and_what_was_not_to_be_had() {
    let town = TestTown::open().await;
    let full = json!({ "rules": { "capacity": 12 } });
    let gym = town.venue("小健身房", full).await;
    let door = town.terminal(&gym, "both").await;
    for n in 0..13 {
        let birth = if n < 2 { "1950-01-01" } else { "1990-01-01" };
        let member = town.member_who(birth, &["minutes_statistics"]).await;
        door.asks("in", &member.card).await;
    }
    let month = "from=2026-11-01&to=2026-11-30&by=month&division=330499";
    let get = async |kind: &str| town.office.get(&format!("/reports/{kind}?{month}")).await.ok();
    let ages = eventually("the month's people", async || {
        let ages = get("ages").await;
        Some(ages).filter(|ages| !ages["rows"].as_array().unwrap().is_empty())
    })
    .await;
    assert_eq!(ages["state"], "provisional");
    // Two of the elderly are too few; the others would give them away.
    for row in ages["rows"].as_array().unwrap() {
        assert_eq!((&row[5], &row[6]), (&Value::Null, &Value::Null), "{ages}");
    }
    let coverage = get("coverage").await;
    let row = &coverage["rows"][0];
    assert_eq!(
        (&row[2], &row[5], &row[7], &row[9]),
        (&json!("330499"), &json!(13), &json!(12), &json!(1))
    );
    let demand = get("demand").await;
    assert_eq!(demand["rows"][0][4], "venue_full", "{demand}");
    let folder = tempfile::tempdir().unwrap();
    for kind in ["activity", "venues", "ages", "coverage", "demand", "ways-in", "day-types"] {
        let file = folder.path().join(kind);
        std::fs::write(&file, get(kind).await.to_string()).unwrap();
        let said = town.store.try_fitgate(&["report", "verify", file.to_str().unwrap()]).await;
        assert_eq!(said.exit, 0, "{kind}: {}{}", said.stdout, said.stderr);
    }
    let ways = get("ways-in").await;
    assert_eq!(ways["rows"][0].as_array().unwrap()[4..], [json!("card"), json!(12), json!(1000)]);
}

#[tokio::test]
async fn reports_and_days_stay_in_ones_division_and_refuse_what_makes_no_sense() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let stranger = town.hire("community", "330499001002").await;
    let day = "from=2026-11-23&to=2026-11-23";
    for path in [
        format!("/reports/visits?{day}&by=day&division={COMMUNITY}"),
        format!("/reports/visits?{day}&by=day&division=330499"),
        format!("/days?{day}&division={COMMUNITY}"),
        format!("/days?{day}&venue={}", gym.id),
        format!("/days/2026-11-23?venue={}", gym.id),
        "/reports/nothing?from=2026-11-23&to=2026-11-23&by=day".to_owned(),
    ] {
        assert_eq!(stranger.get(&path).await.said(), (404, "not_found"), "{path}");
    }
    let office = &town.office;
    for (query, code) in [
        ("from=2026-11-23&to=2026-11-22&by=day", "out_of_range"),
        ("from=2025-11-22&to=2026-11-23&by=day", "range_too_large"),
        ("from=2026-11-23&to=2026-11-26&by=day", "bad_time"),
        ("from=2026-11-02&to=2026-11-30&by=month", "whole_months"),
    ] {
        let answer = office.get(&format!("/reports/venues?{query}")).await;
        assert_eq!((answer.status, &answer.body["errors"][0]["code"]), (422, &json!(code)));
    }
    let by_day = office.get(&format!("/reports/ages?{day}&by=day")).await;
    assert_eq!(by_day.status, 422);
}
