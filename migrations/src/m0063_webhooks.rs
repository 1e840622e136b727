//! Step 63: addresses that are told what happens, and what waits to be told them.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, int, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let hooks = table(
            "webhooks",
            vec![
                uuid("id"),
                text("division"),
                text("url"),
                text("kinds"),
                text("status"),
                text("secret_ct"),
                or_null(text("old_secret_ct")),
                or_null(instant("old_secret_until")),
                text("by_actor"),
                instant("created_at"),
                or_null(instant("failing_since")),
                or_null(instant("ended_at")),
            ],
            &["id"],
        );
        let deliveries = table(
            "webhook_deliveries",
            vec![
                uuid("webhook_id"),
                uuid("event_id"),
                text("kind"),
                text("body"),
                text("state"),
                int("attempts"),
                instant("due_at"),
                instant("created_at"),
                or_null(text("outcome")),
                or_null(instant("ended_at")),
            ],
            &["webhook_id", "event_id"],
        );
        create_all(manager, vec![hooks, deliveries]).await?;
        let ended = index("webhook_deliveries", "webhook_deliveries_ended", &["ended_at"]);
        index_all(manager, vec![ended]).await?;
        // Only what waits stands in it, so that looking for it costs the same after years.
        run(
            manager,
            "CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, due_at) \
             WHERE state = 'pending'",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
