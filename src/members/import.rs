//! Taking over a running platform: members with dated consents and past minutes from one file,
//! whole or not at all, with every row that cannot be taken named.

mod doors;
mod format;
mod rows;

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::BoxFuture;
use sea_orm::{DatabaseTransaction, EntityTrait as _, QueryFilter as _};

pub use self::format::{Charset, Format};
use self::rows::{Person, Row};
use super::{
    CHAIN, birth_of, document_index, local_day,
    registration::{self, NewMember, consent_row, insert_consents, insert_members},
    rules, status_of,
    tables::{consents, members},
    words::{Status, Verification},
};
use crate::{
    base::{
        documents::Document,
        error::{Code, Error, Fault},
        ids::{DivisionCode, MemberId, VenueId},
        keys::Keys,
    },
    staff::audit,
};

/// Bytes of one file.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Rows of one file; a larger platform is taken over in parts.
const ROWS_MAX: usize = 200_000;
/// Faults that are told; who has so many has one.
const FAULTS_MAX: usize = 1000;
/// Documents looked up at once.
const LOOKUPS_AT_ONCE: usize = 1000;
/// Longest past time on one day, as any day has no more.
const DAY_MINUTES: i32 = 1440;

/// A file to be taken over.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    pub bytes: &'a [u8],
    pub format: Format,
    pub charset: Charset,
    /// Only members at home in here are taken.
    pub within: &'a DivisionCode,
    pub actor: &'a str,
}

/// Minutes of a member at a venue on a past business day, as another platform had counted them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastMinutes {
    /// The row of the file, from 1.
    pub row: usize,
    pub member: MemberId,
    pub venue: VenueId,
    pub day: NaiveDate,
    /// 1 to 1440.
    pub minutes: i32,
}

/// Writes past minutes into the ledger within the import's transaction, and answers the rows that
/// it cannot take, with why. The ledger's domain stands above this one, so the frame passes it in.
pub type CarryOver = Arc<
    dyn for<'a> Fn(
            &'a DatabaseTransaction,
            &'a [PastMinutes],
        ) -> BoxFuture<'a, Result<Vec<(usize, Code)>, Error>>
        + Send
        + Sync,
>;

/// What an import took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub rows: usize,
    pub members: usize,
    pub consents: usize,
    /// Rows with past minutes, and their sum.
    pub past_days: usize,
    pub past_minutes: i64,
}

/// Takes a file over in the transaction of the command. If any row cannot be taken, none is: the
/// refusal (422) names row and field of each fault as `/{row}/{field}`, rows from 1.
pub async fn import(
    tx: &DatabaseTransaction,
    keys: &Keys,
    upload: &Upload<'_>,
    carry_over: &CarryOver,
    now: DateTime<Utc>,
) -> Result<Report, Error> {
    let mut faults = Faults::default();
    let text = upload.charset.decode(upload.bytes).map_err(Error::Malformed)?;
    let rows = rows::read(&text, upload.format, &mut faults)?;
    faults.check()?;
    let known = look_up(tx, keys, &rows).await?;
    let mut taking = Taking { keys, upload, now, known, taken: Taken::default() };
    for row in &rows {
        taking.take(row, &mut faults);
    }
    faults.check()?;
    let taken = taking.taken;
    let report = taken.report(rows.len());
    insert_members(tx, taken.members).await?;
    insert_consents(tx, taken.consents).await?;
    taken.doors.insert(tx).await?;
    for (row, code) in carry_over(tx, &taken.past).await? {
        faults.add(row, "minutes", code);
    }
    faults.check()?;
    let summary = format!("{report:?}");
    let deed = audit::Deed {
        actor: upload.actor,
        act: "members_imported",
        object: "members",
        before: None,
        after: Some(&summary),
        reason: None,
    };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(report)
}

/// What is wrong with a file.
#[derive(Default)]
struct Faults(Vec<Fault>);

impl Faults {
    /// `field` may be empty for the whole row.
    fn add(&mut self, row: usize, field: &str, code: Code) {
        if self.0.len() < FAULTS_MAX {
            let pointer =
                if field.is_empty() { format!("/{row}") } else { format!("/{row}/{field}") };
            self.0.push(Fault { pointer, code });
        }
    }

    fn check(&mut self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(std::mem::take(&mut self.0))) }
    }
}

/// Somebody whom a row may mean: registered before, or by an earlier row.
struct Known {
    id: MemberId,
    birth: Option<NaiveDate>,
    status: Status,
    home_community: DivisionCode,
}

/// Who of the file is registered already, by the index of the document.
async fn look_up(
    tx: &DatabaseTransaction,
    keys: &Keys,
    rows: &[Row],
) -> Result<HashMap<String, Known>, Error> {
    let documents = rows.iter().flat_map(|row| {
        let guardian = row.person.as_ref().and_then(|person| person.guardian.as_ref());
        [Some(&row.document), guardian].into_iter().flatten()
    });
    let indexes: Vec<String> = documents.map(|document| document_index(keys, document)).collect();
    let mut known = HashMap::new();
    for part in indexes.chunks(LOOKUPS_AT_ONCE) {
        let found = members::Entity::find().filter(members::COLUMN.document_ix.is_in(part));
        for row in found.all(tx).await? {
            let (birth, status) = (birth_of(keys, &row)?, status_of(&row)?);
            let (id, home_community) = (row.id, row.home_community);
            known.insert(row.document_ix, Known { id, birth, status, home_community });
        }
    }
    Ok(known)
}

/// The rows that a file makes.
#[derive(Default)]
struct Taken {
    members: Vec<members::Model>,
    consents: Vec<consents::Model>,
    doors: doors::Rows,
    past: Vec<PastMinutes>,
}

impl Taken {
    fn report(&self, rows: usize) -> Report {
        Report {
            rows,
            members: self.members.len(),
            consents: self.consents.len(),
            past_days: self.past.len(),
            past_minutes: self.past.iter().map(|past| i64::from(past.minutes)).sum(),
        }
    }
}

struct Taking<'a> {
    keys: &'a Keys,
    upload: &'a Upload<'a>,
    now: DateTime<Utc>,
    known: HashMap<String, Known>,
    taken: Taken,
}

impl Taking<'_> {
    fn take(&mut self, row: &Row, faults: &mut Faults) {
        let index = document_index(self.keys, &row.document);
        if let Some(person) = &row.person {
            if self.known.contains_key(&index) {
                return faults.add(row.number, "document", Code::IdAlreadyRegistered);
            }
            match self.register(person, &row.document) {
                Ok(known) => drop(self.known.insert(index.clone(), known)),
                Err((field, code)) => return faults.add(row.number, field, code),
            }
        }
        let Some(known) = self.known.get(&index) else {
            return faults.add(row.number, "document", Code::ImportUnknownMember);
        };
        if !self.upload.within.covers(&known.home_community) {
            return faults.add(row.number, "document", Code::ImportUnknownMember);
        }
        let today = local_day(self.now);
        for past in &row.past {
            if !(1..=DAY_MINUTES).contains(&past.minutes) || !rules::is_past_day(past.day, today) {
                faults.add(row.number, "minutes", Code::ImportMinutes);
                continue;
            }
            let (venue, day, minutes) = (past.venue, past.day, past.minutes);
            let member = known.id;
            self.taken.past.push(PastMinutes { row: row.number, member, venue, day, minutes });
        }
    }

    /// Makes the rows of somebody new. Shared phone numbers are taken over as they are: whether a
    /// family shares one was the other platform's question.
    fn register(
        &mut self,
        person: &Person,
        document: &Document,
    ) -> Result<Known, rules::FieldFault> {
        let today = local_day(self.now);
        let home_community = person.home_community.clone();
        if !home_community.is_community() {
            return Err(("home_community", Code::NotACommunity));
        }
        if !self.upload.within.covers(&home_community) {
            return Err(("home_community", Code::Forbidden));
        }
        let (birth, sex) = rules::birth_and_sex(document, person.birth_date, person.sex, today)?;
        rules::check_registered_at(person.registered_at, birth, self.now)
            .map_err(|code| ("registered_at", code))?;
        let guardian = self.guardian_of(person)?;
        let terms = guardian.map(|one| rules::Guardian { birth: one.birth, status: one.status });
        rules::check_guardian(birth, terms, today).map_err(|code| ("guardian", code))?;
        let new = NewMember {
            name: person.name.clone(),
            document: document.clone(),
            birth_date: None,
            sex: None,
            phone: person.phone.clone(),
            home_community: home_community.clone(),
            guardian: guardian.map(|one| one.id),
            registered_at: None,
            consents: Vec::new(),
        };
        let id = MemberId::new();
        let registered_at = person.registered_at;
        let verification = Verification::CarriedOver;
        let sealed = registration::Person { new: &new, birth, sex, registered_at, verification };
        let row = sealed.row(self.keys, id);
        self.take_consents(id, person)?;
        self.taken.doors.take(id, &person.doors, registered_at, self.upload.actor)?;
        self.taken.members.push(row);
        Ok(Known { id, birth: Some(birth), status: Status::Active, home_community })
    }

    fn guardian_of(&self, person: &Person) -> Result<Option<&Known>, rules::FieldFault> {
        let Some(document) = &person.guardian else { return Ok(None) };
        let known = self.known.get(&document_index(self.keys, document));
        known.map(Some).ok_or(("guardian", Code::ImportUnknownMember))
    }

    fn take_consents(&mut self, id: MemberId, person: &Person) -> Result<(), rules::FieldFault> {
        let mut newest = HashMap::new();
        for (consent, at) in &person.consents {
            rules::check_consent_order(*at, newest.insert(consent.purpose, *at), self.now)
                .map_err(|code| ("consents", code))?;
            if !consent.text_version.as_deref().is_none_or(rules::is_text_version) {
                return Err(("consents", Code::InvalidValue));
            }
            let row = consent_row(id, consent, *at, "import", self.upload.actor);
            self.taken.consents.push(row);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
