//! What came of fitness tests: by age band, and by whether somebody had a plan, how much people
//! exercised between two tests and how their points changed. By quarters that are over, by the
//! quarter of the later test; groups under ten people are hidden, also where differences would show
//! them.

use chrono::{DateTime, Datelike as _, Months, NaiveDate, Utc};
use sea_orm::DatabaseConnection;

use super::hidden::{self, Visitor};
use crate::{
    base::{
        error::{Code, Error},
        ids::DivisionCode,
        keys::Keys,
    },
    fitness::outcomes::{self, Loop},
};

/// Age bands, in completed years, both ends included.
const BANDS: [(i32, Option<i32>); 5] =
    [(18, Some(29)), (30, Some(39)), (40, Some(49)), (50, Some(59)), (60, None)];
const QUARTER_MONTHS: u32 = 3;
/// The version of what the figures mean.
pub const DEFINITION: u32 = 1;

/// What may be told of a group; means are of its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub age_from: i32,
    pub age_to: Option<i32>,
    pub planned: bool,
    /// None: somebody is in it, and fewer than ten, or a difference would show fewer.
    pub told: Option<Told>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub people: usize,
    pub minutes_per_week: i64,
    /// Hundredths of a point.
    pub change: i64,
}

/// The first and the last day of the quarter that begins on `first`; refuses (422) a day on which
/// none begins, and a quarter that is not over.
pub fn quarter(first: NaiveDate, now: DateTime<Utc>) -> Result<(NaiveDate, NaiveDate), Error> {
    let begins = first.day() == 1 && first.month0().is_multiple_of(QUARTER_MONTHS);
    let last = first.checked_add_months(Months::new(QUARTER_MONTHS)).and_then(|d| d.pred_opt());
    let last = last.filter(|_| begins);
    let last = last.ok_or_else(|| Error::invalid("/quarter", Code::WholeMonths))?;
    if last >= now.date_naive() {
        return Err(Error::invalid("/quarter", Code::BadTime));
    }
    Ok((first, last))
}

/// The groups of a division in a quarter; a group that is missing has nobody.
pub async fn produce(
    db: &DatabaseConnection,
    keys: &Keys,
    division: &DivisionCode,
    days: (NaiveDate, NaiveDate),
) -> Result<Vec<Group>, Error> {
    let loops = outcomes::loops(db, keys, division, days).await?;
    Ok(groups(&loops, division))
}

/// Which group somebody is of; none under age.
fn group_of(one: &Loop) -> Option<hidden::Group> {
    let band = BANDS
        .iter()
        .position(|(from, to)| *from <= one.age && to.is_none_or(|to| one.age <= to))?;
    u8::try_from(band * 2 + usize::from(one.planned)).ok()
}

fn groups(loops: &[Loop], division: &DivisionCode) -> Vec<Group> {
    let visitors = |figure: fn(&Loop) -> i64| {
        let visitor = |(member, one): (u32, &Loop)| {
            let (community, group) = (one.home.clone(), group_of(one)?);
            Some(Visitor { community, member, group, visits: figure(one) })
        };
        (0..).zip(loops).filter_map(visitor).collect::<Vec<_>>()
    };
    // Who is hidden hangs on people alone, so both tables show the same groups.
    let minutes = hidden::tables(&visitors(|one| one.minutes_per_week));
    let changes = hidden::tables(&visitors(|one| one.change));
    let (Some(minutes), Some(changes)) = (minutes.get(division), changes.get(division)) else {
        return Vec::new();
    };
    let told = |(group, minutes): (&hidden::Group, &Option<hidden::Shown>)| {
        let band = usize::from(*group) / 2;
        let (age_from, age_to) = BANDS[band];
        let change = changes.get(group).copied().flatten();
        let told = minutes.zip(change).map(|(minutes, change)| {
            let people = i64::try_from(minutes.people).unwrap_or(i64::MAX);
            Told {
                people: minutes.people,
                minutes_per_week: minutes.visits / people,
                change: change.visits / people,
            }
        });
        Group { age_from, age_to, planned: group % 2 == 1, told }
    };
    minutes.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::from_millis;

    fn loops(count: i64, age: i32, planned: bool) -> Vec<Loop> {
        let one = |n| Loop {
            home: "330499001001".parse().unwrap(),
            age,
            planned,
            minutes_per_week: 100 + n,
            change: 500,
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn ten_people_are_told_of_and_nine_are_not() {
        let division = "330499".parse().unwrap();
        let mut all = loops(11, 35, true);
        all.extend(loops(10, 35, false));
        let said = groups(&all, &division);
        let told = |people, minutes_per_week| Some(Told { people, minutes_per_week, change: 500 });
        let group = |planned, told| Group { age_from: 30, age_to: Some(39), planned, told };
        assert_eq!(said, [group(false, told(10, 104)), group(true, told(11, 105))]);
        // Nine of another age stand alone: taking the others from the whole would show them.
        all.extend(loops(9, 61, false));
        let said = groups(&all, &division);
        let sixty = said.iter().find(|group| group.age_from == 60).unwrap();
        assert_eq!(sixty.told, None);
        assert!(said.iter().filter(|group| group.told.is_none()).count() > 1, "{said:?}");
        assert_eq!(groups(&loops(20, 17, false), &division), []);
    }

    #[test]
    fn a_quarter_begins_on_its_first_day_and_is_over() {
        let now = from_millis(1_795_420_800_000);
        let of = |text: &str| quarter(text.parse().unwrap(), now).ok();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(of("2026-07-01"), Some((day("2026-07-01"), day("2026-09-30"))));
        for bad in ["2026-10-01", "2026-08-01", "2026-07-02", "2030-01-01"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
