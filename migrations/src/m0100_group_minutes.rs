//! Step 100: what groups did together, as rows that are only added, and when a meet-up that is over
//! is looked at next.

use sea_orm_migration::prelude::*;

use crate::columns::{
    create_all, day, index, index_all, instant, int, or_null, run, table, text, uuid,
};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let minutes = table(
            "group_minutes",
            vec![
                uuid("id"),
                uuid("meetup_id"),
                uuid("group_id"),
                text("community"),
                uuid("member_id"),
                day("business_day"),
                int("minutes"),
                instant("recorded_at"),
            ],
            &["id"],
        );
        create_all(manager, vec![minutes]).await?;
        let indexes = vec![
            index("group_minutes", "group_minutes_meetup", &["meetup_id", "member_id"]),
            index("group_minutes", "group_minutes_place", &["community", "business_day"]),
            index("group_minutes", "group_minutes_member", &["member_id"]),
        ];
        index_all(manager, indexes).await?;
        let mut settle_at = or_null(instant("settle_at"));
        let meetups = Table::alter().table("group_meetups").add_column(&mut settle_at).take();
        manager.alter_table(meetups).await?;
        for sql in [
            "CREATE INDEX group_meetups_settle ON group_meetups (settle_at) \
             WHERE settle_at IS NOT NULL",
            // Those of before are looked at once.
            "UPDATE group_meetups SET settle_at = ends_at WHERE cancelled_at IS NULL",
        ] {
            run(manager, sql).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
