//! Step 10: vendors' terminals: those that nobody has claimed, how claimed ones are reached, what
//! they say beside entries, what they are told to do, and whom they hold.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, boolean, create_all, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await?;
        index_all(
            manager,
            vec![
                index("terminal_links", "terminal_links_token", &["path_token_hash"]),
                index("terminal_links", "terminal_links_old_token", &["old_path_token_hash"]),
                index("terminal_links", "terminal_links_peer", &["peer_address"]),
                index("terminal_notices", "terminal_notices_key", &["terminal_id", "record_key"])
                    .unique()
                    .take(),
                index("terminal_notices", "terminal_notices_received", &["received_at"]),
                index("terminal_commands", "terminal_commands_number", &["terminal_id", "number"])
                    .unique()
                    .take(),
                index("terminal_commands", "terminal_commands_status", &["terminal_id", "status"]),
            ],
        )
        .await?;
        // A record of a terminal that nobody has claimed has no key row: this is its key.
        run(
            manager,
            "CREATE UNIQUE INDEX quarantine_unclaimed ON quarantine (family, serial, record_id) \
             WHERE terminal_id IS NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn tables() -> Vec<TableCreateStatement> {
    vec![unclaimed(), links(), notices(), commands(), roster(), receipts()]
}

fn unclaimed() -> TableCreateStatement {
    table(
        "unclaimed_terminals",
        vec![
            text("family"),
            text("serial"),
            instant("first_seen_at"),
            instant("last_seen_at"),
            int("records"),
        ],
        &["family", "serial"],
    )
}

fn links() -> TableCreateStatement {
    table(
        "terminal_links",
        vec![
            uuid("terminal_id"),
            boolean("keeps_roster"),
            or_null(text("roster_version")),
            or_null(text("peer_address")),
            or_null(instant("backlog_at")),
            or_null(text("path_token_hash")),
            or_null(text("old_path_token_hash")),
            or_null(instant("old_path_token_until")),
            or_null(text("address")),
            or_null(text("user_name")),
            or_null(text("password_ct")),
            or_null(instant("locked_until")),
            int("refused_logins"),
        ],
        &["terminal_id"],
    )
}

fn notices() -> TableCreateStatement {
    table(
        "terminal_notices",
        vec![
            uuid("id"),
            uuid("terminal_id"),
            text("record_key"),
            or_null(instant("device_time")),
            instant("received_at"),
            text("kind"),
            text("code"),
            or_null(text("detail")),
        ],
        &["id"],
    )
}

fn commands() -> TableCreateStatement {
    table(
        "terminal_commands",
        vec![
            uuid("id"),
            uuid("terminal_id"),
            big("number"),
            text("kind"),
            text("parameters"),
            text("status"),
            instant("created_at"),
            text("created_by"),
            instant("expires_at"),
            or_null(instant("sent_at")),
            int("attempts"),
            or_null(instant("finished_at")),
            or_null(big("result_code")),
            or_null(text("detail")),
        ],
        &["id"],
    )
}

fn roster() -> TableCreateStatement {
    table(
        "terminal_roster",
        vec![
            uuid("terminal_id"),
            text("handle"),
            uuid("member_id"),
            text("state"),
            or_null(big("result_code")),
            instant("changed_at"),
        ],
        &["terminal_id", "handle"],
    )
}

fn receipts() -> TableCreateStatement {
    table(
        "roster_receipts",
        vec![uuid("terminal_id"), uuid("member_id"), text("result"), instant("at")],
        &["terminal_id", "member_id"],
    )
}
