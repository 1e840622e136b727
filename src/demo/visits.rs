//! Who went where, and for how long: draws outings until every month has its minutes, then shortens
//! measured stays until the sum is exact. Minutes are reckoned here by the product's own rule:
//! whole minutes between in and out, else the usual stay cut by closing and by the next entry.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{
    calendar,
    chance::Chance,
    people::Person,
    places::{Pairing, USUAL_STAY_MIN, VENUES, YONGXING},
};

/// One stay of one person.
pub struct Visit {
    /// Position among the people.
    pub who: usize,
    /// Position in [`VENUES`].
    pub venue: usize,
    pub entered: DateTime<Utc>,
    /// When they left, if a door saw it.
    pub left: Option<DateTime<Utc>>,
    /// Whole minutes that the product credits.
    pub minutes: i64,
}

impl Visit {
    pub fn is_at(&self, community: &str) -> bool {
        VENUES[self.venue].community == community
    }
}

/// The days from `from` to before `before` belong together and hold `minutes` at Yongxing.
pub struct Month {
    pub from: NaiveDate,
    pub before: NaiveDate,
    pub minutes: i64,
}

/// Visits on a busy day in the communities besides Yongxing.
const ELSEWHERE_PERMILLE_OF_YONGXING: u32 = 120;
/// Nobody comes later than this before closing.
const LAST_ENTRY_BEFORE_CLOSING_MIN: i64 = 25;
/// A measured stay: the least, plus three draws up to the step, 81 minutes on average.
const STAY_LEAST_MIN: i64 = 33;
const STAY_STEP_MIN: i64 = 34;
/// No stay is shortened below this.
const STAY_FLOOR_MIN: i64 = 12;
/// How many of a thousand whose exit nobody saw go on to another venue at once.
const MOVES_ON_PERMILLE: u32 = 30;
/// How many of a thousand visitors come from another community's venue or home.
const GUEST_PERMILLE: u32 = 70;

/// Draws the visits of all months. Yongxing's credited minutes are exactly the months' sum.
pub fn draw(seed: u64, people: &[Person], months: &[Month]) -> Vec<Visit> {
    let mut diary =
        Diary { chance: Chance::new(seed, 2), people, taken: HashSet::new(), visits: Vec::new() };
    let mut minutes = 0;
    for month in months {
        minutes += diary.month(month);
    }
    let wanted: i64 = months.iter().map(|month| month.minutes).sum();
    shorten(&mut diary.visits, minutes - wanted);
    diary.visits
}

struct Diary<'a> {
    chance: Chance,
    people: &'a [Person],
    /// One outing a person and business day: so no stay meets the next day's.
    taken: HashSet<(usize, NaiveDate)>,
    visits: Vec<Visit>,
}

impl Diary<'_> {
    /// Draws until Yongxing has the month's minutes or a little more; gives what it has.
    fn month(&mut self, month: &Month) -> i64 {
        let days: Vec<_> = calendar::days(month.from, month.before).collect();
        let weights: Vec<_> = days.iter().map(|day| calendar::day_weight(*day)).collect();
        let mut minutes = 0;
        while minutes < month.minutes {
            let day = days[self.chance.weighted(weights.iter().copied())];
            minutes += self.outing(day, |venue| VENUES[venue].community == YONGXING);
            if self.chance.happens(ELSEWHERE_PERMILLE_OF_YONGXING) {
                let day = days[self.chance.weighted(weights.iter().copied())];
                self.outing(day, |venue| VENUES[venue].community != YONGXING);
            }
        }
        minutes
    }

    /// One person's outing on a day; gives the minutes credited at Yongxing.
    fn outing(&mut self, day: NaiveDate, among: impl Fn(usize) -> bool) -> i64 {
        let weight = |venue: usize| if among(venue) { VENUES[venue].weight } else { 0 };
        let venue = self.chance.weighted((0..VENUES.len()).map(weight));
        let who = self.visitor(venue, day);
        let Some(minute) = self.minute(venue, day) else { return 0 };
        self.taken.insert((who, day));
        let entered = calendar::instant(day, minute * 60 + self.chance.between(0, 59));
        let left = self.exit(venue, entered);
        let onward = if left.is_none() { self.onward(who, venue, entered) } else { None };
        let mut minutes = self.note(who, venue, entered, left, onward.map(|next| next.1));
        if let Some((next, at)) = onward {
            let left = self.exit(next, at);
            minutes += self.note(who, next, at, left, None);
        }
        minutes
    }

    /// Somebody registered before the day, not out yet on it, eager enough.
    fn visitor(&mut self, venue: usize, day: NaiveDate) -> usize {
        let guest = self.chance.happens(GUEST_PERMILLE);
        loop {
            let who = self.chance.index(self.people.len());
            let person = &self.people[who];
            let at_home = person.home == VENUES[venue].community;
            let fits = at_home != guest
                && !person.listed
                && calendar::business_day(person.registered_at) < day
                && (person.approved || !VENUES[venue].needs_approval());
            if fits && self.chance.below(10) < person.ardour && !self.taken.contains(&(who, day)) {
                return who;
            }
        }
    }

    /// The minute of the local day at which somebody comes, while the venue is open.
    fn minute(&mut self, venue: usize, day: NaiveDate) -> Option<i64> {
        const TRIES: u32 = 200;
        (0..TRIES).find_map(|_| {
            let hour = self.chance.weighted(calendar::hour_weights(day).iter().copied());
            let minute = i64::try_from(hour).unwrap_or(0) * 60 + self.chance.between(0, 59);
            admits(venue, day, minute).then_some(minute)
        })
    }

    /// When the person leaves, if a door sees it.
    fn exit(&mut self, venue: usize, entered: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let step = |chance: &mut Chance| chance.between(0, STAY_STEP_MIN);
        let stay = STAY_LEAST_MIN + (0..3).map(|_| step(&mut self.chance)).sum::<i64>();
        let seconds = self.chance.between(0, 59);
        if self.chance.happens(VENUES[venue].exits_missing_permille) {
            return None;
        }
        let stay =
            closing(venue, entered).map_or(stay, |at| stay.min((at - entered).num_minutes()));
        Some(entered + TimeDelta::seconds(stay * 60 + seconds))
    }

    /// Where the person goes next, and when they arrive.
    fn onward(
        &mut self,
        who: usize,
        venue: usize,
        entered: DateTime<Utc>,
    ) -> Option<(usize, DateTime<Utc>)> {
        if !self.chance.happens(MOVES_ON_PERMILLE) {
            return None;
        }
        let at = entered + TimeDelta::seconds(self.chance.between(20 * 60, 50 * 60));
        let day = calendar::business_day(entered);
        let community = VENUES[venue].community;
        let next = (0..VENUES.len()).find(|next| {
            *next != venue
                && VENUES[*next].community == community
                && VENUES[*next].weight > 0
                && (self.people[who].approved || !VENUES[*next].needs_approval())
                && admits(*next, day, (at - calendar::instant(day, 0)).num_minutes())
        })?;
        Some((next, at))
    }

    /// Writes a visit down; gives its minutes if it is one of Yongxing's.
    fn note(
        &mut self,
        who: usize,
        venue: usize,
        entered: DateTime<Utc>,
        left: Option<DateTime<Utc>>,
        next_entry: Option<DateTime<Utc>>,
    ) -> i64 {
        let ended = left.unwrap_or_else(|| estimated_end(venue, entered, next_entry));
        let credited = self.people[who].statistics;
        let minutes = if credited { (ended - entered).num_minutes() } else { 0 };
        self.visits.push(Visit { who, venue, entered, left, minutes });
        if VENUES[venue].community == YONGXING { minutes } else { 0 }
    }
}

/// Whether somebody may come at a minute of the local day.
pub fn admits(venue: usize, day: NaiveDate, minute: i64) -> bool {
    VENUES[venue].period(calendar::is_weekend(day)).is_none_or(|(opens, closes)| {
        opens <= minute && minute <= closes - LAST_ENTRY_BEFORE_CLOSING_MIN
    })
}

/// When the venue closes after an entry while it is open; `None` if it never does.
pub fn closing(venue: usize, entered: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let day = calendar::business_day(entered);
    let period = VENUES[venue].period(calendar::is_weekend(day))?;
    Some(calendar::instant(day, period.1 * 60))
}

fn estimated_end(
    venue: usize,
    entered: DateTime<Utc>,
    next_entry: Option<DateTime<Utc>>,
) -> DateTime<Utc> {
    let usual = entered + TimeDelta::minutes(USUAL_STAY_MIN);
    let cuts = [closing(venue, entered), next_entry];
    cuts.into_iter().flatten().fold(usual, DateTime::min)
}

/// Takes `excess` minutes from measured stays of Yongxing, one each and evenly spread, as often as
/// it takes.
fn shorten(visits: &mut [Visit], mut excess: i64) {
    while excess > 0 {
        let mut measured: Vec<_> = visits.iter_mut().filter(|visit| can_shorten(visit)).collect();
        let count = i64::try_from(measured.len()).unwrap_or(i64::MAX);
        assert!(count > 0, "a town of this size has stays to shorten");
        let taken = excess.min(count);
        for n in 0..taken {
            let at = usize::try_from(n * count / taken).unwrap_or(0);
            let visit = &mut *measured[at];
            visit.left = visit.left.map(|left| left - TimeDelta::minutes(1));
            visit.minutes -= 1;
        }
        excess -= taken;
    }
}

fn can_shorten(visit: &Visit) -> bool {
    let measured = visit.left.is_some() && VENUES[visit.venue].pairing != Pairing::EntryOnly;
    measured && visit.is_at(YONGXING) && visit.minutes > STAY_FLOOR_MIN
}
