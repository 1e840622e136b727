//! Step 53: the audit chain by time, by who acted and by what was touched, and its ends day by day.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, day, index, index_all, instant, table, text};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let heads = table(
            "audit_heads",
            vec![day("day"), text("chain"), big("n"), text("hash"), instant("at")],
            &["day", "chain"],
        );
        create_all(manager, vec![heads]).await?;
        let indexes = vec![
            index("audit", "audit_at", &["at", "chain", "n"]),
            index("audit", "audit_actor", &["actor", "at"]),
            index("audit", "audit_object", &["object", "at"]),
        ];
        index_all(manager, indexes).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
