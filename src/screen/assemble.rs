//! How a document is put together from the figures: pure. Groups small enough to point at a
//! person are hidden here.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};

use super::{
    document::{
        AgeBand, Document, HourOfDay, Latest, Minutes, Period, Ranked, Residents, SexGroup,
        SilentTerminal, TerminalCount, TrendDay, VenueNow,
    },
    figures,
    life::Life,
    past::{self, Past},
    people::{self, Distinct, LatestEntry},
    places::{Places, Terminals},
};
use crate::base::ids::{DivisionCode, VenueId};

/// Groups of fewer members than this are hidden.
const GROUP_MIN: i64 = 10;
/// Silent terminals listed by name; `terminals` counts them all.
const SILENT_MAX: usize = 50;
/// Places of the ranking.
const RANKING_MAX: usize = 20;
/// Days of the trend, today included.
const TREND_DAYS: u64 = 30;
/// Age bands of the national fitness standard, in years of age, both ends included.
const AGE_BANDS: [(i32, Option<i32>); 6] =
    [(0, Some(6)), (7, Some(17)), (18, Some(34)), (35, Some(59)), (60, Some(79)), (80, None)];

/// All that a document is made of.
pub struct Parts<'a> {
    pub division: &'a DivisionCode,
    pub now: DateTime<Utc>,
    pub business_day: NaiveDate,
    pub places: &'a Places,
    pub terminals: &'a Terminals,
    pub today: &'a figures::Today,
    pub hours: &'a figures::Hours,
    pub past: &'a Past,
    pub usual: Option<&'a [i64; 24]>,
    pub month_by_venue: &'a HashMap<VenueId, (i64, i64)>,
    pub distinct: Distinct,
    pub people_as_of: DateTime<Utc>,
    pub registered: &'a [people::Group],
    /// Active instructors with a certificate that is good today; not shown where there are none.
    pub instructors: i64,
    pub latest: &'a [LatestEntry],
    pub life: &'a Life,
}

/// Puts the document together.
pub fn assemble(parts: &Parts<'_>) -> Document {
    let today = today(parts.today);
    let month = longer(parts, past::month_of(parts.business_day), parts.distinct.month, &today);
    let mut ever = longer(parts, NaiveDate::MIN, parts.distinct.ever, &today);
    // Every visitor of the month is one of all time, also while one count is newer.
    ever.people = ever.people.max(month.people);
    let registered = parts.registered.iter().map(|group| group.n).sum();
    Document {
        as_of: parts.now,
        division: parts.division.clone(),
        name: parts.places.name.clone(),
        business_day: parts.business_day,
        time_zone: parts.places.zone.name().to_owned(),
        day_starts_at: parts.places.first_hour(),
        degraded: parts.today.degraded,
        rebuilding: parts.today.rebuilding,
        silent_terminals: silent(parts),
        terminals: TerminalCount { online: parts.terminals.online, total: parts.terminals.total },
        inside: parts.today.venues.values().map(|venue| venue.inside).sum(),
        residents: residents(parts.places.residents, month.minutes.total, registered),
        today,
        month,
        ever,
        people_as_of: parts.people_as_of,
        registered,
        instructors: Some(parts.instructors).filter(|n| *n > 0),
        groups: parts.life.groups,
        activities: parts.life.activities,
        notices: parts.life.notices.clone(),
        map: parts.places.map.clone(),
        venues: venues(parts),
        hours: hours(parts),
        days: trend(parts),
        ranking: ranking(parts),
        latest: latest(parts),
        ages: ages(parts.registered, parts.business_day.year()),
        sexes: sexes(parts.registered),
    }
}

fn today(today: &figures::Today) -> Period {
    let mut minutes = figures::Minutes::default();
    for venue in today.venues.values() {
        minutes += venue.minutes;
    }
    let visits = today.venues.values().map(|venue| venue.visits).sum();
    Period { visits, people: today.people, minutes: minutes.into() }
}

/// Finished days since `first`, and today.
fn longer(parts: &Parts<'_>, first: NaiveDate, people: i64, today: &Period) -> Period {
    let (visits, mut minutes) = parts.past.since(first);
    for venue in parts.today.venues.values() {
        minutes += venue.minutes;
    }
    Period {
        visits: visits + today.visits,
        people: people.max(today.people),
        minutes: minutes.into(),
    }
}

impl From<figures::Minutes> for Minutes {
    fn from(minutes: figures::Minutes) -> Self {
        Self {
            total: minutes.total(),
            measured: minutes.measured,
            self_declared: minutes.self_declared,
            estimated: minutes.estimated,
            corrected: minutes.corrected,
        }
    }
}

fn residents(total: Option<i64>, month_minutes: i64, registered: i64) -> Option<Residents> {
    let total = total?;
    Some(Residents {
        total,
        month_minutes_per_capita: ratio(month_minutes, total),
        coverage_percent: ratio(registered.saturating_mul(100), total),
    })
}

/// `part / whole` to one decimal; `whole` is positive.
fn ratio(part: i64, whole: i64) -> f64 {
    let tenths = (part.saturating_mul(10) + whole / 2) / whole;
    i32::try_from(tenths).map_or(f64::MAX, |tenths| f64::from(tenths) / 10.0)
}

fn venue_names<'a>(parts: &'a Parts<'_>) -> HashMap<VenueId, &'a str> {
    parts.places.venues.iter().map(|venue| (venue.id, venue.name.as_str())).collect()
}

fn silent(parts: &Parts<'_>) -> Vec<SilentTerminal> {
    let names = venue_names(parts);
    let listed = parts.terminals.silent.iter().take(SILENT_MAX);
    listed
        .map(|terminal| SilentTerminal {
            id: terminal.id,
            venue: names.get(&terminal.venue).map(|name| (*name).to_owned()),
            last_seen_at: terminal.last_seen_at,
        })
        .collect()
}

fn venues(parts: &Parts<'_>) -> Vec<VenueNow> {
    let in_use = parts.places.venues.iter().filter(|venue| !venue.retired);
    let mut venues: Vec<VenueNow> = in_use
        .map(|venue| {
            let now = parts.today.venues.get(&venue.id).copied().unwrap_or_default();
            VenueNow {
                id: venue.id,
                name: venue.name.clone(),
                community: venue.community.clone(),
                kind: venue.kind.clone(),
                inside: now.inside,
                capacity: venue.capacity,
                capacity_soft: venue.capacity_soft,
                visits: now.visits,
                people: now.people,
                minutes: now.minutes.total(),
            }
        })
        .collect();
    venues.sort_by(|a, b| {
        b.inside.cmp(&a.inside).then_with(|| a.name.cmp(&b.name)).then_with(|| a.id.cmp(&b.id))
    });
    venues
}

fn hours(parts: &Parts<'_>) -> Vec<HourOfDay> {
    let first = parts.places.first_hour();
    (0..24)
        .map(|n| (first + n) % 24)
        .map(|hour| HourOfDay {
            hour,
            visits: parts.hours[hour].visits,
            minutes: parts.hours[hour].minutes,
            usual_visits: parts.usual.map(|usual| usual[hour]),
        })
        .collect()
}

fn trend(parts: &Parts<'_>) -> Vec<TrendDay> {
    let first = parts.business_day - Days::new(TREND_DAYS - 1);
    let before = first.iter_days().take_while(|day| *day < parts.business_day);
    let mut days: Vec<TrendDay> = before
        .map(|day| {
            let known = parts.past.day(day);
            TrendDay {
                day,
                visits: known.map_or(0, |known| known.visits),
                people: known.map_or(Some(0), |known| known.people),
                minutes: known.map_or(0, |known| known.minutes.total()),
                state: known.map(|known| known.state.clone()),
            }
        })
        .collect();
    let today = today(parts.today);
    days.push(TrendDay {
        day: parts.business_day,
        visits: today.visits,
        people: Some(today.people),
        minutes: today.minutes.total,
        state: Some("provisional".to_owned()),
    });
    days
}

fn ranking(parts: &Parts<'_>) -> Vec<Ranked> {
    let mut ranked: HashMap<(&DivisionCode, Option<VenueId>), Ranked> = HashMap::new();
    for venue in &parts.places.venues {
        let own = parts.division.is_community().then_some(venue.id);
        let name = match own {
            Some(_) => Some(&venue.name),
            None => parts.places.communities.get(&venue.community),
        };
        let place = ranked.entry((&venue.community, own)).or_insert_with(|| Ranked {
            division: venue.community.clone(),
            venue_id: own,
            name: name.cloned(),
            minutes: 0,
            visits: 0,
        });
        let today = parts.today.venues.get(&venue.id).copied().unwrap_or_default();
        let (visits, minutes) = parts.month_by_venue.get(&venue.id).copied().unwrap_or_default();
        place.visits += visits + today.visits;
        place.minutes += minutes + today.minutes.total();
    }
    let mut ranking: Vec<Ranked> = ranked.into_values().collect();
    ranking.sort_by(|a, b| {
        let key = |place: &Ranked| (place.division.clone(), place.venue_id);
        b.minutes.cmp(&a.minutes).then_with(|| key(a).cmp(&key(b)))
    });
    ranking.truncate(RANKING_MAX);
    ranking
}

fn latest(parts: &Parts<'_>) -> Vec<Latest> {
    let names = venue_names(parts);
    let entries = parts.latest.iter();
    entries
        .map(|entry| Latest {
            name: entry.name.clone(),
            venue_id: entry.venue,
            venue: names.get(&entry.venue).map(|name| (*name).to_owned()),
            direction: entry.direction,
            at: entry.at,
        })
        .collect()
}

fn ages(groups: &[people::Group], year: i32) -> Vec<AgeBand> {
    let count = |from: i32, to: Option<i32>| -> i64 {
        let inside = |born: i32| {
            let age = year - born;
            age >= from && to.is_none_or(|to| age <= to)
        };
        groups.iter().filter(|group| group.birth_year.is_some_and(inside)).map(|g| g.n).sum()
    };
    let mut bands: Vec<AgeBand> = AGE_BANDS
        .into_iter()
        .map(|(from, to)| AgeBand { from: Some(from), to, people: Some(count(from, to)) })
        .collect();
    let unknown = groups.iter().filter(|group| group.birth_year.is_none()).map(|g| g.n).sum();
    bands.push(AgeBand { from: None, to: None, people: Some(unknown) });
    hide_small(bands.iter_mut().map(|band| &mut band.people).collect());
    bands
}

fn sexes(groups: &[people::Group]) -> Vec<SexGroup> {
    let mut counts: BTreeMap<Option<&str>, i64> = BTreeMap::new();
    for group in groups {
        *counts.entry(group.sex.as_deref()).or_default() += group.n;
    }
    let mut sexes: Vec<SexGroup> = counts
        .into_iter()
        .map(|(sex, n)| SexGroup { sex: sex.map(str::to_owned), people: Some(n) })
        .collect();
    hide_small(sexes.iter_mut().map(|group| &mut group.people).collect());
    sexes
}

/// Hides groups of 1 to 9, and the next smallest with them until those hidden are two and ten
/// members together: otherwise they could be had by subtraction from the total. Where all are
/// fewer than ten, the empty groups are hidden too, since they would tell who the rest are.
fn hide_small(mut groups: Vec<&mut Option<i64>>) {
    let total: i64 = groups.iter().filter_map(|people| **people).sum();
    if (1..GROUP_MIN).contains(&total) {
        for people in groups {
            *people = None;
        }
        return;
    }
    groups.retain(|people| people.is_some_and(|n| n > 0));
    groups.sort();
    let (mut hidden, mut hidden_people) = (0, 0);
    for people in groups {
        let n = people.unwrap_or_default();
        let is_enough = hidden == 0 || (hidden >= 2 && hidden_people >= GROUP_MIN);
        if n >= GROUP_MIN && is_enough {
            return;
        }
        hidden += 1;
        hidden_people += n;
        *people = None;
    }
}
