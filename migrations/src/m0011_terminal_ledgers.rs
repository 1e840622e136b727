//! Step 11: what is known of each terminal's completeness: the running numbers of vendors' records,
//! its newest record, how long it is usually silent, and how its roster compared with ours.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, instant, int, or_null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![ledgers()]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn ledgers() -> TableCreateStatement {
    table(
        "terminal_ledgers",
        vec![
            uuid("terminal_id"),
            big("epoch"),
            big("base"),
            big("highest"),
            text("gaps"),
            or_null(instant("since")),
            or_null(instant("newest_at")),
            or_null(instant("last_record_at")),
            int("usual_pause_s"),
            or_null(int("roster_missing")),
            or_null(int("roster_extra")),
            or_null(instant("roster_compared_at")),
        ],
        &["terminal_id"],
    )
}
