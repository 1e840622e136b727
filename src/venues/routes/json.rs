//! The JSON of venues, in and out, field by field.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    base::{
        error::{Code, Error},
        ids::{DivisionCode, Method, VenueId, ZoneId},
    },
    venues::{
        NewException, NewVenue, NewZone,
        rules::{Pairing, Passback},
        terms::{Area, Coordinates, Kind, Name, Opening, Position, Terms, TermsDraft, Week},
    },
};

/// Says at which field a value was not acceptable.
pub(super) fn at<T>(pointer: &str, parsed: Result<T, Code>) -> Result<T, Error> {
    parsed.map_err(|code| Error::invalid(pointer, code))
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairingWord {
    InAndOut,
    Toggle,
    EntryOnly,
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PassbackWord {
    Allowed,
    Forbidden,
}

/// Rules of a venue's doors; what is absent is as in most venues.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RulesBody {
    pairing: Option<PairingWord>,
    /// Seconds, 0 to 600; 60 when absent.
    repeat_window_s: Option<i32>,
    /// Minutes; 60 when absent.
    usual_stay_min: Option<i32>,
    /// Minutes, at most 1440; 240 when absent.
    longest_stay_min: Option<i32>,
    passback: Option<PassbackWord>,
    guardian_under: Option<i32>,
    prerequisites: Vec<String>,
    /// What the doors take, never faces alone; everything but `manual` when absent.
    ways_in: Option<Vec<Method>>,
    capacity_soft: Option<i32>,
    capacity: Option<i32>,
    /// An IANA name; Asia/Shanghai when absent.
    time_zone: Option<String>,
    /// Minutes after midnight; 240 when absent.
    day_starts_at: Option<i32>,
}

impl RulesBody {
    /// `root` is where in the body these rules stand.
    pub fn parse(self, root: &str) -> Result<Terms, Error> {
        let usual = TermsDraft::default();
        let zone = match &self.time_zone {
            Some(name) => name.parse().map_err(|_| Code::BadTimeZone),
            None => Ok(usual.time_zone),
        };
        let draft = TermsDraft {
            pairing: self.pairing.map_or(usual.pairing, Pairing::from),
            repeat_window_s: self.repeat_window_s.unwrap_or(usual.repeat_window_s),
            usual_stay_min: self.usual_stay_min.unwrap_or(usual.usual_stay_min),
            longest_stay_min: self.longest_stay_min.unwrap_or(usual.longest_stay_min),
            passback: self.passback.map_or(usual.passback, Passback::from),
            guardian_under: self.guardian_under,
            prerequisites: self.prerequisites,
            ways_in: self.ways_in.unwrap_or(usual.ways_in),
            capacity_soft: self.capacity_soft,
            capacity: self.capacity,
            time_zone: at(&format!("{root}/time_zone"), zone)?,
            day_starts_at: self.day_starts_at.unwrap_or(usual.day_starts_at),
        };
        Terms::parse(draft).map_err(|error| under(root, error))
    }
}

/// The same faults, of a part of the body.
fn under(root: &str, error: Error) -> Error {
    match error {
        Error::Invalid(mut faults) => {
            for fault in &mut faults {
                fault.pointer.insert_str(0, root);
            }
            Error::Invalid(faults)
        }
        other => other,
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdoptBody {
    /// A future business day.
    pub valid_from: NaiveDate,
    #[serde(default)]
    pub rules: RulesBody,
}

/// A weekday's or an exception's opening; both times or neither.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DayHours {
    /// 1 is Monday, 7 is Sunday.
    weekday: u8,
    /// `HH:MM`, local.
    opens: Option<String>,
    /// `HH:MM`, at most `24:00`; at or before the opening it is on the next day.
    closes: Option<String>,
}

impl DayHours {
    /// Of minutes of the local day.
    pub fn of(weekday: u8, opens: Option<i32>, closes: Option<i32>) -> Self {
        Self { weekday, opens: opens.map(clock_face), closes: closes.map(clock_face) }
    }
}

pub(super) fn opening(opens: Option<&str>, closes: Option<&str>) -> Result<Option<Opening>, Code> {
    match (opens, closes) {
        (None, None) => Ok(None),
        (Some(opens), Some(closes)) => {
            Opening::parse(minute_of_day(opens)?, minute_of_day(closes)?).map(Some)
        }
        (Some(_), None) | (None, Some(_)) => Err(Code::BadHours),
    }
}

/// Reads `HH:MM`, up to 24:00, as minutes of the day.
fn minute_of_day(text: &str) -> Result<i32, Code> {
    let bytes = text.as_bytes();
    let [h, i, b':', m, n] = bytes else { return Err(Code::BadTimeOfDay) };
    if ![h, i, m, n].iter().all(|b| b.is_ascii_digit()) {
        return Err(Code::BadTimeOfDay);
    }
    let pair = |a: &u8, b: &u8| i32::from(a - b'0') * 10 + i32::from(b - b'0');
    let (hour, minute) = (pair(h, i), pair(m, n));
    let fits = minute < 60 && hour * 60 + minute <= 1440;
    if fits { Ok(hour * 60 + minute) } else { Err(Code::BadTimeOfDay) }
}

fn clock_face(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn week(pointer: &str, days: &[DayHours]) -> Result<Week, Error> {
    let mut parsed = Vec::with_capacity(days.len());
    for (n, day) in days.iter().enumerate() {
        let hours = opening(day.opens.as_deref(), day.closes.as_deref());
        parsed.push((day.weekday, at(&format!("{pointer}/{n}"), hours)?));
    }
    at(pointer, Week::parse(&parsed))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursBody {
    /// A future business day.
    pub valid_from: NaiveDate,
    /// Weekdays that are not named are closed.
    hours: Vec<DayHours>,
    reason: Option<String>,
}

impl HoursBody {
    pub fn parse(self) -> Result<(Week, Option<Name>), Error> {
        let reason = self.reason.as_deref().map(Name::parse).transpose();
        Ok((week("/hours", &self.hours)?, at("/reason", reason)?))
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionBody {
    /// A future business day.
    day: NaiveDate,
    /// `HH:MM`; closed all day when both are absent.
    opens: Option<String>,
    closes: Option<String>,
    reason: String,
}

impl ExceptionBody {
    pub fn parse(self) -> Result<NewException, Error> {
        Ok(NewException {
            day: self.day,
            opening: at("/opens", opening(self.opens.as_deref(), self.closes.as_deref()))?,
            reason: at("/reason", Name::parse(&self.reason))?,
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneBody {
    kind: String,
    name: String,
    area_m2: Option<i32>,
}

impl ZoneBody {
    pub fn parse(self) -> Result<NewZone, Error> {
        Ok(NewZone {
            kind: at("/kind", Kind::parse(&self.kind))?,
            name: at("/name", Name::parse(&self.name))?,
            area: at("/area_m2", self.area_m2.map(Area::parse).transpose())?,
        })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PositionBody {
    lat: f64,
    lng: f64,
    /// `wgs84` (a phone's satellite position) or `gcj02` (a Chinese map's).
    coordinates: CoordinatesWord,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoordinatesWord {
    Wgs84,
    #[default]
    Gcj02,
}

impl PositionBody {
    fn parse(&self) -> Result<Position, Code> {
        Position::parse(self.lat, self.lng, self.coordinates.into())
    }
}

impl From<CoordinatesWord> for Coordinates {
    fn from(word: CoordinatesWord) -> Self {
        match word {
            CoordinatesWord::Wgs84 => Self::Wgs84,
            CoordinatesWord::Gcj02 => Self::Gcj02,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VenueBody {
    /// 12 digits.
    community: DivisionCode,
    name: String,
    /// `gym`, `multi_sport_court`, `indoor_hall`, `school_grounds`, …
    kind: String,
    area_m2: Option<i32>,
    position: Option<PositionBody>,
    /// The first business day; may be past.
    opened_on: NaiveDate,
    #[serde(default)]
    rules: RulesBody,
    /// Weekdays that are not named are closed; without this the venue never closes.
    hours: Option<Vec<DayHours>>,
}

impl VenueBody {
    pub fn community(&self) -> &DivisionCode {
        &self.community
    }

    pub fn parse(self) -> Result<NewVenue, Error> {
        let position = self.position.as_ref().map(PositionBody::parse).transpose();
        Ok(NewVenue {
            name: at("/name", Name::parse(&self.name))?,
            kind: at("/kind", Kind::parse(&self.kind))?,
            area: at("/area_m2", self.area_m2.map(Area::parse).transpose())?,
            position: at("/position", position)?,
            opened_on: self.opened_on,
            terms: self.rules.parse("/rules")?,
            week: self.hours.as_deref().map(|days| week("/hours", days)).transpose()?,
            community: self.community,
        })
    }
}

impl From<PairingWord> for Pairing {
    fn from(word: PairingWord) -> Self {
        match word {
            PairingWord::InAndOut => Pairing::InAndOut,
            PairingWord::Toggle => Pairing::Toggle,
            PairingWord::EntryOnly => Pairing::EntryOnly,
        }
    }
}

impl From<PassbackWord> for Passback {
    fn from(word: PassbackWord) -> Self {
        match word {
            PassbackWord::Allowed => Passback::Allowed,
            PassbackWord::Forbidden => Passback::Forbidden,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct VenueCreated {
    pub id: VenueId,
}

#[derive(Serialize, ToSchema)]
pub struct ZoneCreated {
    pub id: ZoneId,
}

/// The version that was adopted.
#[derive(Serialize, ToSchema)]
pub struct Adopted {
    pub version: i32,
}
