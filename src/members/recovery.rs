//! Coming back: somebody is registered, but not with this WeChat account. They prove who they are
//! by their face, or with a one-time code that the desk gave them for their document. The account
//! that they had before is out.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, DatabaseConnection, DatabaseTransaction, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, sea_query::OnConflict,
};

use super::{
    Visitor,
    accounts::{bind, openid_of_account},
    document_index, note, open_text,
    own::lock_own,
    tables::{members, recovery_codes, verifications},
    verification::{
        Begun, Check, Method, Outcome, begin_at_wechat, end, find_running, insert_begun,
        outcome_at_wechat, verify,
    },
};
use crate::{
    base::{
        documents::{Document, DocumentKind},
        error::{Code, Error},
        ids::{AccountId, MemberId, VerificationId},
        keys::{Keys, new_token, token_hash},
        text::PersonName,
        wechat_api::{Identity, Wechat},
    },
    staff::{Function, StaffCaller},
};

/// How long a code of the desk is good.
pub const CODE_LIFE: TimeDelta = TimeDelta::minutes(10);
/// Characters of a code, of 64 kinds: 60 bits, enough for ten minutes.
const CODE_CHARACTERS: usize = 10;
/// Recoveries that one account may begin within a day.
const A_DAY_MAX: u64 = 5;
const DAY_S: u32 = 24 * 60 * 60;

/// Who somebody says they are.
#[derive(Clone, Debug)]
pub struct Claim {
    pub name: PersonName,
    pub document: Document,
}

/// The account of somebody who is not registered with it.
fn homeless(caller: &Visitor) -> Result<AccountId, Error> {
    let account = caller.account.filter(|_| caller.member.is_none());
    account.ok_or(Error::Conflict(Code::AccountTaken))
}

/// Begins at WeChat, whether anybody is registered with the document or not: the answer tells
/// nothing. Refuses (409) documents that only the desk can judge.
pub async fn begin_recovery(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    caller: &Visitor,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Begun, Error> {
    let account = homeless(caller)?;
    if claim.document.kind() != DocumentKind::ResidentId {
        return Err(Error::Conflict(Code::DeskRequired));
    }
    let begun = verifications::Entity::find()
        .filter(verifications::COLUMN.account_id.eq(account))
        .filter(verifications::COLUMN.created_at.gt(now - TimeDelta::days(1)))
        .count(db)
        .await?;
    if begun >= A_DAY_MAX {
        return Err(Error::TooMany(Code::RateLimited, DAY_S));
    }
    let openid = openid_of_account(db, keys, account).await?;
    let of = Identity { name: &claim.name, number: &claim.document.number() };
    begin_at_wechat(wechat, &of, &openid, now).await
}

/// Writes down that a recovery began.
pub async fn record_recovery(
    tx: &DatabaseTransaction,
    keys: &Keys,
    caller: &Visitor,
    claim: &Claim,
    begun: Begun,
    now: DateTime<Utc>,
) -> Result<Check, Error> {
    let index = document_index(keys, &claim.document);
    insert_begun(tx, None, caller.account, &index, begun, now).await
}

/// A recovery whose face verification is to be judged.
pub struct Recovering {
    row: verifications::Model,
    claim: Claim,
}

/// The caller's running recovery for this very claim; 404 for any other.
pub async fn recovering(
    db: &DatabaseConnection,
    keys: &Keys,
    caller: &Visitor,
    id: VerificationId,
    claim: Claim,
    now: DateTime<Utc>,
) -> Result<Recovering, Error> {
    let account = homeless(caller)?;
    let row = find_running(db, id, now).await?;
    let is_theirs = row.member_id.is_none() && row.account_id == Some(account);
    if !is_theirs || row.document_ix != document_index(keys, &claim.document) {
        return Err(Error::NotFound(Code::NotFound));
    }
    Ok(Recovering { row, claim })
}

/// Asks WeChat what came of it; nothing is written.
pub async fn ask_recovery(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    recovering: &Recovering,
) -> Result<Outcome, Error> {
    let Recovering { row, claim } = recovering;
    let of = Identity { name: &claim.name, number: &claim.document.number() };
    outcome_at_wechat(db, keys, wechat, row, &of).await
}

/// Ends a recovery. Who has proved who they are gets their registration back, if there is one
/// under this name; answers whose it is.
pub async fn record_recovered(
    tx: &DatabaseTransaction,
    keys: &Keys,
    recovering: &Recovering,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<Option<MemberId>, Error> {
    let Recovering { row, claim } = recovering;
    end(tx, row.id, outcome, now).await?;
    if outcome != Outcome::Match {
        return Ok(None);
    }
    let found = members::Entity::find()
        .filter(members::COLUMN.document_ix.eq(&row.document_ix))
        .one(tx)
        .await?;
    let Some(member) = found else { return Ok(None) };
    // A number that was registered under another name is a matter for the desk.
    if open_text(keys, member.id, "name_ct", &member.name_ct)? != claim.name.as_str() {
        return Ok(None);
    }
    let account = row.account_id.ok_or(Error::NotFound(Code::NotFound))?;
    hand_over(tx, member.id, account, now).await?;
    verify(tx, member.id, &row.document_ix, Method::WechatFace).await?;
    Ok(Some(member.id))
}

async fn hand_over(
    tx: &DatabaseTransaction,
    member: MemberId,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    lock_own(tx, member).await?;
    bind(tx, account, member, now).await?;
    note(tx, &format!("account:{account}"), "account_recovered", member, None, now).await?;
    Ok(())
}

/// Gives a member whom the desk has seen with their document a code to come back with; the one
/// before it is void. Only its hash is kept.
pub async fn issue_recovery_code(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<(String, DateTime<Utc>), Error> {
    let row = lock_own(tx, id).await?;
    by.require(Function::RegisterMembers, &row.home_community)?;
    let code: String = new_token().chars().take(CODE_CHARACTERS).collect();
    let expires_at = now + CODE_LIFE;
    let row = recovery_codes::Model {
        member_id: id,
        code_hash: token_hash(&code),
        expires_at,
        by_actor: by.actor(),
    };
    let renewed = OnConflict::column(recovery_codes::Column::MemberId)
        .update_columns([
            recovery_codes::Column::CodeHash,
            recovery_codes::Column::ExpiresAt,
            recovery_codes::Column::ByActor,
        ])
        .to_owned();
    recovery_codes::Entity::insert(row.into_active_model())
        .on_conflict(renewed)
        .exec_without_returning(tx)
        .await?;
    note(tx, &by.actor(), "recovery_code_issued", id, None, now).await?;
    Ok((code, expires_at))
}

/// Takes a code of the desk: the caller's account is the member's from now on. Each is good once.
pub async fn recover_with_code(
    tx: &DatabaseTransaction,
    caller: &Visitor,
    code: &str,
    now: DateTime<Utc>,
) -> Result<MemberId, Error> {
    let account = homeless(caller)?;
    let refused = || Error::Unauthenticated(Code::RecoveryFailed);
    let hash = token_hash(code);
    let found = recovery_codes::Entity::find()
        .filter(recovery_codes::COLUMN.code_hash.eq(&hash))
        .filter(recovery_codes::COLUMN.expires_at.gt(now))
        .one(tx)
        .await?
        .ok_or_else(refused)?;
    let used = recovery_codes::Entity::delete_many()
        .filter(recovery_codes::COLUMN.code_hash.eq(&hash))
        .exec(tx)
        .await?;
    if used.rows_affected == 0 {
        return Err(refused());
    }
    hand_over(tx, found.member_id, account, now).await?;
    Ok(found.member_id)
}
