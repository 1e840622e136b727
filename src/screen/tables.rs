//! The screen's own table, its tokens, and how its statements over the others are written: SQL
//! that `PostgreSQL` and SQLite both read as it stands, `$n` for the values.

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DbErr, EntityTrait, QueryOrder as _, QuerySelect as _, Statement, Value,
    entity::prelude::*,
};
use uuid::Uuid;

use super::TokenHash;
use crate::base::ids::DivisionCode;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "screen_tokens")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: String,
    pub id: Uuid,
    pub division: DivisionCode,
    pub label: String,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub async fn insert(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(row).reset_all()).exec_without_returning(db).await.map(|_| ())
}

/// The tokens for divisions within `division`.
pub async fn within(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
) -> Result<Vec<Model>, DbErr> {
    let mut rows = Entity::find()
        .order_by_asc(Column::Division)
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.retain(|row| division.covers(&row.division));
    Ok(rows)
}

/// The tokens for divisions within `division`, the newest first, older than the token `after`.
pub async fn page(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    after: Option<Uuid>,
    rows: u64,
) -> Result<Vec<Model>, DbErr> {
    let [first, last] = division.bounds();
    let mut query = Entity::find().filter(Column::Division.between(first, last));
    if let Some(after) = after {
        query = query.filter(Column::Id.lt(after));
    }
    query.order_by_desc(Column::Id).limit(rows).all(db).await
}

pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Id.eq(id)).one(db).await
}

/// Sets when a token was revoked, unless it was before; false if there is none.
pub async fn revoke(
    db: &impl ConnectionTrait,
    id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let sql = "UPDATE screen_tokens SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1";
    let done = db.execute_raw(statement(db, sql, [id.into(), now.into()])).await?;
    Ok(done.rows_affected() > 0)
}

/// The division of a token that is known and not revoked.
pub async fn division_of(
    db: &impl ConnectionTrait,
    token: &TokenHash,
) -> Result<Option<DivisionCode>, DbErr> {
    let row =
        Entity::find_by_id(hex::encode(token)).filter(Column::RevokedAt.is_null()).one(db).await?;
    Ok(row.map(|row| row.division))
}

/// One statement for both databases.
pub fn statement<C: ConnectionTrait>(
    db: &C,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
