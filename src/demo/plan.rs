//! The whole town from a seed: its people, and what every terminal saw until today.

use anyhow::ensure;
use chrono::{DateTime, Days, Months, NaiveDate, Utc};

use super::{
    calendar, chance::Chance, history, history::Record, people, people::Person, places::DOORS,
    visits, visits::Month,
};

/// What the community's members have exercised at Yongxing's venues before today, in minutes.
pub const TOTAL_MINUTES: i64 = 1_566_716;
/// Full calendar months of history before this one.
pub const FULL_MONTHS: u32 = 18;
/// Minutes of a full month where the history is shortened.
const MONTH_MINUTES: i64 = 84_300;
/// By how much full months differ from their mean, at most, in minutes.
const MONTH_SPREAD: i64 = 700;
/// Days for which one terminal was offline, up to today.
const OFFLINE_DAYS: u64 = 3;

/// The town.
pub struct Plan {
    /// The business day that has not finished; the history ends before it.
    pub today: NaiveDate,
    pub people: Vec<Person>,
    /// For each of [`DOORS`] its records, oldest first; record n has the number n + 1.
    pub records: Vec<Vec<Record>>,
}

impl Plan {
    /// Draws the town as of `now`; `months` shortens the history, which then has no exact sum.
    /// The same seed and business day give the same town. Fails where the clock says a time at
    /// which the platform was too young for such a history.
    pub fn draw(seed: u64, now: DateTime<Utc>, months: Option<u32>) -> anyhow::Result<Self> {
        let today = calendar::business_day(now);
        let grown = Months::new(months.unwrap_or(FULL_MONTHS).saturating_add(2));
        let begun = today.checked_sub_months(grown).unwrap_or(NaiveDate::MIN);
        ensure!(begun >= people::started_on(), "the history would begin before the platform did");
        let people = people::draw(seed, today);
        let visits = visits::draw(seed, &people, &months_before(seed, today, months));
        let records = history::draw(seed, &visits);
        Ok(Self { today, people, records })
    }

    /// A door's records as they arrive: those in time, and those that it sends when all else is
    /// there, because it was offline.
    pub fn in_time_and_late(&self, door: usize) -> (&[Record], &[Record]) {
        let records = &self.records[door];
        if !DOORS[door].was_offline {
            return (records, &[]);
        }
        let since =
            calendar::instant(self.today - Days::new(OFFLINE_DAYS), calendar::DAY_STARTS_AT_S);
        records.split_at(records.partition_point(|record| record.at < since))
    }
}

/// The months of the history with their minutes: full ones, then this month's finished days.
fn months_before(seed: u64, today: NaiveDate, shortened: Option<u32>) -> Vec<Month> {
    let count = shortened.unwrap_or(FULL_MONTHS);
    let this_month = calendar::month_start(today, 0);
    let done = weight(this_month, today);
    let whole = weight(this_month, calendar::month_start(this_month + Days::new(31), 0));
    let full = if shortened.is_none() {
        TOTAL_MINUTES * whole / (i64::from(count) * whole + done)
    } else {
        MONTH_MINUTES
    };
    let mut months: Vec<Month> = (0..count)
        .zip(spread(seed, count))
        .map(|(n, spread)| Month {
            from: calendar::month_start(today, count - n),
            before: calendar::month_start(today, count - n - 1),
            minutes: full + spread,
        })
        .collect();
    let rest = if shortened.is_none() {
        TOTAL_MINUTES - months.iter().map(|month| month.minutes).sum::<i64>()
    } else {
        full * done / whole
    };
    match months.last_mut() {
        // On the first of a month only the rounding is left over.
        Some(last) if done == 0 => last.minutes += rest,
        _ => months.push(Month { from: this_month, before: today, minutes: rest }),
    }
    months
}

/// How far each of `count` months lies from the mean; zero in sum but for the rounding.
fn spread(seed: u64, count: u32) -> Vec<i64> {
    let mut chance = Chance::new(seed, 6);
    let drawn: Vec<i64> = (0..count).map(|_| chance.between(-MONTH_SPREAD, MONTH_SPREAD)).collect();
    let mean = drawn.iter().sum::<i64>() / i64::from(count.max(1));
    drawn.into_iter().map(|month| month - mean).collect()
}

fn weight(from: NaiveDate, before: NaiveDate) -> i64 {
    calendar::days(from, before).map(|day| i64::from(calendar::day_weight(day))).sum()
}
