//! Step 75: groups, their members and meet-ups, and offers of those who look for partners.

use sea_orm_migration::prelude::*;

use crate::columns::{
    boolean, create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
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
                index("social_groups", "social_groups_place", &["community", "state", "id"]),
                index("group_members", "group_members_member", &["member_id"]),
                index("group_meetups", "group_meetups_time", &["group_id", "starts_at"]),
                index(
                    "partner_offers",
                    "partner_offers_own",
                    &["member_id", "sport", "weekday", "hour"],
                )
                .unique()
                .take(),
                index(
                    "partner_offers",
                    "partner_offers_like",
                    &["community", "sport", "weekday", "hour", "id"],
                ),
            ],
        )
        .await?;
        // A group meets once at a time.
        run(
            manager,
            "CREATE UNIQUE INDEX group_meetups_start ON group_meetups (group_id, starts_at) \
             WHERE cancelled_at IS NULL",
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
            "social_groups",
            vec![
                uuid("id"),
                text("community"),
                text("name"),
                text("sport"),
                text("about"),
                text("state"),
                instant("created_at"),
                or_null(instant("decided_at")),
                or_null(text("decided_by")),
                or_null(text("reason")),
            ],
            &["id"],
        ),
        table(
            "group_members",
            vec![
                uuid("group_id"),
                uuid("member_id"),
                text("state"),
                boolean("is_leader"),
                instant("asked_at"),
                or_null(instant("joined_at")),
                or_null(instant("left_at")),
            ],
            &["group_id", "member_id"],
        ),
        table(
            "group_meetups",
            vec![
                uuid("id"),
                uuid("group_id"),
                uuid("venue_id"),
                instant("starts_at"),
                instant("ends_at"),
                // The business days in which a stay that reaches into it can have begun.
                day("day_before"),
                day("business_day"),
                instant("created_at"),
                or_null(instant("cancelled_at")),
            ],
            &["id"],
        ),
        table(
            "partner_offers",
            vec![
                uuid("id"),
                uuid("member_id"),
                text("community"),
                text("sport"),
                int("weekday"),
                int("hour"),
                instant("created_at"),
            ],
            &["id"],
        ),
    ]
}
