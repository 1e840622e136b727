//! What a timeline takes one by one, and what it forgets.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Effect, EndedBy, Event, Fact, FactKind, Provenance, Timeline, fold};
use crate::{
    base::ids::{Direction, EventId},
    minutes::laws::histories::Places,
    venues::sample::{at, venue},
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
