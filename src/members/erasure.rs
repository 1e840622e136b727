//! What is left of somebody who asked to be forgotten: an id with consents, sessions and ledger
//! rows that name nobody. Everything that linked the id to a person is destroyed.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    ExprTrait as _, QueryFilter as _, sea_query::Expr,
};

use super::{
    accounts::unbind,
    companions,
    faces::{WITHDRAWN, forget_photo},
    note,
    tables::{
        credentials, member_approvals, member_settings, member_tokens, members, recovery_codes,
        verifications,
    },
    words::{CredentialKind, Status},
};
use crate::base::{
    error::{Code, Error},
    ids::MemberId,
};

/// Destroys what links a member's id to a person. Refuses (404) who is erased already.
///
/// The document's index is freed: whoever registers with it again is a new person.
pub async fn erase(
    tx: &DatabaseTransaction,
    id: MemberId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let nothing = || Expr::value(None::<String>);
    let erased = members::Entity::update_many()
        .col_expr(members::Column::Status, Expr::value(Status::Erased.as_str()))
        .col_expr(members::Column::NameCt, Expr::value(""))
        .col_expr(members::Column::NameMasked, Expr::value("*"))
        .col_expr(members::Column::WrittenCt, nothing())
        .col_expr(members::Column::DocumentCt, Expr::value(""))
        .col_expr(members::Column::DocumentIx, Expr::value(format!("erased:{id}")))
        .col_expr(members::Column::PhoneCt, nothing())
        .col_expr(members::Column::PhoneIx, nothing())
        .col_expr(members::Column::Sex, nothing())
        .col_expr(members::Column::BirthCt, nothing())
        .col_expr(members::Column::BirthYear, Expr::value(None::<i32>))
        .col_expr(members::Column::GuardianId, Expr::value(None::<MemberId>))
        .col_expr(members::Column::ErasedAt, Expr::value(now))
        .col_expr(members::Column::Version, Expr::col(members::Column::Version).add(1))
        .filter(members::COLUMN.id.eq(id))
        .filter(members::COLUMN.erased_at.is_null())
        .exec(tx)
        .await?;
    if erased.rows_affected == 0 {
        return Err(Error::NotFound(Code::NotFound));
    }
    forget_photo(tx, id, now).await?;
    withdraw_credentials(tx, id, now).await?;
    recovery_codes::Entity::delete_by_id(id).exec(tx).await?;
    member_settings::Entity::delete_by_id(id).exec(tx).await?;
    verifications::Entity::delete_many()
        .filter(verifications::COLUMN.member_id.eq(id))
        .exec(tx)
        .await?;
    member_approvals::Entity::delete_many()
        .filter(member_approvals::COLUMN.member_id.eq(id))
        .exec(tx)
        .await?;
    unbind(tx, id, now).await?;
    member_tokens::Entity::delete_many()
        .filter(member_tokens::COLUMN.member_id.eq(id))
        .exec(tx)
        .await?;
    companions::erase(tx, id).await?;
    release_wards(tx, id).await?;
    note(tx, actor, "member_erased", id, None, now).await?;
    Ok(())
}

/// Terminals must be told to remove faces and cards, so those handles stay until they have been;
/// they open nothing. The others stand nowhere else and go at once.
async fn withdraw_credentials(
    tx: &DatabaseTransaction,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let on_terminals = [CredentialKind::Face, CredentialKind::Card].map(CredentialKind::as_str);
    credentials::Entity::delete_many()
        .filter(credentials::COLUMN.member_id.eq(id))
        .filter(credentials::COLUMN.kind.is_not_in(on_terminals))
        .exec(tx)
        .await?;
    credentials::Entity::update_many()
        .col_expr(credentials::Column::Status, Expr::value(Status::Erased.as_str()))
        .col_expr(credentials::Column::ValidTo, Expr::value(now))
        .filter(credentials::COLUMN.member_id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// How long a terminal may be away and still be told what to remove.
const TOLD_WITHIN: TimeDelta = TimeDelta::days(30);

/// Deletes the handles of people and faces that are forgotten, once every terminal has had time to
/// hear of it; a job runs it.
pub async fn sweep_credentials(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    credentials::Entity::delete_many()
        .filter(credentials::COLUMN.status.is_in([Status::Erased.as_str(), WITHDRAWN]))
        .filter(credentials::COLUMN.valid_to.lt(now - TOLD_WITHIN))
        .exec(db)
        .await
        .map(drop)
}

/// Children keep their own data; until somebody else is named, doors that ask for a guardian
/// refuse them.
async fn release_wards(tx: &DatabaseTransaction, id: MemberId) -> Result<(), Error> {
    members::Entity::update_many()
        .col_expr(members::Column::GuardianId, Expr::value(None::<MemberId>))
        .col_expr(members::Column::Version, Expr::col(members::Column::Version).add(1))
        .filter(members::COLUMN.guardian_id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Destroys a member's phone number; who has none is left as they are.
pub async fn forget_phone(
    tx: &DatabaseTransaction,
    id: MemberId,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let forgotten = members::Entity::update_many()
        .col_expr(members::Column::PhoneCt, Expr::value(None::<String>))
        .col_expr(members::Column::PhoneIx, Expr::value(None::<String>))
        .col_expr(members::Column::Version, Expr::col(members::Column::Version).add(1))
        .filter(members::COLUMN.id.eq(id))
        .filter(members::COLUMN.phone_ct.is_not_null())
        .exec(tx)
        .await?;
    if forgotten.rows_affected > 0 {
        note(tx, actor, "phone_forgotten", id, None, now).await?;
    }
    Ok(())
}
