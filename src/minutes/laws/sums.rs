//! The laws of sums: the ledger, the days of members and venues, and what lies above them.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

use super::{
    histories::{History, Places, history, places},
    recorder::Recorder,
};
use crate::{
    base::ids::{Direction, EventId, VenueId},
    minutes::{
        tables::minute_entry,
        timeline::{Event, Fact, FactKind, Venues},
    },
    venues::{
        DAY_MIN,
        sample::{at, cases, day},
    },
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

/// The ledger's minutes by whatever its rows say.
fn minutes_by<'r, K: Ord>(
    rows: impl IntoIterator<Item = &'r minute_entry::Model>,
    key: impl Fn(&minute_entry::Model) -> K,
) -> BTreeMap<K, i64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        *sums.entry(key(row)).or_default() += i64::from(row.minutes);
    }
    sums.retain(|_, minutes| *minutes != 0);
    sums
}

/// A stay that goes on while staff correct another one, which takes its beginning away: the hour of
/// its entry changes, and changes back in no way when it ends.
#[test]
fn a_stay_whose_beginning_was_cut_off_while_it_was_open_is_counted_once() {
    let places = places();
    let event = |n: u8, venue: u8, direction, when: &str| Event {
        id: EventId(Uuid::from_u128(n.into())),
        occurred_at: at(when),
        direction,
        venue: VenueId(Uuid::from_u128(venue.into())),
        serial: "T1".into(),
        epoch: 1,
        seq: n.into(),
        credited: true,
    };
    let other = event(1, 1, Direction::Out, "2026-09-21T19:00:00+08:00");
    let opener = event(2, 5, Direction::In, "2026-09-21T19:10:00+08:00");
    let exit = event(3, 5, Direction::Out, "2026-09-21T22:40:00+08:00");
    let correction = Fact {
        opener: other.id,
        n: 1,
        kind: FactKind::Corrected,
        entered_at: Some(other.occurred_at),
        left_at: at("2026-09-21T22:10:00+08:00"),
    };
    let mut recorder = Recorder::new(&places);
    recorder.take(&[other, opener], &[correction], at("2026-09-21T22:30:00+08:00"));
    recorder.take(&[exit], &[], at("2026-09-21T22:40:00+08:00"));
    let camp = VenueId(Uuid::from_u128(5)).0;
    let mut hours = recorder.books.kept().hours;
    hours.retain(|(venue, ..), _| *venue == camp);
    let expected = BTreeMap::from([((camp, day("2026-09-21"), 22), (1, 30))]);
    assert_eq!(hours, expected);
    assert_eq!(recorder.books.kept(), recorder.books.counted_anew(&places));
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_6_the_ledger_of_a_session_sums_to_its_minutes(history in history()) {
        let places = places();
        let books = recorded(&places, &history).books;
        let mut sums = minutes_by(&books.ledger, |row| row.session_id);
        for (id, session) in &books.sessions {
            let sum = sums.remove(&Some(*id)).unwrap_or_default();
            prop_assert_eq!(sum, i64::from(session.minutes));
        }
        prop_assert!(sums.is_empty(), "of no session: {:?}", sums);
    }

    #[test]
    fn law_7_the_ledger_of_a_member_sums_to_their_days(history in history()) {
        let places = places();
        let books = recorded(&places, &history).books;
        let total: i64 = books.ledger.iter().map(|row| i64::from(row.minutes)).sum();
        let fresh = super::folded(&places, &history);
        let minutes = |session: &super::Session| i64::from(session.minutes);
        prop_assert_eq!(total, fresh.sessions.iter().map(minutes).sum::<i64>());
        let mut days = BTreeMap::new();
        for session in &fresh.sessions {
            let venue = places.venue(session.venue).expect("known");
            *days.entry(venue.business_day(session.entered_at)).or_default() += minutes(session);
        }
        days.retain(|_, minutes| *minutes != 0);
        prop_assert_eq!(minutes_by(&books.ledger, |row| row.business_day), days.clone());
        let member_days = books.kept().member_days;
        let rolled_up = member_days.iter().map(|((_, day), row)| (*day, row.minutes.iter().sum()));
        let rolled_up: BTreeMap<_, i64> = rolled_up.filter(|(_, minutes)| *minutes != 0).collect();
        prop_assert_eq!(rolled_up, days);
    }

    #[test]
    fn law_14_what_is_kept_by_differences_is_what_can_be_counted_anew(history in history()) {
        let places = places();
        let books = recorded(&places, &history).books;
        prop_assert_eq!(books.kept(), books.counted_anew(&places));
        let days = minutes_by(&books.ledger, |row| (row.venue_id, row.business_day));
        let hours = books.kept().hours;
        let mut by_hour = BTreeMap::<_, i64>::new();
        for ((venue, day, _), (_, minutes)) in hours {
            *by_hour.entry((venue, day)).or_default() += minutes;
        }
        by_hour.retain(|_, minutes| *minutes != 0);
        prop_assert_eq!(by_hour, days);
    }

    #[test]
    fn law_17_visits_are_the_sessions_that_are_not_void(history in history()) {
        let places = places();
        let rolled_up = recorded(&places, &history).books.kept();
        let fresh = super::folded(&places, &history);
        let counted = fresh.sessions.iter().filter(|session| !session.void).count();
        let counted = i64::try_from(counted).expect("few");
        prop_assert_eq!(rolled_up.venue_days.values().map(|day| day.visits).sum::<i64>(), counted);
        prop_assert_eq!(rolled_up.member_days.values().map(|day| day.visits).sum::<i64>(), counted);
        prop_assert_eq!(rolled_up.hours.values().map(|hour| hour.0).sum::<i64>(), counted);
        prop_assert_eq!(rolled_up.months.values().sum::<i64>(), counted);
    }

    #[test]
    fn law_8_venue_days_sum_to_communities_and_these_to_the_city(town in vec(history(), 1..4)) {
        let places = places();
        let books: Vec<_> = town.iter().map(|history| recorded(&places, history).books).collect();
        let ledger = || books.iter().flat_map(|books| &books.ledger);
        let community = |venue: Uuid| {
            places.venue(VenueId(venue)).expect("known").community.to_string()
        };
        let mut communities = BTreeMap::<String, i64>::new();
        let mut by_provenance = [0; 4];
        for ((venue, _), day) in books.iter().flat_map(|books| &books.rolled_up.venue_days) {
            *communities.entry(community(*venue)).or_default() += day.minutes.iter().sum::<i64>();
            by_provenance.iter_mut().zip(day.minutes).for_each(|(sum, minutes)| *sum += minutes);
        }
        communities.retain(|_, minutes| *minutes != 0);
        let city: i64 = ledger().map(|row| i64::from(row.minutes)).sum();
        prop_assert_eq!(communities.values().sum::<i64>(), city);
        prop_assert_eq!(minutes_by(ledger(), |row| row.community.clone()), communities);
        prop_assert_eq!(by_provenance.iter().sum::<i64>(), city);
        let credited = books.iter().flat_map(|books| books.sessions.values());
        prop_assert_eq!(credited.map(|session| i64::from(session.minutes)).sum::<i64>(), city);
        let of_members = books.iter().flat_map(|books| books.rolled_up.member_days.values());
        prop_assert_eq!(of_members.flat_map(|day| day.minutes).sum::<i64>(), city);
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
