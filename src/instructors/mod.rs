//! Sports instructors (体育指导员): who is certified, at which level and until when, what they teach,
//! where they are at home, and the service that doors have proven. What coaches among them offer
//! is booked one domain above.

mod reading;
mod routes;
mod rules;
mod services;
mod tables;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, SqlErr, Statement, Value, sea_query::Expr,
};
use uuid::Uuid;

pub use reading::{Certificate, Filter, Instructor, find, list, of_staff};
pub use routes::routes;
pub use rules::{Level, Status, Stretch, served_minutes};
pub use services::{Service, Serving, credit, most_served};
use tables::{certificates, instructors, services as served_slots, specialities};

use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, InstructorId, MemberId, StaffId},
        keys::Keys,
    },
    members,
    staff::{
        self, Function, Role, StaffCaller,
        audit::{self, Deed},
    },
    venues::terms::{Kind, Name},
};

/// The audit chain of everything here.
const CHAIN: &str = "instructors";
/// What one person teaches at most.
pub const SPECIALITIES_MAX: usize = 10;
const CERTIFICATES_MAX: usize = 20;
const TABLE: &str = "instructor_certificates";

/// A resident who is to be an instructor.
#[derive(Clone, Debug)]
pub struct NewInstructor {
    pub member: MemberId,
    pub home_community: DivisionCode,
    pub specialities: Vec<Kind>,
    pub is_coach: bool,
    /// The account with which they publish slots themselves.
    pub staff: Option<StaffId>,
}

/// Registers a resident as an instructor. Refuses (404) residents and communities elsewhere, (422)
/// whose name is not verified, and (409) who is one already.
pub async fn register(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    new: NewInstructor,
    now: DateTime<Utc>,
) -> Result<InstructorId, Error> {
    by.require(Function::ManageInstructors, &new.home_community)?;
    if !new.home_community.is_community() {
        return Err(Error::invalid("/home_community", Code::NotACommunity));
    }
    let people = members::facts_for(tx, keys, &[new.member]).await?;
    let person = people.get(&new.member).filter(|one| one.status == members::Status::Active);
    let person = person.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::SeeMembers, &person.home_community)?;
    if !person.is_verified() {
        return Err(Error::invalid("/member_id", Code::MemberNotVerified));
    }
    require_account(tx, by, new.staff).await?;
    let id = InstructorId::new();
    let row = instructors::Model {
        id,
        member_id: new.member,
        staff_id: new.staff,
        home_community: new.home_community,
        status: Status::Active.as_str().to_owned(),
        coach: new.is_coach,
        certified_until: None,
        created_at: now,
        created_by: by.actor(),
    };
    let insert = instructors::Entity::insert(row.into_active_model());
    insert.exec_without_returning(tx).await.map_err(taken)?;
    teach(tx, id, &new.specialities).await?;
    note(tx, by, "instructor_registered", id, None, now).await?;
    Ok(id)
}

/// What of an instructor is to be different; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub status: Option<Status>,
    pub home_community: Option<DivisionCode>,
    pub specialities: Option<Vec<Kind>>,
    pub is_coach: Option<bool>,
    pub staff: Option<StaffId>,
}

/// Changes an instructor. Refuses (404) one elsewhere, and (409) an account that is another's.
pub async fn change(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    id: InstructorId,
    change: Change,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    required(tx, by, id).await?;
    let mut update = instructors::Entity::update_many().filter(instructors::COLUMN.id.eq(id));
    // A row is always written, so that a change of nothing is no error either.
    update = update.col_expr(instructors::Column::Id, Expr::value(id));
    if let Some(status) = change.status {
        update = update.col_expr(instructors::Column::Status, Expr::value(status.as_str()));
    }
    if let Some(home) = change.home_community {
        if !home.is_community() {
            return Err(Error::invalid("/home_community", Code::NotACommunity));
        }
        by.require(Function::ManageInstructors, &home)?;
        update = update.col_expr(instructors::Column::HomeCommunity, Expr::value(home));
    }
    if let Some(is_coach) = change.is_coach {
        update = update.col_expr(instructors::Column::Coach, Expr::value(is_coach));
    }
    if let Some(staff) = change.staff {
        require_account(tx, by, Some(staff)).await?;
        update = update.col_expr(instructors::Column::StaffId, Expr::value(staff));
    }
    update.exec(tx).await.map_err(taken)?;
    if let Some(sports) = change.specialities {
        teach(tx, id, &sports).await?;
    }
    note(tx, by, "instructor_changed", id, change.status.map(Status::as_str), now).await
}

/// An account with which somebody is to publish slots is an instructor's, within the caller's
/// division.
async fn require_account(
    tx: &impl ConnectionTrait,
    by: &StaffCaller,
    account: Option<StaffId>,
) -> Result<(), Error> {
    let Some(id) = account else { return Ok(()) };
    let known = staff::post_of(tx, id).await?;
    let fits = known.is_some_and(|(role, at)| role == Role::Instructor && by.division.covers(&at));
    if fits { Ok(()) } else { Err(Error::invalid("/account_id", Code::InvalidValue)) }
}

fn taken(error: DbErr) -> Error {
    match error.sql_err() {
        Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(Code::InstructorExists),
        _ => error.into(),
    }
}

async fn teach(tx: &DatabaseTransaction, id: InstructorId, sports: &[Kind]) -> Result<(), DbErr> {
    specialities::Entity::delete_many()
        .filter(specialities::COLUMN.instructor_id.eq(id))
        .exec(tx)
        .await?;
    let mut sports: Vec<String> = sports.iter().map(|sport| sport.clone().into_string()).collect();
    sports.sort();
    sports.dedup();
    let rows: Vec<_> = sports
        .into_iter()
        .map(|sport| specialities::Model { instructor_id: id, sport }.into_active_model())
        .collect();
    if !rows.is_empty() {
        specialities::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    Ok(())
}

/// A certificate that is to be entered.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    pub level: Level,
    pub issuer: Name,
    /// As printed on it; sealed.
    pub number: Name,
    pub issued_on: NaiveDate,
    pub expires_on: Option<NaiveDate>,
}

/// Enters a certificate that somebody of the staff has seen.
pub async fn certify(
    tx: &DatabaseTransaction,
    keys: &Keys,
    by: &StaffCaller,
    id: InstructorId,
    new: NewCertificate,
    now: DateTime<Utc>,
) -> Result<Uuid, Error> {
    let instructor = required(tx, by, id).await?;
    if new.expires_on.is_some_and(|until| until < new.issued_on) {
        return Err(Error::invalid("/expires_on", Code::BadTime));
    }
    if reading::certificates(tx, id).await?.len() >= CERTIFICATES_MAX {
        return Err(Error::invalid("", Code::TooManyItems));
    }
    let certificate = Uuid::now_v7();
    let number = new.number.into_string();
    let row = certificates::Model {
        id: certificate,
        instructor_id: id,
        member_id: instructor.member_id,
        level: new.level.as_str().to_owned(),
        issuer: new.issuer.into_string(),
        number_ct: keys.seal(TABLE, "number_ct", &certificate.to_string(), number.as_bytes()),
        issued_on: new.issued_on,
        expires_on: new.expires_on,
        revoked_at: None,
        by_actor: by.actor(),
    };
    certificates::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    count_certificates(tx, id).await?;
    note(tx, by, "instructor_certified", id, Some(new.level.as_str()), now).await?;
    Ok(certificate)
}

/// Takes a certificate back; it stays on file. Twice is no error.
pub async fn revoke(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    (id, certificate): (InstructorId, Uuid),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    required(tx, by, id).await?;
    let known = reading::certificates(tx, id).await?.into_iter().find(|one| one.id == certificate);
    if known.ok_or(Error::NotFound(Code::NotFound))?.revoked_at.is_some() {
        return Ok(());
    }
    certificates::Entity::update_many()
        .col_expr(certificates::Column::RevokedAt, Expr::value(now))
        .filter(certificates::COLUMN.id.eq(certificate))
        .exec(tx)
        .await?;
    count_certificates(tx, id).await?;
    note(tx, by, "certificate_revoked", id, None, now).await
}

/// Keeps the day until which somebody is certified beside them, so that it is found by an index.
async fn count_certificates(tx: &DatabaseTransaction, id: InstructorId) -> Result<(), DbErr> {
    let good = reading::certificates(tx, id).await?;
    let good = good.iter().filter(|one| one.revoked_at.is_none());
    let expiries: Vec<Option<NaiveDate>> = good.map(|one| one.expires_on).collect();
    instructors::Entity::update_many()
        .col_expr(
            instructors::Column::CertifiedUntil,
            Expr::value(rules::certified_until(&expiries)),
        )
        .filter(instructors::COLUMN.id.eq(id))
        .exec(tx)
        .await
        .map(drop)
}

/// The instructor, if the caller manages those of the home community.
async fn required(
    tx: &impl ConnectionTrait,
    by: &StaffCaller,
    id: InstructorId,
) -> Result<instructors::Model, Error> {
    let row = instructors::Entity::find_by_id(id).one(tx).await?;
    let row = row.ok_or(Error::NotFound(Code::NotFound))?;
    by.require(Function::ManageInstructors, &row.home_community)?;
    Ok(row)
}

/// Active instructors of a division who hold a certificate on `day`.
pub async fn count_active(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    day: NaiveDate,
) -> Result<i64, DbErr> {
    let [first, last] = division.bounds();
    let sql = "SELECT CAST(COUNT(*) AS BIGINT) AS n FROM instructors \
               WHERE status = 'active' AND home_community BETWEEN $1 AND $2 \
               AND certified_until >= $3";
    let row = db.query_one_raw(statement(db, sql, [first, last, day.into()])).await?;
    row.map_or(Ok(0), |row| row.try_get("", "n"))
}

/// Nothing that tells of a forgotten member is left but the sums of what they served.
pub async fn erase(tx: &DatabaseTransaction, member: MemberId) -> Result<(), DbErr> {
    let found = instructors::Entity::find().filter(instructors::COLUMN.member_id.eq(member));
    let Some(row) = found.one(tx).await? else { return Ok(()) };
    certificates::Entity::delete_many()
        .filter(certificates::COLUMN.instructor_id.eq(row.id))
        .exec(tx)
        .await?;
    teach(tx, row.id, &[]).await?;
    instructors::Entity::update_many()
        .col_expr(instructors::Column::Status, Expr::value(Status::Retired.as_str()))
        .col_expr(instructors::Column::StaffId, Expr::value(None::<StaffId>))
        .col_expr(instructors::Column::CertifiedUntil, Expr::value(None::<NaiveDate>))
        .filter(instructors::COLUMN.id.eq(row.id))
        .exec(tx)
        .await
        .map(drop)
}

/// Who was registered twice stays an instructor; where both were, the one that is kept is.
pub async fn join(
    tx: &DatabaseTransaction,
    (kept, gone): (MemberId, MemberId),
) -> Result<(), DbErr> {
    let own = instructors::Entity::find().filter(instructors::COLUMN.member_id.eq(kept));
    if own.one(tx).await?.is_some() {
        return Ok(());
    }
    instructors::Entity::update_many()
        .col_expr(instructors::Column::MemberId, Expr::value(kept))
        .filter(instructors::COLUMN.member_id.eq(gone))
        .exec(tx)
        .await?;
    certificates::Entity::update_many()
        .col_expr(certificates::Column::MemberId, Expr::value(kept))
        .filter(certificates::COLUMN.member_id.eq(gone))
        .exec(tx)
        .await?;
    served_slots::Entity::update_many()
        .col_expr(served_slots::Column::MemberId, Expr::value(kept))
        .filter(served_slots::COLUMN.member_id.eq(gone))
        .exec(tx)
        .await
        .map(drop)
}

async fn note(
    tx: &DatabaseTransaction,
    by: &StaffCaller,
    act: &str,
    id: InstructorId,
    after: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (actor, object) = (by.actor(), format!("instructor:{id}"));
    let deed = Deed { actor: &actor, act, object: &object, before: None, after, reason: None };
    audit::append(tx, CHAIN, &deed, now).await?;
    Ok(())
}

fn statement(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
