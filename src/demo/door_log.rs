//! A door log of a gym, given to members: who swiped is unknown, so each row gets a seeded random
//! person that fits it. The same seed gives the same history.

use anyhow::{Context, bail, ensure};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::{calendar, chance::Chance};
use crate::base::ids::Direction;

/// How long somebody counts as inside after coming in.
const INSIDE: TimeDelta = TimeDelta::minutes(240);

/// Its draws of seed 1 give the figures that the log is described with: 2 241 pairs, 5 orphans.
const STREAM: u64 = 13;

/// One row of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swipe {
    /// The row's number, from 1: the record's number too.
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub direction: Direction,
    /// Position among the members.
    pub who: usize,
}

/// Reads a log with the columns `DeviceName,Direction,AlarmDateTime` (month/day/year hour:minute,
/// local time, oldest first), moves it by whole weeks, so that weekdays stay, and gives every row
/// to one of `members`: an `In` to somebody outside, an `Out` to somebody inside, or to anybody
/// where nobody is.
pub fn assign(
    log: impl std::io::Read,
    seed: u64,
    shift_weeks: i64,
    members: usize,
) -> anyhow::Result<Vec<Swipe>> {
    ensure!(members > 0, "a door log needs members");
    let shift = TimeDelta::try_weeks(shift_weeks).context("too many weeks")?;
    let mut hall = Hall { chance: Chance::new(seed, STREAM), members, inside: Vec::new() };
    let mut swipes: Vec<Swipe> = Vec::new();
    let mut minute = None;
    for (row, record) in (1_i64..).zip(csv::Reader::from_reader(log).records()) {
        let record = record.with_context(|| format!("row {row} is no CSV"))?;
        let (direction, written) = read(&record).with_context(|| format!("row {row}"))?;
        // The log has no seconds. Rows of one minute get one second after the other, so that their
        // order is not lost.
        let before = swipes.last().map(|swipe| swipe.at);
        let at = match before {
            Some(before) if minute == Some(written) => before + TimeDelta::seconds(1),
            _ => local(written + shift),
        };
        ensure!(before.is_none_or(|before| before <= at), "row {row} is older than the one before");
        minute = Some(written);
        swipes.push(Swipe { seq: row, at, direction, who: hall.pass(direction, at)? });
    }
    Ok(swipes)
}

fn read(record: &csv::StringRecord) -> anyhow::Result<(Direction, NaiveDateTime)> {
    let direction = match record.get(1) {
        Some("In") => Direction::In,
        Some("Out") => Direction::Out,
        Some(_) | None => bail!("the direction is neither In nor Out"),
    };
    let time = record.get(2).context("there is no time")?;
    Ok((direction, NaiveDateTime::parse_from_str(time, "%m/%d/%Y %H:%M")?))
}

fn local(time: NaiveDateTime) -> DateTime<Utc> {
    calendar::instant(time.date(), i64::from(chrono::Timelike::num_seconds_from_midnight(&time)))
}

struct Hall {
    chance: Chance,
    members: usize,
    inside: Vec<(usize, DateTime<Utc>)>,
}

impl Hall {
    fn pass(&mut self, direction: Direction, at: DateTime<Utc>) -> anyhow::Result<usize> {
        self.inside.retain(|(_, came)| at - *came <= INSIDE);
        match direction {
            Direction::In => {
                let outside: Vec<usize> = (0..self.members)
                    .filter(|member| self.inside.iter().all(|(who, _)| who != member))
                    .collect();
                ensure!(!outside.is_empty(), "the log is too busy for {} members", self.members);
                let who = *self.chance.pick(&outside);
                self.inside.push((who, at));
                Ok(who)
            }
            Direction::Out if self.inside.is_empty() => Ok(self.chance.index(self.members)),
            Direction::Out => {
                let leaving = self.chance.index(self.inside.len());
                Ok(self.inside.remove(leaving).0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const LOG: &str = "DeviceName,Direction,AlarmDateTime\r\n\
        D,Out,2/2/2015 8:11\r\nD,In,2/2/2015 8:11\r\nD,Out,2/2/2015 9:30\r\n";

    #[test]
    fn rows_of_one_minute_keep_their_order_and_weekdays_stay() {
        let swipes = assign(LOG.as_bytes(), 1, 520, 3).expect("a log");
        let times: Vec<_> = swipes.iter().map(|s| s.at.to_rfc3339()).collect();
        assert_eq!(
            times,
            ["2025-01-20T00:11:00+00:00", "2025-01-20T00:11:01+00:00", "2025-01-20T01:30:00+00:00"]
        );
        assert_eq!(swipes[1].who, swipes[2].who);
        assert_eq!(swipes.iter().map(|s| s.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(swipes, assign(LOG.as_bytes(), 1, 520, 3).expect("a log"));
    }

    #[test]
    fn what_is_no_log_is_refused_by_row() {
        for text in ["A,B,C\nD,Up,2/2/2015 8:11\n", "A,B,C\nD,In,2015-02-02\n", "A,B,C\nD\n"] {
            assert!(assign(text.as_bytes(), 1, 0, 3).is_err());
        }
        assert!(assign(LOG.as_bytes(), 1, 520, 0).is_err());
    }

    #[test]
    fn a_year_of_real_swipes_has_its_pairs_and_orphans() {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/wellness-centre-swipes-2015.csv");
        let Ok(log) = std::fs::read(path) else {
            eprintln!("SKIPPED: the year of real swipes is not on this machine");
            return;
        };
        for seed in 1..=5 {
            let swipes = assign(&log[..], seed, 520, 60).expect("a log");
            assert_eq!(swipes.len(), 7_759);
            let (pairs, orphans, minutes) = pair(&swipes);
            // Which stays outlast the four hours is chance, so a few exits find nobody inside.
            assert!(pairs + orphans == 2_246 && (3..=9).contains(&orphans), "{orphans} orphans");
            assert!((70..=78).contains(&(minutes / pairs)), "{} minutes a pair", minutes / pairs);
            assert!(seed != 1 || orphans == 5);
        }
    }

    /// (pairs, orphans, minutes of the pairs)
    fn pair(swipes: &[Swipe]) -> (i64, i64, i64) {
        let (mut pairs, mut orphans, mut minutes) = (0, 0, 0);
        let mut came: HashMap<usize, DateTime<Utc>> = HashMap::new();
        for swipe in swipes {
            let there = came.remove(&swipe.who).filter(|at| swipe.at - *at <= INSIDE);
            match (swipe.direction, there) {
                (Direction::In, there) => {
                    assert_eq!(there, None, "who comes in was outside");
                    came.insert(swipe.who, swipe.at);
                }
                (Direction::Out, Some(at)) => {
                    pairs += 1;
                    minutes += (swipe.at - at).num_minutes();
                }
                (Direction::Out, None) => orphans += 1,
            }
        }
        (pairs, orphans, minutes)
    }
}
