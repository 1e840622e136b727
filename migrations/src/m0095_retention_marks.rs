//! Step 95: how far what doors saw was cleared already, so that a night looks at one day of it.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, instant, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let marks = table(
            "retention_marks",
            vec![text("name"), instant("cleared_before"), uuid("next_id")],
            &["name"],
        );
        create_all(manager, vec![marks]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
