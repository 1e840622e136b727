//! Step 61: links to an export, each good once.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let links = table(
            "export_links",
            vec![
                uuid("member_id"),
                text("token_hash"),
                instant("created_at"),
                instant("expires_at"),
            ],
            &["member_id"],
        );
        create_all(manager, vec![links]).await?;
        let by_token = index("export_links", "export_links_token", &["token_hash"]).unique().take();
        let by_end = index("export_links", "export_links_expires", &["expires_at"]);
        index_all(manager, vec![by_token, by_end]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
