//! What staff change of a registered member. Each operation checks the caller's right where the
//! member is at home, and runs in the command's transaction.

use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng as _;
use sea_orm::{
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, ExprTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, SqlErr,
    sea_query::{Expr, OnConflict},
};

use super::{
    NewConsent, birth_of,
    faces::forget_photo,
    local_day, note, note_because,
    registration::{consent_row, guardian_of, insert_consents},
    rules,
    tables::{
        consents, credentials, member_approvals, member_approvals::Column as Permit, members,
    },
    words::{CredentialKind, Status, Verification},
};
use crate::{
    base::{
        error::{Code, Error},
        ids::MemberId,
        keys::Keys,
    },
    staff::{Function, StaffCaller, requests},
};

/// Records that a member agreed to something, or no longer does. Never changes an older record.
pub async fn record_consent(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    consent: &NewConsent,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !consent.text_version.as_deref().is_none_or(rules::is_text_version) {
        return Err(Error::invalid("/text_version", Code::InvalidValue));
    }
    lock(tx, by, Function::RegisterMembers, id).await?;
    let newest = consents::Entity::find()
        .filter(consents::COLUMN.member_id.eq(id))
        .filter(consents::COLUMN.purpose.eq(consent.purpose.as_str()))
        .order_by_desc(consents::Column::At)
        .one(tx)
        .await?;
    let at = consent.at.unwrap_or(now);
    rules::check_consent_order(at, newest.map(|row| row.at), now)
        .map_err(|code| Error::invalid("/at", code))?;
    let current = consent.purpose.text().version;
    // Whoever withdraws need not know today's text.
    if consent.granted && consent.text_version.as_ref().is_some_and(|signed| signed != current) {
        return Err(Error::Conflict(Code::ConsentOutdated));
    }
    insert_consents(tx, vec![consent_row(id, consent, at, "desk", &by.actor())]).await?;
    if !consent.granted && consent.purpose.keeps_a_photo() {
        forget_photo(tx, id, now).await?;
    }
    let act = if consent.granted { "consent_granted" } else { "consent_withdrawn" };
    note(tx, &by.actor(), act, id, Some(consent.purpose.as_str()), now).await?;
    Ok(())
}

/// Names the guardian of a minor; refuses (422) one who is no adult, and wards who are.
pub async fn set_guardian(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: MemberId,
    guardian: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ward = lock(tx, by, Function::RegisterMembers, id).await?;
    let unfit = || Error::invalid("/guardian_id", Code::GuardianUnfit);
    let birth = birth_of(keys, &ward)?.ok_or_else(unfit)?;
    let found = guardian_of(tx, keys, guardian).await?;
    rules::check_guardian(birth, Some(found), local_day(now)).map_err(|_| unfit())?;
    members::Entity::update_many()
        .col_expr(members::Column::GuardianId, Expr::value(guardian))
        .filter(members::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    note(tx, &by.actor(), "guardian_set", id, Some(&guardian.to_string()), now).await?;
    Ok(())
}

/// What a door shall know a member by.
#[derive(Clone, Debug)]
pub struct NewCredential {
    pub kind: CredentialKind,
    /// As the terminal reports it: 1 to 64 visible ASCII characters.
    pub handle: String,
    /// Now if absent.
    pub valid_from: Option<DateTime<Utc>>,
    pub valid_to: Option<DateTime<Utc>>,
}

/// Gives a member a credential; refuses (409) one that somebody has already.
pub async fn add_credential(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    new: NewCredential,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !rules::is_handle(&new.handle) {
        return Err(Error::invalid("/handle", Code::CredentialFormat));
    }
    let valid_from = new.valid_from.unwrap_or(now);
    check_span(valid_from, new.valid_to)?;
    lock(tx, by, Function::RegisterMembers, id).await?;
    let row = credentials::Model {
        kind: new.kind.as_str().to_owned(),
        handle: new.handle,
        member_id: id,
        status: Status::Active.as_str().to_owned(),
        valid_from,
        valid_to: new.valid_to,
    };
    credentials::Entity::insert(row.into_active_model()).exec_without_returning(tx).await.map_err(
        |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::CredentialTaken),
            _ => error.into(),
        },
    )?;
    note(tx, &by.actor(), "credential_added", id, Some(new.kind.as_str()), now).await?;
    Ok(())
}

/// A permit that venues may ask for.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// The word in a venue's prerequisites: `school_ground`, `induction` …
    pub kind: String,
    pub valid_from: DateTime<Utc>,
    pub valid_to: Option<DateTime<Utc>>,
}

/// Permits a member something, or changes until when a permit from that time on holds.
pub async fn approve(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    new: NewApproval,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if !rules::is_approval_kind(&new.kind) {
        return Err(Error::invalid("/kind", Code::InvalidValue));
    }
    check_span(new.valid_from, new.valid_to)?;
    lock(tx, by, Function::ApproveMembers, id).await?;
    let state = new.kind.clone();
    let row = member_approvals::Model {
        member_id: id,
        kind: new.kind,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        by_actor: by.actor(),
    };
    let renewed = OnConflict::columns([Permit::MemberId, Permit::Kind, Permit::ValidFrom])
        .update_columns([Permit::ValidTo, Permit::ByActor])
        .to_owned();
    member_approvals::Entity::insert(row.into_active_model())
        .on_conflict(renewed)
        .exec_without_returning(tx)
        .await?;
    note(tx, &by.actor(), "approval_set", id, Some(&state), now).await?;
    Ok(())
}

/// Lets doors refuse a member, until somebody reinstates them; refuses (409) one who is suspended.
pub async fn suspend(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    set_status(tx, by, id, (Status::Active, Status::Suspended), "member_suspended", reason, now)
        .await
}

/// Lets a suspended member in again; refuses (409) one who is not suspended.
pub async fn reinstate(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    set_status(tx, by, id, (Status::Suspended, Status::Active), "member_reinstated", reason, now)
        .await
}

async fn set_status(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    (from, to): (Status, Status),
    act: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let reason = requests::reason(reason)?;
    lock(tx, by, Function::ManageMembers, id).await?;
    let changed = members::Entity::update_many()
        .col_expr(members::Column::Status, Expr::value(to.as_str()))
        .filter(members::COLUMN.id.eq(id))
        .filter(members::COLUMN.status.eq(from.as_str()))
        .exec(tx)
        .await?;
    if changed.rows_affected == 0 {
        return Err(Error::Conflict(Code::Conflict));
    }
    note_because(tx, &by.actor(), act, id, reason, now).await?;
    Ok(())
}

/// The desk has seen that document and person belong together; a better proof stays.
pub async fn verify_at_desk(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    lock(tx, by, Function::RegisterMembers, id).await?;
    let verified = members::Entity::update_many()
        .col_expr(members::Column::Verification, Expr::value(Verification::Desk.as_str()))
        .filter(members::COLUMN.id.eq(id))
        .filter(members::COLUMN.verification.eq(Verification::Unverified.as_str()))
        .exec(tx)
        .await?;
    if verified.rows_affected > 0 {
        note(tx, &by.actor(), "member_verified", id, Some("desk"), now).await?;
    }
    Ok(())
}

/// How long a code that the desk lends opens doors, unless told otherwise, and at most.
const LENT: TimeDelta = TimeDelta::hours(4);
const LENT_MAX: TimeDelta = TimeDelta::hours(24);
/// Digits of a code: few enough for a keypad, many enough not to be guessed at one.
const LENT_DIGITS: u32 = 8;

/// A code for a keypad.
pub struct DeskCode {
    pub code: String,
    pub valid_to: DateTime<Utc>,
}

/// Lends a member who has neither card nor telephone at hand a code for a day at most. The one
/// lent before is worth nothing any more.
pub async fn lend_code(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: MemberId,
    valid_to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<DeskCode, Error> {
    let valid_to = valid_to.unwrap_or(now + LENT);
    if valid_to <= now || valid_to > now + LENT_MAX {
        return Err(Error::invalid("/valid_to", Code::BadTime));
    }
    lock(tx, by, Function::RegisterMembers, id).await?;
    let code = CredentialKind::Code.as_str();
    credentials::Entity::delete_many()
        .filter(credentials::COLUMN.member_id.eq(id))
        .filter(credentials::COLUMN.kind.eq(code))
        .filter(credentials::COLUMN.valid_to.is_not_null())
        .exec(tx)
        .await?;
    let handle = free_code(tx).await?;
    let row = credentials::Model {
        kind: code.to_owned(),
        handle: handle.clone(),
        member_id: id,
        status: Status::Active.as_str().to_owned(),
        valid_from: now,
        valid_to: Some(valid_to),
    };
    credentials::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    note(tx, &by.actor(), "code_lent", id, None, now).await?;
    Ok(DeskCode { code: handle, valid_to })
}

/// Digits that nobody has.
async fn free_code(tx: &DatabaseTransaction) -> Result<String, Error> {
    loop {
        let drawn = rand::rng().random_range(0..10_u32.pow(LENT_DIGITS));
        let handle = format!("{drawn:0width$}", width = LENT_DIGITS as usize);
        let key = (CredentialKind::Code.as_str().to_owned(), handle.clone());
        if credentials::Entity::find_by_id(key).one(tx).await?.is_none() {
            return Ok(handle);
        }
    }
}

fn check_span(from: DateTime<Utc>, to: Option<DateTime<Utc>>) -> Result<(), Error> {
    if !rules::is_plausible(from) {
        return Err(Error::invalid("/valid_from", Code::BadTime));
    }
    if to.is_some_and(|to| to <= from || !rules::is_plausible(to)) {
        return Err(Error::invalid("/valid_to", Code::BadTime));
    }
    Ok(())
}

/// The member, with the row locked and its version grown, if the caller may do `function` there.
async fn lock(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    function: Function,
    id: MemberId,
) -> Result<members::Model, Error> {
    members::Entity::update_many()
        .col_expr(members::Column::Version, Expr::col(members::Column::Version).add(1))
        .filter(members::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    let row = members::Entity::find_by_id(id)
        .filter(members::COLUMN.erased_at.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound(Code::NotFound))?;
    by.require(function, &row.home_community)?;
    Ok(row)
}
