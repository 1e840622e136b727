//! Today, live: who comes and who goes, for ever. It is told the time and gives the passages due;
//! it neither waits nor sends, so that any pace and any test can drive it.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    calendar,
    chance::Chance,
    history::direction,
    people::Person,
    places::{VENUES, YONGXING, door_of},
    visits::{admits, closing},
};
use crate::base::ids::Direction;

/// Somebody at a door, now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Passage {
    pub at: DateTime<Utc>,
    /// Position in [`super::places::DOORS`].
    pub door: usize,
    pub direction: Direction,
    /// Position among the people; `None` for a face that nobody knows.
    pub who: Option<usize>,
}

/// The doors open with so many people who would be inside by now, one after the other: a page that
/// is opened in the first minute already moves.
const OPENING_CROWD: u32 = 40;
const OPENING_GAP_MS: i64 = 1_500;
/// Visits of a live day. Far more than in the history, whose sum is fixed: a viewer should see a
/// passage every few seconds, not every quarter of an hour.
const VISITS_PER_DAY: i64 = 1_600;
/// The least weight of an hour: at night a venue that never closes still has visitors.
const QUIETEST_HOUR: u32 = 6;
const YONGXING_PERMILLE: u32 = 680;
const UNKNOWN_PERMILLE: u32 = 12;
/// Nobody comes again sooner than this after coming.
const REST: TimeDelta = TimeDelta::hours(5);

/// Somebody who has booked an hour, or gives it, and so will come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Appointment {
    /// Position among the people.
    pub who: usize,
    /// Position among the venues.
    pub venue: usize,
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// They come so long before the hour, and leave so long after it.
const EARLY: TimeDelta = TimeDelta::minutes(6);
const LINGERS: TimeDelta = TimeDelta::minutes(4);

/// The people who are out today.
pub struct Crowd<'a> {
    chance: Chance,
    people: &'a [Person],
    stays: Vec<Stay>,
    next_arrival: DateTime<Utc>,
    still_to_open: u32,
    /// The next one last.
    appointments: Vec<Appointment>,
}

struct Stay {
    who: usize,
    venue: usize,
    came: DateTime<Utc>,
    /// When a door will see them leave; `None` if none will, or once one has.
    leaves: Option<DateTime<Utc>>,
}

impl<'a> Crowd<'a> {
    /// A crowd that begins to come at `from`.
    pub fn new(seed: u64, people: &'a [Person], from: DateTime<Utc>) -> Self {
        Self {
            chance: Chance::new(seed, 4),
            people,
            stays: Vec::new(),
            next_arrival: from,
            still_to_open: OPENING_CROWD,
            appointments: Vec::new(),
        }
    }

    /// The same crowd, with these among it.
    pub fn expecting(mut self, mut appointments: Vec<Appointment>) -> Self {
        appointments.sort_by_key(|one| std::cmp::Reverse((one.from, one.who)));
        self.appointments = appointments;
        self
    }

    /// All passages up to `until`, oldest first.
    pub fn due(&mut self, until: DateTime<Utc>) -> Vec<Passage> {
        let mut passages = Vec::new();
        while self.next_arrival <= until {
            let at = self.next_arrival;
            passages.extend(self.keep_appointments(at));
            passages.extend(self.leave(at));
            passages.extend(self.arrive(at));
            self.next_arrival = at + self.gap(at);
        }
        passages.extend(self.keep_appointments(until));
        passages.extend(self.leave(until));
        passages.sort_by_key(|passage| passage.at);
        passages
    }

    /// Those who come because they have booked; whoever is out elsewhere goes on from there.
    fn keep_appointments(&mut self, until: DateTime<Utc>) -> Vec<Passage> {
        let mut passages = Vec::new();
        while let Some(next) = self.appointments.pop_if(|one| one.from - EARLY <= until) {
            let Appointment { who, venue, from, until } = next;
            let at = from - EARLY;
            let Some(door) = door_of(venue, false) else { continue };
            self.stays.retain(|stay| stay.who != who);
            self.stays.push(Stay { who, venue, came: at, leaves: Some(until + LINGERS) });
            passages.push(Passage { at, door, direction: direction(venue, false), who: Some(who) });
        }
        passages
    }

    /// Takes back an entry that the server refused: they will not leave either.
    pub fn turned_away(&mut self, who: usize) {
        if let Some(stay) = self.stays.iter_mut().find(|stay| stay.who == who) {
            stay.leaves = None;
        }
    }

    fn leave(&mut self, until: DateTime<Utc>) -> Vec<Passage> {
        self.stays.retain(|stay| stay.leaves.is_some() || stay.came + REST > until);
        let mut passages = Vec::new();
        for stay in &mut self.stays {
            let Some(at) = stay.leaves.filter(|at| *at <= until) else { continue };
            stay.leaves = None;
            passages.extend(door_of(stay.venue, true).map(|door| Passage {
                at,
                door,
                direction: direction(stay.venue, true),
                who: Some(stay.who),
            }));
        }
        passages.sort_by_key(|passage| passage.at);
        passages
    }

    fn arrive(&mut self, at: DateTime<Utc>) -> Option<Passage> {
        let venue = self.venue(at)?;
        let door = door_of(venue, false)?;
        let mut passage = Passage { at, door, direction: direction(venue, false), who: None };
        if self.chance.happens(UNKNOWN_PERMILLE) {
            return Some(passage);
        }
        let who = self.visitor(venue)?;
        let leaves = self.leaving(venue, at);
        self.stays.push(Stay { who, venue, came: at, leaves });
        passage.who = Some(who);
        Some(passage)
    }

    /// An open venue, most often one of Yongxing's.
    fn venue(&mut self, at: DateTime<Utc>) -> Option<usize> {
        let day = calendar::business_day(at);
        let minute = calendar::minute_of(at);
        let in_yongxing = self.chance.happens(YONGXING_PERMILLE);
        let weight = |venue: usize, only: bool| {
            let fits = !only || (VENUES[venue].community == YONGXING) == in_yongxing;
            if fits && admits(venue, day, minute) { VENUES[venue].weight } else { 0 }
        };
        let only = (0..VENUES.len()).any(|venue| weight(venue, true) > 0);
        let weights: Vec<u32> = (0..VENUES.len()).map(|venue| weight(venue, only)).collect();
        if weights.iter().all(|weight| *weight == 0) {
            return None;
        }
        Some(self.chance.weighted(weights.iter().copied()))
    }

    /// Somebody who is not out yet; `None` if chance finds nobody soon.
    fn visitor(&mut self, venue: usize) -> Option<usize> {
        const TRIES: u32 = 2_000;
        (0..TRIES).find_map(|_| {
            let who = self.chance.index(self.people.len());
            let person = &self.people[who];
            let fits = !person.listed
                && person.home == VENUES[venue].community
                && (person.approved || !VENUES[venue].needs_approval());
            let free = fits && self.stays.iter().all(|stay| stay.who != who);
            free.then_some(who)
        })
    }

    /// When a door sees them leave, if one does.
    fn leaving(&mut self, venue: usize, came: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let stay = TimeDelta::seconds(self.chance.between(25 * 60, 130 * 60));
        if self.chance.happens(VENUES[venue].exits_missing_permille) {
            return None;
        }
        let leaves = came + stay;
        Some(closing(venue, came).map_or(leaves, |closes| leaves.min(closes)))
    }

    fn gap(&mut self, at: DateTime<Utc>) -> TimeDelta {
        if self.still_to_open > 0 {
            self.still_to_open -= 1;
            return TimeDelta::milliseconds(OPENING_GAP_MS);
        }
        let weights = calendar::hour_weights(calendar::business_day(at));
        let sum: u32 = weights.iter().sum();
        let hour = usize::try_from(calendar::minute_of(at) / 60).unwrap_or(0);
        let weight = weights.get(hour).copied().unwrap_or(0).max(QUIETEST_HOUR);
        let mean_ms = 3_600_000 * i64::from(sum) / (VISITS_PER_DAY * i64::from(weight));
        TimeDelta::milliseconds(self.chance.between(mean_ms / 4, mean_ms * 7 / 4))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::demo::people;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a valid instant")
    }

    #[test]
    fn the_first_minute_brings_people_and_the_day_goes_on() {
        let now = at("2026-11-23T08:00:00Z");
        let people = people::draw(1, calendar::business_day(now));
        let mut crowd = Crowd::new(1, &people, now);
        assert!(crowd.due(now + TimeDelta::minutes(1)).len() > 30);
        let passages = crowd.due(now + TimeDelta::hours(24));
        assert!((1_500..4_000).contains(&passages.len()), "{}", passages.len());
        assert!(passages.iter().any(|p| p.direction == Direction::Out));
        assert!(passages.iter().any(|p| p.who.is_none()));
        assert!(passages.iter().filter_map(|p| p.who).all(|who| !people[who].listed));
    }

    #[test]
    fn at_night_only_venues_that_never_close_have_visitors() {
        let night = at("2026-11-22T18:00:00Z");
        let people = people::draw(1, calendar::business_day(night));
        let mut crowd = Crowd::new(1, &people, night);
        let passages = crowd.due(night + TimeDelta::minutes(30));
        assert!(!passages.is_empty());
        for passage in passages {
            assert!(VENUES[crate::demo::places::DOORS[passage.door].venue].hours.is_none());
        }
    }

    #[test]
    fn whoever_has_booked_comes_in_time_and_leaves_afterwards() {
        let now = at("2026-11-23T08:00:00Z");
        let people = people::draw(1, calendar::business_day(now));
        let from = now + TimeDelta::hours(2);
        let booked = Appointment { who: 0, venue: 0, from, until: from + TimeDelta::hours(1) };
        let mut crowd = Crowd::new(1, &people, now).expecting(vec![booked]);
        let passages = crowd.due(now + TimeDelta::hours(4));
        assert!(passages.is_sorted_by_key(|passage| passage.at));
        let theirs: Vec<_> = passages.iter().filter(|p| p.who == Some(0)).collect();
        let ways: Vec<_> = theirs.iter().map(|p| p.direction).collect();
        assert_eq!(ways, [Direction::In, Direction::Out]);
        assert!(theirs[0].at < from && theirs[1].at > booked.until);
    }

    #[test]
    fn whoever_was_turned_away_does_not_leave() {
        let now = at("2026-11-23T02:00:00Z");
        let people = people::draw(2, calendar::business_day(now));
        let mut crowd = Crowd::new(2, &people, now);
        let mut came: HashMap<usize, u32> = HashMap::new();
        for passage in crowd.due(now + TimeDelta::minutes(10)) {
            if let Some(who) = passage.who {
                *came.entry(who).or_default() += 1;
                crowd.turned_away(who);
            }
        }
        let later = crowd.due(now + TimeDelta::hours(4));
        let again = later.iter().filter_map(|p| p.who).filter(|who| came.contains_key(who));
        assert_eq!(again.count(), 0);
    }
}
