//! The tables of places, and how their rows become what `rules` judges by. Rows of rules, hours
//! and exceptions are only ever added.

use chrono_tz::Tz;

use super::rules::{Closure, Exception, Hours, Pairing, Passback, Rules, VenueStatus, WAYS_IN};

pub mod division {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "divisions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub code: String,
        pub name: String,
        pub level: String,
        pub resident_population: Option<i64>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{DivisionCode, VenueId};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "venues")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: VenueId,
        pub community: DivisionCode,
        pub name: String,
        pub kind: String,
        pub area_m2: Option<i32>,
        pub lat: Option<f64>,
        pub lng: Option<f64>,
        /// `wgs84` or `gcj02`: the two differ by hundreds of metres in China.
        pub coordinates: String,
        pub status: String,
        pub created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_rules {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::VenueId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_rules")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: VenueId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub valid_from: Date,
        pub pairing: String,
        pub repeat_window_s: i32,
        pub usual_stay_min: i32,
        pub longest_stay_min: i32,
        pub passback: String,
        pub guardian_under: Option<i32>,
        /// A JSON array of codes.
        pub prerequisites: String,
        pub capacity_soft: Option<i32>,
        pub capacity: Option<i32>,
        pub time_zone: String,
        pub day_starts_at: i32,
        pub adopted_by: String,
        pub adopted_at: DateTimeUtc,
        /// A JSON array of methods; null in versions that take every way.
        pub ways_in: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_hours {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::VenueId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_hours")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: VenueId,
        /// 1 is Monday.
        #[sea_orm(primary_key, auto_increment = false)]
        pub weekday: i16,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub valid_from: Date,
        pub opens: Option<i32>,
        pub closes: Option<i32>,
        pub reason: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_exception {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::VenueId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_exceptions")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: VenueId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: Date,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub valid_from: Date,
        pub opens: Option<i32>,
        pub closes: Option<i32>,
        pub reason: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod venue_closure {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{VenueId, ZoneId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_closures")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub venue_id: VenueId,
        /// Null closes the whole venue.
        pub zone_id: Option<ZoneId>,
        /// What it is for, such as `ticket:<id>`.
        pub cause: String,
        pub closed_at: DateTimeUtc,
        pub closed_by: String,
        pub opened_at: Option<DateTimeUtc>,
        pub opened_by: Option<String>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The row that live entries of a capacity-limited venue lock.
pub mod venue_gate {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::VenueId;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "venue_gates")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub venue_id: VenueId,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod zone {
    use sea_orm::entity::prelude::*;

    use crate::base::ids::{VenueId, ZoneId};

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "zones")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ZoneId,
        pub venue_id: VenueId,
        pub kind: String,
        pub name: String,
        pub area_m2: Option<i32>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The text of a venue that takes entries.
pub const OPEN: &str = "open";
/// The text of a venue that is no more.
pub const RETIRED: &str = "retired";

pub fn pairing_text(pairing: Pairing) -> &'static str {
    match pairing {
        Pairing::InAndOut => "in_and_out",
        Pairing::Toggle => "toggle",
        Pairing::EntryOnly => "entry_only",
    }
}

pub fn passback_text(passback: Passback) -> &'static str {
    match passback {
        Passback::Allowed => "allowed",
        Passback::Forbidden => "forbidden",
    }
}

/// A row holds what no version of this program wrote there.
#[derive(Debug, thiserror::Error)]
#[error("{table}.{column} holds an unknown value")]
pub struct Unreadable {
    table: &'static str,
    column: &'static str,
}

fn unreadable(table: &'static str, column: &'static str) -> Unreadable {
    Unreadable { table, column }
}

impl venue::Model {
    pub fn status(&self) -> Result<VenueStatus, Unreadable> {
        match self.status.as_str() {
            OPEN => Ok(VenueStatus::Open),
            RETIRED => Ok(VenueStatus::Retired),
            _ => Err(unreadable("venues", "status")),
        }
    }
}

impl TryFrom<venue_rules::Model> for Rules {
    type Error = Unreadable;

    fn try_from(row: venue_rules::Model) -> Result<Self, Unreadable> {
        let bad = |column| unreadable("venue_rules", column);
        let pairing = match row.pairing.as_str() {
            "in_and_out" => Pairing::InAndOut,
            "toggle" => Pairing::Toggle,
            "entry_only" => Pairing::EntryOnly,
            _ => return Err(bad("pairing")),
        };
        let passback = match row.passback.as_str() {
            "allowed" => Passback::Allowed,
            "forbidden" => Passback::Forbidden,
            _ => return Err(bad("passback")),
        };
        Ok(Rules {
            version: row.version,
            valid_from: row.valid_from,
            pairing,
            repeat_window_s: row.repeat_window_s,
            usual_stay_min: row.usual_stay_min,
            longest_stay_min: row.longest_stay_min,
            passback,
            guardian_under: row.guardian_under,
            ways_in: match &row.ways_in {
                Some(text) => serde_json::from_str(text).map_err(|_| bad("ways_in"))?,
                None => WAYS_IN.to_vec(),
            },
            prerequisites: serde_json::from_str(&row.prerequisites)
                .map_err(|_| bad("prerequisites"))?,
            capacity_soft: row.capacity_soft,
            capacity: row.capacity,
            time_zone: row.time_zone.parse::<Tz>().map_err(|_| bad("time_zone"))?,
            day_starts_at: row.day_starts_at,
        })
    }
}

impl TryFrom<venue_hours::Model> for Hours {
    type Error = Unreadable;

    fn try_from(row: venue_hours::Model) -> Result<Self, Unreadable> {
        Ok(Hours {
            weekday: u8::try_from(row.weekday).map_err(|_| unreadable("venue_hours", "weekday"))?,
            version: row.version,
            valid_from: row.valid_from,
            opens: row.opens,
            closes: row.closes,
        })
    }
}

impl From<venue_exception::Model> for Exception {
    fn from(row: venue_exception::Model) -> Self {
        Exception {
            day: row.day,
            version: row.version,
            valid_from: row.valid_from,
            opens: row.opens,
            closes: row.closes,
        }
    }
}

impl From<venue_closure::Model> for Closure {
    fn from(row: venue_closure::Model) -> Self {
        Closure { zone: row.zone_id, from: row.closed_at, until: row.opened_at }
    }
}
