//! Step 40: versions that a writer moves on, so that whoever read before it notices; and what
//! changed for the counters, as rows that are only added and taken away.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, day, int, run, table, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, "ALTER TABLE venue_gates ADD COLUMN version BIGINT NOT NULL DEFAULT 0")
            .await?;
        // Of the numbers of a terminal's records, not of what staff change.
        run(manager, "ALTER TABLE terminals ADD COLUMN numbers_version BIGINT NOT NULL DEFAULT 0")
            .await?;
        // Takes the place of `dirty_counters`, whose rows writers and projectors waited for.
        let changes = table(
            "counter_changes",
            vec![big("stamp"), int("n"), uuid("member_id"), uuid("venue_id"), day("business_day")],
            &["stamp", "n"],
        );
        create_all(manager, vec![changes]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
