//! Step 123: what a change is about, so that counters are asked for what may have moved alone. By
//! default about all: an older server does not say.

use sea_orm_migration::prelude::*;

use crate::columns::boolean;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["stays", "minutes"] {
            let mut touched = boolean(name);
            let changes =
                Table::alter().table("counter_changes").add_column(touched.default(true)).take();
            manager.alter_table(changes).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
