//! Lists of members in a city: each search begins at a place of an index that is in the list's own
//! order, so that a page costs as much as its rows, wherever it is. `FITGATE_MEMBERS=500000` looks
//! at a larger city and says how long pages took.

use std::time::Instant;

use fitgate::member_lists;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, Statement};
use serde_json::{Value, json};

use crate::support::{Office, Store, TestTown};

/// Members of the city unless told otherwise: enough that no planner reads all of them.
const MEMBERS: u32 = 20_000;

#[expect(clippy::disallowed_methods, reason = "whoever measures names the size by a variable")]
fn members() -> u32 {
    std::env::var("FITGATE_MEMBERS").map_or(MEMBERS, |text| text.parse().unwrap())
}

/// Puts in a city: two hundred communities, fifty names, one in a thousand suspended, one in a
/// hundred forgotten.
async fn city(store: &Store, members: u32) {
    let (series, id, name, community) = if store.is_postgres() {
        (
            format!("generate_series(1, {members}) n"),
            "md5('m' || n)::uuid",
            "chr(19968 + n % 50) || '*'",
            "'330499001' || lpad((n % 200 + 1)::text, 3, '0')",
        )
    } else {
        (
            "ns".to_owned(),
            "CAST(printf('%016d', n) AS BLOB)",
            "char(19968 + n % 50) || '*'",
            "'330499001' || printf('%03d', n % 200 + 1)",
        )
    };
    let with = if store.is_postgres() {
        String::new()
    } else {
        format!(
            "WITH RECURSIVE ns (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM ns WHERE n < {members})"
        )
    };
    let sql = format!(
        "INSERT INTO members (id, status, home_community, name_ct, name_masked, document_type, \
         document_ct, document_ix, verification, registered_at, erased_at, version) {with} \
         SELECT {id}, CASE WHEN n % 1000 = 0 THEN 'suspended' ELSE 'active' END, {community}, '', \
         {name}, 'resident_id', '', 'm-' || n, 'desk', '2026-01-01T00:00:00+00:00', \
         CASE WHEN n % 100 = 7 THEN '2026-02-01T00:00:00+00:00'{cast} END, 1 FROM {series}",
        cast = if store.is_postgres() { "::timestamptz" } else { "" },
    );
    let sql = if store.is_postgres() {
        sql.replace(
            "'2026-01-01T00:00:00+00:00', CASE",
            "'2026-01-01T00:00:00+00:00'::timestamptz, CASE",
        )
    } else {
        sql
    };
    store.sql(&sql).await;
}

/// How the database runs a list of the district from its middle on.
async fn plan(db: &DatabaseConnection, is_postgres: bool, text: &str) -> String {
    let values = ["'330499001100'", "$id", "'330499999999'", "51", "$name", "$status"];
    let (explain, id) = if is_postgres {
        ("EXPLAIN (COSTS OFF)", "'00000000-0000-0000-0000-000000000000'::uuid")
    } else {
        ("EXPLAIN QUERY PLAN", "x'00000000000000000000000000000000'")
    };
    // The fifth value is the name, or the status where no name is asked for.
    let fifth = if text.contains("name_masked = $5") { "'一*'" } else { "'suspended'" };
    let mut sql = text.to_owned();
    for (n, value) in values.iter().enumerate() {
        let value = match *value {
            "$id" => id,
            "$name" => fifth,
            "$status" => "'suspended'",
            other => other,
        };
        sql = sql.replace(&format!("${}", n + 1), value);
    }
    let sql = Statement::from_string(db.get_database_backend(), format!("{explain} {sql}"));
    let rows = db.query_all_raw(sql).await.unwrap();
    let column = if is_postgres { 0 } else { 3 };
    let line = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(column).unwrap();
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Asks for two pages behind one another, and says how long each took.
async fn pages(office: &Office, asks: &str, body: &Value) -> usize {
    let mut body = body.clone();
    let mut rows = 0;
    for page in 1..=2 {
        let begun = Instant::now();
        let found = office.post("/members/search", &body).await.ok();
        let took = begun.elapsed();
        let there = found["items"].as_array().unwrap().len();
        println!("{asks}: page {page} of {there} rows in {} µs", took.as_micros());
        rows += there;
        if found["next_cursor"].is_null() {
            break;
        }
        body["cursor"] = found["next_cursor"].clone();
    }
    rows
}

#[tokio::test]
async fn every_search_is_a_place_in_an_index_of_its_own() {
    let town = TestTown::open().await;
    let members = members();
    city(&town.store, members).await;
    let is_postgres = town.store.is_postgres();
    let db = Database::connect(&town.store.database_url).await.unwrap();
    let mut analysed = false;
    loop {
        for (index, text) in member_lists(is_postgres) {
            // PostgreSQL knows nothing of a table that nobody has looked at.
            if is_postgres && !analysed {
                continue;
            }
            let plan = plan(&db, is_postgres, &text).await;
            assert!(plan.contains(&format!("members_{index}")), "{index}: {text}\n{plan}");
            for slow in ["Seq Scan", "Sort", "SCAN", "TEMP B-TREE"] {
                assert!(!plan.contains(slow), "{index}: {text}\n{plan}");
            }
        }
        if analysed {
            break;
        }
        town.store.sql("ANALYZE").await;
        analysed = true;
    }
    let clerk = town.hire("district", "330499").await;
    // Signing in is slow on purpose, and no part of a page.
    clerk.token().await;
    let third = json!({ "division": "330499001050" });
    assert_eq!(pages(&clerk, "a community", &third).await, 100);
    assert_eq!(pages(&clerk, "all", &json!({})).await, 100);
    assert_eq!(pages(&clerk, "a name", &json!({ "name": "一*" })).await, 100);
    let suspended = json!({ "status": "suspended" });
    let found = pages(&clerk, "suspended", &suspended).await;
    assert_eq!(found, usize::try_from(members / 1000).unwrap().min(100));
    let both = json!({ "status": "suspended", "name": "一*" });
    assert!(pages(&clerk, "suspended of a name", &both).await > 0);
    let document = json!({ "document": { "type": "resident_id",
        "number": TestTown::number("1990-01-01", 1) } });
    assert_eq!(pages(&clerk, "a document", &document).await, 0);
    let phone = json!({ "phone": "13900000000" });
    assert_eq!(pages(&clerk, "a phone", &phone).await, 0);
}
