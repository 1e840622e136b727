//! Step 3: terminals with their places, keys and nonces.

use sea_orm_migration::prelude::*;

use crate::columns::{big, create_all, index, index_all, instant, int, or_null, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await?;
        index_all(
            manager,
            vec![
                index("terminals", "terminals_serial", &["family", "serial"]).unique().take(),
                index("terminal_places", "terminal_places_venue", &["venue_id"]),
                index("terminal_keys", "terminal_keys_terminal", &["terminal_id"]),
                index("terminal_nonces", "terminal_nonces_expiry", &["expires_at"]),
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![
        table(
            "terminals",
            vec![
                uuid("id"),
                text("serial"),
                text("family"),
                text("time_zone"),
                text("status"),
                big("clock_offset_ms"),
                or_null(big("clock_offset_seen_ms")),
                or_null(instant("last_seen_at")),
                big("epoch"),
                big("acked_seq"),
                big("highest_seq"),
                text("gaps"),
                or_null(instant("watermark_at")),
                or_null(instant("lost_at")),
                or_null(int("queue_length")),
                or_null(int("faces")),
                or_null(text("firmware")),
                instant("created_at"),
            ],
            &["id"],
        ),
        table(
            "terminal_places",
            vec![
                uuid("terminal_id"),
                instant("valid_from"),
                uuid("venue_id"),
                or_null(uuid("zone_id")),
                text("direction"),
            ],
            &["terminal_id", "valid_from"],
        ),
        table(
            "terminal_keys",
            vec![
                uuid("id"),
                uuid("terminal_id"),
                text("secret_ct"),
                instant("created_at"),
                or_null(instant("activated_at")),
                or_null(instant("expires_at")),
                or_null(instant("revoked_at")),
            ],
            &["id"],
        ),
        table(
            "terminal_nonces",
            vec![uuid("terminal_id"), text("nonce"), instant("expires_at")],
            &["terminal_id", "nonce"],
        ),
    ]
}
