//! Step 21: checks of who somebody is, the desk's recovery codes, and what members chose.

use sea_orm_migration::prelude::*;

use crate::columns::{boolean, create_all, index, index_all, instant, or_null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await?;
        index_all(
            manager,
            vec![
                index("verifications", "verifications_member", &["member_id", "created_at"]),
                index("verifications", "verifications_account", &["account_id", "created_at"]),
                index("recovery_codes", "recovery_codes_hash", &["code_hash"]).unique().take(),
                index("members", "members_guardian", &["guardian_id"]),
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        table(
            "verifications",
            vec![
                uuid("id"),
                or_null(uuid("member_id")),
                or_null(uuid("account_id")),
                text("method"),
                text("document_ix"),
                or_null(text("verify_id")),
                text("outcome"),
                instant("created_at"),
                instant("expires_at"),
                or_null(instant("ended_at")),
            ],
            &["id"],
        ),
        table(
            "recovery_codes",
            vec![uuid("member_id"), text("code_hash"), instant("expires_at"), text("by_actor")],
            &["member_id"],
        ),
        table(
            "member_settings",
            vec![uuid("member_id"), boolean("in_ranks"), instant("updated_at")],
            &["member_id"],
        ),
    ]
}
