//! The tables of groups as SQL that both databases read as it stands.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::base::ids::DivisionCode;

/// A group with how many are in it.
#[derive(Clone, Debug, FromQueryResult)]
pub struct GroupRow {
    pub id: Uuid,
    pub community: DivisionCode,
    pub name: String,
    pub sport: String,
    pub about: String,
    pub state: String,
    pub created_at: DateTime<Utc>,
    pub reason: Option<String>,
    pub members: i64,
}

pub const GROUPS: &str = "SELECT g.id, g.community, g.name, g.sport, g.about, g.state, \
     g.created_at, g.reason, (SELECT COUNT(*) FROM group_members i WHERE i.group_id = g.id \
     AND i.state = 'in') AS members FROM social_groups g";

/// Somebody in a group, or who wants to be.
#[derive(Clone, Debug, FromQueryResult)]
pub struct MemberRow {
    pub member_id: Uuid,
    pub name: String,
    pub state: String,
    pub is_leader: bool,
    pub asked_at: DateTime<Utc>,
    pub joined_at: Option<DateTime<Utc>>,
}

pub const MEMBERS: &str = "SELECT i.member_id, m.name_masked AS name, i.state, i.is_leader, \
     i.asked_at, i.joined_at FROM group_members i \
     JOIN members m ON m.id = i.member_id AND m.status <> 'erased'";

/// A meet-up with the name of its venue.
#[derive(Clone, Debug, FromQueryResult)]
pub struct MeetupRow {
    pub id: Uuid,
    pub venue_id: Uuid,
    pub venue: String,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
}

pub const MEETUPS: &str = "SELECT u.id, u.venue_id, v.name AS venue, u.starts_at, \
     u.ends_at, u.cancelled_at FROM group_meetups u JOIN venues v ON v.id = u.venue_id";

/// Stays of those who were in the group when it met, which may reach into the meet-up. Members are
/// looked up by group, their stays by member and day. `$1` the group, `$2` and `$3` bound the start.
pub const REACHES: &str = "SELECT s.member_id, u.id AS meetup, u.starts_at, u.ends_at, \
     s.entered_at, s.left_at, CAST(s.minutes AS BIGINT) AS credited \
     FROM group_meetups u JOIN group_members i ON i.group_id = u.group_id \
     AND i.joined_at <= u.starts_at AND (i.left_at IS NULL OR i.left_at > u.starts_at) \
     JOIN sessions s ON s.member_id = i.member_id AND s.business_day >= u.day_before \
     AND s.business_day <= u.business_day AND s.venue_id = u.venue_id \
     WHERE u.group_id = $1 AND u.starts_at >= $2 AND u.starts_at < $3 AND u.cancelled_at IS NULL \
     AND NOT s.void AND s.credited AND s.left_at > u.starts_at AND s.entered_at < u.ends_at";

#[derive(Clone, Copy, Debug, FromQueryResult)]
pub struct ReachRow {
    pub member_id: Uuid,
    pub meetup: Uuid,
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub entered_at: DateTime<Utc>,
    pub left_at: DateTime<Utc>,
    pub credited: i64,
}

/// Somebody who looks for partners.
#[derive(Clone, Debug, FromQueryResult)]
pub struct OfferRow {
    pub id: Uuid,
    pub member_id: Uuid,
    pub name: String,
    pub sport: String,
    pub weekday: i32,
    pub hour: i32,
}

/// Offers of members who agree to be found, by their newest answer.
pub const OFFERS: &str = "SELECT o.id, o.member_id, m.name_masked AS name, o.sport, o.weekday, \
     o.hour FROM partner_offers o JOIN members m ON m.id = o.member_id AND m.status = 'active' \
     AND EXISTS (SELECT 1 FROM consents k WHERE k.member_id = o.member_id \
     AND k.purpose = 'partner_search' AND k.granted AND k.at = (SELECT MAX(l.at) \
     FROM consents l WHERE l.member_id = o.member_id AND l.purpose = 'partner_search'))";

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

#[derive(FromQueryResult)]
struct Count {
    n: i64,
}

/// The `n` of a statement that counts.
pub async fn count(db: &impl ConnectionTrait, sql: &str, values: Vec<Value>) -> Result<i64, DbErr> {
    Ok(rows::<Count>(db, sql, values).await?.first().map_or(0, |row| row.n))
}
