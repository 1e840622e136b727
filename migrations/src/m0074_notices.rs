//! Step 74: notices of divisions and venues.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let notices = table(
            "notices",
            vec![
                uuid("id"),
                text("division"),
                or_null(uuid("venue_id")),
                text("kind"),
                text("title"),
                text("body"),
                instant("publish_at"),
                instant("until"),
                text("created_by"),
                instant("created_at"),
                or_null(instant("withdrawn_at")),
                or_null(text("withdrawn_by")),
                // Of a closure: up to which member it was told, and when it was told to all.
                or_null(uuid("told_through")),
                or_null(instant("told_at")),
            ],
            &["id"],
        );
        create_all(manager, vec![notices]).await?;
        index_all(
            manager,
            vec![
                // What is over lies behind, so the past costs nothing.
                index("notices", "notices_until", &["until"]),
                index("notices", "notices_division", &["division", "id"]),
            ],
        )
        .await?;
        run(
            manager,
            "CREATE INDEX notices_untold ON notices (publish_at) \
             WHERE kind = 'closure' AND told_at IS NULL AND withdrawn_at IS NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
