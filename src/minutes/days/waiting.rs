//! Which terminals a venue's days wait for, and up to when everything that happened is known.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use uuid::Uuid;

use super::{SETTLING, query};
use crate::{
    base::ids::{TerminalId, VenueId},
    venues::Venue,
};

/// When a terminal stood at a venue, and up to when everything it recorded is here.
#[derive(Clone, Debug)]
pub struct Stood {
    pub terminal: TerminalId,
    pub serial: String,
    pub from: DateTime<Utc>,
    pub until: Option<DateTime<Utc>>,
    pub watermark_at: Option<DateTime<Utc>>,
    pub lost: bool,
}

/// Every place of every terminal that is in use, by venue.
pub async fn stood<C: ConnectionTrait>(db: &C) -> Result<HashMap<VenueId, Vec<Stood>>, DbErr> {
    let rows = query(
        db,
        "SELECT p.venue_id, p.terminal_id, p.valid_from, t.serial, t.watermark_at, t.lost_at \
         FROM terminal_places p JOIN terminals t ON t.id = p.terminal_id \
         WHERE t.status <> 'revoked' ORDER BY p.terminal_id, p.valid_from DESC",
        [],
    )
    .await?;
    let mut places: HashMap<VenueId, Vec<Stood>> = HashMap::new();
    let mut later: Option<(Uuid, DateTime<Utc>)> = None;
    for row in rows {
        let terminal: Uuid = row.try_get("", "terminal_id")?;
        let from: DateTime<Utc> = row.try_get("", "valid_from")?;
        let lost: Option<DateTime<Utc>> = row.try_get("", "lost_at")?;
        let until = later.filter(|(id, _)| *id == terminal).map(|(_, at)| at);
        places.entry(VenueId(row.try_get("", "venue_id")?)).or_default().push(Stood {
            terminal: TerminalId(terminal),
            serial: row.try_get("", "serial")?,
            from,
            until,
            watermark_at: row.try_get("", "watermark_at")?,
            lost: lost.is_some(),
        });
        later = Some((terminal, from));
    }
    Ok(places)
}

/// The terminals among `places` that a venue's day waits for.
pub fn holding<'a>(venue: &Venue, day: NaiveDate, places: &'a [Stood]) -> Vec<&'a Stood> {
    let ends = venue.business_day_end(day);
    let begins = venue.business_day_end(day.pred_opt().unwrap_or(day));
    let holds = |place: &&Stood| {
        place.from < ends
            && place.until.is_none_or(|left| left > begins)
            && !place.lost
            && place.watermark_at.is_none_or(|at| at < ends + SETTLING)
    };
    places.iter().filter(holds).collect()
}

/// How far what terminals recorded is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// Everything up to here has arrived; none before each terminal has said something.
    pub at: Option<DateTime<Utc>>,
    /// Terminals that count.
    pub terminals: usize,
    /// Serials of terminals that are marked lost: what they may still hold is not waited for.
    pub lost: Vec<String>,
}

/// The watermark of the terminals that stand among `venues` now: the earliest of theirs.
pub fn watermark<'a>(places: impl Iterator<Item = &'a Stood>, now: DateTime<Utc>) -> Watermark {
    let mut mark = Watermark::default();
    let mut all_spoke = true;
    for place in places.filter(|place| place.from <= now && place.until.is_none_or(|at| at > now)) {
        if place.lost {
            mark.lost.push(place.serial.clone());
            continue;
        }
        mark.terminals += 1;
        all_spoke &= place.watermark_at.is_some();
        mark.at = mark.at.into_iter().chain(place.watermark_at).min();
    }
    if !all_spoke {
        mark.at = None;
    }
    mark.lost.sort_unstable();
    mark
}
