//! Step 23: by what a venue's doors let people in. Versions before this step take every way.

use sea_orm_migration::prelude::*;

use crate::columns::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, "ALTER TABLE venue_rules ADD COLUMN ways_in text").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
