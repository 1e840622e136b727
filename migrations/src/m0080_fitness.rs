//! Step 80: fitness tests: the standards they are scored by, their sealed results, and plans.

use sea_orm_migration::prelude::*;

use crate::columns::{
    create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![standards(), tests(), plans()]).await?;
        let indexes = vec![
            index("fitness_tests", "fitness_tests_member", &["member_id", "tested_at"]),
            index("fitness_tests", "fitness_tests_day", &["tested_on"]),
            index("fitness_plans", "fitness_plans_member", &["member_id", "starts_on"]),
        ];
        index_all(manager, indexes).await?;
        for sql in [
            "CREATE UNIQUE INDEX fitness_standards_version ON fitness_standards (name, version)",
            // What a device sends again is what it sent before.
            "CREATE UNIQUE INDEX fitness_tests_record ON fitness_tests (terminal_id, record_key) \
             WHERE terminal_id IS NOT NULL",
            // Whoever withdrew is found without the consents of all others.
            "CREATE INDEX consents_health_withdrawn ON consents (member_id, at) \
             WHERE purpose = 'health_data' AND NOT granted",
        ] {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn standards() -> TableCreateStatement {
    table(
        "fitness_standards",
        vec![
            uuid("id"),
            text("name"),
            int("version"),
            text("bands"),
            text("weights"),
            text("digest"),
            instant("loaded_at"),
            text("loaded_by"),
            or_null(instant("compared_at")),
            or_null(text("compared_by")),
            or_null(text("compared_with")),
        ],
        &["id"],
    )
}

fn tests() -> TableCreateStatement {
    table(
        "fitness_tests",
        vec![
            uuid("id"),
            uuid("member_id"),
            text("division"),
            or_null(uuid("venue_id")),
            uuid("standard_id"),
            instant("tested_at"),
            day("tested_on"),
            text("result_ct"),
            or_null(uuid("terminal_id")),
            or_null(text("record_key")),
            text("by_actor"),
            instant("created_at"),
        ],
        &["id"],
    )
}

fn plans() -> TableCreateStatement {
    table(
        "fitness_plans",
        vec![
            uuid("id"),
            uuid("member_id"),
            uuid("test_id"),
            text("plan_ct"),
            day("starts_on"),
            day("ends_on"),
            text("by_actor"),
            instant("created_at"),
        ],
        &["id"],
    )
}
