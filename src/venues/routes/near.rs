//! Venues within a walk: what the list adds where somebody says where they stand.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::{VenueFilter, shown::VenueJson};
use crate::{
    base::{
        error::{Code, Error},
        ids::VenueId,
        page::Page,
        state::State,
    },
    venues::{
        self, Open, VenueStatus,
        circle::{Standpoint, walking_minutes},
        rules::Venue,
    },
};

/// Minutes of the circle unless told otherwise, and at most.
const WITHIN_USUAL: u16 = 10;
const WITHIN_MAX: u16 = 60;

/// `lat,lng` in degrees.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    lat: f64,
    lng: f64,
}

impl FromStr for Point {
    type Err = Code;
    fn from_str(text: &str) -> Result<Self, Code> {
        let (lat, lng) = text.split_once(',').ok_or(Code::BadPosition)?;
        let degrees = |text: &str, most: f64| {
            let degrees: Option<f64> = text.trim().parse().ok();
            degrees.filter(|degrees| degrees.abs() <= most).ok_or(Code::BadPosition)
        };
        Ok(Self { lat: degrees(lat, 90.0)?, lng: degrees(lng, 180.0)? })
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(|code: Code| serde::de::Error::custom(code))
    }
}

/// 1 to 60 minutes.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = u16, minimum = 1, maximum = 60, default = 10)]
pub struct Within(u16);

impl Default for Within {
    fn default() -> Self {
        Self(WITHIN_USUAL)
    }
}

impl<'de> Deserialize<'de> for Within {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let minutes = u16::deserialize(input)?;
        let fits = (1..=WITHIN_MAX).contains(&minutes);
        fits.then_some(Self(minutes)).ok_or(serde::de::Error::custom(Code::OutOfRange))
    }
}

/// Only venues that are open now.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpenWord {
    Now,
}

/// What others know of a venue.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    pub inside: i64,
    /// Visits by the hour in which they begin, as usual on this weekday.
    pub usual_visits: Vec<UsualHour>,
    /// Nothing where nobody is signed in.
    pub admission: Option<Admission>,
}

/// How busy an hour of the local day usually is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct UsualHour {
    pub hour: u8,
    pub visits: f64,
}

/// Whether whoever asks may enter now.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Admission {
    pub admitted: bool,
    /// Why not, and in words.
    pub reason: Option<&'static str>,
    pub sentence: Option<&'static str>,
    pub sentence_en: Option<&'static str>,
}

/// Says what is known of venues, for whoever came with this token. The domains that know stand
/// above this one, so the frame passes it in.
pub type LookAround = std::sync::Arc<
    dyn Fn(Option<String>, Vec<Venue>, DateTime<Utc>) -> BoxFuture<'static, LookedAround>
        + Send
        + Sync,
>;

/// In the order of the venues that were asked about.
pub type LookedAround = Result<Vec<Surroundings>, Error>;

/// What a venue's entry in the list has beside the venue itself.
#[derive(Serialize, ToSchema)]
pub struct NearJson {
    /// On foot, rounded up.
    walking_minutes: u32,
    /// People inside now.
    inside: i64,
    /// Visits by hour on this weekday, as they were in the last eight weeks.
    usual_visits: Vec<UsualHour>,
    /// Whether the resident who asks may enter now; null where nobody is signed in.
    admits_me: Option<Admission>,
}

/// The venues within a walk, the nearest first.
pub async fn near(
    state: &State,
    filter: &VenueFilter,
    point: Point,
    token: Option<String>,
    look_around: &LookAround,
) -> Result<Page<VenueJson>, Error> {
    let now = state.clock.now();
    let mut found = within(state, filter, point, now).await?;
    found.truncate(filter.limit.rows());
    let ids: Vec<VenueId> = found.iter().map(|(_, venue)| venue.id).collect();
    let mut zones = venues::zones(&state.db, &ids).await?;
    let asked = found.iter().map(|(_, venue)| venue.clone()).collect();
    let around = look_around(token, asked, now).await?;
    let items = found.into_iter().zip(around).map(|((walking_minutes, venue), around)| {
        let Surroundings { inside, usual_visits, admission } = around;
        let near = NearJson { walking_minutes, inside, usual_visits, admits_me: admission };
        let zones = zones.remove(&venue.id).unwrap_or_default();
        VenueJson::new(&venue, zones, now).with_near(near)
    });
    Ok(Page { items: items.collect(), next_cursor: None })
}

async fn within(
    state: &State,
    filter: &VenueFilter,
    point: Point,
    now: DateTime<Utc>,
) -> Result<Vec<(u32, Venue)>, Error> {
    let coordinates = filter.coordinates.into();
    let from = Standpoint { lat: point.lat, lng: point.lng, coordinates };
    let Within(within) = filter.within_minutes;
    let world = venues::load_world(&state.db).await?;
    let mut found: Vec<(u32, Venue)> = world
        .into_values()
        .filter(|venue| venue.status == VenueStatus::Open)
        .filter(|venue| filter.division.as_ref().is_none_or(|d| d.covers(&venue.community)))
        .filter(|venue| filter.open.is_none() || is_open(venue, now))
        .filter_map(|venue| Some((walking_minutes(from, &venue)?, (*venue).clone())))
        .filter(|(minutes, _)| *minutes <= u32::from(within))
        .collect();
    if let Some(kind) = &filter.zone {
        let ids: Vec<VenueId> = found.iter().map(|(_, venue)| venue.id).collect();
        let zones = venues::zones(&state.db, &ids).await?;
        let has = |id| zones.get(&id).is_some_and(|zones| zones.iter().any(|z| z.kind == *kind));
        found.retain(|(_, venue)| has(venue.id));
    }
    found.sort_by_key(|(minutes, venue)| (*minutes, venue.id));
    Ok(found)
}

fn is_open(venue: &Venue, now: DateTime<Utc>) -> bool {
    venue.period_at(now) != Open::Closed && !venue.is_shut(None, now)
}
