//! The town's members, all invented: ID numbers stand under county code 330499, which does not
//! exist, phones under 142, which no network has.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};

use super::{
    calendar,
    chance::Chance,
    names,
    places::{STARTED_ON, YONGXING},
};
use crate::base::ids::Method;

/// Members whose home is Yongxing.
pub const YONGXING_MEMBERS: usize = 2_550;
/// Members of Yongxing who are named in the credentials. Scripts come and go with them, so the
/// simulation leaves them alone.
pub const LISTED_MEMBERS: usize = 60;
/// Members of the other communities that have visitors.
const ELSEWHERE: [(&str, usize); 2] = [("330482001012", 240), ("330482100005", 160)];

/// One who is registered. It has no `Debug`: in the product such fields are personal data.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Person {
    pub name: String,
    /// An 18-digit resident ID number with a valid check digit.
    pub document: String,
    pub phone: String,
    pub home: &'static str,
    /// When registered; every consent dates from then.
    pub registered_at: DateTime<Utc>,
    /// What they show at doors: a face, or, where they did not consent to that, a card.
    pub shows: Method,
    /// What terminals report when they see it.
    pub handle: String,
    /// Whether consented to `minutes_statistics`; without it no minutes are credited.
    pub statistics: bool,
    /// Whether consented to fitness tests being kept.
    pub health: bool,
    /// Whether approved for the school's grounds.
    pub approved: bool,
    /// How eager, 1 to 10.
    pub ardour: u32,
    pub listed: bool,
}

impl Person {
    /// The consents given at registration, by purpose.
    pub fn consents(&self) -> impl Iterator<Item = &'static str> {
        let face = (self.shows == Method::Face).then_some("door_face");
        let statistics = self.statistics.then_some("minutes_statistics");
        face.into_iter().chain(statistics).chain(self.health.then_some("health_data"))
    }
}

/// All members: the listed ones first, then Yongxing's by registration, then the others'.
/// The same seed and day give the same people.
pub fn draw(seed: u64, today: NaiveDate) -> Vec<Person> {
    let mut register =
        Register { chance: Chance::new(seed, 1), documents: HashSet::new(), drawn: 0 };
    let started = started_on();
    let mut people: Vec<Person> = (0..LISTED_MEMBERS)
        .map(|_| register.person(YONGXING, calendar::instant(started, 8 * 3600), true))
        .collect();
    let homes = [(YONGXING, YONGXING_MEMBERS - LISTED_MEMBERS)].into_iter().chain(ELSEWHERE);
    for (home, count) in homes {
        let mut instants: Vec<_> =
            (0..count).map(|_| register.registration(started, today)).collect();
        instants.sort_unstable();
        people.extend(instants.into_iter().map(|at| register.person(home, at, false)));
    }
    people
}

/// The day on which the platform started.
pub fn started_on() -> NaiveDate {
    STARTED_ON.parse().expect("the constant is a day")
}

struct Register {
    chance: Chance,
    documents: HashSet<String>,
    /// How many were drawn: the end of their phones and handles.
    drawn: u32,
}

/// Days back to which the younger part of the registrations reaches: the history's length.
const RECENT_DAYS: u64 = 600;
/// How many of a thousand members were there before those days.
const EARLY_PERMILLE: u32 = 550;

/// One in so many agrees to fitness tests.
const HEALTH_ONE_IN: u32 = 5;

impl Register {
    /// When somebody registered: at the desk, on a day before `today`.
    fn registration(&mut self, started: NaiveDate, today: NaiveDate) -> DateTime<Utc> {
        let first = started + Days::new(1);
        let recent = (today - Days::new(RECENT_DAYS)).max(first);
        let (from, before) =
            if self.chance.happens(EARLY_PERMILLE) { (first, recent) } else { (recent, today) };
        let span = (before - from).num_days().max(1);
        let day = from + Days::new(self.chance.between(0, span - 1).unsigned_abs());
        calendar::instant(day, self.chance.between(8 * 3600 + 1800, 20 * 3600))
    }

    fn person(&mut self, home: &'static str, registered_at: DateTime<Utc>, listed: bool) -> Person {
        let woman = self.chance.happens(540);
        let document = self.document(woman);
        self.drawn += 1;
        let face = listed || self.chance.happens(965);
        let number = self.drawn;
        Person {
            name: names::name(&mut self.chance, woman),
            document,
            phone: format!("142{:04}{:04}", self.chance.below(10_000), number),
            home,
            registered_at,
            // Who is named in the credentials can do everything.
            shows: if face { Method::Face } else { Method::Card },
            handle: format!("{}-{number:06}", if face { "face" } else { "card" }),
            statistics: listed || self.chance.happens(988),
            health: listed || number.is_multiple_of(HEALTH_ONE_IN),
            approved: listed || self.chance.happens(160),
            ardour: 1 + self.chance.below(10).min(self.chance.below(14)),
            listed,
        }
    }

    /// An unused number of somebody grown up when the platform started.
    fn document(&mut self, woman: bool) -> String {
        loop {
            let ages = [(1941, 1959, 30), (1960, 1979, 38), (1980, 2001, 32)];
            let (from, to, _) = ages[self.chance.weighted(ages.iter().map(|age| age.2))];
            let first = NaiveDate::from_ymd_opt(
                i32::try_from(self.chance.between(from, to)).unwrap_or(1980),
                1,
                1,
            )
            .unwrap_or_default();
            let born = first + Days::new(u64::from(self.chance.below(365)));
            let serial = self.chance.below(499) * 2 + u32::from(!woman);
            let body =
                format!("330499{:04}{:02}{:02}{serial:03}", born.year(), born.month(), born.day());
            let document = format!("{body}{}", check_digit(&body));
            if self.documents.insert(document.clone()) {
                return document;
            }
        }
    }
}

/// The 18th character of a resident ID number (GB 11643, ISO 7064 MOD 11-2) from the first 17.
fn check_digit(body: &str) -> char {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const DIGITS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];
    let sum: u32 =
        body.bytes().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    DIGITS[(sum % 11) as usize]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::places::PINGHU;

    fn today() -> NaiveDate {
        "2026-11-23".parse().expect("a day")
    }

    #[test]
    fn the_check_digit_is_the_standards() {
        // The example of GB 11643-1999, annex A.
        assert_eq!(check_digit("11010519491231002"), 'X');
        assert_eq!(check_digit("44052418800101001"), '4');
    }

    #[test]
    fn two_thousand_five_hundred_and_fifty_call_yongxing_home() {
        let people = draw(1, today());
        assert_eq!(people.iter().filter(|p| p.home == YONGXING).count(), YONGXING_MEMBERS);
        assert_eq!(people.iter().filter(|p| p.listed).count(), LISTED_MEMBERS);
        let start: DateTime<Utc> = "2020-12-01T00:00:00Z".parse().expect("an instant");
        assert!(people.iter().all(|p| p.listed == (p.registered_at == start)));
        let end = calendar::instant(today(), 0);
        assert!(people.iter().all(|p| p.registered_at < end && p.home.starts_with(PINGHU)));
    }

    #[test]
    fn nobody_shares_a_number_and_all_are_of_no_real_place() {
        let people = draw(1, today());
        let documents: HashSet<_> = people.iter().map(|p| &p.document).collect();
        let phones: HashSet<_> = people.iter().map(|p| &p.phone).collect();
        assert_eq!((documents.len(), phones.len()), (people.len(), people.len()));
        for person in &people {
            assert!(person.document.starts_with("330499") && person.document.len() == 18);
            assert_eq!(person.document.chars().last(), Some(check_digit(&person.document[..17])));
            assert!(person.phone.starts_with("142") && person.phone.len() == 11);
        }
        assert!(people.iter().any(|p| p.name.contains('·')));
        assert!(people.iter().any(|p| p.name.chars().any(|c| c > '\u{ffff}')));
    }
}
