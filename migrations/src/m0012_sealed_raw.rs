//! Step 12: what waits in quarantine is sealed, since nobody knows what stands in it; rows from
//! before stay as they were. And whether a terminal's events are fetched as a stream.

use sea_orm_migration::prelude::*;

use crate::columns::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, "ALTER TABLE quarantine ADD COLUMN raw_ct text NOT NULL DEFAULT ''").await?;
        run(manager, "ALTER TABLE terminal_links ADD COLUMN streams boolean NOT NULL DEFAULT FALSE")
            .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
