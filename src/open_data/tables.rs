//! What is published, and what it is made of, as SQL that both databases read as it stands.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

/// An item under the number of its newest change; without data it is gone.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ItemRow {
    pub id: Uuid,
    pub change: i64,
    pub data: String,
}

/// A venue as everybody may know it.
#[derive(Clone, Debug, FromQueryResult)]
pub struct VenueRow {
    pub id: Uuid,
    pub name: String,
    pub kind: String,
    pub community: String,
    pub lat: Option<f64>,
    pub lng: Option<f64>,
    pub coordinates: String,
}

pub const VENUES: &str = "SELECT v.id, v.name, v.kind, v.community, v.lat, v.lng, v.coordinates \
     FROM venues v WHERE v.status = 'open'";

/// An activity as everybody may know it; nothing of who signed up but how many.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ActivityRow {
    pub id: Uuid,
    pub title: String,
    pub about: String,
    pub kind: String,
    pub venue_id: Option<Uuid>,
    pub place: Option<String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub capacity: i32,
    pub taken: i32,
    pub cancelled_at: Option<DateTime<Utc>>,
}

pub const ACTIVITIES: &str = "SELECT a.id, a.title, a.about, a.kind, a.venue_id, a.place, \
     a.starts_at, a.ends_at, a.capacity, a.taken, a.cancelled_at FROM activities a \
     WHERE a.ends_at > $1";

/// The rows of a statement.
pub async fn rows<T: FromQueryResult>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    T::find_by_statement(statement).all(db).await
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
