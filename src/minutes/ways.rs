//! By which way people came in: whether those without a face are served as well shows in shares.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};

use crate::base::{error::Error, ids::VenueId};

/// Entries by one way.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Way {
    /// `face`, `qr`, `card`, `code` or `manual`.
    pub method: String,
    pub entries: i64,
}

/// Entries of a venue that began a stay, by the way people came in; ways that nobody took are
/// absent.
pub async fn counted(
    db: &impl ConnectionTrait,
    venue: VenueId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Way>, Error> {
    let sql = "SELECT method, COUNT(*) AS entries FROM entry_events \
               WHERE venue_id = $1 AND occurred_at >= $2 AND occurred_at < $3 \
               AND effect = 'opened' GROUP BY method ORDER BY method";
    let values = [venue.0.into(), from.into(), to.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Way::find_by_statement(statement).all(db).await?)
}

/// The share of `entries` in `all`, in thousandths, rounded.
pub fn per_mille(entries: i64, all: i64) -> i64 {
    if all == 0 { 0 } else { (entries * 1000 + all / 2) / all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_thousandths() {
        for (entries, all, share) in [(0, 0, 0), (1, 3, 333), (2, 3, 667), (5, 5, 1000)] {
            assert_eq!(per_mille(entries, all), share);
        }
    }
}
