//! Step 22: what members dispute of their sessions.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let disputes = table(
            "session_disputes",
            vec![
                uuid("id"),
                uuid("session_id"),
                uuid("member_id"),
                text("text_ct"),
                instant("created_at"),
                or_null(instant("resolved_at")),
                or_null(text("resolution")),
                or_null(text("by_actor")),
            ],
            &["id"],
        );
        create_all(manager, vec![disputes]).await?;
        let by_member = index("session_disputes", "session_disputes_member", &["member_id"]);
        index_all(manager, vec![by_member]).await?;
        // A session is disputed once at a time.
        run(
            manager,
            "CREATE UNIQUE INDEX session_disputes_open ON session_disputes (session_id) \
             WHERE resolved_at IS NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
