//! Step 101: a free place is offered to who waits, for a time; and how many a team needs.

use sea_orm_migration::prelude::*;

use crate::columns::{instant, int, or_null, run};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut team_min = or_null(int("team_min"));
        let activities = Table::alter().table("activities").add_column(&mut team_min).take();
        manager.alter_table(activities).await?;
        let mut until = or_null(instant("offered_until"));
        let sign_ups = Table::alter().table("activity_sign_ups").add_column(&mut until).take();
        manager.alter_table(sign_ups).await?;
        run(
            manager,
            "CREATE INDEX activity_sign_ups_offered ON activity_sign_ups (offered_until) \
             WHERE state = 'offered'",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
