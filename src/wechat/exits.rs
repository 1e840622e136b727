//! Asks people whose exit is missing when they left: once a stay, through the outbox.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::{DatabaseConnection, FromQueryResult, Statement};
use uuid::Uuid;

use crate::base::{
    error::Error,
    ids::MemberId,
    keys::Keys,
    outbox::{self, Note},
};

/// What the settings know the template of these messages by.
const KIND: &str = "left";
/// A stay that ended by estimate so long ago is not asked about any more.
const ASKED_WITHIN: TimeDelta = TimeDelta::hours(24);

/// A stay that was ended by its limit: nobody saw the person leave.
#[derive(FromQueryResult)]
struct Unseen {
    id: Uuid,
    member_id: Uuid,
    venue: String,
    entered_at: DateTime<Utc>,
}

const UNSEEN: &str = "SELECT s.id AS id, s.member_id AS member_id, v.name AS venue, \
     s.entered_at AS entered_at FROM sessions s JOIN venues v ON v.id = s.venue_id \
     JOIN wechat_accounts a ON a.member_id = s.member_id \
     WHERE s.ended_by = 'limit' AND NOT s.void AND s.credited AND s.presence_expires_at > $1 \
     AND NOT EXISTS (SELECT 1 FROM wechat_messages m WHERE m.session_id = s.id) \
     ORDER BY s.presence_expires_at LIMIT 200";

/// Asks everybody whose exit is missing when they left; once a stay.
pub async fn note_missing_exits(
    db: &DatabaseConnection,
    keys: &Keys,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let since = now - ASKED_WITHIN;
    let statement =
        Statement::from_sql_and_values(db.get_database_backend(), UNSEEN, [since.into()]);
    let unseen = Unseen::find_by_statement(statement).all(db).await?;
    for stay in &unseen {
        outbox::put(db, keys, question(stay, now), now).await?;
    }
    Ok(unseen.len())
}

fn question(stay: &Unseen, now: DateTime<Utc>) -> Note {
    let entered = stay.entered_at.with_timezone(&Shanghai);
    Note {
        member: MemberId(stay.member_id),
        kind: KIND,
        name: format!("left:{}", stay.id),
        session: Some(stay.id),
        page: format!("pages/left/index?session={}", stay.id),
        fields: vec![
            ("thing1", outbox::thing(&stay.venue)),
            ("time2", entered.format("%Y年%-m月%-d日 %H:%M").to_string()),
            ("thing3", "没有离场记录，请补填离场时间".to_owned()),
        ],
        not_before: now,
        valid_until: None,
    }
}
