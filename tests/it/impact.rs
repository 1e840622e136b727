//! What an operator owes the law: the facts of an impact assessment, alarms before so many faces
//! are stored that they are to be filed, and a pack within minutes of an incident.

use serde_json::{Value, json};

use crate::support::{COMMUNITY, Resident, Store, TestTown, eventually};

/// Puts in active faces of `persons` people, two of each.
async fn faces(store: &Store, persons: u32) {
    let sql = if store.is_postgres() {
        format!(
            "INSERT INTO credentials (kind, handle, member_id, status, valid_from) \
             SELECT 'face', 'f-' || h || '-' || n, md5('f' || n)::uuid, 'active', \
             '2026-01-01T00:00:00+00:00' FROM generate_series(1, {persons}) n, \
             generate_series(1, 2) h"
        )
    } else {
        format!(
            "INSERT INTO credentials (kind, handle, member_id, status, valid_from) \
             WITH RECURSIVE ns (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ns WHERE n < {persons}), \
             hs (h) AS (VALUES (1), (2)) SELECT 'face', 'f-' || h || '-' || n, \
             CAST(printf('%016d', n) AS BLOB), 'active', '2026-01-01T00:00:00+00:00' FROM ns, hs"
        )
    };
    store.sql(&sql).await;
}

#[tokio::test]
async fn alarms_come_before_a_hundred_thousand_faces_are_to_be_filed() {
    let town = TestTown::open().await;
    let city = town.hire("city", "3304").await;
    let calendar =
        "day,kind,name,as_weekday\n2027-01-01,holiday,元旦,\n2026-12-26,workday,调休,5\n";
    let import = town.office.request(reqwest::Method::POST, "/calendar?division=3304").await;
    let import = import.header("Content-Type", "text/csv").body(calendar);
    assert_eq!(import.send().await.unwrap().status(), 201);
    let before = city.get("/impact-facts").await.ok();
    assert_eq!((&before["faces"]["persons"], &before["faces"]["alarm"]), (&json!(0), &Value::Null));
    faces(&town.store, 100_001).await;
    // The count runs every hour.
    town.is_now("2026-11-23T04:00:00Z");
    let town = town.restarted().await;
    let city = city.at_server(&town.wire);
    let facts = eventually("alarms", async || {
        let facts = city.get("/impact-facts").await.ok();
        (facts["faces"]["reached"].as_array().unwrap().len() == 3).then_some(facts)
    })
    .await;
    assert_eq!(facts["faces"]["persons"], 100_001, "each person once");
    assert_eq!(facts["faces"]["alarm"], 100_000);
    let levels: Vec<_> =
        facts["faces"]["reached"].as_array().unwrap().iter().map(|r| r["level"].clone()).collect();
    assert_eq!(levels, [80_000, 95_000, 100_000]);
    // Thirty working days from a Monday: one more for the holiday, one less for the Saturday.
    assert_eq!(facts["faces"]["filing_due"], "2027-01-04");
    assert_eq!(facts["basis"], before["basis"], "counts alone change no assessment");
    let told = town.office.get("/audit?act=faces_alarm").await.ok();
    assert_eq!(told["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn the_facts_of_an_assessment_are_counts_and_only_the_citys_to_see() {
    let town = TestTown::with_wechat().await;
    let zhang = Resident::registers(&town, "zhang").await;
    town.child_of(&town.member().await).await;
    let city = town.hire("city", "3304").await;
    let facts = city.get("/impact-facts").await.ok();
    assert_eq!(facts["persons"]["registered"], 3, "{facts}");
    assert_eq!(facts["persons"]["under_14"], 1);
    assert_eq!(facts["processors"][0]["name"], "微信（腾讯）");
    assert!(facts["retention"].as_array().unwrap().len() > 10);
    let purposes: Vec<_> =
        facts["consents"].as_array().unwrap().iter().map(|c| c["purpose"].clone()).collect();
    assert!(purposes.contains(&json!("door_face")), "{purposes:?}");
    assert!(!facts.to_string().contains(&zhang.id().await), "nobody is named");
    for (role, over, said) in [
        ("district", "330499", (403, "forbidden")),
        ("bureau", "3304", (403, "forbidden")),
        ("community", COMMUNITY, (403, "forbidden")),
    ] {
        assert_eq!(town.hire(role, over).await.get("/impact-facts").await.said(), said, "{role}");
    }
}

#[tokio::test]
async fn a_pack_for_an_incident_says_whom_it_concerns_without_naming_them() {
    let town = TestTown::with_wechat().await;
    let (_, door) = town.gym().await;
    let zhang = Resident::registers(&town, "zhang").await;
    let (seen, unseen) = (zhang.id().await, town.member().await);
    let clerk = town.hire("venue", COMMUNITY).await;
    clerk.get(&format!("/members/{seen}")).await.ok();
    door.asks("in", &unseen.face).await;
    let views =
        town.office.get(&format!("/audit?object=member:{seen}&act=member_shown")).await.ok();
    let actor = views["items"][0]["actor"].as_str().unwrap();
    let id = actor.strip_prefix("staff:").unwrap();
    let file = town.store.scratch("persons");
    let file = file.to_str().unwrap();
    let window = [
        "report",
        "incident",
        "--division",
        "330499",
        "--from",
        "2026-11-23T00:00:00Z",
        "--to",
        "2026-11-24T00:00:00Z",
        "--discovered-at",
        "2026-11-24T08:00:00Z",
    ];
    let pack = async |more: &[&str]| -> Value {
        let words: Vec<&str> = window.iter().chain(more).copied().collect();
        serde_json::from_str(&town.store.fitgate(&words).await).unwrap()
    };
    let by_staff = pack(&["--staff", id, "--persons", file]).await;
    assert_eq!(by_staff["affected"]["persons"], 1, "{by_staff}");
    assert_eq!(by_staff["affected"]["with_wechat"], 1);
    assert_eq!(by_staff["report_by"], "2026-11-24T12:00:00Z");
    assert_eq!(by_staff["sum_up_by"], "2026-12-24T08:00:00Z");
    assert_eq!(by_staff["audit"]["breaches"], json!([]));
    let acts = by_staff["acts"].as_array().unwrap();
    assert!(acts.iter().any(|a| a["act"] == "member_shown" && a["count"] == 1), "{acts:?}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("{seen}\n"));
    let again = town.store.try_fitgate(&[&window[..], &["--persons", file]].concat()).await;
    assert_eq!(again.exit, 2, "a list that is there is not written over");
    let by_door = pack(&["--terminal", &door.id]).await;
    assert_eq!(by_door["affected"]["persons"], 1, "{by_door}");
    assert_eq!(by_door["affected"]["with_movements"], 1);
    let all = pack(&[]).await;
    assert_eq!(all["affected"]["persons"], 2);
    for text in [by_staff.to_string(), by_door.to_string(), all.to_string()] {
        for secret in [&seen, &unseen.id, &unseen.number, "张"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    town.store.sql("UPDATE audit SET reason = 'x' WHERE act = 'member_shown'").await;
    let broken = town.store.try_fitgate(&window).await;
    assert_eq!(broken.exit, 1, "the record is not whole: {}", broken.stderr);
}
