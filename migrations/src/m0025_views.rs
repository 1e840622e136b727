//! Step 25: which of the staff saw whom, and leave to see a child.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, or_null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let views = table(
            "member_views",
            vec![
                uuid("id"),
                uuid("member_id"),
                text("viewer"),
                text("role"),
                text("division"),
                text("act"),
                instant("at"),
            ],
            &["id"],
        );
        let requests = table(
            "view_requests",
            vec![
                uuid("id"),
                uuid("member_id"),
                text("asked_by"),
                text("reason"),
                instant("asked_at"),
                or_null(text("approved_by")),
                or_null(instant("approved_at")),
                or_null(instant("valid_until")),
            ],
            &["id"],
        );
        create_all(manager, vec![views, requests]).await?;
        let indexes = vec![
            index("member_views", "member_views_member", &["member_id", "at"]),
            index("view_requests", "view_requests_member", &["member_id", "asked_by"]),
        ];
        index_all(manager, indexes).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
