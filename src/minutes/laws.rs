//! The laws of sessions and minutes, each tried on thousands of random histories. The numbers are
//! those of the invariants in the README; what they sum up to is in `sums`.

mod corrections;
mod erasure;
pub mod histories;
mod recorder;
mod reference;
mod sums;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::{collection::vec, prelude::*, sample::Index};
use uuid::Uuid;

use self::{
    histories::{History, Places, history, places},
    recorder::Recorder,
};
use super::timeline::{Effect, Event, Folded, Provenance, Session, Venues, fold, stretches};
use crate::{
    base::ids::{Direction, EventId},
    venues::{Pairing, sample::cases},
};

fn folded(places: &Places, history: &History) -> Folded {
    fold(places, &history.events, &history.facts, history.now)
}

fn event(history: &History, session: &Session) -> Event {
    let opener = |event: &&Event| event.id.0 == session.id.0;
    history.events.iter().find(opener).expect("a session is named after its opener").clone()
}

/// From entry to exit, or to now.
fn span(session: &Session, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (session.entered_at, session.left_at.unwrap_or(now))
}

/// The history with scans again after some of its events, most of them soon enough to be repeats.
fn scanned_again(history: &History, again: &[(Index, i64, bool)]) -> History {
    let mut scanned = history.clone();
    for (n, (which, ms, turned)) in again.iter().enumerate() {
        let event = which.get(&history.events).clone();
        let direction = match (turned, event.direction) {
            (false, direction) => direction,
            (true, Direction::In) => Direction::Out,
            (true, Direction::Out) => Direction::In,
        };
        let (id, seq) = (EventId(Uuid::from_u128(101 + n as u128)), event.seq + 100);
        let occurred_at = event.occurred_at + TimeDelta::milliseconds(*ms);
        scanned.now = scanned.now.max(occurred_at);
        scanned.events.push(Event { id, occurred_at, direction, seq, ..event });
    }
    scanned
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn law_1_a_member_has_at_most_one_open_session_at_any_instant(history in history()) {
        let places = places();
        let mut ordered = history.events.clone();
        ordered.sort_by_key(|event| event.occurred_at);
        for end in 1..=ordered.len() {
            let now = ordered[end - 1].occurred_at;
            let known = fold(&places, &ordered[..end], &history.facts, now);
            let open = known.sessions.iter().filter(|session| session.left_at.is_none()).count();
            prop_assert!(open <= 1);
            prop_assert_eq!(open == 1, known.timeline.open.is_some());
        }
    }

    #[test]
    fn law_2_sessions_of_a_member_never_overlap(history in history()) {
        let sessions = folded(&places(), &history).sessions;
        // An open stay is cut where a corrected one covers its end, once it has one.
        let mut spans: Vec<_> = sessions
            .iter()
            .filter(|session| !session.void && session.left_at.is_some())
            .map(|session| span(session, history.now))
            .collect();
        spans.sort_unstable();
        for pair in spans.windows(2) {
            prop_assert!(pair[0].1 <= pair[1].0, "{:?}", pair);
        }
        let open = sessions.iter().find(|session| session.left_at.is_none());
        if let Some(open) = open {
            prop_assert!(spans.iter().all(|(from, to)| open.entered_at < *from || *to <= open.entered_at));
        }
    }

    #[test]
    fn law_3_every_session_has_an_opening_event(history in history()) {
        let folded = folded(&places(), &history);
        let effects: HashMap<EventId, Effect> = folded.effects.iter().copied().collect();
        for session in &folded.sessions {
            let opener = event(&history, session);
            prop_assert_eq!(session.venue, opener.venue);
            if session.provenance != Some(Provenance::Corrected) {
                prop_assert_eq!(effects[&opener.id], Effect::Opened);
                prop_assert!(session.entered_at >= opener.occurred_at);
            }
        }
    }

    #[test]
    fn law_4_nobody_leaves_before_they_enter(history in history()) {
        for session in folded(&places(), &history).sessions {
            prop_assert!(session.left_at.is_none_or(|left| left >= session.entered_at));
            prop_assert!(session.minutes >= 0);
        }
    }

    #[test]
    fn law_5_measured_minutes_are_at_most_the_longest_stay(history in history()) {
        let places = places();
        for session in folded(&places, &history).sessions {
            let venue = places.venue(session.venue).expect("known");
            let rules = venue.rules_at(event(&history, &session).occurred_at);
            if session.provenance == Some(Provenance::Measured) {
                prop_assert!(session.minutes <= rules.longest_stay_min);
            }
        }
    }

    #[test]
    fn law_9_order_duplicates_and_batches_change_nothing(
        history in history(), batches in vec(1..5_usize, 1..6),
    ) {
        let places = places();
        let want = folded(&places, &history);
        let mut shuffled = history.arrivals.clone();
        shuffled.extend_from_slice(&history.arrivals[..history.arrivals.len() / 2]);
        let mut facts = history.facts.clone();
        facts.reverse();
        prop_assert_eq!(&fold(&places, &shuffled, &facts, history.now), &want);

        let mut recorder = Recorder::new(&places);
        let (mut rest, mut sizes) = (shuffled.as_slice(), batches.iter().cycle());
        while !rest.is_empty() {
            let size = sizes.next().map_or(1, |size| *size).min(rest.len());
            recorder.take(&rest[..size], &[], history.now);
            rest = &rest[size..];
        }
        recorder.take(&[], &facts, history.now);
        prop_assert_eq!(recorder.folded(), want);
    }

    #[test]
    fn law_10_replaying_everything_changes_nothing(history in history()) {
        let places = places();
        let mut recorder = Recorder::new(&places);
        recorder.take(&history.arrivals, &history.facts, history.now);
        let (before, rows) = (recorder.folded(), recorder.books.ledger.len());
        let rolled_up = recorder.books.kept();
        recorder.take(&history.events, &history.facts, history.now);
        recorder.take(&history.arrivals, &[], history.now);
        prop_assert_eq!(recorder.folded(), before);
        prop_assert_eq!(recorder.books.ledger.len(), rows);
        prop_assert_eq!(recorder.books.kept(), rolled_up);
    }

    #[test]
    fn law_11_refolding_from_scratch_equals_folding_one_by_one(
        history in history(), early in 0..13_usize,
    ) {
        let places = places();
        let mut recorder = Recorder::new(&places);
        let mut clock = DateTime::<Utc>::MIN_UTC;
        for (n, event) in history.arrivals.iter().enumerate() {
            clock = clock.max(event.occurred_at);
            recorder.take(std::slice::from_ref(event), &[], clock);
            if n == early {
                recorder.take(&[], &history.facts, clock);
            }
        }
        recorder.take(&[], &history.facts, history.now);
        prop_assert_eq!(recorder.folded(), folded(&places, &history));
    }

    #[test]
    fn law_12_a_repeat_changes_no_minutes(
        history in history(),
        again in vec((any::<Index>(), 0..=61_000_i64, prop::bool::weighted(0.3)), 0..8),
        kept in vec(any::<bool>(), 20),
    ) {
        let places = places();
        let scanned = scanned_again(&history, &again);
        let with = folded(&places, &scanned);
        let named = |id: EventId| scanned.facts.iter().any(|fact| fact.opener == id);
        let mut repeats: Vec<EventId> = with.effects.iter()
            .filter(|(id, effect)| *effect == Effect::Repeat && !named(*id))
            .map(|(id, _)| *id)
            .collect();
        let mut without = scanned.clone();
        without.events.retain(|event| !repeats.contains(&event.id));
        prop_assert_eq!(&folded(&places, &without).sessions, &with.sessions);
        // Nor does it depend on which others there are.
        let mut kept = kept.iter().cycle();
        repeats.retain(|_| !kept.next().is_some_and(|kept| *kept));
        let mut some = scanned.clone();
        some.events.retain(|event| !repeats.contains(&event.id));
        prop_assert_eq!(folded(&places, &some).sessions, with.sessions);
        // In the books neither, when they come one by one.
        let rolled_up = |history: &History| {
            let mut recorder = Recorder::new(&places);
            for event in &history.events {
                recorder.take(std::slice::from_ref(event), &[], scanned.now);
            }
            recorder.take(&[], &history.facts, scanned.now);
            recorder.books.kept().undigested()
        };
        prop_assert_eq!(rolled_up(&without), rolled_up(&scanned));
    }

    #[test]
    fn without_consent_a_session_exists_and_credits_no_minutes(history in history()) {
        let places = places();
        let mut willing = history.clone();
        willing.events.iter_mut().for_each(|event| event.credited = true);
        let (some, all) = (folded(&places, &history), folded(&places, &willing));
        prop_assert_eq!(some.sessions.len(), all.sessions.len());
        for (session, credited) in some.sessions.iter().zip(&all.sessions) {
            let consents = event(&history, session).credited;
            let minutes = if consents { credited.minutes } else { 0 };
            let expected = Session { credited: consents, minutes, ..credited.clone() };
            prop_assert_eq!(session, &expected);
        }
    }

    #[test]
    fn law_13_an_exit_never_opens_a_session(history in history()) {
        let places = places();
        for (id, effect) in folded(&places, &history).effects {
            let event = history.events.iter().find(|event| event.id == id).expect("folded");
            let venue = places.venue(event.venue).expect("known");
            let one_way = venue.rules_at(event.occurred_at).pairing != Pairing::Toggle;
            if one_way && event.direction == Direction::Out {
                prop_assert_ne!(effect, Effect::Opened);
            }
        }
    }

    #[test]
    fn law_19_splitting_a_batch_never_changes_an_outcome(
        history in history(), split in 0..13_usize,
    ) {
        let places = places();
        let split = split.min(history.arrivals.len());
        let mut whole = Recorder::new(&places);
        whole.take(&history.arrivals, &history.facts, history.now);
        let mut halves = Recorder::new(&places);
        halves.take(&history.arrivals[..split], &[], history.now);
        halves.take(&history.arrivals[split..], &history.facts, history.now);
        prop_assert_eq!(whole.folded(), halves.folded());
        prop_assert_eq!(whole.books.kept().undigested(), halves.books.kept().undigested());
    }

    #[test]
    fn folding_each_stretch_alone_equals_folding_the_whole(history in history()) {
        let places = places();
        let whole = folded(&places, &history);
        let times: Vec<_> =
            history.events.iter().map(|event| (event.id, event.occurred_at)).collect();
        let pieces = stretches(&times, &history.facts);
        let (mut sessions, mut effects) = (Vec::new(), Vec::new());
        for piece in &pieces {
            let mut alone = history.clone();
            alone.events.retain(|event| piece.holds(event.occurred_at));
            let part = folded(&places, &alone);
            sessions.extend(part.sessions);
            effects.extend(part.effects);
        }
        sessions.sort_by_key(|session| (session.entered_at, session.id));
        prop_assert_eq!(sessions, whole.sessions);
        prop_assert_eq!(effects, whole.effects);
        prop_assert!(pieces.windows(2).all(|pair| pair[0].to < pair[1].from));
    }

    #[test]
    fn a_timeline_survives_its_text(history in history()) {
        let timeline = folded(&places(), &history).timeline;
        let text = serde_json::to_string(&timeline).expect("plain values");
        prop_assert_eq!(serde_json::from_str::<super::timeline::Timeline>(&text).expect("own text"), timeline);
    }
}
