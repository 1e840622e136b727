//! Past minutes of a platform that was taken over: ledger rows with the cause `carried_over`,
//! outside the fold. They count as minutes and add neither visits nor people.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseTransaction;

use super::{
    posting::Posting,
    timeline::{Provenance, Venues},
};
use crate::{
    base::{
        db::bulk,
        error::{Code, Error},
        ids::VenueId,
        keys::Keys,
    },
    members::PastMinutes,
    venues::{self, Venue},
};

struct Known(HashMap<VenueId, Venue>);

impl Venues for Known {
    fn venue(&self, id: VenueId) -> Option<&Venue> {
        self.0.get(&id)
    }
}

/// Enters past minutes in the import's own transaction; answers the rows that it cannot take.
/// How the old platform measured is not known, so they are entered as estimated.
pub async fn carry_over(
    tx: &DatabaseTransaction,
    keys: &Keys,
    rows: &[PastMinutes],
    now: DateTime<Utc>,
) -> Result<Vec<(usize, Code)>, Error> {
    let wanted: BTreeSet<VenueId> = rows.iter().map(|past| past.venue).collect();
    let mut known = Known(HashMap::new());
    for id in wanted {
        if let Some(venue) = venues::load(tx, id).await? {
            known.0.insert(id, venue);
        }
    }
    let mut refused = Vec::new();
    let mut posting = Posting::new(keys, &known, now, "carried_over");
    for past in rows {
        match known.venue(past.venue) {
            Some(venue) if past.day > venue.business_day(now) => {
                refused.push((past.row, Code::BadTime));
            }
            Some(venue) => {
                posting.carry_over(
                    past.member,
                    venue,
                    past.day,
                    past.minutes,
                    Provenance::Estimated,
                );
            }
            None => refused.push((past.row, Code::UnknownVenue)),
        }
    }
    if refused.is_empty() {
        let writes = posting.finish(tx).await?;
        bulk::write_all(tx, writes).await?;
    }
    Ok(refused)
}
