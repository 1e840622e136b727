//! Service hours: what doors have proven of an instructor's slots, as absolute figures a slot.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait as _, FromQueryResult,
    IntoActiveModel as _,
    sea_query::{Expr, ExprTrait as _, OnConflict},
};

use super::{
    statement,
    tables::services::{self, Column as C},
};
use crate::base::ids::{DivisionCode, InstructorId, MemberId, SlotId, VenueId};

/// What doors proved of one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub slot: SlotId,
    pub instructor: InstructorId,
    pub member: MemberId,
    pub venue: VenueId,
    pub community: DivisionCode,
    pub business_day: NaiveDate,
    pub minutes: i32,
    /// Who was seen inside during the slot.
    pub learners: i32,
}

/// Writes what is known of a slot now; what was known before is forgotten. What is known already
/// keeps its instant, by which a year's honours are worked out again.
pub async fn credit(
    tx: &DatabaseTransaction,
    service: Service,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let differs = Expr::col((services::Entity, C::Minutes)).ne(service.minutes).or(Expr::col((
        services::Entity,
        C::Learners,
    ))
    .ne(service.learners));
    let row = services::Model {
        slot_id: service.slot,
        instructor_id: service.instructor,
        member_id: service.member,
        venue_id: service.venue,
        community: service.community,
        business_day: service.business_day,
        minutes: service.minutes,
        learners: service.learners,
        settled_at: now,
        version: 1,
    };
    let anew = OnConflict::column(C::SlotId)
        .update_columns([C::Minutes, C::Learners, C::SettledAt])
        .value(C::Version, Expr::col((services::Entity, C::Version)).add(1))
        .action_and_where(differs)
        .to_owned();
    services::Entity::insert(row.into_active_model())
        .on_conflict(anew)
        .exec_without_returning(tx)
        .await
        .map(drop)
}

/// Service of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromQueryResult)]
pub struct Served {
    /// Slots in which at least one learner was seen together with the instructor.
    pub slots: i64,
    pub minutes: i64,
    /// Learners of all slots added up; who came twice counts twice.
    pub learners: i64,
}

/// Somebody's service as an instructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Serving {
    pub member: MemberId,
    pub minutes: i64,
    pub learners: i64,
}

/// Most of those served at once.
const SERVING_MAX: usize = 100;

/// Whoever served most at a division's venues on the business days from `from` to `to`, as far as it
/// was settled before `as_of`: of those who want to be seen in rankings, or of one person.
pub async fn most_served(
    db: &impl ConnectionTrait,
    division: &DivisionCode,
    (from, to): (NaiveDate, NaiveDate),
    as_of: DateTime<Utc>,
    only: Option<MemberId>,
) -> Result<Vec<Serving>, DbErr> {
    let (seen, whose) = match only {
        Some(_) => ("", "AND s.member_id = $6"),
        None => (
            "JOIN member_settings t ON t.member_id = s.member_id AND t.in_ranks \
             JOIN members m ON m.id = s.member_id AND m.status = 'active'",
            "",
        ),
    };
    let sql = format!(
        "SELECT s.member_id AS member, CAST(SUM(s.minutes) AS BIGINT) AS minutes, \
         CAST(SUM(s.learners) AS BIGINT) AS learners FROM instructor_services s {seen} \
         WHERE s.community >= $1 AND s.community <= $2 AND s.business_day >= $3 \
         AND s.business_day <= $4 AND s.settled_at < $5 AND s.minutes > 0 {whose} \
         GROUP BY s.member_id ORDER BY minutes DESC, learners DESC, s.member_id \
         LIMIT {SERVING_MAX}"
    );
    let [first, last] = division.bounds();
    let mut values = vec![first, last, from.into(), to.into(), as_of.into()];
    values.extend(only.map(|member| member.0.into()));
    Serving::find_by_statement(statement(db, &sql, values)).all(db).await
}

/// An instructor's service on the business days from `from` to `to`.
pub async fn served(
    db: &impl ConnectionTrait,
    id: InstructorId,
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Served, DbErr> {
    let sql = "SELECT CAST(COUNT(CASE WHEN minutes > 0 THEN 1 END) AS BIGINT) AS slots, \
               CAST(COALESCE(SUM(minutes), 0) AS BIGINT) AS minutes, \
               CAST(COALESCE(SUM(learners), 0) AS BIGINT) AS learners FROM instructor_services \
               WHERE instructor_id = $1 AND business_day BETWEEN $2 AND $3";
    let values = [id.0.into(), from.into(), to.into()];
    let served = Served::find_by_statement(statement(db, sql, values)).one(db).await?;
    Ok(served.unwrap_or_default())
}
