//! Step 57: holidays and swapped workdays as data, and what venues open on holidays.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, day, instant, int, or_null, small, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let days = table(
            "calendar_days",
            vec![
                text("division"),
                day("day"),
                int("version"),
                text("kind"),
                text("name"),
                or_null(small("as_weekday")),
                text("by_actor"),
                instant("at"),
            ],
            &["division", "day", "version"],
        );
        let hours = table(
            "venue_holiday_hours",
            vec![
                uuid("venue_id"),
                int("version"),
                or_null(int("opens")),
                or_null(int("closes")),
                text("by_actor"),
                instant("at"),
            ],
            &["venue_id", "version"],
        );
        create_all(manager, vec![days, hours]).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
