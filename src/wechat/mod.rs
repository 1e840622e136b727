//! The mini-program's side of WeChat: sessions, what the platform pushes, and the question when
//! somebody left.

mod exits;
mod routes;
mod tables;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, sea_query::OnConflict,
};

pub use exits::note_missing_exits;
pub use routes::routes;

use self::tables::pushes;
use crate::{
    base::{
        db,
        error::Error,
        ids::MemberId,
        keys::Keys,
        wechat_api::{Delivery, OpenId, Push, Revocation},
    },
    members,
};

/// Destroys what links a member to a person, in the transaction of whoever learnt that it must.
/// The domain of that stands above this one, so the frame passes it in.
pub type Erase = Arc<
    dyn for<'a> Fn(
            &'a DatabaseTransaction,
            MemberId,
            &'static str,
        ) -> BoxFuture<'a, Result<(), Error>>
        + Send
        + Sync,
>;

/// How audit rows name the platform.
const PLATFORM: &str = "wechat";
/// How long a push is known again; the platform gives up within minutes.
const PUSHES_KEPT: TimeDelta = TimeDelta::days(1);

/// Does what a push says, once however often it comes.
pub async fn take_push(
    db: &DatabaseConnection,
    keys: &Keys,
    delivery: Delivery,
    erase: &Erase,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let row = pushes::Model { name: delivery.name, received_at: now };
    let inserted = pushes::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(pushes::Column::Name).do_nothing().to_owned())
        .exec_without_returning(&tx)
        .await?;
    if inserted == 0 {
        return Ok(());
    }
    match delivery.push {
        Push::Revoked { by, what } => revoke(&tx, keys, &by, &what, now).await?,
        Push::Cancelled { by } => cancel(&tx, keys, &by, erase).await?,
        Push::Other => {}
    }
    tx.commit().await?;
    Ok(())
}

async fn revoke(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &OpenId,
    what: &[Revocation],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(member) = members::member_of(tx, keys, by).await? else { return Ok(()) };
    if what.contains(&Revocation::Phone) {
        members::forget_phone(tx, member, PLATFORM, now).await?;
    }
    Ok(())
}

async fn cancel(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &OpenId,
    erase: &Erase,
) -> Result<(), Error> {
    match members::member_of(tx, keys, by).await? {
        Some(member) => erase(tx, member, PLATFORM).await,
        None => Ok(members::forget_account(tx, keys, by).await?),
    }
}

/// Deletes what has outlived its use; a job runs it.
pub async fn sweep(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    pushes::Entity::delete_many()
        .filter(pushes::COLUMN.received_at.lt(now - PUSHES_KEPT))
        .exec(db)
        .await
        .map(drop)
}
