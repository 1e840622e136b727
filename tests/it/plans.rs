//! How PostgreSQL runs the statements that entries cause: each table is reached by an index, whether
//! it was empty, small or large when somebody last looked at it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use fitgate::{PLANNED, SETTLED, hot_statements};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};

use crate::support::TestTown;

#[tokio::test]
async fn what_entries_cause_looks_up_keys_and_reads_no_table_from_end_to_end() {
    let town = TestTown::open().await;
    if !town.store.is_shared() {
        eprintln!("skipped: SQLite plans by the index that there is, and keeps no statistics");
        return;
    }
    let db = hot_connection(&town.store.database_url).await;
    all_kinds_of_entries(&town).await;
    let statements = hot_statements();
    let tables = [
        "entry_events",
        "sessions",
        "timelines",
        "counter_changes",
        "member_months",
        "credentials",
        "bookings",
        "instructors",
    ];
    for table in tables {
        assert!(statements.iter().any(|text| text.contains(table)), "{table} is asked");
    }
    // A town of a few rows, as the planner finds it when nobody has analysed anything.
    hold_to_indexes(&db, &statements).await;
    town.store.sql("ANALYZE").await;
    hold_to_indexes(&db, &statements).await;
    for table in ["sessions", "timelines", "members", "credentials", "member_days", "member_months"]
    {
        multiply(&town, table).await;
    }
    town.store.sql("ANALYZE").await;
    hold_to_indexes(&db, &statements).await;
    for table in [
        "sessions",
        "member_days",
        "member_months",
        "minute_entries",
        "counter_changes",
        "event_keys",
    ] {
        town.store.sql(&format!("DELETE FROM {table}")).await;
    }
    // The trap: an empty table looks as if reading all of it were cheapest.
    town.store.sql("ANALYZE").await;
    hold_to_indexes(&db, &statements).await;
}

/// Live and late, in and out, alone and in a crowd, known and new.
async fn all_kinds_of_entries(town: &TestTown) {
    let (_, door) = town.gym().await;
    let people = [town.member().await, town.member().await, town.member().await];
    let now = town.now();
    // A door that lets in only who has booked.
    let rules = serde_json::json!({ "prerequisites": ["booking"] });
    let court = town.venue("球馆", serde_json::json!({ "rules": rules })).await;
    let court = town.terminal(&court, "both").await;
    assert_eq!(court.asks("in", &people[2].face).await["decision"], "refused");
    assert_eq!(door.asks("in", &people[0].face).await["decision"], "granted");
    let records: Vec<_> = people
        .iter()
        .zip(1..)
        .flat_map(|(person, n)| {
            let at = now - TimeDelta::minutes(50 * n);
            [
                door.record("in", &person.card, at),
                door.record("out", &person.card, at + HALF_AN_HOUR),
            ]
        })
        .collect();
    door.tells(&records).await;
    door.tells(&records[..2]).await;
    town.adds_up().await;
}

const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);

/// One connection with the settings of the recorder's and the projector's.
async fn hot_connection(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    for (name, value) in SETTLED.iter().chain(&PLANNED) {
        db.execute_unprepared(&format!("SET {name} = '{value}'")).await.unwrap();
    }
    db
}

async fn hold_to_indexes(db: &DatabaseConnection, statements: &[String]) {
    for (n, text) in statements.iter().enumerate() {
        let plan = plan(db, n, text).await;
        assert!(!plan.contains("Seq Scan"), "{text}\n{plan}");
        // The other index of sessions leads to everybody who came to the venue that day.
        assert!(!plan.contains("sessions_venue_day"), "{text}\n{plan}");
    }
}

/// The generic plan, which is the one that is used.
async fn plan(db: &DatabaseConnection, n: usize, text: &str) -> String {
    db.execute_unprepared(&format!("PREPARE p{n} AS {text}")).await.unwrap();
    let parameters: BTreeSet<&str> = text
        .split('$')
        .skip(1)
        .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default())
        .collect();
    let nulls = vec!["NULL"; parameters.len()].join(", ");
    let explain = Statement::from_string(
        db.get_database_backend(),
        format!("EXPLAIN (COSTS OFF) EXECUTE p{n}({nulls})"),
    );
    let rows = db.query_all_raw(explain).await.unwrap();
    db.execute_unprepared(&format!("DEALLOCATE p{n}")).await.unwrap();
    let line = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(0).unwrap();
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Twenty thousand rows more, like one that is there.
async fn multiply(town: &TestTown, table: &str) {
    let key = match table {
        "members" => "'id', md5(n::text)::uuid, 'document_ix', n::text, 'phone_ix', NULL",
        "credentials" => "'handle', 'more-' || n",
        "sessions" => "'id', md5(n::text)::uuid",
        _ => "'member_id', md5(n::text)::uuid",
    };
    let ended = if table == "sessions" { "WHERE left_at IS NOT NULL" } else { "" };
    town.store
        .sql(&format!(
            "INSERT INTO {table} SELECT r.* FROM (SELECT * FROM {table} {ended} LIMIT 1) one, \
             generate_series(1, 20000) n, LATERAL jsonb_populate_record(NULL::{table}, \
             to_jsonb(one) || jsonb_build_object({key})) r"
        ))
        .await;
}
