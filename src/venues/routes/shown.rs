//! A venue as everybody may see it: nothing here depends on who asks.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{json::DayHours, near::NearJson};
use crate::{
    base::ids::{DivisionCode, Method, VenueId, ZoneId},
    venues::{
        ZoneView,
        rules::{Hours, Open, Rules, Venue},
    },
};

#[derive(Serialize, ToSchema)]
pub struct VenueJson {
    id: VenueId,
    community: DivisionCode,
    name: String,
    kind: String,
    area_m2: Option<i32>,
    position: Option<PositionJson>,
    zones: Vec<ZoneJson>,
    open: OpenJson,
    /// The week's hours in force; null for a venue that never closes.
    hours: Option<Vec<DayHours>>,
    /// People who fit in; null where nobody counts.
    capacity: Option<i32>,
    guardian_under: Option<i32>,
    /// Approvals that a member needs before the first entry.
    prerequisites: Vec<String>,
    /// What the doors take.
    ways_in: Vec<Method>,
    time_zone: String,
    /// In a list around somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    near: Option<NearJson>,
}

#[derive(Serialize, ToSchema)]
struct PositionJson {
    lat: f64,
    lng: f64,
}

#[derive(Serialize, ToSchema)]
struct ZoneJson {
    id: ZoneId,
    kind: String,
    name: String,
    area_m2: Option<i32>,
    /// Closed by an order at the moment.
    closed: bool,
}

#[derive(Serialize, ToSchema)]
struct OpenJson {
    now: bool,
    /// When it closes; null while it is closed or if it never closes.
    until: Option<DateTime<Utc>>,
    /// When it opens next; null while it is open, or if not within a month.
    next: Option<DateTime<Utc>>,
}

impl VenueJson {
    pub fn new(venue: &Venue, zones: Vec<ZoneView>, now: DateTime<Utc>) -> Self {
        let rules = venue.rules_at(now);
        Self {
            id: venue.id,
            community: venue.community.clone(),
            name: venue.name.clone(),
            kind: venue.kind.clone(),
            area_m2: venue.area_m2,
            position: venue.lat.zip(venue.lng).map(|(lat, lng)| PositionJson { lat, lng }),
            zones: zones.into_iter().map(|zone| ZoneJson::new(zone, venue, now)).collect(),
            open: open(venue, now),
            hours: hours(venue, venue.business_day(now)),
            capacity: rules.capacity,
            guardian_under: rules.guardian_under,
            prerequisites: rules.prerequisites.clone(),
            ways_in: rules.ways_in.clone(),
            time_zone: zone_name(rules),
            near: None,
        }
    }

    pub fn with_near(self, near: NearJson) -> Self {
        Self { near: Some(near), ..self }
    }
}

fn zone_name(rules: &Rules) -> String {
    rules.time_zone.name().to_owned()
}

fn open(venue: &Venue, now: DateTime<Utc>) -> OpenJson {
    // Nobody knows when an order ends.
    if venue.is_shut(None, now) {
        return OpenJson { now: false, until: None, next: None };
    }
    match venue.period_at(now) {
        Open::Always => OpenJson { now: true, until: None, next: None },
        Open::Until(until) => OpenJson { now: true, until: Some(until), next: None },
        Open::Closed => OpenJson { now: false, until: None, next: venue.opens_next(now) },
    }
}

/// The newest version of each weekday that holds on `day`.
fn hours(venue: &Venue, day: NaiveDate) -> Option<Vec<DayHours>> {
    if venue.hours.is_empty() {
        return None;
    }
    let newest = |weekday: u8| -> Option<&Hours> {
        let versions = venue.hours.iter().filter(|h| h.weekday == weekday && h.valid_from <= day);
        versions.max_by_key(|h| h.version)
    };
    Some((1..=7).filter_map(newest).map(|h| DayHours::of(h.weekday, h.opens, h.closes)).collect())
}

impl ZoneJson {
    fn new(view: ZoneView, venue: &Venue, now: DateTime<Utc>) -> Self {
        let ZoneView { id, kind, name, area_m2 } = view;
        Self { id, kind, name, area_m2, closed: venue.is_shut(Some(id), now) }
    }
}
