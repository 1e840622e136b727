//! Step 24: enrolment photos, sealed with a key of their own and apart from who people are.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, int, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let faces = table(
            "faces",
            vec![
                text("handle"),
                uuid("member_id"),
                text("photo_ct"),
                int("width"),
                int("height"),
                instant("taken_at"),
            ],
            &["handle"],
        );
        create_all(manager, vec![faces]).await?;
        let one_each = index("faces", "faces_member", &["member_id"]).unique().take();
        index_all(manager, vec![one_each]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
