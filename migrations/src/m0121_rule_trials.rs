//! Step 121: other numbers in rules that are tried on a long period, piece by piece.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, index, index_all, instant, or_null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let trials = table(
            "rule_trials",
            vec![
                uuid("id"),
                text("division"),
                text("by_actor"),
                text("ask"),
                text("state"),
                big("people"),
                big("people_done"),
                uuid("last_member"),
                big("folded"),
                text("difference"),
                instant("asked_at"),
                or_null(instant("ended_at")),
            ],
            &["id"],
        );
        create_all(manager, vec![trials]).await?;
        let by_age = index("rule_trials", "rule_trials_state", &["state", "asked_at"]);
        index_all(manager, vec![by_age]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
