//! What an activity may be, who may come, and who gets a place. Pure.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::base::error::{Code, Error};

/// People in one activity, mates of teams included.
pub const PEOPLE_MAX: i32 = 1_000;
/// Those who wait for a place.
pub const WAITING_MAX: i32 = 200;
const TEAM_MAX: i32 = 30;
const AGE_MAX: i32 = 120;
/// How long somebody who waited may think about an offer; as long as for a seat of a slot.
const OFFER: TimeDelta = TimeDelta::minutes(30);
const TITLE_CHARS_MAX: usize = 40;
const TEXT_CHARS_MAX: usize = 2_000;
const RESULT_CHARS_MAX: usize = 40;
/// An outing may take a weekend.
const LASTS_MAX: TimeDelta = TimeDelta::days(3);
const AHEAD_MAX: TimeDelta = TimeDelta::days(366);

/// What an activity is; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ActivityKind)]
pub enum Kind {
    Competition,
    Class,
    Lecture,
    Outing,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Competition, Self::Class, Self::Lecture, Self::Outing];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Competition => "competition",
            Self::Class => "class",
            Self::Lecture => "lecture",
            Self::Outing => "outing",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// When an activity is, and until when people sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    pub sign_up_until: DateTime<Utc>,
}

/// Refuses (422) times that cannot be: it lies ahead, ends within three days, and nobody signs up
/// after it began.
pub fn check_times(times: Times, now: DateTime<Utc>) -> Result<(), Error> {
    let Times { starts_at, ends_at, sign_up_until } = times;
    if starts_at <= now || starts_at - now > AHEAD_MAX {
        return Err(Error::invalid("/starts_at", Code::BadTime));
    }
    if ends_at <= starts_at || ends_at - starts_at > LASTS_MAX {
        return Err(Error::invalid("/ends_at", Code::BadTime));
    }
    if sign_up_until <= now || sign_up_until > starts_at {
        return Err(Error::invalid("/sign_up_until", Code::BadTime));
    }
    Ok(())
}

/// Whom an activity takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Places: of people, or of teams.
    pub capacity: i32,
    /// Years of age on the day on which it begins, both included.
    pub age_min: Option<i32>,
    pub age_max: Option<i32>,
    /// People that a team needs when sign-up ends; two or more, only where teams come.
    pub team_min: Option<i32>,
    /// People of a team; without it everybody comes alone.
    pub team_max: Option<i32>,
}

/// Until when a place that is offered now is kept: until it begins at the latest.
pub fn offered_until(now: DateTime<Utc>, starts_at: DateTime<Utc>) -> DateTime<Utc> {
    (now + OFFER).min(starts_at)
}

pub fn check_limits(limits: Limits) -> Result<(), Error> {
    let Limits { capacity, age_min, age_max, team_min, team_max } = limits;
    if team_max.is_some_and(|people| !(2..=TEAM_MAX).contains(&people)) {
        return Err(Error::invalid("/team_max", Code::OutOfRange));
    }
    if team_min.is_some_and(|people| !(2..=team_max.unwrap_or(0)).contains(&people)) {
        return Err(Error::invalid("/team_min", Code::OutOfRange));
    }
    let people = capacity.saturating_mul(team_max.unwrap_or(1));
    if capacity < 1 || people > PEOPLE_MAX {
        return Err(Error::invalid("/capacity", Code::OutOfRange));
    }
    let (from, to) = (age_min.unwrap_or(0), age_max.unwrap_or(AGE_MAX));
    if from < 0 || to > AGE_MAX || from > to {
        return Err(Error::invalid("/age_max", Code::OutOfRange));
    }
    Ok(())
}

/// Whether somebody born on `birth` is of an age for it on `day`. Whoever's birth nobody knows may
/// come where no age is asked.
pub fn is_of_age(limits: Limits, birth: Option<NaiveDate>, day: NaiveDate) -> bool {
    if limits.age_min.is_none() && limits.age_max.is_none() {
        return true;
    }
    let Some(age) = birth.and_then(|birth| day.years_since(birth)) else { return false };
    let age = i32::try_from(age).unwrap_or(i32::MAX);
    limits.age_min.is_none_or(|from| age >= from) && limits.age_max.is_none_or(|to| age <= to)
}

/// The places of an activity as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    pub capacity: i32,
    pub taken: i32,
    pub waiting: i32,
}

/// Where somebody stands who has signed up; text in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SignUpState)]
pub enum Place {
    In,
    /// A place is kept until `offered_until`, for who waited to confirm it.
    Offered,
    Waiting,
    Withdrawn,
}

impl Place {
    const ALL: [Self; 4] = [Self::In, Self::Offered, Self::Waiting, Self::Withdrawn];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Offered => "offered",
            Self::Waiting => "waiting",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }
}

impl Places {
    /// Gives a place, or one on the waiting list; none where that is full too.
    pub fn sign_up(&mut self) -> Option<Place> {
        // Whoever waits already comes first.
        if self.taken < self.capacity && self.waiting == 0 {
            self.taken += 1;
            return Some(Place::In);
        }
        if self.waiting < WAITING_MAX {
            self.waiting += 1;
            return Some(Place::Waiting);
        }
        None
    }

    /// Keeps a free place for the first who waits, if there are both.
    pub fn offers(&mut self) -> bool {
        let there_are = self.waiting > 0 && self.taken < self.capacity;
        if there_are {
            (self.taken, self.waiting) = (self.taken + 1, self.waiting - 1);
        }
        there_are
    }

    /// Takes a place back; says whether it is to be offered to the first who waits.
    pub fn withdraw(&mut self, from: Place) -> bool {
        match from {
            Place::In | Place::Offered => {
                let moves_up = self.waiting > 0;
                if moves_up {
                    self.waiting -= 1;
                } else {
                    self.taken -= 1;
                }
                moves_up
            }
            Place::Waiting => {
                self.waiting -= 1;
                false
            }
            Place::Withdrawn => false,
        }
    }
}

/// A title of one line and a text, cut of blanks and in NFC.
pub fn texts(title: &str, about: &str) -> Result<(String, String), Error> {
    let title = line(title, TITLE_CHARS_MAX).map_err(|code| Error::invalid("/title", code))?;
    let about: String = about.trim().nfc().collect();
    if about.chars().count() > TEXT_CHARS_MAX || about.chars().any(|c| c.is_control() && c != '\n')
    {
        return Err(Error::invalid("/about", Code::InvalidValue));
    }
    Ok((title, about))
}

/// What came of it for somebody, such as a time or a score.
pub fn result(text: &str) -> Result<String, Code> {
    line(text, RESULT_CHARS_MAX)
}

fn line(text: &str, chars_max: usize) -> Result<String, Code> {
    let line: String = text.trim().nfc().collect();
    let fits = (1..=chars_max).contains(&line.chars().count());
    (fits && !line.chars().any(char::is_control)).then_some(line).ok_or(Code::BadName)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::clock::from_millis;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn age_is_of_the_day_and_both_ends_are_in() {
        let limits = Limits {
            capacity: 1,
            age_min: Some(18),
            age_max: Some(59),
            team_min: None,
            team_max: None,
        };
        let on = day("2026-12-01");
        for (birth, fits) in [
            ("2008-12-01", true),
            ("2008-12-02", false),
            ("1966-12-02", true),
            ("1966-12-01", false),
            ("2030-01-01", false),
        ] {
            assert_eq!(is_of_age(limits, Some(day(birth)), on), fits, "{birth}");
        }
        assert!(!is_of_age(limits, None, on), "nobody knows");
        assert!(is_of_age(Limits { age_min: None, age_max: None, ..limits }, None, on));
    }

    #[test]
    fn limits_that_cannot_be_are_refused() {
        let fine = Limits {
            capacity: 20,
            age_min: None,
            age_max: Some(60),
            team_min: Some(3),
            team_max: Some(5),
        };
        assert!(check_limits(fine).is_ok());
        for wrong in [
            Limits { capacity: 0, ..fine },
            Limits { capacity: 201, ..fine },
            Limits { team_max: Some(1), ..fine },
            Limits { team_min: Some(6), ..fine },
            Limits { team_min: Some(1), ..fine },
            Limits { team_max: None, ..fine },
            Limits { age_min: Some(61), ..fine },
            Limits { age_max: Some(121), ..fine },
            Limits { capacity: i32::MAX, ..fine },
        ] {
            assert!(check_limits(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn times_go_forwards_from_now() {
        let now = from_millis(1_800_000_000_000);
        let at = |hours: i64| now + TimeDelta::hours(hours);
        let fine = Times { starts_at: at(48), ends_at: at(50), sign_up_until: at(24) };
        assert!(check_times(fine, now).is_ok());
        for wrong in [
            Times { starts_at: at(-1), ..fine },
            Times { ends_at: at(48), ..fine },
            Times { ends_at: at(48 + 73), ..fine },
            Times { sign_up_until: at(49), ..fine },
            Times { sign_up_until: at(0), ..fine },
        ] {
            assert!(check_times(wrong, now).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        /// Whatever people do, places are never exceeded, none lies empty while somebody waits,
        /// and who stays stands where they stood or better.
        #[test]
        fn places_are_given_and_taken_back(
            capacity in 1_i32..6,
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..60),
        ) {
            let mut places = Places { capacity, taken: 0, waiting: 0 };
            let mut people: Vec<Place> = Vec::new();
            for (comes, who) in steps {
                if comes || people.is_empty() {
                    people.extend(places.sign_up());
                } else {
                    let gone = people.remove(who.index(people.len()));
                    if places.withdraw(gone) {
                        let first = people.iter_mut().find(|one| **one == Place::Waiting);
                        *first.unwrap() = Place::Offered;
                    }
                }
                let of = |place| people.iter().filter(|one| **one == place).count();
                let taken = of(Place::In) + of(Place::Offered);
                prop_assert_eq!(usize::try_from(places.taken).unwrap(), taken);
                prop_assert_eq!(usize::try_from(places.waiting).unwrap(), of(Place::Waiting));
                prop_assert!(places.taken <= capacity);
                prop_assert!(places.waiting == 0 || places.taken == capacity);
            }
        }
    }
}
