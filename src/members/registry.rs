//! Asking the register: whether name and number belong together, or a photo with both. A photo is
//! taken for this alone, by a consent of its own, and is kept nowhere.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _};

use super::{
    agreements::has_granted,
    photo::Photo,
    tables::verifications,
    verification::{Check, Method, Outcome, Subject, conclude},
    words::Purpose,
};
use crate::base::{
    error::{Code, Error},
    ids::{MemberId, VerificationId},
    realname::RealName,
};

/// Asks about name and number; nothing is written.
pub async fn ask_registry(registry: &dyn RealName, of: &Subject) -> Result<Outcome, Error> {
    Ok(registry.check(&of.name, &of.number).await?.into())
}

/// Asks about name, number and photo; nothing is written.
pub async fn ask_about_photo(
    registry: &dyn RealName,
    of: &Subject,
    photo: &Photo,
) -> Result<Outcome, Error> {
    Ok(registry.check_photo(&of.name, &of.number, &photo.jpeg).await?.into())
}

/// Refuses (403) a photo of somebody who did not agree to its being compared.
pub async fn require_face_check(conn: &impl ConnectionTrait, id: MemberId) -> Result<(), Error> {
    let agreed = has_granted(conn, id, Purpose::FaceCheck).await?;
    if agreed { Ok(()) } else { Err(Error::Forbidden(Code::FaceCheckConsentRequired)) }
}

/// Writes down what the register said, and what it proves.
pub async fn record_registry(
    tx: &DatabaseTransaction,
    of: &Subject,
    method: Method,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<Check, Error> {
    let id = VerificationId::new();
    let row = verifications::Model {
        id,
        member_id: Some(of.member),
        account_id: None,
        method: method.as_str().to_owned(),
        document_ix: of.document_ix.clone(),
        verify_id: None,
        outcome: outcome.as_str().to_owned(),
        created_at: now,
        expires_at: now,
        ended_at: Some(now),
    };
    verifications::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    conclude(tx, of.member, &of.document_ix, method, outcome, now).await?;
    Ok(Check { id, method, outcome, verify_id: None, expires_at: now })
}
