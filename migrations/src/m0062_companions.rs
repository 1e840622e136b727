//! Step 62: who may bring a child beside its guardian, and codes with which they become so.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let companions = table(
            "companions",
            vec![uuid("member_id"), uuid("companion_id"), uuid("named_by"), instant("since")],
            &["member_id", "companion_id"],
        );
        let codes = table(
            "companion_codes",
            vec![uuid("member_id"), text("code_hash"), uuid("named_by"), instant("expires_at")],
            &["member_id"],
        );
        create_all(manager, vec![companions, codes]).await?;
        let by_companion = index("companions", "companions_companion", &["companion_id"]);
        let by_code =
            index("companion_codes", "companion_codes_hash", &["code_hash"]).unique().take();
        index_all(manager, vec![by_companion, by_code]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
