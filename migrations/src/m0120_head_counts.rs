//! Step 120: how many stays a count of heads ended.

use sea_orm_migration::prelude::*;

use crate::columns::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE occupancy_counts ADD COLUMN ended integer NOT NULL DEFAULT 0";
        run(manager, sql).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
