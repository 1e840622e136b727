//! Bodies as some firmware and some proxies send them: in chunks, packed, or both. They are the same
//! records.

use chrono::TimeDelta;
use serde_json::json;

use super::simulated::{Device, FAMILIES, Seen};
use crate::support::{TestTown, device::Bytes};

/// The same request in every form in which it may come.
fn forms(request: &Bytes) -> [Bytes; 4] {
    let plain = request.clone();
    [plain.clone().in_chunks(), plain.clone().packed(), plain.clone().packed().in_chunks(), plain]
}

#[tokio::test]
async fn records_are_the_same_in_chunks_and_packed_whoever_sends_them() {
    let town = TestTown::open().await;
    town.numbered("1001").await;
    let seen = |number: u32| Seen {
        number,
        person: "1001".into(),
        // Each at a venue of its own: an entry elsewhere ends a stay.
        at: town.now() - TimeDelta::minutes(10 * i64::from(10 - number)),
        is_exit: false,
        is_refused: false,
    };
    for (n, family) in (1..).zip(FAMILIES) {
        let device = Device::claimed(&town, family, n).await;
        let number = u32::try_from(n).unwrap();
        for request in device.tells(&[seen(number)]) {
            for form in forms(&request) {
                let answer = form.answered(town.address()).await;
                assert!(device.is_content_with(&answer), "{family}: {answer}");
            }
        }
    }
    let screen = town.screen("330499").await;
    screen.shows("a visit a family", |shown| shown["ever"]["visits"] == FAMILIES.len()).await;
    let parked = "SELECT COUNT(*) AS n FROM quarantine";
    assert_eq!(town.store.count(parked).await, 0, "nothing was unreadable");
    // A chunk that promises more than it holds, and a body that is not packed as it says.
    let cut = Bytes::new("POST", "/iclock/cdata?SN=SIM2zkteco_att&table=ATTLOG&Stamp=1", b"1001")
        .with("Content-Encoding: gzip");
    let refused = cut.sent(town.address()).await;
    assert!((400..500).contains(&refused.status), "{refused:?}");
    let work = town.office.get("/work").await.ok();
    assert_eq!(work["items"].as_array().map(Vec::len), Some(0), "{}", json!(work));
    town.adds_up().await;
}
