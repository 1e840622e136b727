//! Step 64: when how many persons' faces were stored for the first time, and whom one of the staff
//! looked at.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, index, index_all, instant, table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = vec![big("level"), instant("reached_at"), big("persons")];
        create_all(manager, vec![table("face_alarms", columns, &["level"])]).await?;
        let by_viewer = index("member_views", "member_views_viewer", &["viewer", "at"]);
        index_all(manager, vec![by_viewer]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
