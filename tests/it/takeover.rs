//! Taking over a running platform: members, consents and past minutes from files.

use serde_json::{Value, json};

use crate::support::{COMMUNITY, Shown, TestTown, at};

const HEADING: &str = "document_type,document_number,name,phone,home_community,registered_at,\
                       door_face,minutes_statistics,venue,day,minutes\n";

#[tokio::test]
async fn a_file_brings_people_and_the_minutes_they_had() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let (one, other) = (TestTown::number("1990-01-01", 1), TestTown::number("1990-01-01", 2));
    let venue = &gym.id;
    let csv = format!(
        "{HEADING}\
         resident_id,{one},张三,13900000000,{COMMUNITY},2026-03-01,2026-03-01,2026-03-01,{venue},2026-10-05,60\n\
         resident_id,{one},,,,,,,{venue},2026-11-02,45\n"
    );
    let report = town.office.imports("text/csv", csv).await.ok();
    let taken = json!({
        "rows": 2, "members": 1, "consents": 2, "past_days": 2, "past_minutes": 105,
    });
    for (field, value) in taken.as_object().unwrap() {
        assert_eq!(&report[field], value, "{field}");
    }
    let person = json!({
        "document": { "type": "resident_id", "number": other }, "name": "李四",
        "home_community": COMMUNITY, "registered_at": "2026-03-01T01:00:00Z",
        "consents": [{ "purpose": "minutes_statistics", "granted": true, "at": "2026-03-01" }],
        "minutes": [{ "venue": venue, "day": "2026-11-20", "minutes": 1440 }],
    });
    let report = town.office.imports("application/x-ndjson", person.to_string()).await.ok();
    assert_eq!(report["past_minutes"], 1440);
    let shown = town.screen("330499").await.document().await;
    assert_eq!(shown["ever"]["minutes"]["total"], 1545);
    assert_eq!(shown["ever"]["minutes"]["estimated"], 1545, "how they were measured is unknown");
    assert_eq!(shown["month"]["minutes"]["total"], 1485);
    assert_eq!(shown["ever"]["visits"], 0);
    assert_eq!(shown["registered"], 2);
    door.asks("in", &Shown::face("nobody")).await;
    town.adds_up().await;
}

#[tokio::test]
async fn the_same_file_sent_again_under_its_key_changes_nothing() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let number = TestTown::number("1990-01-01", 1);
    let csv = format!(
        "{HEADING}resident_id,{number},张三,,{COMMUNITY},2026-03-01,,,{},2026-10-05,60\n",
        gym.id
    );
    let send = async || {
        let request = town.office.request(reqwest::Method::POST, "/members/import").await;
        let request = request.header("Content-Type", "text/csv").body(csv.clone());
        let mut request = request.build().unwrap();
        request.headers_mut().insert("Idempotency-Key", "once".parse().unwrap());
        let answer = reqwest::Client::builder().no_proxy().build().unwrap().execute(request).await;
        let answer = answer.unwrap();
        let replayed = answer.headers().contains_key("idempotent-replayed");
        (answer.status().as_u16(), replayed, answer.text().await.unwrap())
    };
    let (status, replayed, first) = send().await;
    assert_eq!((status, replayed), (201, false), "{first}");
    assert_eq!(send().await, (201, true, first));
    let shown = town.screen("330499").await.document().await;
    assert_eq!(shown["ever"]["minutes"]["total"], 60);
    town.adds_up().await;
}

#[tokio::test]
async fn a_file_with_one_bad_row_is_refused_whole_and_names_it() {
    let town = TestTown::open().await;
    let (gym, _) = town.gym().await;
    let (one, other) = (TestTown::number("1990-01-01", 1), TestTown::number("1990-01-01", 2));
    let venue = &gym.id;
    let good = format!("resident_id,{one},张三,,{COMMUNITY},2026-03-01,,,{venue},2026-10-05,60\n");
    let bad = [
        (format!("resident_id,{other},李四,,{COMMUNITY},2026-03-01,,,{venue},2026-10-05,0\n"), 2),
        (format!("resident_id,{other},李四,,{COMMUNITY},2026-03-01,,,{venue},2027-01-01,9\n"), 2),
        (format!("resident_id,{other},李四,,110101001001,2026-03-01,,,,,\n"), 2),
        (format!("resident_id,{one}9,李四,,{COMMUNITY},2026-03-01,,,,,\n"), 2),
    ];
    for (row, number) in bad {
        let answer = town.office.imports("text/csv", format!("{HEADING}{good}{row}")).await;
        assert_eq!(answer.status, 422, "{row}: {}", answer.text);
        let pointer = answer.body["errors"][0]["pointer"].as_str().unwrap().to_owned();
        assert!(pointer.starts_with(&format!("/{number}")), "{row}: {pointer}");
        assert!(!answer.text.contains("李四") && !answer.text.contains(&other));
    }
    for (kind, text, said) in [
        ("text/csv", "color\nred\n", 422),
        ("text/csv; charset=gbk", HEADING, 415),
        ("application/json", "{}", 415),
    ] {
        assert_eq!(town.office.imports(kind, text).await.status, said, "{kind}");
    }
    let shown = town.screen("330499").await.document().await;
    assert_eq!((&shown["registered"], &shown["ever"]["minutes"]["total"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn whoever_was_taken_over_walks_in_and_earns_more() {
    let town = TestTown::open().await;
    let (gym, door) = town.gym().await;
    let member = town.member().await;
    let csv = format!(
        "document_type,document_number,venue,day,minutes\n\
         resident_id,{},{},2026-11-22,500\n",
        member.number, gym.id
    );
    town.office.imports("text/csv", csv).await.ok();
    door.saw("in", &member.face, at("2026-11-22T02:00:00Z")).await;
    door.saw("out", &member.face, at("2026-11-22T02:30:00Z")).await;
    let shown = town.screen("330499").await.document().await;
    let minutes = &shown["ever"]["minutes"];
    assert_eq!((&minutes["measured"], &minutes["estimated"]), (&json!(30), &json!(500)));
    let trend: Vec<Value> = shown["days"].as_array().unwrap().clone();
    let day = trend.into_iter().find(|day| day["day"] == "2026-11-22").unwrap();
    assert_eq!((&day["minutes"], &day["visits"]), (&json!(530), &json!(1)));
    town.adds_up().await;
}

#[tokio::test]
async fn a_file_in_gb18030_is_read_where_it_says_so() {
    let town = TestTown::open().await;
    let number = TestTown::number("1990-01-01", 1);
    // 张三 in the characters of a Chinese office.
    let start = format!("{HEADING}resident_id,{number},");
    let end = format!(",,{COMMUNITY},2026-03-01,,,,,\r");
    let file = |name: &[u8]| [start.as_bytes(), name, end.as_bytes()].concat();
    let zhang_san = file(b"\xd5\xc5\xc8\xfd");
    let undeclared = town.office.imports("text/csv", zhang_san.clone()).await;
    assert_eq!(undeclared.said(), (400, "invalid_utf8"));
    let broken = town.office.imports("text/csv; charset=gb18030", file(b"\xd5\xff")).await;
    assert_eq!(broken.said(), (400, "import_charset"));
    let taken = town.office.imports("text/csv; charset=GB18030", zhang_san).await.ok();
    assert_eq!(taken["members"], 1);
    let again = format!("{HEADING}resident_id,{number},张三,,{COMMUNITY},2026-03-01,,,,,\r");
    let again = town.office.imports("text/csv", again).await;
    assert_eq!(again.said(), (422, "id_already_registered"));
    assert_eq!(again.body["errors"][0]["pointer"], "/1/document");
}
