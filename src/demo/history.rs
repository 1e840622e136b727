//! The history as the terminals saw it: for every door its records in the order of time, with the
//! scans that did not go smoothly: repeats, and faces that nobody knows.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    chance::Chance,
    places::{DOORS, Pairing, VENUES, door_of},
    visits::Visit,
};
use crate::base::ids::Direction;

/// One record of a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// The true time; a terminal whose clock runs fast reports a later one.
    pub at: DateTime<Utc>,
    pub direction: Direction,
    /// Position among the people; `None` for a face that nobody knows.
    pub who: Option<usize>,
}

/// How many of a thousand scans are repeated at once.
const REPEATED_PERMILLE: u32 = 15;
/// How many of a thousand entries are followed by an unknown face.
const UNKNOWN_PERMILLE: u32 = 5;

/// The records of each of [`DOORS`], oldest first.
pub fn draw(seed: u64, visits: &[Visit]) -> Vec<Vec<Record>> {
    let mut chance = Chance::new(seed, 3);
    let mut records: Vec<Vec<Record>> = DOORS.iter().map(|_| Vec::new()).collect();
    for visit in visits {
        scan(&mut chance, &mut records, visit, visit.entered, false);
        if let Some(left) = visit.left {
            scan(&mut chance, &mut records, visit, left, true);
        }
    }
    for door in &mut records {
        door.sort_by_key(|record| (record.at, record.who));
    }
    records
}

fn scan(
    chance: &mut Chance,
    records: &mut [Vec<Record>],
    visit: &Visit,
    at: DateTime<Utc>,
    leaving: bool,
) {
    let Some(door) = door_of(visit.venue, leaving) else { return };
    let direction = direction(visit.venue, leaving);
    let record = Record { at, direction, who: Some(visit.who) };
    records[door].push(record);
    if chance.happens(REPEATED_PERMILLE) {
        let at = at + TimeDelta::seconds(chance.between(3, 45));
        records[door].push(Record { at, ..record });
    }
    if !leaving && chance.happens(UNKNOWN_PERMILLE) {
        let at = at + TimeDelta::seconds(chance.between(5, 240));
        records[door].push(Record { at, who: None, ..record });
    }
}

/// What a door says: one reader for both ways cannot tell, and calls every scan an entry.
pub fn direction(venue: usize, leaving: bool) -> Direction {
    if leaving && VENUES[venue].pairing != Pairing::Toggle { Direction::Out } else { Direction::In }
}
