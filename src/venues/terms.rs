//! What a venue may be told: names, positions, opening times and the rules of its doors, each a
//! type that only holds what is acceptable.

use std::ops::RangeInclusive;

use chrono_tz::Tz;
use unicode_normalization::UnicodeNormalization as _;

use super::rules::{Pairing, Passback, WAYS_IN};
use crate::base::{
    error::{Code, Error, Fault},
    ids::Method,
};

/// Characters of a name that a screen can show.
const NAME_CHARS_MAX: usize = 60;
const KIND_BYTES_MAX: usize = 40;
/// Seconds in which a second scan is taken for a repeat.
const REPEAT_WINDOW_S: RangeInclusive<i32> = 0..=600;
/// Minutes of a day: no stay is longer.
const STAY_MIN: RangeInclusive<i32> = 1..=1440;
/// Minutes after midnight at which a business day may begin; noon at the latest.
const DAY_STARTS_AT: RangeInclusive<i32> = 0..=720;
/// An age below which somebody comes with a guardian.
const GUARDIAN_UNDER: RangeInclusive<i32> = 1..=18;
/// People in one venue.
const CAPACITY: RangeInclusive<i32> = 1..=100_000;
const AREA_M2: RangeInclusive<i32> = 1..=10_000_000;
const PREREQUISITES_MAX: usize = 10;
/// As many as there are.
const WAYS_IN_MAX: usize = 5;
const MINUTES_A_DAY: i32 = 1440;

/// What people call a place: 1 to 60 characters in NFC, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub fn parse(text: &str) -> Result<Self, Code> {
        let name: String = text.trim().nfc().collect();
        let length = name.chars().count();
        let fits = (1..=NAME_CHARS_MAX).contains(&length) && !name.chars().any(char::is_control);
        fits.then_some(Self(name)).ok_or(Code::BadName)
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// A kind of venue, zone or prerequisite, such as `gym`: lower-case letters, digits, underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind(String);

impl Kind {
    pub fn parse(text: &str) -> Result<Self, Code> {
        let fits = (1..=KIND_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        fits.then(|| Self(text.to_owned())).ok_or(Code::BadKind)
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

/// A floor area in whole square metres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area(i32);

impl Area {
    pub fn parse(square_metres: i32) -> Result<Self, Code> {
        in_range(square_metres, &AREA_M2).map(Self)
    }

    pub fn square_metres(self) -> i32 {
        self.0
    }
}

/// In which system a position is given: the two differ by hundreds of metres in China.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    Wgs84,
    Gcj02,
}

impl Coordinates {
    pub fn as_str(self) -> &'static str {
        match self {
            Coordinates::Wgs84 => "wgs84",
            Coordinates::Gcj02 => "gcj02",
        }
    }

    /// The system behind [`Coordinates::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Wgs84, Self::Gcj02].into_iter().find(|one| one.as_str() == text)
    }
}

/// A point in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    lat: f64,
    lng: f64,
    coordinates: Coordinates,
}

impl Position {
    pub fn parse(lat: f64, lng: f64, coordinates: Coordinates) -> Result<Self, Code> {
        let fits = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lng);
        fits.then_some(Self { lat, lng, coordinates }).ok_or(Code::BadPosition)
    }

    pub fn lat(self) -> f64 {
        self.lat
    }

    pub fn lng(self) -> f64 {
        self.lng
    }

    pub fn coordinates(self) -> Coordinates {
        self.coordinates
    }
}

/// Opening and closing in minutes of the local day; a closing at or before the opening is on the
/// next day, so 0 to 1440 and 480 to 480 are both a full day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    opens: i32,
    closes: i32,
}

impl Opening {
    pub fn parse(opens: i32, closes: i32) -> Result<Self, Code> {
        let fits = (0..MINUTES_A_DAY).contains(&opens) && (0..=MINUTES_A_DAY).contains(&closes);
        fits.then_some(Self { opens, closes }).ok_or(Code::BadTimeOfDay)
    }

    pub fn opens(self) -> i32 {
        self.opens
    }

    pub fn closes(self) -> i32 {
        self.closes
    }
}

/// A day of the week's hours; `None` is closed all day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekdayHours {
    /// 1 is Monday, 7 is Sunday.
    weekday: i16,
    pub opening: Option<Opening>,
}

/// A whole week: the weekdays that nobody named are closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week([WeekdayHours; 7]);

impl Week {
    /// `days` by weekday, 1 is Monday; each at most once.
    pub fn parse(days: &[(u8, Option<Opening>)]) -> Result<Self, Code> {
        let mut week = [1, 2, 3, 4, 5, 6, 7].map(|weekday| WeekdayHours { weekday, opening: None });
        let mut named = [false; 7];
        for (weekday, opening) in days {
            let at = usize::from(*weekday).wrapping_sub(1);
            let day = week.get_mut(at).ok_or(Code::OutOfRange)?;
            if std::mem::replace(&mut named[at], true) {
                return Err(Code::BadHours);
            }
            day.opening = *opening;
        }
        Ok(Self(week))
    }

    /// Every weekday alike.
    #[cfg(test)]
    pub fn every_day(opening: Opening) -> Self {
        Self([1, 2, 3, 4, 5, 6, 7].map(|weekday| WeekdayHours { weekday, opening: Some(opening) }))
    }

    pub fn days(&self) -> &[WeekdayHours; 7] {
        &self.0
    }
}

impl WeekdayHours {
    pub fn weekday(self) -> i16 {
        self.weekday
    }
}

/// The rules of a venue's doors as somebody proposes them; `Default` is what most venues want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsDraft {
    pub pairing: Pairing,
    pub repeat_window_s: i32,
    pub usual_stay_min: i32,
    pub longest_stay_min: i32,
    pub passback: Passback,
    /// Whoever is younger, in years, comes with a guardian.
    pub guardian_under: Option<i32>,
    /// Codes of approvals that a member must hold.
    pub prerequisites: Vec<String>,
    /// What the doors take: at least one way without a face.
    pub ways_in: Vec<Method>,
    /// Above it staff are warned.
    pub capacity_soft: Option<i32>,
    /// Above it nobody is let in.
    pub capacity: Option<i32>,
    pub time_zone: Tz,
    /// Minutes after local midnight at which the business day begins.
    pub day_starts_at: i32,
}

impl Default for TermsDraft {
    fn default() -> Self {
        Self {
            pairing: Pairing::InAndOut,
            repeat_window_s: 60,
            usual_stay_min: 60,
            longest_stay_min: 240,
            passback: Passback::Allowed,
            guardian_under: None,
            prerequisites: Vec::new(),
            ways_in: WAYS_IN.to_vec(),
            capacity_soft: None,
            capacity: None,
            time_zone: Tz::Asia__Shanghai,
            day_starts_at: 240,
        }
    }
}

/// Rules that may be adopted: every number is in its range and they do not contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms(TermsDraft);

impl Terms {
    /// # Errors
    /// `Invalid` with a fault for each field that is not acceptable.
    pub fn parse(draft: TermsDraft) -> Result<Self, Error> {
        let faults = faults(&draft);
        if faults.is_empty() { Ok(Self(draft)) } else { Err(Error::Invalid(faults)) }
    }

    pub fn get(&self) -> &TermsDraft {
        &self.0
    }
}

fn faults(draft: &TermsDraft) -> Vec<Fault> {
    let numbers = [
        ("/repeat_window_s", Some(draft.repeat_window_s), REPEAT_WINDOW_S),
        ("/usual_stay_min", Some(draft.usual_stay_min), 1..=draft.longest_stay_min),
        ("/longest_stay_min", Some(draft.longest_stay_min), STAY_MIN),
        ("/guardian_under", draft.guardian_under, GUARDIAN_UNDER),
        ("/capacity_soft", draft.capacity_soft, 1..=draft.capacity.unwrap_or(*CAPACITY.end())),
        ("/capacity", draft.capacity, CAPACITY),
        ("/day_starts_at", Some(draft.day_starts_at), DAY_STARTS_AT),
    ];
    let mut faults: Vec<Fault> = numbers
        .into_iter()
        .filter(|(_, number, range)| number.is_some_and(|n| !range.contains(&n)))
        .map(|(pointer, _, _)| fault(pointer, Code::OutOfRange))
        .collect();
    // Nobody has to show their face (Order 19 of the CAC and MPS, article 10).
    if draft.ways_in.iter().all(|way| *way == Method::Face) {
        faults.push(fault("/ways_in", Code::WayInRequired));
    } else if draft.ways_in.len() > WAYS_IN_MAX {
        faults.push(fault("/ways_in", Code::TooManyItems));
    }
    if draft.prerequisites.len() > PREREQUISITES_MAX {
        faults.push(fault("/prerequisites", Code::TooManyItems));
    } else if draft.prerequisites.iter().any(|code| Kind::parse(code).is_err()) {
        faults.push(fault("/prerequisites", Code::BadKind));
    }
    faults
}

fn fault(pointer: &str, code: Code) -> Fault {
    Fault { pointer: pointer.to_owned(), code }
}

fn in_range(number: i32, range: &RangeInclusive<i32>) -> Result<i32, Code> {
    if range.contains(&number) { Ok(number) } else { Err(Code::OutOfRange) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(draft: TermsDraft) -> Vec<String> {
        match Terms::parse(draft) {
            Ok(_) => Vec::new(),
            Err(Error::Invalid(faults)) => faults.into_iter().map(|f| f.pointer).collect(),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn the_default_rules_are_acceptable() {
        assert_eq!(pointers(TermsDraft::default()), Vec::<String>::new());
    }

    #[test]
    fn every_field_out_of_range_is_named() {
        let draft = TermsDraft {
            repeat_window_s: 601,
            usual_stay_min: 0,
            longest_stay_min: 1441,
            guardian_under: Some(19),
            prerequisites: vec!["Bad Code".into()],
            capacity_soft: Some(11),
            capacity: Some(10),
            day_starts_at: -1,
            ..TermsDraft::default()
        };
        let named = [
            "/repeat_window_s",
            "/usual_stay_min",
            "/longest_stay_min",
            "/guardian_under",
            "/capacity_soft",
            "/day_starts_at",
            "/prerequisites",
        ];
        assert_eq!(pointers(draft), named);
    }

    #[test]
    fn a_door_takes_something_beside_faces() {
        let with = |ways_in: &[Method]| {
            pointers(TermsDraft { ways_in: ways_in.to_vec(), ..TermsDraft::default() })
        };
        for faces_only in [&[][..], &[Method::Face], &[Method::Face, Method::Face]] {
            assert_eq!(with(faces_only), ["/ways_in"]);
        }
        for way in [Method::Qr, Method::Card, Method::Code, Method::Manual] {
            assert!(with(&[way]).is_empty() && with(&[Method::Face, way]).is_empty());
        }
    }

    #[test]
    fn a_week_names_each_day_once() {
        let opening = Opening::parse(480, 1440).unwrap();
        assert_eq!(Week::parse(&[(1, None), (1, Some(opening))]), Err(Code::BadHours));
        assert_eq!(Week::parse(&[(8, None)]), Err(Code::OutOfRange));
        assert_eq!(Week::parse(&[(0, None)]), Err(Code::OutOfRange));
        let week = Week::parse(&[(7, Some(opening))]).unwrap();
        assert_eq!(week.days()[6].opening, Some(opening));
        assert_eq!(week.days()[0].opening, None);
    }

    #[test]
    fn names_kinds_and_positions_are_checked() {
        assert!(Name::parse(" 百姓健身房 ").is_ok_and(|n| n.into_string() == "百姓健身房"));
        assert_eq!(Name::parse(" "), Err(Code::BadName));
        assert_eq!(Name::parse("a\u{0}b"), Err(Code::BadName));
        assert_eq!(Kind::parse("Gym"), Err(Code::BadKind));
        assert!(Position::parse(f64::NAN, 0.0, Coordinates::Wgs84).is_err());
        assert!(Opening::parse(1440, 0).is_err());
    }
}
