//! Step 26: what terminals made of single handles, as proof of what they hold and what they
//! deleted.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let receipts = table(
            "handle_receipts",
            vec![
                uuid("terminal_id"),
                text("handle"),
                uuid("member_id"),
                text("result"),
                instant("at"),
            ],
            &["terminal_id", "handle"],
        );
        create_all(manager, vec![receipts]).await?;
        let by_member = index("handle_receipts", "handle_receipts_member", &["member_id"]);
        index_all(manager, vec![by_member]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
