//! What a screen says in the moment between a loss in Redis and the projector's next look.

use super::*;
use crate::{
    base::{
        counters::{
            Family, Person, Presence, Projected,
            tests::servers::{Cluster, Server},
        },
        ids::{MemberId, VenueId},
    },
    screen::figures::{self, Scope},
};

const NOW: &str = "2026-11-23T12:00:00Z";
const TODAY: &str = "2026-11-23";

/// Venues enough for every shard of a cluster of three to hold some.
fn venues() -> Vec<VenueId> {
    (1..=24).map(|id| VenueId(Uuid::from_u128(id))).collect()
}

/// One visit in each venue, whose visitor is still inside; complete, marked and trusted.
async fn fill(counters: &Counters, generation: i64) {
    counters.begin(generation).await.expect("the store is there");
    let (day, version) = (day(TODAY), 1);
    let visit = |venue: &VenueId, family, field| Projected {
        family,
        key: venue.0,
        day,
        generation,
        version,
        fields: vec![(field, 1)],
    };
    for venue in venues() {
        let rows = [
            visit(&venue, Family::VenueDay, "visits"),
            visit(&venue, Family::VenueHours, "visits_19"),
        ];
        counters.put(&rows).await.expect("the store is there");
        let member = MemberId(venue.0);
        let expires_at = Some(at(NOW) + TimeDelta::hours(1));
        let presence = Presence { venue, member, generation, version, expires_at };
        counters.present(&[presence], at(NOW)).await.expect("the store is there");
        let division = division("330482");
        let person = Person { division, day, member, generation, version, present: true };
        counters.put_people(&[person]).await.expect("the store is there");
    }
    assert_eq!(counters.mark(generation).await, Ok(true));
    counters.trust(Some(generation));
}

/// Visits, people inside and distinct people, and the visits of the hours; or why there are none.
async fn shown(counters: &Counters) -> Result<(i64, i64, i64, i64), bool> {
    let (division, venues) = (division("330482"), venues());
    let scope = Scope { division: &division, day: day(TODAY), venues: &venues };
    let today = figures::from_counters(counters, &scope, at(NOW)).await;
    let today = today.map_err(|lost| lost.rebuilding)?;
    let hours = figures::hours_from_counters(counters, &scope).await;
    let hours = hours.map_err(|lost| lost.rebuilding)?;
    let visits = today.venues.values().map(|venue| venue.visits).sum();
    let inside = today.venues.values().map(|venue| venue.inside).sum();
    Ok((visits, inside, today.people, hours.iter().map(|hour| hour.visits).sum()))
}

const ALL: Result<(i64, i64, i64, i64), bool> = Ok((24, 24, 24, 24));
/// SQL must answer, and the document says that the counters are being built anew.
const REBUILDING: Result<(i64, i64, i64, i64), bool> = Err(true);

#[tokio::test]
async fn a_redis_that_was_emptied_is_not_read_as_zeros_until_it_is_written_anew() {
    let mut server = Server::start();
    let counters = Counters::patient(&server.url());
    fill(&counters, 1).await;
    assert_eq!(shown(&counters).await, ALL);
    server.cli(&["flushall"]);
    assert_eq!(shown(&counters).await, REBUILDING);
    fill(&counters, 2).await;
    assert_eq!(shown(&counters).await, ALL);
    server.kill();
    server.restart();
    assert_eq!(shown(&counters).await, REBUILDING);
}

#[tokio::test]
async fn a_cluster_is_read_only_while_every_shard_is_whole() {
    let cluster = Cluster::start();
    let counters = Counters::patient(&cluster.url());
    for (generation, node) in (1..).zip(cluster.nodes()) {
        fill(&counters, generation).await;
        assert_eq!(shown(&counters).await, ALL);
        assert_ne!(node.cli(&["dbsize"]).trim(), "1", "more than its marker lies there");
        node.cli(&["flushall"]);
        assert_eq!(shown(&counters).await, REBUILDING);
    }
}

#[tokio::test]
async fn counters_that_another_server_writes_anew_are_not_read_meanwhile() {
    let server = Server::start();
    for counters in
        [Counters::open(None).expect("memory always opens"), Counters::patient(&server.url())]
    {
        fill(&counters, 1).await;
        counters.begin(2).await.expect("the store is there");
        assert_eq!(shown(&counters).await, REBUILDING);
        fill(&counters, 2).await;
        assert_eq!(shown(&counters).await, ALL);
    }
}
