//! Terminals of all families that were offline for three days come back together: everything
//! arrives, and whoever stands at a live door hardly notices. `FITGATE_RETURNING=200x100` makes it
//! two hundred terminals with a hundred records each (`tests/bench/returning` does); a few come
//! back in the everyday run.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::json;

use super::simulated::{Device, FAMILIES, Seen};
use crate::support::{Member, Terminal, TestTown};

const PEOPLE: u32 = 400;
const OFFLINE: TimeDelta = TimeDelta::days(3);
/// Between two people at the live doors.
const EVERY: Duration = Duration::from_millis(40);
/// People at the live doors before anybody comes back.
const BEFORE: usize = 250;
/// Within this, all that they kept must be here.
const MOST: Duration = Duration::from_mins(10);

/// Terminals that come back, and records of each.
#[expect(clippy::disallowed_methods, reason = "how many come back is no setting of a server")]
fn size() -> (usize, u32) {
    let text = std::env::var("FITGATE_RETURNING").unwrap_or_else(|_| "14x24".to_owned());
    let (terminals, records) = text.split_once('x').unwrap();
    (terminals.parse().unwrap(), records.parse().unwrap())
}

/// People whom all terminals know.
fn people(records: u32) -> u32 {
    PEOPLE.min(records * 4)
}

/// What a device kept: people of the town in and out, evenly over the days.
fn kept(town: &TestTown, device: &Device, n: usize, records: u32) -> Vec<Seen> {
    let step = OFFLINE / i32::try_from(records).unwrap();
    (0..records)
        .map(|place| {
            let person = (u32::try_from(n).unwrap() * 37 + place / 2 * 11) % people(records);
            let lag = TimeDelta::seconds(i64::try_from(n % 97).unwrap());
            Seen {
                number: place + 1,
                person: (1_001 + person).to_string(),
                at: town.now() - OFFLINE + step * i32::try_from(place).unwrap() + lag,
                is_exit: device.knows_ways() && place % 2 == 1,
                is_refused: false,
            }
        })
        .collect()
}

/// Somebody passes a live door every few moments until `ended`; milliseconds that each waited.
async fn passes(door: &Terminal, people: &[Member], ended: impl Fn(usize) -> bool) -> Vec<f64> {
    let mut waited = Vec::new();
    let mut moments = tokio::time::interval(EVERY);
    while !ended(waited.len()) {
        moments.tick().await;
        let member = &people[waited.len() % people.len()];
        let way = if (waited.len() / people.len()).is_multiple_of(2) { "in" } else { "out" };
        let began = Instant::now();
        door.asks(way, &member.face).await;
        waited.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    waited.sort_by(f64::total_cmp);
    waited
}

fn p99(sorted: &[f64]) -> f64 {
    sorted[(sorted.len() - 1) * 99 / 100]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminals_that_were_offline_for_days_come_back_together() {
    let (terminals, records) = size();
    let town = TestTown::open().await;
    for person in 0..people(records) {
        town.numbered(&(1_001 + person).to_string()).await;
    }
    let mut devices = Vec::new();
    for n in 0..terminals {
        devices.push(Device::claimed(&town, FAMILIES[n % FAMILIES.len()], n).await);
    }
    let (_, door) = town.gym().await;
    let mut live = Vec::new();
    for _ in 0..20 {
        live.push(town.member().await);
    }
    let before = passes(&door, &live, |passed| passed >= BEFORE).await;
    let back = AtomicBool::new(false);
    let began = Instant::now();
    let returning = async {
        let all = devices.iter().enumerate().map(|(n, device)| {
            let town = &town;
            async move {
                // One request at a time, as a device's queue does.
                for request in device.tells(&kept(town, device, n, records)) {
                    let answer = request.answered(town.address()).await;
                    assert!(device.is_content_with(&answer), "{}: {answer}", device.family);
                }
            }
        });
        join_all(all).await;
        back.store(true, Ordering::Release);
        began.elapsed()
    };
    let (took, during) =
        tokio::join!(returning, passes(&door, &live, |_| back.load(Ordering::Acquire)));
    let expected = u64::try_from(terminals).unwrap() * u64::from(records);
    let here = "SELECT COUNT(*) AS n FROM entry_events WHERE received_at > occurred_at";
    let here = town.store.count(here).await;
    let (quiet, busy) = (p99(&before), p99(&during));
    let figures = json!({
        "terminals": terminals, "records": expected, "in": here, "seconds": took.as_secs_f64(),
        "live_before": before.len(), "live_during": during.len(), "p99_before_ms": quiet,
        "p99_during_ms": busy, "ratio": busy / quiet,
    });
    println!("{figures}");
    assert_eq!(here, expected, "{figures}");
    assert!(took < MOST, "{figures}");
    town.adds_up().await;
}
