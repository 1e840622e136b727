//! Proving who one is without coming to the desk: a register that knows which name a number has,
//! or WeChat's comparison of the face with the document's. Both cover mainland resident identity
//! cards only; everybody else comes to the desk.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, sea_query::Expr,
};
use serde::{Deserialize, Serialize};

use super::{
    accounts::openid_of_account,
    agreements::has_granted,
    note, open_text,
    own::{load, lock_own},
    tables::{members, verifications},
    words::{Purpose, Verification},
};
use crate::base::{
    documents::DocumentKind,
    error::{Code, Error},
    ids::{AccountId, MemberId, VerificationId},
    keys::Keys,
    realname,
    text::PersonName,
    wechat_api::{FaceOutcome, Identity, OpenId, Wechat},
};

/// Checks that somebody may begin within a day: each costs money, and guessing names is no use.
const A_DAY_MAX: u64 = 5;
const DAY: TimeDelta = TimeDelta::days(1);
const DAY_S: u32 = 24 * 60 * 60;

/// How somebody proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProofMethod)]
pub enum Method {
    /// A register says whether name and number belong together.
    Registry,
    /// A register says whether a photo is of whom name and number say.
    RegistryPhoto,
    /// WeChat compares the face with the document's.
    WechatFace,
}

impl Method {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Registry => "registry",
            Self::RegistryPhoto => "registry_photo",
            Self::WechatFace => "wechat_face",
        }
    }

    fn proves(self) -> Verification {
        match self {
            Self::Registry => Verification::Registry,
            Self::RegistryPhoto => Verification::RegistryPhoto,
            Self::WechatFace => Verification::WechatFace,
        }
    }
}

/// What came of a check. That nobody could tell is an error (503), not an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CheckOutcome)]
pub enum Outcome {
    /// Begun; the mini-program goes on.
    Pending,
    Match,
    Mismatch,
    /// The register does not know the number: ask at the desk.
    NoRecord,
    /// Given up, or the device could not.
    NotDone,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Match => "match",
            Self::Mismatch => "mismatch",
            Self::NoRecord => "no_record",
            Self::NotDone => "not_done",
        }
    }
}

impl From<FaceOutcome> for Outcome {
    fn from(outcome: FaceOutcome) -> Self {
        match outcome {
            FaceOutcome::Passed => Self::Match,
            FaceOutcome::Mismatch => Self::Mismatch,
            FaceOutcome::NotDone => Self::NotDone,
        }
    }
}

impl From<realname::Outcome> for Outcome {
    fn from(outcome: realname::Outcome) -> Self {
        match outcome {
            realname::Outcome::Match => Self::Match,
            realname::Outcome::Mismatch => Self::Mismatch,
            realname::Outcome::NoRecord => Self::NoRecord,
        }
    }
}

/// A check as its subject sees it.
#[derive(Clone, Debug)]
pub struct Check {
    pub id: VerificationId,
    pub method: Method,
    pub outcome: Outcome,
    /// For `wx.requestFacialVerify`.
    pub verify_id: Option<String>,
    pub expires_at: DateTime<Utc>,
}

/// Whom others are asked about, in the clear; goes nowhere but to them.
pub struct Subject {
    pub member: MemberId,
    pub(super) name: PersonName,
    pub(super) number: String,
    pub(super) document_ix: String,
}

impl Subject {
    fn identity(&self) -> Identity<'_> {
        Identity { name: &self.name, number: &self.number }
    }
}

/// What is asked about a member. Refuses (403) who did not agree to it, (409) documents that only
/// the desk can judge, and (429) the sixth check of a day.
pub async fn subject(
    conn: &impl ConnectionTrait,
    keys: &Keys,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<Subject, Error> {
    if !has_granted(conn, id, Purpose::RealnameCheck).await? {
        return Err(Error::Forbidden(Code::ConsentRequired));
    }
    let begun = verifications::Entity::find()
        .filter(verifications::COLUMN.member_id.eq(id))
        .filter(verifications::COLUMN.created_at.gt(now - DAY))
        .count(conn)
        .await?;
    if begun >= A_DAY_MAX {
        return Err(Error::TooMany(Code::RateLimited, DAY_S));
    }
    let row = load(conn, id).await?;
    subject_of(keys, &row)
}

fn subject_of(keys: &Keys, row: &members::Model) -> Result<Subject, Error> {
    if row.document_type != DocumentKind::ResidentId.as_str() {
        return Err(Error::Conflict(Code::DeskRequired));
    }
    let name = open_text(keys, row.id, "name_ct", &row.name_ct)?;
    // What rules of old took as a name and today's do not is for the desk.
    let name =
        PersonName::try_from(name.as_str()).map_err(|_| Error::Conflict(Code::DeskRequired))?;
    let number = open_text(keys, row.id, "document_ct", &row.document_ct)?;
    Ok(Subject { member: row.id, name, number, document_ix: row.document_ix.clone() })
}

/// A face verification that WeChat has begun.
pub struct Begun {
    id: VerificationId,
    verify_id: String,
    expires_at: DateTime<Utc>,
}

/// Begins a face verification at WeChat; nothing is written.
pub async fn begin_face(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    of: &Subject,
    account: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<Begun, Error> {
    let account = account.ok_or(Error::Conflict(Code::DeskRequired))?;
    let openid = openid_of_account(db, keys, account).await?;
    begin_at_wechat(wechat, &of.identity(), &openid, now).await
}

pub(super) async fn begin_at_wechat(
    wechat: &Wechat,
    of: &Identity<'_>,
    openid: &OpenId,
    now: DateTime<Utc>,
) -> Result<Begun, Error> {
    let id = VerificationId::new();
    let ticket = wechat.begin_verification(&number_of(id), of, openid).await?;
    let expires_at = now + TimeDelta::seconds(ticket.expires_in_s.clamp(0, i64::from(DAY_S)));
    Ok(Begun { id, verify_id: ticket.verify_id, expires_at })
}

/// Our number of a check at WeChat: 32 hex digits.
pub(super) fn number_of(id: VerificationId) -> String {
    id.0.simple().to_string()
}

/// Writes down a check that began at WeChat.
pub async fn record_begun(
    tx: &DatabaseTransaction,
    of: &Subject,
    account: Option<AccountId>,
    begun: Begun,
    now: DateTime<Utc>,
) -> Result<Check, Error> {
    insert_begun(tx, Some(of.member), account, &of.document_ix, begun, now).await
}

pub(super) async fn insert_begun(
    tx: &DatabaseTransaction,
    member_id: Option<MemberId>,
    account_id: Option<AccountId>,
    document_ix: &str,
    begun: Begun,
    now: DateTime<Utc>,
) -> Result<Check, Error> {
    let Begun { id, verify_id, expires_at } = begun;
    let row = verifications::Model {
        id,
        member_id,
        account_id,
        method: Method::WechatFace.as_str().to_owned(),
        document_ix: document_ix.to_owned(),
        verify_id: Some(verify_id.clone()),
        outcome: Outcome::Pending.as_str().to_owned(),
        created_at: now,
        expires_at,
        ended_at: None,
    };
    verifications::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    let (method, outcome) = (Method::WechatFace, Outcome::Pending);
    Ok(Check { id, method, outcome, verify_id: Some(verify_id), expires_at })
}

/// A check at WeChat that has begun and not ended, of this member.
pub struct Running {
    row: verifications::Model,
    subject: Subject,
}

/// The member's running check; 404 for one that is not theirs, has ended or has run out.
pub async fn running(
    db: &DatabaseConnection,
    keys: &Keys,
    member: MemberId,
    id: VerificationId,
    now: DateTime<Utc>,
) -> Result<Running, Error> {
    let row = find_running(db, id, now).await?;
    if row.member_id != Some(member) {
        return Err(Error::NotFound(Code::NotFound));
    }
    let subject = subject_of(keys, &load(db, member).await?)?;
    Ok(Running { row, subject })
}

pub(super) async fn find_running(
    conn: &impl ConnectionTrait,
    id: VerificationId,
    now: DateTime<Utc>,
) -> Result<verifications::Model, Error> {
    verifications::Entity::find_by_id(id)
        .filter(verifications::COLUMN.ended_at.is_null())
        .filter(verifications::COLUMN.expires_at.gt(now))
        .one(conn)
        .await?
        .ok_or(Error::NotFound(Code::NotFound))
}

/// Asks WeChat what came of a check; nothing is written.
pub async fn ask_wechat(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    running: &Running,
) -> Result<Outcome, Error> {
    outcome_at_wechat(db, keys, wechat, &running.row, &running.subject.identity()).await
}

pub(super) async fn outcome_at_wechat(
    db: &DatabaseConnection,
    keys: &Keys,
    wechat: &Wechat,
    row: &verifications::Model,
    of: &Identity<'_>,
) -> Result<Outcome, Error> {
    let missing = || Error::NotFound(Code::NotFound);
    let openid = openid_of_account(db, keys, row.account_id.ok_or_else(missing)?).await?;
    let verify_id = row.verify_id.as_deref().ok_or_else(missing)?;
    Ok(wechat.verification(&number_of(row.id), verify_id, of, &openid).await?.into())
}

/// Ends a running check with what WeChat said, and what it proves.
pub async fn record_outcome(
    tx: &DatabaseTransaction,
    running: &Running,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<Check, Error> {
    let Running { row, subject } = running;
    end(tx, row.id, outcome, now).await?;
    conclude(tx, subject.member, &row.document_ix, Method::WechatFace, outcome, now).await?;
    let (id, method, expires_at) = (row.id, Method::WechatFace, row.expires_at);
    Ok(Check { id, method, outcome, verify_id: None, expires_at })
}

/// Ends a check once; of two that come at the same time the second finds none (404).
pub(super) async fn end(
    tx: &DatabaseTransaction,
    id: VerificationId,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ended = verifications::Entity::update_many()
        .col_expr(verifications::Column::Outcome, Expr::value(outcome.as_str()))
        .col_expr(verifications::Column::EndedAt, Expr::value(now))
        .filter(verifications::COLUMN.id.eq(id))
        .filter(verifications::COLUMN.ended_at.is_null())
        .exec(tx)
        .await?;
    if ended.rows_affected == 1 { Ok(()) } else { Err(Error::NotFound(Code::NotFound)) }
}

/// Notes the outcome; a match verifies the member, if the document is still the one asked about.
pub(super) async fn conclude(
    tx: &DatabaseTransaction,
    member: MemberId,
    document_ix: &str,
    method: Method,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    lock_own(tx, member).await?;
    if outcome == Outcome::Match {
        verify(tx, member, document_ix, method).await?;
    }
    let actor = format!("member:{member}");
    let said = format!("{} {}", method.as_str(), outcome.as_str());
    note(tx, &actor, "verification_ended", member, Some(&said), now).await?;
    Ok(())
}

/// What the desk has seen is worth more than what a register says, and stays.
pub(super) async fn verify(
    tx: &DatabaseTransaction,
    member: MemberId,
    document_ix: &str,
    method: Method,
) -> Result<(), Error> {
    members::Entity::update_many()
        .col_expr(members::Column::Verification, Expr::value(method.proves().as_str()))
        .filter(members::COLUMN.id.eq(member))
        .filter(members::COLUMN.document_ix.eq(document_ix))
        .filter(members::COLUMN.verification.ne(Verification::Desk.as_str()))
        .exec(tx)
        .await?;
    Ok(())
}
