//! Reading instructors: one by one, by division, and the coaches that residents see.

use std::{collections::HashMap, fmt::Write as _};

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _,
    QueryOrder as _, Value,
};
use uuid::Uuid;

use super::{
    CERTIFICATES_MAX,
    rules::{Level, Status},
    statement,
    tables::{certificates as certificate_rows, specialities},
};
use crate::base::{
    error::{Code, Error},
    ids::{DivisionCode, InstructorId, MemberId, StaffId},
};

/// An instructor as staff see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructor {
    pub id: InstructorId,
    pub member: MemberId,
    pub name_masked: String,
    pub staff: Option<StaffId>,
    pub home_community: DivisionCode,
    pub status: Status,
    pub is_coach: bool,
    /// The last day on which a certificate is good; none without any.
    pub certified_until: Option<NaiveDate>,
    pub specialities: Vec<String>,
}

impl Instructor {
    /// Whether they may teach on a day.
    pub fn is_certified_on(&self, day: NaiveDate) -> bool {
        self.status == Status::Active && self.certified_until.is_some_and(|until| until >= day)
    }
}

/// A certificate on file; its number stays sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub id: Uuid,
    pub level: Level,
    pub issuer: String,
    pub issued_on: NaiveDate,
    pub expires_on: Option<NaiveDate>,
    pub revoked_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Row {
    id: InstructorId,
    member_id: MemberId,
    name_masked: String,
    staff_id: Option<StaffId>,
    home_community: DivisionCode,
    status: String,
    coach: bool,
    certified_until: Option<NaiveDate>,
}

const SELECT: &str = "SELECT i.id, i.member_id, m.name_masked, i.staff_id, i.home_community, \
     i.status, i.coach, i.certified_until FROM instructors i JOIN members m ON m.id = i.member_id";

/// One instructor, however they stand; 404 without one.
pub async fn find(db: &impl ConnectionTrait, id: InstructorId) -> Result<Instructor, Error> {
    let sql = format!("{SELECT} WHERE i.id = $1");
    let found = read(db, &sql, vec![id.0.into()]).await?.pop();
    found.ok_or(Error::NotFound(Code::NotFound))
}

/// The instructor who works with this account.
pub async fn of_staff(
    db: &impl ConnectionTrait,
    staff: StaffId,
) -> Result<Option<Instructor>, Error> {
    let sql = format!("{SELECT} WHERE i.staff_id = $1");
    Ok(read(db, &sql, vec![staff.0.into()]).await?.pop())
}

/// Which instructors are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub division: Option<DivisionCode>,
    /// Whoever works with this account.
    pub staff: Option<StaffId>,
    pub sport: Option<String>,
    /// Coaches who are active and certified on this day; everybody when absent.
    pub coaches_on: Option<NaiveDate>,
}

/// At most `rows` instructors by id, behind `after`.
pub async fn list(
    db: &impl ConnectionTrait,
    filter: &Filter,
    after: Option<InstructorId>,
    rows: u64,
) -> Result<Vec<Instructor>, Error> {
    let mut values: Vec<Value> = vec![after.map_or(Uuid::nil(), |id| id.0).into()];
    let mut sql = format!("{SELECT} WHERE i.id > $1");
    if let Some(division) = &filter.division {
        values.extend(division.bounds());
        let n = values.len();
        let _ = write!(sql, " AND i.home_community BETWEEN ${} AND ${n}", n - 1);
    }
    if let Some(staff) = filter.staff {
        values.push(staff.0.into());
        let _ = write!(sql, " AND i.staff_id = ${}", values.len());
    }
    if let Some(day) = filter.coaches_on {
        values.push(day.into());
        let n = values.len();
        let _ = write!(sql, " AND i.status = 'active' AND i.coach AND i.certified_until >= ${n}");
    }
    if let Some(sport) = &filter.sport {
        values.push(sport.clone().into());
        let _ = write!(
            sql,
            " AND EXISTS (SELECT 1 FROM instructor_specialities s \
             WHERE s.instructor_id = i.id AND s.sport = ${})",
            values.len()
        );
    }
    let _ = write!(sql, " ORDER BY i.id LIMIT {rows}");
    read(db, &sql, values).await
}

async fn read(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<Instructor>, Error> {
    let rows = Row::find_by_statement(statement(db, sql, values)).all(db).await?;
    let ids: Vec<InstructorId> = rows.iter().map(|row| row.id).collect();
    let mut taught = taught(db, &ids).await?;
    let instructor = |row: Row| {
        let status = Status::from_text(&row.status)
            .ok_or_else(|| anyhow::anyhow!("instructor {} has an unknown status", row.id))?;
        Ok(Instructor {
            id: row.id,
            member: row.member_id,
            name_masked: row.name_masked,
            staff: row.staff_id,
            home_community: row.home_community,
            status,
            is_coach: row.coach,
            certified_until: row.certified_until,
            specialities: taught.remove(&row.id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(instructor).collect()
}

async fn taught(
    db: &impl ConnectionTrait,
    ids: &[InstructorId],
) -> Result<HashMap<InstructorId, Vec<String>>, DbErr> {
    let rows = specialities::Entity::find()
        .filter(specialities::COLUMN.instructor_id.is_in(ids.iter().copied()))
        .order_by_asc(specialities::Column::Sport)
        .all(db)
        .await?;
    let mut taught: HashMap<InstructorId, Vec<String>> = HashMap::new();
    for row in rows {
        taught.entry(row.instructor_id).or_default().push(row.sport);
    }
    Ok(taught)
}

/// The certificates of an instructor, the oldest entry first; revoked ones too.
pub(super) async fn certificates(
    db: &impl ConnectionTrait,
    id: InstructorId,
) -> Result<Vec<Certificate>, DbErr> {
    use sea_orm::QuerySelect as _;
    let rows = certificate_rows::Entity::find()
        .filter(certificate_rows::COLUMN.instructor_id.eq(id))
        .order_by_asc(certificate_rows::Column::Id)
        .limit(CERTIFICATES_MAX as u64)
        .all(db)
        .await?;
    let certificate = |row: certificate_rows::Model| {
        let level = Level::from_text(&row.level)
            .ok_or_else(|| DbErr::Custom(format!("certificate {} has no level", row.id)))?;
        Ok(Certificate {
            id: row.id,
            level,
            issuer: row.issuer,
            issued_on: row.issued_on,
            expires_on: row.expires_on,
            revoked_at: row.revoked_at,
        })
    };
    rows.into_iter().map(certificate).collect()
}
