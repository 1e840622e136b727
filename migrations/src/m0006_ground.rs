//! Step 6: what every domain stands on: audit, idempotency, leases, revisions, screen tokens.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, create_all, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await?;
        index_all(manager, vec![index("idempotency", "idempotency_expiry", &["expires_at"])])
            .await?;
        run(
            manager,
            "INSERT INTO revisions (name, n) VALUES ('world', 1), ('counter_generation', 1)",
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
            "audit",
            vec![
                text("chain"),
                big("n"),
                instant("at"),
                text("actor"),
                text("act"),
                text("object"),
                or_null(text("before_digest")),
                or_null(text("after_digest")),
                or_null(text("reason")),
                text("hash"),
            ],
            &["chain", "n"],
        ),
        table(
            "idempotency",
            vec![
                text("caller"),
                text("key"),
                text("body_hash"),
                int("status"),
                text("headers"),
                text("body"),
                instant("expires_at"),
            ],
            &["caller", "key"],
        ),
        table("leases", vec![text("name"), text("holder"), instant("until")], &["name"]),
        table("revisions", vec![text("name"), big("n")], &["name"]),
        table(
            "screen_tokens",
            vec![
                text("token_hash"),
                uuid("id"),
                text("division"),
                text("label"),
                instant("created_at"),
                or_null(instant("revoked_at")),
            ],
            &["token_hash"],
        ),
    ]
}
