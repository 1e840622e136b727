//! Step 4: the global event keys, entry events (by month on `PostgreSQL`) and the quarantine.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, boolean, create_all, create_partitioned, float, index, index_all, instant, int, or_null,
    table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![event_keys(), quarantine()]).await?;
        create_partitioned(manager, entry_events(), "occurred_at").await?;
        index_all(
            manager,
            vec![
                index("event_keys", "event_keys_received", &["received_at"]),
                index("entry_events", "entry_events_member", &["member_id", "occurred_at"]),
                index("entry_events", "entry_events_venue", &["venue_id", "occurred_at"]),
                index("quarantine", "quarantine_received", &["received_at"]),
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn event_keys() -> TableCreateStatement {
    table(
        "event_keys",
        vec![
            uuid("terminal_id"),
            text("record_id"),
            or_null(uuid("event_id")),
            or_null(instant("occurred_at")),
            text("body_hash"),
            text("decision"),
            instant("received_at"),
        ],
        &["terminal_id", "record_id"],
    )
}

fn entry_events() -> TableCreateStatement {
    table(
        "entry_events",
        vec![
            uuid("id"),
            instant("occurred_at"),
            uuid("venue_id"),
            uuid("terminal_id"),
            or_null(uuid("member_id")),
            text("serial"),
            big("epoch"),
            big("seq"),
            text("direction"),
            text("method"),
            or_null(text("credential")),
            or_null(float("score")),
            instant("device_time"),
            instant("received_at"),
            int("offset_s"),
            or_null(text("clock_flag")),
            text("mode"),
            text("decision"),
            or_null(text("reason")),
            text("effect"),
            boolean("credited"),
            or_null(boolean("passed")),
        ],
        &["id", "occurred_at"],
    )
}

fn quarantine() -> TableCreateStatement {
    table(
        "quarantine",
        vec![
            uuid("id"),
            text("family"),
            text("serial"),
            or_null(uuid("terminal_id")),
            or_null(text("record_id")),
            instant("received_at"),
            text("reason"),
            text("raw"),
            or_null(instant("resolved_at")),
            or_null(text("resolution")),
            or_null(text("by_actor")),
        ],
        &["id"],
    )
}
