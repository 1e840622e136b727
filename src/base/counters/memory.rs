//! The store in the process: what `scripts` does in Redis, said in Rust. Lost with the process,
//! seen by no other.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Marker,
    values::{Family, Person, Presence, Projected, Stored},
};
use crate::base::ids::{DivisionCode, MemberId, VenueId};

/// Days kept behind the newest one: more than the current ones, which is all that is read here.
const DAYS_KEPT: Days = Days::new(8);
/// How long past expiry or leaving an older write is still refused.
pub(super) const REFUSAL_KEPT: TimeDelta = TimeDelta::days(1);

#[derive(Default)]
pub(super) struct Memory(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    days: HashMap<(Family, Uuid, NaiveDate), Stored>,
    inside: HashMap<VenueId, Inside>,
    people: HashMap<(DivisionCode, NaiveDate), People>,
    newest: Option<NaiveDate>,
    generation: Option<i64>,
    building: Option<i64>,
}

/// Who is inside one venue.
#[derive(Default)]
struct Inside {
    generation: i64,
    known: HashMap<MemberId, Known>,
    /// The same members by when to forget them.
    forget: BTreeSet<(DateTime<Utc>, MemberId)>,
}

struct Known {
    version: i64,
    expires_at: Option<DateTime<Utc>>,
    forget_at: DateTime<Utc>,
}

/// The people of one division's day.
#[derive(Default)]
struct People {
    generation: i64,
    known: HashMap<MemberId, (i64, bool)>,
    count: i64,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whatever a panic left half done is an absolute value that the next write replaces.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, rows: &[Projected]) {
        let mut inner = self.lock();
        for row in rows {
            inner.meet(row.day);
            let stored = Stored {
                generation: row.generation,
                version: row.version,
                fields: row.fields.iter().copied().collect(),
            };
            let key = (row.family, row.key, row.day);
            let newest = |s: &Stored| (s.generation, s.version);
            match inner.days.get(&key) {
                Some(old) if newest(old) > newest(&stored) => {}
                Some(_) | None => _ = inner.days.insert(key, stored),
            }
        }
    }

    pub(super) fn present(&self, rows: &[Presence], now: DateTime<Utc>) {
        let mut inner = self.lock();
        for row in rows {
            inner.inside.entry(row.venue).or_default().trim(now);
        }
        for row in rows {
            inner.inside.entry(row.venue).or_default().apply(row, now);
        }
    }

    pub(super) fn put_people(&self, rows: &[Person]) {
        let mut inner = self.lock();
        for row in rows {
            inner.meet(row.day);
            inner.people.entry((row.division.clone(), row.day)).or_default().apply(row);
        }
    }

    pub(super) fn inside(&self, venues: &[VenueId], now: DateTime<Utc>, oldest: i64) -> Vec<i64> {
        let inner = self.lock();
        let count = |venue| match inner.inside.get(venue) {
            Some(set) if set.generation >= oldest => set.count(now),
            Some(_) | None => 0,
        };
        venues.iter().map(count).collect()
    }

    pub(super) fn people(
        &self,
        divisions: &[DivisionCode],
        day: NaiveDate,
        oldest: i64,
    ) -> Vec<i64> {
        let inner = self.lock();
        let count = |division: &DivisionCode| match inner.people.get(&(division.clone(), day)) {
            Some(people) if people.generation >= oldest => people.count,
            Some(_) | None => 0,
        };
        divisions.iter().map(count).collect()
    }

    pub(super) fn get(&self, family: Family, keys: &[Uuid], day: NaiveDate) -> Vec<Option<Stored>> {
        let inner = self.lock();
        keys.iter().map(|key| inner.days.get(&(family, *key, day)).cloned()).collect()
    }

    pub(super) fn marker(&self) -> Marker {
        let inner = self.lock();
        Marker { complete: inner.generation, building: inner.building }
    }

    pub(super) fn begin(&self, generation: i64) {
        self.lock().building = Some(generation);
    }

    pub(super) fn mark(&self, generation: i64) -> bool {
        let mut inner = self.lock();
        let begun = inner.building == Some(generation);
        if begun {
            inner.generation = inner.building.take();
        }
        begun
    }
}

impl Inner {
    /// Forgets what is far behind once a newer day turns up.
    fn meet(&mut self, day: NaiveDate) {
        if self.newest.is_some_and(|newest| newest >= day) {
            return;
        }
        self.newest = Some(day);
        let oldest = day - DAYS_KEPT;
        self.days.retain(|(_, _, day), _| *day >= oldest);
        self.people.retain(|(_, day), _| *day >= oldest);
    }
}

impl Inside {
    fn apply(&mut self, row: &Presence, now: DateTime<Utc>) {
        if row.generation < self.generation {
            return;
        }
        if row.generation > self.generation {
            *self = Self { generation: row.generation, ..Self::default() };
        }
        let known = self.known.get(&row.member);
        if known.is_some_and(|known| known.version > row.version) {
            return;
        }
        let forget_at = match (row.expires_at, known) {
            (Some(expires_at), _) => expires_at + REFUSAL_KEPT,
            (None, Some(known)) => known.forget_at.max(now + REFUSAL_KEPT),
            (None, None) => now + REFUSAL_KEPT,
        };
        if let Some(known) = known {
            self.forget.remove(&(known.forget_at, row.member));
        }
        self.forget.insert((forget_at, row.member));
        let known = Known { version: row.version, expires_at: row.expires_at, forget_at };
        self.known.insert(row.member, known);
    }

    fn trim(&mut self, now: DateTime<Utc>) {
        while let Some((forget_at, member)) = self.forget.first().copied() {
            if forget_at > now {
                return;
            }
            self.forget.pop_first();
            self.known.remove(&member);
        }
    }

    fn count(&self, now: DateTime<Utc>) -> i64 {
        let inside = |known: &&Known| known.expires_at.is_some_and(|at| at > now);
        i64::try_from(self.known.values().filter(inside).count()).unwrap_or(i64::MAX)
    }
}

impl People {
    fn apply(&mut self, row: &Person) {
        if row.generation < self.generation {
            return;
        }
        if row.generation > self.generation {
            *self = Self { generation: row.generation, ..Self::default() };
        }
        let known = self.known.get(&row.member);
        if known.is_some_and(|(version, _)| *version > row.version) {
            return;
        }
        let was = known.is_some_and(|(_, present)| *present);
        self.count += i64::from(row.present) - i64::from(was);
        self.known.insert(row.member, (row.version, row.present));
    }
}
