//! Accounts kept by staff: who works in a division, inviting somebody with a one-time code,
//! changing what they are, and ending their use at once.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr,
    EntityTrait as _, FromQueryResult, IntoActiveModel as _, QueryFilter as _, SqlErr, Statement,
    Value,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{
    ACTIVE, AddedStaff, Attempts, Function, Password, Role, StaffCaller, StaffName, as_stored,
    note, password,
    proof::end_sessions,
    tables::{staff, staff_enrolments},
    totp_url,
};
use crate::base::{
    db,
    error::{Code, Error},
    ids::{DivisionCode, StaffId},
    keys::{Keys, new_token, token_hash},
};

/// How long a code to enrol with is good.
const CODE_LIFE: TimeDelta = TimeDelta::hours(24);
/// The account has no password and no second factor yet.
const INVITED: &str = "invited";
const DISABLED: &str = "disabled";

/// An account as those who keep it see it.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Account {
    pub id: Uuid,
    pub name: String,
    pub role: String,
    pub division: String,
    /// `invited`, `active` or `disabled`.
    pub status: String,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: Option<DateTime<Utc>>,
}

const ACCOUNT: &str = "SELECT id, name, role, division, status, created_at, \
     (SELECT MAX(s.last_used_at) FROM staff_sessions s WHERE s.staff_id = staff.id) AS last_seen_at \
     FROM staff";

/// The accounts within the caller's division, by division and id, behind `after`.
pub async fn accounts(
    db: &DatabaseConnection,
    by: &StaffCaller,
    after: Option<(String, Uuid)>,
    rows: u64,
) -> Result<Vec<Account>, Error> {
    by.require(Function::ManageStaff, &by.division)?;
    let [first, last] = by.division.bounds();
    let (division, id) = after.unwrap_or((String::new(), Uuid::nil()));
    let sql = format!(
        "{ACCOUNT} WHERE division >= $1 AND division <= $2 AND (division, id) > ($3, $4) \
         ORDER BY division, id LIMIT $5"
    );
    let rows = i64::try_from(rows).unwrap_or(i64::MAX);
    let values: [Value; 5] = [first, last, division.into(), id.into(), rows.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Account::find_by_statement(statement).all(db).await?)
}

async fn account(tx: &DatabaseTransaction, id: StaffId) -> Result<Account, Error> {
    let sql = format!("{ACCOUNT} WHERE id = $1");
    let statement = Statement::from_sql_and_values(tx.get_database_backend(), sql, [id.0.into()]);
    let found = Account::find_by_statement(statement).one(tx).await?;
    found.ok_or(Error::NotFound(Code::NotFound))
}

/// Somebody who shall work here and sets their own password.
#[derive(Clone, Debug)]
pub struct Invitation {
    pub name: StaffName,
    pub role: Role,
    pub division: DivisionCode,
}

/// A code to enrol with: shown once, good once.
pub struct Enrolment {
    pub id: StaffId,
    pub code: String,
    pub expires_at: DateTime<Utc>,
}

/// Adds an account without password and second factor. Refuses (403) roles that do not rank below
/// the caller's, and (409) a taken name.
pub async fn invite(
    db: &DatabaseConnection,
    keys: &Keys,
    by: &StaffCaller,
    new: Invitation,
    now: DateTime<Utc>,
) -> Result<Enrolment, Error> {
    by.require_keeping(new.role, &new.division)?;
    let id = StaffId::new();
    let secret = password::new_code_secret();
    let row = staff::Model {
        id,
        name: new.name.as_str().to_owned(),
        password_hash: staff::PasswordHash(password::NOBODYS_HASH.to_owned()),
        totp_ct: keys.seal("staff", "totp_ct", &id.to_string(), &secret),
        role: new.role.as_str().to_owned(),
        division: new.division.clone(),
        status: INVITED.to_owned(),
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
    let enrolment = issue(&tx, by, id, now).await?;
    let state = format!("{} over {}", new.role.as_str(), new.division);
    note(&tx, &by.actor(), "staff_invited", Some(id), Some(&state), now).await?;
    tx.commit().await?;
    Ok(enrolment)
}

/// Gives an account a new code: its password and second factor are worth nothing any more, and its
/// sessions end.
pub async fn renew(
    db: &DatabaseConnection,
    by: &StaffCaller,
    id: StaffId,
    now: DateTime<Utc>,
) -> Result<Enrolment, Error> {
    let tx = db::begin(db).await?;
    kept(&tx, by, id).await?;
    set_status(&tx, id, INVITED).await?;
    end_sessions(&tx, id, None, now).await?;
    let enrolment = issue(&tx, by, id, now).await?;
    note(&tx, &by.actor(), "staff_renewed", Some(id), None, now).await?;
    tx.commit().await?;
    Ok(enrolment)
}

async fn issue(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: StaffId,
    now: DateTime<Utc>,
) -> Result<Enrolment, DbErr> {
    use staff_enrolments::{Column, Entity, Model};
    let (code, expires_at) = (new_token(), now + CODE_LIFE);
    let row =
        Model { staff_id: id, code_hash: token_hash(&code), expires_at, by_actor: by.actor() };
    let newer = OnConflict::column(Column::StaffId)
        .update_columns([Column::CodeHash, Column::ExpiresAt, Column::ByActor])
        .to_owned();
    Entity::insert(row.into_active_model()).on_conflict(newer).exec_without_returning(tx).await?;
    Ok(Enrolment { id, code, expires_at })
}

/// What somebody gave to set up their account.
pub struct Enrolling<'a> {
    pub attempts: &'a Attempts,
    pub name: String,
    pub code: String,
    pub password: Password,
    pub from: Option<IpAddr>,
}

/// Sets the password of an invited account and makes its second factor, shown once. A wrong name
/// and a wrong, used or old code are one and the same refusal (401).
pub async fn enrol(
    db: &DatabaseConnection,
    keys: &Keys,
    asked: Enrolling<'_>,
    now: DateTime<Utc>,
) -> Result<AddedStaff, Error> {
    let name = as_stored(&asked.name).replace(char::is_control, "\u{fffd}");
    let locked = |seconds| Error::TooMany(Code::SignInLocked, seconds);
    asked.attempts.count(&name, asked.from, now).map_err(locked)?;
    asked.password.check_strength(&name).map_err(|code| Error::invalid("/password", code))?;
    // Before anything is looked up: who guesses waits as long as who was invited.
    let hash = asked.password.hash().await?;
    let found = staff::Entity::find()
        .filter(staff::COLUMN.name.eq(&name))
        .filter(staff::COLUMN.status.eq(INVITED))
        .one(db)
        .await?;
    let id = found.map_or(StaffId(Uuid::nil()), |row| row.id);
    let tx = db::begin(db).await?;
    let used = staff_enrolments::Entity::delete_many()
        .filter(staff_enrolments::COLUMN.staff_id.eq(id))
        .filter(staff_enrolments::COLUMN.code_hash.eq(token_hash(&asked.code)))
        .filter(staff_enrolments::COLUMN.expires_at.gt(now))
        .exec(&tx)
        .await?;
    if used.rows_affected == 0 {
        return Err(Error::Unauthenticated(Code::EnrolmentFailed));
    }
    let secret = password::new_code_secret();
    let sealed = keys.seal("staff", "totp_ct", &id.to_string(), &secret);
    staff::Entity::update_many()
        .col_expr(staff::Column::PasswordHash, Expr::value(hash))
        .col_expr(staff::Column::TotpCt, Expr::value(sealed))
        .col_expr(staff::Column::Status, Expr::value(ACTIVE))
        .col_expr(staff::Column::Failures, Expr::value(0))
        .col_expr(staff::Column::LockedUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(staff::COLUMN.id.eq(id))
        .exec(&tx)
        .await?;
    note(&tx, &super::actor(id), "staff_enrolled", Some(id), None, now).await?;
    tx.commit().await?;
    asked.attempts.forgive(&name, asked.from);
    let totp_secret = password::base32(&secret);
    let totp_url = totp_url(&name, &totp_secret);
    Ok(AddedStaff { id, totp_secret, totp_url })
}

/// What shall be otherwise about an account.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub role: Option<Role>,
    pub division: Option<DivisionCode>,
    /// `false` ends its use and its sessions at once.
    pub is_enabled: Option<bool>,
}

/// Changes an account, at once also for sessions that run. Refuses (403) one's own, and what does
/// not rank below the caller.
pub async fn change(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: StaffId,
    change: &Change,
    now: DateTime<Utc>,
) -> Result<Account, Error> {
    let row = kept(tx, by, id).await?;
    let role = change.role.map_or_else(|| role_of(&row), Ok)?;
    let division = change.division.clone().unwrap_or_else(|| row.division.clone());
    by.require_keeping(role, &division)?;
    staff::Entity::update_many()
        .col_expr(staff::Column::Role, Expr::value(role.as_str()))
        .col_expr(staff::Column::Division, Expr::value(division.clone()))
        .filter(staff::COLUMN.id.eq(id))
        .exec(tx)
        .await?;
    match change.is_enabled {
        Some(false) => {
            set_status(tx, id, DISABLED).await?;
            staff_enrolments::Entity::delete_by_id(id).exec(tx).await?;
            end_sessions(tx, id, None, now).await?;
        }
        Some(true) if row.status == DISABLED => set_status(tx, id, ACTIVE).await?,
        Some(true) | None => {}
    }
    let after = account(tx, id).await?;
    let state = format!("{} over {}, {}", after.role, after.division, after.status);
    note(tx, &by.actor(), "staff_changed", Some(id), Some(&state), now).await?;
    Ok(after)
}

/// The account, if the caller keeps it; 404 outside their division.
async fn kept(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: StaffId,
) -> Result<staff::Model, Error> {
    let row = staff::Entity::find_by_id(id).one(tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    by.require_keeping(role_of(&row)?, &row.division)?;
    if id == by.id {
        return Err(Error::Forbidden(Code::OwnAccount));
    }
    Ok(row)
}

fn role_of(row: &staff::Model) -> Result<Role, Error> {
    let role = Role::from_text(&row.role);
    Ok(role.ok_or_else(|| anyhow::anyhow!("staff {} has an unknown role", row.id))?)
}

async fn set_status(tx: &DatabaseTransaction, id: StaffId, status: &str) -> Result<(), DbErr> {
    staff::Entity::update_many()
        .col_expr(staff::Column::Status, Expr::value(status))
        .filter(staff::COLUMN.id.eq(id))
        .exec(tx)
        .await
        .map(drop)
}

/// Deletes codes that are good for nothing any more; a job runs it daily.
pub async fn sweep_enrolments(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    staff_enrolments::Entity::delete_many()
        .filter(staff_enrolments::COLUMN.expires_at.lt(now))
        .exec(db)
        .await
        .map(drop)
}

/// What the account is here and over which division; nothing of one that nobody has.
pub async fn post_of(
    conn: &impl ConnectionTrait,
    id: StaffId,
) -> Result<Option<(Role, DivisionCode)>, Error> {
    let row = staff::Entity::find_by_id(id).one(conn).await?;
    row.map(|row| Ok((role_of(&row)?, row.division))).transpose()
}
