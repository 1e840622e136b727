//! Registering somebody: what must be true first, and the rows that it makes.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, IntoActiveModel, QueryFilter as _, SqlErr, sea_query::Query,
};

use super::{
    birth_of, document_index, local_day, note, rules, status_of,
    tables::{consents, members},
    words::{Purpose, Status, Verification},
};
use crate::{
    base::{
        db,
        documents::{Document, Sex},
        error::{Code, Error},
        ids::{DivisionCode, MemberId},
        keys::Keys,
        text::{PersonName, Phone},
    },
    staff::audit,
};

/// Rows bound into one statement: the widest has 18 columns, and SQLite takes 32 766 values.
const ROWS_AT_ONCE: usize = 500;
/// A timeline at which nothing has happened yet.
const EMPTY_TIMELINE: &str = r#"{"open":null,"last":null,"newest":null}"#;

/// Somebody who registers.
#[derive(Clone, Debug)]
pub struct NewMember {
    pub name: PersonName,
    pub document: Document,
    /// Stated where the document does not tell it.
    pub birth_date: Option<NaiveDate>,
    pub sex: Option<Sex>,
    pub phone: Option<Phone>,
    /// Of 12 digits.
    pub home_community: DivisionCode,
    pub guardian: Option<MemberId>,
    /// In the past for who registered on paper or elsewhere; now if absent.
    pub registered_at: Option<DateTime<Utc>>,
    pub consents: Vec<NewConsent>,
}

/// A grant or a withdrawal to be recorded.
#[derive(Clone, Debug)]
pub struct NewConsent {
    pub purpose: Purpose,
    pub granted: bool,
    /// The version of the text that was signed; the current one if absent.
    pub text_version: Option<String>,
    /// When it was signed; now if absent.
    pub at: Option<DateTime<Utc>>,
}

/// Where somebody registers, and what that proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Staff has seen person and document.
    Desk,
    /// Only what the person says.
    MiniProgram,
}

impl Channel {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::MiniProgram => "mini_program",
        }
    }

    fn proves(self) -> Verification {
        match self {
            Self::Desk => Verification::Desk,
            Self::MiniProgram => Verification::Unverified,
        }
    }
}

/// Registers somebody, in the transaction of the command. Refuses a document that is registered (409), a phone number of a stranger (409), a child without a
/// guardian (403), and what contradicts the document (422).
pub async fn register(
    tx: &DatabaseTransaction,
    keys: &Keys,
    new: &NewMember,
    channel: Channel,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<MemberId, Error> {
    let today = local_day(now);
    let registered_at = new.registered_at.unwrap_or(now);
    if !new.home_community.is_community() {
        return Err(Error::invalid("/home_community", Code::NotACommunity));
    }
    let (birth, sex) = rules::birth_and_sex(&new.document, new.birth_date, new.sex, today)
        .map_err(|(field, code)| Error::invalid(format!("/{field}"), code))?;
    rules::check_registered_at(registered_at, birth, now)
        .map_err(|code| Error::invalid("/registered_at", code))?;
    let guardian = match new.guardian {
        Some(id) => Some(guardian_of(tx, keys, id).await?),
        None => None,
    };
    rules::check_guardian(birth, guardian, today).map_err(|code| match code {
        Code::GuardianRequired => Error::Forbidden(code),
        _ => Error::invalid("/guardian_id", code),
    })?;
    let id = MemberId::new();
    let person = Person { new, birth, sex, registered_at, verification: channel.proves() };
    let row = person.row(keys, id);
    let phone_ix = row.phone_ix.clone();
    let agreed = consent_rows(id, &new.consents, channel.as_str(), actor, now)?;
    // The unique index speaks first: whoever registers twice hears of the document, and rivals at
    // the same time wait for one another here.
    insert_members(tx, vec![row]).await?;
    check_phone(tx, id, phone_ix.as_deref(), new.guardian).await?;
    insert_consents(tx, agreed).await?;
    note(tx, actor, "member_registered", id, None, now).await?;
    Ok(id)
}

/// Logs that a registered document was presented again, by whom and whose; nobody is told whose.
pub async fn note_duplicate(
    db: &DatabaseConnection,
    keys: &Keys,
    document: &Document,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let known = members::Entity::find()
        .filter(members::COLUMN.document_ix.eq(document_index(keys, document)))
        .one(db)
        .await?;
    if let Some(row) = known {
        let tx = db::begin(db).await?;
        note(&tx, actor, "registration_repeated", row.id, None, now).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// Somebody who has passed the rules, before the sealing.
pub(super) struct Person<'a> {
    pub new: &'a NewMember,
    pub birth: NaiveDate,
    pub sex: Option<Sex>,
    pub registered_at: DateTime<Utc>,
    pub verification: Verification,
}

impl Person<'_> {
    pub(super) fn row(&self, keys: &Keys, id: MemberId) -> members::Model {
        use chrono::Datelike as _;
        let new = self.new;
        let row_id = id.to_string();
        let seal =
            |column: &str, text: &str| keys.seal("members", column, &row_id, text.as_bytes());
        members::Model {
            id,
            status: Status::Active.as_str().to_owned(),
            home_community: new.home_community.clone(),
            name_ct: seal("name_ct", new.name.as_str()),
            name_masked: new.name.masked(),
            written_ct: new.name.written().map(|written| seal("written_ct", written)),
            document_type: new.document.kind().as_str().to_owned(),
            document_ct: seal("document_ct", &new.document.number()),
            document_ix: document_index(keys, &new.document),
            phone_ct: new.phone.as_ref().map(|phone| seal("phone_ct", phone.as_str())),
            phone_ix: new
                .phone
                .as_ref()
                .map(|phone| keys.blind_index("members.phone", phone.as_str())),
            sex: self.sex.map(|sex| sex.as_str().to_owned()),
            birth_ct: Some(seal("birth_ct", &self.birth.to_string())),
            birth_year: Some(self.birth.year()),
            verification: self.verification.as_str().to_owned(),
            guardian_id: new.guardian,
            registered_at: self.registered_at,
            erased_at: None,
            version: 1,
        }
    }
}

/// Rows for a new member's consents, checked one after the other. `at` in the past is for paper
/// that was signed before; a text other than today's is refused with 409.
fn consent_rows(
    id: MemberId,
    new: &[NewConsent],
    channel: &str,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<Vec<consents::Model>, Error> {
    let mut newest: HashMap<Purpose, DateTime<Utc>> = HashMap::new();
    let mut rows = Vec::new();
    for (n, consent) in new.iter().enumerate() {
        let at = consent.at.unwrap_or(now);
        rules::check_consent_order(at, newest.insert(consent.purpose, at), now)
            .map_err(|code| Error::invalid(format!("/consents/{n}/at"), code))?;
        let current = consent.purpose.text().version;
        if consent.text_version.as_ref().is_some_and(|version| version != current) {
            return Err(Error::Conflict(Code::ConsentOutdated));
        }
        rows.push(consent_row(id, consent, at, channel, actor));
    }
    Ok(rows)
}

/// The row of one consent. A text of ours is kept by its hash; one that another platform had
/// shown is known by its version only.
pub(super) fn consent_row(
    member_id: MemberId,
    consent: &NewConsent,
    at: DateTime<Utc>,
    channel: &str,
    actor: &str,
) -> consents::Model {
    let text = consent.purpose.text();
    let version = consent.text_version.as_deref().unwrap_or(text.version);
    let text_hash = if version == text.version { audit::digest(text.zh) } else { String::new() };
    consents::Model {
        member_id,
        purpose: consent.purpose.as_str().to_owned(),
        at,
        text_version: version.to_owned(),
        text_hash,
        granted: consent.granted,
        channel: channel.to_owned(),
        by_actor: actor.to_owned(),
    }
}

/// A phone number belongs to one person, who may lend it to the children in their care. Families
/// share numbers, so this is a check and not an index.
pub(super) async fn check_phone(
    tx: &DatabaseTransaction,
    own: MemberId,
    index: Option<&str>,
    guardian: Option<MemberId>,
) -> Result<(), Error> {
    let Some(index) = index else { return Ok(()) };
    let holders = members::Entity::find()
        .filter(members::COLUMN.phone_ix.eq(index))
        .filter(members::Column::Id.ne(own))
        .filter(members::COLUMN.erased_at.is_null())
        .all(tx)
        .await?;
    let in_family = |holder: &members::Model| {
        holder.guardian_id == Some(own)
            || guardian.is_some_and(|id| holder.id == id || holder.guardian_id == Some(id))
    };
    if holders.iter().all(in_family) { Ok(()) } else { Err(Error::Conflict(Code::PhoneTaken)) }
}

/// What the rules ask of a guardian; somebody unknown is unfit.
pub(super) async fn guardian_of(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    id: MemberId,
) -> Result<rules::Guardian, Error> {
    let row = members::Entity::find_by_id(id).one(conn).await?;
    let row = row.ok_or_else(|| Error::invalid("/guardian_id", Code::GuardianUnfit))?;
    Ok(rules::Guardian { birth: birth_of(keys, &row)?, status: status_of(&row)? })
}

/// Inserts members with their timelines, which later lock them.
pub(super) async fn insert_members(
    tx: &DatabaseTransaction,
    rows: Vec<members::Model>,
) -> Result<(), Error> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let part: Vec<_> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        let ids: Vec<MemberId> = part.iter().map(|row| row.id).collect();
        members::Entity::insert_many(part.into_iter().map(IntoActiveModel::into_active_model))
            .exec_without_returning(tx)
            .await
            .map_err(|error| match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    Error::Conflict(Code::IdAlreadyRegistered)
                }
                _ => error.into(),
            })?;
        insert_timelines(tx, &ids).await?;
    }
    Ok(())
}

async fn insert_timelines(tx: &DatabaseTransaction, ids: &[MemberId]) -> Result<(), DbErr> {
    let mut insert = Query::insert();
    insert.into_table("timelines").columns(["member_id", "version", "state"]);
    for id in ids {
        insert.values_panic([(*id).into(), 0_i64.into(), EMPTY_TIMELINE.into()]);
    }
    tx.execute(&insert).await.map(drop)
}

pub(super) async fn insert_consents(
    tx: &DatabaseTransaction,
    rows: Vec<consents::Model>,
) -> Result<(), DbErr> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let part = rows.by_ref().take(ROWS_AT_ONCE).map(IntoActiveModel::into_active_model);
        consents::Entity::insert_many(part).exec_without_returning(tx).await?;
    }
    Ok(())
}
