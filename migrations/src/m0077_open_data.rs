//! Step 77: what is published as open data, in the order in which it changed.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, index, index_all, instant, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let items = table(
            "open_data_items",
            vec![text("feed"), uuid("id"), big("change"), text("data"), instant("changed_at")],
            &["feed", "id"],
        );
        create_all(manager, vec![items]).await?;
        let order = index("open_data_items", "open_data_items_order", &["feed", "change"]);
        index_all(manager, vec![order.clone().unique().take()]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
