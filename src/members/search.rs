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
        db,
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
    let year = local_day(now).year();
    let asked = Asked::of(keys, wanted, within, after, rows)?;
    let (sql, values) = asked.statement(db::is_postgres(tx));
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, values);
    let found = asked.kept(Found::find_by_statement(statement).all(tx).await?);
    let (actor, object) = (by.actor(), format!("division:{within}"));
    let act = "members_searched";
    let seen = found.len().to_string();
    let after = Some(seen.as_str());
    let deed =
        audit::Deed { actor: &actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(found.into_iter().map(|one| one.veiled(year)).collect())
}

/// A search as SQL can answer it.
struct Asked {
    /// A column that leads to few rows whoever asks, and its value.
    key: Option<(&'static str, String)>,
    name: Option<String>,
    status: Option<String>,
    /// The last community of the division.
    last: String,
    /// The row behind which the page begins.
    after: (String, Uuid),
    rows: u64,
}

const WRITES: &str = "writing to a string cannot fail";
/// Rows that a document or phone number leads to at most: a family.
const KEYED_MAX: u64 = 1_000;

impl Asked {
    fn of(
        keys: &Keys,
        wanted: &Wanted,
        within: &DivisionCode,
        after: Option<(String, Uuid)>,
        rows: u64,
    ) -> Result<Self, Error> {
        let document = wanted.document.as_ref().map(|d| ("document_ix", document_index(keys, d)));
        let phone = wanted.phone.as_ref().map(|phone| ("phone_ix", phone_index(keys, phone)));
        let first = (within.as_str().to_owned(), Uuid::nil());
        Ok(Self {
            key: document.or(phone),
            name: wanted.name.as_deref().map(shown_name).transpose()?,
            status: wanted.status.map(|status| status.as_str().to_owned()),
            last: format!("{:9<12}", within.as_str()),
            after: after.map_or(first.clone(), |after| after.max(first)),
            rows,
        })
    }

    /// A key leads to its rows, and the rest is looked at among them. A list has an index for what
    /// it asks, in its own order: the page begins at a place of the index and ends with its rows.
    fn statement(&self, is_postgres: bool) -> (String, Vec<Value>) {
        let limit = |rows: u64| Value::from(i64::try_from(rows).unwrap_or(i64::MAX));
        // SQLite takes the standing alone for as good, whose list may be the whole town.
        let both = self.key.is_none() && self.name.is_some() && self.status.is_some();
        let hint = if both && !is_postgres { " INDEXED BY members_named_standing" } else { "" };
        let mut sql = format!(
            "SELECT id, name_masked AS name, home_community, status, verification, birth_year, \
             registered_at FROM members{hint} WHERE erased_at IS NULL"
        );
        if let Some((column, value)) = &self.key {
            write!(sql, " AND {column} = $1 LIMIT $2").expect(WRITES);
            return (sql, vec![value.clone().into(), limit(KEYED_MAX)]);
        }
        let (home, id) = self.after.clone();
        let mut values = vec![home.into(), id.into(), self.last.clone().into(), limit(self.rows)];
        for (column, value) in [("name_masked", &self.name), ("status", &self.status)] {
            let Some(value) = value else { continue };
            values.push(value.clone().into());
            write!(sql, " AND {column} = ${}", values.len()).expect(WRITES);
        }
        sql += " AND (home_community, id) > ($1, $2) AND home_community <= $3 \
                ORDER BY home_community, id LIMIT $4";
        (sql, values)
    }

    /// Of what a key led to, the page that was asked for.
    fn kept(&self, mut found: Vec<Found>) -> Vec<Found> {
        let is = |wanted: Option<&str>, there: &str| wanted.is_none_or(|wanted| wanted == there);
        found.retain(|one| {
            let place = (one.home_community.clone(), one.id);
            place > self.after
                && one.home_community <= self.last
                && is(self.name.as_deref(), &one.name)
                && is(self.status.as_deref(), &one.status)
        });
        found.sort_by(|a, b| (&a.home_community, a.id).cmp(&(&b.home_community, b.id)));
        found.truncate(usize::try_from(self.rows).unwrap_or(usize::MAX));
        found
    }
}

/// What every list that can be asked for is read with, by what it asks: for the test that looks at
/// how databases would run it.
pub fn member_lists(is_postgres: bool) -> Vec<(&'static str, String)> {
    let list = |asks, name: Option<&str>, status: Option<&str>| {
        let asked = Asked {
            key: None,
            name: name.map(str::to_owned),
            status: status.map(str::to_owned),
            last: String::new(),
            after: (String::new(), Uuid::nil()),
            rows: 0,
        };
        (asks, asked.statement(is_postgres).0)
    };
    vec![
        list("listed", None, None),
        list("named", Some(""), None),
        list("standing", None, Some("")),
        list("named_standing", Some(""), Some("")),
    ]
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
