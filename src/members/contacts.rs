//! How people are reached when something happens where they are: masked, and of a child the
//! guardian's phone alone.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};

use super::{birth_of, local_day, profile::masked_phone, rules::GUARDIAN_UNDER, tables::members};
use crate::base::{documents::age_on, error::Error, ids::MemberId, keys::Keys};

/// Members read at once.
const PIECE: usize = 500;

/// What may be shown of somebody to those who look after a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Masked; a child's is hidden whole.
    pub name: String,
    /// Masked; of a child the guardian's.
    pub phone: Option<String>,
    pub is_child: bool,
}

/// The contacts of these members; whoever was erased is missing.
pub async fn contacts(
    db: &impl ConnectionTrait,
    keys: &Keys,
    ids: &[MemberId],
    now: DateTime<Utc>,
) -> Result<HashMap<MemberId, Contact>, Error> {
    let today = local_day(now);
    let mut contacts = HashMap::new();
    for row in rows(db, ids).await?.into_values() {
        let birth = birth_of(keys, &row)?;
        let is_child = birth.is_some_and(|birth| age_on(birth, today) < GUARDIAN_UNDER);
        let (name, phone) = match row.guardian_id.filter(|_| is_child) {
            Some(guardian) => {
                let guardian = rows(db, &[guardian]).await?.remove(&guardian);
                let phone = guardian.as_ref().map(|row| masked_phone(keys, row)).transpose()?;
                ("*".to_owned(), phone.flatten())
            }
            None if is_child => ("*".to_owned(), None),
            None => (row.name_masked.clone(), masked_phone(keys, &row)?),
        };
        contacts.insert(row.id, Contact { name, phone, is_child });
    }
    Ok(contacts)
}

async fn rows(
    db: &impl ConnectionTrait,
    ids: &[MemberId],
) -> Result<HashMap<MemberId, members::Model>, Error> {
    let mut found = HashMap::new();
    for piece in ids.chunks(PIECE) {
        let query = members::Entity::find()
            .filter(members::COLUMN.id.is_in(piece.iter().copied()))
            .filter(members::COLUMN.erased_at.is_null());
        found.extend(query.all(db).await?.into_iter().map(|row| (row.id, row)));
    }
    Ok(found)
}
