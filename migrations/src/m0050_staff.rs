//! Step 50: when staff last proved who they are, codes to enrol with, and what waits for a second
//! person.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let confirmed = or_null(instant("confirmed_at"));
        let sessions = Table::alter().table("staff_sessions").add_column(confirmed).take();
        manager.alter_table(sessions).await?;
        let enrolments = table(
            "staff_enrolments",
            vec![uuid("staff_id"), text("code_hash"), instant("expires_at"), text("by_actor")],
            &["staff_id"],
        );
        let requests = table(
            "staff_requests",
            vec![
                uuid("id"),
                text("kind"),
                text("object"),
                or_null(uuid("member_id")),
                text("division"),
                text("payload"),
                text("reason"),
                text("asked_by"),
                instant("asked_at"),
                or_null(text("decided_by")),
                or_null(instant("decided_at")),
                or_null(text("decision")),
                or_null(instant("valid_until")),
            ],
            &["id"],
        );
        let joins = table(
            "member_joins",
            vec![uuid("gone_id"), uuid("kept_id"), instant("at")],
            &["gone_id"],
        );
        create_all(manager, vec![enrolments, requests, joins]).await?;
        let indexes = vec![
            index("staff", "staff_division", &["division", "id"]),
            index("staff_requests", "staff_requests_member", &["member_id"]),
            index("member_joins", "member_joins_kept", &["kept_id"]),
        ];
        index_all(manager, indexes).await?;
        run(
            manager,
            "CREATE INDEX staff_requests_open ON staff_requests (id) WHERE decided_at IS NULL",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
