//! Step 2: members with credentials, consents, approvals and tokens; staff with sessions.

use sea_orm_migration::prelude::*;

use crate::columns::{
    big, boolean, create_all, index, index_all, instant, int, or_null, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, member_tables()).await?;
        create_all(manager, claim_tables()).await?;
        create_all(manager, staff_tables()).await?;
        index_all(
            manager,
            vec![
                index("members", "members_document", &["document_ix"]).unique().take(),
                index("members", "members_phone", &["phone_ix"]),
                index("members", "members_home", &["home_community", "registered_at"]),
                index("credentials", "credentials_member", &["member_id"]),
                index("member_tokens", "member_tokens_member", &["member_id"]),
                index("staff", "staff_name", &["name"]).unique().take(),
                index("staff_sessions", "staff_sessions_staff", &["staff_id"]),
            ],
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn member_tables() -> Vec<TableCreateStatement> {
    vec![
        table(
            "members",
            vec![
                uuid("id"),
                text("status"),
                text("home_community"),
                text("name_ct"),
                text("name_masked"),
                text("document_type"),
                text("document_ct"),
                text("document_ix"),
                or_null(text("phone_ct")),
                or_null(text("phone_ix")),
                or_null(text("sex")),
                or_null(text("birth_ct")),
                or_null(int("birth_year")),
                text("verification"),
                or_null(uuid("guardian_id")),
                instant("registered_at"),
                or_null(instant("erased_at")),
                big("version"),
            ],
            &["id"],
        ),
        table(
            "credentials",
            vec![
                text("kind"),
                text("handle"),
                uuid("member_id"),
                text("status"),
                instant("valid_from"),
                or_null(instant("valid_to")),
            ],
            &["kind", "handle"],
        ),
    ]
}

/// What a member agreed to, was allowed, and came in with.
fn claim_tables() -> Vec<TableCreateStatement> {
    vec![
        table(
            "consents",
            vec![
                uuid("member_id"),
                text("purpose"),
                instant("at"),
                text("text_version"),
                text("text_hash"),
                boolean("granted"),
                text("channel"),
                text("by_actor"),
            ],
            &["member_id", "purpose", "at"],
        ),
        table(
            "member_approvals",
            vec![
                uuid("member_id"),
                text("kind"),
                instant("valid_from"),
                or_null(instant("valid_to")),
                text("by_actor"),
            ],
            &["member_id", "kind", "valid_from"],
        ),
        table(
            "member_tokens",
            vec![
                text("token_hash"),
                uuid("member_id"),
                instant("created_at"),
                instant("expires_at"),
                or_null(instant("revoked_at")),
            ],
            &["token_hash"],
        ),
    ]
}

fn staff_tables() -> Vec<TableCreateStatement> {
    vec![
        table(
            "staff",
            vec![
                uuid("id"),
                text("name"),
                text("password_hash"),
                text("totp_ct"),
                text("role"),
                text("division"),
                text("status"),
                big("totp_last_step"),
                int("failures"),
                or_null(instant("locked_until")),
                instant("created_at"),
            ],
            &["id"],
        ),
        table(
            "staff_sessions",
            vec![
                text("token_hash"),
                uuid("staff_id"),
                instant("created_at"),
                instant("last_used_at"),
                instant("expires_at"),
                or_null(instant("revoked_at")),
            ],
            &["token_hash"],
        ),
    ]
}
