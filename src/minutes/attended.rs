//! How long somebody exercised between two days, as far as doors saw it or staff corrected it.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr, Statement};

use crate::base::ids::MemberId;

/// Whole minutes of business days `from` to `to`, both included: measured and corrected ones. What
/// is estimated or told by the member proves nothing of a plan.
pub async fn attended(
    db: &impl ConnectionTrait,
    member: MemberId,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<i64, DbErr> {
    let sql = "SELECT CAST(COALESCE(SUM(minutes_measured + minutes_corrected), 0) AS BIGINT) AS n \
               FROM member_days WHERE member_id = $1 AND business_day >= $2 AND business_day <= $3";
    let values = [member.0.into(), from.into(), to.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let row = db.query_one_raw(statement).await?;
    row.map_or(Ok(0), |row| row.try_get("", "n"))
}
