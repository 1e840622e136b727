//! The laws of the store, held to the memory, to a Redis and to a cluster of three alike.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::{Counters, Family, NotWhole, Person, Presence, Projected};
use crate::base::{
    clock::from_millis,
    ids::{DivisionCode, MemberId, VenueId},
};

mod convergence;
mod faults;
pub mod servers;

use servers::{Cluster, Server};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_keeps_the_laws() {
    let empty = || Counters::open(None).expect("memory always opens");
    suite(&empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_keeps_the_laws() {
    let server = Server::start();
    let empty = || Counters::patient(&format!("{}?prefix={}", server.url(), Uuid::new_v4()));
    suite(&empty).await;
    a_turn_without_an_end_gets_one(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_the_laws() {
    let cluster = Cluster::start();
    let empty = || Counters::patient(&format!("{}?prefix={}", cluster.url(), Uuid::new_v4()));
    suite(&empty).await;
    every_shard_needs_its_marker(&cluster).await;
}

async fn suite(empty: &dyn Fn() -> Counters) {
    an_empty_store_has_nothing(&empty()).await;
    the_newest_version_stays(&empty()).await;
    a_new_generation_beats_every_version_of_older_ones(&empty()).await;
    versions_beyond_the_precision_of_floats_compare(&empty()).await;
    many_rows_go_at_once(&empty()).await;
    a_number_is_only_ever_raised(&empty()).await;
    a_turn_is_nobody_elses_until_it_ends(&empty()).await;
    who_expired_is_not_inside(&empty()).await;
    who_left_is_not_brought_back_by_an_older_write(&empty()).await;
    a_removal_is_forgotten_a_day_later(&empty()).await;
    a_new_generation_empties_presence(&empty()).await;
    people_are_counted_once(&empty()).await;
    what_is_older_than_the_trusted_generation_is_absent(&empty()).await;
    only_a_begun_generation_can_be_marked(&empty()).await;
    what_is_read_counts_only_while_the_trusted_generation_is_whole(&empty()).await;
    convergence::any_replay_converges(empty);
    convergence::a_rebuild_into_an_empty_store_gives_the_same_store(empty);
}

/// No test takes so long.
const LONG: Duration = Duration::from_mins(10);

fn now() -> DateTime<Utc> {
    from_millis(1_795_000_000_000)
}

fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 23).expect("a day")
}

fn division() -> DivisionCode {
    "330482".parse().expect("a code")
}

fn venue_day(venue: VenueId, generation: i64, version: i64, visits: i64) -> Projected {
    Projected {
        family: Family::VenueDay,
        key: venue.0,
        day: day(),
        generation,
        version,
        fields: vec![("visits", visits), ("minutes_estimated", -visits)],
    }
}

fn presence(venue: VenueId, member: MemberId, version: i64, minutes: Option<i64>) -> Presence {
    let expires_at = minutes.map(|minutes| now() + TimeDelta::minutes(minutes));
    Presence { venue, member, generation: 1, version, expires_at }
}

fn person(member: MemberId, version: i64, present: bool) -> Person {
    Person { division: division(), day: day(), member, generation: 1, version, present }
}

async fn visits(store: &Counters, venue: VenueId) -> Option<i64> {
    let found = store.venue_days(&[venue], day()).await.expect("the store is there");
    found[0].as_ref().map(|fields| fields.get("visits"))
}

async fn inside(store: &Counters, venue: VenueId, at: DateTime<Utc>) -> i64 {
    store.inside(&[venue], at).await.expect("the store is there")[0]
}

async fn people(store: &Counters) -> i64 {
    store.people(&[division()], day()).await.expect("the store is there")[0]
}

async fn put(store: &Counters, rows: &[Projected]) {
    store.put(rows).await.expect("the store is there");
}

async fn present(store: &Counters, rows: &[Presence], at: DateTime<Utc>) {
    store.present(rows, at).await.expect("the store is there");
}

async fn put_people(store: &Counters, rows: &[Person]) {
    store.put_people(rows).await.expect("the store is there");
}

async fn an_empty_store_has_nothing(store: &Counters) {
    let venue = VenueId::new();
    assert_eq!(visits(store, venue).await, None);
    assert_eq!(inside(store, venue, now()).await, 0);
    assert_eq!(people(store).await, 0);
    assert_eq!(store.generation().await, Ok(None));
    assert_eq!(store.newest_generation().await, Ok(None));
    assert_eq!(store.trusted(), None);
}

async fn the_newest_version_stays(store: &Counters) {
    let venue = VenueId::new();
    put(store, &[venue_day(venue, 1, 9, 9), venue_day(venue, 1, 10, 10)]).await;
    put(store, &[venue_day(venue, 1, 9, 9)]).await;
    assert_eq!(visits(store, venue).await, Some(10));
    let found = store.get(Family::VenueDay, &[venue.0], day()).await.expect("the store is there");
    let stored = found[0].as_ref().expect("it was written");
    assert_eq!((stored.generation, stored.version), (1, 10));
    let fields: Vec<(&str, i64)> = stored.fields.iter().collect();
    assert_eq!(fields, [("minutes_estimated", -10), ("visits", 10)]);
}

async fn a_new_generation_beats_every_version_of_older_ones(store: &Counters) {
    let venue = VenueId::new();
    put(store, &[venue_day(venue, 9, 100, 1)]).await;
    put(store, &[venue_day(venue, 10, 1, 2)]).await;
    put(store, &[venue_day(venue, 9, 101, 3)]).await;
    assert_eq!(visits(store, venue).await, Some(2));
}

async fn versions_beyond_the_precision_of_floats_compare(store: &Counters) {
    let venue = VenueId::new();
    put(store, &[venue_day(venue, 1, i64::MAX, 2)]).await;
    put(store, &[venue_day(venue, 1, i64::MAX - 1, 1)]).await;
    assert_eq!(visits(store, venue).await, Some(2));
}

async fn many_rows_go_at_once(store: &Counters) {
    let venues: Vec<VenueId> = (0..200).map(|_| VenueId::new()).collect();
    let rows: Vec<Projected> =
        venues.iter().zip(0..).map(|(venue, n)| venue_day(*venue, 1, 1, n)).collect();
    put(store, &rows).await;
    let found = store.venue_days(&venues, day()).await.expect("the store is there");
    let found: Vec<i64> = found.iter().flatten().map(|fields| fields.get("visits")).collect();
    assert_eq!(found, (0..200).collect::<Vec<i64>>());
    let members: Vec<Person> = (0..1_200).map(|_| person(MemberId::new(), 1, true)).collect();
    put_people(store, &members).await;
    assert_eq!(people(store).await, 1_200);
}

async fn a_number_is_only_ever_raised(store: &Counters) {
    for n in [2, 10, 11] {
        assert_eq!(store.raised("timeline:7", n).await, Ok(n));
    }
    if !store.is_in_process() {
        assert_eq!(store.raised("timeline:7", 9).await, Ok(11));
    }
    assert_eq!(store.raised("timeline:8", 1).await, Ok(1), "another one is by itself");
}

async fn a_turn_is_nobody_elses_until_it_ends(store: &Counters) {
    let take = async |what| store.take_turn(what, LONG).await.expect("the store is there");
    assert!(take("one").await);
    // Nobody else is there where the store is in the process.
    assert_eq!(take("one").await, store.is_in_process());
    assert!(take("another").await, "another one is by itself");
    store.end_turn("one", LONG).await.expect("the store is there");
    assert_eq!(take("one").await, store.is_in_process(), "it has not ended yet");
    store.end_turn("one", Duration::ZERO).await.expect("the store is there");
    assert!(take("one").await);
    let moment = Duration::from_millis(1);
    assert!(store.take_turn("short", moment).await.expect("the store is there"));
    // Whoever had it is gone.
    while !take("short").await {}
}

async fn a_turn_without_an_end_gets_one(server: &Server) {
    let store = Counters::patient(&server.url());
    server.cli(&["SET", "fitgate:{work}:turn", "something else"]);
    let moment = Duration::from_millis(1);
    assert_eq!(store.take_turn("work", moment).await, Ok(false));
    // Without an end it would never be free.
    while !store.take_turn("work", moment).await.expect("the store is there") {}
}

async fn who_expired_is_not_inside(store: &Counters) {
    let (venue, other) = (VenueId::new(), VenueId::new());
    let rows = [
        presence(venue, MemberId::new(), 1, Some(10)),
        presence(venue, MemberId::new(), 1, Some(20)),
        presence(other, MemberId::new(), 1, Some(30)),
    ];
    present(store, &rows, now()).await;
    for (minutes, expected) in [(0, 2), (9, 2), (10, 1), (19, 1), (20, 0)] {
        assert_eq!(inside(store, venue, now() + TimeDelta::minutes(minutes)).await, expected);
    }
    assert_eq!(store.inside(&[other, venue], now()).await, Ok(vec![1, 2]));
}

async fn who_left_is_not_brought_back_by_an_older_write(store: &Counters) {
    let (venue, member) = (VenueId::new(), MemberId::new());
    present(store, &[presence(venue, member, 2, None)], now()).await;
    present(store, &[presence(venue, member, 1, Some(60))], now()).await;
    assert_eq!(inside(store, venue, now()).await, 0);
    present(store, &[presence(venue, member, 3, Some(60))], now()).await;
    assert_eq!(inside(store, venue, now()).await, 1);
    let hours_later = now() + TimeDelta::hours(23);
    present(store, &[presence(venue, member, 4, None)], hours_later).await;
    present(store, &[presence(venue, member, 3, Some(2_000))], hours_later).await;
    assert_eq!(inside(store, venue, hours_later).await, 0);
}

async fn a_removal_is_forgotten_a_day_later(store: &Counters) {
    let (venue, member) = (VenueId::new(), MemberId::new());
    present(store, &[presence(venue, member, 2, None)], now()).await;
    let day_later = now() + TimeDelta::days(1);
    present(store, &[presence(venue, member, 1, Some(3_000))], day_later).await;
    assert_eq!(inside(store, venue, day_later).await, 1);
}

async fn a_new_generation_empties_presence(store: &Counters) {
    let (venue, member) = (VenueId::new(), MemberId::new());
    let rows = [presence(venue, MemberId::new(), 7, Some(60)), presence(venue, member, 8, None)];
    present(store, &rows, now()).await;
    let next = Presence { generation: 2, ..presence(venue, member, 1, Some(60)) };
    present(store, &[next], now()).await;
    assert_eq!(inside(store, venue, now()).await, 1);
    present(store, &rows, now()).await;
    assert_eq!(inside(store, venue, now()).await, 1);
}

async fn people_are_counted_once(store: &Counters) {
    let (one, other) = (MemberId::new(), MemberId::new());
    put_people(store, &[person(one, 1, true), person(other, 1, true), person(one, 2, true)]).await;
    assert_eq!(people(store).await, 2);
    put_people(store, &[person(one, 10, false)]).await;
    put_people(store, &[person(one, 9, true)]).await;
    assert_eq!(people(store).await, 1);
    put_people(store, &[person(one, 11, true), person(other, 3, false)]).await;
    assert_eq!(people(store).await, 1);
    let next = Person { generation: 2, ..person(other, 1, true) };
    put_people(store, &[next]).await;
    put_people(store, &[person(one, 99, true)]).await;
    assert_eq!(people(store).await, 1);
}

async fn what_is_older_than_the_trusted_generation_is_absent(store: &Counters) {
    let venue = VenueId::new();
    put(store, &[venue_day(venue, 1, 1, 5)]).await;
    present(store, &[presence(venue, MemberId::new(), 1, Some(60))], now()).await;
    put_people(store, &[person(MemberId::new(), 1, true)]).await;
    store.trust(Some(1));
    assert_eq!(store.clone().trusted(), Some(1));
    assert_eq!(visits(store, venue).await, Some(5));
    assert_eq!((inside(store, venue, now()).await, people(store).await), (1, 1));
    store.trust(Some(2));
    assert_eq!(visits(store, venue).await, None);
    assert_eq!((inside(store, venue, now()).await, people(store).await), (0, 0));
}

async fn only_a_begun_generation_can_be_marked(store: &Counters) {
    assert_eq!(store.mark(3).await, Ok(false));
    store.begin(3).await.expect("the store is there");
    assert_eq!(store.generation().await, Ok(None));
    store.begin(4).await.expect("the store is there");
    assert_eq!(store.newest_generation().await, Ok(Some(4)), "what was begun may hold values");
    assert_eq!(store.mark(3).await, Ok(false));
    assert_eq!(store.mark(4).await, Ok(true));
    assert_eq!(store.generation().await, Ok(Some(4)));
    assert_eq!(store.newest_generation().await, Ok(Some(4)));
    assert_eq!(store.mark(4).await, Ok(false));
    assert_eq!(store.generation().await, Ok(Some(4)));
}

async fn what_is_read_counts_only_while_the_trusted_generation_is_whole(store: &Counters) {
    let read = async || store.whole(async { Ok(store.inside(&[], now()).await?.len()) }).await;
    assert_eq!(read().await, Err(NotWhole::Rebuilding));
    store.begin(1).await.expect("the store is there");
    assert_eq!(store.mark(1).await, Ok(true));
    assert_eq!(read().await, Err(NotWhole::Rebuilding), "nobody said that it may be trusted");
    store.trust(Some(1));
    assert_eq!(read().await, Ok(0));
    let meanwhile = async {
        store.begin(2).await?;
        Ok(())
    };
    assert_eq!(store.whole(meanwhile).await, Err(NotWhole::Rebuilding));
    assert_eq!((store.generation().await, store.trusted()), (Ok(None), None));
    store.trust(Some(1));
    assert_eq!(store.mark(2).await, Ok(true));
    assert_eq!(read().await, Err(NotWhole::Rebuilding), "another generation lies there now");
    store.trust(Some(2));
    assert_eq!(read().await, Ok(0));
}

async fn every_shard_needs_its_marker(cluster: &Cluster) {
    let store = Counters::patient(&cluster.url());
    store.begin(7).await.expect("the cluster is there");
    for node in cluster.nodes() {
        assert_ne!(node.cli(&["dbsize"]).trim(), "0", "each shard was told");
    }
    assert_eq!(store.mark(7).await, Ok(true));
    cluster.nodes()[1].cli(&["flushall"]);
    assert_eq!(store.generation().await, Ok(None));
    assert_eq!(store.newest_generation().await, Ok(Some(7)));
    store.begin(8).await.expect("the cluster is there");
    cluster.nodes()[2].cli(&["flushall"]);
    assert_eq!(store.mark(8).await, Ok(false), "a shard was emptied while it was written");
    assert_eq!(store.generation().await, Ok(None));
}
