//! The town's figures, proved by a fold of its own: a plain reading of the rules of sessions over
//! what the terminals report, which shares nothing with how the visits were drawn.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};

use super::{
    calendar,
    places::{DOORS, Pairing, USUAL_STAY_MIN, VENUES, YONGXING},
    plan::{Plan, TOTAL_MINUTES},
};
use crate::base::ids::Direction;

/// No stay is longer.
const LONGEST_STAY_MIN: i64 = 240;

struct Stay {
    venue: usize,
    entered: DateTime<Utc>,
    left: DateTime<Utc>,
    measured: bool,
    who: usize,
}

/// (estimated end, limit) of a stay.
fn ends(venue: usize, entered: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    let usual = entered + TimeDelta::minutes(USUAL_STAY_MIN);
    let longest = entered + TimeDelta::minutes(LONGEST_STAY_MIN);
    let local = (entered + TimeDelta::hours(8)).naive_utc();
    let weekend = local.weekday().number_from_monday() >= 6;
    let Some((opens, closes)) = VENUES[venue].period(weekend) else { return (usual, longest) };
    let midnight = calendar::instant(local.date(), 0);
    let open = midnight + TimeDelta::minutes(opens) <= entered;
    let closing = midnight + TimeDelta::minutes(closes);
    assert!(open && entered < closing, "nobody comes to a closed venue");
    (usual.min(closing), longest.min(closing + TimeDelta::minutes(30)))
}

fn fold(plan: &Plan) -> (Vec<Stay>, u32, u32) {
    let mut people: HashMap<usize, Vec<(DateTime<Utc>, bool, usize)>> = HashMap::new();
    for (door, records) in plan.records.iter().enumerate() {
        for record in records {
            if let Some(who) = record.who {
                let entering = record.direction == Direction::In;
                people.entry(who).or_default().push((record.at, entering, DOORS[door].venue));
            }
        }
    }
    let (mut stays, mut repeats, mut orphans) = (Vec::new(), 0, 0);
    for (who, mut events) in people {
        events.sort_unstable();
        let mut open: Option<(usize, DateTime<Utc>)> = None;
        let mut last: Option<(DateTime<Utc>, bool, usize)> = None;
        for (at, entering, venue) in events {
            if let Some((there, entered)) = open.filter(|o| at > ends(o.0, o.1).1) {
                let left = ends(there, entered).0;
                stays.push(Stay { venue: there, entered, left, measured: false, who });
                open = None;
            }
            let toggle = VENUES[venue].pairing == Pairing::Toggle;
            if last.is_some_and(|(before, way, there)| {
                there == venue
                    && (toggle || way == entering)
                    && at - before <= TimeDelta::seconds(60)
            }) {
                repeats += 1;
                continue;
            }
            let here = open.filter(|o| o.0 == venue);
            let leaving = if toggle { here.is_some() } else { !entering };
            match (leaving, here) {
                (true, Some((_, entered))) => {
                    stays.push(Stay { venue, entered, left: at, measured: true, who });
                    open = None;
                }
                (true, None) => {
                    orphans += 1;
                    continue;
                }
                (false, _) => {
                    if let Some((there, entered)) = open {
                        let left = ends(there, entered).0.min(at);
                        stays.push(Stay { venue: there, entered, left, measured: false, who });
                    }
                    open = Some((venue, at));
                }
            }
            last = Some((at, entering, venue));
        }
        if let Some((venue, entered)) = open {
            let left = ends(venue, entered).0;
            stays.push(Stay { venue, entered, left, measured: false, who });
        }
    }
    (stays, repeats, orphans)
}

fn minutes(plan: &Plan, stay: &Stay) -> i64 {
    let credited = plan.people[stay.who].statistics;
    if credited { (stay.left - stay.entered).num_minutes() } else { 0 }
}

/// Yongxing's minutes by month.
fn by_month(plan: &Plan, stays: &[Stay]) -> BTreeMap<NaiveDate, i64> {
    let mut months = BTreeMap::new();
    for stay in stays.iter().filter(|stay| VENUES[stay.venue].community == YONGXING) {
        let month = calendar::month_start(calendar::business_day(stay.entered), 0);
        *months.entry(month).or_default() += minutes(plan, stay);
    }
    months
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a valid instant")
}

const NOWS: [&str; 9] = [
    "2026-11-23T08:30:00Z",
    "2026-11-30T19:59:00Z", // still the 30th by business day
    "2026-11-30T20:00:00Z", // the 1st: no finished day this month
    "2026-12-02T02:00:00Z",
    "2026-12-03T02:00:00Z",
    "2027-02-07T02:00:00Z", // within the Spring Festival
    "2027-03-01T02:00:00Z",
    "2027-12-31T15:00:00Z",
    "2024-02-29T15:00:00Z",
];

#[test]
fn every_town_has_exactly_its_minutes_and_every_full_month_over_80_000() {
    for (seed, now) in (1..).zip(NOWS) {
        let plan = Plan::draw(seed, at(now), None).expect("a town");
        let (stays, _, orphans) = fold(&plan);
        let months = by_month(&plan, &stays);
        assert_eq!(months.values().sum::<i64>(), TOTAL_MINUTES, "{now}");
        assert_eq!(orphans, 0, "{now}");
        let full: Vec<_> =
            months.iter().filter(|(m, _)| **m < calendar::month_start(plan.today, 0)).collect();
        assert_eq!(full.len(), 18, "{now}");
        assert!(full.iter().all(|(_, minutes)| **minutes > 80_000), "{now}: {full:?}");
        let last = stays.iter().map(|stay| stay.left).max().expect("stays");
        let limit = stays.iter().map(|stay| ends(stay.venue, stay.entered).1).max();
        assert!(calendar::business_day(last) < plan.today, "{now}: nothing is left open");
        assert!(limit.expect("stays") < at(now), "{now}: nothing is left open");
    }
}

#[test]
fn the_history_looks_like_the_town() {
    let plan = Plan::draw(1, at(NOWS[0]), None).expect("a town");
    let (stays, repeats, _) = fold(&plan);
    let events: usize = plan.records.iter().map(Vec::len).sum();
    assert!((30_000..42_000).contains(&events), "{events} events");
    assert!((20_000..27_500).contains(&stays.len()), "{} visits", stays.len());
    assert!((200..1_000).contains(&repeats), "{repeats} repeats");
    let unknown = plan.records.iter().flatten().filter(|record| record.who.is_none()).count();
    assert!((50..300).contains(&unknown), "{unknown} unknown faces");

    let measured: Vec<_> = stays.iter().filter(|stay| stay.measured).collect();
    let sum: i64 = measured.iter().map(|stay| (stay.left - stay.entered).num_minutes()).sum();
    let mean = sum / i64::try_from(measured.len()).expect("a count");
    assert!((80..=82).contains(&mean), "{mean} minutes a measured visit");
    let gym = stays.iter().filter(|stay| stay.venue == 0).count();
    let missing = stays.iter().filter(|stay| stay.venue == 0 && !stay.measured).count();
    assert!((570..=610).contains(&(missing * 1000 / gym)), "{missing} of {gym} exits missing");
    assert!(stays.iter().all(|stay| {
        plan.people[stay.who].registered_at < stay.entered && !plan.people[stay.who].listed
    }));
}

#[test]
fn evenings_of_working_days_and_mornings_of_weekends_are_busy_and_the_festival_is_quiet() {
    let plan = Plan::draw(1, at(NOWS[0]), None).expect("a town");
    let (stays, _, _) = fold(&plan);
    let count = |weekend: bool, hours: std::ops::Range<i64>| {
        let there = stays.iter().filter(|visit| {
            let day = calendar::business_day(visit.entered);
            let hour = calendar::minute_of(visit.entered) / 60;
            calendar::is_weekend(day) == weekend && hours.contains(&hour)
        });
        there.count()
    };
    assert!(count(false, 18..21) > 2 * count(false, 8..11));
    assert!(count(true, 8..11) > 2 * count(true, 18..21));
    let quiet =
        |day: NaiveDate| stays.iter().filter(|v| calendar::business_day(v.entered) == day).count();
    let new_year: NaiveDate = "2026-02-17".parse().expect("a day");
    assert!(quiet(new_year) * 3 < quiet(new_year - chrono::Days::new(7)));
}

#[test]
fn the_same_seed_and_day_give_the_same_town() {
    let one = Plan::draw(5, at("2026-11-23T01:00:00Z"), None).expect("a town");
    let two = Plan::draw(5, at("2026-11-23T09:00:00Z"), None).expect("a town");
    assert!(one.records == two.records);
    let names = |plan: &Plan| plan.people.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&two));
    let other = Plan::draw(6, at("2026-11-23T09:00:00Z"), None).expect("a town");
    assert!(one.records != other.records);
}

#[test]
fn a_shortened_history_is_as_busy_but_shorter() {
    let plan = Plan::draw(1, at(NOWS[0]), Some(2)).expect("a town");
    let months = by_month(&plan, &fold(&plan).0);
    assert_eq!(months.len(), 3);
    assert!(months.values().take(2).all(|minutes| *minutes > 80_000), "{months:?}");
    assert!(Plan::draw(1, at(NOWS[2]), Some(0)).expect("a town").records.concat().is_empty());
}

#[test]
fn a_terminal_that_was_offline_sends_its_last_three_days_late() {
    let plan = Plan::draw(1, at(NOWS[0]), None).expect("a town");
    let late: Vec<_> =
        (0..DOORS.len()).filter(|d| !plan.in_time_and_late(*d).1.is_empty()).collect();
    assert_eq!(late.len(), 1);
    let (in_time, late) = plan.in_time_and_late(late[0]);
    assert!(late.len() > 10);
    let since = calendar::business_day(late[0].at);
    assert!((plan.today - since).num_days() <= 3);
    assert!(in_time.iter().all(|record| record.at < late[0].at));
}

#[test]
fn a_clock_from_before_the_platform_is_refused() {
    assert!(Plan::draw(1, at("1970-01-01T00:00:00Z"), None).is_err());
}
