//! Step 122: a name as it was written on registration, sealed, where that is not how it is kept.

use sea_orm_migration::prelude::*;

use crate::columns::{or_null, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut written = or_null(text("written_ct"));
        let members = Table::alter().table("members").add_column(&mut written).take();
        manager.alter_table(members).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
