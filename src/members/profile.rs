//! A member as staff see one: masked, with the state of each consent.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::{
    open_text,
    rules::Approval,
    status_of,
    tables::{consents, member_approvals, members},
    words::{Purpose, Status, Verification},
};
use crate::{
    base::{
        documents::{Document, DocumentKind},
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
        keys::Keys,
        text::Phone,
    },
    staff::{Function, StaffCaller},
};

/// What may be shown of a member without a reason of its own.
#[derive(Clone, Debug)]
pub struct Profile {
    pub id: MemberId,
    pub name: String,
    pub document_type: String,
    pub document_number: String,
    pub phone: Option<String>,
    pub home_community: DivisionCode,
    pub sex: Option<String>,
    pub birth_year: Option<i32>,
    pub status: Status,
    pub verification: Verification,
    pub guardian: Option<MemberId>,
    pub registered_at: DateTime<Utc>,
    /// The newest of each purpose that was ever asked for.
    pub consents: Vec<ConsentState>,
    pub approvals: Vec<Approval>,
}

impl Profile {
    /// Without anything that tells of a person.
    #[must_use]
    pub fn veiled(self) -> Self {
        Self {
            name: "*".to_owned(),
            document_number: "*".to_owned(),
            phone: None,
            sex: None,
            birth_year: None,
            ..self
        }
    }
}

/// How a consent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentState {
    pub purpose: Purpose,
    pub granted: bool,
    /// It was granted to a text that has changed since.
    pub needs_renewal: bool,
    pub text_version: String,
    pub at: DateTime<Utc>,
}

/// The masked member, to a caller who may see members at their home.
pub async fn profile(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    by: &StaffCaller,
    id: MemberId,
) -> Result<Profile, Error> {
    let row = members::Entity::find_by_id(id)
        .filter(members::COLUMN.erased_at.is_null())
        .one(conn)
        .await?
        .ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeeMembers, &row.home_community)?;
    describe(conn, keys, row).await
}

/// The masked member, for whoever may see this row.
pub(super) async fn describe(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    row: members::Model,
) -> Result<Profile, Error> {
    let id = row.id;
    let status = status_of(&row)?;
    let document_number = masked_document(keys, &row)?;
    let phone = masked_phone(keys, &row)?;
    Ok(Profile {
        id,
        name: row.name_masked,
        document_type: row.document_type,
        document_number,
        phone,
        home_community: row.home_community,
        sex: row.sex,
        birth_year: row.birth_year,
        status,
        verification: Verification::from_text(&row.verification)
            .unwrap_or(Verification::Unverified),
        guardian: row.guardian_id,
        registered_at: row.registered_at,
        consents: consent_states(conn, id).await?,
        approvals: approvals(conn, id).await?,
    })
}

fn masked_document(keys: &Keys, row: &members::Model) -> Result<String, Error> {
    let number = open_text(keys, row.id, "document_ct", &row.document_ct)?;
    let document = DocumentKind::from_text(&row.document_type)
        .and_then(|kind| Document::from_kept(kind, &number).ok());
    // What rules of old took and today's do not is not shown at all.
    Ok(document.map_or_else(|| "*".repeat(number.len()), |document| document.masked()))
}

pub(super) fn masked_phone(keys: &Keys, row: &members::Model) -> Result<Option<String>, Error> {
    let Some(sealed) = &row.phone_ct else { return Ok(None) };
    let text = open_text(keys, row.id, "phone_ct", sealed)?;
    Ok(Phone::try_from(text.as_str()).ok().map(|phone| phone.masked()))
}

async fn consent_states(
    conn: &impl ConnectionTrait,
    id: MemberId,
) -> Result<Vec<ConsentState>, Error> {
    let rows = consents::Entity::find()
        .filter(consents::COLUMN.member_id.eq(id))
        .order_by_asc(consents::Column::At)
        .all(conn)
        .await?;
    let newest: HashMap<String, consents::Model> =
        rows.into_iter().map(|row| (row.purpose.clone(), row)).collect();
    let states = Purpose::ALL.into_iter().filter_map(|purpose| {
        let row = newest.get(purpose.as_str())?;
        let needs_renewal = row.granted && row.text_version != purpose.text().version;
        let (granted, at, text_version) = (row.granted, row.at, row.text_version.clone());
        Some(ConsentState { purpose, granted, needs_renewal, text_version, at })
    });
    Ok(states.collect())
}

async fn approvals(conn: &impl ConnectionTrait, id: MemberId) -> Result<Vec<Approval>, Error> {
    let rows = member_approvals::Entity::find()
        .filter(member_approvals::COLUMN.member_id.eq(id))
        .order_by_asc(member_approvals::Column::Kind)
        .order_by_asc(member_approvals::Column::ValidFrom)
        .all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Approval { kind: row.kind, valid_from: row.valid_from, valid_to: row.valid_to })
        .collect())
}
