//! Step 56: evacuations of venues, and counts of who is really inside.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, int, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let evacuations = table(
            "evacuations",
            vec![
                uuid("id"),
                uuid("venue_id"),
                text("reason"),
                int("presumed"),
                instant("started_at"),
                text("started_by"),
                instant("opened_at"),
                or_null(instant("ended_at")),
                or_null(text("ended_by")),
            ],
            &["id"],
        );
        let counts = table(
            "occupancy_counts",
            vec![
                uuid("id"),
                uuid("venue_id"),
                instant("at"),
                int("counted"),
                int("presumed"),
                text("by_actor"),
            ],
            &["id"],
        );
        create_all(manager, vec![evacuations, counts]).await?;
        let of_venue = index("occupancy_counts", "occupancy_counts_venue", &["venue_id", "at"]);
        index_all(manager, vec![of_venue]).await?;
        // One at a time in a venue; and all that are going on are found without the past ones.
        run(
            manager,
            "CREATE UNIQUE INDEX evacuations_open ON evacuations (venue_id) WHERE ended_at IS NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
