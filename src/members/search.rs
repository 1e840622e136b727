//! Finding members at the desk: by a document or phone number that was shown, by a masked name, or
//! all of a division in turn. Rows are masked; which page is looked at does not change its cost.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike as _, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{
    CHAIN, document_index, local_day,
    rules::GUARDIAN_UNDER,
    words::{Status, Verification},
};
use crate::{
    base::{
        documents::Document,
        error::Error,
        ids::DivisionCode,
        keys::Keys,
        text::{PersonName, Phone},
    },
    staff::{Function, StaffCaller, audit},
};

/// Whom somebody looks for; what is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub document: Option<Document>,
    pub phone: Option<Phone>,
    /// A name, or one as it is shown (张*); either way it finds whoever is shown alike.
    pub name: Option<String>,
    pub status: Option<Status>,
    /// The caller's division if absent.
    pub within: Option<DivisionCode>,
}

/// Somebody as a list shows them.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Found {
    pub id: Uuid,
    /// Masked; of a child only the star.
    pub name: String,
    pub home_community: String,
    pub status: String,
    pub verification: String,
    pub birth_year: Option<i32>,
    pub registered_at: DateTime<Utc>,
}

impl Found {
    /// Children are shown only with leave, so a list says no more than that there is one.
    fn veiled(self, year: i32) -> Self {
        if self.birth_year.is_some_and(|birth| year - birth <= GUARDIAN_UNDER) {
            return Self { name: "*".to_owned(), birth_year: None, ..self };
        }
        self
    }

    /// How the row stands, in words.
    pub fn standing(&self) -> (Status, Verification) {
        let status = Status::from_text(&self.status).unwrap_or(Status::Suspended);
        let verification = Verification::from_text(&self.verification);
        (status, verification.unwrap_or(Verification::Unverified))
    }
}

/// Members by community and id, behind `after`. Every search enters the audit chain, without what
/// was looked for.
pub async fn search(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    wanted: &Wanted,
    after: Option<(String, Uuid)>,
    rows: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Found>, Error> {
    let within = wanted.within.as_ref().unwrap_or(&by.division);
    by.require(Function::SeeMembers, within)?;
    let (sql, values) = statement(keys, wanted, within, after, rows)?;
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let year = local_day(now).year();
    let found = Found::find_by_statement(statement).all(tx).await?;
    let (actor, object) = (by.actor(), format!("division:{within}"));
    let act = "members_searched";
    let seen = found.len().to_string();
    let after = Some(seen.as_str());
    let deed =
        audit::Deed { actor: &actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(found.into_iter().map(|one| one.veiled(year)).collect())
}

/// A document leads to one row, a phone to a family's; names and communities have indexes that
/// end in the order of the list.
fn statement(
    keys: &Keys,
    wanted: &Wanted,
    within: &DivisionCode,
    after: Option<(String, Uuid)>,
    rows: u64,
) -> Result<(String, Vec<Value>), Error> {
    let [first, last] = within.bounds();
    let (home, id) = after.unwrap_or((String::new(), Uuid::nil()));
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let mut values: Vec<Value> = vec![first, last, home.into(), id.into(), rows.into()];
    let mut sql = "SELECT id, name_masked AS name, home_community, status, verification, \
                   birth_year, registered_at FROM members WHERE home_community >= $1 \
                   AND home_community <= $2 AND (home_community, id) > ($3, $4) \
                   AND erased_at IS NULL"
        .to_owned();
    let document = wanted.document.as_ref().map(|document| document_index(keys, document));
    let phone = wanted.phone.as_ref().map(|phone| phone_index(keys, phone));
    let name = wanted.name.as_deref().map(shown_name).transpose()?;
    let status = wanted.status.map(|status| status.as_str().to_owned());
    let filters =
        [("document_ix", document), ("phone_ix", phone), ("name_masked", name), ("status", status)];
    for (column, value) in filters {
        let Some(value) = value else { continue };
        values.push(value.into());
        write!(sql, " AND {column} = ${}", values.len()).map_err(Error::internal)?;
    }
    sql.push_str(" ORDER BY home_community, id LIMIT $5");
    Ok((sql, values))
}

/// A name as it is shown, from one as it is written or shown.
fn shown_name(text: &str) -> Result<String, Error> {
    let first = text.trim().strip_suffix('*');
    // One more character, so that what was masked once is masked alike again.
    let whole = first.map_or_else(|| text.to_owned(), |first| format!("{first}{first}"));
    let name = PersonName::try_from(whole.as_str());
    Ok(name.map_err(|code| Error::invalid("/name", code))?.masked())
}

fn phone_index(keys: &Keys, phone: &Phone) -> String {
    keys.blind_index("members.phone", phone.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_as_it_is_shown() {
        for (asked, shown) in [("张三", "张*"), ("张*", "张*"), ("Zoë Kay", "Z*"), ("Z*", "Z*")]
        {
            assert_eq!(shown_name(asked).unwrap(), shown, "{asked}");
        }
        for bad in ["", "*", "1", "张%"] {
            assert!(shown_name(bad).is_err(), "{bad}");
        }
    }
}
