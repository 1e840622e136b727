//! Seeing a name or number in the clear: for a reason, by leave of somebody else where it is an ID
//! number or a child's, only by whoever has just proved who they are, and told to the person.

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, DatabaseTransaction, EntityTrait as _, QueryFilter as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    open_text,
    tables::members,
    views::{is_child, note_unmasked},
};
use crate::{
    base::{
        db,
        error::{Code, Error},
        ids::MemberId,
        keys::Keys,
    },
    staff::{
        Function, StaffCaller,
        requests::{self, Matter, NewRequest},
    },
};

/// What somebody wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Unmaskable)]
pub enum What {
    Name,
    Phone,
    /// The number of the document.
    Document,
}

/// What the request says beside whom it is about.
#[derive(Serialize, Deserialize)]
struct Payload {
    what: What,
}

/// Asks to see something of a member. Answers the request, and whether somebody else has to
/// approve it first: an ID number and whatever is a child's.
pub async fn ask_unmasking(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: MemberId,
    (what, reason): (What, &str),
    now: DateTime<Utc>,
) -> Result<(Uuid, bool), Error> {
    let reason = requests::reason(reason)?;
    let row = load(tx, id).await?;
    by.require(Function::UnmaskMembers, &row.home_community)?;
    let waits = what == What::Document || is_child(tx, keys, id, now).await?;
    let new = NewRequest {
        matter: Matter::Unmask,
        object: format!("member:{id}"),
        member: Some(id),
        division: row.home_community,
        payload: serde_json::to_string(&Payload { what }).map_err(Error::internal)?,
        reason: reason.to_owned(),
    };
    let request = requests::ask(tx, by, new, now).await?;
    if !waits {
        requests::grant(tx, request, now).await?;
    }
    Ok((request, waits))
}

/// Something in the clear; `Debug` shows nothing of it.
pub struct Unmasked {
    pub member: MemberId,
    pub what: What,
    /// `None` where the member gave none.
    pub value: Option<String>,
    /// A name as it was written on registration, where it is kept with other dots.
    pub written: Option<String>,
}

/// Shows what an approved request of the caller's own asked for. The person can read that it was
/// seen.
pub async fn reveal(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    request: Uuid,
    now: DateTime<Utc>,
) -> Result<Unmasked, Error> {
    by.require_fresh(now)?;
    let tx = db::begin(db).await?;
    let request = requests::approved(&tx, by, request, Matter::Unmask, now).await?;
    let payload: Payload = serde_json::from_str(&request.payload).map_err(Error::internal)?;
    let id = request.member.ok_or(Error::NotFound(Code::NotFound))?;
    let row = load(&tx, id).await?;
    by.require(Function::UnmaskMembers, &row.home_community)?;
    let (column, sealed, written) = match payload.what {
        What::Name => ("name_ct", Some(&row.name_ct), row.written_ct.as_ref()),
        What::Phone => ("phone_ct", row.phone_ct.as_ref(), None),
        What::Document => ("document_ct", Some(&row.document_ct), None),
    };
    let value = sealed.map(|sealed| open_text(keys, id, column, sealed)).transpose()?;
    let written = written.map(|sealed| open_text(keys, id, "written_ct", sealed)).transpose()?;
    note_unmasked(&tx, by, id, &request.reason, now).await?;
    tx.commit().await?;
    Ok(Unmasked { member: id, what: payload.what, value, written })
}

async fn load(tx: &DatabaseTransaction, id: MemberId) -> Result<members::Model, Error> {
    let found =
        members::Entity::find_by_id(id).filter(members::COLUMN.erased_at.is_null()).one(tx).await?;
    found.ok_or(Error::NotFound(Code::NotFound))
}
