//! Failed sign-ins in this process, per name and per address, also for names that nobody has: so
//! that being locked out tells nothing. Failures of real accounts are kept in SQL as well.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures within [`WINDOW`] after which nobody is let try again.
pub const FAILURES_MAX: i32 = 5;
pub const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Names and addresses remembered; past it the ones that end first are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// Who failed lately.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<Who, Window>>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Who {
    Name(String),
    Address(IpAddr),
}

struct Window {
    failures: i32,
    ends: DateTime<Utc>,
}

impl Attempts {
    /// Counts an attempt as failed before it is made, so that many at once cannot slip through;
    /// refuses with the seconds to wait when there were too many.
    pub fn count(&self, name: &str, from: Option<IpAddr>, now: DateTime<Utc>) -> Result<(), u32> {
        let mut windows = self.windows();
        let both = whos(name, from);
        for who in &both {
            if let Some(window) = windows.get(who)
                && window.ends > now
                && window.failures >= FAILURES_MAX
            {
                return Err(seconds_until(window.ends, now));
            }
        }
        make_room(&mut windows, now);
        for who in both {
            let window = windows.entry(who).or_insert(Window { failures: 0, ends: now });
            if window.ends <= now {
                *window = Window { failures: 0, ends: now + WINDOW };
            }
            window.failures += 1;
        }
        Ok(())
    }

    /// Takes back what [`Attempts::count`] counted, since the attempt went well.
    pub fn forgive(&self, name: &str, from: Option<IpAddr>) {
        let mut windows = self.windows();
        for who in whos(name, from) {
            match (&who, windows.get_mut(&who)) {
                (Who::Name(_), _) => drop(windows.remove(&who)),
                // Others behind the same address may still be guessing.
                (Who::Address(_), Some(window)) => window.failures -= 1,
                (Who::Address(_), None) => {}
            }
        }
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Who, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whole seconds until `end`, rounded up, at least one.
pub fn seconds_until(end: DateTime<Utc>, now: DateTime<Utc>) -> u32 {
    u32::try_from((end - now).num_milliseconds().saturating_add(999) / 1000)
        .map_or(1, |seconds| seconds.max(1))
}

fn whos(name: &str, from: Option<IpAddr>) -> Vec<Who> {
    let mut both = vec![Who::Name(name.to_owned())];
    both.extend(from.map(Who::Address));
    both
}

fn make_room(windows: &mut HashMap<Who, Window>, now: DateTime<Utc>) {
    if windows.len() < REMEMBERED_MAX {
        return;
    }
    windows.retain(|_, window| window.ends > now);
    if windows.len() < REMEMBERED_MAX {
        return;
    }
    // Half of what is left, so that an attacker with many addresses cannot make each request sort.
    let mut ends: Vec<_> = windows.values().map(|window| window.ends).collect();
    let (_, median, _) = ends.select_nth_unstable(REMEMBERED_MAX / 2);
    let median = *median;
    windows.retain(|_, window| window.ends > median);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::base::clock::from_millis;

    const HOME: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn the_sixth_attempt_in_a_quarter_of_an_hour_waits() {
        let attempts = Attempts::default();
        let now = from_millis(0);
        for _ in 0..5 {
            assert_eq!(attempts.count("a", None, now), Ok(()));
        }
        assert_eq!(attempts.count("a", None, now + TimeDelta::seconds(1)), Err(899));
        assert_eq!(attempts.count("b", None, now), Ok(()));
        assert_eq!(attempts.count("a", None, now + WINDOW), Ok(()));
    }

    #[test]
    fn an_address_is_locked_whatever_names_it_tries() {
        let attempts = Attempts::default();
        let now = from_millis(0);
        for name in ["a", "b", "c", "d", "e"] {
            assert_eq!(attempts.count(name, HOME, now), Ok(()));
        }
        assert!(attempts.count("f", HOME, now).is_err());
        attempts.forgive("e", HOME);
        assert_eq!(attempts.count("f", HOME, now), Ok(()));
        assert!(attempts.count("g", HOME, now).is_err());
    }

    /// Whoever tries many names, one after the other or all at once.
    #[test]
    fn memory_stays_bounded() {
        for apart_ms in [0, 1] {
            let attempts = Attempts::default();
            for n in 0..100_010 {
                attempts.count(&n.to_string(), None, from_millis(n * apart_ms)).unwrap();
                assert!(attempts.windows().len() <= 100_000);
            }
        }
    }

    #[test]
    fn names_whose_time_is_over_make_room_before_any_other_is_forgotten() {
        let attempts = Attempts::default();
        let now = from_millis(0);
        attempts.count("over", None, now).unwrap();
        let later = now + TimeDelta::milliseconds(1);
        for _ in 0..5 {
            attempts.count("locked", None, later).unwrap();
        }
        let last = now + WINDOW - TimeDelta::milliseconds(1);
        for n in 2..100_000 {
            attempts.count(&n.to_string(), None, last).unwrap();
        }
        assert_eq!(attempts.windows().len(), 100_000);
        // The first of all has just ended; the second ends a moment later.
        attempts.count("another", None, now + WINDOW).unwrap();
        assert!(attempts.count("locked", None, now + WINDOW).is_err());
        assert_eq!(attempts.windows().len(), 100_000);
    }
}
