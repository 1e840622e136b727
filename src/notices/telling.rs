//! That a venue is closed is told by message to whoever was there lately: piece by piece, each in
//! one transaction with how far it came, so that nobody is told twice and nobody is left out.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::DatabaseConnection;
use uuid::Uuid;

use super::tables::{Row, execute, find, visitors};
use crate::base::{
    db,
    error::Error,
    ids::MemberId,
    keys::Keys,
    outbox::{self, Note},
};

/// What the settings know the template of these messages by.
const KIND: &str = "closure";
/// People told in one piece.
const PIECE: i64 = 200;
/// Whoever was there in this month or the one before is told.
const MONTHS: Months = Months::new(1);

/// Where the names of a notice's messages begin.
pub fn names(notice: Uuid) -> String {
    format!("closure:{notice}:")
}

/// Tells one piece of each closure that is published and not told to all; a job runs it.
pub async fn tell(db: &DatabaseConnection, keys: &Keys, now: DateTime<Utc>) -> Result<(), Error> {
    let rest = "WHERE n.kind = 'closure' AND n.told_at IS NULL AND n.withdrawn_at IS NULL \
                AND n.publish_at <= $1 ORDER BY n.publish_at LIMIT 10";
    for row in find(db, rest, vec![now.into()]).await? {
        tell_piece(db, keys, &row, now).await?;
    }
    Ok(())
}

async fn tell_piece(
    db: &DatabaseConnection,
    keys: &Keys,
    row: &Row,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let after = row.told_through.unwrap_or(Uuid::nil());
    let since = first_of_month(now).and_then(|day| day.checked_sub_months(MONTHS));
    let tx = db::begin(db).await?;
    let values = vec![row.venue_id.into(), since.into(), after.into(), PIECE.into()];
    let people = visitors(&tx, values).await?;
    let is_last = i64::try_from(people.len()).is_ok_and(|n| n < PIECE) || row.until <= now;
    let through = people.last().copied().unwrap_or(after);
    // Of two servers, or of a withdrawal meanwhile, one goes through.
    let sql = "UPDATE notices SET told_through = $2, told_at = $3 WHERE id = $1 \
               AND withdrawn_at IS NULL AND told_at IS NULL \
               AND COALESCE(told_through, $4) = $5";
    let told_at = is_last.then_some(now);
    let nobody = Uuid::nil();
    let values = vec![row.id.into(), through.into(), told_at.into(), nobody.into(), after.into()];
    if execute(&tx, sql, values).await? == 1 {
        for member in people {
            outbox::put(&tx, keys, message(row, MemberId(member), now), now).await?;
        }
        tx.commit().await?;
    }
    Ok(())
}

fn first_of_month(now: DateTime<Utc>) -> Option<NaiveDate> {
    now.with_timezone(&Shanghai).date_naive().with_day(1)
}

fn message(row: &Row, member: MemberId, now: DateTime<Utc>) -> Note {
    let from = row.publish_at.with_timezone(&Shanghai);
    Note {
        member,
        kind: KIND,
        name: format!("{}{member}", names(row.id)),
        session: None,
        page: format!("pages/notice/index?id={}", row.id),
        fields: vec![
            ("thing1", outbox::thing(row.venue.as_deref().unwrap_or_default())),
            ("time2", from.format("%Y年%-m月%-d日 %H:%M").to_string()),
            ("thing3", outbox::thing(&row.title)),
        ],
        not_before: now,
        valid_until: Some(row.until),
    }
}
