//! How many stays members had at venues on days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::base::{
    db::bulk::{self, Kind, Lookup},
    ids::{MemberId, VenueId},
};

/// A member's stays at a venue on a day are counted together.
pub type Stay = (Uuid, NaiveDate, Uuid);

/// How many stays members had at venues on days before a posting, as far as somebody asked.
#[derive(Default)]
pub struct Stays(pub(super) BTreeMap<Stay, i64>);

impl Stays {
    /// What somebody knows of one member.
    pub fn told(member: MemberId, day: NaiveDate, venue: VenueId, stays: i64) -> Self {
        Self(BTreeMap::from([((member.0, day, venue.0), stays)]))
    }

    /// Takes over a row that counts them already.
    pub fn learn(&mut self, row: &QueryResult) -> Result<(), DbErr> {
        let key: Stay = (
            row.try_get("", "member_id")?,
            row.try_get("", "stay_day")?,
            row.try_get("", "stay_venue")?,
        );
        self.0.insert(key, row.try_get("", "stays")?);
        Ok(())
    }

    /// The keys of [`STAYS`].
    fn keys(&self) -> Vec<Vec<Value>> {
        self.0.keys().map(|(m, d, v)| vec![(*m).into(), (*d).into(), (*v).into()]).collect()
    }

    /// Counts what [`STAYS`] found.
    fn count(&mut self, rows: &[QueryResult]) -> Result<(), DbErr> {
        for row in rows {
            let key: Stay = (
                row.try_get("", "member_id")?,
                row.try_get("", "stay_day")?,
                row.try_get("", "stay_venue")?,
            );
            *self.0.entry(key).or_default() += 1;
        }
        Ok(())
    }

    /// The same, and of `wanted` what nobody had asked for.
    pub async fn with<C: ConnectionTrait>(
        mut self,
        tx: &C,
        wanted: impl Iterator<Item = &Stay>,
    ) -> Result<Self, DbErr> {
        let missing = wanted.filter(|stay| !self.0.contains_key(*stay));
        let mut missing = Self(missing.map(|stay| (*stay, 0)).collect());
        missing.count(&bulk::find(tx, &STAYS, missing.keys()).await?)?;
        self.0.extend(missing.0);
        Ok(self)
    }
}

const STAYS: Lookup = Lookup {
    select: "s.member_id AS member_id, s.business_day AS stay_day, s.venue_id AS stay_venue",
    from: "sessions s",
    // Never by the index of venues: all others who came that day stand there too.
    on: "s.member_id = q.k1 AND s.business_day = q.k2 AND (s.venue_id = q.k3) IS TRUE \
         AND NOT s.void",
    keys: &[Kind::Uuid, Kind::Day, Kind::Uuid],
    lock: None,
};
