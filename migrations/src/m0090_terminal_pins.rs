//! Step 90: short numbers by which devices know people whose handles are too long for them; what a
//! device lists of whom it holds, page by page; and whether names go with the numbers.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, index, index_all, instant, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let pins = table(
            "terminal_pins",
            vec![
                uuid("terminal_id"),
                big("pin"),
                text("handle"),
                uuid("member_id"),
                instant("given_at"),
            ],
            &["terminal_id", "pin"],
        );
        let listings = table(
            "terminal_listings",
            vec![uuid("terminal_id"), big("number"), text("pin"), instant("at")],
            &["terminal_id", "number", "pin"],
        );
        create_all(manager, vec![pins, listings]).await?;
        let by_handle = index("terminal_pins", "terminal_pins_handle", &["handle", "terminal_id"])
            .unique()
            .take();
        let by_member = index("terminal_pins", "terminal_pins_member", &["member_id"]);
        let by_age = index("terminal_listings", "terminal_listings_at", &["at"]);
        index_all(manager, vec![by_handle, by_member, by_age]).await?;
        run(manager, "ALTER TABLE terminal_links ADD COLUMN names text NOT NULL DEFAULT 'none'")
            .await?;
        let asked = or_null(instant("roster_asked_at"));
        manager.alter_table(Table::alter().table("terminal_ledgers").add_column(asked).take()).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
