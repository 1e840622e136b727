//! Step 20: WeChat: the shared access token, accounts with their bearer tokens, the platform's
//! pushes, and the outbox of messages.

use sea_orm_migration::prelude::*;

use crate::columns::{create_all, index, index_all, instant, int, or_null, run, table, text, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await?;
        index_all(
            manager,
            vec![
                index("wechat_accounts", "wechat_accounts_openid", &["openid_ix"]).unique().take(),
                index("account_tokens", "account_tokens_account", &["account_id"]),
                index("wechat_messages", "wechat_messages_name", &["name"]).unique().take(),
                index("wechat_messages", "wechat_messages_due", &["state", "due_at"]),
                index("wechat_messages", "wechat_messages_member", &["member_id"]),
                index("wechat_messages", "wechat_messages_session", &["session_id"]),
            ],
        )
        .await?;
        // Who is asked when they left is looked for every few seconds.
        run(
            manager,
            "CREATE INDEX sessions_unseen ON sessions (presence_expires_at) \
             WHERE ended_by = 'limit'",
        )
        .await?;
        // A member signs in through one account.
        run(
            manager,
            "CREATE UNIQUE INDEX wechat_accounts_member ON wechat_accounts (member_id) \
             WHERE member_id IS NOT NULL",
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
            "wechat_tokens",
            vec![
                text("app_id"),
                text("token_ct"),
                instant("fetched_at"),
                instant("expires_at"),
                text("holder"),
                instant("leased_until"),
            ],
            &["app_id"],
        ),
        table(
            "wechat_accounts",
            vec![
                uuid("id"),
                text("openid_ct"),
                text("openid_ix"),
                or_null(uuid("member_id")),
                instant("created_at"),
            ],
            &["id"],
        ),
        table(
            "account_tokens",
            vec![
                text("token_hash"),
                uuid("account_id"),
                instant("created_at"),
                instant("expires_at"),
                or_null(instant("revoked_at")),
            ],
            &["token_hash"],
        ),
        table("wechat_pushes", vec![text("name"), instant("received_at")], &["name"]),
        table(
            "wechat_messages",
            vec![
                uuid("id"),
                text("name"),
                uuid("member_id"),
                or_null(uuid("session_id")),
                text("template_id"),
                text("page"),
                text("fields_ct"),
                text("state"),
                int("attempts"),
                instant("due_at"),
                instant("created_at"),
                or_null(instant("ended_at")),
                or_null(text("refusal")),
            ],
            &["id"],
        ),
    ]
}
