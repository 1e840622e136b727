//! Who works here, what they may do, and the chain of what they did.

mod accounts;
mod attempts;
pub mod audit;
mod browser;
mod caller;
mod page;
mod password;
mod proof;
pub mod requests;
mod routes;
mod rules;
mod tables;

use std::{fmt, net::IpAddr};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, ExprTrait as _, IntoActiveModel as _, QueryFilter as _, SqlErr,
    sea_query::Expr,
};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

pub use accounts::{
    Account, Change, Enrolling, Enrolment, Invitation, accounts, change, enrol, invite, post_of,
    renew, sweep_enrolments,
};
pub use attempts::Attempts;
pub use browser::Presented;
pub use caller::StaffCaller;
pub use password::Password;
pub use proof::{Proof, change_password, confirm};
pub use routes::routes;
pub use rules::{Function, Role};

use self::tables::{staff, staff_sessions};
use crate::base::{
    db,
    error::{Code, Error},
    ids::{DivisionCode, StaffId},
    keys::{Keys, new_token, token_hash},
};

/// A session that nobody used for so long has ended.
pub const IDLE: TimeDelta = TimeDelta::minutes(30);
/// A session ends after so long however much it is used.
pub const ABSOLUTE: TimeDelta = TimeDelta::hours(12);
/// Uses within so long of the last noted one are not noted, to spare a write a request.
const NOTE_USE_EVERY: TimeDelta = TimeDelta::minutes(1);

const ACTIVE: &str = "active";
/// The audit chain of everything in this file.
const CHAIN: &str = "staff";

/// What somebody signs in by: 1 to 64 characters without blanks or controls, in NFC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct StaffName(String);

const NAME_CHARACTERS_MAX: usize = 64;

impl StaffName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StaffName {
    type Error = Code;
    fn try_from(text: String) -> Result<Self, Code> {
        let text = as_stored(&text);
        let length = text.chars().count();
        let fits = (1..=NAME_CHARACTERS_MAX).contains(&length)
            && !text.chars().any(|c| c.is_whitespace() || c.is_control());
        fits.then_some(Self(text)).ok_or(Code::StaffNameFormat)
    }
}

/// The form in which names are stored and looked up; of a longer text only so much as to see that
/// it is no name.
fn as_stored(text: &str) -> String {
    text.nfc().take(NAME_CHARACTERS_MAX + 1).collect()
}

/// Somebody who shall work here.
#[derive(Debug)]
pub struct NewStaff {
    pub name: StaffName,
    pub password: Password,
    pub role: Role,
    pub division: DivisionCode,
}

/// Somebody who works here now, with what their authenticator app needs, shown once.
pub struct AddedStaff {
    pub id: StaffId,
    /// Base32.
    pub totp_secret: String,
    /// What a QR code for the app holds.
    pub totp_url: String,
}

impl fmt::Debug for AddedStaff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddedStaff").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Adds a member of staff; refuses a weak password (422) and a taken name (409).
pub async fn add(
    db: &DatabaseConnection,
    keys: &Keys,
    new: NewStaff,
    actor: &str,
    now: DateTime<Utc>,
) -> Result<AddedStaff, Error> {
    let name = new.name.as_str();
    new.password.check_strength(name).map_err(|code| Error::invalid("/password", code))?;
    let id = StaffId::new();
    let secret = password::new_code_secret();
    let row = staff::Model {
        id,
        name: name.to_owned(),
        password_hash: staff::PasswordHash(new.password.hash().await?),
        totp_ct: keys.seal("staff", "totp_ct", &id.to_string(), &secret),
        role: new.role.as_str().to_owned(),
        division: new.division.clone(),
        status: ACTIVE.to_owned(),
        totp_last_step: 0,
        failures: 0,
        locked_until: None,
        created_at: now,
    };
    let tx = db::begin(db).await?;
    staff::Entity::insert(row.into_active_model()).exec_without_returning(&tx).await.map_err(
        |error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::StaffNameTaken),
            _ => error.into(),
        },
    )?;
    let state = format!("{} over {}", new.role.as_str(), new.division);
    note(&tx, actor, "staff_added", Some(id), Some(&state), now).await?;
    tx.commit().await?;
    let totp_secret = password::base32(&secret);
    let totp_url = totp_url(name, &totp_secret);
    Ok(AddedStaff { id, totp_secret, totp_url })
}

/// What an authenticator app reads; the name's bytes are escaped unless plainly harmless.
fn totp_url(name: &str, secret: &str) -> String {
    use fmt::Write as _;
    let mut label = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            label.push(char::from(byte));
        } else {
            write!(label, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    format!("otpauth://totp/fitgate:{label}?secret={secret}&issuer=fitgate")
}

/// What somebody gave to sign in.
#[derive(Debug)]
pub struct SignIn {
    pub name: String,
    pub password: Password,
    /// Six digits of the authenticator app.
    pub code: String,
}

/// A session that has just begun.
pub struct SignedIn {
    /// The bearer token; only its hash is stored.
    pub token: String,
    pub expires_at: DateTime<Utc>,
    pub id: StaffId,
    pub name: String,
    pub role: Role,
    pub division: DivisionCode,
}

/// Signs somebody in. A wrong name, password or code is one and the same refusal, after the same
/// work (401); five within a quarter of an hour, by name or by address, lock it (429).
pub async fn sign_in(
    db: &DatabaseConnection,
    keys: &Keys,
    attempts: &Attempts,
    asked: SignIn,
    from: Option<IpAddr>,
    now: DateTime<Utc>,
) -> Result<SignedIn, Error> {
    // PostgreSQL takes no NUL; what holds one is nobody's name anyway.
    let name = as_stored(&asked.name).replace(char::is_control, "\u{fffd}");
    attempts
        .count(&name, from, now)
        .map_err(|seconds| Error::TooMany(Code::SignInLocked, seconds))?;
    let found = staff::Entity::find()
        .filter(staff::COLUMN.name.eq(&name))
        .filter(staff::COLUMN.status.eq(ACTIVE))
        .one(db)
        .await?;
    if let Some(seconds) = found.as_ref().and_then(|row| locked_for(row, now)) {
        return Err(Error::TooMany(Code::SignInLocked, seconds));
    }
    let signed_in = match factors_match(keys, found.as_ref(), asked, now).await? {
        Some((row, step)) => begin_session(db, row, step, now).await?,
        None => None,
    };
    if let Some(signed_in) = signed_in {
        attempts.forgive(&name, from);
        return Ok(signed_in);
    }
    note_failure(db, found.map(|row| row.id), now).await?;
    Err(Error::Unauthenticated(Code::SignInFailed))
}

/// Seconds for which an account stays locked.
fn locked_for(row: &staff::Model, now: DateTime<Utc>) -> Option<u32> {
    let until = row.locked_until.filter(|until| *until > now)?;
    (row.failures >= attempts::FAILURES_MAX).then(|| attempts::seconds_until(until, now))
}

/// The account and its code's step if both factors are right. Does all the work in any case.
async fn factors_match<'a>(
    keys: &Keys,
    found: Option<&'a staff::Model>,
    asked: SignIn,
    now: DateTime<Utc>,
) -> Result<Option<(&'a staff::Model, i64)>, Error> {
    let hash = found.map_or(password::NOBODYS_HASH, |row| &row.password_hash.0).to_owned();
    let is_password = asked.password.matches(hash).await?;
    let secret = match found {
        Some(row) => keys.open("staff", "totp_ct", &row.id.to_string(), &row.totp_ct)?,
        None => vec![0; password::CODE_SECRET_BYTES],
    };
    let step = password::matching_step(&secret, &asked.code, now);
    Ok(found.zip(step).filter(|_| is_password))
}

/// Opens a session unless the code's step has been used, or a later one.
async fn begin_session(
    db: &DatabaseConnection,
    row: &staff::Model,
    step: i64,
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>, Error> {
    let role = Role::from_text(&row.role)
        .ok_or_else(|| anyhow::anyhow!("staff {} has an unknown role", row.id))?;
    let tx = db::begin(db).await?;
    let used = staff::Entity::update_many()
        .col_expr(staff::Column::TotpLastStep, Expr::value(step))
        .col_expr(staff::Column::Failures, Expr::value(0))
        .col_expr(staff::Column::LockedUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(staff::COLUMN.id.eq(row.id))
        .filter(staff::COLUMN.totp_last_step.lt(step))
        .exec(&tx)
        .await?;
    if used.rows_affected == 0 {
        return Ok(None);
    }
    let token = new_token();
    let expires_at = now + ABSOLUTE;
    let session = staff_sessions::Model {
        token_hash: token_hash(&token),
        staff_id: row.id,
        created_at: now,
        last_used_at: now,
        expires_at,
        revoked_at: None,
        confirmed_at: Some(now),
    };
    staff_sessions::Entity::insert(session.into_active_model()).exec_without_returning(&tx).await?;
    note(&tx, &actor(row.id), "signed_in", Some(row.id), None, now).await?;
    tx.commit().await?;
    let (id, name, division) = (row.id, row.name.clone(), row.division.clone());
    Ok(Some(SignedIn { token, expires_at, id, name, role, division }))
}

/// Counts and logs a failure. For a name that nobody has it writes as much, so that the time
/// tells nothing.
async fn note_failure(
    db: &DatabaseConnection,
    id: Option<StaffId>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    let in_window = || staff::COLUMN.locked_until.gt(now);
    let ends = now + attempts::WINDOW;
    staff::Entity::update_many()
        .col_expr(
            staff::Column::Failures,
            Expr::case(in_window(), Expr::col(staff::Column::Failures).add(1)).finally(1).into(),
        )
        .col_expr(
            staff::Column::LockedUntil,
            Expr::case(in_window(), Expr::col(staff::Column::LockedUntil)).finally(ends).into(),
        )
        .filter(staff::COLUMN.id.eq(id.unwrap_or(StaffId(Uuid::nil()))))
        .exec(&tx)
        .await?;
    note(&tx, "anonymous", "sign_in_failed", id, None, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Whose token it is, if its session is neither ended nor idle for too long, and notes the use.
pub async fn find_session(
    db: &DatabaseConnection,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<StaffCaller>, Error> {
    let found = staff_sessions::Entity::find_by_id(token_hash(token)).one(db).await?;
    let Some(session) = found.filter(|session| {
        session.revoked_at.is_none()
            && now < session.expires_at
            && now < session.last_used_at + IDLE
    }) else {
        return Ok(None);
    };
    let Some(row) = staff::Entity::find_by_id(session.staff_id)
        .filter(staff::COLUMN.status.eq(ACTIVE))
        .one(db)
        .await?
    else {
        return Ok(None);
    };
    if session.last_used_at + NOTE_USE_EVERY <= now {
        staff_sessions::Entity::update_many()
            .col_expr(staff_sessions::Column::LastUsedAt, Expr::value(now))
            .filter(staff_sessions::COLUMN.token_hash.eq(&session.token_hash))
            .exec(db)
            .await?;
    }
    let role = Role::from_text(&row.role);
    let confirmed_at = session.confirmed_at.unwrap_or(session.created_at);
    let session = session.token_hash;
    Ok(role.map(|role| StaffCaller::new(row.id, role, row.division, session, confirmed_at)))
}

/// What the caller signs in by.
pub async fn name_of(db: &impl ConnectionTrait, caller: &StaffCaller) -> Result<String, Error> {
    let row = staff::Entity::find_by_id(caller.id).one(db).await?;
    row.map(|row| row.name).ok_or(Error::Unauthenticated(Code::SessionEnded))
}

/// Ends the session that the caller came with; ending it twice is no error.
pub async fn sign_out(
    db: &DatabaseConnection,
    caller: &StaffCaller,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = db::begin(db).await?;
    staff_sessions::Entity::update_many()
        .col_expr(staff_sessions::Column::RevokedAt, Expr::value(now))
        .filter(staff_sessions::COLUMN.token_hash.eq(caller.session()))
        .filter(staff_sessions::COLUMN.revoked_at.is_null())
        .exec(&tx)
        .await?;
    note(&tx, &caller.actor(), "signed_out", Some(caller.id), None, now).await?;
    tx.commit().await?;
    Ok(())
}

/// Deletes sessions whose longest time is over; a job runs it daily.
pub async fn sweep_sessions(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    let swept = staff_sessions::Entity::delete_many()
        .filter(staff_sessions::COLUMN.expires_at.lt(now))
        .exec(db)
        .await?;
    Ok(swept.rows_affected)
}

/// How the audit chain and rows name somebody of staff.
fn actor(id: StaffId) -> String {
    format!("staff:{id}")
}

async fn note(
    tx: &DatabaseTransaction,
    actor: &str,
    act: &str,
    object: Option<StaffId>,
    after: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let object = object.map_or("staff:unknown".to_owned(), |id| format!("staff:{id}"));
    let deed = audit::Deed { actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await.map(drop)
}

#[cfg(test)]
mod tests;
