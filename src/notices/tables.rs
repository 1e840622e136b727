//! The table of notices as SQL that both databases read as it stands.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::base::ids::DivisionCode;

/// A notice as it is kept, with the name of its venue.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Row {
    pub id: Uuid,
    pub division: DivisionCode,
    pub venue_id: Option<Uuid>,
    pub venue: Option<String>,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub publish_at: DateTime<Utc>,
    pub until: DateTime<Utc>,
    pub withdrawn_at: Option<DateTime<Utc>>,
    pub told_through: Option<Uuid>,
}

const SELECT: &str = "SELECT n.id, n.division, n.venue_id, v.name AS venue, n.kind, n.title, n.body, \
     n.publish_at, n.until, n.withdrawn_at, n.told_through \
     FROM notices n LEFT JOIN venues v ON v.id = n.venue_id";

/// The notices that `rest` of the statement chooses.
pub async fn find(
    db: &impl ConnectionTrait,
    rest: &str,
    values: Vec<Value>,
) -> Result<Vec<Row>, DbErr> {
    let sql = format!("{SELECT} {rest}");
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Row::find_by_statement(statement).all(db).await
}

/// How many rows a statement changed.
pub async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}

/// Members who were at a venue since a month, in the order of their ids behind one.
pub async fn visitors(db: &impl ConnectionTrait, values: Vec<Value>) -> Result<Vec<Uuid>, DbErr> {
    // The months are few, and in each the key runs by member.
    let sql = "SELECT DISTINCT m.member_id AS id FROM member_venue_months m \
               WHERE m.venue_id = $1 AND m.month >= $2 AND m.member_id > $3 AND m.visits > 0 \
               ORDER BY m.member_id LIMIT $4";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let rows = db.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get("", "id")).collect()
}
