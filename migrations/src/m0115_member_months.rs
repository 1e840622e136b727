//! Step 115: the minutes of members' months, from the days that there are.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{ConnectionTrait, DbBackend},
};

use crate::columns::{big, create_all, day, run, table, uuid};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let months = table(
            "member_months",
            vec![uuid("member_id"), day("month"), big("minutes"), big("version")],
            &["member_id", "month"],
        );
        create_all(manager, vec![months]).await?;
        let month = if manager.get_connection().get_database_backend() == DbBackend::Postgres {
            "CAST(date_trunc('month', business_day) AS date)"
        } else {
            "date(business_day, 'start of month')"
        };
        let sum =
            "minutes_measured + minutes_self_declared + minutes_estimated + minutes_corrected";
        let filled = format!(
            "INSERT INTO member_months (member_id, month, minutes, version) \
             SELECT member_id, {month}, SUM({sum}), SUM(version) FROM member_days GROUP BY 1, 2"
        );
        run(manager, &filled).await?;
        run(
            manager,
            "CREATE INDEX member_months_ranked ON member_months (month, minutes DESC, member_id)",
        )
        .await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
