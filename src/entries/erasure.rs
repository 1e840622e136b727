//! What entry events tell of somebody beside their opaque id: the handle shown and how sure a
//! device was. Gone when the person asks to be forgotten.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, Statement};

use crate::base::ids::MemberId;

/// Takes handles and scores out of a member's events; when and where they were stays, since the
/// venue's figures rest on it.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    let sql = "UPDATE entry_events SET credential = NULL, score = NULL WHERE member_id = $1";
    let statement =
        Statement::from_sql_and_values(tx.get_database_backend(), sql, [member.0.into()]);
    tx.execute_raw(statement).await.map(drop)
}
