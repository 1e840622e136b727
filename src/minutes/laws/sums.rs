//! The laws of sums: the ledger, the days of members and venues, and what lies above them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use super::{
    histories::{History, Places, history, places},
    recorder::{Recorder, Row},
};
use crate::{
    minutes::timeline::Venues,
    venues::{DAY_MIN, sample::cases},
};

/// Records a history event by event in the order of arrival, the facts in the middle and at the
/// end, the clock running with the events.
fn recorded<'a>(places: &'a Places, history: &History) -> Recorder<'a> {
    let mut recorder = Recorder::new(places);
    let mut clock = chrono::DateTime::<chrono::Utc>::MIN_UTC;
    for (n, event) in history.arrivals.iter().enumerate() {
        clock = clock.max(event.occurred_at);
        let facts = if n % 5 == 3 { history.facts.as_slice() } else { &[] };
        recorder.take(std::slice::from_ref(event), facts, clock);
    }
    recorder.take(&[], &history.facts, history.now);
    recorder
}

fn sum_by<'r, K: Ord>(
    rows: impl IntoIterator<Item = &'r Row>,
    key: impl Fn(&Row) -> K,
    value: impl Fn(&Row) -> i64,
) -> BTreeMap<K, i64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        *sums.entry(key(row)).or_default() += value(row);
    }
    sums
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_6_the_ledger_of_a_session_sums_to_its_minutes(history in history()) {
        let places = places();
        let recorder = recorded(&places, &history);
        let sums = sum_by(&recorder.ledger, |row| row.session, |row| row.minutes);
        prop_assert_eq!(sums.len(), recorder.sessions.len());
        for (id, session) in &recorder.sessions {
            prop_assert_eq!(sums[id], i64::from(session.minutes));
        }
    }

    #[test]
    fn law_7_the_ledger_of_a_member_sums_to_their_days(history in history()) {
        let places = places();
        let recorder = recorded(&places, &history);
        let total: i64 = recorder.ledger.iter().map(|row| row.minutes).sum();
        let fresh = super::folded(&places, &history);
        let minutes = |session: &super::Session| i64::from(session.minutes);
        prop_assert_eq!(total, fresh.sessions.iter().map(minutes).sum::<i64>());
        let mut days = BTreeMap::new();
        for session in &fresh.sessions {
            let venue = places.venue(session.venue).expect("known");
            *days.entry(venue.business_day(session.entered_at)).or_default() += minutes(session);
        }
        let mut sums = sum_by(&recorder.ledger, |row| row.day, |row| row.minutes);
        sums.retain(|_, minutes| *minutes != 0);
        days.retain(|_, minutes| *minutes != 0);
        prop_assert_eq!(sums, days);
    }

    #[test]
    fn law_17_visits_are_the_sessions_that_are_not_void(history in history()) {
        let places = places();
        let recorder = recorded(&places, &history);
        let visits: i64 = recorder.ledger.iter().map(|row| row.visits).sum();
        let fresh = super::folded(&places, &history);
        let counted = fresh.sessions.iter().filter(|session| !session.void).count();
        prop_assert_eq!(visits, i64::try_from(counted).expect("few"));
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_8_venue_days_sum_to_communities_and_these_to_the_city(town in vec(history(), 1..4)) {
        let places = places();
        let members: Vec<_> = town.iter().map(|history| recorded(&places, history)).collect();
        let ledger: Vec<&Row> = members.iter().flat_map(|member| &member.ledger).collect();
        let rows = || ledger.iter().copied();
        let venue_days = sum_by(rows(), |row| (row.community.clone(), row.venue, row.day), |row| row.minutes);
        let communities = sum_by(rows(), |row| row.community.clone(), |row| row.minutes);
        for (community, minutes) in &communities {
            let days = venue_days.iter().filter(|((place, ..), _)| place == community);
            prop_assert_eq!(days.map(|(_, minutes)| minutes).sum::<i64>(), *minutes);
        }
        let city: i64 = rows().map(|row| row.minutes).sum();
        prop_assert_eq!(communities.values().sum::<i64>(), city);
        let credited = members.iter().flat_map(|member| member.sessions.values());
        prop_assert_eq!(credited.map(|session| i64::from(session.minutes)).sum::<i64>(), city);
        let by_provenance = sum_by(rows(), |row| format!("{:?}", row.provenance), |row| row.minutes);
        prop_assert_eq!(by_provenance.values().sum::<i64>(), city);
        prop_assert!(venue_days.values().all(|minutes| *minutes >= 0));
    }

    #[test]
    fn law_21_erasing_a_member_leaves_the_totals_of_venues(
        town in vec(history(), 1..4), erased in 0..3_usize,
    ) {
        let places = places();
        let members: Vec<_> = town.iter().map(|history| recorded(&places, history)).collect();
        let linked: Vec<(Option<usize>, &Row)> = members.iter().enumerate()
            .flat_map(|(n, member)| member.ledger.iter().map(move |row| (Some(n), row)))
            .collect();
        let totals = |linked: &[(Option<usize>, &Row)]| {
            let rows = || linked.iter().map(|(_, row)| *row);
            let day = |row: &Row| (row.venue, row.day);
            (sum_by(rows(), day, |row| row.minutes), sum_by(rows(), day, |row| row.visits))
        };
        let before = totals(&linked);
        let unlinked: Vec<_> = linked.iter()
            .map(|(member, row)| (member.filter(|n| *n != erased), *row))
            .collect();
        prop_assert!(unlinked.iter().all(|(member, _)| *member != Some(erased)));
        prop_assert_eq!(totals(&unlinked), before);
    }

    #[test]
    fn law_24_a_venue_day_has_at_most_a_day_and_a_longest_stay_for_each_person(
        town in vec(history(), 1..4),
    ) {
        let places = places();
        let mut people = BTreeMap::<_, BTreeSet<usize>>::new();
        let mut minutes = BTreeMap::<_, i32>::new();
        for (n, history) in town.iter().enumerate() {
            let sessions = super::folded(&places, history).sessions;
            for session in sessions.iter().filter(|session| !session.void) {
                let venue = places.venue(session.venue).expect("known");
                let day = (session.venue, venue.business_day(session.entered_at));
                people.entry(day).or_default().insert(n);
                *minutes.entry(day).or_default() += session.minutes;
            }
        }
        for (day, minutes) in minutes {
            let venue = places.venue(day.0).expect("known");
            let longest = venue.rules_on(day.1).longest_stay_min;
            let head_count = i32::try_from(people[&day].len()).expect("three");
            prop_assert!(minutes <= head_count * (DAY_MIN + longest));
        }
    }
}
