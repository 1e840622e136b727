//! How full places are, and usually are: for people who choose where to go.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement};
use uuid::Uuid;

use crate::base::{
    db::bulk::{self, Kind, Lookup},
    ids::VenueId,
};

/// Weeks of which the usual is the mean.
const WEEKS: u64 = 8;

const INSIDE: Lookup = Lookup {
    select: "s.venue_id AS venue_id, count(*) AS inside",
    from: "sessions s",
    on: "s.venue_id = q.k1 AND s.left_at IS NULL AND NOT s.void AND s.presence_expires_at >= q.k2 \
         GROUP BY s.venue_id",
    keys: &[Kind::Uuid, Kind::Instant],
    lock: None,
};

/// People inside each venue now; venues that are empty are absent.
pub async fn inside(
    db: &impl ConnectionTrait,
    venues: &[VenueId],
    now: DateTime<Utc>,
) -> Result<HashMap<VenueId, i64>, DbErr> {
    let keys = venues.iter().map(|venue| vec![venue.0.into(), now.into()]).collect();
    let rows = bulk::find(db, &INSIDE, keys).await?;
    rows.iter()
        .map(|row| Ok((VenueId(row.try_get("", "venue_id")?), row.try_get("", "inside")?)))
        .collect()
}

#[derive(FromQueryResult)]
struct Hour {
    hour: i16,
    visits: i64,
}

/// Mean visits by hour of a venue on the weekday of `day`, over the weeks before it in which the
/// venue had any; hours without visits are absent.
pub async fn usual_visits(
    db: &impl ConnectionTrait,
    venue: VenueId,
    day: NaiveDate,
) -> Result<Vec<(u8, f64)>, DbErr> {
    let days: Vec<NaiveDate> =
        (1..=WEEKS).filter_map(|n| day.checked_sub_days(Days::new(7 * n))).collect();
    let marks: Vec<String> = (2..2 + days.len()).map(|n| format!("${n}")).collect();
    let marks = marks.join(", ");
    let mut values = vec![venue.0.into()];
    values.extend(days.into_iter().map(sea_orm::Value::from));
    let backend = db.get_database_backend();
    let counted = format!(
        "SELECT COUNT(DISTINCT business_day) AS days FROM venue_days \
         WHERE venue_id = $1 AND visits > 0 AND business_day IN ({marks})"
    );
    let row =
        db.query_one_raw(Statement::from_sql_and_values(backend, &counted, values.clone())).await?;
    let weeks: i64 = row.map_or(Ok(0), |row| row.try_get("", "days"))?;
    if weeks == 0 {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT hour, CAST(SUM(visits) AS BIGINT) AS visits FROM venue_day_hours \
         WHERE venue_id = $1 AND business_day IN ({marks}) GROUP BY hour ORDER BY hour"
    );
    let rows = Hour::find_by_statement(Statement::from_sql_and_values(backend, &sql, values))
        .all(db)
        .await?;
    #[expect(clippy::cast_precision_loss, reason = "visits of eight days are few")]
    let mean = |visits: i64| (visits as f64 / weeks as f64 * 10.0).round() / 10.0;
    let usual = rows.into_iter().filter(|row| row.visits > 0);
    Ok(usual.map(|row| (u8::try_from(row.hour).unwrap_or_default(), mean(row.visits))).collect())
}

/// Where a member is now, if anywhere, and until when that holds.
pub async fn place_of(
    db: &impl ConnectionTrait,
    member: crate::base::ids::MemberId,
    now: DateTime<Utc>,
) -> Result<Option<(VenueId, DateTime<Utc>)>, DbErr> {
    let sql = "SELECT venue_id, presence_expires_at FROM sessions WHERE member_id = $1 \
               AND left_at IS NULL AND NOT void AND presence_expires_at >= $2";
    let values = [member.0.into(), now.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let row = db.query_one_raw(statement).await?;
    row.map(|row| {
        let venue: Uuid = row.try_get("", "venue_id")?;
        Ok((VenueId(venue), row.try_get("", "presence_expires_at")?))
    })
    .transpose()
}
