//! Step 52: what waits for staff: where a quarantined record came from and what it says, which
//! items were answered, and what became of a dispute.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, instant, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let venue = or_null(uuid("venue_id"));
        manager.alter_table(Table::alter().table("quarantine").add_column(venue).take()).await?;
        let answered = table(
            "work_answers",
            vec![
                text("kind"),
                uuid("subject"),
                text("outcome"),
                text("reason"),
                text("by_actor"),
                instant("at"),
                or_null(instant("until")),
            ],
            &["kind", "subject"],
        );
        create_all(manager, vec![answered]).await?;
        for sql in STATEMENTS {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

const STATEMENTS: [&str; 9] = [
    // What the record says, sealed, in one form whatever the protocol; none of rows from before.
    "ALTER TABLE quarantine ADD COLUMN record_ct text NOT NULL DEFAULT ''",
    "UPDATE quarantine SET venue_id = (SELECT p.venue_id FROM terminal_places p \
     WHERE p.terminal_id = quarantine.terminal_id ORDER BY p.valid_from DESC LIMIT 1) \
     WHERE terminal_id IS NOT NULL AND resolved_at IS NULL",
    "ALTER TABLE session_disputes ADD COLUMN outcome text",
    "CREATE INDEX session_disputes_waiting ON session_disputes (id) WHERE resolved_at IS NULL",
    "CREATE INDEX quarantine_open ON quarantine (reason, received_at, id) \
     WHERE resolved_at IS NULL AND terminal_id IS NOT NULL",
    "CREATE INDEX credentials_withdrawn ON credentials (valid_to) \
     WHERE status IN ('erased', 'withdrawn')",
    // Only what staff look at stands in these, so that they stay small beside the events.
    "CREATE INDEX entry_events_orphans ON entry_events (occurred_at, id) WHERE effect = 'orphan'",
    "CREATE INDEX entry_events_unsure ON entry_events (occurred_at, id) WHERE score < 0.6",
    "CREATE INDEX entry_events_absurd ON entry_events (occurred_at, id) \
     WHERE clock_flag = 'absurd_time'",
];
