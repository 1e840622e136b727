//! The fold at its edges: what a timeline takes one by one and what it forgets, windows and limits,
//! and what people state.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{
    Effect, EndedBy, Event, Fact, FactKind, Interval, OpenSession, Provenance, Timeline, fold,
};
use crate::{
    base::ids::{Direction, EventId, SessionId},
    minutes::laws::histories::Places,
    venues::{
        Pairing, Venue,
        sample::{at, venue},
    },
};

const ENTERED: &str = "2026-09-21T19:00:00+08:00";
/// 240 minutes later.
const LIMIT: &str = "2026-09-21T23:00:00+08:00";

fn places() -> Places {
    Places(vec![venue(1)])
}

fn event(n: u8, direction: Direction, occurred_at: DateTime<Utc>) -> Event {
    let (id, serial) = (EventId(Uuid::from_u128(n.into())), "T1".into());
    let (venue, seq) = (venue(1).id, n.into());
    Event { id, occurred_at, direction, venue, serial, epoch: 1, seq, credited: true }
}

#[test]
fn a_timeline_takes_what_comes_after_all_others_and_nothing_twice() {
    let mut timeline = Timeline::default();
    let entry = event(2, Direction::In, at(ENTERED));
    assert!(timeline.takes(&entry), "the first of all");
    assert_eq!(timeline.apply(&places(), &entry, &mut Vec::new()), Effect::Opened);
    assert!(!timeline.takes(&entry), "the same again");
    assert!(!timeline.takes(&event(1, Direction::In, at(ENTERED))), "a lower number");
    assert!(timeline.takes(&event(3, Direction::In, at(ENTERED))), "a higher number");
    let before = at(ENTERED) - TimeDelta::milliseconds(1);
    assert!(!timeline.takes(&event(3, Direction::In, before)));
}

/// An exit up to the limit would have ended that stay itself.
#[test]
fn what_the_time_settled_is_settled_up_to_the_limit_and_until_the_next_event() {
    let (places, mut timeline) = (places(), Timeline::default());
    timeline.apply(&places, &event(1, Direction::In, at(ENTERED)), &mut Vec::new());
    assert_eq!(timeline.close_due(&places, at(LIMIT)), None);
    let after = at(LIMIT) + TimeDelta::milliseconds(1);
    let ended = timeline.close_due(&places, after).expect("its limit has passed");
    assert_eq!(ended.ended_by, Some(EndedBy::Limit));
    assert!(!timeline.takes(&event(2, Direction::Out, at(LIMIT))));
    let exit = event(2, Direction::Out, after);
    assert!(timeline.takes(&exit));
    assert_eq!(timeline.settled_until, Some(at(LIMIT)));
    assert_eq!(timeline.apply(&places, &exit, &mut Vec::new()), Effect::Orphan);
    assert_eq!(timeline.settled_until, None);
}

/// What lies before all that can still end cuts nothing any more, and the row must not grow.
#[test]
fn a_corrected_stay_is_kept_while_it_reaches_past_what_is_folded() {
    let left = at("2026-09-21T20:00:00+08:00");
    let entry = event(1, Direction::In, at(ENTERED));
    let events = [entry.clone(), event(2, Direction::Out, left)];
    for (after_ms, kept) in [(-60_000, 0), (0, 0), (1, 1)] {
        let left_at = left + TimeDelta::milliseconds(after_ms);
        let (opener, kind, entered_at) = (entry.id, FactKind::Corrected, Some(entry.occurred_at));
        let fact = Fact { opener, n: 1, kind, entered_at, left_at };
        let mut timeline = fold(&places(), &events, &[fact], left).timeline;
        assert_eq!(timeline.corrected.len(), kept, "{after_ms}");
        let next = event(3, Direction::In, left + TimeDelta::minutes(5));
        timeline.apply(&places(), &next, &mut Vec::new());
        assert!(timeline.corrected.is_empty(), "{after_ms}");
    }
}

#[test]
fn who_is_not_there_when_heads_are_counted_has_left_by_then_unless_their_exit_was_seen() {
    let entry = event(1, Direction::In, at(ENTERED));
    let counted = |events: &[Event], after_min: i64| {
        let left_at = at(ENTERED) + TimeDelta::minutes(after_min);
        let (opener, kind) = (entry.id, FactKind::Absent);
        let fact = Fact { opener, n: 1, kind, entered_at: None, left_at };
        let folded = fold(&places(), events, &[fact], at(LIMIT) + TimeDelta::minutes(1));
        let [stay] = &folded.sessions[..] else { panic!("one stay") };
        let left_at = stay.left_at.expect("its limit has passed");
        assert_eq!(stay.entered_at, at(ENTERED));
        assert_eq!(left_at, at(ENTERED) + TimeDelta::minutes(stay.minutes.into()));
        (stay.minutes, stay.provenance, stay.ended_by)
    };
    // Without a count, an hour is estimated.
    for (after_min, minutes) in [(30, 30), (59, 59), (60, 60), (120, 60), (0, 0), (-10, 0)] {
        let expected = (minutes, Some(Provenance::Estimated), Some(EndedBy::Limit));
        assert_eq!(counted(std::slice::from_ref(&entry), after_min), expected, "{after_min}");
    }
    let exit = event(2, Direction::Out, at(ENTERED) + TimeDelta::minutes(90));
    let measured = (90, Some(Provenance::Measured), Some(EndedBy::Exit));
    assert_eq!(counted(&[entry.clone(), exit], 30), measured);
}

/// Effects of scans at a venue, so many milliseconds after the first.
fn effects(place: &Venue, scans: &[(Direction, i64)]) -> Vec<Effect> {
    let numbered = (1..).zip(scans);
    let events: Vec<Event> = numbered
        .map(|(n, (direction, after_ms))| {
            let when = at(ENTERED) + TimeDelta::milliseconds(*after_ms);
            Event { venue: place.id, ..event(n, *direction, when) }
        })
        .collect();
    let last = events.iter().map(|event| event.occurred_at).max().expect("some");
    let places = Places(vec![place.clone()]);
    fold(&places, &events, &[], last).effects.into_iter().map(|(_, effect)| effect).collect()
}

#[test]
fn the_same_again_within_a_minute_of_an_effect_is_a_repeat() {
    use Direction::{In, Out};
    use Effect::{Closed, Opened, Orphan, Repeat};
    let gym = venue(1);
    assert_eq!(effects(&gym, &[(In, 0), (In, 60_000)]), [Opened, Repeat]);
    assert_eq!(effects(&gym, &[(In, 0), (In, 60_001)]), [Opened, Opened]);
    // A repeat does not extend the window, and the other way is no repeat.
    let thrice = [(In, 0), (In, 50_000), (In, 90_000)];
    assert_eq!(effects(&gym, &thrice), [Opened, Repeat, Opened]);
    let and_out = [(In, 0), (Out, 30_000), (Out, 60_000), (Out, 90_001)];
    assert_eq!(effects(&gym, &and_out), [Opened, Closed, Repeat, Orphan]);
    // One reader for both ways does not tell them apart.
    let mut court = venue(2);
    court.rules[0].pairing = Pairing::Toggle;
    let toggled = [(In, 0), (Out, 60_000), (In, 60_001), (In, 120_002)];
    assert_eq!(effects(&court, &toggled), [Opened, Repeat, Closed, Opened]);
}

#[test]
fn an_exit_up_to_the_limit_is_measured_and_one_after_it_ends_nothing() {
    let cases = [
        (0, Effect::Closed, 240, Provenance::Measured, EndedBy::Exit),
        (1, Effect::Orphan, 60, Provenance::Estimated, EndedBy::Limit),
    ];
    for (after_ms, effect, minutes, provenance, by) in cases {
        let left = at(LIMIT) + TimeDelta::milliseconds(after_ms);
        let events = [event(1, Direction::In, at(ENTERED)), event(2, Direction::Out, left)];
        let folded = fold(&places(), &events, &[], left);
        assert_eq!(folded.effects[1].1, effect);
        let [stay] = &folded.sessions[..] else { panic!("one stay") };
        assert_eq!(stay.minutes, minutes);
        assert_eq!((stay.provenance, stay.ended_by), (Some(provenance), Some(by)));
    }
}

/// From the entry to the limit, or to the next entry.
#[test]
fn a_member_may_say_when_they_left_within_what_is_allowed() {
    let first = event(1, Direction::In, at(ENTERED));
    let second = event(2, Direction::In, at(ENTERED) + TimeDelta::minutes(90));
    let alone = std::slice::from_ref(&first);
    let both = [first.clone(), second.clone()];
    let soon = second.occurred_at + TimeDelta::minutes(1);
    let late = at(LIMIT) + TimeDelta::hours(9);
    // The next stay is still open at first, and has ended in the end.
    for (events, now, latest_min) in
        [(alone, late, 240), (&both[..], soon, 90), (&both[..], late, 90)]
    {
        let latest_ms = latest_min * 60_000;
        for (after_ms, taken) in [(-1, false), (0, true), (latest_ms, true), (latest_ms + 1, false)]
        {
            let left_at = at(ENTERED) + TimeDelta::milliseconds(after_ms);
            let (opener, kind) = (first.id, FactKind::Declared);
            let fact = Fact { opener, n: 1, kind, entered_at: None, left_at };
            let folded = fold(&places(), events, &[fact], now);
            let stay = &folded.sessions[0];
            let declared = stay.provenance == Some(Provenance::SelfDeclared);
            assert_eq!((stay.id.0, declared), (first.id.0, taken), "{latest_min} {after_ms}");
            let minutes = if taken { after_ms / 60_000 } else { 60 };
            assert_eq!(i64::from(stay.minutes), minutes, "{latest_min} {after_ms}");
        }
    }
}

/// The corrected stay lasts from the tenth to the twentieth minute; before and after, in minutes.
#[test]
fn stays_are_cut_at_the_edges_of_a_corrected_one_and_void_inside_of_it() {
    let minute = |n: i64| at(ENTERED) + TimeDelta::minutes(n);
    let corrected = [Interval { entered_at: minute(10), left_at: minute(20) }];
    let id = SessionId(Uuid::from_u128(1));
    let open =
        |from| OpenSession { id, venue: venue(1).id, entered_at: minute(from), credited: true };
    let kept = |from, to| Some((from, to));
    for ((from, to), left) in [
        ((0, 5), kept(0, 5)),
        ((0, 10), kept(0, 10)),
        ((10, 10), kept(10, 10)),
        ((0, 15), kept(0, 10)),
        ((0, 30), kept(0, 10)),
        ((10, 15), None),
        ((10, 20), None),
        ((15, 20), None),
        ((10, 30), kept(20, 30)),
        ((15, 30), kept(20, 30)),
        ((20, 20), kept(20, 20)),
        ((20, 30), kept(20, 30)),
    ] {
        let mut stay = open(from).ended(minute(to), Provenance::Measured, EndedBy::Exit);
        stay.cut(&corrected);
        assert_eq!(stay.void, left.is_none(), "{from} to {to}");
        if let Some((from, to)) = left {
            assert_eq!((stay.entered_at, stay.left_at), (minute(from), Some(minute(to))));
        }
        let minutes = left.map_or(0, |(from, to)| to - from);
        assert_eq!(i64::from(stay.minutes), minutes, "{from} to {to}");
        let mut fixed = open(from).ended(minute(to), Provenance::Corrected, EndedBy::Correction);
        fixed.cut(&corrected);
        assert_eq!((fixed.entered_at, fixed.left_at), (minute(from), Some(minute(to))));
    }
    for (from, begins) in [(0, 0), (10, 20), (19, 20), (20, 20), (25, 25)] {
        let mut stay = open(from).session();
        stay.cut(&corrected);
        assert_eq!((stay.entered_at, stay.left_at), (minute(begins), None));
    }
}

#[test]
fn a_fact_ends_the_open_stay_that_it_is_about_and_no_other() {
    let minute = |n: i64| at(ENTERED) + TimeDelta::minutes(n);
    let events = [
        event(1, Direction::In, minute(0)),
        event(2, Direction::Out, minute(10)),
        event(3, Direction::In, minute(20)),
    ];
    let left = |n: u8, left_at| {
        let (opener, kind) = (EventId(Uuid::from_u128(n.into())), FactKind::Declared);
        Fact { opener, n: 1, kind, entered_at: None, left_at }
    };
    let open = |facts: &[Fact]| fold(&places(), &events, facts, minute(30)).timeline.open.is_some();
    assert!(open(&[]));
    assert!(open(&[left(1, minute(5))]), "about another stay");
    assert!(!open(&[left(1, minute(5)), left(3, minute(25))]), "about both");
    let folded = fold(&places(), &events, &[left(3, minute(25))], minute(30));
    let declared = folded.sessions.last().expect("two stays");
    let expected = (Some(minute(25)), Some(Provenance::SelfDeclared), 5);
    assert_eq!((declared.left_at, declared.provenance, declared.minutes), expected);
}
