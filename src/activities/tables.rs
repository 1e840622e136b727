//! The tables of activities as SQL that both databases read as it stands.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::base::ids::DivisionCode;

/// An activity with the name of its venue.
#[derive(Clone, Debug, FromQueryResult)]
pub struct ActivityRow {
    pub id: Uuid,
    pub division: DivisionCode,
    pub venue_id: Option<Uuid>,
    pub venue: Option<String>,
    pub kind: String,
    pub title: String,
    pub about: String,
    pub place: Option<String>,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub sign_up_until: DateTime<Utc>,
    pub capacity: i32,
    pub taken: i32,
    pub waiting: i32,
    pub signed: i32,
    pub age_min: Option<i32>,
    pub age_max: Option<i32>,
    pub team_min: Option<i32>,
    pub team_max: Option<i32>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub cancelled_reason: Option<String>,
    pub held_at: Option<DateTime<Utc>>,
}

pub const ACTIVITIES: &str = "SELECT a.id, a.division, a.venue_id, v.name AS venue, a.kind, \
     a.title, a.about, a.place, a.starts_at, a.ends_at, a.sign_up_until, a.capacity, \
     a.taken, a.waiting, a.signed, a.age_min, a.age_max, a.team_min, a.team_max, a.cancelled_at, \
     a.cancelled_reason, a.held_at FROM activities a LEFT JOIN venues v ON v.id = a.venue_id";

/// Somebody who signed up.
#[derive(Clone, Debug, FromQueryResult)]
pub struct SignUpRow {
    pub id: Uuid,
    pub activity_id: Uuid,
    pub member_id: Uuid,
    pub name: String,
    pub team_id: Option<Uuid>,
    pub team: Option<i32>,
    pub role: String,
    pub state: String,
    pub n: i32,
    pub offered_until: Option<DateTime<Utc>>,
    pub attended_at: Option<DateTime<Utc>>,
    pub attended_by: Option<String>,
    pub place: Option<i32>,
    pub result: Option<String>,
}

pub const SIGN_UPS: &str = "SELECT u.id, u.activity_id, u.member_id, \
     CASE WHEN m.status = 'erased' THEN '*' ELSE m.name_masked END AS name, u.team_id, \
     t.n AS team, u.role, u.state, u.n, u.offered_until, u.attended_at, u.attended_by, u.place, u.result \
     FROM activity_sign_ups u JOIN members m ON m.id = u.member_id \
     LEFT JOIN activity_teams t ON t.id = u.team_id";

#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct SeenAtDoor {
    pub id: Uuid,
    pub at: DateTime<Utc>,
}

/// Those with a place who were seen at the doors of the venue while it went on: activities that
/// ended lately or go on (`$1`, `$2`), their sign-ups, and stays by member and day.
pub const SEEN_AT_DOORS: &str = "SELECT u.id AS id, MIN(s.entered_at) AS at FROM activities a \
     JOIN activity_sign_ups u ON u.activity_id = a.id AND u.state = 'in' \
     AND u.attended_at IS NULL JOIN sessions s ON s.member_id = u.member_id \
     AND s.business_day >= a.first_day AND s.business_day <= a.last_day \
     AND s.venue_id = a.venue_id WHERE a.ends_at > $1 AND a.starts_at <= $2 \
     AND a.cancelled_at IS NULL AND NOT s.void AND s.entered_at < a.ends_at \
     AND (s.left_at IS NULL OR s.left_at > a.starts_at) GROUP BY u.id LIMIT 200";

/// The rows of a statement.
pub async fn rows<T: FromQueryResult>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<T>, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    T::find_by_statement(statement).all(db).await
}

/// How many rows a statement changed.
pub async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(db.execute_raw(statement).await?.rows_affected())
}
