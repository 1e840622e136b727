//! What a Redis can do to us: absent, killed, frozen, emptied, read-only, full, spoiled. Each must
//! be told quickly, change nothing for good, and pass by itself.

use std::{
    io,
    time::{Duration, Instant},
};

use super::super::{CountersLost, link::tls_trouble};
use super::{Counters, MemberId, VenueId, servers::Server};
use super::{inside, now, people, person, presence, present, put, put_people, venue_day, visits};

/// Far above one retry at 200 ms, far below the ten seconds that the client waits by itself.
const QUICK: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_store_that_is_down_is_opened_at_once_and_lost_quickly() {
    let mut server = Server::start();
    let url = server.url();
    server.kill();
    let began = Instant::now();
    for url in [
        url.clone(),
        url.replace("redis://", "redis+cluster://"),
        url.replace("redis://", "redis+sentinel://") + "/town",
    ] {
        let store = Counters::open(Some(&url)).expect("the address is good");
        for _ in 0..100 {
            assert_eq!(store.generation().await, Err(CountersLost), "{url}");
        }
    }
    assert!(began.elapsed() < 3 * QUICK, "{:?}", began.elapsed());
}

#[test]
fn what_tls_has_against_a_certificate_is_told_and_of_other_losses_only_the_kind() {
    let by_tls = rustls::Error::InvalidCertificate(rustls::CertificateError::Expired);
    let by_tls = io::Error::new(io::ErrorKind::InvalidData, by_tls);
    let told = tls_trouble(&by_tls.into()).expect("a certificate is why");
    assert!(told.contains("certificate") && told.to_lowercase().contains("expired"), "{told}");
    assert_eq!(tls_trouble(&io::Error::from(io::ErrorKind::TimedOut).into()), None);
    assert_eq!(tls_trouble(&io::Error::other("secret").into()), None);
}

#[test]
fn an_address_that_names_no_store_is_refused_without_repeating_it() {
    for bad in [
        "",
        "http://127.0.0.1:6379",
        "redis+cluster://",
        "redis+cluster://:secret@host",
        "redis+sentinel://127.0.0.1:26379",
        "redis://127.0.0.1:6379?prefix=",
        "redis://127.0.0.1:6379?prefix=a{b}",
    ] {
        let refused = Counters::open(Some(bad)).err().expect("it is bad");
        assert!(!refused.to_string().contains("secret"), "{bad}");
    }
}

#[tokio::test]
async fn a_store_that_is_killed_and_comes_back_empty_is_found_again() {
    let mut server = Server::start();
    let store = Counters::patient(&server.url());
    let venue = VenueId::new();
    put(&store, &[venue_day(venue, 1, 1, 5)]).await;
    server.kill();
    assert_eq!(store.put(&[venue_day(venue, 1, 2, 6)]).await, Err(CountersLost));
    server.restart();
    put(&store, &[venue_day(venue, 1, 3, 7)]).await;
    assert_eq!(visits(&store, venue).await, Some(7));
    assert_eq!(store.generation().await, Ok(None));
}

#[tokio::test]
async fn a_restart_between_two_calls_is_not_noticed() {
    let mut server = Server::start();
    let store = Counters::patient(&server.url());
    let venue = VenueId::new();
    put(&store, &[venue_day(venue, 1, 1, 5)]).await;
    server.kill();
    server.restart();
    assert_eq!(visits(&store, venue).await, None);
    server.cli(&["script", "flush"]);
    put(&store, &[venue_day(venue, 1, 1, 5)]).await;
    assert_eq!(visits(&store, venue).await, Some(5));
}

#[tokio::test]
async fn a_frozen_store_is_lost_quickly() {
    let server = Server::start();
    let store = Counters::open(Some(&server.url())).expect("the address is good");
    server.cli(&["client", "pause", "30000", "all"]);
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(store.generation().await, Err(CountersLost));
    }
    assert!(began.elapsed() < QUICK, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_store_that_refuses_writes_is_lost_until_it_takes_them() {
    let server = Server::start();
    let store = Counters::patient(&server.url());
    let venue = VenueId::new();
    put(&store, &[venue_day(venue, 1, 1, 5)]).await;
    for (broken, healed) in [
        (["config", "set", "maxmemory", "1"], ["config", "set", "maxmemory", "0"]),
        (["replicaof", "127.0.0.1", "1", ""], ["replicaof", "no", "one", ""]),
    ] {
        let told = |command: [&str; 4]| {
            let command: Vec<&str> = command.into_iter().filter(|word| !word.is_empty()).collect();
            assert!(server.cli(&command).contains("OK"));
        };
        told(broken);
        assert_eq!(store.put(&[venue_day(venue, 1, 2, 6)]).await, Err(CountersLost));
        told(healed);
        put(&store, &[venue_day(venue, 1, 2, 6)]).await;
        assert_eq!(visits(&store, venue).await, Some(6));
    }
}

#[tokio::test]
async fn a_spoiled_key_is_removed_and_asks_for_a_rebuild() {
    let server = Server::start();
    let store = Counters::patient(&server.url());
    let venue = VenueId::new();
    let day = format!("fitgate:{{venue:{venue}}}:day:2026-11-23");
    let whom = format!("fitgate:{{venue:{venue}}}:inside");
    let crowd = "fitgate:{division:330482:2026-11-23}:people";
    for (key, spoil) in [
        (day.as_str(), vec!["set", &day, "text"]),
        (day.as_str(), vec!["hset", &day, "visits", "many"]),
        (whom.as_str(), vec!["set", &whom, "text"]),
        (crowd, vec!["set", crowd, "text"]),
        (crowd, vec!["hset", crowd, "people", "many"]),
    ] {
        fill(&store, venue).await;
        store.trust(Some(2));
        server.cli(&spoil);
        let read = [
            store.venue_days(&[venue], super::day()).await.is_err(),
            store.inside(&[venue], now()).await.is_err(),
            store.people(&[super::division()], super::day()).await.is_err(),
        ];
        assert_eq!(read.iter().filter(|lost| **lost).count(), 1, "{spoil:?}");
        assert_eq!(store.trusted(), None, "{spoil:?}");
        assert_eq!(store.generation().await, Ok(None), "{spoil:?}");
        assert_eq!(server.cli(&["exists", key]).trim(), "0");
    }
}

#[tokio::test]
async fn a_write_replaces_a_spoiled_key() {
    let server = Server::start();
    let store = Counters::patient(&server.url());
    let venue = VenueId::new();
    for what in ["day:2026-11-23", "inside", "versions", "forget"] {
        server.cli(&["set", &format!("fitgate:{{venue:{venue}}}:{what}"), "text"]);
    }
    server.cli(&["set", "fitgate:{division:330482:2026-11-23}:people", "text"]);
    fill(&store, venue).await;
    assert_eq!(visits(&store, venue).await, Some(5));
    assert_eq!((inside(&store, venue, now()).await, people(&store).await), (1, 1));
}

/// A visit, somebody inside, one of the people, and a marked generation.
async fn fill(store: &Counters, venue: VenueId) {
    put(store, &[venue_day(venue, 1, 1, 5)]).await;
    let member = MemberId::new();
    present(store, &[presence(venue, member, 1, Some(60))], now()).await;
    put_people(store, &[person(member, 1, true)]).await;
    store.begin(2).await.expect("the store is there");
    assert_eq!(store.mark(2).await, Ok(true));
}
