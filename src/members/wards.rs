//! Children: registered by a guardian who is who they say, and looked after through the guardian's
//! own account.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, QueryOrder as _,
};

use super::{
    Channel, NewMember, Profile, birth_of, document_index, local_day,
    own::{check_unbundled, load},
    profile::describe,
    registration::register,
    rules,
    tables::members,
    words::Verification,
};
use crate::base::{
    documents::age_on,
    error::{Code, Error},
    ids::{DivisionCode, MemberId},
    keys::Keys,
};

/// Children of one guardian; a class is no family.
const WARDS_MAX: usize = 20;

/// Registers a guardian's child. Refuses a guardian whose own name is not
/// verified (403) or who is no adult (422), the same child twice (422), and what
/// [`register`] refuses.
pub async fn register_ward(
    tx: &DatabaseTransaction,
    keys: &Keys,
    guardian: MemberId,
    new: &NewMember,
    now: DateTime<Utc>,
) -> Result<MemberId, Error> {
    check_unbundled(new)?;
    let row = load(tx, guardian).await?;
    if Verification::from_text(&row.verification) == Some(Verification::Unverified) {
        return Err(Error::Forbidden(Code::MemberNotVerified));
    }
    if wards_of(tx, guardian).await?.len() >= WARDS_MAX {
        return Err(Error::invalid("", Code::TooManyItems));
    }
    let actor = format!("member:{guardian}");
    let ward = NewMember { guardian: Some(guardian), ..new.clone() };
    register(tx, keys, &ward, Channel::MiniProgram, &actor, now).await
}

/// Tells whose child a registered document is, if it is the guardian's own; else only logs that
/// it was presented again.
pub async fn refusal_for_guardian(
    db: &DatabaseConnection,
    keys: &Keys,
    guardian: MemberId,
    new: &NewMember,
    refused: Error,
    now: DateTime<Utc>,
) -> Result<Error, Error> {
    if !matches!(refused, Error::Conflict(Code::IdAlreadyRegistered)) {
        return Ok(refused);
    }
    let index = document_index(keys, &new.document);
    let own = members::Entity::find()
        .filter(members::COLUMN.document_ix.eq(index))
        .filter(members::COLUMN.guardian_id.eq(guardian))
        .one(db)
        .await?;
    if own.is_some() {
        return Ok(Error::invalid("/document", Code::DependantExists));
    }
    super::note_duplicate(db, keys, &new.document, &format!("member:{guardian}"), now).await?;
    Ok(refused)
}

async fn wards_of(
    conn: &impl ConnectionTrait,
    guardian: MemberId,
) -> Result<Vec<members::Model>, Error> {
    let rows = members::Entity::find()
        .filter(members::COLUMN.guardian_id.eq(guardian))
        .filter(members::COLUMN.erased_at.is_null())
        .order_by_asc(members::Column::Id)
        .all(conn)
        .await?;
    Ok(rows)
}

/// The guardian's children, masked.
pub async fn wards(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    guardian: MemberId,
) -> Result<Vec<Profile>, Error> {
    let mut profiles = Vec::new();
    for row in wards_of(conn, guardian).await? {
        profiles.push(describe(conn, keys, row).await?);
    }
    Ok(profiles)
}

/// Whom the guardian may act for: themselves, or a child of theirs who is still a minor. Anybody
/// else does not exist (404).
pub async fn acting_for(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    guardian: MemberId,
    ward: Option<MemberId>,
    now: DateTime<Utc>,
) -> Result<MemberId, Error> {
    let Some(ward) = ward else { return Ok(guardian) };
    let row = load(conn, ward).await?;
    let birth = birth_of(keys, &row)?;
    let is_minor = birth.is_some_and(|birth| age_on(birth, local_day(now)) < rules::ADULT);
    let is_theirs = row.guardian_id == Some(guardian) && is_minor;
    is_theirs.then_some(ward).ok_or(Error::NotFound(Code::NotFound))
}

/// Where somebody is at home.
pub async fn home_of(conn: &impl ConnectionTrait, id: MemberId) -> Result<DivisionCode, Error> {
    Ok(load(conn, id).await?.home_community)
}
