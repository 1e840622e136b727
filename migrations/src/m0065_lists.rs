//! Step 65: an index for each list of members that somebody can ask for, in the order of the list
//! and without who was forgotten, so that a page costs as much as its rows.

use sea_orm_migration::prelude::*;

use crate::columns::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for sql in STATEMENTS {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const STATEMENTS: [&str; 6] = [
    "DROP INDEX members_at_home",
    "DROP INDEX members_name",
    "CREATE INDEX members_listed ON members (home_community, id) WHERE erased_at IS NULL",
    "CREATE INDEX members_named ON members (name_masked, home_community, id) \
     WHERE erased_at IS NULL",
    "CREATE INDEX members_standing ON members (status, home_community, id) \
     WHERE erased_at IS NULL",
    "CREATE INDEX members_named_standing ON members (name_masked, status, home_community, id) \
     WHERE erased_at IS NULL",
];
