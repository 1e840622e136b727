//! The projector over a real database and a store in the process.

use std::time::Duration;

use tokio::time::Instant;

use super::{BATCH, Change, Projector, Subject, TURN, changes, rebuild};
use crate::{
    base::{
        counters::{Counters, Family, Projected, tests::servers::Server as Redis},
        ids::{MemberId, VenueId},
    },
    minutes::{months::month_of, posting::Touched},
};

mod town;

use town::{COMMUNITY, Town, today};

async fn round(projector: &mut Projector) {
    projector.round().await.expect("the round goes well");
}

#[tokio::test]
async fn changes_are_carried_over_and_agree_with_sql() {
    let mut town = Town::new().await;
    let (gym, court) = (town.venue().await, town.venue().await);
    let (ann, bo) = (MemberId::new(), MemberId::new());
    let mut projector = town.projector();
    round(&mut projector).await;
    town.stay(ann, gym, Some(40)).await;
    town.stay(ann, court, None).await;
    let voided = town.stay(bo, gym, Some(30)).await;
    round(&mut projector).await;
    assert_eq!(town.waiting().await, 0);
    assert_eq!((town.visits(gym).await, town.visits(court).await), (2, 1));
    assert_eq!((town.inside(gym).await, town.inside(court).await), (0, 1));
    for division in ["33", "3304", "330482", "330482001", COMMUNITY] {
        assert_eq!(town.people(division).await, 2, "{division}");
    }
    assert_eq!(town.differences().await, []);

    town.void(voided, bo, gym, 30).await;
    round(&mut projector).await;
    assert_eq!((town.visits(gym).await, town.people("3304").await), (1, 1));
    assert_eq!(town.differences().await, []);
}

#[test]
fn only_what_may_have_moved_is_asked_for() {
    let (member, venue, day) = (MemberId::new(), VenueId::new(), today());
    let follows = |stays, minutes| {
        let change =
            Change { key: (1, 0), member, venue, day, touched: Touched { stays, minutes } };
        (change.subjects().collect::<Vec<_>>(), change.month())
    };
    let left = vec![
        Subject::VenueDay(venue, day),
        Subject::MemberDay(member, day),
        Subject::Presence(member, venue),
    ];
    let came = [left.clone(), vec![Subject::People(member, day)]].concat();
    assert_eq!(follows(false, true), (left, Some((member, month_of(day)))));
    assert_eq!(follows(true, false), (came, None));
}

#[tokio::test]
async fn an_empty_store_is_written_anew_before_it_is_trusted() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    town.stay(MemberId::new(), gym, None).await;
    let mut projector = town.projector();
    round(&mut projector).await;
    assert_eq!(town.counters.trusted(), Some(2));
    town.counters = Counters::open(None).expect("memory always opens");
    assert_eq!(town.counters.trusted(), None);
    let mut projector = town.projector();
    round(&mut projector).await;
    assert_eq!(town.counters.trusted(), Some(3));
    assert_eq!((town.visits(gym).await, town.inside(gym).await), (1, 1));
    assert_eq!(town.people("33").await, 1);
    assert_eq!(town.differences().await, []);
}

#[tokio::test]
async fn a_store_ahead_of_a_restored_database_is_written_anew() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    let later = Projected {
        family: Family::VenueDay,
        key: gym.0,
        day: today(),
        generation: 9,
        version: 99,
        fields: vec![("visits", 77)],
    };
    town.counters.put(&[later]).await.expect("memory is there");
    town.counters.begin(9).await.expect("memory is there");
    assert_eq!(town.counters.mark(9).await, Ok(true));
    town.stay(MemberId::new(), gym, None).await;
    round(&mut town.projector()).await;
    assert_eq!(town.counters.trusted(), Some(10));
    assert_eq!(town.visits(gym).await, 1);
    assert_eq!(town.differences().await, []);
}

#[tokio::test]
async fn a_change_stays_if_it_came_later_or_a_generation_began_meanwhile() {
    let town = Town::new().await;
    let gym = town.venue().await;
    round(&mut town.projector()).await;
    town.change(MemberId::new(), gym, 1).await;
    let read = changes(&town.db).await.expect("they are read");
    town.change(MemberId::new(), gym, 2).await;
    assert_eq!(super::delete(&town.db, &read, 1).await.expect("it runs"), 0);
    assert_eq!(super::delete(&town.db, &read, 2).await.expect("it runs"), 1);
    assert_eq!(town.waiting().await, 1);
}

#[tokio::test]
async fn a_lost_store_leaves_the_changes_where_they_are() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    town.stay(MemberId::new(), gym, None).await;
    let memory = town.counters.clone();
    // Nothing listens on the port of discarded things.
    town.counters = Counters::open(Some("redis://127.0.0.1:9")).expect("the address is good");
    assert!(town.projector().round().await.is_err());
    assert_eq!(town.counters.trusted(), None);
    assert_eq!(town.waiting().await, 1);
    town.counters = memory;
    round(&mut town.projector()).await;
    assert_eq!(town.waiting().await, 0);
    assert_eq!(town.differences().await, []);
}

#[tokio::test]
async fn several_projectors_and_a_rebuild_at_once_agree_with_sql() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    for _ in 0..20 {
        town.stay(MemberId::new(), gym, None).await;
    }
    let (mut one, mut other) = (town.projector(), town.projector());
    let rebuilding = rebuild(&town.db, &town.counters, &town.clock);
    let (first, second, rebuilt) = tokio::join!(one.round(), other.round(), rebuilding);
    first.and(second).and(rebuilt.map(|_| ())).expect("all go well");
    round(&mut one).await;
    assert_eq!((town.visits(gym).await, town.inside(gym).await), (20, 20));
    assert_eq!(town.waiting().await, 0);
    assert_eq!(town.differences().await, []);
}

#[tokio::test]
async fn of_several_replicas_one_carries_over_and_another_once_it_is_gone() {
    let redis = Redis::start();
    let mut town = Town::new().await;
    town.counters = Counters::patient(&redis.url());
    let gym = town.venue().await;
    let mut one = town.projector();
    round(&mut one).await;
    town.counters.end_turn(TURN, Duration::ZERO).await.expect("the store is there");
    // Another replica is at it.
    let long = Duration::from_mins(10);
    assert_eq!(town.counters.take_turn(TURN, long).await, Ok(true));
    town.stay(MemberId::new(), gym, None).await;
    round(&mut one).await;
    assert_eq!((town.waiting().await, one.is_waiting), (1, true));
    assert!(town.counters.trusted().is_some(), "it goes on trusting what others write");
    // It was killed, and its turn ran out.
    town.counters.end_turn(TURN, Duration::ZERO).await.expect("the store is there");
    round(&mut one).await;
    assert_eq!((town.waiting().await, one.is_waiting), (0, false));
    assert_eq!((town.visits(gym).await, town.differences().await), (1, vec![]));
}

#[tokio::test]
async fn a_changed_number_is_named_wherever_it_lies() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    let ann = MemberId::new();
    town.stay(ann, gym, Some(40)).await;
    round(&mut town.projector()).await;

    town.sql("UPDATE venue_days SET visits = visits + 1", []).await;
    let found: Vec<String> = town.differences().await.iter().map(ToString::to_string).collect();
    let day = format!("venue_day {gym} {}", today());
    assert_eq!(
        found,
        [
            format!("{day} visits: counters 1, roll-ups 2"),
            format!("{day} visits: roll-ups 2, sessions 1"),
        ]
    );
    town.sql("UPDATE venue_days SET visits = visits - 1", []).await;

    town.sql("UPDATE minute_entries SET minutes = 41", []).await;
    let found: Vec<String> = town.differences().await.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            format!("member_day {ann} {} minutes_measured: roll-ups 40, ledger 41", today()),
            format!("{day} minutes_measured: roll-ups 40, ledger 41"),
        ]
    );
    town.sql("UPDATE minute_entries SET minutes = 40", []).await;

    let spoiled = Projected {
        family: Family::VenueDay,
        key: gym.0,
        day: today(),
        generation: 2,
        version: 1,
        fields: vec![("visits", 1), ("people", 1), ("minutes_measured", 7)],
    };
    town.counters.put(&[spoiled]).await.expect("memory is there");
    let found: Vec<String> = town.differences().await.iter().map(ToString::to_string).collect();
    assert_eq!(found, [format!("{day} minutes_measured: counters 7, roll-ups 40")]);

    rebuild(&town.db, &town.counters, &town.clock).await.expect("it is written anew");
    assert_eq!(town.differences().await, []);
}

#[tokio::test]
async fn a_comparison_tells_how_much_it_looked_at() {
    let mut town = Town::new().await;
    round(&mut town.projector()).await;
    let nothing = town.verified().await;
    assert_eq!((nothing.compared, nothing.not_zero), (0, 0));
    let gym = town.venue().await;
    town.stay(MemberId::new(), gym, Some(40)).await;
    round(&mut town.projector()).await;
    let verified = town.verified().await;
    assert_eq!(verified.differences, []);
    // Who is inside; on three days the people of five divisions, and the gym's numbers and hours;
    // the member's numbers on one of them.
    assert_eq!(verified.compared, 1 + 3 * (5 + 6 + 48) + 5);
    // The people; visits, people and minutes; an hour's visits and minutes; visits and minutes.
    assert_eq!(verified.not_zero, 5 + 3 + 2 + 2);
}

#[tokio::test]
async fn a_comparison_names_what_a_voided_visit_left_and_what_no_counter_should_have() {
    let mut town = Town::new().await;
    let (gym, ann) = (town.venue().await, MemberId::new());
    let visit = town.stay(ann, gym, Some(40)).await;
    town.void(visit, ann, gym, 40).await;
    round(&mut town.projector()).await;
    assert_eq!(town.differences().await, []);
    let left = |family, key, field| Projected {
        family,
        key,
        day: today(),
        generation: 2,
        version: 99,
        fields: vec![(field, 7)],
    };
    let rows =
        [left(Family::MemberDay, ann.0, "visits"), left(Family::VenueDay, gym.0, "laughter")];
    town.counters.put(&rows).await.expect("memory is there");
    let found: Vec<String> = town.differences().await.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            format!("member_day {ann} {} visits: counters 7, roll-ups 0", today()),
            format!("venue_day {gym} {} laughter: counters 7, roll-ups 0", today()),
        ]
    );
}

#[tokio::test]
async fn what_a_shard_lost_is_healed() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    let mut projector = town.projector();
    round(&mut projector).await;
    town.stay(MemberId::new(), gym, None).await;
    round(&mut projector).await;
    let lost = Projected {
        family: Family::VenueDay,
        key: gym.0,
        day: today(),
        generation: 2,
        version: 1,
        fields: vec![("visits", 0)],
    };
    town.counters.put(&[lost]).await.expect("memory is there");
    assert_eq!(town.visits(gym).await, 0);
    projector.healed_at = Instant::now().checked_sub(super::HEALING_EVERY);
    round(&mut projector).await;
    assert_eq!(town.visits(gym).await, 1);
}

#[tokio::test]
async fn a_start_heals_everything_current_piece_by_piece_and_carries_changes_over_in_between() {
    let mut town = Town::new().await;
    let (gym, court) = (town.venue().await, town.venue().await);
    let mut before = town.projector();
    round(&mut before).await;
    let people = i64::try_from(BATCH).expect("it is small") + 1;
    for _ in 0..people {
        town.stay(MemberId::new(), gym, None).await;
    }
    round(&mut before).await;
    round(&mut before).await;
    assert_eq!(town.visits(gym).await, people);
    let lost = Projected {
        family: Family::VenueDay,
        key: gym.0,
        day: today(),
        generation: 2,
        version: people,
        fields: vec![("visits", 0)],
    };
    town.counters.put(&[lost]).await.expect("memory is there");

    let mut started = town.projector();
    round(&mut started).await;
    assert!(started.healing.is_some(), "more than a piece is current");
    town.stay(MemberId::new(), court, None).await;
    round(&mut started).await;
    assert_eq!(town.visits(court).await, 1, "a change does not wait until all is healed");
    assert!(started.healing.is_some());
    let mut rounds = 0;
    while started.healing.is_some() {
        round(&mut started).await;
        rounds += 1;
        assert!(rounds < 20, "healing comes to an end");
    }
    assert_eq!(town.visits(gym).await, people);
}

#[tokio::test]
async fn a_rebuild_that_failed_holds_up_no_other_though_the_clock_stands_still() {
    let town = Town::new().await;
    town.venue().await;
    // Nothing listens on the port of discarded things.
    let lost = Counters::open(Some("redis://127.0.0.1:9")).expect("the address is good");
    assert!(super::rebuild(&town.db, &lost, &town.clock).await.is_err());
    let rebuilt = super::rebuild(&town.db, &town.counters, &town.clock).await;
    assert!(rebuilt.expect("both are there").is_some());
}

#[tokio::test]
async fn counters_are_trusted_while_sql_is_away_for_a_moment() {
    let town = Town::new().await;
    let mut projector = town.projector();
    round(&mut projector).await;
    let trusted = town.counters.trusted();
    assert!(trusted.is_some());
    town.db.close_by_ref().await.expect("it closes");
    assert!(projector.round().await.is_err());
    assert_eq!(town.counters.trusted(), trusted);
}

#[tokio::test]
async fn days_that_nobody_reads_from_the_counters_are_not_carried_over() {
    let mut town = Town::new().await;
    let gym = town.venue().await;
    let mut projector = town.projector();
    round(&mut projector).await;
    town.stay(MemberId::new(), gym, None).await;
    let later = town.clock.now() + chrono::TimeDelta::days(20);
    town.clock.set(later);
    round(&mut projector).await;
    assert_eq!(town.waiting().await, 0);
    assert_eq!((town.visits(gym).await, town.people("3304").await), (0, 0));
}
