//! Step 55: what was published of each business day and why it changed, the ways in of days that
//! are final, and refusals by venue and time.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![revisions(), ways()]).await?;
        let published = index("day_revisions", "day_revisions_day", &["business_day", "division"]);
        index_all(manager, vec![published]).await?;
        run(
            manager,
            "CREATE INDEX entry_events_refused ON entry_events (venue_id, occurred_at) \
             WHERE decision = 'refused'",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

/// Append-only: what a venue's or a division's day said each time that it was published.
fn revisions() -> TableCreateStatement {
    table(
        "day_revisions",
        vec![
            text("scope"),
            day("business_day"),
            int("n"),
            or_null(uuid("venue_id")),
            text("division"),
            instant("at"),
            text("state"),
            big("visits"),
            big("people"),
            big("minutes_measured"),
            big("minutes_self_declared"),
            big("minutes_estimated"),
            big("minutes_corrected"),
            text("causes"),
        ],
        &["scope", "business_day", "n"],
    )
}

fn ways() -> TableCreateStatement {
    table(
        "venue_day_ways",
        vec![uuid("venue_id"), day("business_day"), text("method"), big("entries")],
        &["venue_id", "business_day", "method"],
    )
}
