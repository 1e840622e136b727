//! Step 82: what residents report of a venue, what is done about it, and who is told when it is not.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, int, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, vec![tickets(), steps(), notices()]).await?;
        let indexes = vec![
            index("tickets", "tickets_member", &["member_id", "id"]),
            index("ticket_steps", "ticket_steps_ticket", &["ticket_id", "at"]),
            index("ticket_steps", "ticket_steps_at", &["at"]),
            index("ticket_notices", "ticket_notices_ticket", &["ticket_id"]),
        ];
        index_all(manager, indexes).await?;
        for sql in [
            "CREATE INDEX tickets_open ON tickets (community, id) WHERE ended_at IS NULL",
            "CREATE INDEX tickets_next ON tickets (next_at) WHERE next_at IS NOT NULL",
            "CREATE INDEX tickets_held ON tickets (check_at) WHERE check_at IS NOT NULL",
            "CREATE INDEX tickets_ended ON tickets (ended_at) WHERE ended_at IS NOT NULL",
            "CREATE INDEX ticket_notices_open ON ticket_notices (division, id) \
             WHERE seen_at IS NULL",
        ] {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn tickets() -> TableCreateStatement {
    table(
        "tickets",
        vec![
            uuid("id"),
            uuid("venue_id"),
            or_null(uuid("zone_id")),
            text("community"),
            text("kind"),
            or_null(uuid("member_id")),
            text("text_ct"),
            or_null(text("held_ct")),
            or_null(instant("check_at")),
            text("state"),
            instant("since"),
            or_null(instant("due_at")),
            or_null(instant("next_at")),
            int("told"),
            or_null(text("assignee_ct")),
            instant("reported_at"),
            or_null(instant("ended_at")),
        ],
        &["id"],
    )
}

fn steps() -> TableCreateStatement {
    table(
        "ticket_steps",
        vec![
            uuid("id"),
            uuid("ticket_id"),
            text("act"),
            text("state"),
            or_null(instant("due_at")),
            or_null(text("note_ct")),
            text("by_actor"),
            instant("at"),
        ],
        &["id"],
    )
}

fn notices() -> TableCreateStatement {
    table(
        "ticket_notices",
        vec![
            uuid("id"),
            uuid("ticket_id"),
            text("kind"),
            text("division"),
            text("state"),
            instant("at"),
            or_null(instant("seen_at")),
            or_null(text("seen_by")),
        ],
        &["id"],
    )
}
