//! By which ways people came in on a day, counted when the day becomes final and again when it is
//! restated: reports of a year need not read a year's entries.

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr};

use super::{execute, query};
use crate::venues::Venue;

/// Writes the ways of a venue's day; `again` if they may have been written before.
pub(super) async fn count<C: ConnectionTrait>(
    tx: &C,
    venue: &Venue,
    day: NaiveDate,
    again: bool,
) -> Result<(), DbErr> {
    let key = || [venue.id.0.into(), day.into()];
    if again {
        let sql = "DELETE FROM venue_day_ways WHERE venue_id = $1 AND business_day = $2";
        execute(tx, sql, key()).await?;
    }
    for (method, entries) in counted(tx, venue, day).await? {
        let [id, day] = key();
        let sql = "INSERT INTO venue_day_ways (venue_id, business_day, method, entries) \
                   VALUES ($1, $2, $3, $4)";
        execute(tx, sql, [id, day, method.into(), entries.into()]).await?;
    }
    Ok(())
}

/// Entries of a venue's day that began a stay, by the way people came in, counted from the events
/// themselves.
pub async fn counted<C: ConnectionTrait>(
    db: &C,
    venue: &Venue,
    day: NaiveDate,
) -> Result<Vec<(String, i64)>, DbErr> {
    let begins = venue.business_day_end(day.pred_opt().unwrap_or(day));
    let ends = venue.business_day_end(day);
    let sql = "SELECT method, COUNT(*) AS entries FROM entry_events \
               WHERE venue_id = $1 AND occurred_at >= $2 AND occurred_at < $3 \
               AND effect = 'opened' GROUP BY method ORDER BY method";
    let rows = query(db, sql, [venue.id.0.into(), begins.into(), ends.into()]).await?;
    rows.iter().map(|row| Ok((row.try_get("", "method")?, row.try_get("", "entries")?))).collect()
}
