//! What a decision at a door needs to know: whose a credential is, and how that person stands.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::{
    birth_of,
    rules::{Approval, ConsentRecord, Facts},
    status_of,
    tables::{consents, member_approvals, members},
    words::{Purpose, Verification},
};
use crate::base::{error::Error, ids::MemberId, keys::Keys};

/// What door decisions need of these members; ids that nobody has are left out.
pub async fn facts_for(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    ids: &[MemberId],
) -> Result<HashMap<MemberId, Facts>, Error> {
    let mut facts = HashMap::with_capacity(ids.len());
    let rows = members::Entity::find().filter(members::COLUMN.id.is_in(ids.iter().copied()));
    for row in rows.all(conn).await? {
        facts.insert(row.id, facts_without_history(keys, &row)?);
    }
    let agreed = consents::Entity::find()
        .filter(consents::COLUMN.member_id.is_in(ids.iter().copied()))
        .order_by_asc(consents::Column::At);
    for row in agreed.all(conn).await? {
        let (Some(one), Some(purpose)) =
            (facts.get_mut(&row.member_id), Purpose::from_text(&row.purpose))
        else {
            continue;
        };
        one.consents.push(ConsentRecord { purpose, at: row.at, granted: row.granted });
    }
    let permits = member_approvals::Entity::find()
        .filter(member_approvals::COLUMN.member_id.is_in(ids.iter().copied()));
    for row in permits.all(conn).await? {
        if let Some(one) = facts.get_mut(&row.member_id) {
            let (valid_from, valid_to) = (row.valid_from, row.valid_to);
            one.approvals.push(Approval { kind: row.kind, valid_from, valid_to });
        }
    }
    Ok(facts)
}

fn facts_without_history(keys: &Keys, row: &members::Model) -> Result<Facts, Error> {
    let verification = Verification::from_text(&row.verification)
        .ok_or_else(|| anyhow::anyhow!("member {} has an unknown verification", row.id))?;
    Ok(Facts {
        id: row.id,
        status: status_of(row)?,
        verification,
        home_community: row.home_community.clone(),
        birth: birth_of(keys, row)?,
        guardian: row.guardian_id,
        consents: Vec::new(),
        approvals: Vec::new(),
    })
}
