//! Other numbers in the rules of one venue or of many, from a future business day on; all else of
//! the rules in force then stays as it is.

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::DatabaseTransaction;
use serde::{Deserialize, Serialize};

use super::{
    Adoption, insert_rules, locked, object_of, require_future,
    rules::Rules,
    terms::{Terms, TermsDraft},
    world,
};
use crate::{
    base::{error::Error, ids::VenueId},
    staff::audit::{self, Deed},
};

/// What of a venue's rules is to be another; absent numbers stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Seconds.
    pub repeat_window_s: Option<i32>,
    /// Minutes.
    pub usual_stay_min: Option<i32>,
    /// Minutes.
    pub longest_stay_min: Option<i32>,
}

impl Numbers {
    /// The rules with these numbers.
    ///
    /// # Errors
    /// `Invalid` where they do not go together.
    pub fn in_place_of(self, rules: &Rules) -> Result<Rules, Error> {
        let mut rules = rules.clone();
        rules.repeat_window_s = self.repeat_window_s.unwrap_or(rules.repeat_window_s);
        rules.usual_stay_min = self.usual_stay_min.unwrap_or(rules.usual_stay_min);
        rules.longest_stay_min = self.longest_stay_min.unwrap_or(rules.longest_stay_min);
        terms(&rules)?;
        Ok(rules)
    }
}

fn terms(rules: &Rules) -> Result<Terms, Error> {
    let rules = rules.clone();
    Terms::parse(TermsDraft {
        pairing: rules.pairing,
        repeat_window_s: rules.repeat_window_s,
        usual_stay_min: rules.usual_stay_min,
        longest_stay_min: rules.longest_stay_min,
        passback: rules.passback,
        guardian_under: rules.guardian_under,
        prerequisites: rules.prerequisites,
        ways_in: rules.ways_in,
        capacity_soft: rules.capacity_soft,
        capacity: rules.capacity,
        time_zone: rules.time_zone,
        day_starts_at: rules.day_starts_at,
    })
}

/// Adopts the numbers at each venue from `valid_from` on; answers the new version of each.
///
/// # Errors
/// `NotFound` without such a venue; `Invalid` unless `valid_from` is a future business day there,
/// or where the numbers do not go with the venue's others.
pub async fn adopt_numbers(
    tx: &DatabaseTransaction,
    venues: &[VenueId],
    numbers: Numbers,
    valid_from: NaiveDate,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(VenueId, i32)>, Error> {
    let mut versions = Vec::with_capacity(venues.len());
    for id in venues {
        let current = locked(tx, *id).await?;
        require_future(&current, valid_from, now, "/valid_from")?;
        let changed = numbers.in_place_of(current.rules_on(valid_from))?;
        let version = 1 + current.rules.iter().map(|r| r.version).max().unwrap_or(0);
        let adoption = Adoption { venue: *id, version, valid_from };
        insert_rules(tx, adoption, &terms(&changed)?, by, now).await?;
        versions.push((*id, version));
    }
    world::touch(tx).await?;
    for (id, _) in &versions {
        let object = object_of(*id);
        let act = "venue_rules_adopted";
        let deed =
            Deed { actor: by, act, object: &object, before: None, after: None, reason: None };
        audit::append(tx, "places", &deed, now).await?;
    }
    Ok(versions)
}
