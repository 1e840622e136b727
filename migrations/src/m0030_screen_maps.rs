//! Step 30: the map that a bureau supplies for the screens of a division, as it is drawn.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, instant, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let maps = table(
            "screen_maps",
            vec![
                text("division"),
                text("tag"),
                text("approval_number"),
                text("drawing"),
                instant("supplied_at"),
            ],
            &["division"],
        );
        create_all(manager, vec![maps]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
