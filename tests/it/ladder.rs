//! The ladder of schema versions, climbed step by step with rows put in after each, on the
//! database under test; and three climbers at once.

use std::process::Command;

use migrations::{Migrator, partitions};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use sea_orm_migration::MigratorTrait;

/// Each step's sample rows, in the order of the ladder.
const SAMPLES: &[(&str, &str)] = &[
    ("m0001_places", include_str!("../../migrations/samples/m0001_places.sql")),
    ("m0002_people", include_str!("../../migrations/samples/m0002_people.sql")),
    ("m0003_terminals", include_str!("../../migrations/samples/m0003_terminals.sql")),
    ("m0004_entries", include_str!("../../migrations/samples/m0004_entries.sql")),
    ("m0005_minutes", include_str!("../../migrations/samples/m0005_minutes.sql")),
    ("m0006_ground", include_str!("../../migrations/samples/m0006_ground.sql")),
    ("m0010_gateways", include_str!("../../migrations/samples/m0010_gateways.sql")),
    ("m0011_terminal_ledgers", include_str!("../../migrations/samples/m0011_terminal_ledgers.sql")),
    ("m0012_sealed_raw", include_str!("../../migrations/samples/m0012_sealed_raw.sql")),
    ("m0020_wechat", include_str!("../../migrations/samples/m0020_wechat.sql")),
    ("m0021_verifications", include_str!("../../migrations/samples/m0021_verifications.sql")),
    ("m0022_disputes", include_str!("../../migrations/samples/m0022_disputes.sql")),
    ("m0023_ways_in", include_str!("../../migrations/samples/m0023_ways_in.sql")),
    ("m0024_faces", include_str!("../../migrations/samples/m0024_faces.sql")),
    ("m0025_views", include_str!("../../migrations/samples/m0025_views.sql")),
    ("m0026_receipts", include_str!("../../migrations/samples/m0026_receipts.sql")),
    ("m0030_screen_maps", include_str!("../../migrations/samples/m0030_screen_maps.sql")),
    ("m0040_versions", include_str!("../../migrations/samples/m0040_versions.sql")),
    ("m0050_staff", include_str!("../../migrations/samples/m0050_staff.sql")),
    ("m0051_search", include_str!("../../migrations/samples/m0051_search.sql")),
    ("m0052_work", include_str!("../../migrations/samples/m0052_work.sql")),
    ("m0053_audit", include_str!("../../migrations/samples/m0053_audit.sql")),
    ("m0055_days", include_str!("../../migrations/samples/m0055_days.sql")),
    ("m0056_safety", include_str!("../../migrations/samples/m0056_safety.sql")),
    ("m0057_calendar", include_str!("../../migrations/samples/m0057_calendar.sql")),
    ("m0060_held_texts", include_str!("../../migrations/samples/m0060_held_texts.sql")),
    ("m0061_export_links", include_str!("../../migrations/samples/m0061_export_links.sql")),
    ("m0062_companions", include_str!("../../migrations/samples/m0062_companions.sql")),
    ("m0063_webhooks", include_str!("../../migrations/samples/m0063_webhooks.sql")),
    ("m0064_impact", include_str!("../../migrations/samples/m0064_impact.sql")),
    ("m0065_lists", include_str!("../../migrations/samples/m0065_lists.sql")),
    ("m0070_outbox", include_str!("../../migrations/samples/m0070_outbox.sql")),
    ("m0071_instructors", include_str!("../../migrations/samples/m0071_instructors.sql")),
    ("m0072_bookings", include_str!("../../migrations/samples/m0072_bookings.sql")),
    ("m0074_notices", include_str!("../../migrations/samples/m0074_notices.sql")),
    ("m0075_groups", include_str!("../../migrations/samples/m0075_groups.sql")),
    ("m0076_activities", include_str!("../../migrations/samples/m0076_activities.sql")),
    ("m0077_open_data", include_str!("../../migrations/samples/m0077_open_data.sql")),
    ("m0080_fitness", include_str!("../../migrations/samples/m0080_fitness.sql")),
    ("m0081_closures", include_str!("../../migrations/samples/m0081_closures.sql")),
    ("m0082_tickets", include_str!("../../migrations/samples/m0082_tickets.sql")),
    ("m0083_honours", include_str!("../../migrations/samples/m0083_honours.sql")),
    ("m0090_terminal_pins", include_str!("../../migrations/samples/m0090_terminal_pins.sql")),
    ("m0095_retention_marks", include_str!("../../migrations/samples/m0095_retention_marks.sql")),
    ("m0100_group_minutes", include_str!("../../migrations/samples/m0100_group_minutes.sql")),
    ("m0101_activity_offers", include_str!("../../migrations/samples/m0101_activity_offers.sql")),
    ("m0115_member_months", include_str!("../../migrations/samples/m0115_member_months.sql")),
    ("m0120_head_counts", include_str!("../../migrations/samples/m0120_head_counts.sql")),
    ("m0121_rule_trials", include_str!("../../migrations/samples/m0121_rule_trials.sql")),
    ("m0122_written_names", include_str!("../../migrations/samples/m0122_written_names.sql")),
    ("m0123_touched", include_str!("../../migrations/samples/m0123_touched.sql")),
];

/// The steps that make a table with monthly partitions on PostgreSQL.
const PARTITIONED_IN: [(&str, &str); 2] =
    [("m0004_entries", "entry_events"), ("m0005_minutes", "minute_entries")];

/// A database of this test's own; dropped with the folder or the server that holds it.
struct Fresh {
    url: String,
    _folder: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "the runner names its servers by variables")]
async fn fresh(name: &str) -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let url = match std::env::var("FITGATE_TEST_DATABASE_URL") {
        Ok(server) => {
            let name = format!("ladder_{name}_{}", std::process::id());
            let admin = Database::connect(&server).await.unwrap();
            admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
            admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
            let (base, _) = server.rsplit_once('/').unwrap();
            format!("{base}/{name}")
        }
        Err(_) => format!("sqlite://{}?mode=rwc", folder.path().join("ladder.db").display()),
    };
    Fresh { url, _folder: folder }
}

async fn count(db: &DatabaseConnection, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS n FROM {table}");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await;
    row.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test]
async fn every_step_takes_rows_and_keeps_those_of_the_steps_before() {
    let fresh = fresh("steps").await;
    let db = Database::connect(&fresh.url).await.unwrap();
    let names: Vec<String> =
        Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let sampled: Vec<&str> = SAMPLES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, sampled, "every step has its sample rows");
    let mut expected: Vec<(String, i64)> = Vec::new();
    for &(name, sample) in SAMPLES {
        Migrator::up(&db, Some(1)).await.unwrap();
        let table = PARTITIONED_IN.iter().find(|(step, _)| *step == name).map(|(_, table)| *table);
        partitions::ensure(&db, table.as_slice(), table.map(|_| (2026, 11))).await.unwrap();
        for line in sample.lines() {
            let table = line.split_whitespace().nth(2).unwrap().to_owned();
            match expected.iter_mut().find(|(known, _)| *known == table) {
                Some((_, rows)) => *rows += 1,
                // A step may have put rows there itself.
                None => expected.push((table.clone(), count(&db, &table).await + 1)),
            }
        }
        db.execute_unprepared(sample).await.unwrap();
    }
    for (table, rows) in expected {
        assert_eq!(count(&db, &table).await, rows, "{table}");
    }
    Migrator::up(&db, None).await.unwrap();
}

#[tokio::test]
async fn three_climbers_at_once_all_arrive() {
    let fresh = fresh("climbers").await;
    let climbers: Vec<_> = (0..3)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_fitgate"))
                .args(["migrate", "--database-url", &fresh.url])
                .spawn()
                .unwrap()
        })
        .collect();
    for mut climber in climbers {
        assert!(climber.wait().unwrap().success());
    }
    let checked = Command::new(env!("CARGO_BIN_EXE_fitgate"))
        .args(["migrate", "--check", "--database-url", &fresh.url])
        .status()
        .unwrap();
    assert!(checked.success());
}

/// `fitgate` with these words on the database: its exit code, and what it said.
fn fitgate(url: &str, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fitgate"));
    let done = command.args(words).args(["--database-url", url]).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap().trim().to_owned())
}

#[tokio::test]
async fn a_schema_that_is_ahead_is_lived_with_until_a_step_takes_something_away() {
    let fresh = fresh("ahead").await;
    assert_eq!(fitgate(&fresh.url, &["migrate"]).0, Some(0));
    let db = Database::connect(&fresh.url).await.unwrap();
    let climbed = async |step: &str| {
        let sql =
            format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{step}', 1)");
        db.execute_unprepared(&sql).await.unwrap();
    };
    climbed("m9000_colours").await;
    assert_eq!(fitgate(&fresh.url, &["migrate"]).0, Some(0));
    assert_eq!(fitgate(&fresh.url, &["migrate", "--check"]).0, Some(0));
    climbed("m9001_names_contract").await;
    for words in [&["migrate"][..], &["migrate", "--check"]] {
        let (code, said) = fitgate(&fresh.url, words);
        assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("m9001_names_contract"), "{said}");
    }
}
