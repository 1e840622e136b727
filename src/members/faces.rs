//! Enrolment photos: kept only with both consents about faces, sealed with a key of their own and
//! found by a handle that says nothing; gone in the moment in which one of the consents is.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
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
    tables::{credentials, faces, members},
    words::{CredentialKind, Purpose, Status},
};
use crate::base::{
    error::{Code, Error},
    ids::{MemberId, TerminalId, VenueId},
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
    let row = row_of(conn, member).await?.filter(|row| !row.photo_ct.is_empty());
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
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

/// A handle under which terminals know a member's face, or knew one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceHandle {
    pub handle: String,
    pub valid_from: DateTime<Utc>,
    /// Since when terminals are to delete it.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// How a face stands at a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaceAt {
    /// The terminal has not told yet that it holds the face.
    Pending,
    Present,
    /// The terminal cannot use the photo.
    Refused,
    /// The terminal has not told yet that it deleted the face.
    Deleting,
    Deleted,
}

/// A terminal and how somebody's face stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaceDoor {
    pub terminal: TerminalId,
    pub venue: VenueId,
    pub venue_name: String,
    pub state: FaceAt,
    /// Since when, as the terminal told; of `deleting`, since when it is to.
    pub at: Option<DateTime<Utc>>,
}

/// What terminals hold is known to a domain above this one.
pub type FaceDoors =
    Arc<dyn Fn(MemberId) -> BoxFuture<'static, Result<Vec<FaceDoor>, Error>> + Send + Sync>;

/// The handles of a member's faces, those withdrawn as long as terminals are told of them.
pub async fn face_handles(
    db: &impl ConnectionTrait,
    member: MemberId,
) -> Result<Vec<FaceHandle>, Error> {
    let rows = credentials::Entity::find()
        .filter(credentials::COLUMN.member_id.eq(member))
        .filter(credentials::COLUMN.kind.eq(CredentialKind::Face.as_str()))
        .all(db)
        .await?;
    let handle = |row: credentials::Model| FaceHandle {
        withdrawn_at: (row.status != Status::Active.as_str()).then_some(row.valid_to).flatten(),
        handle: row.handle,
        valid_from: row.valid_from,
    };
    Ok(rows.into_iter().map(handle).collect())
}

/// Whose photo a handle stands for, and the photo, if a terminal may have it: both consents are
/// given, and member and handle are active.
pub async fn photo_for_door(
    db: &impl ConnectionTrait,
    keys: &Keys,
    handle: &str,
    now: DateTime<Utc>,
) -> Result<Option<(MemberId, Vec<u8>)>, Error> {
    let Some(row) = faces::Entity::find_by_id(handle).one(db).await? else { return Ok(None) };
    let member = row.member_id;
    let shown = (CredentialKind::Face.as_str().to_owned(), handle.to_owned());
    let credential = credentials::Entity::find_by_id(shown).one(db).await?;
    let holds = credential.is_some_and(|shown| {
        shown.status == Status::Active.as_str() && shown.valid_to.is_none_or(|to| now < to)
    });
    let active = members::Entity::find_by_id(member).one(db).await?;
    let active = active.is_some_and(|member| member.status == Status::Active.as_str());
    if !holds || !active || row.photo_ct.is_empty() {
        return Ok(None);
    }
    for purpose in [Purpose::DoorFace, Purpose::OffDeviceFaceTransfer] {
        if !has_granted(db, member, purpose).await? {
            return Ok(None);
        }
    }
    Ok(Some((member, keys.open_face(handle, &row.photo_ct)?)))
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
pub const FACE_LEVELS: [i64; 3] = [NEAR, VERY_NEAR, FILING_DUE];

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

    #[tokio::test]
    async fn a_person_counts_once_however_many_doors_know_the_face() {
        let (_folder, db) = crate::base::db::fresh_for_tests().await;
        for (handle, member, status) in
            [("a", 1, "active"), ("b", 1, "active"), ("c", 2, "active"), ("d", 3, "withdrawn")]
        {
            let row = credentials::Model {
                kind: CredentialKind::Face.as_str().to_owned(),
                handle: handle.to_owned(),
                member_id: MemberId(Uuid::from_u128(member)),
                status: status.to_owned(),
                valid_from: DateTime::UNIX_EPOCH,
                valid_to: None,
            };
            let insert = credentials::Entity::insert(row.into_active_model());
            insert.exec_without_returning(&db).await.unwrap();
        }
        assert_eq!(persons_with_faces(&db).await.unwrap(), 2);
    }

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
