//! Whether the watermark in a report's head still stands: everything that terminals recorded up to
//! it was said to be in the figures, so no record from before it may have come since.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr};

use super::{
    places::{self, Places, statement, venue_id},
    standing,
    table::{Head, instant},
};
use crate::base::error::Error;

/// What is to be said about a watermark, one line each.
pub async fn check(
    tx: &DatabaseTransaction,
    head: &Head,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let (places, _) = places::load(tx, &head.ask).await?;
    let mut lines = match head.watermark {
        None => vec!["watermark: the file has none, some terminal had never said anything".into()],
        Some(mark) => told(mark, &came_later(tx, head, mark, &places).await?),
    };
    let (state, today) = standing(tx, &head.ask, now).await?;
    for serial in &head.lost {
        let stands = if today.lost.contains(serial) { "is still lost" } else { "has come back" };
        lines.push(format!("watermark: terminal {serial}, which was lost then, {stands}"));
    }
    let at = today.at.map_or_else(|| "none".to_owned(), instant);
    lines.push(format!("watermark: of these days it is {at} now, and they are {}", state.as_str()));
    Ok(lines)
}

fn told(mark: DateTime<Utc>, later: &BTreeMap<String, i64>) -> Vec<String> {
    let mark = instant(mark);
    if later.is_empty() {
        return vec![format!("watermark: {mark} still stands, nothing from before it came later")];
    }
    let told = |(serial, records): (&String, &i64)| {
        format!(
            "watermark: {mark} stands no longer, of terminal {serial} came later: {records} records"
        )
    };
    later.iter().map(told).collect()
}

/// Records of the report's days from before its watermark that came after it was made, by
/// terminal.
async fn came_later(
    tx: &DatabaseTransaction,
    head: &Head,
    mark: DateTime<Utc>,
    places: &Places,
) -> Result<BTreeMap<String, i64>, DbErr> {
    let ask = &head.ask;
    let [first, last] = ask.division.bounds();
    // A business day may begin up to half a day and lie up to a zone's offset from its date.
    let from = (ask.from - Days::new(1)).and_time(NaiveTime::MIN).and_utc();
    let to = (ask.to + Days::new(3)).and_time(NaiveTime::MIN).and_utc().min(mark);
    let sql = "SELECT e.venue_id, e.occurred_at, e.serial FROM venues v \
               JOIN entry_events e ON e.venue_id = v.id \
               WHERE v.community BETWEEN $1 AND $2 AND e.occurred_at >= $3 \
               AND e.occurred_at <= $4 AND e.received_at > $5";
    let values = [first, last, from.into(), to.into(), head.as_of.into()];
    let mut later = BTreeMap::new();
    for row in tx.query_all_raw(statement(tx, sql, values)).await? {
        let Some(venue) = places.venues.get(&venue_id(&row)?) else { continue };
        let day = venue.business_day(row.try_get("", "occurred_at")?);
        if (ask.from..=ask.to).contains(&day) {
            *later.entry(row.try_get("", "serial")?).or_default() += 1;
        }
    }
    Ok(later)
}
