//! Accounts with the mini-program: who somebody is for WeChat, the bearer tokens of their
//! sessions, and which member they are once registered.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    sea_query::{Expr, OnConflict},
};

use super::{
    TOKEN_LIFE, Visitor, open_named,
    tables::{account_tokens, member_tokens, members, wechat_accounts},
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::{AccountId, MemberId},
    keys::{Keys, new_token, token_hash},
    wechat_api::OpenId,
};

/// A session that has just begun.
pub struct SignedIn {
    /// The bearer token; only its hash is stored.
    pub token: String,
    pub expires_at: DateTime<Utc>,
    /// Who it is, if registered.
    pub member: Option<MemberId>,
}

/// Opens a session for whoever WeChat says it is.
pub async fn sign_in(
    db: &DatabaseConnection,
    keys: &Keys,
    openid: &OpenId,
    now: DateTime<Utc>,
) -> Result<SignedIn, Error> {
    let tx = db::begin(db).await?;
    let account = account_of(&tx, keys, openid, now).await?;
    let token = new_token();
    let expires_at = now + TOKEN_LIFE;
    let row = account_tokens::Model {
        token_hash: token_hash(&token),
        account_id: account.id,
        created_at: now,
        expires_at,
        revoked_at: None,
    };
    account_tokens::Entity::insert(row.into_active_model()).exec_without_returning(&tx).await?;
    tx.commit().await?;
    Ok(SignedIn { token, expires_at, member: account.member_id })
}

/// The account, made if there is none yet; two who make it at once get the same.
async fn account_of(
    tx: &DatabaseTransaction,
    keys: &Keys,
    openid: &OpenId,
    now: DateTime<Utc>,
) -> Result<wechat_accounts::Model, Error> {
    let id = AccountId::new();
    let index = openid_index(keys, openid);
    let row = wechat_accounts::Model {
        id,
        openid_ct: keys.seal(
            "wechat_accounts",
            "openid_ct",
            &id.to_string(),
            openid.as_str().as_bytes(),
        ),
        openid_ix: index.clone(),
        member_id: None,
        created_at: now,
    };
    wechat_accounts::Entity::insert(row.into_active_model())
        .on_conflict(OnConflict::column(wechat_accounts::Column::OpenidIx).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    let found = by_index(tx, &index).await?;
    Ok(found.ok_or_else(|| anyhow::anyhow!("an account that was just made is gone"))?)
}

async fn by_index(
    conn: &impl ConnectionTrait,
    index: &str,
) -> Result<Option<wechat_accounts::Model>, DbErr> {
    wechat_accounts::Entity::find()
        .filter(wechat_accounts::COLUMN.openid_ix.eq(index))
        .one(conn)
        .await
}

fn openid_index(keys: &Keys, openid: &OpenId) -> String {
    keys.blind_index("wechat_accounts.openid", openid.as_str())
}

/// The member behind an openid.
pub async fn member_of(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    openid: &OpenId,
) -> Result<Option<MemberId>, DbErr> {
    let account = by_index(conn, &openid_index(keys, openid)).await?;
    Ok(account.and_then(|account| account.member_id))
}

/// Forgets an account that nobody registered with.
pub async fn forget_account(
    tx: &DatabaseTransaction,
    keys: &Keys,
    openid: &OpenId,
) -> Result<(), DbErr> {
    let Some(account) = by_index(tx, &openid_index(keys, openid)).await? else { return Ok(()) };
    delete(tx, account.id).await
}

async fn delete(tx: &DatabaseTransaction, id: AccountId) -> Result<(), DbErr> {
    account_tokens::Entity::delete_many()
        .filter(account_tokens::COLUMN.account_id.eq(id))
        .exec(tx)
        .await?;
    wechat_accounts::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// Who a member is for WeChat, if they sign in through it.
pub async fn openid_of(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
) -> Result<Option<OpenId>, Error> {
    let account = wechat_accounts::Entity::find()
        .filter(wechat_accounts::COLUMN.member_id.eq(member))
        .one(conn)
        .await?;
    account.map(|account| openid(keys, &account)).transpose()
}

/// Who an account is for WeChat.
pub(super) async fn openid_of_account(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    id: AccountId,
) -> Result<OpenId, Error> {
    let account = wechat_accounts::Entity::find_by_id(id).one(conn).await?;
    openid(keys, &account.ok_or(Error::Unauthenticated(Code::SessionEnded))?)
}

fn openid(keys: &Keys, account: &wechat_accounts::Model) -> Result<OpenId, Error> {
    let text = open_named(
        keys,
        "wechat_accounts",
        &account.id.to_string(),
        "openid_ct",
        &account.openid_ct,
    )?;
    OpenId::try_from(text).map_err(|_| anyhow::anyhow!("an openid that is none").into())
}

/// Whose token it is, if it is still good.
pub(super) async fn find_visitor(
    db: &DatabaseConnection,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<Visitor>, DbErr> {
    let hash = token_hash(token);
    if let Some(row) = account_tokens::Entity::find_by_id(hash.clone()).one(db).await? {
        if row.revoked_at.is_some() || row.expires_at <= now {
            return Ok(None);
        }
        let account = wechat_accounts::Entity::find_by_id(row.account_id).one(db).await?;
        let visitor = |account: wechat_accounts::Model| Visitor {
            account: Some(account.id),
            member: account.member_id,
            session: hash,
            since: row.created_at,
        };
        return Ok(account.map(visitor));
    }
    let row = member_tokens::Entity::find_by_id(hash.clone()).one(db).await?;
    let row = row.filter(|row| row.revoked_at.is_none() && now < row.expires_at);
    Ok(row.map(|row| Visitor {
        account: None,
        member: Some(row.member_id),
        session: hash,
        since: row.created_at,
    }))
}

/// The member who came with a token. Refuses (401) a token that is not good; somebody who has not
/// registered is nobody.
pub async fn member_with_token(
    db: &DatabaseConnection,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<MemberId>, Error> {
    let visitor = find_visitor(db, token, now).await?;
    Ok(visitor.ok_or(Error::Unauthenticated(Code::SessionEnded))?.member)
}

/// Whether the member is registered and not erased.
pub(super) async fn is_registered(db: &DatabaseConnection, id: MemberId) -> Result<bool, DbErr> {
    let row =
        members::Entity::find_by_id(id).filter(members::COLUMN.erased_at.is_null()).one(db).await?;
    Ok(row.is_some())
}

/// Ends the session that the caller came with; ending it twice is no error.
pub async fn sign_out(
    db: &DatabaseConnection,
    caller: &Visitor,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    account_tokens::Entity::update_many()
        .col_expr(account_tokens::Column::RevokedAt, Expr::value(now))
        .filter(account_tokens::COLUMN.token_hash.eq(&caller.session))
        .filter(account_tokens::COLUMN.revoked_at.is_null())
        .exec(db)
        .await?;
    member_tokens::Entity::update_many()
        .col_expr(member_tokens::Column::RevokedAt, Expr::value(now))
        .filter(member_tokens::COLUMN.token_hash.eq(&caller.session))
        .filter(member_tokens::COLUMN.revoked_at.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Makes an account the member's; whatever account the member had before is forgotten with its
/// sessions, so that whoever holds the old telephone is out.
pub(super) async fn bind(
    tx: &DatabaseTransaction,
    account: AccountId,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    unbind(tx, member, now).await?;
    let bound = wechat_accounts::Entity::update_many()
        .col_expr(wechat_accounts::Column::MemberId, Expr::value(member))
        .filter(wechat_accounts::COLUMN.id.eq(account))
        .filter(wechat_accounts::COLUMN.member_id.is_null())
        .exec(tx)
        .await?;
    if bound.rows_affected == 0 {
        return Err(Error::Conflict(Code::AccountTaken));
    }
    Ok(())
}

/// Forgets the member's account and ends every session of theirs.
pub(super) async fn unbind(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let accounts = wechat_accounts::Entity::find()
        .filter(wechat_accounts::COLUMN.member_id.eq(member))
        .all(tx)
        .await?;
    for account in accounts {
        delete(tx, account.id).await?;
    }
    member_tokens::Entity::update_many()
        .col_expr(member_tokens::Column::RevokedAt, Expr::value(now))
        .filter(member_tokens::COLUMN.member_id.eq(member))
        .filter(member_tokens::COLUMN.revoked_at.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes tokens whose time is over, and accounts that nobody registered with and nobody can
/// come in through any more; a job runs it.
pub async fn sweep_tokens(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    account_tokens::Entity::delete_many()
        .filter(account_tokens::COLUMN.expires_at.lt(now))
        .exec(db)
        .await?;
    member_tokens::Entity::delete_many()
        .filter(member_tokens::COLUMN.expires_at.lt(now))
        .exec(db)
        .await?;
    wechat_accounts::Entity::delete_many()
        .filter(wechat_accounts::COLUMN.member_id.is_null())
        .filter(wechat_accounts::COLUMN.created_at.lt(now - TOKEN_LIFE))
        .filter(Expr::cust(
            "NOT EXISTS (SELECT 1 FROM account_tokens t WHERE t.account_id = wechat_accounts.id)",
        ))
        .exec(db)
        .await?;
    Ok(())
}
