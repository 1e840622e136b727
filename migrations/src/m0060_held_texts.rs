//! Step 60: what a member says in a dispute waits apart until its check, so that nobody reads it
//! before.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, or_null, run, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for mut column in [or_null(text("held_ct")), or_null(instant("check_at"))] {
            let disputes = Table::alter().table("session_disputes").add_column(&mut column).take();
            manager.alter_table(disputes).await?;
        }
        run(
            manager,
            "CREATE INDEX session_disputes_held ON session_disputes (check_at) \
             WHERE check_at IS NOT NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
