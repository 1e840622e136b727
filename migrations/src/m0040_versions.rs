//! Step 40: versions that a writer moves on, so that whoever read before it notices.

use sea_orm_migration::prelude::*;

use crate::columns::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, "ALTER TABLE venue_gates ADD COLUMN version BIGINT NOT NULL DEFAULT 0")
            .await?;
        // Of the numbers of a terminal's records, not of what staff change.
        run(manager, "ALTER TABLE terminals ADD COLUMN numbers_version BIGINT NOT NULL DEFAULT 0")
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
