//! Step 81: closures of venues and zones at once and until somebody opens them again.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, or_null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let closures = table(
            "venue_closures",
            vec![
                uuid("id"),
                uuid("venue_id"),
                or_null(uuid("zone_id")),
                text("cause"),
                instant("closed_at"),
                text("closed_by"),
                or_null(instant("opened_at")),
                or_null(text("opened_by")),
            ],
            &["id"],
        );
        create_all(manager, vec![closures]).await?;
        let of_venue = index("venue_closures", "venue_closures_venue", &["venue_id", "closed_at"]);
        let of_cause = index("venue_closures", "venue_closures_cause", &["cause"]);
        index_all(manager, vec![of_venue, of_cause]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
