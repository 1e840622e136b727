//! Step 51: members found by where they are at home and by their masked names.

use sea_orm_migration::prelude::*;

use crate::columns::{index, index_all};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = vec![
            index("members", "members_at_home", &["home_community", "id"]),
            index("members", "members_name", &["name_masked", "home_community", "id"]),
        ];
        index_all(manager, indexes).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
