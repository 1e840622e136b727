//! Where a member stands: inside until when, what came late, and what is handed over.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Standing, Timeline};
use crate::{
    base::{
        db,
        ids::{Direction, EventId, MemberId, SessionId},
    },
    minutes::{
        laws::histories::Places,
        posting::{
            Posting,
            books::{Books, keys},
        },
        timeline::{Effect, Event, OpenSession},
    },
    venues::sample::{at, venue},
};

const WHO: MemberId = MemberId(Uuid::from_u128(1));
const SEVEN: &str = "2026-09-21T19:00:00+08:00";

fn places() -> Places {
    Places(vec![venue(1)])
}

fn event(n: u8, direction: Direction, occurred_at: DateTime<Utc>) -> Event {
    let (id, serial) = (EventId(Uuid::from_u128(n.into())), "T1".into());
    let (venue, seq) = (venue(1).id, n.into());
    Event { id, occurred_at, direction, venue, serial, epoch: 1, seq, credited: true }
}

fn posting(places: &Places) -> Posting<'_> {
    Posting::new(keys(), places, at(SEVEN) + TimeDelta::hours(2), "fold")
}

#[test]
fn one_is_inside_up_to_the_limit_of_their_stay() {
    let id = SessionId(Uuid::from_u128(1));
    let open = OpenSession { id, venue: venue(1).id, entered_at: at(SEVEN), credited: true };
    let timeline = Timeline { open: Some(open), ..Timeline::default() };
    let standing = Standing::new(WHO, 1, timeline);
    let limit = at(SEVEN) + TimeDelta::minutes(240);
    assert_eq!(standing.inside(&places(), limit), Some((open, limit)));
    assert_eq!(standing.inside(&places(), limit + TimeDelta::milliseconds(1)), None);
}

/// Whoever writes by an older version is outrun.
#[test]
fn a_row_that_is_handed_over_has_the_next_version() {
    let places = places();
    let mut books = Books::default();
    for version in 0..3 {
        let (stood, timeline) = books.timeline(WHO);
        assert_eq!(stood, version);
        let mut posting = posting(&places);
        Standing::new(WHO, stood, timeline).finish(&places, at(SEVEN), &mut posting);
        books.write(posting);
    }
}

#[tokio::test]
async fn what_came_late_is_folded_again_and_the_next_is_taken_as_it_comes() {
    let (_folder, db) = db::fresh_for_tests().await;
    let places = places();
    let mut posting = posting(&places);
    let mut standing = Standing::new(WHO, 0, Timeline::default());
    assert!(!standing.is_late());
    let exit = event(2, Direction::Out, at(SEVEN));
    assert_eq!(standing.take(&places, exit.clone(), &mut posting), Some(Effect::Orphan));
    // The entry comes after the exit that it explains.
    let entry = event(1, Direction::In, at(SEVEN) - TimeDelta::minutes(30));
    assert_eq!(standing.take(&places, entry.clone(), &mut posting), None);
    assert!(standing.is_late());
    let now = at(SEVEN) + TimeDelta::minutes(1);
    let caught_up = standing.catch_up(&db, &places, now, &mut posting).await.expect("it reads");
    assert_eq!(caught_up.effects, [(exit.id, Effect::Closed), (entry.id, Effect::Opened)]);
    assert!(!standing.is_late());
    // The exit has an effect now, so the same again within a minute is a repeat.
    let again = event(3, Direction::Out, at(SEVEN) + TimeDelta::seconds(30));
    assert_eq!(standing.take(&places, again, &mut posting), Some(Effect::Repeat));
}
