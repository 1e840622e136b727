//! What a decision at a door needs to know: whose a credential is, and how that person stands.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult as _};

use super::{
    birth_of,
    own::load,
    rules::{Approval, ConsentRecord, Facts},
    status_of,
    tables::members,
    words::{Purpose, Verification},
};
use crate::base::{
    db::bulk::{self, Kind, Lookup},
    documents::Sex,
    error::Error,
    ids::MemberId,
    keys::Keys,
};

/// What door decisions need of these members; ids that nobody has are left out.
pub async fn facts_for(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    ids: &[MemberId],
) -> Result<HashMap<MemberId, Facts>, Error> {
    let mut facts = HashMap::with_capacity(ids.len());
    let keys_of = || ids.iter().map(|id| vec![id.0.into()]).collect::<Vec<_>>();
    let lookups = [(&PEOPLE, keys_of()), (&CONSENTS, keys_of()), (&APPROVALS, keys_of())];
    let [people, agreed, permits] = bulk::find_together(conn, lookups).await?;
    for row in &people {
        let row = members::Model::from_query_result(row, "")?;
        facts.insert(row.id, facts_without_history(keys, &row)?);
    }
    for row in &agreed {
        let one = facts.get_mut(&MemberId(row.try_get("", "agreed_by")?));
        let purpose: String = row.try_get("", "agreed_to")?;
        let (Some(one), Some(purpose)) = (one, Purpose::from_text(&purpose)) else { continue };
        let (at, granted) = (row.try_get("", "agreed_at")?, row.try_get("", "granted")?);
        one.consents.push(ConsentRecord { purpose, at, granted });
    }
    for one in facts.values_mut() {
        one.consents.sort_by_key(|record| record.at);
    }
    for row in &permits {
        if let Some(one) = facts.get_mut(&MemberId(row.try_get("", "permitted")?)) {
            let (valid_from, valid_to) = (row.try_get("", "since")?, row.try_get("", "until")?);
            one.approvals.push(Approval { kind: row.try_get("", "permit")?, valid_from, valid_to });
        }
    }
    Ok(facts)
}

const PEOPLE: Lookup = Lookup {
    select: members::COLUMNS,
    from: "members m",
    on: "m.id = q.k1",
    keys: &[Kind::Uuid],
    lock: None,
};

const CONSENTS: Lookup = Lookup {
    select: "c.member_id AS agreed_by, c.purpose AS agreed_to, c.at AS agreed_at, \
             c.granted AS granted",
    from: "consents c",
    on: "c.member_id = q.k1",
    keys: &[Kind::Uuid],
    lock: None,
};

const APPROVALS: Lookup = Lookup {
    select: "a.member_id AS permitted, a.kind AS permit, a.valid_from AS since, \
             a.valid_to AS until",
    from: "member_approvals a",
    on: "a.member_id = q.k1",
    keys: &[Kind::Uuid],
    lock: None,
};

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

/// What tells how somebody's body is to be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Born {
    pub birth: Option<chrono::NaiveDate>,
    pub sex: Option<Sex>,
}

/// When a member was born and as what; 404 for who is forgotten.
pub async fn born(conn: &impl ConnectionTrait, keys: &Keys, id: MemberId) -> Result<Born, Error> {
    let row = load(conn, id).await?;
    let word = row.sex.as_deref();
    let sex = [Sex::Male, Sex::Female].into_iter().find(|sex| word == Some(sex.as_str()));
    Ok(Born { birth: birth_of(keys, &row)?, sex })
}
