//! Enrolment photos: kept only with both consents about faces, sealed with a key of their own and
//! found by a handle that says nothing; gone in the moment in which one of the consents is.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, Statement, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    agreements::has_granted,
    note,
    own::lock_own,
    photo::Photo,
    tables::{credentials, faces},
    words::{CredentialKind, Purpose, Status},
};
use crate::base::{
    error::{Code, Error},
    ids::MemberId,
    keys::Keys,
};

/// Seconds after which to come back where an operator has to add a key first.
const NO_KEY_RETRY_S: u32 = 3600;
/// The status of a face that terminals are to remove.
pub(super) const WITHDRAWN: &str = "withdrawn";

/// A face as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Face {
    pub taken_at: DateTime<Utc>,
    pub width: i32,
    pub height: i32,
}

/// Keeps a photo, in place of the one before. Refuses (403) without both consents about faces.
pub async fn keep_face(
    tx: &DatabaseTransaction,
    keys: &Keys,
    member: MemberId,
    photo: &Photo,
    now: DateTime<Utc>,
) -> Result<Face, Error> {
    for purpose in [Purpose::DoorFace, Purpose::OffDeviceFaceTransfer] {
        if !has_granted(tx, member, purpose).await? {
            return Err(Error::Forbidden(Code::FaceConsentRequired));
        }
    }
    lock_own(tx, member).await?;
    forget_photo(tx, member, now).await?;
    // A random handle: it is all that a terminal and this table share, and tells of nobody.
    let handle = Uuid::new_v4().simple().to_string();
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let face = Face { taken_at: now, width: side(photo.width), height: side(photo.height) };
    let row = faces::Model {
        handle: handle.clone(),
        member_id: member,
        photo_ct: keys
            .seal_face(&handle, &photo.jpeg)
            .ok_or(Error::Unavailable(Code::FacesUnavailable, NO_KEY_RETRY_S))?,
        width: face.width,
        height: face.height,
        taken_at: now,
    };
    faces::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    let credential = credentials::Model {
        kind: CredentialKind::Face.as_str().to_owned(),
        handle,
        member_id: member,
        status: Status::Active.as_str().to_owned(),
        valid_from: now,
        valid_to: None,
    };
    credentials::Entity::insert(credential.into_active_model()).exec_without_returning(tx).await?;
    note(tx, &format!("member:{member}"), "face_enrolled", member, None, now).await?;
    Ok(face)
}

/// The member's face, without the photo.
pub async fn face(conn: &impl ConnectionTrait, member: MemberId) -> Result<Option<Face>, Error> {
    let row = row_of(conn, member).await?;
    Ok(row.map(|row| Face { taken_at: row.taken_at, width: row.width, height: row.height }))
}

/// The member's photo, for themselves.
pub async fn face_photo(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    member: MemberId,
) -> Result<Vec<u8>, Error> {
    let row = row_of(conn, member).await?.ok_or(Error::NotFound(Code::NotFound))?;
    Ok(keys.open_face(&row.handle, &row.photo_ct)?)
}

async fn row_of(
    conn: &impl ConnectionTrait,
    member: MemberId,
) -> Result<Option<faces::Model>, Error> {
    let found = faces::Entity::find().filter(faces::COLUMN.member_id.eq(member)).one(conn).await?;
    Ok(found)
}

/// Forgets the member's face; who has none is left as they are. Terminals are told by their
/// rosters: the handle stands there as one to remove.
pub async fn forget_face(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    lock_own(tx, member).await?;
    if forget_photo(tx, member, now).await? {
        note(tx, &format!("member:{member}"), "face_forgotten", member, None, now).await?;
    }
    Ok(())
}

/// How many persons have a face stored at doors or here, each counted once.
pub async fn persons_with_faces(db: &impl ConnectionTrait) -> Result<i64, Error> {
    let sql = "SELECT COUNT(DISTINCT member_id) AS persons FROM credentials \
               WHERE kind = 'face' AND status = 'active'";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "persons"))?)
}

/// Persons from which on operators are told (Order 19 of the CAC and MPS, article 15).
const NEAR: i64 = 80_000;
const VERY_NEAR: i64 = 95_000;
const FILING_DUE: i64 = 100_000;

/// What operators must know about so many faces.
pub fn faces_alarm(persons: i64) -> Option<&'static str> {
    match persons {
        FILING_DUE.. => Some("100 000 faces are stored: file with the CAC within 30 working days"),
        VERY_NEAR.. => Some("95 000 faces are stored: prepare the filing with the CAC"),
        NEAR.. => Some("80 000 faces are stored: the filing with the CAC comes nearer"),
        _ => None,
    }
}

/// Deletes the photo and withdraws its handle.
pub(super) async fn forget_photo(
    tx: &DatabaseTransaction,
    member: MemberId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(row) = row_of(tx, member).await? else { return Ok(false) };
    faces::Entity::delete_by_id(row.handle.clone()).exec(tx).await?;
    credentials::Entity::update_many()
        .col_expr(credentials::Column::Status, Expr::value(WITHDRAWN))
        .col_expr(credentials::Column::ValidTo, Expr::value(now))
        .filter(credentials::COLUMN.kind.eq(CredentialKind::Face.as_str()))
        .filter(credentials::COLUMN.handle.eq(&row.handle))
        .exec(tx)
        .await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_told_in_time() {
        for (persons, told) in [
            (0, None),
            (79_999, None),
            (80_000, Some("80")),
            (94_999, Some("80")),
            (95_000, Some("95")),
            (99_999, Some("95")),
            (100_000, Some("100")),
            (1_000_000, Some("100")),
        ] {
            let alarm = faces_alarm(persons);
            assert_eq!(alarm.and_then(|alarm| alarm.split(' ').next()), told, "{persons}");
        }
    }
}
