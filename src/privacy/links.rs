//! Links under which a person downloads all that is kept of them, on whatever device they like. A
//! link is good once and for a day; only a hash of it is stored, and nothing of what it leads to:
//! that is gathered when it is asked for.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, Statement, Value};
use uuid::Uuid;

use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::MemberId,
        keys::{Keys, new_token, token_hash},
    },
    staff::audit,
};

const LIFE: TimeDelta = TimeDelta::hours(24);
/// The audit chain of who took what of people's data out of here.
const CHAIN: &str = "exports";

/// A link as it is told once.
pub struct Link {
    pub token: String,
    pub expires_at: DateTime<Utc>,
}

/// Makes a link; the one before is void.
pub async fn make(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<Link, DbErr> {
    let link = Link { token: new_token(), expires_at: now + LIFE };
    let sql = "INSERT INTO export_links (member_id, token_hash, created_at, expires_at) \
               VALUES ($1, $2, $3, $4) ON CONFLICT (member_id) DO UPDATE SET \
               token_hash = excluded.token_hash, created_at = excluded.created_at, \
               expires_at = excluded.expires_at";
    let hash = token_hash(&link.token);
    run(tx, sql, [member.0.into(), hash.into(), now.into(), link.expires_at.into()]).await?;
    note(tx, member, "export_link_made", now).await?;
    Ok(link)
}

/// Everything that is kept of whoever made the link, which is spent. Refuses (404) a link that is
/// none, was used or has run out.
pub async fn follow(
    db: &DatabaseConnection,
    keys: &Keys,
    token: &str,
    now: DateTime<Utc>,
) -> Result<serde_json::Value, Error> {
    let tx = db::begin(db).await?;
    let sql = "DELETE FROM export_links WHERE token_hash = $1 AND expires_at > $2 \
               RETURNING member_id";
    let values = [token_hash(token).into(), now.into()];
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let spent = tx.query_one_raw(statement).await?;
    let spent = spent.ok_or(Error::NotFound(Code::ExportLinkSpent))?;
    let member = MemberId(spent.try_get::<Uuid>("", "member_id")?);
    note(&tx, member, "export_link_followed", now).await?;
    tx.commit().await?;
    super::export(db, keys, member, now).await
}

/// A forgotten person's link leads nowhere.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    run(tx, "DELETE FROM export_links WHERE member_id = $1", [member.0.into()]).await
}

async fn run<const N: usize>(
    tx: &DatabaseTransaction,
    sql: &str,
    values: [Value; N],
) -> Result<(), DbErr> {
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    tx.execute_raw(statement).await.map(drop)
}

async fn note(
    tx: &DatabaseTransaction,
    member: MemberId,
    act: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let actor = format!("member:{member}");
    let deed =
        audit::Deed { actor: &actor, act, object: &actor, before: None, after: None, reason: None };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}
